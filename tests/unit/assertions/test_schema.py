from __future__ import annotations

import base64
from typing import Any

import pytest

from pytest_mcp_http.assertions.schema import (
    assert_all_messages_valid,
    assert_icon_sizes,
    assert_icon_sources,
    assert_icons_same_origin,
    assert_messages_valid,
    assert_server_messages_allowed,
    assert_size_true,
    icons_in,
)
from pytest_mcp_http.errors import RequirementViolated
from pytest_mcp_http.spec.messages import Violation
from pytest_mcp_http.suite._ownership import CONTENT_TYPES, MESSAGES_VALID, OWNERS, owner_of

LATEST = "2025-11-25"


def sent(method: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method}


def answer(result: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "result": result}


def listed(**tool: Any) -> dict[str, Any]:
    return answer({"tools": [{"name": "t", "inputSchema": {"type": "object"}, **tool}]})


def test_valid_messages_with_more_members_pass(reply: Any) -> None:
    assert_messages_valid(reply(listed(vendor=None), sent=sent("tools/list")), LATEST)


def test_first_violation_is_told_with_place_value_and_number_of_all(reply: Any) -> None:
    result = {"tools": [{"name": "a"}, {"name": 5, "inputSchema": {"type": "object"}}]}
    with pytest.raises(RequirementViolated) as caught:
        assert_messages_valid(reply(answer(result), sent=sent("tools/list")), LATEST)
    assert caught.value.actual == (
        "tools/list: result.tools[0].inputSchema: the required member is missing (and 1 more); "
        'the value: {"name": "a"}'
    )


def test_each_kind_of_violation_is_told_once_with_its_count(reply: Any) -> None:
    replies = [
        reply(answer({"tools": [{"name": "a"}, {"name": "b"}]}), sent=sent("tools/list")),
        reply(answer({"tools": 7}), sent=sent("tools/list")),
        reply(answer({"tools": [{"name": "c"}]}), sent=sent("tools/list")),
    ]
    with pytest.raises(RequirementViolated) as caught:
        assert_all_messages_valid(replies, LATEST)
    assert caught.value.actual == (
        "tools/list: result.tools[0].inputSchema: the required member is missing; "
        'the value: {"name": "a"} (3 times); '
        "tools/list: result.tools: is number, must be array; the value: 7"
    )
    assert_all_messages_valid(replies, LATEST, counts=lambda method, violation: False)
    assert_all_messages_valid([], LATEST)


def test_many_kinds_are_counted(reply: Any) -> None:
    tool = {f"annotation{number}": 1 for number in range(3)}
    result = {
        "tools": [{"name": 1, "title": 1, "description": 1, "inputSchema": 1, "annotations": 1, **tool}]
    }
    result |= {"nextCursor": 1, "_meta": 1}
    with pytest.raises(RequirementViolated, match=r"; and 2 more kinds"):
        assert_all_messages_valid([reply(answer(result), sent=sent("tools/list"))], LATEST)


