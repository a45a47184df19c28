"""Judging the places of messages that belong to one requirement, see `_ownership`."""

from __future__ import annotations

from collections.abc import Iterable

from pytest_mcp_http.assertions.schema import Filter, assert_messages_valid
from pytest_mcp_http.errors import NotVerified
from pytest_mcp_http.suite._ownership import owner_of
from pytest_mcp_http.suite._tool_calls import tool_calls
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import Exchange


def owned_by(id: str, revision: str) -> Filter:
    """Count the violations that break one requirement."""
    return lambda method, violation: owner_of(method, violation, revision) == id


def judge_shape(exchange: Exchange, revision: str, id: str) -> None:
    """Judge the places of the messages of one exchange that belong to one requirement."""
    assert_messages_valid(exchange, revision, counts=owned_by(id, revision))


def judge_shapes(tour: Tour, id: str, exchanges: Iterable[Exchange] | None = None) -> None:
    """Judge the places of messages that belong to one requirement.

    Args:
        tour: The tour.
        id: The requirement.
        exchanges: What is judged; default the visit.
    """
    for exchange in tour.exchanges if exchanges is None else exchanges:
        judge_shape(exchange, tour.revision, id)


def calls_seen(tour: Tour) -> list[Exchange]:
    """Return what the tools that may be called gave; nothing if none may be."""
    try:
        return [call.exchange for call in tool_calls(tour)]
    except NotVerified:
        return []
