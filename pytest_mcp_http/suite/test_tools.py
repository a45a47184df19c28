"""The list of tools: its order, and that it is the same for everybody."""

from __future__ import annotations

from pytest_mcp_http.assertions.lists import assert_same_items, assert_same_order
from pytest_mcp_http.suite._lists import listings
from pytest_mcp_http.suite._requirement import requirement
from pytest_mcp_http.tour import Tour


@requirement("tools.list-not-per-connection")
def test_tools_are_the_same_on_every_connection(mcp_tour: Tour) -> None:
    found = listings(mcp_tour, "tools")
    for each in (found.first, found.later):
        assert_same_items(each.exchange, each.items, found.before.items, each.when)


@requirement("tools.list-deterministic-order")
def test_tools_come_in_the_same_order(mcp_tour: Tour) -> None:
    first, *others = listings(mcp_tour, "tools").all
    for each in others:
        assert_same_order(each.exchange, each.items, first.items, each.when)
