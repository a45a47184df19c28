"""The list of prompts: that it is the same on every connection."""

from __future__ import annotations

from pytest_mcp_http.assertions.lists import assert_same_items
from pytest_mcp_http.suite._lists import listings
from pytest_mcp_http.suite._requirement import requirement
from pytest_mcp_http.tour import Tour


@requirement("prompts.list-not-per-connection")
def test_prompts_are_the_same_on_every_connection(mcp_tour: Tour) -> None:
    found = listings(mcp_tour, "prompts")
    for each in (found.first, found.later):
        assert_same_items(each.exchange, each.items, found.before.items, each.when)
