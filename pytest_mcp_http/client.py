"""A client that speaks one protocol revision of the handshake era, and keeps every exchange.

It sends what the revision asks of a client unless it is told otherwise, header by header, and judges nothing.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Mapping
from typing import Any

from pytest_mcp_http.spec.revisions import header_revision
from pytest_mcp_http.wire import jsonrpc
from pytest_mcp_http.wire.exchange import JSON_TYPE, SSE_TYPE, Exchange, Request
from pytest_mcp_http.wire.headers import Headers
from pytest_mcp_http.wire.http import HttpWire, Limits, OpenStream

SESSION_HEADER = "Mcp-Session-Id"
VERSION_HEADER = "MCP-Protocol-Version"
CLIENT_INFO = {"name": "pytest-mcp-http", "version": "1"}

_UNSET: Any = object()


class McpClient:
    """Speak one handshake revision with one server, as one client.

    Args:
        url: The MCP endpoint.
        revision: The revision to ask for, for example `2025-11-25`.
        wire: Where requests are sent.
        headers: Header lines added to every request, such as credentials.
        capabilities: Client capabilities declared in `initialize`.

    Attributes:
        log: Every exchange, in the order in which it ended.
        session_id: The id that the server assigned, or None.
        negotiated: The version in the server's answer, or None before `initialize`.
        terminated: Whether there is no session of ours left to end.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#streamable-http
    """

    def __init__(
        self,
        url: str,
        revision: str,
        wire: HttpWire,
        *,
        headers: tuple[tuple[str, str], ...] = (),
        capabilities: Mapping[str, object] | None = None,
    ) -> None:
        self.url = url
        self.revision = revision
        self.wire = wire
        self.base_headers = headers
        self.capabilities = dict(capabilities or {})
        self.log: list[Exchange] = []
        self.session_id: str | None = None
        self.negotiated: str | None = None
        self.terminated = False
        self._ids = itertools.count(1)
        self._lock = threading.Lock()

    # -- handshake ------------------------------------------------------------------------------------------

    def initialize_params(self, revision: str | None = None) -> dict[str, object]:
        """Return the `params` of this client's `initialize` request."""
        return {
            "protocolVersion": revision or self.revision,
            "capabilities": self.capabilities,
            "clientInfo": CLIENT_INFO,
        }

    def initialize(self, *, id: object = _UNSET, headers: Mapping[str, str | None] | None = None) -> Exchange:
        """Send `initialize` and remember the session id and the version of the answer."""
        body = jsonrpc.request(
            "initialize", self.initialize_params(), id=self.next_id() if id is _UNSET else id
        )
        exchange = self.post(body, headers={SESSION_HEADER: None, VERSION_HEADER: None, **(headers or {})})
        self.session_id = exchange.headers.get(SESSION_HEADER) if exchange.ok else None
        result = exchange.result
        version = result.get("protocolVersion") if isinstance(result, dict) else None
        self.negotiated = version if isinstance(version, str) else None
        return exchange

    def initialized(self) -> Exchange:
        """Send `notifications/initialized`."""
        return self.notify("notifications/initialized")

    def connect(self) -> McpClient:
        """Complete the handshake and return this client; look at `negotiated` for the outcome."""
        if self.initialize().result is not None:
            self.initialized()
        return self

    # -- messages -------------------------------------------------------------------------------------------

    def next_id(self) -> int:
        """Return an id that this client has not used yet."""
        with self._lock:
            return next(self._ids)

    def request(
        self,
        method: str,
        params: object = jsonrpc.ABSENT,
        *,
        id: object = _UNSET,
        headers: Mapping[str, str | None] | None = None,
        limits: Limits | None = None,
    ) -> Exchange:
        """POST a JSON-RPC request.

        Args:
            method: Its method.
            params: Its params; left out when absent.
            id: Its id; default a fresh integer.
            headers: Header lines to set, or to leave out (None), by name.
            limits: Limits of this exchange.
        """
        body = jsonrpc.request(method, params, id=self.next_id() if id is _UNSET else id)
        return self.post(body, headers=headers, limits=limits)

    def notify(
        self, method: str, params: object = jsonrpc.ABSENT, *, headers: Mapping[str, str | None] | None = None
    ) -> Exchange:
        """POST a JSON-RPC notification."""
        return self.post(jsonrpc.notification(method, params), headers=headers)

    def post(
        self, body: object, *, headers: Mapping[str, str | None] | None = None, limits: Limits | None = None
    ) -> Exchange:
        """POST a body: bytes as they are, anything else as JSON."""
        return self.send(self.build("POST", body, headers), limits=limits)

    def get(
        self, *, headers: Mapping[str, str | None] | None = None, limits: Limits | None = None
    ) -> Exchange:
        """Send a GET and return the answer; a stream that opens is closed at once."""
        with self.listen(headers=headers, limits=limits) as stream:
            limit = (limits or self.wire.limits).total
            stream.wait(lambda exchange: exchange.ok and exchange.is_sse, limit)
        self.log.append(stream.exchange)
        return stream.exchange

    def listen(
        self,
        *,
        last_event_id: str | None = None,
        headers: Mapping[str, str | None] | None = None,
        limits: Limits | None = None,
    ) -> OpenStream:
        """Open a GET stream; a `last_event_id` asks to resume one."""
        if last_event_id is not None:
            headers = {"Last-Event-ID": last_event_id, **(headers or {})}
        return self.wire.open(self.build("GET", None, headers), limits=limits)

    def stream(
        self,
        body: object,
        *,
        headers: Mapping[str, str | None] | None = None,
        limits: Limits | None = None,
    ) -> OpenStream:
        """POST a body and keep the response open."""
        return self.wire.open(self.build("POST", body, headers), limits=limits)

    def delete(self, *, headers: Mapping[str, str | None] | None = None) -> Exchange:
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

    def build(
        self, method: str, body: object = None, headers: Mapping[str, str | None] | None = None
    ) -> Request:
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
        put(VERSION_HEADER, header_revision(self.revision))
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
        return exchange
