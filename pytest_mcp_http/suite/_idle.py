"""Streams and calls that are silent for as long as a client may have to wait: who ends them, and when.

Nothing is waited for unless the user says for how long.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from pytest_mcp_http.client import McpClient
from pytest_mcp_http.dialect import ALL_CHANGES
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.suite._probes import refused_by_others
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import End, Exchange
from pytest_mcp_http.wire.http import Limits

SECTION: Final = "Silent streams"
"""Title of the lines about them in the reports."""

BEYOND: Final = 1.2
"""How much longer than the budget a stream is held: one that is cut right then is seen as cut."""

GRACE: Final = 0.3
"""Seconds that are added to that, so that a keep-alive at the budget itself still comes."""

PATIENCE: Final = 5.0
"""Seconds that a call may take beyond what it was asked for."""

PAUSE_MS: Final = 1000
"""Milliseconds of one tick of a silent call."""

ENDS: Final = {
    End.EOF: "the response was ended in good order",
    End.RESET: "the connection was cut",
    End.NOT_HTTP: "what came breaks HTTP",
    End.TIMEOUT: "nothing more came in time",
    End.TOO_LARGE: "too much came",
    End.UNREACHABLE: "no connection could be made",
}


@dataclass(frozen=True)
class Held:
    """One stream that was held open while nothing happened.

    Attributes:
        what: Which one.
        exchange: What came on it.
        held: Seconds that it was watched, since the request was sent.
        alive: Whether it was open still.
    """

    what: str
    exchange: Exchange
    held: float
    alive: bool

    @property
    def gap(self) -> float:
        """Longest time without a byte, in seconds."""
        times = [0.0, *(chunk.at for chunk in self.exchange.chunks), self.held]
        return max(after - before for before, after in pairwise(times))

    @property
    def keep_alives(self) -> int:
        """How many blocks came that hold a comment and nothing else."""
        return sum(bool(event.comments) and not event.has_data for event in self.exchange.events)

    @property
    def fate(self) -> str:
        """How it went, in one line."""
        if self.alive:
            end = f"was open after {self.held:.1f} s"
        else:
            end = f"ended after {self.held:.1f} s: {ENDS.get(self.exchange.end, self.exchange.end.value)}"
        kept = f"{self.keep_alives} keep-alives" if self.keep_alives else "no keep-alive"
        return f"{self.what} {end}; the longest silence was {self.gap:.1f} s, {kept}"


def budget(tour: Tour) -> float:
    """Return how long streams may be silent, in seconds."""
    # Without one, no check is collected that asks for it.
    assert tour.target.idle_budget is not None
    return tour.target.idle_budget


@dataclass(frozen=True)
class Silence:
    """What was seen while nothing happened.

    Attributes:
        stream: The stream for what no request asked for; None if the server offers none.
        direct: The same past the proxy, if that is known.
        call: A call that takes longer than the budget, and why there is none.
        reason: Why there is no call.
    """

    stream: Held | None
    direct: Held | None
    call: Exchange | None
    reason: str


def silence(tour: Tour) -> Silence:
    """Hold streams and a call, all at once, and note for the reports how they went."""

    def probe() -> Silence:
        seconds = budget(tour)
        hold = seconds * BEYOND + GRACE
        with ThreadPoolExecutor(3) as pool:
            through = pool.submit(_hold, tour, None, hold, "the stream")
            past = None
            if tour.target.direct is not None:
                past = pool.submit(_hold, tour, tour.target.direct, hold, "the stream past the proxy")
            call, reason = _call(tour, hold)
            found = Silence(through.result(), past.result() if past is not None else None, call, reason)
        tour.remarks[SECTION] = [each.fate for each in (found.stream, found.direct) if each is not None]
        if found.call is not None:
            got = f"got {found.call.summary} after {found.call.ended_at:.1f} s"
            tour.remarks[SECTION].append(f"a silent call of {hold:.1f} s {got}")
        return found

    return tour.memo("silence", probe)


def held_stream(tour: Tour) -> tuple[Held, Silence]:
    """Return the stream that was held.

    Raises:
        NotApplicable: If the server offers none.
    """
    found = silence(tour)
    if found.stream is None:
        raise NotApplicable("the server offers no stream for what no request asked for")
    return found.stream, found


def _hold(tour: Tour, url: str | None, seconds: float, what: str) -> Held | None:
    with tour.session(url=url) as client:
        # A proxy may keep even the head back, so nothing is waited for but the time.
        body = client.message("subscriptions/listen", {"notifications": dict(ALL_CHANGES)})
        request = client.build("GET") if client.dialect.sessions else client.build("POST", body)
        with client.wire.open(request, limits=_limits(client, seconds), await_head=False) as stream:
            stream.wait(lambda exchange: exchange.answered and not exchange.ok, seconds)
            alive, exchange = stream.alive, stream.exchange
    refused_by_others(exchange)
    if exchange.answered and not (exchange.ok and exchange.is_sse):
        return None
    return Held(what, exchange, exchange.ended_at, alive)


def _call(tour: Tour, seconds: float) -> tuple[Exchange | None, str]:
    """Call the tool of the role slow without asking for progress; return what it got, or why it is not."""
    try:
        role = tour.roles("slow")[0]
    except NotVerified as reason:
        return None, str(reason)
    if "$MS" not in role.template:
        return None, f"the tool {role.tool} of the role slow takes no $MS, so it cannot be made to last"
    ticks = math.ceil(seconds * 1000 / PAUSE_MS) if "$N" in role.template else 1
    params = role.params(n=ticks, ms=math.ceil(seconds * 1000 / ticks))
    with tour.session() as client:
        client.schemas.update(tour.client.schemas)
        return client.request("tools/call", params, limits=_limits(client, seconds)), ""


def _limits(client: McpClient, seconds: float) -> Limits:
    total = seconds + PATIENCE
    return replace(client.wire.limits, first_byte=total, total=total)
