"""Messages against the schema of their revision: what passes, what does not, and where the finger points."""

from __future__ import annotations

import subprocess
import sys

import pytest

from pytest_mcp_http.spec.messages import (
    MAX_VIOLATIONS,
    Violation,
    server_requests,
    validate_error,
    validate_input_request,
    validate_result,
    validate_server_message,
)
from pytest_mcp_http.spec.revisions import HANDSHAKE_REVISIONS, REVISIONS

INITIALIZE = {
    "protocolVersion": "2025-11-25",
    "capabilities": {"tools": {"listChanged": True}, "logging": {}, "x-vendor": 1},
    "serverInfo": {"name": "s", "version": "1"},
}
TOOL = {"name": "t", "inputSchema": {"type": "object"}}
LEGAL = [
    ("initialize", INITIALIZE),
    ("initialize", {**INITIALIZE, "instructions": "", "extra": None, "_meta": {"a/b": 1}}),
    ("ping", {}),
    ("ping", {"anything": [1]}),
    ("tools/list", {"tools": []}),
    ("tools/list", {"tools": [TOOL], "nextCursor": ""}),
    ("tools/list", {"tools": [{**TOOL, "annotations": {"readOnlyHint": False}, "vendor": None}]}),
    ("tools/call", {"content": []}),
    (
        "tools/call",
        {"content": [{"type": "text", "text": "", "annotations": {"priority": 0.5}}], "isError": True},
    ),
    ("tools/call", {"content": [{"type": "audio", "data": "not base64!", "mimeType": "audio/wav"}]}),
    ("tools/call", {"content": [{"type": "resource", "resource": {"uri": "not a uri", "blob": ""}}]}),
    ("prompts/list", {"prompts": [{"name": "p", "arguments": [{"name": "a", "required": False}]}]}),
    ("prompts/get", {"messages": [{"role": "user", "content": {"type": "text", "text": "x"}}]}),
    ("resources/list", {"resources": [{"uri": "a:b", "name": "n", "size": 1.5}]}),
    ("resources/templates/list", {"resourceTemplates": [{"uriTemplate": "{", "name": "n"}]}),
    ("resources/read", {"contents": [{"uri": "a:b", "text": "", "mimeType": "x"}]}),
    ("completion/complete", {"completion": {"values": [], "total": 2.5, "hasMore": True}}),
    ("logging/setLevel", {}),
]
BROKEN = [
    ("initialize", None, "result", "type"),
    ("initialize", {**INITIALIZE, "protocolVersion": 1}, "result.protocolVersion", "type"),
    ("initialize", {**INITIALIZE, "instructions": None}, "result.instructions", "type"),
    ("initialize", {**INITIALIZE, "serverInfo": {"name": "s"}}, "result.serverInfo.version", "required"),
    ("initialize", {**INITIALIZE, "capabilities": {"tools": True}}, "result.capabilities.tools", "type"),
    ("ping", [], "result", "type"),
    ("ping", {"_meta": 1}, "result._meta", "type"),
    ("tools/list", {}, "result.tools", "required"),
    ("tools/list", {"tools": {}}, "result.tools", "type"),
    ("tools/list", {"tools": [TOOL], "nextCursor": None}, "result.nextCursor", "type"),
    ("tools/list", {"tools": [TOOL, TOOL, {"name": "t"}]}, "result.tools[2].inputSchema", "required"),
    (
        "tools/list",
        {"tools": [TOOL, {**TOOL, "inputSchema": {"type": "string"}}]},
        "result.tools[1].inputSchema.type",
        "const",
    ),
    (
        "tools/list",
        {"tools": [{**TOOL, "inputSchema": {"type": "object", "properties": {"a-b": True}}}]},
        'result.tools[0].inputSchema.properties["a-b"]',
        "type",
    ),
    ("tools/call", {"structuredContent": {}}, "result.content", "required"),
    ("tools/call", {"content": [], "isError": "no"}, "result.isError", "type"),
    ("tools/call", {"content": ["text"]}, "result.content[0]", "type"),
    ("tools/call", {"content": [{"type": "text"}]}, "result.content[0].text", "required"),
    ("tools/call", {"content": [{"type": "video", "data": ""}]}, "result.content[0].type", "enum"),
    ("tools/call", {"content": [{"text": "x"}]}, "result.content[0].type", "required"),
    (
        "tools/call",
        {"content": [{"type": "resource", "resource": {"uri": "x"}}]},
        "result.content[0].resource",
        "anyOf",
    ),
    (
        "tools/call",
        {"content": [{"type": "text", "text": "x", "annotations": {"priority": 2}}]},
        "result.content[0].annotations.priority",
        "maximum",
    ),
    ("resources/read", {"contents": [{"uri": "x", "blob": 5}]}, "result.contents[0].blob", "type"),
    ("resources/list", {"resources": [{"uri": "x"}]}, "result.resources[0].name", "required"),
    (
        "resources/list",
        {"resources": [{"uri": "x", "name": "n", "size": "1"}]},
        "result.resources[0].size",
        "type",
    ),
    (
        "resources/templates/list",
        {"resourceTemplates": [{"name": "n"}]},
        "result.resourceTemplates[0].uriTemplate",
        "required",
    ),
    ("prompts/list", {"prompts": [{"name": 1}]}, "result.prompts[0].name", "type"),
    (
        "prompts/get",
        {"messages": [{"role": "system", "content": {"type": "text", "text": "x"}}]},
        "result.messages[0].role",
        "enum",
    ),
    ("prompts/get", {"messages": [{"role": "user", "content": []}]}, "result.messages[0].content", "type"),
    ("completion/complete", {"completion": {"values": [1]}}, "result.completion.values[0]", "type"),
]


