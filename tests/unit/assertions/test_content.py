from __future__ import annotations

from typing import Any

import pytest

from pytest_mcp_http.assertions.content import assert_embedded_resources, assert_media_encoded, blocks_in
from pytest_mcp_http.errors import RequirementViolated

PIXEL = {"type": "image", "data": "iVBORw0KGgo=", "mimeType": "image/png"}
RESOURCE = {"uri": "file:///a", "mimeType": "text/plain", "text": "a"}


def of_prompt(*blocks: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": block} for block in blocks]
    return {"jsonrpc": "2.0", "id": 1, "result": {"messages": messages}}


def of_tool(*blocks: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "result": {"content": list(blocks)}}


def outcome(judge: Any, *args: Any) -> str:
    """Return how a judgement ended, with the place that it names."""
    try:
        judge(*args)
    except RequirementViolated as violation:
        return f"{'note' if violation.note else 'fail'} {violation.actual.split(' ')[0]}"
    return "pass"


@pytest.mark.parametrize("make", [of_prompt, of_tool])
def test_blocks_are_found_in_prompts_and_tool_results(reply: Any, make: Any) -> None:
    blocks = blocks_in(reply(make({"type": "text", "text": "a"}, PIXEL, 5)), "image")
    assert [block.value for block in blocks] == [PIXEL]
    assert blocks[0].path in ("result.messages[1].content", "result.content[1]")


@pytest.mark.parametrize(
    "result",
    [
        None,
        5,
        [],
        {},
        {"messages": 5},
        {"messages": [5, {}, {"content": []}]},
        {"content": {"type": "image"}},
    ],
)
def test_results_of_another_shape_have_no_blocks(reply: Any, result: object) -> None:
    assert blocks_in(reply({"jsonrpc": "2.0", "id": 1, "result": result})) == []


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({}, "pass"),
        ({"data": ""}, "pass"),
        ({"data": 5}, "pass"),
        ({"mimeType": None}, "pass"),
        ({"mimeType": "IMAGE/svg+xml; charset=utf-8"}, "pass"),
        ({"data": "data:image/png;base64,iVBORw0KGgo="}, "fail result.messages[0].content.data"),
        ({"data": "gICAgP-_gICA"}, "fail result.messages[0].content.data"),
        ({"data": "ä"}, "fail result.messages[0].content.data"),
        ({"data": "a"}, "fail result.messages[0].content.data"),
        ({"data": "=iVB"}, "fail result.messages[0].content.data"),
        ({"data": "iVBORw0KGgo"}, "note result.messages[0].content.data"),
        ({"data": "iVBO\r\nRw0KGgo="}, "note result.messages[0].content.data"),
        ({"mimeType": "png"}, "fail result.messages[0].content.mimeType"),
        ({"mimeType": ""}, "fail result.messages[0].content.mimeType"),
        ({"mimeType": "image/"}, "fail result.messages[0].content.mimeType"),
        ({"mimeType": "application/pdf"}, "note result.messages[0].content.mimeType"),
    ],
)
def test_images(reply: Any, members: dict[str, Any], expected: str) -> None:
    assert outcome(assert_media_encoded, reply(of_prompt({**PIXEL, **members})), "image") == expected


def test_other_kinds_are_not_judged_and_violations_come_before_notes(reply: Any) -> None:
    broken = {**PIXEL, "data": "?"}
    assert outcome(assert_media_encoded, reply(of_prompt(broken)), "audio") == "pass"
    both = of_tool({**PIXEL, "data": "iVBORw0KGgo"}, broken)
    assert outcome(assert_media_encoded, reply(both), "image") == "fail result.content[1].data"


@pytest.mark.parametrize(
    ("members", "expected"),
    [
        ({}, "pass"),
        ({"uri": "urn:isbn:1"}, "pass"),
        ({"uri": 5}, "pass"),
        ({"mimeType": 5}, "pass"),
        ({"uri": "/a/b.txt"}, "fail result.messages[0].content.resource.uri"),
        ({"uri": "file:///a b"}, "fail result.messages[0].content.resource.uri"),
        ({"uri": ""}, "fail result.messages[0].content.resource.uri"),
        ({"uri": "file:///ä"}, "note result.messages[0].content.resource.uri"),
        ({"mimeType": "text"}, "fail result.messages[0].content.resource.mimeType"),
        ({"blob": "?"}, "pass"),
    ],
)
def test_embedded_resources(reply: Any, members: dict[str, Any], expected: str) -> None:
    block = {"type": "resource", "resource": {**RESOURCE, **members}}
    assert outcome(assert_embedded_resources, reply(of_prompt(block))) == expected


def test_an_embedded_resource_needs_its_type(reply: Any) -> None:
    block = {"type": "resource", "resource": {"uri": "a:b", "text": ""}}
    assert outcome(assert_embedded_resources, reply(of_tool(block))) == "fail result.content[0].resource"
    assert outcome(assert_embedded_resources, reply(of_tool({**block, "resource": 5}))) == "pass"
