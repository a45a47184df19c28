"""Slow calls at once, one of which loses its connection, and what a witness counts of each.

Both tools are named by the user, or are those of the reference server; no other tool is called. How the count
is read from what the witness answers is said in `ticks_told`.
"""

from __future__ import annotations

import json
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from string import ascii_lowercase
from typing import Any, Final

from pytest_mcp_http._roles import Role
from pytest_mcp_http.assertions.cancellation import CANCELLED, is_answered
from pytest_mcp_http.client import McpClient, McpStream
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.suite._probes import refused_by_others
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import Exchange

TICKS: Final = 10
"""Ticks that each slow call is asked for."""

WORK_SECONDS: Final = 0.35
"""How long a call that is left alone should take."""

ROUND_TRIPS: Final = 12
"""A call lasts at least as long as so many calls of the witness, so that it can be watched over a network."""

MAX_WORK_SECONDS: Final = 5.0
"""Longest call that is asked for, however slow the network is."""

PACES: Final = (1, 4, 14)
"""How many times as long the calls last; the next one is tried when they went too far meanwhile."""

PATIENCE: Final = 5.0
"""Seconds that a call may take beyond three times what was asked for, before it is given up."""

POLL_SECONDS: Final = 0.02
"""Pause between two calls of the witness."""

STILL_TICKS: Final = 3
"""Ticks' time without a new tick after which work has stopped."""

_NUMBER: Final = re.compile(r"-?\d+")


@dataclass(frozen=True)
class TwoCalls:
    """What was seen of two equal calls that ran at once.

    Attributes:
        dropped: The stream that we closed after the first tick.
        left: The one that we left alone.
        seen: How many messages had come on `left` when the other one was closed.
        counted: Ticks of the closed one, once there were no more.
        left_counted: Ticks of the other one in the end.
        whole: Ticks of a call that nothing disturbs.
        listening: The `subscriptions/listen` stream that was open meanwhile, in an era that has it.
        cancelled: What became of a third call, which was cancelled by notification, in a session.
    """

    dropped: Exchange
    left: Exchange
    seen: int
    counted: int
    left_counted: int
    whole: int
    listening: Exchange | None
    cancelled: Cancelled | None = None


@dataclass(frozen=True)
class Cancelled:
    """What was seen of a call that ran when it was cancelled by notification.

    Attributes:
        call: The call, with the answer if one came.
        notification: The answer to the notification.
        counted: Ticks of the call, once there were no more.
    """

    call: Exchange
    notification: Exchange
    counted: int


def two_calls(tour: Tour) -> TwoCalls:
    """Return what became of two slow calls, one of which lost its connection after its first tick.

    Raises:
        NotApplicable: If the server answers the slow tool with JSON, so that there is no stream to close.
        NotVerified: If no tools are named for it, or they do not do what their roles say.
    """
    return tour.memo("two-calls", lambda: _watch(tour))


def _watch(tour: Tour) -> TwoCalls:
    """Run the probe, again with longer calls while it comes too late for them.

    A pause of this machine or of the network can be longer than a call; it says nothing about the server.
    """
    for pace in PACES[:-1]:
        watch = _Watch(tour, pace)
        with suppress(_TooLate):
            calls = watch.run()
            if not watch.missed_third:
                return calls
    return _Watch(tour, PACES[-1]).run()


def with_two_calls(tour: Tour) -> list[Exchange]:
    """Return the streams of the probe, or none if it could not be made."""
    with suppress(NotApplicable, NotVerified):
        calls = two_calls(tour)
        return [calls.dropped, calls.left, *([calls.listening] if calls.listening is not None else [])]
    return []


def ticks_told(exchange: Exchange) -> int | None:
    """Return the count in what a witness answered, or None.

    It is the member `ticks`, else the first member that is an integer, of the structured content or of a text
    that is a JSON object; else a text that is a JSON integer; else the first integer in a text.

    Args:
        exchange: The answer to the call of the witness.
    """
    result = exchange.result
    if not isinstance(result, dict) or result.get("isError") is True:
        return None
    content = result.get("content")
    items = [item for item in content if isinstance(item, dict)] if isinstance(content, list) else []
    texts = [item["text"] for item in items if isinstance(item.get("text"), str)]
    for value in (result.get("structuredContent"), *map(_as_json, texts)):
        found = _integer_in(value)
        if found is not None:
            return found
    numbers = (_NUMBER.search(text) for text in texts)
    return next((int(number[0]) for number in numbers if number is not None), None)


