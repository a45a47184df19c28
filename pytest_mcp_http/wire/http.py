"""The raw HTTP client: sends exactly what it is told, over httpx, and records an exchange.

It never follows a redirect, keeps a cookie, retries or adds a header beyond `Host` and `Content-Length`.
Time-outs, resets, oversize bodies and non-HTTP answers are outcomes of the exchange, not exceptions.
"""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from typing import Any, Final

import h11
import httpcore
import httpx

from pytest_mcp_http.wire.exchange import End, Exchange, Request
from pytest_mcp_http.wire.open_streams import (
    CLOSED_BY_US,
    SHORT_LINGER,
    Call,
    OpenStream,
    PulledStream,
    Sending,
    not_http,
)
from pytest_mcp_http.wire.recorder import MAX_HEAD, Limits, Recorder

__all__ = [
    "SHORT_LINGER",
    "HttpWire",
    "Limits",
    "OpenStream",
    "PulledStream",
    "Sending",
    "not_http",
    "ssl_context",
]

_WRITE_SIZE: Final = 16 * 1024

MAX_CONNECTIONS: Final = 1024
"""Exchanges at once: more than any probe needs, so that the server and not we are the limit."""


class _Calls(threading.local):
    """The exchange that the current thread is busy with."""

    current: Call | None = None

    def require(self) -> Call:
        assert self.current is not None
        return self.current


class _BoundedStream(httpcore.NetworkStream):
    """A connection whose every read and write ends at the deadline of the exchange.

    httpcore limits single reads only, so a server that drips one byte at a time would never time out.
    """

    def __init__(self, inner: httpcore.NetworkStream, calls: _Calls) -> None:
        self._inner = inner
        self._calls = calls
        self.spoiled = False

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        call = self._calls.require()
        data = self._inner.read(max_bytes, call.enter(self))
        call.took(data)
        return data

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        # In small pieces: the limit of the inner stream is for each of the sends that a buffer may take.
        for start in range(0, len(buffer), _WRITE_SIZE):
            self._inner.write(buffer[start : start + _WRITE_SIZE], self._calls.require().enter(self))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        call = self._calls.require()
        try:
            secured = self._inner.start_tls(ssl_context, server_hostname, _left(call.connect_by))
        except httpcore.ConnectError as error:
            raise httpcore.ConnectError(f"TLS: {error}") from error
        call.recorder.restart()
        return _BoundedStream(secured, self._calls)

    def get_extra_info(self, info: str) -> Any:
        if info == "is_readable" and self.spoiled:
            # The pool then drops the connection as one that the server has ended.
            return True
        return self._inner.get_extra_info(info)

    def shut(self) -> None:
        raw = self._inner.get_extra_info("socket")
        with contextlib.suppress(OSError):
            # Of the plain socket: that of TLS would take the session away under a reader.
            socket.socket.shutdown(raw, socket.SHUT_RDWR)


def _left(until: float) -> float:
    left = until - time.monotonic()
    if left <= 0:
        raise httpcore.ConnectTimeout("no time left to connect")
    return left


