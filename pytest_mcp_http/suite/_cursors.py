"""Cursors: those that the visit got, and such as no server gives out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.suite._lists import KEYS
from pytest_mcp_http.suite._probes import refused_by_others
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.visit import LISTS
from pytest_mcp_http.wire.exchange import Exchange

UNKNOWN_CURSOR: Final = "mcp-http-check-no-such-cursor"

ODD_CURSORS: Final = {"100 KiB": "x" * 100 * 1024, "a number": 5, "a text beyond ASCII": "Seite ②"}
"""What no server gives out as cursor, by what is special about it."""


@dataclass(frozen=True)
class Page:
    """One page of a list, as the visit got it.

    Attributes:
        method: Method of the list.
        cursor: The cursor that was sent, or None for the first page.
        items: Its items by name or URI, in order.
        next: The cursor of the next page; None on the last.
        exchange: The exchange.
    """

    method: str
    cursor: str | None
    items: tuple[str, ...]
    next: str | None
    exchange: Exchange


def list_methods(tour: Tour) -> dict[str, str]:
    """Return the methods of all lists that the server serves, each with the member that holds the items.

    Raises:
        NotApplicable: If there is none.
    """
    found = {
        method: member
        for capability, methods in LISTS.items()
        for method, member in methods
        if capability in tour.capabilities and any(s.exchange.result is not None for s in tour.named(method))
    }
    if not found:
        raise NotApplicable("the server serves no list")
    return found


def page_of(exchange: Exchange, method: str, member: str, cursor: str | None) -> Page:
    """Read a page of a list."""
    result = exchange.result if isinstance(exchange.result, dict) else {}
    items = result.get(member)
    key = KEYS.get(member, "uriTemplate")
    names = (
        [str(item.get(key)) for item in items if isinstance(item, dict)] if isinstance(items, list) else []
    )
    following = result.get("nextCursor")
    return Page(method, cursor, tuple(names), following if isinstance(following, str) else None, exchange)


def walks(tour: Tour) -> list[list[Page]]:
    """Return the lists of the visit that have several pages, page by page.

    Raises:
        NotApplicable: If there is none.
    """
    found = []
    for method, member in list_methods(tour).items():
        pages: list[Page] = []
        for step in tour.named(method, f"{method} (next page)"):
            cursor = pages[-1].next if pages else None
            pages.append(page_of(step.exchange, method, member, cursor))
        if len(pages) > 1 or pages[0].next is not None:
            found.append(pages)
    if not found:
        raise NotApplicable("no list has several pages")
    return found


def unknown_cursors(tour: Tour) -> list[Exchange]:
    """Return what each list made of a cursor that the server never gave out.

    Raises:
        NotApplicable: If the server serves no list.
        NotVerified: If something else answered.
    """

    def probe() -> list[Exchange]:
        return [tour.client.request(method, {"cursor": UNKNOWN_CURSOR}) for method in list_methods(tour)]

    found = tour.memo("cursors-unknown", probe)
    for exchange in found:
        refused_by_others(exchange)
    return found


def odd_cursors(tour: Tour) -> Iterator[tuple[str, Exchange]]:
    """Yield what one list made of odd cursors, with what is special about each.

    Raises:
        NotApplicable: If the server serves no list.
        NotVerified: If something else answered.
    """
    methods = list(list_methods(tour))
    method = next((pages[0].method for pages in _several(tour)), methods[0])
    for what, cursor in ODD_CURSORS.items():
        exchange = tour.client.request(method, {"cursor": cursor})
        refused_by_others(exchange)
        if exchange.status in (502, 503, 504):
            raise NotVerified(f"something in front of the server may have answered: {exchange.summary}")
        yield what, exchange


def again(tour: Tour) -> Iterator[tuple[Page, Page]]:
    """Yield the second page of each list of several pages, and what its cursor gave when it was used again.

    Raises:
        NotApplicable: If no list has several pages.
        NotVerified: If the first page, and with it perhaps the list, has changed since.
    """
    for pages in walks(tour):
        if len(pages) < 2 or pages[1].exchange.result is None:
            continue
        method, cursor = pages[1].method, pages[1].cursor
        member = list_methods(tour)[method]
        repeated = page_of(tour.client.request(method, {"cursor": cursor}), method, member, cursor)
        refused_by_others(repeated.exchange)
        if repeated.items != pages[1].items:
            first = page_of(tour.client.request(method), method, member, None)
            if first.items != pages[0].items:
                raise NotVerified(f"{method} gave another first page meanwhile")
        yield pages[1], repeated


def _several(tour: Tour) -> list[list[Page]]:
    try:
        return walks(tour)
    except NotApplicable:
        return []
