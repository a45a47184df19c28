"""How long a stream may stay open after the answer to its request."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from pytest_mcp_http.wire.exchange import End, Exchange, Request
from pytest_mcp_http.wire.headers import Headers
from pytest_mcp_http.wire.http import SHORT_LINGER, HttpWire, Limits
from pytest_mcp_http.wire.jsonrpc import encode
from pytest_mcp_http.wire.recorder import Recorder

PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
ANSWER = b'data: {"jsonrpc":"2.0","id":1,"result":{}}\n\n'
NOTE = b'data: {"jsonrpc":"2.0","method":"notifications/progress"}\n\n'
LIMITS = Limits(first_byte=5.0, total=20.0, linger=0.3)


def recorder(sent: object, *blocks: bytes, type: bytes = b"text/event-stream") -> Recorder:
    found = Recorder(Request("POST", "http://127.0.0.1/mcp", Headers(()), encode(sent)), LIMITS)
    found.head(200, "OK", [(b"content-type", type)])
    for block in blocks:
        assert found.add(block)
    return found


@pytest.mark.parametrize(
    ("sent", "blocks"),
    [
        (PING, (NOTE, ANSWER)),
        (PING, (ANSWER[:20], ANSWER[20:])),
        ([PING, {**PING, "id": 2}], (ANSWER, ANSWER)),
        ([PING, {**PING, "id": 2}], (b'data: [{"id":1,"result":{}},{"id":2,"result":{}}]\n\n',)),
    ],
)
def test_answered_stream_has_little_time_left(sent: object, blocks: tuple[bytes, ...]) -> None:
    found = recorder(sent, *blocks)
    assert found.deadline - found.started < LIMITS.total / 2
    found.time_out()
    assert found.lingered
    assert found.exchange().detail == "the stream was still open 0.3 s after the response"


@pytest.mark.parametrize(
    ("sent", "blocks"),
    [
        (PING, (NOTE,)),
        (PING, (ANSWER[:-1],)),
        ([PING, {**PING, "id": 2}], (ANSWER,)),
        ({"jsonrpc": "2.0", "method": "notifications/x"}, (ANSWER,)),
    ],
)
def test_other_streams_have_all_the_time(sent: object, blocks: tuple[bytes, ...]) -> None:
    found = recorder(sent, *blocks)
    assert found.deadline - found.started == pytest.approx(LIMITS.total)
    found.time_out()
    assert not found.lingered


def test_json_is_no_stream() -> None:
    found = recorder(PING, ANSWER[6:], type=b"application/json")
    assert found.deadline - found.started == pytest.approx(LIMITS.total)


@pytest.fixture
def lingering_url() -> Iterator[str]:
    """Serve answers on event streams that are never closed."""
    listener = socket.create_server(("127.0.0.1", 0))
    held: list[socket.socket] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            held.append(connection)
            connection.recv(65536)
            head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
            connection.sendall(head + b"%x\r\n%b\r\n" % (len(ANSWER), ANSWER))

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
    # Closing alone does not wake an accept that waits.
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(5.0)
    for connection in held:
        connection.close()


def test_wire_waits_in_full_once(lingering_url: str) -> None:
    request = Request("POST", lingering_url, Headers(()), encode(PING))

    def told(exchange: Exchange) -> str:
        assert exchange.end is End.TIMEOUT
        assert exchange.result == {}
        return exchange.detail.partition("open ")[2]

    with HttpWire(LIMITS) as wire:
        assert told(wire.send(request)) == "0.3 s after the response"
        assert told(wire.send(request)) == f"{SHORT_LINGER:g} s after the response"
        assert told(wire.send(request, limits=LIMITS)) == "0.3 s after the response"
