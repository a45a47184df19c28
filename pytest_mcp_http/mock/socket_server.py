"""Plays a mock on a real socket: HTTP/1.1 on 127.0.0.1, a thread per connection, every byte under control.

h11 reads and writes the messages. Each request is recorded with its times; everything has a limit.
"""

from __future__ import annotations

import contextlib
import select
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

import h11

from pytest_mcp_http.mock.answers import Answer, Mark, Part, Pause, Until
from pytest_mcp_http.wire.exchange import Chunk, End, Exchange, Request
from pytest_mcp_http.wire.headers import Headers

MAX_BODY: Final = 4 * 1024 * 1024
"""Bytes of a request body."""

MAX_REQUESTS: Final = 1000
"""Requests that one server records; later ones get 503."""

MAX_CONNECTIONS: Final = 64
"""Connections at the same time; later ones are closed."""

IDLE_SECONDS: Final = 60.0
"""Seconds that a connection may wait for a client, or for the end of what holds it open."""

_POLL: Final = 0.02


@dataclass(frozen=True)
class Recorded:
    """One request that came in, and what was sent back.

    Attributes:
        exchange: Both, as the wire module has them; times in it count from `at`.
        at: When the request was complete, in seconds since the server started.
        answered_at: When the whole answer had been sent, in the same seconds; None if it never was.
        left_at: When the client closed the connection before that; None if it did not.
        number: Position among the requests, from 0.
    """

    exchange: Exchange
    at: float
    number: int
    answered_at: float | None = None
    left_at: float | None = None


class SocketServer:
    """Serve answers on a free port of 127.0.0.1 until closed.

    Args:
        answer: Called with each request, from several threads but never at the same time.
        path: Path of the endpoint; requests for other paths get 404 and are recorded.
    """

    def __init__(self, answer: Callable[[Request], Answer], *, path: str = "/mcp") -> None:
        self._answer = answer
        self._path = path
        self._started = time.monotonic()
        self._lock = threading.Lock()
        self._records: dict[int, Recorded] = {}
        self._received = 0
        self._stop = threading.Event()
        self._threads: set[threading.Thread] = set()
        self._connected = 0
        self._busy = 0
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=MAX_CONNECTIONS)
        self._listener.settimeout(0.1)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}{path}"
        self._acceptor = threading.Thread(target=self._accept, name="mcp-mock", daemon=True)
        self._acceptor.start()

    @property
    def records(self) -> list[Recorded]:
        """Every request so far, in the order in which they were complete."""
        with self._lock:
            return [self._records[number] for number in sorted(self._records)]

    @property
    def connections(self) -> int:
        """How many connections were made."""
        return self._connected

    @property
    def now(self) -> float:
        """Seconds since the server started."""
        return time.monotonic() - self._started

    def settle(self, seconds: float = 2.0) -> None:
        """Wait until no answer is under way but those that wait for something, so many seconds at most."""
        deadline = time.monotonic() + seconds
        while self._busy and time.monotonic() < deadline:
            time.sleep(_POLL / 4)

    def _count(self, change: int) -> None:
        with self._lock:
            self._busy += change

    def close(self) -> None:
        """End every connection and the server; may be called again."""
        self._stop.set()
        self._listener.close()
        self._acceptor.join(5)
        with self._lock:
            threads = list(self._threads)
        for thread in threads:
            thread.join(5)

    # -- connections ----------------------------------------------------------------------------------------

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            with self._lock:
                self._connected += 1
                full = len(self._threads) >= MAX_CONNECTIONS
                if not full:
                    thread = threading.Thread(
                        target=self._serve, args=(connection,), name="mcp-mock-connection", daemon=True
                    )
                    self._threads.add(thread)
            if full:
                connection.close()
            else:
                thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            with contextlib.suppress(OSError, h11.ProtocolError), connection:
                connection.settimeout(_POLL * 5)
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                _Connection(self, connection).run()
        finally:
            with self._lock:
                self._threads.discard(threading.current_thread())

    def _take(self, request: Request) -> tuple[Recorded, Answer]:
        """Keep a request, and return its record and its answer."""
        with self._lock:
            self._received += 1
            self._busy += 1
            recorded = Recorded(Exchange(request, end=End.STOPPED), self.now, self._received - 1)
            if self._received > MAX_REQUESTS:
                return recorded, Answer(503)
            self._records[recorded.number] = recorded
            if request.url.partition("?")[0] != self.url:
                return recorded, Answer(404)
            return recorded, self._answer(request)

    def _keep(self, recorded: Recorded) -> None:
        with self._lock:
            self._busy -= 1
            if recorded.number in self._records:
                self._records[recorded.number] = recorded


class _Closed(Exception):  # noqa: N818 - an outcome, not an error
    """The client closed the connection, or the server ends."""


