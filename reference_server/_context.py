"""One HTTP request as every layer sees it: verb, headers, body, JSON-RPC message, session, revision."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

import anyio
from anyio.abc import TaskGroup

from reference_server._jsonrpc import UNREADABLE, Refusal, is_answer, is_call, is_id, parse
from reference_server.sessions import Session, SessionTable

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Layer = Callable[[ASGIApp], ASGIApp]
HeaderLines = tuple[tuple[str, str], ...]

REVISIONS: Final = ("2025-03-26", "2025-06-18", "2025-11-25")
"""The revisions this server speaks, oldest first."""

SESSION_HEADER: Final = "mcp-session-id"
VERSION_HEADER: Final = "mcp-protocol-version"

RAW_NAMES: Final = "mcp.raw_header_names"
"""Key in `scope["state"]` under which `serving` puts header names as they were spelt."""

MAX_BODY: Final = 4 * 1024 * 1024
"""Largest request body that is read, in bytes; more is drained up to `MAX_DRAIN` and refused with 413."""
MAX_DRAIN: Final = 64 * 1024 * 1024

_CONTEXT_KEY: Final = "reference_server.context"


@dataclass(slots=True)
class Facts:
    """What is true of one running app: its mode, its sessions, and room for the state of layers.

    `get_streams` holds the `send` of each open GET stream by session id ("" without one), newest last.
    `cut_requests` counts the requests whose client went away before their body was complete.
    `background` runs what layers start for the life of the app, while it serves.
    """

    mode: str
    json_response: bool = False
    resumable: bool = False
    sessions: SessionTable = field(default_factory=SessionTable)
    get_streams: dict[str, list[Send]] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict)
    cut_requests: int = 0
    background: TaskGroup | None = None


@dataclass(frozen=True)
class RequestContext:
    """One HTTP request.

    Args:
        method: HTTP verb in capitals.
        path: Path without query.
        headers: Header lines in order, names in lower case.
        body: The whole body; empty if there is none or it was too large.
        too_large: Whether the body was larger than `MAX_BODY`.
        scheme: `http` or `https`.
        server_host: Address of the server side of the connection, if known.
        raw_names: Header names as they were spelt on the wire; empty if the HTTP server does not tell.
        facts: What is true of the app.
    """

    method: str
    path: str
    headers: HeaderLines
    body: bytes
    facts: Facts
    too_large: bool = False
    scheme: str = "http"
    server_host: str | None = None
    raw_names: tuple[str, ...] = ()

    def header(self, name: str) -> str | None:
        """Return the first value of a header, or None."""
        return next(iter(self.header_values(name)), None)

    def header_values(self, name: str) -> list[str]:
        """Return all values of a header, in order."""
        return [value for key, value in self.headers if key == name.lower()]

    def changed(self, *, body: bytes | None = None, headers: HeaderLines | None = None) -> RequestContext:
        """Return a copy with another body or other headers."""
        return replace(
            self,
            body=self.body if body is None else body,
            headers=self.headers if headers is None else headers,
        )

    def with_header(self, name: str, value: str | None) -> RequestContext:
        """Return a copy in which a header has just this value, or is absent for None."""
        rest = tuple(line for line in self.headers if line[0] != name.lower())
        return self.changed(headers=rest if value is None else (*rest, (name.lower(), value)))

    @cached_property
    def value(self) -> Any:
        """The body as JSON value, or `UNREADABLE`."""
        try:
            return parse(self.body)
        except Refusal:
            return UNREADABLE

    @property
    def members(self) -> list[Any]:
        """The messages of the body: those of a batch, or the single one; none if the body is unreadable."""
        if isinstance(self.value, list):
            return self.value
        return [] if self.value is UNREADABLE else [self.value]

    @property
    def is_batch(self) -> bool:
        """Whether the body is a JSON array."""
        return isinstance(self.value, list)

    @property
    def rpc_method(self) -> str | None:
        """The JSON-RPC method of a single request or notification, or None."""
        method = self.value.get("method") if isinstance(self.value, dict) else None
        return method if isinstance(method, str) else None

    @property
    def rpc_id(self) -> Any:
        """The id of a single message if it is a legal one, else `UNREADABLE`."""
        found = self.value.get("id") if isinstance(self.value, dict) else None
        return found if is_id(found) else UNREADABLE

    @property
    def params(self) -> dict[str, Any]:
        """The params of a single message; empty if there are none or they are no object."""
        found = self.value.get("params") if isinstance(self.value, dict) else None
        return found if isinstance(found, dict) else {}

    @property
    def is_request(self) -> bool:
        """Whether this is a POST of a single JSON-RPC request (a method and an id)."""
        return self.method == "POST" and is_call(self.value)

    @property
    def is_notification(self) -> bool:
        """Whether this is a POST of a single JSON-RPC notification."""
        return self.method == "POST" and self.rpc_method is not None and "id" not in self.value

    @property
    def is_response(self) -> bool:
        """Whether this is a POST of a single JSON-RPC response."""
        return self.method == "POST" and is_answer(self.value)

    @property
    def is_initialize(self) -> bool:
        """Whether this is an `initialize` request."""
        return self.is_request and self.rpc_method == "initialize"

    @property
    def session_id(self) -> str | None:
        """The session id that the client sent, or None."""
        return self.header(SESSION_HEADER)

    @property
    def session(self) -> Session | None:
        """The live session of this request, or None."""
        return self.facts.sessions.get(self.session_id) if self.facts.mode == "stateful" else None

    @property
    def revision(self) -> str | None:
        """The revision that rules this request, or None if nothing tells it.

        The session's negotiated one; for `initialize` the one that will be agreed on; in stateless mode that
        of the header, and 2025-03-26 without header.
        """
        if self.is_initialize:
            return negotiate(self.params.get("protocolVersion"))
        if self.facts.mode == "stateful":
            session = self.session
            return session.revision if session else None
        stated = self.header(VERSION_HEADER)
        if stated is None:
            return REVISIONS[0]
        return stated if stated in REVISIONS else None

    @property
    def state(self) -> dict[str, Any]:
        """Room for the state of layers, one per app."""
        return self.facts.state


def negotiate(requested: object) -> str:
    """Return the revision agreed on for a requested one: the same if it is served, else the newest."""
    return requested if isinstance(requested, str) and requested in REVISIONS else REVISIONS[-1]


def context_of(scope: Scope) -> RequestContext:
    """Return the context of the request that a layer was called for."""
    context = scope[_CONTEXT_KEY]
    assert isinstance(context, RequestContext)
    return context


def scope_with(scope: Scope, context: RequestContext) -> Scope:
    """Return a copy of an ASGI scope that carries another request context."""
    lines = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in context.headers]
    return {**scope, "method": context.method, "headers": lines, _CONTEXT_KEY: context}


def read_requests(facts: Facts) -> Layer:
    """Build the outermost layer: read each body once and attach a `RequestContext` to the scope.

    Layers inside take the body from the context; their `receive` only tells of a client that went away.
    """

    def layer(inner: ASGIApp) -> ASGIApp:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            body = await _read_body(receive)
            if body is None:
                facts.cut_requests += 1
                return
            context = RequestContext(
                method=scope["method"],
                path=scope["path"],
                headers=tuple(
                    (k.decode("latin-1").lower(), v.decode("latin-1")) for k, v in scope["headers"]
                ),
                body=body if len(body) <= MAX_BODY else b"",
                too_large=len(body) > MAX_BODY,
                scheme=scope.get("scheme", "http"),
                server_host=(scope.get("server") or (None,))[0],
                raw_names=scope.get("state", {}).get(RAW_NAMES, ()),
                facts=facts,
            )
            streams = _TrackedStream(context, send)
            try:
                await inner(scope_with(scope, context), receive, streams.send)
            finally:
                streams.forget()

        return app

    return layer


async def _read_body(receive: Receive) -> bytes | None:
    """Read a body; None if the client went away, more than `MAX_BODY` bytes if it was too large."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        chunk = message.get("body", b"")
        size += len(chunk)
        if size <= MAX_BODY + 1:
            chunks.append(chunk)
        if not message.get("more_body", False):
            break
        if size > MAX_DRAIN:
            break
    return b"".join(chunks) if size <= MAX_BODY else b"\0" * (MAX_BODY + 1)


class _TrackedStream:
    """Keeps the `send` of a GET stream in `Facts.get_streams` while the stream is open."""

    def __init__(self, context: RequestContext, send: Send) -> None:
        self._context = context
        self._send = send
        self._lock = anyio.Lock()
        self._key = context.session_id or ""

    async def send(self, message: Message) -> None:
        async with self._lock:
            await self._send(message)
        if (
            message["type"] == "http.response.start"
            and self._context.method == "GET"
            and message["status"] == 200
        ):
            self._context.facts.get_streams.setdefault(self._key, []).append(self.send)

    def forget(self) -> None:
        streams = self._context.facts.get_streams.get(self._key, [])
        if self.send in streams:
            streams.remove(self.send)
        if not streams:
            self._context.facts.get_streams.pop(self._key, None)
