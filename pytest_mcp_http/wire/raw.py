"""The raw socket client, for what no HTTP library will say: half bodies, resets, malformed headers.

It sends byte strings and pauses as told, reads one HTTP response, and records an exchange.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import sys
import time
from collections.abc import Sequence
from urllib.parse import urlsplit

import h11

from pytest_mcp_http.wire.exchange import End, Exchange, Request
from pytest_mcp_http.wire.http import not_http
from pytest_mcp_http.wire.recorder import MAX_HEAD, Limits, Recorder


class Pause(float):
    """A pause of so many seconds between two byte strings."""


def request_bytes(request: Request) -> bytes:
    """Write a request as HTTP/1.1 with exactly its lines, plus `Host` and `Content-Length` when absent.

    Raises:
        ValueError: If the URL or a header has characters beyond Latin-1.
    """
    parts = urlsplit(request.url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    lines = [f"{request.method} {target} HTTP/1.1".encode("latin-1")]
    if "host" not in request.headers:
        lines.append(f"Host: {parts.netloc.rpartition('@')[2]}".encode("latin-1"))
    lines += [f"{name}: {value}".encode("latin-1") for name, value in request.headers.lines]
    if (
        request.body
        and "content-length" not in request.headers
        and "transfer-encoding" not in request.headers
    ):
        lines.append(b"Content-Length: %d" % len(request.body))
    return b"\r\n".join(lines) + b"\r\n\r\n" + request.body


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
    try:
        connection = RawConnection(request, limits=limits, context=context)
    except (OSError, UnicodeError) as error:
        recorder = Recorder(request, limits or Limits())
        recorder.finish(End.UNREACHABLE, str(error))
        return recorder.exchange()
    with connection:
        exchange = connection.exchange(request, parts, read=read)
        if reset:
            connection.reset_on_close()
    return exchange


class RawConnection:
    """One connection that takes byte strings, for one exchange after the other.

    Use it as a context manager, or call `close`.

    Args:
        request: Names the URL to connect to.
        limits: Time limits (seconds) and size limit (bytes) of each exchange.
        context: TLS settings for https URLs.

    Attributes:
        reusable: Whether the last response was complete and lets the connection go on: it neither announced
            the end of it, nor is it one of HTTP/1.0.

    Raises:
        OSError: If no connection can be made.
        UnicodeError: If the host is no name that can be looked up.
    """

    def __init__(
        self, request: Request, *, limits: Limits | None = None, context: ssl.SSLContext | None = None
    ) -> None:
        self._limits = limits or Limits()
        self._socket = _connect(request, self._limits, context)
        self.reusable = True

    def exchange(
        self, request: Request, parts: Sequence[bytes | Pause] | None = None, *, read: bool = True
    ) -> Exchange:
        """Send byte strings and record the response, as `send_raw` does.

        Args:
            request: Stands in the record as what was sent.
            parts: Byte strings and pauses to send; default the whole request as `request_bytes` writes it.
            read: Read the response; False returns as soon as everything is sent.
        """
        recorder = Recorder(request, self._limits)
        parser = _parser(request)
        try:
            _send(self._socket, (request_bytes(request),) if parts is None else parts, recorder)
            if read:
                _receive(self._socket, recorder, parser)
            else:
                recorder.finish(End.STOPPED, "connection closed by us")
        except TimeoutError:
            recorder.time_out()
        except OSError as error:
            recorder.finish(End.RESET, str(error))
        exchange = recorder.exchange()
        # Without a length the end of the connection is that of the body (RFC 9112, section 6.3).
        framed = "content-length" in exchange.headers or "transfer-encoding" in exchange.headers
        self.reusable = parser.their_state is h11.DONE and framed
        return exchange

    def reset_on_close(self) -> None:
        """Let `close` end the connection with a TCP reset instead of in order."""
        # Linger of zero seconds turns close() into a reset; Windows has the two numbers as shorts.
        linger = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
        with contextlib.suppress(OSError):
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def __enter__(self) -> RawConnection:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _connect(request: Request, limits: Limits, context: ssl.SSLContext | None) -> socket.socket:
    parts = urlsplit(request.url)
    host = parts.hostname or ""
    port = parts.port or (443 if parts.scheme == "https" else 80)
    plain = socket.create_connection((host, port), timeout=limits.connect)
    if parts.scheme != "https":
        return plain
    try:
        return (context or ssl.create_default_context()).wrap_socket(plain, server_hostname=host)
    except BaseException:
        plain.close()
        raise


def _send(connection: socket.socket, parts: Sequence[bytes | Pause], recorder: Recorder) -> None:
    """Send byte strings; a peer that ends the connection meanwhile may have answered before."""
    for part in parts:
        if isinstance(part, Pause):
            time.sleep(min(part, _left(recorder)))
            continue
        connection.settimeout(_left(recorder))
        try:
            connection.sendall(part)
        except (BrokenPipeError, ConnectionResetError):
            return


def _left(recorder: Recorder) -> float:
    left = recorder.deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError("the deadline of the exchange has passed")
    return left


def _receive(connection: socket.socket, recorder: Recorder, parser: h11.Connection) -> None:
    """Read one response."""
    beginning = b""
    while recorder.end is None:
        try:
            event = parser.next_event()
        except h11.RemoteProtocolError as error:
            closed = "peer closed" in str(error)
            recorder.finish(End.RESET if closed else End.NOT_HTTP, _explained(str(error)))
            return
        if event is h11.NEED_DATA:
            connection.settimeout(_left(recorder))
            data = connection.recv(65536)
            if not data and parser.their_state is h11.SEND_RESPONSE:
                recorder.finish(End.RESET, "the connection was closed without a response")
            beginning = (beginning + data)[:40]
            if reason := not_http(beginning):
                recorder.finish(End.NOT_HTTP, reason)
            parser.receive_data(data)
        elif isinstance(event, h11.Response):
            recorder.head(event.status_code, event.reason.decode("latin-1"), event.headers.raw_items())
        elif isinstance(event, h11.Data):
            recorder.add(bytes(event.data))
        elif isinstance(event, h11.EndOfMessage):
            excess = len(parser.trailing_data[0])
            recorder.finish(End.EOF, f"{excess} more bytes follow the response" if excess else "")


def _parser(request: Request) -> h11.Connection:
    """Return a parser that believes the request was sent, whatever bytes really were."""
    parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEAD)
    method = "HEAD" if request.method == "HEAD" else "POST"
    parser.send(h11.Request(method=method, target="/", headers=[("Host", "unused"), ("Content-Length", "0")]))
    parser.send(h11.EndOfMessage())
    return parser


def _explained(text: str) -> str:
    return f"the response head is longer than {MAX_HEAD} bytes" if "too long" in text else text