def test_messages_of_the_server_are_judged_by_their_own_method(reply: Any) -> None:
    note = {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progress": "1"}}
    with pytest.raises(RequirementViolated, match=r"notifications/progress: params\.progress"):
        assert_messages_valid(reply(note, listed(), sent=sent("tools/list"), stream=True), LATEST)


def test_errors_are_judged_and_results_for_nobody_are_not(reply: Any) -> None:
    error = {"jsonrpc": "2.0", "id": 1, "error": {"code": "x", "message": "m"}}
    with pytest.raises(RequirementViolated, match=r"error\.code"):
        assert_messages_valid(reply(error, sent=sent("tools/list")), LATEST)
    assert_messages_valid(reply({**answer({}), "id": 2}, sent=sent("tools/list")), LATEST)


def test_filter_chooses_what_counts(reply: Any) -> None:
    exchange = reply(answer({"tools": 1}), sent=sent("tools/list"))
    assert_messages_valid(exchange, LATEST, counts=lambda method, violation: violation.path != "result.tools")


@pytest.mark.parametrize(
    ("method", "path", "owner"),
    [
        ("initialize", "result.serverInfo.name", "schema.implementation-fields"),
        ("initialize", "result.serverInfo.icons[0].src", "schema.icon-src"),
        ("initialize", "result.serverInfo", "lifecycle.initialize-result"),
        ("initialize", "result.capabilities.tools.listChanged", "lifecycle.operation-capability-shape"),
        ("initialize", "result.capabilities", "lifecycle.initialize-result"),
        ("initialize", "result.instructions", MESSAGES_VALID),
        ("ping", "result", "lifecycle.ping-empty-result"),
        ("tools/list", "result.tools[12].annotations.readOnlyHint", "schema.annotations-tool"),
        ("resources/list", "result.resources[0].annotations.priority", "resources.annotations-valid"),
        ("resources/list", "result.resources[0].icons", MESSAGES_VALID),
        ("tools/list", "result.nextCursor", "pagination.next-cursor-string"),
        ("tools/list", "result.tools[0].inputSchema.type", "tools.input-schema-type-object"),
        ("tools/list", "result.tools[0].inputSchema.required", "tools.schemas-valid-in-dialect"),
        ("tools/list", "result.tools[0].outputSchema", "tools.output-schema-root-object"),
        ("tools/list", "result.tools[0].title", MESSAGES_VALID),
        ("tools/call", "result.content", "tools.result-content-array"),
        ("tools/call", "result.content[0].data", "tools.content-blocks-valid"),
        ("tools/call", "result.isError", MESSAGES_VALID),
        ("prompts/list", "result.prompts[0].arguments[1].required", "schema.prompt-argument-shape"),
        ("resources/list", "result.resources[0].size", "schema.size-number"),
        ("", "error.code", "jsonrpc.error-code-integer"),
        ("notifications/message", "params.level", "logging.message-shape"),
        ("resources/templates/list", "result.ttlMs", "caching.ttl-non-negative"),
        ("resources/read", "result.cacheScope", "caching.scope-values"),
        ("tools/call", "result.ttlMs", MESSAGES_VALID),
    ],
)
def test_owner_of_a_violation(method: str, path: str, owner: str) -> None:
    assert owner_of(method, Violation(path, "is wrong", None, "type")) == owner


def test_owner_at_a_revision() -> None:
    inputs = Violation("result.tools[0].inputSchema", "is wrong", None, "type")
    tools = Violation("result.tools", "is wrong", None, "type")
    assert owner_of("tools/list", inputs, "2025-06-18") == MESSAGES_VALID
    assert owner_of("tools/list", inputs, "2025-11-25") == "tools.input-schema-object"
    assert owner_of("tools/list", tools, "2025-11-25") == "tools.list-answered.legacy"
    assert owner_of("tools/list", tools, "2026-07-28") == "tools.list-answered"


@pytest.mark.parametrize(
    ("path", "kind", "owner"),
    [
        ("result.content[0].type", "resource_link", CONTENT_TYPES),
        ("result.content[0].type", "video", "tools.content-blocks-valid"),
        ("result.content[0].type", ["text"], "tools.content-blocks-valid"),
        ("result.content[0]", "resource_link", "tools.content-blocks-valid"),
    ],
)
def test_owner_of_a_type_of_content(path: str, kind: object, owner: str) -> None:
    assert owner_of("tools/call", Violation(path, "is wrong", kind, "enum"), "2025-03-26") == owner


def test_owner_of_other_types_of_content() -> None:
    for method, path in (
        ("prompts/get", "result.messages[2].content.type"),
        ("sampling/createMessage", "params.messages[0].content.type"),
        ("sampling/createMessage", "params.messages[0].content[1].type"),
    ):
        violation = Violation(path, "is wrong", "tool_use", "enum")
        assert owner_of(method, violation, "2025-06-18") == CONTENT_TYPES


def test_owners_are_requirements() -> None:
    from pytest_mcp_http.spec.registry import requirements

    assert {id for _, _, id in OWNERS} <= set(requirements())


def pushed(method: str, id: object = None) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": method, **({} if id is None else {"id": id})}


@pytest.mark.parametrize(
    ("message", "revision"),
    [
        (pushed("notifications/message"), "2025-03-26"),
        (pushed("notifications/vendor/tick"), "2025-03-26"),
        (pushed("notifications/elicitation/complete"), LATEST),
        (pushed("ping", 1), "2025-03-26"),
        (pushed("elicitation/create", 1), "2025-06-18"),
        (pushed("tasks/get", 1), LATEST),
    ],
)
def test_messages_that_servers_send(reply: Any, message: dict[str, Any], revision: str) -> None:
    assert_server_messages_allowed(reply(message), revision)


@pytest.mark.parametrize(
    ("message", "revision"),
    [
        (pushed("notifications/initialized"), LATEST),
        (pushed("notifications/elicitation/complete"), "2025-06-18"),
        (pushed("elicitation/create", 1), "2025-03-26"),
        (pushed("tools/list", 1), LATEST),
    ],
)
def test_messages_that_servers_do_not_send(reply: Any, message: dict[str, Any], revision: str) -> None:
    with pytest.raises(RequirementViolated, match=message["method"]) as caught:
        assert_server_messages_allowed(reply(message), revision)
    assert not caught.value.note


def test_request_of_a_vendor_is_noted(reply: Any) -> None:
    with pytest.raises(RequirementViolated) as caught:
        assert_server_messages_allowed(reply(pushed("vendor/ask", 1)), LATEST)
    assert caught.value.note


def with_icon(icon: Any) -> dict[str, Any]:
    return answer({"serverInfo": {"icons": [icon]}, "tools": [{"icons": [icon]}]})


def test_icons_are_found_in_every_place(reply: Any) -> None:
    found = icons_in(reply(with_icon({"src": "data:,"})))
    assert [icon.path for icon in found] == ["result.serverInfo.icons[0]", "result.tools[0].icons[0]"]


@pytest.mark.parametrize(
    "src", ["https://a.example/i.png", "http://a.example", "data:image/png;base64,AA==", "DATA:,"]
)
def test_icon_sources_that_are_legal(reply: Any, src: str) -> None:
    assert_icon_sources(reply(with_icon({"src": src})))


@pytest.mark.parametrize(
    "src", ["/i.png", "file:///i.png", "javascript:x", "https://", "", None, 5, "http://[x/"]
)
def test_icon_sources_that_are_not(reply: Any, src: object) -> None:
    with pytest.raises(RequirementViolated, match=r"result\.serverInfo\.icons\[0\]\.src is"):
        assert_icon_sources(reply(with_icon({"src": src})))


def test_icon_without_source(reply: Any) -> None:
    with pytest.raises(RequirementViolated, match="has no src"):
        assert_icon_sources(reply(with_icon({"uri": "data:,"})))


def test_icon_sizes(reply: Any) -> None:
    assert_icon_sizes(reply(with_icon({"src": "data:,", "sizes": ["48x48", "any"]})))
    with pytest.raises(RequirementViolated, match='has "48"') as caught:
        assert_icon_sizes(reply(with_icon({"src": "data:,", "sizes": ["48"]})))
    assert caught.value.note


@pytest.mark.parametrize("src", ["http://127.0.0.1/i.png", "http://127.0.0.1:80/i.png", "data:,"])
def test_icons_of_the_own_origin(reply: Any, src: str) -> None:
    assert_icons_same_origin(reply(with_icon({"src": src})))


@pytest.mark.parametrize(
    "src", ["https://127.0.0.1/i.png", "http://127.0.0.1:81/i.png", "http://cdn.example/i.png"]
)
def test_icons_of_other_origins_are_noted(reply: Any, src: str) -> None:
    with pytest.raises(RequirementViolated, match="is at http") as caught:
        assert_icons_same_origin(reply(with_icon({"src": src})))
    assert caught.value.note


def test_size_is_compared_with_the_bytes(reply: Any) -> None:
    blob = base64.b64encode(b"abc").decode()
    assert_size_true(reply(answer({"contents": [{"uri": "u", "text": "ü"}]})), 2)
    assert_size_true(reply(answer({"contents": [{"uri": "u", "blob": blob}]})), 3.0)
    assert_size_true(reply(answer({"contents": [{"uri": "u", "text": "a"}] * 2})), 9)
    with pytest.raises(RequirementViolated, match="a size of 4, and 3 bytes") as caught:
        assert_size_true(reply(answer({"contents": [{"uri": "u", "blob": blob}]})), 4)
    assert caught.value.note
