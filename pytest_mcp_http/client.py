"""A client that speaks one protocol revision, of either era, and keeps every exchange.

It sends what the revision asks of a client unless it is told otherwise, header by header and `_meta` key by
key, and judges nothing.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from pytest_mcp_http import answering
from pytest_mcp_http.dialect import (
    ALL_CHANGES,
    CLIENT_CAPABILITIES,
    CLIENT_INFO,
    PROTOCOL_VERSION,
    dialect_of,
)
from pytest_mcp_http.spec.revisions import header_revision
from pytest_mcp_http.wire import jsonrpc
from pytest_mcp_http.wire.exchange import JSON_TYPE, SSE_TYPE, Exchange, Request
from pytest_mcp_http.wire.headers import Headers
from pytest_mcp_http.wire.http import HttpWire, Limits, OpenStream
from pytest_mcp_http.wire.mirror import mirrored

SESSION_HEADER = "Mcp-Session-Id"
VERSION_HEADER = "MCP-Protocol-Version"
IMPLEMENTATION: Final[Mapping[str, str]] = {"name": "pytest-mcp-http", "version": "1"}

_UNSET: Any = object()
_NOTHING: Final[Mapping[str, object]] = MappingProxyType({})

HeaderChanges = Mapping[str, str | None]
"""Header lines to set, or to leave out (None), by name in any case."""

MetaChanges = Mapping[str, object] | None
"""`_meta` members to set, or to leave out (`ABSENT`), by key; None for no `_meta` at all."""


class McpClient:
    """Speak one revision with one server, as one client.

    Args:
        url: The MCP endpoint.
        revision: The revision to speak, for example `2025-11-25`.
        wire: Where requests are sent.
        headers: Header lines added to every request, such as credentials.
        capabilities: Client capabilities: declared in `initialize`, or with each request from 2026-07-28 on.
        declare: Version to name in place of `revision`, for probes.

    Attributes:
        dialect: What sets the era of the revision apart.
        log: Every exchange that was read to its end, in the order in which it ended.
        session_id: The id that the server assigned, or None; always None where the era has no sessions.
        negotiated: The version in the server's answer to `connect`, or None before.
        terminated: Whether there is no session of ours left to end.
        schemas: `inputSchema` of each tool that the server listed to this client, by name: says which
            arguments of a call are repeated in headers.

    Raises:
        ValueError: If the revision is not one that uses Streamable HTTP.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#streamable-http and
        https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http
    """

    def __init__(
        self,
        url: str,
        revision: str,
        wire: HttpWire,
        *,
        headers: tuple[tuple[str, str], ...] = (),
        capabilities: Mapping[str, object] | None = None,
        declare: str | None = None,
    ) -> None:
        self.url = url
        self.revision = revision
        self.dialect = dialect_of(revision)
        self.wire = wire
        self.base_headers = headers
        self.capabilities = dict(capabilities or {})
        self.declare = declare
        self.log: list[Exchange] = []
        self.session_id: str | None = None
        self.negotiated: str | None = None
        self.terminated = False
        self.schemas: dict[str, Any] = {}
        self._streams: list[OpenStream] = []
        self._ids = itertools.count(1)
        self._lock = threading.Lock()

    # -- opening --------------------------------------------------------------------------------------------

    def initialize_params(self, revision: str | None = None) -> dict[str, object]:
        """Return the `params` of an `initialize` request of this client."""
        return {
            "protocolVersion": revision or self.declare or self.revision,
            "capabilities": self.capabilities,
            "clientInfo": IMPLEMENTATION,
        }

    def initialize(self, *, id: object = _UNSET, headers: HeaderChanges | None = None) -> Exchange:
        """Send `initialize` as the handshake revisions have it, and remember session id and version."""
        body = jsonrpc.request("initialize", self.initialize_params(), id=self._id(id))
        exchange = self.post(body, headers={SESSION_HEADER: None, VERSION_HEADER: None, **(headers or {})})
        self.session_id = exchange.headers.get(SESSION_HEADER) if exchange.ok else None
        result = exchange.result
        version = result.get("protocolVersion") if isinstance(result, dict) else None
        self.negotiated = version if isinstance(version, str) else None
        return exchange

    def initialized(self) -> Exchange:
        """Send `notifications/initialized`."""
        return self.notify("notifications/initialized")

    def discover(self, *, id: object = _UNSET, headers: HeaderChanges | None = None) -> Exchange:
        """Send `server/discover`, and remember whether the server speaks this client's revision."""
        exchange = self.request("server/discover", id=id, headers=headers)
        result = exchange.result
        versions = result.get("supportedVersions") if isinstance(result, dict) else None
        spoken = isinstance(versions, list) and self.revision in versions
        self.negotiated = self.revision if spoken else None
        return exchange

    def open(self, *, id: object = _UNSET, headers: HeaderChanges | None = None) -> Exchange:
        """Send the request with which a client of the era begins: `initialize` or `server/discover`."""
        return (self.initialize if self.dialect.sessions else self.discover)(id=id, headers=headers)

    def connect(self) -> McpClient:
        """Complete the opening and return this client; look at `negotiated` for the outcome."""
        if self.open().result is not None and self.dialect.sessions:
            self.initialized()
        return self

    # -- messages -------------------------------------------------------------------------------------------

    def next_id(self) -> int:
        """Return an id that this client has not used yet."""
        with self._lock:
            return next(self._ids)

    def message(
        self,
        method: str,
        params: object = jsonrpc.ABSENT,
        *,
        id: object = _UNSET,
        meta: MetaChanges = _NOTHING,
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

    def request(
        self,
        method: str,
        params: object = jsonrpc.ABSENT,
        *,
        id: object = _UNSET,
        meta: MetaChanges = _NOTHING,
        headers: HeaderChanges | None = None,
        limits: Limits | None = None,
    ) -> Exchange:
        """POST a JSON-RPC request.

        Args:
            method: Its method.
            params: Its params, see `message`; left out when absent, if the revision needs no `_meta`.
            id: Its id; default a fresh integer.
            meta: Changes to `_meta`.
            headers: Header lines to set, or to leave out (None), by name.
            limits: Limits of this exchange.
        """
        return self.post(self.message(method, params, id=id, meta=meta), headers=headers, limits=limits)

    def plain(
        self,
        params: object = jsonrpc.ABSENT,
        *,
        id: object = _UNSET,
        meta: MetaChanges = _NOTHING,
        headers: HeaderChanges | None = None,
        limits: Limits | None = None,
    ) -> Exchange:
        """POST the cheapest request that every server of the era serves: `ping` or `server/discover`."""
        return self.request(self.dialect.plain, params, id=id, meta=meta, headers=headers, limits=limits)

    def notify(
        self, method: str, params: object = jsonrpc.ABSENT, *, headers: HeaderChanges | None = None
    ) -> Exchange:
        """POST a JSON-RPC notification."""
        return self.post(jsonrpc.notification(method, params), headers=headers)

    def post(
        self, body: object, *, headers: HeaderChanges | None = None, limits: Limits | None = None
    ) -> Exchange:
        """POST a body: bytes as they are, anything else as JSON."""
        return self.send(self.build("POST", body, headers), limits=limits)

    # -- what the server asks for ---------------------------------------------------------------------------

    def retry(
        self, exchange: Exchange, responses: Mapping[str, object], *, headers: HeaderChanges | None = None
    ) -> Exchange:
        """Send a request again with what its `input_required` result asked for, under a fresh id.

        Args:
            exchange: The exchange whose result was `input_required`.
            responses: `inputResponses`: the client's result for each key of `inputRequests`.
            headers: Header lines to set, or to leave out (None), by name.

        Raises:
            ValueError: If the exchange holds no request.

        Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr#basic-workflow
        """
        method, params = answering.retry_params(exchange, responses)
        return self.request(method, params, headers=headers)

    def complete(
        self,
        method: str,
        params: object,
        answer: answering.Answer,
        *,
        rounds: int = answering.MAX_ROUNDS,
        limits: Limits | None = None,
    ) -> Exchange:
        """POST a request, and answer whatever the server asks for meanwhile, until there is a final answer.

        At the handshake revisions those are requests on the stream of the call, from 2026-07-28 on
        `input_required` results.

        Args:
            method: Method of the request.
            params: Its params.
            answer: Gets method and params of what is asked for, and returns the client's result for it.
            rounds: How often the server may ask.
            limits: Limits of each exchange.

        Returns:
            The exchange with the final answer; after so many rounds the last one, whatever it holds.
        """
        return answering.converse(self, method, params, answer, rounds=rounds, limits=limits).exchange

    # -- streams --------------------------------------------------------------------------------------------

    def get(self, *, headers: HeaderChanges | None = None, limits: Limits | None = None) -> Exchange:
        """Send a GET and return the answer; a stream that opens is closed at once."""
        with self.wire.open(self.build("GET", None, headers), limits=limits) as stream:
            limit = (limits or self.wire.limits).total
            stream.wait(lambda exchange: exchange.ok and exchange.is_sse, limit)
        self.log.append(stream.exchange)
        return stream.exchange

    def listen(
        self,
        *,
        last_event_id: str | None = None,
        notifications: Mapping[str, object] = ALL_CHANGES,
        id: object = _UNSET,
        headers: HeaderChanges | None = None,
        limits: Limits | None = None,
    ) -> OpenStream:
        """Open the stream on which a server sends what no request asked for.

        Args:
            last_event_id: Asks to resume a stream; for the handshake revisions, whose stream is a GET.
            notifications: What to be told of, for `subscriptions/listen` of the modern revisions.
            id: Id of that request; default a fresh integer.
            headers: Header lines to set, or to leave out (None), by name.
            limits: Limits of this exchange.
        """
        if last_event_id is not None:
            headers = {"Last-Event-ID": last_event_id, **(headers or {})}
        if self.dialect.sessions:
            return self._opened(self.build("GET", None, headers), limits)
        body = self.message("subscriptions/listen", {"notifications": dict(notifications)}, id=id)
        return self.stream(body, headers=headers, limits=limits)

    def stream(
        self,
        body: object,
        *,
        headers: HeaderChanges | None = None,
        limits: Limits | None = None,
    ) -> OpenStream:
        """POST a body and keep the response open."""
        return self._opened(self.build("POST", body, headers), limits)

    def _opened(self, request: Request, limits: Limits | None) -> OpenStream:
        stream = self.wire.open(request, limits=limits)
        self._streams.append(stream)
        return stream

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """Every exchange of this client, as far as it has come; the streams that were kept open last."""
        return (*self.log, *(stream.exchange for stream in self._streams))

    # -- the end --------------------------------------------------------------------------------------------

    def delete(self, *, headers: HeaderChanges | None = None) -> Exchange:
        """Send a DELETE, which ends the session where the server allows it."""
        exchange = self.send(self.build("DELETE", None, headers))
        if exchange.ok:
            self.terminated = True
        return exchange

    def close(self) -> None:
        """End the session, if there is one that we have not tried to end yet."""
        if self.session_id is not None and not self.terminated:
            self.delete()
            self.terminated = True

    def __enter__(self) -> McpClient:
        return self.connect()

    def __exit__(self, *exc: object) -> None:
        self.close()

    # -- requests -------------------------------------------------------------------------------------------

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
        put("User-Agent", "pytest-mcp-http")
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

    def send(self, request: Request, *, limits: Limits | None = None) -> Exchange:
        """Send a built request and keep the exchange."""
        exchange = self.wire.send(request, limits=limits)
        self.log.append(exchange)
        self._learn_tools(exchange)
        return exchange

    def _id(self, id: object) -> object:
        return self.next_id() if id is _UNSET else id

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
        given = params.get("_meta", _NOTHING) if isinstance(params, dict) else _NOTHING
        if not isinstance(given, Mapping):
            return params
        meta.update(given)
        for key, value in (changes or {}).items():
            meta[key] = value
        meta = {key: value for key, value in meta.items() if value is not jsonrpc.ABSENT}
        if not meta and not (isinstance(params, dict) and "_meta" in params):
            return params
        return {**(params if isinstance(params, dict) else {}), "_meta": meta}

    def _learn_tools(self, exchange: Exchange) -> None:
        sent = exchange.request.message if self.dialect.per_request else None
        result = exchange.result if sent is not None and sent.method == "tools/list" else None
        tools = result.get("tools") if isinstance(result, dict) else None
        for tool in tools if isinstance(tools, list) else ():
            if isinstance(tool, dict) and isinstance(tool.get("name"), str):
                self.schemas[tool["name"]] = tool.get("inputSchema")
