from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_mcp_http.assertions.tool_results import (
    assert_base64,
    assert_content_well_formed,
    assert_resources_declared,
    assert_structured_conforms,
    assert_structured_in_text,
    content_in,
    encoded_in,
)
from pytest_mcp_http.errors import RequirementViolated

EARLY, LATEST = "2025-11-25", "2026-07-28"
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}


def result(*blocks: Any, **members: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "result": {"content": list(blocks), **members}}


def text(value: Any) -> dict[str, Any]:
    return {"type": "text", "text": value}


def embedded(**members: Any) -> dict[str, Any]:
    return {"type": "resource", "resource": members}


ODD = [
    {"jsonrpc": "2.0", "id": 1, "result": {"content": "x", "messages": 5, "contents": {}}},
    {"jsonrpc": "2.0", "id": 1, "result": {"content": [5, None], "messages": ["x", {"content": "x"}]}},
    {"jsonrpc": "2.0", "id": 1, "result": {"contents": ["x", {"blob": 5}]}},
    result({"type": ["image"], "data": 5, "uri": None, "resource": "x"}),
    {"jsonrpc": "2.0", "id": 1, "error": {"code": 1, "message": "x"}},
]


@pytest.mark.parametrize("body", ODD)
def test_odd_results_break_no_helper(reply: Any, body: Any) -> None:
    exchange = reply(body)
    assert assert_content_well_formed(exchange) is exchange
    assert assert_base64(exchange) is exchange
    assert assert_structured_in_text(exchange, LATEST) is exchange
    assert assert_resources_declared(exchange, {}) is exchange


def test_places_of_content(reply: Any) -> None:
    body = result(text("a"), messages=[{"content": text("b")}])
    assert [place for place, _ in content_in(reply(body))] == ["content[0]", "messages[0].content"]


@pytest.mark.parametrize(
    "block",
    [
        {"type": "image", "mimeType": "image/svg+xml; charset=utf-8"},
        embedded(uri="urn:example:a", mimeType="application/vnd.a.b+json"),
        {"type": "resource_link", "uri": "x-app+local:/a%20b"},
    ],
)
def test_well_formed_content(reply: Any, block: Any) -> None:
    assert_content_well_formed(reply(result(block)))


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ({"type": "image", "mimeType": "png"}, r'content\[1\]\.mimeType is "png"'),
        ({"type": "image", "mimeType": ""}, r'content\[1\]\.mimeType is ""'),
        (embedded(uri="a.txt"), r'content\[1\]\.resource\.uri is "a.txt"'),
        ({"type": "resource_link", "uri": "/a"}, r'content\[1\]\.uri is "/a"'),
        ({"type": "resource_link", "uri": "a: b"}, r"content\[1\]\.uri"),
    ],
)
def test_malformed_content(reply: Any, block: Any, said: str) -> None:
    with pytest.raises(RequirementViolated, match=said):
        assert_content_well_formed(reply(result(text("x"), block)))


@pytest.mark.parametrize("data", ["", "QQ==", "QUI=", "QUJD", "+/+/"])
def test_base64(reply: Any, data: str) -> None:
    assert_base64(reply(result({"type": "image", "data": data}, embedded(blob=data))))


@pytest.mark.parametrize(
    "data",
    [
        "QQ",
        "QQ=",
        "-_-_",
        "QUJD\n",
        "QU JD",
        "data:image/png;base64,QUJD",
        "=",
        "QUI==",
        "QQ==QQ==",
        "\u00e9",
        "\ud800",
    ],
)
@pytest.mark.parametrize(
    ("wrap", "place"),
    [
        (lambda data: result({"type": "audio", "data": data}), r"content\[0\]\.data"),
        (lambda data: result(embedded(blob=data)), r"content\[0\]\.resource\.blob"),
        (
            lambda data: result(messages=[{"content": embedded(blob=data)}]),
            r"messages\[0\]\.content\.resource\.blob",
        ),
    ],
)
def test_no_base64(reply: Any, data: str, wrap: Any, place: str) -> None:
    with pytest.raises(RequirementViolated, match=rf"{place} is no Base64"):
        assert_base64(reply(wrap(data)))


def test_other_binary_content_belongs_to_others(reply: Any) -> None:
    image = {"content": {"type": "image", "data": "?"}}
    resource = {"content": embedded(blob="QQ==")}
    assert encoded_in(reply(result(contents=[{"blob": "?"}], messages=[image, resource]))) == [
        ("messages[1].content.resource.blob", "QQ==")
    ]


@pytest.mark.parametrize(
    "body",
    [
        result(structuredContent={"n": 1}),
        result(isError=True),
        result(structuredContent={"n": 1}, isError=True),
        result(resultType="input_required"),
        result(task={}),
        {"jsonrpc": "2.0", "id": 1, "error": {"code": -32603, "message": "x"}},
    ],
)
def test_results_that_conform(reply: Any, body: Any) -> None:
    assert_structured_conforms(reply(body), SCHEMA, LATEST)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (result(), "without structuredContent"),
        (result(structuredContent={"n": "1"}), "n: '1' is not of type"),
        (result(structuredContent=None), "None is not of type"),
        (result(structuredContent={}, isError=True), "'n' is a required property"),
    ],
)
def test_results_that_do_not_conform(reply: Any, body: Any, said: str) -> None:
    with pytest.raises(RequirementViolated, match=said):
        assert_structured_conforms(reply(body), SCHEMA, LATEST)


@pytest.mark.parametrize("value", [{"a": [1, 2.0, None, True]}, [], None, "x", 1.0])
def test_value_that_is_there_as_text(reply: Any, value: Any) -> None:
    blocks = [text("other"), {"type": "image"}, text(json.dumps(value, indent=1))]
    assert_structured_in_text(reply(result(*blocks, structuredContent=value)), EARLY)


@pytest.mark.parametrize(
    ("blocks", "value", "revision", "note"),
    [
        ([], {"a": 1}, LATEST, False),
        ([text("Done.")], {"a": 1}, EARLY, False),
        ([text("Done.")], {"a": 1}, LATEST, True),
        ([text('{"a": true}')], {"a": 1}, EARLY, False),
        ([text("5")], {"result": 5}, EARLY, True),
        ([text("x")], {"result": "x"}, EARLY, True),
        ([text("x"), text("2")], {"result": ["x", 2]}, EARLY, True),
        ([text("x")], {"result": ["x", 2]}, EARLY, False),
        ([], {"result": None}, EARLY, True),
        ([text("[" * 100_000)], [1], EARLY, False),
    ],
)
def test_value_that_is_not_there_as_text(
    reply: Any, blocks: Any, value: Any, revision: str, note: bool
) -> None:
    with pytest.raises(RequirementViolated) as caught:
        assert_structured_in_text(reply(result(*blocks, structuredContent=value)), revision)
    assert caught.value.note is note


def test_embedded_resources(reply: Any) -> None:
    exchange = reply(result(text("x"), embedded(uri="a:b", text="x")))
    assert_resources_declared(exchange, {"resources": {}})
    for capabilities in ({}, {"resources": None}):
        with pytest.raises(RequirementViolated, match=r"content\[1\] is an embedded resource"):
            assert_resources_declared(exchange, capabilities)