@pytest.mark.parametrize("revision", HANDSHAKE_REVISIONS)
@pytest.mark.parametrize(("method", "result"), LEGAL)
def test_legal_results_pass_at_every_revision(method, result, revision):
    assert validate_result(method, revision, result) == []


@pytest.mark.parametrize("revision", HANDSHAKE_REVISIONS)
@pytest.mark.parametrize(("method", "result", "path", "rule"), BROKEN)
def test_a_broken_result_is_named_by_its_place(method, result, path, rule, revision):
    (violation,) = validate_result(method, revision, result)
    assert (violation.path, violation.rule) == (path, rule)


@pytest.mark.parametrize(
    ("method", "result", "since"),
    [
        ("initialize", {**INITIALIZE, "serverInfo": {"name": "s", "version": "1", "title": 5}}, "2025-06-18"),
        ("initialize", {**INITIALIZE, "serverInfo": {"name": "s", "version": "1", "icons": 5}}, "2025-11-25"),
        ("initialize", {**INITIALIZE, "capabilities": {"tasks": 5}}, "2025-11-25"),
        ("tools/list", {"tools": [{**TOOL, "title": 5}]}, "2025-06-18"),
        ("tools/list", {"tools": [{**TOOL, "outputSchema": {"type": "array"}}]}, "2025-06-18"),
        ("tools/list", {"tools": [{**TOOL, "_meta": 5}]}, "2025-06-18"),
        ("tools/list", {"tools": [{**TOOL, "execution": {"taskSupport": "maybe"}}]}, "2025-11-25"),
        ("tools/list", {"tools": [{**TOOL, "inputSchema": {"type": "object", "$schema": 5}}]}, "2025-11-25"),
        ("tools/call", {"content": [], "structuredContent": []}, "2025-06-18"),
        ("resources/read", {"contents": [{"uri": "x", "text": "", "_meta": 5}]}, "2025-06-18"),
    ],
)
def test_a_member_is_judged_only_from_the_revision_that_defines_it(method, result, since):
    judged = {revision: bool(validate_result(method, revision, result)) for revision in HANDSHAKE_REVISIONS}
    assert judged == {revision: revision >= since for revision in HANDSHAKE_REVISIONS}


@pytest.mark.parametrize(
    ("method", "wrap"),
    [
        ("tools/call", lambda block: {"content": [block]}),
        ("prompts/get", lambda block: {"messages": [{"role": "user", "content": block}]}),
    ],
)
def test_resource_links_came_with_2025_06_18(method, wrap):
    result = wrap({"type": "resource_link", "uri": "a:b", "name": "n"})
    (violation,) = validate_result(method, "2025-03-26", result)
    assert violation.path.endswith(".type")
    assert violation.message == 'is "resource_link", must be "text" or "image" or "audio" or "resource"'
    assert validate_result(method, "2025-06-18", result) == []
    assert validate_result(method, "2025-11-25", result) == []


def server_message(method, params=None, **members):
    return {"jsonrpc": "2.0", "method": method, **({} if params is None else {"params": params}), **members}


MESSAGE = {"role": "user", "content": {"type": "text", "text": "x"}}
FORM = {
    "message": "x",
    "requestedSchema": {"type": "object", "properties": {"a": {"type": "number", "minimum": 0.5}}},
}


