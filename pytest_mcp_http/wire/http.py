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
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

import h11
import httpcore
import httpx

from pytest_mcp_http.wire.exchange import End, Exchange, Request
from pytest_mcp_http.wire.recorder import MAX_HEAD, Limits, Recorder

__all__ = ["HttpWire", "Limits", "OpenStream", "Sending", "not_http", "ssl_context"]

_HTTP: Final = b"HTTP/"
_WRITE_SIZE: Final = 16 * 1024
_CLOSED_BY_US: Final = "stream closed by us"

SHORT_LINGER: Final = 0.1
"""Seconds that a stream may linger once a server is known to leave answered streams open."""


def not_http(beginning: bytes) -> str | None:
    """Return why bytes cannot begin an HTTP/1 response, or None if they can.

    Args:
        beginning: The first bytes that arrived, any number of them.

    Source: https://www.rfc-editor.org/rfc/rfc9112#section-4
    """
    if _HTTP.startswith(beginning[: len(_HTTP)]):
        return None
    return f"the answer begins with {beginning[:40]!r}"


class _Call:
    """One exchange on its way through httpcore: its deadline, and its connection once there is one."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.connect_by = time.monotonic() + recorder.limits.connect
        self.beginning = b""
        self._stream: _BoundedStream | None = None
        self._cancelled = False

    def enter(self, stream: _BoundedStream) -> float:
        """Return the seconds left for a read or write on a connection, which can be cancelled from now on."""
        self._stream = stream
        if self._cancelled:
            raise httpcore.ReadError(_CLOSED_BY_US)
        left = self.recorder.deadline - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the deadline of the exchange has passed")
        return left

    def took(self, data: bytes) -> None:
        """Look at bytes that arrived: what is not HTTP must not be waited for."""
        if len(self.beginning) < len(_HTTP) and data:
            self.beginning += data
            if reason := not_http(self.beginning):
                raise httpcore.RemoteProtocolError(reason)

    def cancel(self) -> None:
        """End the connection from another thread, so that a blocked read returns at once."""
        self._cancelled = True
        if self._stream is not None:
            self._stream.shut()


class _Calls(threading.local):
    """The exchange that the current thread is busy with."""

    current: _Call | None = None

    def require(self) -> _Call:
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
            max_connections=64,
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
        self._lingering = False

    def __enter__(self) -> HttpWire:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every pooled connection."""
        self._transport.close()

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
            limits = replace(self.limits, linger=SHORT_LINGER) if self._lingering else self.limits
        return Sending(self, _Call(Recorder(request, limits)))

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
        call = _Call(Recorder(request, limits or self.limits))
        return OpenStream(self, call, await_head=await_head, changed=changed)

    def _run(
        self, call: _Call, stop: Callable[[Exchange], bool] | None, opened: Callable[[], None] | None = None
    ) -> None:
        message = _message(call.recorder)
        self._transport.calls.current = call
        try:
            with _judged(call.recorder):
                call.recorder.restart()
                self._receive(call.recorder, message, stop, opened)
        except (httpcore.LocalProtocolError, h11.LocalProtocolError) as error:
            raise ValueError(f"HTTP/1.1 cannot carry this request: {error}") from error
        finally:
            self._transport.calls.current = None

    def _receive(
        self,
        recorder: Recorder,
        message: httpx.Request,
        stop: Callable[[Exchange], bool] | None,
        opened: Callable[[], None] | None,
    ) -> None:
        response = self._transport.handle_request(message)
        stream = response.stream
        assert isinstance(stream, _ResponseStream)
        try:
            recorder.head(response.status_code, response.reason_phrase, response.headers.raw)
            if opened is not None:
                opened()
            for data in stream:
                if not recorder.add(data):
                    return
                if stop is not None and stop(recorder.exchange()):
                    recorder.finish(End.STOPPED, _CLOSED_BY_US)
                    return
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


class Sending:
    """One exchange that can be ended from another thread. Made by `HttpWire.prepare`."""

    def __init__(self, wire: HttpWire, call: _Call) -> None:
        self._wire = wire
        self._call = call

    def run(self, stop: Callable[[Exchange], bool] | None = None) -> Exchange:
        """Send the request and read the response to its end, as `HttpWire.send` does."""
        recorder = self._call.recorder
        self._wire._run(self._call, stop)
        if recorder.lingered:
            self._wire._lingering = True
        return recorder.exchange()

    def cancel(self) -> None:
        """End the exchange (`End.STOPPED`), so that `run` returns soon."""
        self._call.recorder.finish(End.STOPPED, _CLOSED_BY_US)
        self._call.cancel()


class OpenStream:
    """A response that is still coming in.

    Made by `HttpWire.open`. Reading happens in a thread that ends with the stream, at the latest when
    `limits.total` seconds are over.
    """

    def __init__(
        self, wire: HttpWire, call: _Call, *, await_head: bool, changed: threading.Condition | None = None
    ) -> None:
        self._call = call
        self._recorder = call.recorder
        self._changed = changed or threading.Condition()
        self._error: ValueError | None = None
        self._thread = threading.Thread(target=self._read, args=(wire,), name="mcp-stream", daemon=True)
        self._thread.start()
        if await_head:
            limits = self._recorder.limits
            # The reader gives up by itself, which ends this wait; a second is for its thread to be scheduled.
            self.wait(lambda exchange: exchange.answered, limits.connect + limits.head + 1.0)
        self.check()

    def check(self) -> None:
        """Raise what made it impossible to send the request.

        Raises:
            ValueError: If the request is not one that HTTP/1.1 can carry.
        """
        if self._error is not None:
            raise self._error

    def _read(self, wire: HttpWire) -> None:
        try:
            wire._run(self._call, self._on_chunk, self.notify)
        except ValueError as error:
            self._error = error
            self._recorder.finish(End.UNREACHABLE, str(error))
        finally:
            # Whatever else surfaced, nobody waits for a reader that is gone.
            self._recorder.finish(End.RESET, "the reader of the stream failed")
            self.notify()

    def notify(self) -> None:
        """Have every `wait` look at its condition again."""
        with self._changed:
            self._changed.notify_all()

    def _on_chunk(self, _: Exchange) -> bool:
        self.notify()
        return False

    @property
    def exchange(self) -> Exchange:
        """What has come in so far."""
        return self._recorder.exchange()

    @property
    def limits(self) -> Limits:
        """The limits of the exchange."""
        return self._recorder.limits

    @property
    def alive(self) -> bool:
        """Whether the response is still coming in."""
        return self._recorder.end is None

    def wait(self, condition: Callable[[Exchange], bool], timeout: float) -> bool:
        """Wait until a condition on the exchange holds, the stream ends, or `timeout` seconds pass.

        Returns:
            Whether the condition held.
        """
        with self._changed:
            self._changed.wait_for(lambda: not self.alive or condition(self.exchange), timeout)
        return condition(self.exchange)

    def close(self) -> Exchange:
        """Close the connection, wait for the reader to end, and return the exchange."""
        self.cancel()
        self._thread.join(self._recorder.limits.connect + 1.0)
        return self.exchange

    def cancel(self) -> None:
        """Close the connection, and leave the rest to the reader."""
        self._recorder.finish(End.STOPPED, _CLOSED_BY_US)
        self._call.cancel()

    def __enter__(self) -> OpenStream:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