class _Connection:
    """One connection: requests one after the other, as HTTP/1.1 has them."""

    def __init__(self, server: SocketServer, plain: socket.socket) -> None:
        self._server = server
        self._socket = plain
        self._sent_at = 0.0
        self._http = h11.Connection(h11.SERVER, max_incomplete_event_size=256 * 1024)

    def run(self) -> None:
        while True:
            try:
                request = self._read()
            except h11.RemoteProtocolError:
                self._refuse()
                return
            if request is None:
                return
            recorded, answer = self._server._take(request)
            if not self._send(recorded, answer):
                return
            if self._http.our_state is not h11.DONE or self._http.their_state is not h11.DONE:
                return
            self._http.start_next_cycle()

    # -- reading --------------------------------------------------------------------------------------------

    def _read(self) -> Request | None:
        head: h11.Request | None = None
        body = bytearray()
        deadline = time.monotonic() + IDLE_SECONDS
        while True:
            event = self._http.next_event()
            if event is h11.NEED_DATA:
                if self._http.they_are_waiting_for_100_continue:
                    self._write(h11.InformationalResponse(status_code=100, headers=[]))
                if not self._receive(deadline):
                    return None
            elif isinstance(event, h11.Request):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > MAX_BODY:
                    return None
            elif isinstance(event, h11.EndOfMessage) and head is not None:
                return self._request(head, bytes(body))
            else:
                return None

    def _receive(self, deadline: float) -> bool:
        while time.monotonic() < deadline and not self._server._stop.is_set():
            try:
                data = self._socket.recv(65536)
            except TimeoutError:
                continue
            self._http.receive_data(data)
            return True
        return False

    def _request(self, head: h11.Request, body: bytes) -> Request:
        origin = self._server.url.removesuffix(self._server._path)
        return Request(
            head.method.decode("ascii"),
            origin + head.target.decode("latin-1"),
            Headers(head.headers.raw_items()),
            body,
        )

    def _refuse(self) -> None:
        if self._http.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            self._write(h11.Response(status_code=400, headers=[("Connection", "close")]))
            self._write(h11.EndOfMessage())

    # -- writing --------------------------------------------------------------------------------------------

    def _send(self, recorded: Recorded, answer: Answer) -> bool:
        """Send an answer and record it; return whether the connection can go on."""
        headers = Headers(answer.headers)
        exchange = replace(recorded.exchange, status=answer.status, headers=headers)
        chunks: list[Chunk] = []
        end, detail = End.EOF, ""
        left = answered = None
        try:
            self._parts(answer, recorded, chunks)
            if answer.status is None:
                end, detail = End.STOPPED, "no response was sent"
            else:
                self._write(h11.EndOfMessage())
                answered = self._sent_at
        except _Closed as closed:
            end, detail = End.STOPPED, str(closed)
            left = self._server.now if "client" in detail else None
        except _Cut:
            # Before the connection is closed: no client can have seen the end earlier than this.
            end, detail, answered = End.RESET, "the server cut the connection", self._server.now
        finally:
            self._server._keep(
                replace(
                    recorded,
                    exchange=replace(
                        exchange,
                        chunks=tuple(chunks),
                        end=end,
                        detail=detail,
                        ended_at=self._server.now - recorded.at,
                    ),
                    answered_at=answered,
                    left_at=left,
                )
            )
        return end is End.EOF

    def _parts(self, answer: Answer, recorded: Recorded, chunks: list[Chunk]) -> None:
        if answer.status is not None and not _starts_late(answer):
            self._head(answer)
        for part in answer.parts:
            if isinstance(part, bytes):
                if self._http.our_state is h11.SEND_RESPONSE:
                    self._head(answer)
                self._write(h11.Data(data=part))
                chunks.append(Chunk(part, self._sent_at - recorded.at))
            elif part is Mark.CUT:
                raise _Cut
            else:
                self._wait(part)
        if answer.status is not None and self._http.our_state is h11.SEND_RESPONSE:
            self._head(answer)

    def _head(self, answer: Answer) -> None:
        assert answer.status is not None
        lines = [(name.encode("ascii"), value.encode("latin-1")) for name, value in answer.headers]
        if all(isinstance(part, bytes) for part in answer.parts) and len(answer.parts) < 2:
            lines.append((b"Content-Length", str(len(answer.body)).encode("ascii")))
        self._write(h11.Response(status_code=answer.status, headers=lines))

    def _write(self, event: h11.Event) -> None:
        data = self._http.send(event)
        if not data:
            return
        self._socket.settimeout(IDLE_SECONDS)
        # Before the bytes are gone: no client can act on them earlier than this.
        self._sent_at = self._server.now
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise _Closed("the client closed the connection") from error
        finally:
            self._socket.settimeout(_POLL * 5)

    def _wait(self, part: Part) -> None:
        """Wait as a part says, and notice a client that leaves meanwhile."""
        self._server._count(-1)
        try:
            self._wait_for(part)
        finally:
            self._server._count(1)

    def _wait_for(self, part: Part) -> None:
        limit = part.seconds if isinstance(part, (Pause, Until)) else IDLE_SECONDS
        deadline = time.monotonic() + min(limit, IDLE_SECONDS)
        while (left := deadline - time.monotonic()) > 0:
            if isinstance(part, Until) and part.condition():
                return
            if self._server._stop.is_set():
                raise _Closed("the server ended")
            readable, _, _ = select.select([self._socket], [], [], min(left, _POLL))
            if readable:
                if not self._peek():
                    raise _Closed("the client closed the connection")
                time.sleep(min(left, _POLL))

    def _peek(self) -> bool:
        """Return whether bytes of a next request wait, as opposed to the end of the connection."""
        try:
            return bool(self._socket.recv(1, socket.MSG_PEEK))
        except OSError:
            return False


class _Cut(Exception):  # noqa: N818 - an outcome, not an error
    """The connection is to be closed at once."""


def _starts_late(answer: Answer) -> bool:
    """Return whether the head has to wait as well: a body in one piece that begins with a pause."""
    return bool(answer.parts) and isinstance(answer.parts[0], Pause)
