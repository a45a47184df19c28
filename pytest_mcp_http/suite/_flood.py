"""A flood of sessions that nobody uses, as clients that come back without saying goodbye leave them behind.

Part of a run with `--mcp-flood` only. Every session is ended afterwards.
"""

from __future__ import annotations

import importlib.util
import os
import statistics
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import count
from typing import Final

from pytest_mcp_http.client import McpClient
from pytest_mcp_http.errors import NotVerified
from pytest_mcp_http.suite._probes import needs_session
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import Exchange

WIDTH: Final = 8
"""Clients that open sessions at the same time."""

SAMPLES: Final = 15
"""Requests whose median is a latency."""

FLOOD_SECONDS: Final = 300.0
"""Longest time that sessions are opened for."""

MAX_FAILURES: Final = 5
"""Failures after which no more sessions are opened."""

REFUSALS: Final = (401, 403, 429, 503)
"""Statuses by which a server says that it takes no more sessions of this client."""


@dataclass
class Opened:
    """The sessions of a flood.

    Attributes:
        ids: Of those that were opened.
        refusals: How many openings were refused.
        failures: Openings that brought neither a session nor a refusal.
    """

    ids: list[str] = field(default_factory=list)
    refusals: int = 0
    failures: list[Exchange] = field(default_factory=list)


@dataclass(frozen=True)
class Flood:
    """What a flood did.

    Attributes:
        opened: The sessions.
        before: Latency of a request before, in seconds.
        after: Latency of the same request while all sessions are abandoned, in seconds.
        first: What a request in the session that was opened first got then.
        newcomer: What one more client got to `initialize`.
        memory: Bytes by which the process behind the server grew for each session, or why that is not known.
    """

    opened: Opened
    before: float
    after: float
    first: Exchange
    newcomer: Exchange
    memory: float | NotVerified


def flood_of(tour: Tour) -> Flood:
    """Return what a flood of sessions did to a server.

    Raises:
        NotApplicable: If the server has no sessions.
        NotVerified: If it cannot be flooded.
    """
    needs_session(tour)
    return tour.memo("flood", lambda: _flood(tour))


def _flood(tour: Tour) -> Flood:
    if int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1")) > 1:
        raise NotVerified("a flood would disturb what other processes judge: run --mcp-flood without -n")
    with tour.session() as first:
        before = _latency(first)
        process = _memory_of(tour.target.process)
        at_first = process() if callable(process) else 0
        opened = Opened()
        try:
            _open(tour, opened)
            if not opened.ids:
                got = opened.failures[0].summary if opened.failures else "a refusal"
                raise NotVerified(f"no further session could be opened: initialize got {got}")
            grown = process() - at_first if callable(process) else 0
            memory = max(grown, 0) / len(opened.ids) if callable(process) else process
            answer = first.plain()
            newcomer = tour.new_client()
            greeting = newcomer.initialize()
            alive = first if answer.result is not None else newcomer
            after = _latency(alive)
            if _is_slower(before, after):
                # What happens twice is no pause of this machine.
                after = min(after, _latency(alive))
            return Flood(opened, before, after, answer, greeting, memory)
        finally:
            _end(tour, opened.ids)


def is_slower(flood: Flood) -> bool:
    """Tell whether requests take much longer than before."""
    return _is_slower(flood.before, flood.after)


def _is_slower(before: float, after: float) -> bool:
    return after > 3 * before and after - before > 0.01


def _latency(client: McpClient) -> float:
    return statistics.median(client.plain().ended_at for _ in range(SAMPLES))


def _open(tour: Tour, opened: Opened) -> None:
    """Open sessions, a few at a time, and keep nothing of them but their ids."""
    numbers = count()
    until = time.monotonic() + FLOOD_SECONDS

    def work(client: McpClient) -> None:
        while next(numbers) < tour.target.flood and time.monotonic() < until:
            exchange = client.initialize()
            client.log.clear()
            if client.session_id is not None:
                opened.ids.append(client.session_id)
            elif exchange.status in REFUSALS:
                opened.refusals += 1
            elif len(opened.failures) < MAX_FAILURES:
                opened.failures.append(exchange)
            else:
                return
        client.session_id = None  # they are all ended by `_end`

    _in_threads(work, [tour.new_client() for _ in range(WIDTH)])


def _end(tour: Tour, ids: Sequence[str]) -> None:
    remaining = iter(ids)

    def work(client: McpClient) -> None:
        for id in remaining:
            client.session_id = id
            client.delete()
            client.log.clear()
        client.session_id = None

    workers = [tour.new_client() for _ in range(WIDTH)]
    for client in workers:
        client.negotiated = tour.client.negotiated
    _in_threads(work, workers)


def _in_threads(work: Callable[[McpClient], None], clients: Sequence[McpClient]) -> None:
    with ThreadPoolExecutor(len(clients)) as pool:
        list(pool.map(work, clients))


def _memory_of(process: int | None) -> Callable[[], int] | NotVerified:
    """Return a function that tells how much memory a process and its children take, in bytes, or why not."""
    if process is None:
        return NotVerified("the memory of a server is read where --mcp-command starts it")
    if importlib.util.find_spec("psutil") is None:
        return NotVerified("the memory of a process is read by psutil: pip install psutil")
    import psutil

    try:
        found = psutil.Process(process)
        family = [found, *found.children(recursive=True)]
    except psutil.Error as error:
        return NotVerified(f"the process of the server cannot be looked at: {error}")

    def resident() -> int:
        return sum(each.memory_info().rss for each in family if each.is_running())

    return resident
