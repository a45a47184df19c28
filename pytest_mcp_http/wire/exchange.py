"""One HTTP request as sent and all that came back: the record that every judgement reads.

Sans-IO. Knows SSE framing and JSON-RPC shapes, knows nothing of sockets, revisions or requirements.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property

from pytest_mcp_http.wire import jsonrpc, sse
from pytest_mcp_http.wire.headers import Headers, MediaType, parse_media_type

JSON_TYPE = "application/json"
SSE_TYPE = "text/event-stream"


class End(str, Enum):
    """How an exchange ended."""

    EOF = "eof"
    """The response is complete, as HTTP frames it."""
    STOPPED = "stopped"
    """We closed the stream ourselves, on purpose."""
    TIMEOUT = "timeout"
    """A time limit of ours ran out: see `Exchange.detail`."""
    RESET = "reset"
    """The connection was closed or reset before the response was complete."""
    TOO_LARGE = "too-large"
    """The body went over our size limit, so we stopped reading."""
    NOT_HTTP = "not-http"
    """What came back breaks HTTP itself."""
    UNREACHABLE = "unreachable"
    """No connection could be made (refused, unknown host, TLS failure)."""


@dataclass(frozen=True)
class Request:
    """A request exactly as it was handed to the connection.

    Attributes:
        method: HTTP method.
        url: Absolute URL, without user information.
        headers: Header lines in the order sent.
        body: Body bytes.
        secrets: Lower-case names of headers whose values are masked wherever the request is shown.
    """

    method: str
    url: str = field(repr=False)
    headers: Headers = field(repr=False)
    body: bytes = b""
    secrets: frozenset[str] = frozenset()

    @cached_property
    def message(self) -> jsonrpc.Message | None:
        """The JSON-RPC message in the body, or None for an empty body."""
        return jsonrpc.decode(self.body) if self.body else None


@dataclass(frozen=True)
class Chunk:
    """Body bytes and when they arrived, in seconds since the request was sent."""

    data: bytes
    at: float


@dataclass(frozen=True)
class Received:
    """A JSON-RPC message of a response, and where it stood.

    Attributes:
        message: The classified message (a batch is one `Received`).
        event: The SSE event that carried it, or None for a JSON body.
        at: Arrival in seconds since the request was sent.
    """

    message: jsonrpc.Message
    event: sse.Event | None
    at: float


@dataclass(frozen=True)
class Exchange:
    """One request and all that came back.

    Attributes:
        request: What was sent.
        status: HTTP status code, or None when no response head arrived.
        reason: Reason phrase.
        headers: Response header lines, order and doubles included.
        chunks: Body as it arrived, transfer coding removed, content coding kept.
        end: How the exchange ended.
        detail: One line on the end, for people.
        headers_at: Arrival of the response head, in seconds since the request was sent.
        ended_at: When reading ended, in seconds since the request was sent.
        parsed: Events and findings of the event stream where they were parsed as they came in.
    """

    request: Request
    status: int | None = None
    reason: str = ""
    headers: Headers = field(default_factory=lambda: Headers(()))
    chunks: tuple[Chunk, ...] = ()
    end: End = End.EOF
    detail: str = ""
    headers_at: float | None = None
    ended_at: float = 0.0
    parsed: tuple[tuple[sse.Event, ...], tuple[sse.Finding, ...]] | None = field(
        default=None, repr=False, compare=False
    )

    @cached_property
    def body(self) -> bytes:
        """All body bytes that arrived."""
        return b"".join(chunk.data for chunk in self.chunks)

    @cached_property
    def media_type(self) -> MediaType | None:
        """The parsed `Content-Type`, or None when absent or malformed."""
        value = self.headers.get("content-type")
        return parse_media_type(value) if value is not None else None

    @property
    def essence(self) -> str:
        """The media type without parameters, in lower case, or an empty string."""
        return self.media_type.essence if self.media_type else ""

    @property
    def is_sse(self) -> bool:
        """Whether the response says that it is an event stream."""
        return self.essence == SSE_TYPE

    @property
    def is_json(self) -> bool:
        """Whether the response says that it is JSON."""
        return self.essence == JSON_TYPE

    @property
    def ok(self) -> bool:
        """Whether a 2xx status came back."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def answered(self) -> bool:
        """Whether any HTTP response head came back."""
        return self.status is not None

    @cached_property
    def _parsed(self) -> tuple[tuple[sse.Event, ...], tuple[sse.Finding, ...]]:
        if self.parsed is not None:
            return self.parsed
        parser = sse.EventStreamParser()
        events: list[sse.Event] = []
        try:
            for chunk in self.chunks:
                events += parser.feed(chunk.data)
            if self.end is End.EOF:
                events += parser.close()
        except sse.EventTooLarge:
            pass  # the parser has a finding for it
        return tuple(events), tuple(parser.findings)

    @property
    def events(self) -> tuple[sse.Event, ...]:
        """The SSE blocks of the body, dispatched or not; empty unless the response is an event stream."""
        return self._parsed[0] if self.is_sse else ()

    @property
    def framing(self) -> tuple[sse.Finding, ...]:
        """What the SSE parser found wrong or unusual; empty unless the response is an event stream."""
        return self._parsed[1] if self.is_sse else ()

    def arrival(self, event: sse.Event) -> float:
        """Return when the last byte of an event arrived, in seconds since the request was sent."""
        position = 0
        for chunk in self.chunks:
            position += len(chunk.data)
            if position >= event.end_offset:
                return chunk.at
        return self.ended_at

    @cached_property
    def received(self) -> tuple[Received, ...]:
        """The JSON-RPC messages of the response: of its JSON body, or of each event with data.

        Events with empty data (priming) and bodies that do not parse are included as they are: a priming
        event is left out, a broken payload is an `INVALID` message.
        """
        return tuple(self._received())

    def _received(self) -> Iterator[Received]:
        if self.is_sse:
            for event in self.events:
                if event.dispatched and event.data:
                    yield Received(
                        jsonrpc.decode(event.data.encode("utf-8", "replace")), event, self.arrival(event)
                    )
        elif self.body and (self.is_json or self.body.lstrip()[:1] in (b"{", b"[")):
            yield Received(jsonrpc.decode(self.body), None, self.chunks[-1].at)

    @cached_property
    def messages(self) -> tuple[jsonrpc.Message, ...]:
        """The JSON-RPC messages of the response, members of batches one by one."""
        found: list[jsonrpc.Message] = []
        for item in self.received:
            found += item.message.members if item.message.kind is jsonrpc.Kind.BATCH else (item.message,)
        return tuple(found)

    @cached_property
    def responses(self) -> tuple[jsonrpc.Message, ...]:
        """The results and errors among the messages."""
        return tuple(m for m in self.messages if m.kind in (jsonrpc.Kind.RESULT, jsonrpc.Kind.ERROR))

    @cached_property
    def requests(self) -> tuple[jsonrpc.Message, ...]:
        """The requests of the server among the messages: those with a method and an id."""
        return tuple(m for m in self.messages if m.kind is jsonrpc.Kind.REQUEST)

    @cached_property
    def notifications(self) -> tuple[jsonrpc.Message, ...]:
        """The notifications among the messages."""
        return tuple(m for m in self.messages if m.kind is jsonrpc.Kind.NOTIFICATION)

    def response_to(self, request_id: object) -> jsonrpc.Message | None:
        """Return the first response that carries this id (equal in value and JSON type), or None."""
        return next((m for m in self.responses if jsonrpc.same_id(m.id, request_id)), None)

    @property
    def response(self) -> jsonrpc.Message | None:
        """The first result or error, whatever its id, or None."""
        return self.responses[0] if self.responses else None

    @property
    def result(self) -> object:
        """The `result` of the first response, or None when there is none."""
        response = self.response
        return response.result if response is not None and response.kind is jsonrpc.Kind.RESULT else None

    @property
    def error(self) -> dict[str, object] | None:
        """The `error` object of the first response, or None when there is none."""
        response = self.response
        if (
            response is None
            or response.kind is not jsonrpc.Kind.ERROR
            or not isinstance(response.error, dict)
        ):
            return None
        return response.error

    @property
    def error_code(self) -> object:
        """The `error.code` of the first response, or None."""
        return self.error.get("code") if self.error else None

    @property
    def summary(self) -> str:
        """One line that says what came back, for reports."""
        if self.status is None:
            return (
                f"no response ({self.end.value}: {self.detail})"
                if self.detail
                else f"no response ({self.end.value})"
            )
        parts = [f"HTTP {self.status}"]
        if self.essence:
            parts.append(self.essence)
        if self.is_sse:
            parts.append(f"{len(self.events)} events")
        if self.error is not None:
            parts.append(f"JSON-RPC error {self.error.get('code')}")
        elif self.result is not None:
            parts.append("JSON-RPC result")
        elif not self.body:
            parts.append("empty body")
        if self.end is not End.EOF:
            parts.append(f"ended by {self.end.value}" + (f" ({self.detail})" if self.detail else ""))
        return ", ".join(parts)
