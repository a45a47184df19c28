"""Many clients at once: they connect, ask, listen and wait at the same moment, and leave again.

The number is that of `--mcp-concurrency`. Everything is sent once for all checks, so that a run stays short
and a server in use sees few requests.
"""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Final, TypeVar

from pytest_mcp_http.client import McpClient
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.suite._echoes import Echo, echo_of, new_nonce
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.visit import STREAM_SECONDS
from pytest_mcp_http.wire.exchange import Exchange

SHARED_IDS: Final = (501, 502)
"""The ids that all clients use at the same time, one after the other: each is new in its session."""

PATIENCE: Final = 2.0
"""Seconds that a request may take beside others, where one alone is answered much sooner."""

PAIRS: Final = 5
"""Pairs of requests with the same id: only if one comes while the other is served can an answer go astray."""

SLOW_TICKS, SLOW_MS = 5, 40
"""What a slow tool is asked for."""

SLOW_CALLS: Final = 8
"""Slow calls at once, at most."""

PLAIN_BESIDE: Final = 3
"""Plain requests that are sent before the slow calls, and about half of those that are sent meanwhile."""

Value = TypeVar("Value")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Asked:
    """A request with a text of its own, and what it got."""

    nonce: str
    exchange: Exchange


@dataclass(frozen=True)
class Slow:
    """Slow calls at once, and plain requests of another client meanwhile, in seconds.

    Attributes:
        alone: How long one slow call takes.
        plain_alone: How long a plain request takes.
        together: How long all slow calls together took.
        plain: How long the slowest plain request took meanwhile.
        slowest: The exchange of that one.
        calls: How many slow calls there were.
    """

    alone: float
    plain_alone: float
    together: float
    plain: float
    slowest: Exchange
    calls: int


class Crowd:
    """The clients of one probe.

    Attributes:
        tour: The tour.
        openings: What each client got to its opening.
        clients: Those that are connected.
        alive: What a plain request of each got once all were connected.
    """

    def __init__(self, tour: Tour) -> None:
        self.tour = tour
        everybody = [tour.new_client() for _ in range(tour.target.concurrency)]
        self.openings = at_once(McpClient.open, everybody)
        self.clients = [client for client in everybody if client.negotiated is not None]
        if tour.dialect.sessions:
            at_once(McpClient.initialized, self.clients)
        self.alive = at_once(McpClient.plain, self.clients)

    def require(self, least: int) -> None:
        """Require so many connected clients.

        Raises:
            NotVerified: If there are fewer.
        """
        if len(self.clients) < least:
            raise NotVerified(f"only {len(self.clients)} of {len(self.openings)} clients could connect")

    def close(self) -> None:
        """End every session."""
        at_once(McpClient.close, self.clients)


@dataclass(frozen=True)
class Seen:
    """What a crowd saw. A probe that could not be made is the reason why.

    Attributes:
        openings: What each client got to its opening.
        alive: What a plain request of each got once all were connected.
        across: Answers to requests of all clients with the same id.
        within: Answers to requests of one client with ids that differ.
        doubled: Answers to two requests of one client with the same id.
        beside: What plain requests got while streams of all clients were open.
        streams: How many streams were open then.
    """

    openings: Sequence[Exchange]
    alive: Sequence[Exchange]
    across: Sequence[Asked] | NotVerified
    within: Sequence[Asked] | NotVerified
    doubled: Sequence[Asked] | NotVerified
    beside: Sequence[Exchange]
    streams: int


def crowd_of(tour: Tour) -> Seen:
    """Return what many clients at once saw, at the revision of a tour."""
    return tour.memo("crowd", lambda: _gather(tour))


def _gather(tour: Tour) -> Seen:
    try:
        echo: Echo | NotVerified = echo_of(tour)
    except NotVerified as reason:
        echo = reason
    crowd = Crowd(tour)
    try:
        across: Sequence[Asked] | NotVerified
        within: Sequence[Asked] | NotVerified
        doubled: Sequence[Asked] | NotVerified
        if isinstance(echo, NotVerified):
            across = within = doubled = echo
        elif len(crowd.clients) < 2:
            across = within = doubled = NotVerified(
                f"only {len(crowd.clients)} of {len(crowd.openings)} clients could connect"
            )
        else:
            # A client that used an id twice would break a rule, so each round waits for the one before.
            across = [
                each for id in SHARED_IDS for each in _ask(echo, [(client, id) for client in crowd.clients])
            ]
            one = crowd.clients[0]
            within = _ask(echo, [(one, 1000 + number) for number in range(len(crowd.clients))])
            doubled = _doubled(echo, one) if tour.dialect.sessions else NotVerified("there are no sessions")
        beside, streams = _with_streams(crowd)
        return Seen(crowd.openings, crowd.alive, across, within, doubled, beside, streams)
    finally:
        crowd.close()


