"""The raw HTTP client: sends exactly what it is told, over httpx, and records an exchange.

It never follows a redirect, keeps a cookie, retries or adds a header beyond `Host` and `Content-Length`.
Time-outs, resets, oversize bodies and non-HTTP answers are outcomes of the exchange, not exceptions.
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpcore
import httpx

from pytest_mcp_http.wire import sse
from pytest_mcp_http.wire.exchange import SSE_TYPE, Chunk, End, Exchange, Request
from pytest_mcp_http.wire.headers import Headers, parse_media_type


@dataclass(frozen=True)
class Limits:
    """How long and how much an exchange may take.

    Attributes:
        connect: Seconds to make a connection.
        first_byte: Seconds until the response head is complete.
        total: Seconds for the whole exchange.
        body: Bytes of response body.
    """

    connect: float = 5.0
    first_byte: float = 10.0
    total: float = 30.0
    body: int = 16 * 1024 * 1024


class _Deadline(threading.local):
    """The moment at which the exchange of this thread has to be over (`time.monotonic`)."""

    at: float | None = None


class _BoundedStream(httpcore.NetworkStream):
    """A connection whose every read and write ends at the deadline of the exchange.

    httpcore limits single reads only, so a server that drips one byte at a time would never time out.
    """

    def __init__(self, inner: httpcore.NetworkStream, deadline: _Deadline) -> None:
        self._inner = inner
        self._deadline = deadline

    def _left(self, timeout: float | None, error: type[Exception]) -> float | None:
        if self._deadline.at is None:
            return timeout
        left = self._deadline.at - time.monotonic()
        if left <= 0:
            raise error("the deadline of the exchange has passed")
        return left if timeout is None else min(left, timeout)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._left(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._left(timeout, httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        limit = self._left(timeout, httpcore.ConnectTimeout)
        return _BoundedStream(self._inner.start_tls(ssl_context, server_hostname, limit), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _BoundedBackend(httpcore.NetworkBackend):
    def __init__(self, deadline: _Deadline) -> None:
        self._inner = httpcore.SyncBackend()
        self._deadline = deadline

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        stream = self._inner.connect_tcp(host, port, timeout, local_address, socket_options)
        return _BoundedStream(stream, self._deadline)


class _BoundedTransport(httpx.BaseTransport):
    """An httpx transport over httpcore that honours a deadline set from outside."""

    def __init__(self, ssl_context: ssl.SSLContext | None) -> None:
        self.deadline = _Deadline()
        self._pool = httpcore.ConnectionPool(
            ssl_context=ssl_context,
            max_connections=64,
            # Shorter than the idle limits of common servers (5 s), so that no request meets a connection that
            # the server is just closing: nothing is retried here.
            keepalive_expiry=2.0,
            network_backend=_BoundedBackend(self.deadline),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = request.url
        response = self._pool.handle_request(
            httpcore.Request(
                method=request.method,
                url=httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path),
                headers=request.headers.raw,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        assert not isinstance(response.stream, Sequence)
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
def _judged(recorder: _Recorder) -> Iterator[None]:
    """Turn what can go wrong on the network into an outcome of the exchange."""
    try:
        yield
    except (httpx.ConnectError, httpcore.ConnectError, httpx.UnsupportedProtocol, httpcore.UnsupportedProtocol) as error:
        recorder.finish(End.UNREACHABLE, str(error) or type(error).__name__)
    except (httpx.ConnectTimeout, httpcore.ConnectTimeout):
        recorder.finish(End.UNREACHABLE, f"no connection within {recorder.limits.connect:g} s")
    except (httpx.TimeoutException, httpcore.TimeoutException):
        recorder.finish(End.TIMEOUT, recorder.timeout_detail())
    except (httpx.RemoteProtocolError, httpcore.RemoteProtocolError) as error:
        text = str(error)
        reset = "disconnected" in text or "peer closed" in text or "incomplete" in text
        recorder.finish(End.RESET if reset else End.NOT_HTTP, text)
    except (httpx.NetworkError, httpcore.NetworkError, OSError) as error:
        recorder.finish(End.RESET, str(error) or type(error).__name__)


class _Recorder:
    """Gathers one exchange while it happens; safe to read from another thread."""

    def __init__(self, request: Request, limits: Limits) -> None:
        self.request = request
        self.limits = limits
        self.started = time.monotonic()
        self.status: int | None = None
        self.reason = ""
        self.headers = Headers(())
        self.headers_at: float | None = None
        self.chunks: list[Chunk] = []
        self.size = 0
        self.end: End | None = None
        self.detail = ""
        self.ended_at = 0.0
        self._parser: sse.EventStreamParser | None = None
        self._events: list[sse.Event] = []

    def now(self) -> float:
        return time.monotonic() - self.started

    def head(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.reason = response.reason_phrase
        self.headers = Headers(response.headers.raw)
        self.headers_at = self.now()
        media_type = parse_media_type(response.headers.get("content-type", ""))
        if media_type is not None and media_type.essence == SSE_TYPE:
            # Parsed as it comes in: conditions on an open stream would otherwise parse it anew at each chunk.
            self._parser = sse.EventStreamParser()

    def add(self, data: bytes) -> bool:
        """Keep body bytes; return False once the size limit is reached."""
        room = self.limits.body - self.size
        self.chunks.append(Chunk(data[:room], self.now()))
        self.size += min(len(data), room)
        if self._parser is not None:
            try:
                self._events += self._parser.feed(data[:room])
            except sse.EventTooLarge as error:
                self.finish(End.TOO_LARGE, str(error))
                return False
        if len(data) > room:
            self.finish(End.TOO_LARGE, f"more than {self.limits.body} bytes of body")
            return False
        return True

    def finish(self, end: End, detail: str = "") -> None:
        if self.end is None:
            if self._parser is not None and end is End.EOF:
                self._events += self._parser.close()
            self.end, self.detail, self.ended_at = end, detail, self.now()

    def timeout_detail(self) -> str:
        if self.status is None:
            return f"no response head within {min(self.limits.first_byte, self.limits.total):g} s"
        return f"the response was not complete within {self.limits.total:g} s"

    def exchange(self) -> Exchange:
        return Exchange(
            request=self.request,
            status=self.status,
            reason=self.reason,
            headers=self.headers,
            chunks=tuple(self.chunks),
            end=self.end or End.STOPPED,
            detail=self.detail,
            headers_at=self.headers_at,
            ended_at=self.ended_at if self.end else self.now(),
            parsed=(tuple(self._events), tuple(self._parser.findings)) if self._parser is not None else None,
        )


class HttpWire:
    """Send requests exactly as told and record what comes back.

    Args:
        limits: Time and size limits of each exchange.
        context: TLS settings, from `ssl_context`.

    Use it as a context manager, or call `close`. One instance may be used from several threads.
    """

    def __init__(self, limits: Limits | None = None, context: ssl.SSLContext | None = None) -> None:
        self.limits = limits or Limits()
        self._transport = _BoundedTransport(context)
        self._client = httpx.Client(transport=self._transport, trust_env=False)

    def __enter__(self) -> HttpWire:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Close every pooled connection."""
        self._client.close()

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
            limits: Limits of this exchange instead of the wire's.

        Returns:
            The exchange, whatever happened: see `Exchange.end`.
        """
        recorder = _Recorder(request, limits or self.limits)
        self._run(recorder, stop)
        return recorder.exchange()

    def open(self, request: Request, *, limits: Limits | None = None) -> OpenStream:
        """Send a request and keep its response open, read by a thread of its own.

        Returns:
            The stream, once the response head arrived or the exchange ended. Close it when done.
        """
        return OpenStream(self, _Recorder(request, limits or self.limits))

    def _run(
        self,
        recorder: _Recorder,
        stop: Callable[[Exchange], bool] | None,
        opened: Callable[[httpx.Response], None] | None = None,
    ) -> None:
        limits = recorder.limits
        deadline = self._transport.deadline
        with _judged(recorder):
            try:
                message = httpx.Request(
                    recorder.request.method,
                    recorder.request.url,
                    headers=[(n.encode("latin-1"), v.encode("latin-1")) for n, v in recorder.request.headers.lines],
                    content=recorder.request.body or None,
                    extensions={"timeout": {"connect": limits.connect, "pool": limits.connect}},
                )
                deadline.at = time.monotonic() + limits.connect + min(limits.first_byte, limits.total)
                recorder.started = time.monotonic()
                response = self._client.send(message, stream=True, auth=None, follow_redirects=False)
                recorder.head(response)
                deadline.at = recorder.started + limits.total
                if opened is not None:
                    opened(response)
                try:
                    for data in response.iter_raw():
                        if not recorder.add(data):
                            return
                        if stop is not None and stop(recorder.exchange()):
                            recorder.finish(End.STOPPED, "stream closed by us")
                            return
                    recorder.finish(End.EOF)
                finally:
                    response.close()
            finally:
                deadline.at = None


class OpenStream:
    """A response that is still coming in.

    Made by `HttpWire.open`. Reading happens in a thread that ends with the stream, at the latest when
    `limits.total` seconds are over.
    """

    def __init__(self, wire: HttpWire, recorder: _Recorder) -> None:
        self._recorder = recorder
        self._changed = threading.Condition()
        self._closing = False
        self._response: httpx.Response | None = None
        self._thread = threading.Thread(target=self._read, args=(wire,), name="mcp-stream", daemon=True)
        self._thread.start()
        self.wait(lambda exchange: exchange.answered, recorder.limits.connect + recorder.limits.first_byte)

    def _read(self, wire: HttpWire) -> None:
        try:
            wire._run(self._recorder, self._on_chunk, self._on_open)
        except Exception as error:  # closing from another thread may surface as any error of the stack below
            self._recorder.finish(End.STOPPED if self._closing else End.RESET, str(error))
        finally:
            with self._changed:
                self._changed.notify_all()

    def _on_open(self, response: httpx.Response) -> None:
        with self._changed:
            self._response = response
            self._changed.notify_all()

    def _on_chunk(self, _: Exchange) -> bool:
        with self._changed:
            self._changed.notify_all()
        return self._closing

    @property
    def exchange(self) -> Exchange:
        """What has come in so far."""
        return self._recorder.exchange()

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
        if self.alive:
            self._closing = True
            self._recorder.finish(End.STOPPED, "stream closed by us")
            response = self._response
            stream = response.extensions.get("network_stream") if response is not None else None
            if stream is not None:
                _shut(stream)
        self._thread.join(timeout=5.0)
        return self.exchange

    def __enter__(self) -> OpenStream:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def _shut(stream: httpcore.NetworkStream) -> None:
    """End a connection so that a read blocked in another thread returns at once."""
    import socket

    raw = stream.get_extra_info("socket")
    if isinstance(raw, socket.socket):
        try:
            raw.shutdown(socket.SHUT_RDWR)
        except OSError:
            stream.close()
    else:
        stream.close()
