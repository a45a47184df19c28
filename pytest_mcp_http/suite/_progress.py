"""Calls of a tool that reports progress: without a token, and with tokens of all kinds, two at a time.

Each call is sent once for all checks. No two tokens look alike, so that one which comes back in another type
can be told from one that belongs to another call.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from pytest_mcp_http._roles import Role
from pytest_mcp_http.assertions.progress import progress_on, token_of
from pytest_mcp_http.client import McpClient
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.suite._probes import refused_by_others
from pytest_mcp_http.suite._streams import opened_beside
from pytest_mcp_http.suite._tool_calls import tool_calls
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import Exchange

ROUNDS: Final = ((7, "mcp-http-check-ü"), (0, "42"))
"""Tokens of the calls that run at once, round after round: numbers, text beyond ASCII, text of digits."""

TICKS, TICK_MS = 3, 10
"""What a slow tool is asked for, where no tool of the role `progress` is named."""


@dataclass(frozen=True)
class Reports:
    """What the calls of a tool that reports progress got.

    Attributes:
        tool: Its name.
        silent: The call without a token, which was the first.
        rounds: The calls with a token; those of one round ran at once, the rounds one after the other.
        beside: The GET stream, or that of a subscription, that was open meanwhile; None without.
    """

    tool: str
    silent: Exchange
    rounds: tuple[tuple[Exchange, ...], ...]
    beside: Exchange | None

    @property
    def calls(self) -> list[Exchange]:
        """The calls with a token, in order."""
        return [call for calls in self.rounds for call in calls]

    @property
    def streams(self) -> list[Exchange]:
        """The calls with a token, and the stream beside them."""
        return self.calls + ([self.beside] if self.beside is not None else [])

    @property
    def tokens(self) -> list[object]:
        """All tokens."""
        return [token_of(call) for call in self.calls]


def reports(tour: Tour) -> Reports:
    """Return what the calls got.

    Raises:
        NotVerified: If no tool is named for it, or its call fails.
    """

    def probe() -> Reports:
        role = progress_role(tour)
        with tour.session() as client:
            client.schemas.update(tour.client.schemas)
            with opened_beside(tour, client) as stream:
                silent = _called(client, role)
                refused_by_others(silent)
                tour.require(silent, f"a call of the tool {role.tool}")
                rounds = tuple(_at_once(client, role, tokens) for tokens in ROUNDS)
                beside = stream.close() if stream is not None else None
        return Reports(role.tool, silent, rounds, beside)

    return tour.memo("progress-reports", probe)


def with_progress(tour: Tour) -> Reports:
    """Return the calls of a tool that did report progress.

    Raises:
        NotApplicable: If the server answers with JSON, beside which there is none.
        NotVerified: If no tool is named for it, or the tool reported none.
    """
    found = reports(tour)
    if not any(progress_on(stream) for stream in found.streams):
        if all(call.is_json for call in found.calls):
            raise NotApplicable("the server answers with JSON, and reports no progress")
        raise NotVerified(f"the tool {found.tool} reported no progress")
    return found


def reported(tour: Tour) -> list[tuple[Exchange, ...]]:
    """Return the calls with a token that ran at once, by round; none where no tool is named for it."""
    try:
        return list(reports(tour).rounds)
    except NotVerified:
        return []


def without_token(tour: Tour) -> Iterator[Exchange]:
    """Yield what requests got that gave no progress token: of the visit, and calls of tools."""
    yield from tour.exchanges
    try:
        yield from (call.exchange for call in tool_calls(tour))
    except NotVerified:
        return


def progress_role(tour: Tour) -> Role:
    """Return a tool that reports progress, else one that works for a while and may.

    Raises:
        NotVerified: If no tool is named for it.
    """
    try:
        return tour.roles("progress")[0]
    except NotVerified as error:
        try:
            return tour.roles("slow")[0]
        except NotVerified:
            raise error from None


def _called(client: McpClient, role: Role, token: object = None) -> Exchange:
    meta = {} if token is None else {"progressToken": token}
    return client.request("tools/call", role.params(n=TICKS, ms=TICK_MS), meta=meta)


def _at_once(client: McpClient, role: Role, tokens: tuple[object, ...]) -> tuple[Exchange, ...]:
    with ThreadPoolExecutor(len(tokens)) as pool:
        return tuple(pool.map(lambda token: _called(client, role, token), tokens))