def asked(found: Sequence[Asked] | NotVerified) -> Sequence[Asked]:
    """Return the answers of a probe, most of which are answers indeed.

    Raises:
        NotVerified: If the probe could not be made, or most requests were not answered.
    """
    if isinstance(found, NotVerified):
        raise found
    answered = [each for each in found if each.exchange.response is not None]
    if len(answered) * 2 <= len(found):
        raise NotVerified(f"only {len(answered)} of {len(found)} requests at once were answered")
    return found


def _ask(echo: Echo, senders: Sequence[tuple[McpClient, object]]) -> list[Asked]:
    def send(sender: tuple[McpClient, object]) -> Asked:
        client, id = sender
        nonce = new_nonce()
        return Asked(nonce, echo.send(client, nonce, id))

    return at_once(send, senders)


def _doubled(echo: Echo, client: McpClient) -> list[Asked]:
    """Send pairs of requests with the same id at once: one may wait for ever, so none waits long."""
    limits = replace(client.wire.limits, first_byte=PATIENCE, total=PATIENCE)
    found: list[Asked] = []
    for number in range(PAIRS):

        def send(nonce: str, id: str = f"mcp-http-check-twice-{number}") -> Asked:
            return Asked(nonce, echo.send(client, nonce, id, limits))

        found += at_once(send, [new_nonce(), new_nonce()])
        if any(each.exchange.response is None for each in found):
            break
    return found


def _with_streams(crowd: Crowd) -> tuple[list[Exchange], int]:
    """Send a plain request of each client while each of them holds a stream open, if the server has any."""
    tour = crowd.tour
    offered = tour.stream
    if offered is None or not (offered.ok and offered.is_sse) or tour.held_up is not None:
        return [], 0
    limits = replace(tour.wire.limits, first_byte=PATIENCE, total=PATIENCE)
    # The streams have to outlast the requests.
    lasting = replace(limits, total=STREAM_SECONDS)
    with ExitStack() as stack:
        streams = at_once(lambda client: stack.enter_context(client.listen(limits=lasting)), crowd.clients)
        live = [stream for stream in streams if stream.exchange.ok and stream.exchange.is_sse]
        if not live:
            return [], 0
        answers = at_once(lambda client: client.plain(limits=limits), crowd.clients)
        return answers, len(live)


def slow_calls(tour: Tour) -> Slow:
    """Return how long slow calls of several clients take at once, and plain requests of another meanwhile.

    Raises:
        NotApplicable: If the tool is no slower than a plain request.
        NotVerified: If no slow tool is named, or it is not served.
    """
    return tour.memo("slow-calls", lambda: measure_slow_calls(tour))


def measure_slow_calls(tour: Tour) -> Slow:
    """Measure what `slow_calls` returns."""
    role = tour.roles("slow")[0]

    def call(client: McpClient) -> Exchange:
        return tour.require(
            client.request("tools/call", role.params(n=SLOW_TICKS, ms=SLOW_MS)), f"the slow tool {role.tool}"
        )

    alone = _seconds(call(tour.client))
    plain_alone = statistics.median(_seconds(tour.client.plain()) for _ in range(PLAIN_BESIDE))
    if alone < 4 * plain_alone:
        raise NotApplicable(f"a call of {role.tool} takes {alone:.3f} s, hardly longer than a plain request")
    with ExitStack() as stack:
        clients = [
            stack.enter_context(tour.session()) for _ in range(min(SLOW_CALLS, tour.target.concurrency))
        ]
        with ThreadPoolExecutor(len(clients)) as pool:
            began = time.monotonic()
            running = [pool.submit(call, client) for client in clients]
            beside: list[Exchange] = []
            # When they really begin cannot be seen, so that plain requests are sent until they have ended.
            while not all(each.done() for each in running):
                time.sleep(alone / (2 * PLAIN_BESIDE))
                beside.append(tour.client.plain())
            together = time.monotonic() - began
            for each in running:
                each.result()
    slowest = max(beside, key=_seconds)
    return Slow(alone, plain_alone, together, _seconds(slowest), slowest, len(clients))


def _seconds(exchange: Exchange) -> float:
    return exchange.ended_at


def at_once(function: Callable[[Value], Result], values: Sequence[Value]) -> list[Result]:
    """Call a function with each of some values at the same moment; return the results in order."""
    if not values:
        return []
    start = threading.Barrier(len(values))

    def run(value: Value) -> Result:
        start.wait(10.0)
        return function(value)

    with ThreadPoolExecutor(len(values)) as pool:
        return list(pool.map(run, values))
