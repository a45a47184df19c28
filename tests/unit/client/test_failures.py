"""Everything that brings no value is an error that says what was asked and what came."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_mcp_http.client import AsyncMcpClient, McpClient
from pytest_mcp_http.client.io import run_to_end
from pytest_mcp_http.errors import (
    CallError,
    JsonRpcError,
    MalformedResultError,
    NegotiationError,
    NoResponseError,
    SessionLostError,
)
from pytest_mcp_http.wire.http import HttpWire, Limits

SECRET = "k-123456789"
JSON = b"Content-Type: application/json"
Answer = Callable[[Any, dict[str, Any]], object]


def says(body: bytes, *lines: bytes, status: bytes = b"200 OK") -> Answer:
    return lambda connection, message: connection.reply(body, *lines, status=status)


FAILURES: dict[str, tuple[Answer, type[CallError], str]] = {
    "status": (
        says(b"<p>no</p>", b"Content-Type: text/html", status=b"500 Oops"),
        NoResponseError,
        "HTTP 500",
    ),
    "session": (says(b"", status=b"404 Not Found"), SessionLostError, "does not know the session"),
    "id": (says(b'{"jsonrpc":"2.0","id":99,"result":{}}', JSON), NoResponseError, "a response to 99"),
    "empty": (says(b"", JSON), NoResponseError, "ended without a response"),
    "reset": (lambda connection, message: connection.reset(), NoResponseError, "no response"),
    "silent": (lambda connection, message: connection.peer.released.wait(5), NoResponseError, "timeout"),
    "error": (
        says(
            b'{"jsonrpc":"2.0","id":null,"error":{"code":-1,"message":"not with %s"}}' % SECRET.encode(),
            JSON,
            status=b"400 Bad Request",
        ),
        JsonRpcError,
        r"error -1: not with \*\*\* \(HTTP 400\)",
    ),
}
RESULTS: dict[str, tuple[object, str]] = {
    "no content": ({}, r"result\.content: expected an array, got nothing"),
    "type": ({"content": [{"type": "text"}]}, r"result\.content\[0\]\.text: expected a string, got nothing"),
    "data": ({"content": [{"type": "image", "data": "?"}]}, r"content\[0\]\.data: expected Base64, got '\?'"),
    "flag": ({"content": [], "isError": 1}, r"result\.isError: expected true or false, got 1"),
    "structured": ({"content": [], "structuredContent": [1]}, "structuredContent: expected an object"),
    "kind": ({"content": [], "resultType": "other"}, "resultType: expected complete, got 'other'"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_failures(make: Any, serve: Any, script: Any, name: str) -> None:
    answer, error, text = FAILURES[name]
    told = script("2025-11-25", tools_call=answer)
    limits = Limits(first_byte=0.3, total=0.5)
    headers = {"Authorization": f"Bearer {SECRET}"}
    with make(serve(told).url, "2025-11-25", limits=limits, headers=headers) as client:
        with pytest.raises(error, match=text) as caught:
            client.call_tool("a")
        assert type(caught.value) is error
        assert caught.value.exchange in client.log
        assert SECRET not in str(caught.value) + repr(caught.value)
    told_of_end = "notifications/cancelled" in told.methods()
    assert told_of_end == (name == "silent")


@pytest.mark.parametrize("name", RESULTS)
def test_malformed_results(make: Any, serve: Any, script: Any, name: str) -> None:
    result, text = RESULTS[name]
    told = script("2025-11-25", tools_call=lambda c, m: script.stream(c, script.result(m, result)))
    with make(serve(told).url, "2025-11-25") as client:
        with pytest.raises(MalformedResultError, match=text) as caught:
            client.call_tool("a")
        assert caught.value.exchange in client.log


def test_what_is_no_json_rpc_is_malformed(make: Any, serve: Any, script: Any) -> None:
    told = script("2025-11-25", tools_call=lambda c, m: script.stream(c, b"data: nothing\n\n"))
    with (
        make(serve(told).url, "2025-11-25") as client,
        pytest.raises(MalformedResultError, match="no JSON-RPC"),
    ):
        client.call_tool("a")


def test_a_list_that_leads_back_to_itself_is_malformed(make: Any, serve: Any, script: Any) -> None:
    page = {"tools": [], "nextCursor": "a"}
    told = script("2025-11-25", tools_list=lambda c, m: script.stream(c, script.result(m, page)))
    with make(serve(told).url, "2025-11-25") as client:
        with pytest.raises(MalformedResultError, match="nextCursor: expected a new cursor"):
            client.list_tools()


def test_another_revision_than_asked_for_is_an_error(make: Any, serve: Any, script: Any) -> None:
    told = script("2025-06-18")
    with pytest.raises(NegotiationError, match="2025-11-25, but the server speaks 2025-06-18"):
        make(serve(told).url, "2025-11-25").__enter__()
    with make(serve(told).url) as client:
        assert client.revision == "2025-06-18"


def test_a_server_that_refuses_is_told_when_the_client_is_entered(make: Any, serve: Any, script: Any) -> None:
    told = script("2025-11-25", initialize=says(b"", status=b"401 Unauthorized"))
    with pytest.raises(NoResponseError, match="initialize got HTTP 401"):
        make(serve(told).url, "2025-11-25").__enter__()


def test_a_client_has_to_be_connected(make: Any) -> None:
    with pytest.raises(RuntimeError, match="not connected"):
        make("http://127.0.0.1:9/mcp", "2025-11-25").ping()


def test_wire_and_limits_exclude_each_other() -> None:
    with HttpWire() as wire, pytest.raises(ValueError, match="not both"):
        McpClient("http://127.0.0.1/mcp", wire=wire, limits=Limits())


def test_only_a_fault_of_ours_makes_the_blocking_client_wait_for_a_loop() -> None:
    class Pause:
        def __await__(self) -> Any:
            yield

    async def waits() -> None:
        await Pause()

    with pytest.raises(RuntimeError, match="waits for an event loop"):
        run_to_end(waits())


def test_both_twins_offer_the_same() -> None:
    def names(twin: type) -> set[str]:
        return {name for name in dir(twin) if not name.startswith("_")}

    assert names(McpClient) == names(AsyncMcpClient)
    for name in names(McpClient):
        ours, theirs = (getattr(twin, name) for twin in (McpClient, AsyncMcpClient))
        assert getattr(ours, "__wrapped__", None) is getattr(theirs, "__wrapped__", None), name
        assert ours.__doc__ == theirs.__doc__, name
