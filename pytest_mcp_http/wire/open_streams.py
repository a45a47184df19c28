"""Exchanges that are under way: ended from another thread, or looked at while they come in.

Must not know sockets: `HttpWire` does what they ask for.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

import httpcore

from pytest_mcp_http.wire.exchange import End, Exchange
from pytest_mcp_http.wire.recorder import Limits, Recorder

if TYPE_CHECKING:
    from pytest_mcp_http.wire.http import HttpWire

_HTTP: Final = b"HTTP/"
CLOSED_BY_US: Final = "stream closed by us"

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


class Connection(Protocol):
    """A connection that can be ended while another thread reads from it."""

    def shut(self) -> None:
        """End it."""


class Call:
    """One exchange on its way through httpcore: its deadline, and its connection once there is one."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder = recorder
        self.connect_by = time.monotonic() + recorder.limits.connect
        self.beginning = b""
        self._stream: Connection | None = None
        self._cancelled = False

    def enter(self, stream: Connection) -> float:
        """Return the seconds left for a read or write on a connection, which can be cancelled from now on."""
        self._stream = stream
        if self._cancelled:
            raise httpcore.ReadError(CLOSED_BY_US)
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


class Sending:
    """One exchange that can be ended from another thread. Made by `HttpWire.prepare`."""

    def __init__(self, wire: HttpWire, call: Call) -> None:
        self._wire = wire
        self._call = call

    def run(self, stop: Callable[[Exchange], bool] | None = None) -> Exchange:
        """Send the request and read the response to its end, as `HttpWire.send` does."""
        recorder = self._call.recorder
        self._wire.run(self._call, stop)
        if recorder.lingered:
            self._wire.lingering = True
        return recorder.exchange()

    def cancel(self) -> None:
        """End the exchange (`End.STOPPED`), so that `run` returns soon."""
        self._call.recorder.finish(End.STOPPED, CLOSED_BY_US)
        self._call.cancel()


class _Incoming:
    """What can be seen of a response without waiting."""

    _recorder: Recorder

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


class OpenStream(_Incoming):
    """A response that is still coming in.

    Made by `HttpWire.open`. Reading happens in a thread that ends with the stream, at the latest when
    `limits.total` seconds are over.
    """

    def __init__(
        self, wire: HttpWire, call: Call, *, await_head: bool, changed: threading.Condition | None = None
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
            wire.run(self._call, self._on_chunk, self.notify)
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
        self._recorder.finish(End.STOPPED, CLOSED_BY_US)
        self._call.cancel()

    def __enter__(self) -> OpenStream:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class PulledStream(_Incoming):
    """A response that is read while it is waited for, without a thread of its own.

    Made by `HttpWire.pull`. It costs less than an `OpenStream`, but nothing comes in between two waits, and
    only the limits of the exchange bound a wait.
    """

    def __init__(self, wire: HttpWire, call: Call) -> None:
        self._wire = wire
        self._call = call
        self._recorder = call.recorder
        self._steps = wire.steps(call)
        self._reading = threading.Lock()

    def wait(self, condition: Callable[[Exchange], bool], timeout: float) -> bool:
        """Read until a condition on the exchange holds, or the exchange ends.

        Args:
            condition: Asked first, and after the head and each chunk.
            timeout: Seconds after which no other read begins; one that began has the limits of the exchange.

        Returns:
            Whether the condition held.

        Raises:
            ValueError: If the request is not one that HTTP/1.1 can carry.
        """
        deadline = time.monotonic() + timeout
        with self._reading, self._wire.busy_with(self._call):
            while self.alive and not condition(self.exchange) and time.monotonic() < deadline:
                next(self._steps, None)
        return condition(self.exchange)

    def notify(self) -> None:
        """Do nothing: nobody looks at a condition while nothing comes in."""

    def check(self) -> None:
        """Do nothing: `wait` raises what made it impossible to send the request."""

    def close(self) -> Exchange:
        """Close the connection, and return the exchange."""
        self.cancel()
        # A reader in another thread returns now; it must not be waited for without limit.
        if self._reading.acquire(timeout=self.limits.connect + 1.0):
            try:
                self._steps.close()
            finally:
                self._reading.release()
        return self.exchange

    def cancel(self) -> None:
        """End the exchange (`End.STOPPED`), so that a wait in another thread returns soon."""
        self._recorder.finish(End.STOPPED, CLOSED_BY_US)
        self._call.cancel()
