"""Answering what a server asks for while it serves a call, in both eras."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from pytest_mcp_http.answering import Answer, ClientError, Conversation
from pytest_mcp_http.client import McpClient
from pytest_mcp_http.wire import jsonrpc
from pytest_mcp_http.wire.exchange import Exchange
from pytest_mcp_http.wire.http import HttpWire, Limits

ALL = {"elicitation": {"form": {}, "url": {}}, "sampling": {"tools": {}}, "roots": {}}
ACCEPTED = {"action": "accept", "content": {"text": "yes"}}


@pytest.fixture(params=["2025-11-25", "2026-07-28"])
def client(request: pytest.FixtureRequest, stateful_url: str, modern_url: str) -> Iterator[McpClient]:
    url = modern_url if request.param == "2026-07-28" else stateful_url
    with HttpWire() as wire, McpClient(url, request.param, wire, capabilities=ALL) as client:
        yield client


def text_of(exchange: Exchange) -> Any:
    assert isinstance(exchange.result, dict)
    return json.loads(exchange.result["content"][0]["text"])


def ask(client: McpClient, kind: str, answer: Answer, **options: Any) -> Exchange:
    params = {"name": "ask_back", "arguments": {"kind": kind}}
    return client.converse("tools/call", params, answer, **options).exchange


def test_one_interface_answers_in_both_eras(client: McpClient) -> None:
    asked: list[tuple[str, Mapping[str, Any]]] = []

    def answer(method: str, params: Mapping[str, Any]) -> object:
        asked.append((method, params))
        return ACCEPTED

    exchange = ask(client, "elicitation", answer)
    assert text_of(exchange)["answer"] == ACCEPTED
    [(method, params)] = asked
    assert method == "elicitation/create"
    assert params["requestedSchema"]["type"] == "object"
    assert exchange in client.log


def test_a_server_may_ask_again(client: McpClient) -> None:
    use = {"type": "tool_use", "id": "a", "name": "lookup", "input": {"word": "w"}}
    given: list[object] = [[use], {"type": "text", "text": "w"}]

    def answer(method: str, params: Mapping[str, Any]) -> object:
        return {"role": "assistant", "model": "m", "content": given.pop(0)}

    assert text_of(ask(client, "tools", answer))["answer"]["content"] == {"type": "text", "text": "w"}
    assert not given


def test_an_error_is_an_answer(client: McpClient) -> None:
    exchange = ask(client, "roots", lambda method, params: ClientError(-32601, "none"), rounds=2)
    assert isinstance(exchange.result, dict)
    assert exchange.result.get("isError") or exchange.result.get("resultType") == "input_required"


def test_a_call_that_is_answered_too_often_is_left(client: McpClient) -> None:
    exchange = ask(client, "sampling", lambda method, params: {"role": "assistant"}, rounds=0)
    assert exchange.result is None or exchange.result["resultType"] == "input_required"  # type: ignore[index]
    last = client.log[-1].request.message
    assert last is not None
    assert (last.method == "notifications/cancelled") == client.dialect.sessions


class TestConverse:
    """What only the handshake revisions have, against servers written by hand."""

    def run(self, peer_url: str, answer: Answer | None, **options: Any) -> Conversation:
        with HttpWire() as wire:
            client = McpClient(peer_url, "2025-11-25", wire)
            return client.converse("tools/call", {"name": "a"}, answer, **options)

    def serving(self, *messages: object, end: bool = True) -> Any:
        """Return what serves a call with some messages, a response to it after each answer of the client."""

        def handle(connection: Any) -> None:
            request = connection.read_request()
            body = json.loads(request.partition(b"\r\n\r\n")[2])
            if body.get("method") != "tools/call":
                connection.reply(status=b"202 Accepted")
                return
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
            for message in messages:
                connection.send(b"data: " + jsonrpc.encode(message) + b"\n\n")
            if not end:
                connection.peer.released.wait(10)

        return handle

    def test_pings_and_requests_are_answered_once_each_in_order(self, serve: Any) -> None:
        peer = serve(
            self.serving(
                {"jsonrpc": "2.0", "id": "p", "method": "ping"},
                {"jsonrpc": "2.0", "id": 0, "method": "roots/list"},
                {"jsonrpc": "2.0", "id": 1, "result": {}},
            )
        )
        found = self.run(peer.url, lambda method, params: {"roots": []})
        assert [(each.id, each.related) for each in found.asked] == [("p", True), (0, True)]
        assert found.asked[1].request == {"method": "roots/list"}
        assert [each.reply.status for each in found.asked if each.reply] == [202, 202]
        bodies = [json.loads(raw.partition(b"\r\n\r\n")[2]) for raw in peer.requests]
        assert [body.get("result") for body in bodies] == [None, {}, {"roots": []}]
        assert found.exchange.result == {}

    def test_pings_are_no_rounds(self, serve: Any) -> None:
        pings = [{"jsonrpc": "2.0", "id": f"p{n}", "method": "ping"} for n in range(3)]
        asked = {"jsonrpc": "2.0", "id": 0, "method": "roots/list"}
        peer = serve(self.serving(*pings, asked, {"jsonrpc": "2.0", "id": 1, "result": {}}))
        found = self.run(peer.url, lambda method, params: {"roots": []}, rounds=1)
        assert [each.id for each in found.asked] == ["p0", "p1", "p2", 0]
        assert all(each.reply is not None for each in found.asked)
        assert found.exchange.result == {}

    def test_a_call_that_pings_without_end_is_left(self, serve: Any, monkeypatch: Any) -> None:
        monkeypatch.setattr("pytest_mcp_http.answering.MAX_PINGS", 2)
        pings = [{"jsonrpc": "2.0", "id": n, "method": "ping"} for n in range(5)]
        peer = serve(self.serving(*pings, end=False))
        found = self.run(peer.url, None)
        assert [each.reply is not None for each in found.asked] == [True, True, False]
        assert found.exchange.response is None

    def test_a_call_is_left_at_the_first_request_and_cancelled(self, serve: Any) -> None:
        peer = serve(self.serving({"jsonrpc": "2.0", "id": 9, "method": "roots/list"}, end=False))
        found = self.run(peer.url, None)
        assert [each.reply for each in found.asked] == [None]
        cancelled = json.loads(peer.requests[-1].partition(b"\r\n\r\n")[2])
        assert (cancelled["method"], cancelled["params"]) == ("notifications/cancelled", {"requestId": 1})

    def test_a_call_that_never_ends_is_given_up(self, serve: Any) -> None:
        peer = serve(self.serving({"jsonrpc": "2.0", "method": "notifications/message"}, end=False))
        found = self.run(peer.url, None, limits=replace(Limits(), total=0.2))
        assert found.exchange.response is None
        assert found.asked == ()

    def test_requests_on_another_stream_are_seen(self, serve: Any) -> None:
        def handle(connection: Any) -> None:
            request = connection.read_request()
            if request.startswith(b"GET"):
                connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
                called.wait(10)
                connection.send(b'data: {"jsonrpc": "2.0", "id": "x", "method": "roots/list"}\n\n')
                connection.peer.released.wait(10)
            elif b"tools/call" in request:
                called.set()
                answered.wait(10)
                body = b'{"jsonrpc": "2.0", "id": 1, "result": {}}'
                connection.reply(body, b"Content-Type: application/json")
            else:
                connection.reply(status=b"202 Accepted")
                answered.set()

        called, answered = threading.Event(), threading.Event()
        peer = serve(handle)
        with HttpWire() as wire:
            client = McpClient(peer.url, "2025-11-25", wire)
            with client.listen() as beside:
                found = client.converse(
                    "tools/call", {"name": "a"}, lambda method, params: {"roots": []}, beside=beside
                )
        assert [(each.id, each.related) for each in found.asked] == [("x", False)]
        assert found.exchange.result == {}
