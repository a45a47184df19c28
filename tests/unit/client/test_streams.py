"""Streams that end too early are resumed, and calls that nobody waits for any more are cancelled."""

from __future__ import annotations

import threading
from typing import Any

import anyio
import pytest

from pytest_mcp_http.client import AsyncMcpClient
from pytest_mcp_http.errors import NoResponseError
from pytest_mcp_http.wire.exchange import End
from pytest_mcp_http.wire.http import Limits

SLOW = {"name": "count_slowly", "arguments": {"steps": 1000, "milliseconds": 10}}
DONE: dict[str, Any] = {"content": [{"type": "text", "text": "done"}]}


class Polled:
    """A server that closes each stream after an event with an id, and answers on the third."""

    def __init__(self, script: Any, retry: int = 20) -> None:
        self.script = script
        self.retry = retry
        self.call: dict[str, Any] = {}
        self.resumed: list[str] = []
        self.told = script("2025-11-25", tools_call=self.begin, GET=self.resume)

    def begin(self, connection: Any, message: dict[str, Any]) -> None:
        self.call = message
        self.script.stream(connection, b"id: e-1\nretry: %d\ndata:\n\n" % self.retry)

    def resume(self, connection: Any, message: dict[str, Any]) -> None:
        head = self.told.seen[-1]["head"].lower()
        self.resumed.append(head.partition("last-event-id: ")[2].partition("\r\n")[0])
        if len(self.resumed) == 1:
            self.script.stream(connection, b"id: e-2\ndata:\n\n")
        else:
            self.script.stream(connection, self.script.result(self.call, DONE))


def test_a_call_is_resumed_after_the_last_event(make: Any, serve: Any, script: Any) -> None:
    polled = Polled(script)
    with make(serve(polled.told).url, "2025-11-25") as client:
        assert client.call_tool("a").text == "done"
        assert [e.request.method for e in client.log] == ["POST", "POST", "POST", "GET", "GET"]
    assert polled.resumed == ["e-1", "e-2"]


def test_a_request_of_its_own_is_not_resumed(make: Any, serve: Any, script: Any) -> None:
    polled = Polled(script)
    with make(serve(polled.told).url, "2025-11-25") as client:
        assert client.request("tools/call", {"name": "a"}).response is None
    assert polled.resumed == []


def test_a_stream_is_resumed_by_hand(make: Any, serve: Any, script: Any) -> None:
    polled = Polled(script)
    with make(serve(polled.told).url, "2025-11-25") as client:
        with client.stream("tools/call", {"name": "a"}, resume=False) as stream:
            assert list(stream) == []
            stream.resume()
            assert list(stream) == []
            stream.resume()
            [message] = stream
            assert len(stream.exchanges) == 3
    assert message.result == DONE


def test_a_server_that_wants_to_be_asked_too_late_is_given_up(make: Any, serve: Any, script: Any) -> None:
    polled = Polled(script, retry=60_000)
    limits = Limits(connect=0.2, total=0.5)
    with make(serve(polled.told).url, "2025-11-25", limits=limits) as client:
        with pytest.raises(NoResponseError, match="may be resumed 60 s later"):
            client.call_tool("a")
    assert polled.resumed == []


@pytest.mark.parametrize(("revision", "text"), [("2025-11-25", "had an id"), ("2026-07-28", "no stream can")])
def test_nothing_to_resume(make: Any, serve: Any, script: Any, revision: str, text: str) -> None:
    told = script(revision, tools_call=lambda c, m: script.stream(c, script.result(m, DONE)))
    with make(serve(told).url, revision) as client, client.stream("tools/call", {"name": "a"}) as stream:
        with pytest.raises(ValueError, match=text):
            stream.resume()


def test_missed_messages_are_replayed_by_the_reference_server(make: Any, reference: Any) -> None:
    params = {"name": "count_slowly", "arguments": {"steps": 5, "milliseconds": 20}}
    with make(reference(mode="stateful", resumable=True), "2025-11-25") as client:
        stream = client.stream("tools/call", params, meta={"progressToken": "p"})
        first = next(stream)
        stream.resume()
        rest = list(stream)
    told = [each.params["progress"] for each in (first, *rest[:-1])]
    assert told == [1, 2, 3, 4, 5]
    assert rest[-1].result["content"]


@pytest.mark.parametrize("revision", ["2025-11-25", "2026-07-28"])
def test_a_stream_is_cancelled(make: Any, stateful_url: str, revision: str) -> None:
    with make(stateful_url, revision) as client:
        stream = client.stream("tools/call", SLOW, meta={"progressToken": "p"})
        next(stream)
        exchange = stream.cancel("enough")
        assert not stream.alive
        if revision == "2026-07-28":
            assert exchange == stream.exchange
            assert exchange.end is End.STOPPED
            return
        sent = exchange.request.message
        assert (sent.method, sent.params["reason"]) == ("notifications/cancelled", "enough")
        assert sent.params["requestId"] == stream.exchange.request.message.id
        assert exchange.status == 202


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("revision", ["2025-11-25", "2026-07-28"])
def test_a_task_that_is_cancelled_ends_its_call(serve: Any, script: Any, backend: str, revision: str) -> None:
    if backend == "trio":
        pytest.importorskip("trio")
    gone = threading.Event()
    called = threading.Event()

    def call(connection: Any, message: dict[str, Any]) -> None:
        script.stream(connection)
        called.set()
        connection.wait_for_end()
        gone.set()

    told = script(revision, tools_call=call)
    url = serve(told).url

    async def run() -> None:
        async with AsyncMcpClient(url, revision) as client, anyio.create_task_group() as tasks:
            tasks.start_soon(client.call_tool, "a")
            while not called.is_set():
                await anyio.sleep(0.01)
            tasks.cancel_scope.cancel()

    anyio.run(run, backend=backend)
    assert gone.wait(10)
    assert ("notifications/cancelled" in told.methods()) == (revision == "2025-11-25")