def _as_json(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _integer_in(value: object) -> int | None:
    members = [value.get("ticks"), *value.values()] if isinstance(value, dict) else [value]
    return next((each for each in members if isinstance(each, int) and not isinstance(each, bool)), None)


class _TooLate(NotVerified):
    """The calls were too far when the probe came to interrupt one."""


class _Watch:
    """One run of the probe.

    Attributes:
        missed_third: Whether a third call had gone too far when it was to be cancelled.
    """

    def __init__(self, tour: Tour, pace: int) -> None:
        self.missed_third = False
        self._tour = tour
        self._client: McpClient = tour.client
        self._slow: Role = tour.roles("slow")[0]
        self._witness: Role = tour.roles("witness")[0]
        # Without digits: a witness may say the key back in the text in which its count is looked for.
        self._nonce = "".join(secrets.choice(ascii_lowercase) for _ in range(8))
        began = time.monotonic()
        told = self._ask("a")
        if not told.answered or ticks_told(told):
            got = f"{ticks_told(told)} ticks of a key that nobody used" if told.answered else told.summary
            raise NotVerified(f"the witness {self._witness.tool} told {got}")
        trip = time.monotonic() - began
        seconds = min(max(WORK_SECONDS * pace, trip * ROUND_TRIPS), MAX_WORK_SECONDS)
        self._tick = seconds / TICKS
        self._limit = 3 * seconds + PATIENCE

    def run(self) -> TwoCalls:
        with ExitStack() as stack:
            listening = self._listen(stack)
            dropped = stack.enter_context(self._call("a"))
            left = stack.enter_context(self._call("b"))
            third = self._third(stack)
            at_drop = self._first_ticks(dropped)
            seen = len(left.exchange.messages)
            lost = dropped.close()
            notification = self._cancel(third)
            left.wait(is_answered, self._limit)
            kept = left.close()
            counted, left_counted = self._settled("a"), self._count("b")
            whole = left_counted if is_answered(kept) and left_counted >= TICKS else self._undisturbed()
            if at_drop > whole / 2:
                # The rest would not tell a server that stops from one that is about to end anyhow.
                raise _TooLate(f"{at_drop} of {whole} ticks were counted before the stream was closed")
            beside = listening.close() if listening is not None else None
            cancelled = None
            if third is not None and notification is not None:
                ticks = self._count("c")
                # It had as much time as the call that was left alone: far behind that means that it stopped.
                ticks = ticks if ticks < whole / 2 else self._settled("c")
                cancelled = Cancelled(third.close(), notification, ticks)
            return TwoCalls(lost, kept, seen, counted, left_counted, whole, beside, cancelled)

    def _listen(self, stack: ExitStack) -> McpStream | None:
        """Open the stream of a subscription, on which nothing of the calls may arrive."""
        if self._tour.dialect.sessions:
            return None
        stream = stack.enter_context(self._client.listen())
        stream.wait(lambda exchange: bool(exchange.messages), self._tick * TICKS)
        return stream if stream.exchange.ok and stream.exchange.is_sse else None

    @contextmanager
    def _call(self, name: str) -> Iterator[McpStream]:
        """Open a slow call. It asks for progress, which makes servers begin their event stream early."""
        with self._client.post_stream(self._message(name)) as stream:
            exchange = stream.exchange
            if exchange.ok and exchange.is_json:
                raise NotApplicable("the server answers the slow tool with JSON: there is no stream to close")
            if not (exchange.ok and exchange.is_sse):
                refused_by_others(exchange)
                raise NotVerified(f"the call of the slow tool {self._slow.tool} got {exchange.summary}")
            yield stream

    def _third(self, stack: ExitStack) -> McpStream | None:
        """Open a call that is to be cancelled by notification, in a session that takes a third one."""
        if self._client.session_id is None:
            return None
        with suppress(NotVerified):
            return stack.enter_context(self._call("c"))
        return None

    def _cancel(self, stream: McpStream | None) -> Exchange | None:
        """Cancel a call by notification if it is seen to run; return what the notification got."""
        sent = stream.exchange.request.message if stream is not None else None
        if stream is None or sent is None:
            return None
        # It was opened last, so its first tick may still be due.
        due = time.monotonic() + STILL_TICKS * self._tick
        while (count := self._count("c")) == 0 and stream.alive and time.monotonic() < due:
            time.sleep(POLL_SECONDS)
        self.missed_third = count > TICKS - 3 or (count > 0 and not stream.alive)
        if self.missed_third or count == 0:
            return None
        return self._client.notify(CANCELLED, {"requestId": sent.id, "reason": "conformance check"})

    def _undisturbed(self) -> int:
        """Return how many ticks a call counts while nothing else happens."""
        with self._call("d") as stream:
            stream.wait(is_answered, self._limit)
            exchange = stream.close()
        self._tour.require(exchange, f"a call of the slow tool {self._slow.tool} that is left alone")
        return self._count("d")

    def _message(self, name: str) -> dict[str, Any]:
        params = self._slow.params(key=self._key(name), n=TICKS, ms=round(self._tick * 1000))
        token = f"{self._key(name)}-progress"
        return self._client.message("tools/call", params, meta={"progressToken": token})

    def _key(self, name: str) -> str:
        return f"mcp-http-check-{self._nonce}-{name}"

    def _ask(self, name: str) -> Exchange:
        # The wire opens a connection for each exchange, so the witness is asked on one of its own.
        return self._client.request("tools/call", self._witness.params(key=self._key(name), n=1, ms=1))

    def _count(self, name: str) -> int:
        """Return what the witness tells; a counter that it does not know yet stands at 0."""
        return ticks_told(self._ask(name)) or 0

    def _settled(self, name: str) -> int:
        """Return the count once it stands still, or all ticks are counted."""
        last, since = self._count(name), time.monotonic()
        started = since
        while last < TICKS and time.monotonic() - since < STILL_TICKS * self._tick:
            if time.monotonic() - started > self._limit:
                break
            time.sleep(POLL_SECONDS)
            now = self._count(name)
            if now > last:
                last, since = now, time.monotonic()
        return last

    def _first_ticks(self, stream: McpStream) -> int:
        """Wait until ticks of the call behind a stream are counted, and return how many."""
        deadline = time.monotonic() + self._limit
        while stream.alive and not is_answered(stream.exchange) and time.monotonic() < deadline:
            count = self._count("a")
            if count > 0 and stream.alive and not is_answered(stream.exchange):
                return count
            time.sleep(POLL_SECONDS)
        raise _TooLate(
            f"no tick of the slow tool {self._slow.tool} was counted while its stream was open: the witness "
            f"{self._witness.tool} told {self._count('a')} after it"
        )
