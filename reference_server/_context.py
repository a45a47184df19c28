"""One HTTP request as every layer sees it: verb, headers, body, JSON-RPC message, session, revision."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal

from anyio.abc import TaskGroup

from reference_server._jsonrpc import UNREADABLE, Refusal, is_answer, is_call, is_id, parse
from reference_server.memory import Memory
from reference_server.sessions import Session, SessionTable
from reference_server.task_store import new_task_id

if TYPE_CHECKING:
    from reference_server.authorization import Authorization
    from reference_server.principals import Principal
    from reference_server.replicas import Replica

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
ASGIApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Layer = Callable[[ASGIApp], ASGIApp]
HeaderLines = tuple[tuple[str, str], ...]

HANDSHAKE_REVISIONS: Final = ("2025-03-26", "2025-06-18", "2025-11-25")
"""The revisions with a handshake that this server speaks, oldest first."""

MODERN_REVISIONS: Final = ("2026-07-28",)
"""The revisions that state version and capabilities in every request, oldest first."""

REVISIONS: Final = HANDSHAKE_REVISIONS + MODERN_REVISIONS
"""All revisions this server speaks, oldest first."""

SERVED_REVISIONS: Final = {
    "handshake": HANDSHAKE_REVISIONS,
    "modern": MODERN_REVISIONS,
    "dual": REVISIONS,
}
"""The revisions that an app of each `era` serves, oldest first."""

SERVER_INFO_KEY: Final = "io.modelcontextprotocol/serverInfo"
"""The member of a modern result's `_meta` that names the server."""

VERSION_KEY: Final = "io.modelcontextprotocol/protocolVersion"
"""The member of a modern request's `_meta` that states its revision."""

_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")

SESSION_HEADER: Final = "mcp-session-id"
VERSION_HEADER: Final = "mcp-protocol-version"

RAW_NAMES: Final = "mcp.raw_header_names"
"""Key in `scope["state"]` under which `serving` puts header names as they were spelt."""

RAW_HEAD: Final = "mcp.raw_head"
"""Key in `scope["state"]` under which `serving` puts the bytes of the request head, without its last line."""

CLOSE_CONNECTION: Final = "mcp.close_connection"
"""Key in `scope["state"]` of a function that closes the connection once all that was sent is on its way."""

ON_SHUTDOWN: Final = "mcp.on_shutdown"
"""Key in `scope["state"]` of a set of functions that `serving` calls when the server is told to end."""

_CONTEXT_KEY: Final = "reference_server.context"


