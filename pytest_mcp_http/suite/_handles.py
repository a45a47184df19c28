"""Calls of a tool that gives out a new handle each time."""

from __future__ import annotations

from typing import Final

from pytest_mcp_http.assertions.handles import places_of_handles
from pytest_mcp_http.assertions.tools import is_tool_success
from pytest_mcp_http.errors import NotVerified
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import Exchange

CALLS: Final = 6
"""Handles that are compared."""


def handles_given(tour: Tour) -> list[Exchange]:
    """Return what calls of the tool with the role handle got, one after the other.

    Raises:
        NotVerified: If no tool has the role, a call does not succeed, or nothing is new in each result.
    """
    role = tour.roles("handle")[0]
    found = []
    for _ in range(CALLS):
        exchange = tour.client.request("tools/call", role.params())
        if not is_tool_success(exchange):
            raise NotVerified(f"{role.tool}, which is to give out a handle, got {exchange.summary}")
        found.append(exchange)
    if not places_of_handles(found):
        raise NotVerified(f"{role.tool} gave the same handle each time")
    return found