class _BoundedBackend(httpcore.NetworkBackend):
    """Connects within one limit, however many addresses a host has."""

    def __init__(self, calls: _Calls) -> None:
        self._inner = httpcore.SyncBackend()
        self._calls = calls

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        call = self._calls.require()
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"unknown host {host!r}: {error}") from error
        addresses = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        call.connect_by = time.monotonic() + call.recorder.limits.connect
        while True:
            address = addresses.pop(0)
            # A share of the time for each, so that a dead first address leaves some to the next.
            share = _left(call.connect_by) / (len(addresses) + 1)
            try:
                stream = self._inner.connect_tcp(address, port, share, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if not addresses:
                    raise
            else:
                call.recorder.restart()
                return _BoundedStream(stream, self._calls)


class _BoundedTransport(httpx.BaseTransport):
    """An httpx transport over httpcore whose exchanges are bounded by their deadline."""

    def __init__(self, context: ssl.SSLContext | None, *, keep_alive: bool) -> None:
        self.calls = _Calls()
        self._pool = httpcore.ConnectionPool(
            ssl_context=context,
            max_connections=MAX_CONNECTIONS,
            # A server may close a kept connection at any moment, just when the next request is under way. A
            # browser would retry; we never do, so by default each exchange gets a connection of its own.
            max_keepalive_connections=None if keep_alive else 0,
            network_backend=_BoundedBackend(self.calls),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        response = self._pool.handle_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(
                    scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
                ),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx.Response(
            response.status,
            headers=response.headers,
            stream=_ResponseStream(response),
            extensions=response.extensions,
        )

    def close(self) -> None:
        self._pool.close()


class _ResponseStream(httpx.SyncByteStream):
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        yield from self._response.iter_stream()

    def excess(self) -> int | None:
        """Return how many bytes followed the end of the response, or None if that cannot be said."""
        inner = getattr(self._response.stream, "_stream", None)
        state = getattr(getattr(inner, "_connection", None), "_h11_state", None)
        return len(state.trailing_data[0]) if state is not None else None

    def close(self) -> None:
        self._response.close()


def ssl_context(ca: str | None = None, *, insecure: bool = False) -> ssl.SSLContext:
    """Build the TLS settings of a target.

    Args:
        ca: Path of a PEM file with the authorities to trust instead of the system's and certifi's.
        insecure: Accept any certificate.

    Raises:
        OSError: If the file cannot be read.
        ssl.SSLError: If the file holds no certificate.
    """
    if insecure:
        return httpx.create_ssl_context(verify=False)
    return ssl.create_default_context(cafile=ca) if ca else httpx.create_ssl_context()


@contextmanager
def _judged(recorder: Recorder) -> Iterator[None]:
    """Turn what can go wrong on the network into an outcome of the exchange."""
    try:
        yield
    except (httpcore.ConnectError, httpcore.UnsupportedProtocol) as error:
        recorder.finish(End.UNREACHABLE, str(error) or type(error).__name__)
    except httpcore.ConnectTimeout:
        recorder.finish(End.UNREACHABLE, f"no connection within {recorder.limits.connect:g} s")
    except httpcore.PoolTimeout:
        recorder.finish(End.UNREACHABLE, "too many exchanges at once")
    except httpcore.TimeoutException:
        recorder.time_out()
    except httpcore.RemoteProtocolError as error:
        recorder.finish(*_broken(str(error)))
    except (httpcore.NetworkError, OSError) as error:
        recorder.finish(End.RESET, str(error) or type(error).__name__)


def _broken(text: str) -> tuple[End, str]:
    """Sort out a protocol error by its text, which is all that httpcore and h11 give."""
    if "too long" in text:
        return End.NOT_HTTP, f"the response head is longer than {MAX_HEAD} bytes"
    closed = "disconnected" in text or "peer closed" in text
    return End.RESET if closed else End.NOT_HTTP, text


class HttpWire:
    """Send requests exactly as told and record what comes back.

    Args:
        limits: Time and size limits of each exchange.
        context: TLS settings, from `ssl_context`.
        keep_alive: Use a connection for several exchanges; an exchange may then meet a connection that the
            server is just closing (`End.RESET`).

    Use it as a context manager, or call `close`. One instance may be used from several threads.
    """

    def __init__(
        self, limits: Limits | None = None, context: ssl.SSLContext | None = None, *, keep_alive: bool = False
    ) -> None:
        self.limits = limits or Limits()
        self.context = context
        self._transport = _BoundedTransport(context, keep_alive=keep_alive)
        self.lingering = False

    def __enter__(self) -> HttpWire:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every pooled connection."""
        self._transport.close()

    def outgoing(self, request: Request) -> Request:
        """Return what is sent for a request: the request; for wires that have to change what has run out."""
        return request

    def send(
        self,
        request: Request,
        *,
        stop: Callable[[Exchange], bool] | None = None,
        limits: Limits | None = None,
    ) -> Exchange:
        """Send one request, read the response to its end, and return the exchange.

        Args:
            request: What to send; `Host` and `Content-Length` are added when absent.
            stop: Asked after each chunk; True closes the stream (`End.STOPPED`).
            limits: Limits of this exchange instead of the wire's. Without them, streams that stay open after
                the answer are left soon once one was waited for.

        Returns:
            The exchange, whatever happened: see `Exchange.end`.

        Raises:
            ValueError: If the request is not one that HTTP/1.1 can carry; `raw.send_raw` can send it.
        """
        return self.prepare(request, limits=limits).run(stop)

    def prepare(self, request: Request, *, limits: Limits | None = None) -> Sending:
        """Return an exchange that has not begun, and that another thread can cancel.

        Args:
            request: What to send, as for `send`.
            limits: Limits of this exchange, as for `send`.
        """
        if limits is None:
            limits = replace(self.limits, linger=SHORT_LINGER) if self.lingering else self.limits
        return Sending(self, Call(Recorder(self.outgoing(request), limits)))

    def open(
        self,
        request: Request,
        *,
        limits: Limits | None = None,
        await_head: bool = True,
        changed: threading.Condition | None = None,
    ) -> OpenStream:
        """Send a request and keep its response open, read by a thread of its own.

        Args:
            request: What to send; `Host` and `Content-Length` are added when absent.
            limits: Limits of this exchange instead of the wire's.
            await_head: Return only once the response head arrived or the exchange ended.
            changed: Notified whenever something comes in; one for several streams makes them awaited at once.

        Returns:
            The stream. Close it when done.

        Raises:
            ValueError: If the request is not one that HTTP/1.1 can carry; `raw.send_raw` can send it.
        """
        call = Call(Recorder(self.outgoing(request), limits or self.limits))
        return OpenStream(self, call, await_head=await_head, changed=changed)

    def pull(self, request: Request, *, limits: Limits | None = None) -> PulledStream:
        """Return a response that is read only while it is waited for, in the thread that waits.

        Args:
            request: What to send, as for `open`; it is sent with the first wait.
            limits: Limits of this exchange instead of the wire's.
        """
        return PulledStream(self, Call(Recorder(self.outgoing(request), limits or self.limits)))

    def run(
        self, call: Call, stop: Callable[[Exchange], bool] | None, opened: Callable[[], None] | None = None
    ) -> None:
        """Send a request and read its response to the end.

        Args:
            call: The exchange.
            stop: Asked after each chunk; True closes the stream.
            opened: Called once the head is there.
        """
        with self.busy_with(call), closing(self.steps(call)) as steps:
            for is_head in steps:
                if is_head:
                    if opened is not None:
                        opened()
                elif stop is not None and stop(call.recorder.exchange()):
                    call.recorder.finish(End.STOPPED, CLOSED_BY_US)
                    return

    @contextmanager
    def busy_with(self, call: Call) -> Iterator[None]:
        """Let this thread work on an exchange: take some of its `steps`."""
        before, self._transport.calls.current = self._transport.calls.current, call
        try:
            yield
        finally:
            self._transport.calls.current = before

    def steps(self, call: Call) -> Generator[bool, None, None]:
        """Send a request and read its response, step by step.

        Each step has to be taken within `busy_with`. To end early, close the generator.

        Yields:
            True once the head is there, then False after each chunk.
        """
        message = _message(call.recorder)
        try:
            with _judged(call.recorder):
                call.recorder.restart()
                yield from self._receive(call.recorder, message)
        except (httpcore.LocalProtocolError, h11.LocalProtocolError) as error:
            raise ValueError(f"HTTP/1.1 cannot carry this request: {error}") from error

    def _receive(self, recorder: Recorder, message: httpx.Request) -> Generator[bool, None, None]:
        response = self._transport.handle_request(message)
        stream = response.stream
        assert isinstance(stream, _ResponseStream)
        try:
            recorder.head(response.status_code, response.reason_phrase, response.headers.raw)
            yield True
            for data in stream:
                if not recorder.add(data):
                    return
                yield False
            excess = stream.excess()
            if excess != 0:
                # They would be taken for the answer to the next request on this connection.
                response.extensions["network_stream"].spoiled = True
            recorder.finish(End.EOF, f"{excess} more bytes follow the response" if excess else "")
        finally:
            stream.close()


def _message(recorder: Recorder) -> httpx.Request:
    request, limits = recorder.request, recorder.limits
    lines = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in request.headers]
    try:
        return httpx.Request(
            request.method,
            request.url,
            headers=lines,
            content=request.body or None,
            extensions={"timeout": {"connect": limits.connect, "pool": limits.connect}},
        )
    except httpx.InvalidURL as error:
        raise ValueError(f"HTTP/1.1 cannot carry this request: {error}") from error