@dataclass(slots=True)
class Facts:
    """What is true of one running app: its mode, its era, its sessions, and room for the state of layers.

    `get_streams` holds the `send` of each open GET stream by session id ("" without one), newest last.
    `cut_requests` counts the requests whose client went away before their body was complete.
    `unread` counts the requests whose body is not complete yet.
    `background` runs what layers start for the life of the app, while it serves.
    `state_seconds` is how long a client has to answer what a tool asked back for, in the modern era.
    `memory` is what the tools remember beside the sessions.
    `paged` tells which lists come on two pages, see `paging.PAGED`.
    `origins` are the origins whose pages may use the server, beside those of this machine.
    `fixtures` tells whether there is what the official conformance suite asks for, see `fixtures`.
    `replica` is this app as one of those that have one store, or None if it has none.
    `state_key` is the secret behind request states, or None for one that this process alone has.
    `session_prefix` is what every session id begins with.
    `path` is the path of the endpoint.
    `authorization` finds out whom the app serves; None if it is open to all.
    """

    mode: str
    json_response: bool = False
    resumable: bool = False
    sessions: SessionTable = field(default_factory=SessionTable)
    get_streams: dict[str, list[Send]] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict)
    cut_requests: int = 0
    unread: int = 0
    background: TaskGroup | None = None
    era: str = "dual"
    state_seconds: float = 120.0
    memory: Memory = field(default_factory=Memory)
    paged: str = "resources"
    fixtures: bool = False
    replica: Replica | None = None
    state_key: str | None = None
    session_prefix: str = ""
    path: str = "/mcp"
    authorization: Authorization | None = None
    origins: tuple[str, ...] = ()

    @property
    def revisions(self) -> tuple[str, ...]:
        """The revisions that the app serves, oldest first."""
        return SERVED_REVISIONS[self.era]

    def new_task_id(self) -> str:
        """Return an id for a new task; one that other replicas see says where it runs."""
        return new_task_id() if self.replica is None else self.replica.task_id()

    @property
    def logs(self) -> bool:
        """Whether log messages are sent, which new implementations are to leave out."""
        return self.era != "modern"


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
        body_seconds: How long the body took to come in.
        facts: What is true of the app.
        principal: Whom it comes from, once that is known; None on a server that is open to all.
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
    principal: Principal | None = None
    body_seconds: float = 0.0

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
    def meta(self) -> dict[str, Any]:
        """The `_meta` of the params of a single message; empty if there is none or it is no object."""
        found = self.params.get("_meta")
        return found if isinstance(found, dict) else {}

    @cached_property
    def is_modern(self) -> bool:
        """Whether this is a request of the era without handshake, by the rules of `era`."""
        if self.facts.era != "dual":
            return self.facts.era == "modern"
        header, stated = self.header(VERSION_HEADER), self.meta.get(VERSION_KEY)
        if header is not None and _DATE.fullmatch(header) and header > HANDSHAKE_REVISIONS[-1]:
            return True
        return VERSION_KEY in self.meta and not (header == stated and stated in HANDSHAKE_REVISIONS)

    @property
    def era(self) -> Literal["handshake", "modern"]:
        """The era whose rules this request is served by.

        An app of one era serves everything by its rules. Where both are served, a request is modern if its
        version header names a revision after those with a handshake, or if its `_meta` states a revision. One
        that states the same revision with a handshake in both places belongs to that revision.
        """
        return "modern" if self.is_modern else "handshake"

    @property
    def stays_open(self) -> bool:
        """Whether this asks for a stream that stays open: a GET, or `subscriptions/listen`."""
        return self.method == "GET" or (self.is_modern and self.rpc_method == "subscriptions/listen")

    @property
    def is_opening(self) -> bool:
        """Whether this is the request with which a client begins: `initialize`, or `server/discover`."""
        return self.is_initialize or (self.is_plain and self.is_modern)

    @property
    def is_plain(self) -> bool:
        """Whether this is the cheapest request that every server serves: `ping`, or `server/discover`."""
        return self.is_request and self.rpc_method == ("server/discover" if self.is_modern else "ping")

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
        """Whether this is an `initialize` request of the handshake era; the modern era has no such method."""
        return self.is_request and self.rpc_method == "initialize" and not self.is_modern

    @property
    def session_id(self) -> str | None:
        """The session id that the client sent, or None."""
        return self.header(SESSION_HEADER)

    @property
    def session(self) -> Session | None:
        """The live session of this request, or None; a modern request has none, whatever id it carries."""
        if self.facts.mode != "stateful" or self.is_modern:
            return None
        return self.facts.sessions.get(self.session_id)

    @property
    def revision(self) -> str | None:
        """The revision that rules this request, or None if nothing tells it.

        The session's negotiated one; for `initialize` the one that will be agreed on; in stateless mode that
        of the header, and 2025-03-26 without header. For a modern request the one that it states, if it is
        served: that of the header, else that of `_meta`.
        """
        if self.is_modern:
            found = (self.header(VERSION_HEADER), self.meta.get(VERSION_KEY))
            return next((each for each in found if each in MODERN_REVISIONS), None)
        if self.is_initialize:
            return negotiate(self.params.get("protocolVersion"))
        if self.facts.mode == "stateful":
            session = self.session
            return session.revision if session else None
        stated = self.header(VERSION_HEADER)
        if stated is None:
            return HANDSHAKE_REVISIONS[0]
        return stated if stated in HANDSHAKE_REVISIONS else None

    @property
    def state(self) -> dict[str, Any]:
        """Room for the state of layers, one per app."""
        return self.facts.state


def negotiate(requested: object) -> str:
    """Return the revision agreed on for a requested one: the same if it is served, else the newest."""
    return (
        requested
        if isinstance(requested, str) and requested in HANDSHAKE_REVISIONS
        else HANDSHAKE_REVISIONS[-1]
    )


def context_of(scope: Scope) -> RequestContext:
    """Return the context of the request that a layer was called for."""
    context = scope[_CONTEXT_KEY]
    assert isinstance(context, RequestContext)
    return context


def scope_with(scope: Scope, context: RequestContext) -> Scope:
    """Return a copy of an ASGI scope that carries another request context."""
    lines = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in context.headers]
    return {**scope, "method": context.method, "headers": lines, _CONTEXT_KEY: context}
