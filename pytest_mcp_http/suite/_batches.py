"""Batches as probes: what arrays of messages got in a session that works."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pytest_mcp_http.assertions.batch import assert_batch_received
from pytest_mcp_http.errors import NotVerified, RequirementViolated
from pytest_mcp_http.suite._malformed import Answer
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.visit import UNKNOWN_METHOD
from pytest_mcp_http.wire import jsonrpc
from pytest_mcp_http.wire.exchange import Exchange

TWO = ("b-1", "b-2")
"""Ids of the requests in a batch of two."""

ROOTS_CHANGED = jsonrpc.notification("notifications/roots/list_changed")


def ping(id: str) -> dict[str, Any]:
    """Return a ping request."""
    return jsonrpc.request("ping", id=id)


def unknown(id: str) -> dict[str, Any]:
    """Return a request of a method that no server has."""
    return jsonrpc.request(UNKNOWN_METHOD, id=id)


def answer_to(id: str) -> dict[str, Any]:
    """Return a response to a request that nobody made."""
    return {"jsonrpc": "2.0", "id": id, "result": {}}


def posted(tour: Tour, members: Sequence[object]) -> Exchange:
    """Return what a batch got, after a single ping was served in the same session.

    Raises:
        NotVerified: If the ping was not served, or something in front of the server answered.
    """
    with tour.session() as client:
        tour.require(client.request("ping"), "a single ping")
        return Answer("batch", client.post(list(members))).checked()


def two_pings(tour: Tour) -> Exchange:
    """Return what a batch of two pings got."""
    return tour.memo("batch-of-two", lambda: posted(tour, [ping(id) for id in TWO]))


def needs_batches(tour: Tour) -> None:
    """Go on only if the server takes batches, and single requests get responses with their ids.

    Raises:
        NotVerified: If it does not, which other requirements report.
    """
    for step in tour.named("plain (string id)", "unknown method"):
        message = step.exchange.request.message
        if message is None or step.exchange.response_to(message.id) is None:
            raise NotVerified(f"{step.name}: not even a single request gets a response with its id")
    try:
        assert_batch_received(two_pings(tour), TWO)
    except RequirementViolated as outcome:
        raise NotVerified(f"the server takes no batches: {outcome.actual}") from None
