"""The raw socket client, for what no HTTP library will say: half bodies, resets, malformed headers.

It sends byte strings and pauses as told, reads one HTTP response, and records an exchange.
"""

from __future__ import annotations

import socket
import ssl
import struct
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

import h11

from pytest_mcp_http.wire.exchange import Chunk, End, Exchange, Request
from pytest_mcp_http.wire.headers import Headers
from pytest_mcp_http.wire.http import Limits


class Pause(float):
    """A pause of so many seconds between two byte strings."""


def request_bytes(request: Request) -> bytes:
    """Write a request as HTTP/1.1 with exactly its header lines, plus `Host` and `Content-Length` when absent."""
    parts = urlsplit(request.url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"{request.method} {target} HTTP/1.1".encode("latin-1")]
    if "host" not in request.headers:
        lines.append(f"Host: {parts.netloc.rpartition('@')[2]}".encode("latin-1"))
    lines += [f"{name}: {value}".encode("latin-1") for name, value in request.headers.lines]
    if request.body and "content-length" not in request.headers and "transfer-encoding" not in request.headers:
        lines.append(b"Content-Length: %d" % len(request.body))
    return b"\r\n".join(lines) + b"\r\n\r\n" + request.body


def _connect(request: Request, limits: Limits, context: ssl.SSLContext | None) -> socket.socket:
    parts = urlsplit(request.url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    plain = socket.create_connection((host, port), timeout=limits.connect)
    if parts.scheme != "https":
        return plain
    return (context or ssl.create_default_context()).wrap_socket(plain, server_hostname=host)


def send_raw(
    request: Request,
    parts: Sequence[bytes | Pause] | None = None,
    *,
    read: bool = True,
    reset: bool = False,
    limits: Limits | None = None,
    context: ssl.SSLContext | None = None,
) -> Exchange:
    """Send byte strings over a connection of their own and record the response.

    Args:
        request: Names the URL, and stands in the record as what was sent.
        parts: Byte strings and pauses to send; default the whole request as `request_bytes` writes it.
        read: Read the response; False closes as soon as everything is sent.
        reset: Close with a TCP reset instead of an orderly end.
        limits: Time limits (seconds) and size limit (bytes).
        context: TLS settings for https URLs.

    Returns:
        The exchange; with `read=False` one that ended as `STOPPED`.
    """
    limits = limits or Limits()
    started = time.monotonic()
    try:
        connection = _connect(request, limits, context)
    except OSError as error:
        return Exchange(request, end=End.UNREACHABLE, detail=str(error), ended_at=time.monotonic() - started)
    started = time.monotonic()
    try:
        for part in parts if parts is not None else (request_bytes(request),):
            if isinstance(part, Pause):
                time.sleep(part)
            else:
                connection.sendall(part)
        if not read:
            return Exchange(request, end=End.STOPPED, detail="connection closed by us", ended_at=time.monotonic() - started)
        return _read_response(request, connection, started, limits)
    except OSError as error:
        return Exchange(request, end=End.RESET, detail=str(error), ended_at=time.monotonic() - started)
    finally:
        if reset:
            # Linger of zero seconds turns close() into a reset.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()


def _read_response(request: Request, connection: socket.socket, started: float, limits: Limits) -> Exchange:
    parser = h11.Connection(h11.CLIENT)
    # The parser has to believe that it sent a request before it reads a response.
    parser.send(h11.Request(method=request.method, target="/", headers=[("Host", "unused")]))
    parser.send(h11.EndOfMessage())
    head: h11.Response | None = None
    headers_at: float | None = None
    chunks: list[Chunk] = []

    def record(end: End, detail: str = "") -> Exchange:
        return Exchange(
            request=request,
            status=head.status_code if head else None,
            reason=head.reason.decode("latin-1") if head else "",
            headers=Headers(head.headers.raw_items()) if head else Headers(()),
            chunks=tuple(chunks),
            end=end,
            detail=detail,
            headers_at=headers_at,
            ended_at=time.monotonic() - started,
        )

    while True:
        try:
            event = parser.next_event()
        except h11.RemoteProtocolError as error:
            return record(End.RESET if "closed" in str(error) else End.NOT_HTTP, str(error))
        if event is h11.NEED_DATA:
            limit = limits.total if head else min(limits.first_byte, limits.total)
            left = started + limit - time.monotonic()
            if left <= 0:
                return record(End.TIMEOUT, f"no complete response within {limit:g} s")
            connection.settimeout(left)
            try:
                data = connection.recv(65536)
            except TimeoutError:
                continue
            parser.receive_data(data)
        elif isinstance(event, h11.Response):
            head, headers_at = event, time.monotonic() - started
        elif isinstance(event, h11.Data):
            chunks.append(Chunk(bytes(event.data), time.monotonic() - started))
            if sum(len(chunk.data) for chunk in chunks) > limits.body:
                return record(End.TOO_LARGE, f"more than {limits.body} bytes of body")
        elif isinstance(event, h11.EndOfMessage):
            return record(End.EOF)
        elif isinstance(event, h11.ConnectionClosed):
            return record(End.RESET, "the connection was closed without a response")
