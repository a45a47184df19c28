"""Two sessions at once, with streams open beside a call of a tool in each: who gets which message.

The tool is named by the user, or is that of the reference server; no other tool is called.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from typing import Final

from pytest_mcp_http._roles import Role
from pytest_mcp_http.client import McpClient, McpStream
from pytest_mcp_http.errors import NotVerified
from pytest_mcp_http.suite._probes import refused_by_others
from pytest_mcp_http.suite._progress import TICK_MS, TICKS, progress_role
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.visit import STREAM_SECONDS
from pytest_mcp_http.wire.exchange import Exchange

OPEN_SECONDS: Final = 0.2
"""Longest time that the head of a GET stream is waited for."""

AFTERMATH: Final = 0.05
"""Seconds that streams are watched after the last response."""

PROGRESS: Final = "notifications/progress"


@dataclass(frozen=True)
class Party:
    """One session, and what came on its streams.

    Attributes:
        name: Id of its call, and token of the progress that it asked for.
        call: What its call got.
        gets: The GET streams that were open meanwhile, as far as the server offers them.
    """

    name: str
    call: Exchange
    gets: tuple[Exchange, ...]

    @property
    def streams(self) -> tuple[Exchange, ...]:
        """Every event stream of the session."""
        return tuple(each for each in (self.call, *self.gets) if each.ok and each.is_sse)


def two_sessions(tour: Tour) -> tuple[Party, Party]:
    """Return what two sessions got, the first of which has two GET streams, while a tool worked for each.

    Raises:
        NotVerified: If no tool is named for it, or it reported no progress.
    """
    return tour.memo("two-sessions", lambda: _probe(tour, progress_role(tour)))


def with_two_sessions(tour: Tour) -> list[Exchange]:
    """Return the streams of the probe, or none if it could not be made."""
    with suppress(NotVerified):
        return [stream for party in two_sessions(tour) for stream in party.streams]
    return []


def _probe(tour: Tour, role: Role) -> tuple[Party, Party]:
    with ExitStack() as stack:
        clients = [stack.enter_context(tour.session()) for _ in range(2)]
        streams = [[_listen(stack, client) for _ in range(2 - place)] for place, client in enumerate(clients)]
        names = [f"mcp-http-check-{uuid.uuid4().hex}" for _ in clients]

        def call(client: McpClient, name: str) -> Exchange:
            params = {**role.params(key=name, n=TICKS, ms=TICK_MS), "_meta": {"progressToken": name}}
            return client.request("tools/call", params, id=name)

        with ThreadPoolExecutor(len(clients)) as pool:
            calls = list(pool.map(call, clients, names))
        streams[0][0].wait(lambda exchange: False, AFTERMATH)
        gets = [[stream.close() for stream in opened] for opened in streams]
    first, second = (
        Party(name, call, tuple(own)) for name, call, own in zip(names, calls, gets, strict=True)
    )
    for each in calls:
        refused_by_others(each)
        if each.result is None:
            raise NotVerified(f"a call of {role.tool} got {each.summary}")
    if not any(PROGRESS in _methods(party.streams) for party in (first, second)):
        raise NotVerified(f"{role.tool} reported no progress, so there is nothing that could be sent twice")
    return first, second


def _listen(stack: ExitStack, client: McpClient) -> McpStream:
    stream = client.listen(limits=replace(client.wire.limits, total=STREAM_SECONDS))
    stack.callback(stream.close)
    stream.wait(lambda exchange: exchange.status is not None, OPEN_SECONDS)
    return stream


def _methods(streams: Iterable[Exchange]) -> set[str | None]:
    return {message.method for stream in streams for message in stream.messages}
