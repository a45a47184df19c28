"""The list of prompts: that it is the same on every connection."""

from __future__ import annotations

from pytest_mcp_http.assertions.changes import assert_list_change_announced
from pytest_mcp_http.assertions.lists import assert_same_items
from pytest_mcp_http.suite._changes import changed_list
from pytest_mcp_http.suite._lists import listings
from pytest_mcp_http.suite._requirement import requirement
from pytest_mcp_http.tour import Tour


@requirement("prompts.list-not-per-connection")
def test_prompts_are_the_same_on_every_connection(mcp_tour: Tour) -> None:
    found = listings(mcp_tour, "prompts")
    for each in (found.first, found.later):
        assert_same_items(each.exchange, each.items, found.before.items, each.when)


@requirement("prompts.list-changed")
def test_changed_prompts_are_announced(mcp_tour: Tour) -> None:
    assert_list_change_announced(changed_list(mcp_tour, "prompts").heard, "prompts")


@requirement("prompts.list-changed.listen")
def test_changed_prompts_are_announced_to_listeners(mcp_tour: Tour) -> None:
    assert_list_change_announced(changed_list(mcp_tour, "prompts").heard[:1], "prompts")
