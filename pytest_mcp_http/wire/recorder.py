"""Gathers one exchange while it happens, within limits of time and size.

Sans-IO: it is told what came in. It must not know sockets, HTTP libraries or MCP.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from pytest_mcp_http.wire import jsonrpc, sse
from pytest_mcp_http.wire.exchange import SSE_TYPE, Chunk, End, Exchange, Request
from pytest_mcp_http.wire.headers import Headers, parse_media_type

MAX_PIECES: Final = 20_000
"""Chunks, and SSE blocks, that one exchange keeps: tiny ones cost far more memory than their bytes."""

MAX_HEAD: Final = 100 * 1024
"""Bytes of a response head."""


@dataclass(frozen=True)
class Limits:
    """How long and how much an exchange may take.

    Attributes:
        connect: Seconds to make a connection, name lookup by the system not counted.
        first_byte: Seconds until the response head is complete, since the connection stands.
        total: Seconds for the whole exchange, since the connection stands.
        body: Bytes of response body.
        linger: Seconds that an event stream may stay open after it answered the request.
    """

    connect: float = 5.0
    first_byte: float = 10.0
    total: float = 30.0
    body: int = 16 * 1024 * 1024
    linger: float = 2.0

    @property
    def head(self) -> float:
        """Seconds until the response head is complete, whatever of `first_byte` and `total` is shorter."""
        return min(self.first_byte, self.total)


class Recorder:
    """Keep what one exchange brings; may be read from another thread meanwhile.

    Args:
        request: What is sent.
        limits: The limits of this exchange.
    """

    def __init__(self, request: Request, limits: Limits) -> None:
        self.request = request
        self.limits = limits
        self.started = time.monotonic()
        self.end: End | None = None
        self._lock = threading.Lock()
        self._status: int | None = None
        self._reason = ""
        self._headers = Headers(())
        self._headers_at: float | None = None
        self._chunks: list[Chunk] = []
        self._size = 0
        self._detail = ""
        self._ended_at = 0.0
        self._owed: int | None = None
        self._answered_at: float | None = None
        self._parser: sse.EventStreamParser | None = None
        self._events: list[sse.Event] = []

    @property
    def deadline(self) -> float:
        """When the exchange has to be over, or its head complete while there is none (`time.monotonic`)."""
        if self._answered_at is not None:
            return self.started + min(self._answered_at + self.limits.linger, self.limits.total)
        return self.started + (self.limits.head if self._status is None else self.limits.total)

    @property
    def lingered(self) -> bool:
        """Whether the exchange ended because an answered stream stayed open."""
        return self.end is End.TIMEOUT and self._answered_at is not None

    def restart(self) -> None:
        """Count time from now: the connection stands and the request is about to be sent."""
        self.started = time.monotonic()

    def head(self, status: int, reason: str, lines: Iterable[tuple[bytes, bytes]]) -> None:
        """Take the response head."""
        with self._lock:
            self._reason = reason
            self._headers = Headers(lines)
            self._headers_at = time.monotonic() - self.started
            media_type = parse_media_type(self._headers.get("content-type") or "")
            if media_type is not None and media_type.essence == SSE_TYPE:
                # As it comes in: conditions on an open stream would otherwise parse it anew at each chunk.
                self._parser = sse.EventStreamParser()
            # Last: a reader in another thread takes the status as the sign that there is a head.
            self._status = status

    def add(self, data: bytes) -> bool:
        """Keep body bytes; return False once the exchange has ended or a size limit is reached."""
        with self._lock:
            if self.end is not None:
                return False
            room = self.limits.body - self._size
            kept = data[:room]
            self._size += len(kept)
            self._chunks.append(Chunk(kept, time.monotonic() - self.started))
            if self._parser is not None:
                try:
                    events = self._parser.feed(kept)
                    self._events += events
                    self._count_answers(events)
                except sse.EventTooLarge as error:
                    return self._finish(End.TOO_LARGE, str(error))
            if len(data) > room:
                return self._finish(End.TOO_LARGE, f"more than {self.limits.body} bytes of body")
            if len(self._chunks) >= MAX_PIECES or len(self._events) >= MAX_PIECES:
                return self._finish(End.TOO_LARGE, f"more than {MAX_PIECES} pieces of body")
            return True

    def _count_answers(self, events: list[sse.Event]) -> None:
        """Note when the stream has brought as many responses as there are requests in the POST."""
        if self._owed is None:
            self._owed = _count(self.request.message, jsonrpc.Kind.REQUEST)
        if self._owed <= 0:
            return
        for event in events:
            if event.data:
                message = jsonrpc.decode(event.data.encode("utf-8", "replace"))
                self._owed -= _count(message, jsonrpc.Kind.RESULT, jsonrpc.Kind.ERROR)
        if self._owed <= 0:
            self._answered_at = time.monotonic() - self.started

    def finish(self, end: End, detail: str = "") -> None:
        """Say how the exchange ended; only the first word counts."""
        with self._lock:
            if self.end is None:
                self._finish(end, detail)

    def _finish(self, end: End, detail: str) -> bool:
        if self._parser is not None and end is End.EOF:
            self._events += self._parser.close()
        self._detail, self._ended_at = detail, time.monotonic() - self.started
        self.end = end
        return False

    def time_out(self) -> None:
        """End the exchange because its deadline has passed."""
        if self._status is None:
            self.finish(End.TIMEOUT, f"no response head within {self.limits.head:g} s")
        elif self._answered_at is not None:
            self.finish(End.TIMEOUT, f"the stream was still open {self.limits.linger:g} s after the response")
        else:
            self.finish(End.TIMEOUT, f"the response was not complete within {self.limits.total:g} s")

    def exchange(self) -> Exchange:
        """Return what has come in so far."""
        with self._lock:
            parser = self._parser
            return Exchange(
                request=self.request,
                status=self._status,
                reason=self._reason,
                headers=self._headers,
                chunks=tuple(self._chunks),
                end=self.end or End.STOPPED,
                detail=self._detail,
                headers_at=self._headers_at,
                ended_at=self._ended_at if self.end else time.monotonic() - self.started,
                parsed=(tuple(self._events), tuple(parser.findings)) if parser is not None else None,
            )


def _count(message: jsonrpc.Message | None, *kinds: jsonrpc.Kind) -> int:
    if message is None:
        return 0
    members = message.members if message.kind is jsonrpc.Kind.BATCH else (message,)
    return sum(member.kind in kinds for member in members)