@pytest.mark.parametrize("revision", HANDSHAKE_REVISIONS)
@pytest.mark.parametrize(
    "message",
    [
        server_message("ping", id="a"),
        server_message("ping", {"_meta": {"progressToken": 1}}, id=1),
        server_message("roots/list", id=1),
        server_message("sampling/createMessage", {"messages": [MESSAGE], "maxTokens": 10.5}, id=1),
        server_message("elicitation/create", FORM, id=1),
        server_message("notifications/progress", {"progressToken": 0, "progress": 0.1, "total": 1}),
        server_message("notifications/message", {"level": "info", "data": None, "logger": "l"}),
        server_message("notifications/cancelled", {"requestId": "a"}),
        server_message("notifications/tools/list_changed"),
        server_message("notifications/prompts/list_changed", {}),
        server_message("notifications/resources/list_changed", {"_meta": {}}),
        server_message("notifications/resources/updated", {"uri": "not a uri", "title": 5}),
        server_message("notifications/vendor", [1]),
        server_message("vendor/request", id=None),
        {"jsonrpc": "2.0", "id": 1, "result": {}},
        {"method": 5},
        [],
        None,
    ],
)
def test_legal_and_foreign_messages_have_no_violation(message, revision):
    assert validate_server_message(message, revision) == []


@pytest.mark.parametrize("revision", HANDSHAKE_REVISIONS)
@pytest.mark.parametrize(
    ("message", "path", "rule"),
    [
        (server_message("ping", id=None), "id", "type"),
        ({"method": "ping", "id": 1}, "jsonrpc", "required"),
        (server_message("sampling/createMessage", {"messages": []}, id=1), "params.maxTokens", "required"),
        (
            server_message(
                "sampling/createMessage", {"messages": [{**MESSAGE, "role": "tool"}], "maxTokens": 1}, id=1
            ),
            "params.messages[0].role",
            "enum",
        ),
        (server_message("notifications/progress", {"progress": 1}), "params.progressToken", "required"),
        (
            server_message("notifications/progress", {"progressToken": None, "progress": 1}),
            "params.progressToken",
            "type",
        ),
        (server_message("notifications/message", {"level": "info"}), "params.data", "required"),
        (server_message("notifications/message", {"level": "loud", "data": 1}), "params.level", "enum"),
        (server_message("notifications/cancelled"), "params", "required"),
        (server_message("notifications/resources/updated", {}), "params.uri", "required"),
        (server_message("notifications/tools/list_changed", []), "params", "type"),
    ],
)
def test_a_broken_server_message_is_named_by_its_place(message, path, rule, revision):
    (violation,) = validate_server_message(message, revision)
    assert (violation.path, violation.rule) == (path, rule)


@pytest.mark.parametrize(
    ("message", "broken_at"),
    [
        # Form elicitation is of 2025-06-18, its URL mode of 2025-11-25.
        (server_message("elicitation/create", {"message": "x"}, id=1), {"2025-06-18", "2025-11-25"}),
        (
            server_message(
                "elicitation/create", {"message": "x", "mode": "url", "url": "u", "elicitationId": "e"}, id=1
            ),
            {"2025-06-18"},
        ),
        (
            server_message(
                "elicitation/create",
                {
                    "message": "x",
                    "requestedSchema": {"type": "object", "properties": {"a": {"type": "array"}}},
                },
                id=1,
            ),
            {"2025-06-18"},
        ),
        (
            server_message(
                "elicitation/create",
                {
                    "message": "x",
                    "requestedSchema": {"type": "object", "properties": {"a": {"type": "object"}}},
                },
                id=1,
            ),
            {"2025-06-18", "2025-11-25"},
        ),
        # Several blocks in one sampling message, and cancelling without an id, came with 2025-11-25.
        (
            server_message(
                "sampling/createMessage",
                {"messages": [{"role": "user", "content": [MESSAGE["content"]]}], "maxTokens": 1},
                id=1,
            ),
            {"2025-03-26", "2025-06-18"},
        ),
        (server_message("notifications/cancelled", {}), {"2025-03-26", "2025-06-18"}),
        (server_message("notifications/elicitation/complete", {}), {"2025-11-25"}),
    ],
)
def test_server_messages_that_differ_by_revision(message, broken_at):
    broken = {revision for revision in HANDSHAKE_REVISIONS if validate_server_message(message, revision)}
    assert broken == broken_at


@pytest.mark.parametrize(
    ("request_", "paths"),
    [
        ({"method": "roots/list"}, []),
        ({"method": "roots/list", "id": 1, "params": {"_meta": {}}}, []),
        ({"method": "elicitation/create", "params": FORM}, []),
        ({"method": "elicitation/create", "params": {**FORM, "mode": "form"}}, []),
        ({"method": "elicitation/create", "params": {"mode": "url", "message": "x", "url": "y"}}, []),
        ({"method": "sampling/createMessage", "params": {"messages": [MESSAGE], "maxTokens": 5}}, []),
        ({"method": "elicitation/create", "params": {"mode": "url", "message": "x"}}, ["params.url"]),
        ({"method": "elicitation/create", "params": {"mode": "popup"}}, ["params.mode"]),
        ({"method": "elicitation/create"}, ["params"]),
        (
            {"method": "sampling/createMessage", "params": {"messages": [5]}},
            ["params.messages[0]", "params.maxTokens"],
        ),
        ({"method": "ping", "params": 5}, []),
        ({"method": []}, []),
        (5, []),
    ],
)
def test_input_requests(request_, paths):
    assert sorted(each.path for each in validate_input_request(request_, "2026-07-28")) == sorted(paths)


