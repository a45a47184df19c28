"""The messages of one request, or of a stream that no request opened, one by one as they come in.

At the handshake revisions a stream goes on in another exchange when it is resumed; here it is one stream of
several legs.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from pytest_mcp_http.client.judging import failure, is_nameless_error
from pytest_mcp_http.errors import NoResponseError
from pytest_mcp_http.wire import jsonrpc
from pytest_mcp_http.wire.exchange import End, Exchange, Request
from pytest_mcp_http.wire.http import SHORT_LINGER, Limits, OpenStream, PulledStream

if TYPE_CHECKING:
    from pytest_mcp_http.client.core import Core

RESUME_SECONDS: Final = 0.2
"""Pause before a stream is resumed whose server named none."""

MAX_LEGS: Final = 1000
"""Exchanges of one stream; its time is limited as well."""


class MessageStream:
    """Take the messages of a stream.

    Args:
        client: Whose stream it is.
        request: Builds the HTTP request that opens it.
        limits: Limits of it; `total` seconds are those of all its exchanges together.
        resumes: Whether to go on by itself where the server closed it, or the connection broke.
        await_head: Whether opening waits for the response head.
        pulled: Whether it is read only while it is waited for, which costs less; nothing else can then be
            waited for at once.

    Attributes:
        legs: The exchanges of the stream that are over, in order.
        response: The response to its request, once it was taken.
        ends_with_client: Whether it is closed with its client.
    """

    def __init__(
        self,
        client: Core,
        request: Callable[[], Request],
        *,
        limits: Limits | None,
        resumes: bool = False,
        await_head: bool = True,
        pulled: bool = False,
    ) -> None:
        self.client = client
        self.limits = limits or client.speaker.wire.limits
        self.legs: list[Exchange] = []
        self.response: jsonrpc.Message | None = None
        self.resumes = resumes
        self._build = request
        self.ends_with_client = False
        self._await_head = await_head
        self._pulled = pulled
        self._queue: deque[jsonrpc.Message] = deque()
        self._taken = 0
        self._whole = False
        self._open: OpenStream | PulledStream | None = None
        self._sent: jsonrpc.Message | None = None
        self._last_id: str | None = None
        self._retry: float | None = None
        self._deadline = 0.0

    # -- opening and closing --------------------------------------------------------------------------------

    async def open(self) -> None:
        """Send the request, unless that was done."""
        if self._open is None:
            request = self._build()
            self._sent = request.message
            self._deadline = time.monotonic() + self.limits.connect + self.limits.total
            await self._begin(request, self.limits)

    async def _begin(self, request: Request, limits: Limits) -> None:
        speaker = self.client.speaker
        self._taken, self._whole = 0, False
        opened: OpenStream | PulledStream
        if self._pulled:
            # The end is waited for without a time-out of its own, so it has to be near.
            limits = replace(limits, linger=min(limits.linger, SHORT_LINGER))
            opened = speaker.wire.pull(request, limits=limits)
        else:
            # Opening blocks until there is a head only if it is told to, and that wait can be cancelled.
            changed = self.client.changed
            opened = speaker.wire.open(request, limits=limits, await_head=False, changed=changed)
        self._open = opened
        speaker.keep(self)
        if self._await_head:
            await self.wait(lambda exchange: exchange.answered, limits.connect + limits.head + 1.0)
            opened.check()

    @property
    def opened(self) -> OpenStream | PulledStream:
        """The response that is coming in.

        Raises:
            RuntimeError: If the stream is not open.
        """
        if self._open is None:
            raise RuntimeError("the stream is not open: iterate over it, or use it as a context manager")
        return self._open

    @property
    def sent(self) -> jsonrpc.Message | None:
        """The request that the stream answers; None for one that no request opened."""
        return self._sent

    @property
    def exchange(self) -> Exchange:
        """What has come in so far, since the stream was last resumed."""
        return self.opened.exchange

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """The exchanges of the stream: one, and one more each time that it was resumed."""
        return (*self.legs, self.exchange)

    @property
    def alive(self) -> bool:
        """Whether the response is still coming in."""
        return self.opened.alive

    @property
    def last_event_id(self) -> str | None:
        """The id of the last event that had one; the stream is resumed after it."""
        self._collect()
        return self._last_id

    async def wait(self, condition: Callable[[Exchange], bool], timeout: float) -> bool:
        """Wait until a condition on the exchange holds, the response ends, or `timeout` seconds pass.

        Returns:
            Whether the condition held.
        """
        opened = self.opened
        left = False

        def leave() -> None:
            nonlocal left
            left = True
            opened.notify()

        await self.client.io.run(lambda: opened.wait(lambda e: left or condition(e), timeout), leave)
        return condition(opened.exchange)

    async def close(self) -> Exchange:
        """Close the connection, and return the exchange."""
        opened = self.opened
        busy = opened.alive
        opened.cancel()
        self.client.speaker.over(self)
        if busy:
            await self.client.io.run(opened.close, lambda: None)
        else:
            opened.close()
        return opened.exchange

    async def finish(self) -> Exchange:
        """Let the server end the stream by itself, if it does so soon, and close it."""
        if self.alive:
            await self.wait(lambda _: False, SHORT_LINGER)
        return await self.close()

    # -- messages -------------------------------------------------------------------------------------------

    def poll(self) -> jsonrpc.Message | None:
        """Return the next message if it has come in, without waiting."""
        if not self._queue:
            self._collect()
        if self.response is not None or not self._queue:
            return None
        message = self._queue.popleft()
        if self._is_response(message):
            self.response = message
        return message

    @property
    def over(self) -> bool:
        """Whether nothing more can come without resuming it."""
        if self.response is not None:
            return True
        if self.alive:
            return False
        self._collect()
        return not self._queue

    async def next(self) -> jsonrpc.Message | None:
        """Wait for the next message; None after the response, or when the stream has ended.

        Raises:
            NoResponseError: If the stream should be resumed by itself, and cannot be.
        """
        await self.open()
        while (message := self.poll()) is None:
            if not self.over:
                await self.more()
            elif not await self.go_on():
                return None
        return message

    async def take(self) -> jsonrpc.Message | None:
        """Take the next message as `next` does, and let a callback answer it if there is one for it.

        Raises:
            CallError: If the stream ended without the response that it should end with.
        """
        try:
            message = await self.next()
            if message is None:
                await self.finish()
                if self.resumes and self.sent is not None and self.response is None:
                    self.opened.check()
                    raise failure(self.exchange, self.sent)
            elif message.kind is jsonrpc.Kind.REQUEST:
                method = str(message.method)
                if method == "ping" or self.client.speaker.callbacks.function(method) is not None:
                    await self.client.answer(message)
        except BaseException:
            await self.client.io.settle(self.abandon)
            raise
        return message

    async def more(self, also: Callable[[], bool] = lambda: False) -> None:
        """Wait until something came in, here or as `also` says, or the response ended."""
        taken = self._taken
        left = self._deadline - time.monotonic()
        # The wire gives up by itself, which ends this wait; a second is for its thread to be scheduled.
        await self.wait(lambda e: len(e.events) > taken or also(), max(left, 0.0) + 1.0)

    @property
    def fresh(self) -> bool:
        """Whether events came in that were not looked at."""
        return bool(self._queue) or len(self.exchange.events) > self._taken

    def _collect(self) -> None:
        """Take what came in since the last look."""
        whole = not self.alive  # before the look, or what comes in between would be missed
        exchange = self.exchange
        if exchange.is_sse:
            events = exchange.events[self._taken :]
            self._taken += len(events)
            for event in events:
                if event.id is not None:
                    self._last_id = event.id
                if event.retry is not None:
                    self._retry = event.retry / 1000
                if event.dispatched and event.data:
                    self._queue_up(jsonrpc.decode(event.data.encode("utf-8", "replace")))
        elif whole and not self._whole:
            for received in exchange.received:
                self._queue_up(received.message)
        self._whole = whole

    def _queue_up(self, message: jsonrpc.Message) -> None:
        self._queue.extend(message.members if message.kind is jsonrpc.Kind.BATCH else (message,))

    def _is_response(self, message: jsonrpc.Message) -> bool:
        if self._sent is None or message.kind not in (jsonrpc.Kind.RESULT, jsonrpc.Kind.ERROR):
            return False
        if jsonrpc.same_id(message.id, self._sent.id):
            return True
        return is_nameless_error(message) and not self.exchange.is_sse

    # -- resumption and cancellation ------------------------------------------------------------------------

    async def go_on(self) -> bool:
        """Resume the stream if it should do so by itself and is worth it; return whether it was resumed."""
        exchange = self.exchange
        broken = exchange.ok and exchange.is_sse and exchange.end in (End.EOF, End.RESET)
        sessions = self.client.speaker.dialect.sessions
        if not (self.resumes and broken and sessions and self.last_event_id is not None):
            return False
        await self.resume()
        return True

    async def resume(self) -> None:
        """Ask the server for what followed the last event, in another exchange.

        Waits as long as the last `retry` of the server says. A stream that is still open is closed first.

        Raises:
            ValueError: If there is nothing to resume: no event had an id, or the era has no resumption.
            NoResponseError: If the time of the stream is over before it may be resumed.

        Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#resumability-and-redelivery
        """
        if not self.client.speaker.dialect.sessions:
            raise ValueError(f"no stream can be resumed at {self.client.speaker.revision}")
        last_id = self.last_event_id
        if last_id is None:
            raise ValueError("no event of the stream had an id, so it cannot be resumed")
        exchange = await self.close()
        pause = RESUME_SECONDS if self._retry is None else self._retry
        left = self._deadline - time.monotonic() - pause
        if left <= 0 or len(self.legs) >= MAX_LEGS:
            raise NoResponseError(
                f"the stream was not complete within {self.limits.total:g} s: it ended {len(self.legs) + 1} "
                f"times, and may be resumed {pause:g} s later",
                exchange,
            )
        await self.client.io.sleep(pause)
        self.legs.append(exchange)
        request = self.client.speaker.build("GET", None, {"Last-Event-ID": last_id})
        await self._begin(request, replace(self.limits, total=min(self.limits.total, left)))

    async def cancel(self, reason: str | None = None) -> Exchange:
        """Tell the server that the answer is not wanted any more, and close the stream.

        At the handshake revisions a notification says so, from 2026-07-28 on the closed stream does.

        Args:
            reason: Why, for people; only a notification carries it.

        Returns:
            The exchange of the notification, or of the closed stream.

        Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/cancellation and
            https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/cancellation
        """
        told: Exchange | None = None
        if self.client.speaker.dialect.sessions and self._sent is not None:
            params: dict[str, object] = {"requestId": self._sent.id}
            if reason is not None:
                params["reason"] = reason
            told = await self.client.notify("notifications/cancelled", params)
        closed = await self.close()
        return told or closed

    async def shut(self) -> None:
        """Close the connection if it was opened; only `cancel` tells the server that no answer is wanted."""
        if self._open is not None:
            await self.close()

    async def abandon(self) -> None:
        """Close a stream that failed; the server is told if it may still be busy with the request."""
        if self._open is None:
            return
        self._collect()
        exchange = self.exchange
        left = self.alive or exchange.end in (End.TIMEOUT, End.STOPPED)
        if self.response is None and (left or (exchange.end is End.RESET and exchange.answered)):
            await self.cancel()
        else:
            await self.close()
