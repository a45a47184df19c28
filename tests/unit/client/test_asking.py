"""What a server asks for is answered by the callbacks of the client."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_mcp_http.client import McpClient
from pytest_mcp_http.errors import CallError, UnansweredError
from pytest_mcp_http.wire import jsonrpc

ACCEPTED = {"action": "accept", "content": {"text": "yes"}}
CALLBACKS: dict[str, Any] = {
    "sampling": lambda params: f"{len(params['messages'])} message",
    "elicitation": lambda params: ACCEPTED,
    "roots": ["file:///work"],
}
ANSWERS = {
    "sampling": {
        "role": "assistant",
        "content": {"type": "text", "text": "1 message"},
        "model": "pytest-mcp-http",
        "stopReason": "endTurn",
    },
    "elicitation": ACCEPTED,
    "roots": {"roots": [{"uri": "file:///work"}]},
}


@pytest.mark.parametrize("kind", ["sampling", "elicitation", "roots"])
def test_a_callback_answers(make: Any, served: Any, kind: str) -> None:
    if not served.can_ask:
        pytest.skip("this server cannot ask")
    with make(served.url, served.revision, **CALLBACKS) as client:
        result = client.call_tool("ask_back", {"kind": kind})
    assert json.loads(result.text)["answer"] == ANSWERS[kind]


def test_a_callback_answers_while_messages_are_given(make: Any, stateful_url: str) -> None:
    with make(stateful_url, "2025-11-25", **CALLBACKS) as client:
        params = {"name": "ask_back", "arguments": {"kind": "roots"}}
        messages = list(client.stream("tools/call", params))
    assert [each.method for each in messages] == ["roots/list", None]
    assert not messages[-1].result.get("isError")


def test_a_callback_that_fails_ends_the_call_with_its_error(make: Any, served: Any) -> None:
    if not served.can_ask:
        pytest.skip("this server cannot ask")

    def fail(params: object) -> object:
        raise LookupError("no such answer")

    with make(served.url, served.revision, sampling=fail) as client:
        with pytest.raises(LookupError, match="no such answer"):
            client.call_tool("ask_back", {"kind": "sampling"})
        sent = [exchange.request.message for exchange in client.log]
        errors = [each.error["code"] for each in sent if each is not None and each.kind is jsonrpc.Kind.ERROR]
        # There is no answer with an error where answers go with the next call.
        assert errors == ([] if served.modern else [-32603])
        assert client.ping()


def test_a_callback_has_to_return_a_result(make: Any, stateful_url: str) -> None:
    with make(stateful_url, "2025-11-25", elicitation=lambda params: 5) as client:
        with pytest.raises(TypeError, match="elicitation/create returned 5"):
            client.call_tool("ask_back", {"kind": "elicitation"})


def test_callbacks_may_be_asynchronous_where_the_client_is(make: Any, stateful_url: str) -> None:
    async def answer(params: object) -> object:
        return "said later"

    with make(stateful_url, "2025-11-25", sampling=answer) as client:
        if make is McpClient:
            with pytest.raises(TypeError, match="AsyncMcpClient takes both"):
                client.call_tool("ask_back", {"kind": "sampling"})
        else:
            assert "said later" in client.call_tool("ask_back", {"kind": "sampling"}).text


def test_what_no_callback_is_for_gets_an_error(make: Any, serve: Any, script: Any) -> None:
    def call(connection: Any, message: dict[str, Any]) -> None:
        script.stream(connection, {"jsonrpc": "2.0", "id": "r", "method": "roots/list"})
        script.send(connection, script.result(message, {"content": []}))

    told = script("2025-11-25", tools_call=call)
    with make(serve(told).url, "2025-11-25") as client:
        client.call_tool("a")
    [answer] = [each for each in told.seen if "error" in each]
    assert (answer["id"], answer["error"]["code"]) == ("r", -32601)


def test_requests_on_a_stream_beside_the_call_are_answered(make: Any, serve: Any, script: Any) -> None:
    beside: list[Any] = []

    def get(connection: Any, message: dict[str, Any]) -> None:
        script.stream(connection)
        beside.append(connection)
        connection.peer.released.wait(10)

    def call(connection: Any, message: dict[str, Any]) -> None:
        script.stream(connection)
        script.send(beside[0], {"jsonrpc": "2.0", "id": 7, "method": "roots/list"})
        while "answer" not in told.methods():
            connection.peer.released.wait(0.01)
        script.send(connection, script.result(message, {"content": []}))

    told = script("2025-11-25", GET=get, tools_call=call)
    with make(serve(told).url, "2025-11-25", roots=["file:///a"]) as client:
        client.call_tool("a")
    [answer] = [each for each in told.seen if "method" not in each and each["http"] == "POST"]
    assert (answer["id"], answer["result"]) == (7, {"roots": [{"uri": "file:///a"}]})


def test_a_modern_server_that_asks_for_what_was_not_declared(make: Any, serve: Any, script: Any) -> None:
    def call(connection: Any, message: dict[str, Any]) -> None:
        asked = {"a": {"method": "roots/list"}}
        script.stream(
            connection, script.result(message, {"resultType": "input_required", "inputRequests": asked})
        )

    told = script("2026-07-28", tools_call=call)
    with make(serve(told).url, "2026-07-28") as client:
        with pytest.raises(UnansweredError, match="roots/list, for which the client has no callback"):
            client.call_tool("a")


def test_a_server_that_never_stops_asking_is_left(make: Any, serve: Any, script: Any) -> None:
    def call(connection: Any, message: dict[str, Any]) -> None:
        script.stream(
            connection, script.result(message, {"resultType": "input_required", "requestState": "s"})
        )

    told = script("2026-07-28", tools_call=call)
    with make(serve(told).url, "2026-07-28") as client:
        with pytest.raises(UnansweredError, match="11 times") as caught:
            client.call_tool("a")
    assert isinstance(caught.value, CallError)
    states = [each["params"].get("requestState") for each in told.seen if each.get("method") == "tools/call"]
    assert states == [None, *["s"] * 10]