@pytest.mark.parametrize("revision", REVISIONS)
def test_error_objects(revision):
    assert validate_error({"code": -32601, "message": "", "data": None, "extra": 1}, revision) == []
    assert places(validate_error([], revision)) == [("error", "type")]
    assert places(validate_error({}, revision)) == [("error.code", "required"), ("error.message", "required")]
    assert places(validate_error({"code": "1", "message": None}, revision)) == [
        ("error.code", "type"),
        ("error.message", "type"),
    ]


def places(violations):
    return sorted((violation.path, violation.rule) for violation in violations)


def test_a_violation_carries_value_and_sentence():
    (violation,) = validate_result("ping", "2025-11-25", {"_meta": [1]})
    assert violation == Violation("result._meta", "is array, must be object", [1], "type")
    tool = {"name": "t"}
    (violation,) = validate_result("tools/list", "2025-11-25", {"tools": [tool]})
    assert violation.message == "the required member is missing"
    assert violation.value is tool


def test_all_errors_of_the_alternative_that_was_meant_are_reported():
    result = {"content": [{"type": "image", "data": 1, "mimeType": None}]}
    assert places(validate_result("tools/call", "2025-11-25", result)) == [
        ("result.content[0].data", "type"),
        ("result.content[0].mimeType", "type"),
    ]


def test_messages_stay_short_and_violations_bounded():
    tools = [{**TOOL, "inputSchema": {"type": "x" * 10_000}} for _ in range(MAX_VIOLATIONS + 50)]
    violations = validate_result("tools/list", "2025-11-25", {"tools": tools})
    assert len(violations) == MAX_VIOLATIONS
    assert max(len(violation.message) for violation in violations) < 200


@pytest.mark.parametrize("revision", REVISIONS)
def test_methods_that_a_revision_does_not_define_are_not_judged(revision):
    assert validate_result("vendor/method", revision, None) == []
    assert validate_result("tasks/get", revision, None) == []


def test_requests_of_servers_differ_by_revision():
    assert "elicitation/create" not in server_requests("2025-03-26")
    assert {"ping", "roots/list", "elicitation/create"} <= server_requests("2025-11-25")
    assert not server_requests("2026-07-28")


def test_an_unknown_revision_is_refused():
    with pytest.raises(ValueError, match=r"unknown protocol revision '2024-11-05'; known are 2025-03-26"):
        validate_result("ping", "2024-11-05", {})


def test_importing_the_module_does_not_import_jsonschema():
    code = "import sys, pytest_mcp_http.spec.messages; print('jsonschema' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "False\n"


MODERN = "2026-07-28"
PROMPT = {"resultType": "complete", "messages": [{"role": "user", "content": {"type": "text", "text": "x"}}]}


@pytest.mark.parametrize(
    ("method", "result", "paths"),
    [
        ("prompts/get", PROMPT, []),
        ("prompts/get", {**PROMPT, "messages": {}}, ["result.messages"]),
        ("prompts/get", {"resultType": "complete"}, ["result.messages"]),
        ("prompts/get", {"messages": []}, ["result.resultType"]),
        ("tools/call", {"resultType": "input_required"}, []),
        ("tools/call", {"resultType": "input_required", "requestState": 5}, ["result.requestState"]),
        ("tools/call", {"resultType": "task", "taskId": 1}, []),
        (
            "tools/list",
            {"resultType": 5, "tools": [], "ttlMs": 0, "cacheScope": "public"},
            ["result.resultType"],
        ),
    ],
)
def test_a_result_is_compared_with_the_type_that_it_says_it_has(method, result, paths):
    assert [violation.path for violation in validate_result(method, MODERN, result)] == paths


@pytest.mark.parametrize(
    ("info", "place"),
    [
        ({"name": "a"}, ".version"),
        ({"name": 1, "version": "1"}, ".name"),
        ("a", ""),
        ({"name": "a", "version": "1"}, None),
    ],
)
def test_what_a_server_says_of_itself_in_meta_is_compared(info, place):
    result = {**PROMPT, "_meta": {"io.modelcontextprotocol/serverInfo": info}}
    paths = [violation.path for violation in validate_result("prompts/get", MODERN, result)]
    where = 'result._meta["io.modelcontextprotocol/serverInfo"]'
    assert paths == ([] if place is None else [f"{where}{place}"])
