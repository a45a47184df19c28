"""What a client of either era knows and how it words its requests; it sends nothing itself.

It says what the revision asks of a client unless it is told otherwise, header by header and `_meta` key by
key, and judges nothing.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from pytest_mcp_http.client.callbacks import Callbacks, Elicitation, Roots, Sampling
from pytest_mcp_http.client.judging import result_of
from pytest_mcp_http.client.results import Implementation
from pytest_mcp_http.dialect import (
    CLIENT_CAPABILITIES,
    CLIENT_INFO,
    CLIENT_NAME,
    LOG_LEVEL,
    PROTOCOL_VERSION,
    dialect_of,
)
from pytest_mcp_http.errors import NegotiationError
from pytest_mcp_http.spec.revisions import MODERN_REVISIONS, header_revision
from pytest_mcp_http.wire import jsonrpc
from pytest_mcp_http.wire.exchange import JSON_TYPE, SSE_TYPE, Exchange, Request
from pytest_mcp_http.wire.headers import Headers
from pytest_mcp_http.wire.http import HttpWire, Limits
from pytest_mcp_http.wire.mirror import mirrored

if TYPE_CHECKING:
    from pytest_mcp_http.client.reading import Reader
    from pytest_mcp_http.client.stream import MessageStream

SESSION_HEADER = "Mcp-Session-Id"
VERSION_HEADER = "MCP-Protocol-Version"
IMPLEMENTATION: Final[Mapping[str, str]] = {"name": CLIENT_NAME, "version": "1"}

UNSET: Any = object()
NOTHING: Final[Mapping[str, object]] = MappingProxyType({})

HeaderChanges = Mapping[str, str | None]
"""Header lines to set, or to leave out (None), by name in any case."""

MetaChanges = Mapping[str, object] | None
"""`_meta` members to set, or to leave out (`ABSENT`), by key; None for no `_meta` at all."""

HeaderLines = Mapping[str, str] | tuple[tuple[str, str], ...]


class Speaker:
    """Know what one client of one server has to say.

    Args:
        url: The MCP endpoint.
        revision: The revision to speak, for example `2025-11-25`; None for the newest that both sides speak,
            which `connect` finds out.
        wire: Where requests are sent; None for one of its own, which ends with the client.
        headers: Header lines added to every request, such as credentials. Their values are never shown.
        capabilities: Client capabilities: declared in `initialize`, or with each request from 2026-07-28 on.
            Those that the callbacks need are added.
        declare: Version to name in place of `revision`, for probes.
        limits: Limits of each exchange over a wire of its own.
        sampling: Called with the params of `sampling/createMessage`; returns the result, or the text that
            the model says.
        elicitation: Called with the params of `elicitation/create`; returns the result, for example
            `{"action": "accept", "content": {...}}`.
        roots: The roots, as URIs or as objects, or a function that returns them.

    Attributes:
        dialect: What sets the era of the revision apart.
        log: Every exchange that was read to its end, in the order in which it ended.
        session_id: The id that the server assigned, or None; always None where the era has no sessions.
        negotiated: The version in the server's answer to `connect`, or None before.
        opening: The exchange with which the client opened, or None before.
        terminated: Whether there is no session of ours left to end.
        schemas: `inputSchema` of each tool that the server listed to this client, by name: says which
            arguments of a call are repeated in headers.
        log_level: Level of log messages to ask for with each request from 2026-07-28 on, or None.

    Raises:
        ValueError: If the revision is not one that uses Streamable HTTP, or if both `wire` and `limits` are
            given.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#streamable-http and
        https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http
    """

    def __init__(
        self,
        url: str,
        revision: str | None = None,
        wire: HttpWire | None = None,
        *,
        headers: HeaderLines = (),
        capabilities: Mapping[str, object] | None = None,
        declare: str | None = None,
        limits: Limits | None = None,
        sampling: Sampling | None = None,
        elicitation: Elicitation | None = None,
        roots: Roots | None = None,
    ) -> None:
        if wire is not None and limits is not None:
            raise ValueError("limits are those of the wire: give wire or limits, not both")
        self._options: dict[str, Any] = {
            "url": url,
            "revision": revision,
            "wire": wire,
            "headers": headers,
            "capabilities": capabilities,
            "declare": declare,
            "limits": limits,
            "sampling": sampling,
            "elicitation": elicitation,
            "roots": roots,
        }
        self.url = url
        self.wire = wire or HttpWire(limits)
        self.base_headers = tuple(headers.items()) if isinstance(headers, Mapping) else headers
        self.callbacks = Callbacks(sampling, elicitation, roots)
        self.declare = declare
        self.speak(revision or MODERN_REVISIONS[-1])
        self.log: list[Exchange] = []
        self.session_id: str | None = None
        self.negotiated: str | None = None
        self.opening: Exchange | None = None
        self.terminated = False
        self.schemas: dict[str, Any] = {}
        self.log_level: str | None = None
        self._streams: list[MessageStream] = []
        self._ids = itertools.count(1)
        self._lock = threading.Lock()

    @property
    def negotiates(self) -> bool:
        """Whether `connect` finds out the revision."""
        return self._options["revision"] is None

    @property
    def owns_wire(self) -> bool:
        """Whether the wire ends with the client."""
        return self._options["wire"] is None

    def speak(self, revision: str) -> None:
        """Speak a revision from now on.

        Args:
            revision: One of those that use Streamable HTTP.

        Raises:
            ValueError: If it is not one of them.
        """
        self.dialect = dialect_of(revision)
        self.revision = revision
        self.capabilities: dict[str, object] = {
            **self.callbacks.capabilities(revision),
            **(self._options["capabilities"] or {}),
        }

    # -- what the server said of itself ---------------------------------------------------------------------

    @property
    def server_info(self) -> Implementation | None:
        """Name and version of the server, once connected; None if a server of 2026-07-28 does not say.

        Raises:
            CallError: If the server did not open, or if what it says is malformed.
            RuntimeError: If the client is not connected.
        """
        result = self.opened_with()
        path = "result." + ".".join(self.dialect.server_info)
        info = self.dialect.info_in(result.raw)
        if info is None and self.dialect.per_request:
            return None
        return Implementation.read(result.at(info, path))

    @property
    def server_capabilities(self) -> Mapping[str, Any]:
        """Capabilities that the server declares, once connected.

        Raises:
            CallError: If the server did not open, or if what it says is malformed.
            RuntimeError: If the client is not connected.
        """
        return self.opened_with().child("capabilities").mapping()

    @property
    def instructions(self) -> str | None:
        """What the server says about how to use it, once connected, or None.

        Raises:
            CallError: If the server did not open, or if what it says is malformed.
            RuntimeError: If the client is not connected.
        """
        return self.opened_with().optional_text("instructions")

    def opened_with(self) -> Reader:
        """Return the result with which the server opened.

        Raises:
            CallError: If it did not open, or not at the revision that is spoken.
            RuntimeError: If the client is not connected.
        """
        if self.opening is None:
            raise RuntimeError("the client is not connected: use it as a context manager, or call connect()")
        result = result_of(self.opening)
        if self.negotiated not in (self.revision, self.declare) or self.negotiated is None:
            raise NegotiationError(
                f"asked for the revision {self.revision}, but the server "
                + (f"speaks {self.negotiated}" if self.negotiated else "does not speak it"),
                self.opening,
            )
        return result

    # -- wording --------------------------------------------------------------------------------------------

    def initialize_params(self, revision: str | None = None) -> dict[str, object]:
        """Return the `params` of an `initialize` request of this client."""
        return {
            "protocolVersion": revision or self.declare or self.revision,
            "capabilities": self.capabilities,
            "clientInfo": IMPLEMENTATION,
        }

    def next_id(self) -> int:
        """Return an id that this client has not used yet."""
        with self._lock:
            return next(self._ids)

    def message(
        self,
        method: str,
        params: object = jsonrpc.ABSENT,
        *,
        id: object = UNSET,
        meta: MetaChanges = NOTHING,
    ) -> dict[str, Any]:
        """Build the JSON-RPC request that this client would send.

        Args:
            method: Its method.
            params: Its params. An object gets the `_meta` that the revision asks for, and keys of its own
                `_meta` win; what is no object stays as it is.
            id: Its id; default a fresh integer.
            meta: Changes to `_meta`.
        """
        return jsonrpc.request(method, self._with_meta(params, meta), id=self._id(id))

    def build(self, method: str, body: object = None, headers: HeaderChanges | None = None) -> Request:
        """Build the HTTP request that this client would send now.

        Args:
            method: HTTP method.
            body: None, bytes, or a JSON value.
            headers: Header lines to set, or to leave out (None), by name in any case.
        """
        lines: dict[str, tuple[str, str]] = {}

        def put(name: str, value: str | None) -> None:
            if value is None:
                lines.pop(name.lower(), None)
            else:
                lines[name.lower()] = (name, value)

        if method == "POST":
            put("Content-Type", JSON_TYPE)
            put("Accept", f"{JSON_TYPE}, {SSE_TYPE}")
        else:
            put("Accept", SSE_TYPE if method == "GET" else f"{JSON_TYPE}, {SSE_TYPE}")
        put("User-Agent", CLIENT_NAME)
        put(SESSION_HEADER, self.session_id)
        put(VERSION_HEADER, self.declare or header_revision(self.revision))
        if self.dialect.per_request:
            for name, value in mirrored(body, self.schemas).items():
                put(name, value)
        for name, value in self.base_headers:
            put(name, value)
        for name, override in (headers or {}).items():
            put(name, override)
        data = b"" if body is None else body if isinstance(body, bytes) else jsonrpc.encode(body)
        secrets = frozenset(name.lower() for name, _ in self.base_headers)
        return Request(method, self.url, Headers(lines.values()), data, secrets)

    def _id(self, id: object) -> object:
        return self.next_id() if id is UNSET else id

    def _with_meta(self, params: object, changes: MetaChanges) -> object:
        """Return the params with the `_meta` of this client, changed; as they are if they are no object."""
        if params is not jsonrpc.ABSENT and not isinstance(params, dict):
            return params
        meta: dict[str, object] = {}
        if self.dialect.per_request and changes is not None:
            meta = {
                PROTOCOL_VERSION: self.declare or self.revision,
                CLIENT_INFO: IMPLEMENTATION,
                CLIENT_CAPABILITIES: self.capabilities,
            }
            if self.log_level is not None:
                meta[LOG_LEVEL] = self.log_level
        given = params.get("_meta", NOTHING) if isinstance(params, dict) else NOTHING
        if not isinstance(given, Mapping):
            return params
        meta.update(given)
        for key, value in (changes or {}).items():
            meta[key] = value
        meta = {key: value for key, value in meta.items() if value is not jsonrpc.ABSENT}
        if not meta and not (isinstance(params, dict) and "_meta" in params):
            return params
        return {**(params if isinstance(params, dict) else {}), "_meta": meta}

    def learn_tools(self, exchange: Exchange) -> None:
        """Remember the schemas of tools in the answer to `tools/list`."""
        sent = exchange.request.message if self.dialect.per_request else None
        result = exchange.result if sent is not None and sent.method == "tools/list" else None
        tools = result.get("tools") if isinstance(result, dict) else None
        for tool in tools if isinstance(tools, list) else ():
            if isinstance(tool, dict) and isinstance(tool.get("name"), str):
                self.schemas[tool["name"]] = tool.get("inputSchema")

    # -- what happened --------------------------------------------------------------------------------------

    def keep(self, stream: MessageStream) -> None:
        """Count a stream that was opened among `exchanges`."""
        with self._lock:
            self._streams.append(stream)

    def over(self, stream: MessageStream) -> None:
        """Move a stream that was closed to the log."""
        with self._lock:
            if stream in self._streams:
                self._streams.remove(stream)
                self.log.append(stream.exchange)

    @property
    def open_streams(self) -> tuple[MessageStream, ...]:
        """The streams that were opened and not closed."""
        return tuple(self._streams)

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """Every exchange of this client, as far as it has come; the streams that were kept open last."""
        return (*self.log, *(stream.exchange for stream in self._streams))
