"""Lists asked for again: on fresh connections, and on one connection before and after other requests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pytest_mcp_http.client import McpClient
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.visit import LISTS, MAX_PAGES, UNKNOWN_NAME, UNKNOWN_URI
from pytest_mcp_http.wire.exchange import Exchange
from pytest_mcp_http.wire.http import HttpWire

KEYS = {"tools": "name", "prompts": "name", "resources": "uri"}
"""Capability -> the member that tells an item of its list from others."""

OWN_CHAPTERS = frozenset({"prompts", "tools"})
"""Capabilities whose own chapters judge that what is offered is declared, and that the list does not fail."""


@dataclass(frozen=True)
class Listing:
    """One whole list: its items by name or URI, in order, and the exchange of its last page."""

    when: str
    items: tuple[str, ...]
    exchange: Exchange


@dataclass(frozen=True)
class Listings:
    """The same list, asked for several times.

    Attributes:
        before: On a fresh connection.
        first: As the first request on a connection that stays open.
        later: On that connection, after other requests.
        after: On a fresh connection again.
    """

    before: Listing
    first: Listing
    later: Listing
    after: Listing

    @property
    def all(self) -> tuple[Listing, ...]:
        """The listings in order."""
        return (self.before, self.first, self.later, self.after)


def listings(tour: Tour, capability: str) -> Listings:
    """Return what a list held each time it was asked for.

    Args:
        tour: The tour.
        capability: `tools`, `prompts` or `resources`.

    Raises:
        NotApplicable: If the server does not declare it.
        NotVerified: If a list was refused, or changed by itself meanwhile.
    """
    if capability not in tour.capabilities:
        raise NotApplicable(f"the server declares no {capability}")
    found = tour.memo("listings", lambda: _ask(tour))[capability]
    if set(found.before.items) != set(found.after.items):
        raise NotVerified(f"the list of {capability} changed by itself meanwhile")
    return found


def _ask(tour: Tour) -> dict[str, Listings]:
    declared = [name for name in KEYS if name in tour.capabilities]
    before = {name: whole(tour.new_client(), name, "on a fresh connection") for name in declared}
    with HttpWire(tour.wire.limits, tour.wire.context, keep_alive=True) as wire:
        client = tour.new_client(wire)
        first = {name: whole(client, name, "first on a connection") for name in declared}
        _others(client, declared)
        later = {name: whole(client, name, "after other requests on the connection") for name in declared}
    after = {name: whole(tour.new_client(), name, "on a fresh connection again") for name in declared}
    return {name: Listings(before[name], first[name], later[name], after[name]) for name in declared}


def _others(client: McpClient, declared: list[str]) -> None:
    """Send requests that have no business with a list; none of them can run anything."""
    client.plain()
    for capability, method, params in (
        ("tools", "tools/call", {"name": UNKNOWN_NAME, "arguments": {}}),
        ("prompts", "prompts/get", {"name": UNKNOWN_NAME}),
        ("resources", "resources/read", {"uri": UNKNOWN_URI}),
    ):
        if capability in declared:
            client.request(method, params)


def pages_of(client: McpClient, method: str, most: int = MAX_PAGES) -> Iterator[Exchange]:
    """Ask for a list page by page, and yield what each request got.

    Args:
        client: Who asks.
        method: Method of the list.
        most: How many pages are asked for at most; a cursor that comes again ends the list, too.
    """
    params: dict[str, str] = {}
    seen: set[str] = set()
    for _ in range(most):
        exchange = client.request(method, params)
        yield exchange
        cursor = exchange.result.get("nextCursor") if isinstance(exchange.result, dict) else None
        if not isinstance(cursor, str) or cursor in seen:
            return
        seen.add(cursor)
        params = {"cursor": cursor}


def whole(client: McpClient, capability: str, when: str) -> Listing:
    """Return a list, of all pages.

    Args:
        client: Who asks.
        capability: `tools`, `prompts` or `resources`.
        when: When that is, for messages.

    Raises:
        NotVerified: If a page was refused.
    """
    method, member = LISTS[capability][0]
    items: list[str] = []
    for exchange in pages_of(client, method):
        page = exchange.result.get(member) if isinstance(exchange.result, dict) else None
        if not isinstance(page, list):
            raise NotVerified(f"{method} {when} got {exchange.summary}")
        items += [str(item.get(KEYS[capability])) for item in page if isinstance(item, dict)]
    return Listing(when, tuple(items), exchange)
