from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest

from pytest_mcp_http.load import messages

ANSWER = {"jsonrpc": "2.0", "id": 3, "result": {"content": [{"type": "text", "text": "a\nb"}]}}
PROGRESS = {
    "jsonrpc": "2.0",
    "method": "notifications/progress",
    "params": {"progressToken": 3, "progress": 1},
}
OTHER = {"jsonrpc": "2.0", "id": 4, "result": {}}
SSE = "text/event-stream; charset=utf-8"


def events(*values: Any, end: str = "\n", indent: int | None = None) -> str:
    blocks = []
    for value in values:
        lines = json.dumps(value, indent=indent).split("\n")
        blocks.append("event: message" + end + "".join(f"data: {line}{end}" for line in lines) + end)
    return f": hello{end}{end}" + "".join(blocks)


def test_locust_is_not_imported_with_what_needs_none_of_it() -> None:
    names = "pytest_mcp_http.load.messages, pytest_mcp_http.load.report"
    code = f"import sys, {names}; print('locust' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"


def test_request_with_a_session() -> None:
    body, lines = messages.request_of("2025-11-25", "abc", "tools/call", {"name": "t", "arguments": {}}, 7)
    assert json.loads(body) == {
        "jsonrpc": "2.0",
        "id": 7,
        "method": "tools/call",
        "params": {"name": "t", "arguments": {}},
    }
    assert lines == {
        "Content-Type": "application/json",
        "Accept": messages.ACCEPT,
        "MCP-Protocol-Version": "2025-11-25",
        "Mcp-Session-Id": "abc",
    }


@pytest.mark.parametrize(("revision", "method"), [("2025-11-25", "initialize"), ("2025-03-26", "tools/list")])
def test_request_without_a_version(revision: str, method: str) -> None:
    assert "MCP-Protocol-Version" not in messages.request_of(revision, None, method, {}, 1)[1]


def test_notification_has_neither_id_nor_empty_params() -> None:
    body, _ = messages.request_of("2025-11-25", None, "notifications/initialized", {}, None)
    assert json.loads(body) == {"jsonrpc": "2.0", "method": "notifications/initialized"}


def test_request_of_2026() -> None:
    body, lines = messages.request_of("2026-07-28", None, "tools/call", {"name": "t"}, 1)
    meta = json.loads(body)["params"]["_meta"]
    assert meta["io.modelcontextprotocol/protocolVersion"] == "2026-07-28"
    assert meta["io.modelcontextprotocol/clientCapabilities"] == {}
    assert (lines["Mcp-Method"], lines["Mcp-Name"]) == ("tools/call", "t")
    assert "Mcp-Name" not in messages.request_of("2026-07-28", None, "server/discover", {}, 1)[1]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("indent", [None, 1])
def test_response_in_a_stream(end: str, indent: int | None) -> None:
    body = events(PROGRESS, OTHER, ANSWER, end=end, indent=indent)
    assert messages.response_in(body, SSE, 3) == ANSWER
    assert messages.response_in(body, SSE, 5) is None


def test_response_in_json() -> None:
    assert messages.response_in(json.dumps(ANSWER), "application/json", 3) == ANSWER
    assert messages.response_in(json.dumps(OTHER), "application/json", 3) is None
    for body in ("", "no json", "data: x"):
        with pytest.raises(ValueError, match="Expecting value"):
            messages.response_in(body, "application/json", 3)


def test_a_request_of_the_server_is_no_response() -> None:
    assert messages.response_in(events({**PROGRESS, "id": 3}), SSE, 3) is None


@pytest.mark.parametrize(
    ("text", "foreign"), [("n-1", False), ("n-1 n-1", False), ("", False), ("n-2", True), ("n-1 n-2", True)]
)
def test_a_nonce_of_another_call_is_cross_talk(text: str, foreign: bool) -> None:
    assert messages.foreign_nonce(text, "n-1", "n-") is foreign


@pytest.mark.parametrize(
    ("response", "kind"),
    [
        (ANSWER, None),
        (None, messages.NO_RESPONSE),
        ({"error": {"code": -32603, "message": "request 17 failed"}}, "JSON-RPC error -32603"),
        ({"error": "bad"}, "JSON-RPC error 'bad'"),
        ({"result": {"isError": True}}, messages.TOOL_ERROR),
    ],
)
def test_errors_have_a_kind(response: Any, kind: str | None) -> None:
    assert messages.kind_of(response) == kind
