"""The mock without a socket, at both eras."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from pytest_mcp_http.mock import MockServer, handler
from pytest_mcp_http.mock.answers import Answer
from pytest_mcp_http.wire.exchange import Request
from pytest_mcp_http.wire.headers import Headers

META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}
MODERN = {"MCP-Protocol-Version": "2026-07-28"}


def post(mock: MockServer, method: str, params: dict[str, Any], **headers: str) -> Answer:
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    lines = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return mock.answer(Request("POST", "http://mock/mcp", Headers(lines), json.dumps(body).encode()))


def test_pages_of_tools() -> None:
    mock = MockServer("2025-11-25", sessions=False, page=2)
    for name in "abc":
        mock.tool(name, lambda: "x")
    first = post(mock, "tools/list", {}).message["result"]
    second = post(mock, "tools/list", {"cursor": first["nextCursor"]}).message["result"]
    assert [tool["name"] for tool in first["tools"] + second["tools"]] == ["a", "b", "c"]
    assert "nextCursor" not in second
    assert post(mock, "tools/list", {"cursor": "2"}).message["error"]["code"] == -32602


def test_session_is_needed_and_can_be_lost() -> None:
    mock = MockServer("2025-11-25")
    opening = post(mock, "initialize", {"protocolVersion": "2025-03-26"})
    assert opening.message["result"]["protocolVersion"] == "2025-11-25"
    session = dict(opening.headers)["Mcp-Session-Id"]
    assert post(mock, "ping", {}).status == 400
    assert post(mock, "ping", {}, Mcp_Session_Id=session).message["result"] == {}
    ended = Request("DELETE", "http://mock/mcp", Headers([("Mcp-Session-Id", session)]))
    assert mock.answer(ended).status == 204
    assert post(mock, "ping", {}, Mcp_Session_Id=session).status == 404


@pytest.mark.parametrize(
    ("params", "headers", "code"),
    [
        ({"_meta": META}, {"MCP_Protocol_Version": "2026-07-28"}, -32020),
        ({}, {"MCP_Protocol_Version": "2026-07-28", "Mcp_Method": "tools/list"}, -32602),
        ({"_meta": {**META, "io.modelcontextprotocol/protocolVersion": "2099-01-01"}}, {}, -32022),
    ],
    ids=["method-header", "meta", "version"],
)
def test_modern_request_is_refused(params: dict[str, Any], headers: dict[str, str], code: int) -> None:
    answer = post(MockServer("2026-07-28"), "tools/list", params, **headers)
    assert (answer.status, answer.message["error"]["code"]) == (400, code)


def test_results_of_tools() -> None:
    mock = MockServer("2025-11-25", sessions=False)
    mock.tool("add", lambda a, b=1: {"sum": a + b})
    (listed,) = post(mock, "tools/list", {}).message["result"]["tools"]
    assert listed["inputSchema"]["required"] == ["a"]
    called = post(mock, "tools/call", {"name": "add", "arguments": {"a": 1}}).message["result"]
    assert called["structuredContent"] == {"sum": 2}
    assert post(mock, "tools/call", {"name": "add", "arguments": {}}).message["result"]["isError"] is True
    assert post(mock, "tools/call", {"name": "none"}).message["error"]["code"] == -32602


def test_wrong_arguments_are_named() -> None:
    with pytest.raises(ValueError, match="unknown protocol revision '2020-01-01'; known are 2025-03-26"):
        MockServer("2020-01-01")

    async def later() -> None: ...

    with pytest.raises(TypeError, match="tool 'later': the function is asynchronous"):
        MockServer().tool("later", later)


@pytest.mark.parametrize("mode", ["legacy", "auto"])
@pytest.mark.parametrize("sse", [False, True])
def test_client_of_the_sdk_takes_the_mock_for_a_server(mode: str, sse: bool) -> None:
    mcp = pytest.importorskip("mcp")
    httpx2 = pytest.importorskip("httpx2")
    http = pytest.importorskip("mcp.client.streamable_http")
    if not hasattr(mcp, "Client"):
        pytest.skip("the client of mcp 1.x uses httpx")
    mock = MockServer(sse=sse)
    mock.tool("add", lambda a, b: a + b)

    async def visit() -> Any:
        transport = httpx2.MockTransport(handler(mock))
        async with httpx2.AsyncClient(transport=transport) as client:
            streams = http.streamable_http_client("https://mcp.test/mcp", http_client=client)
            async with mcp.Client(streams, mode=mode) as session:
                return await session.call_tool("add", {"a": 1, "b": 2})

    result = asyncio.run(asyncio.wait_for(visit(), 20))
    assert result.content[0].text == "3"
