"""Batches as probes: what arrays of messages got in a session that works."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pytest_mcp_http.assertions.batch import assert_batch_received
from pytest_mcp_http.errors import NotVerified, RequirementViolated
from pytest_mcp_http.suite._malformed import Broken, sent_all
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.visit import UNKNOWN_METHOD
from pytest_mcp_http.wire import jsonrpc
from pytest_mcp_http.wire.exchange import Exchange

TWO = ("b-1", "b-2")
"""Ids of the requests in a batch of two."""

ROOTS_CHANGED = jsonrpc.notification("notifications/roots/list_changed")


def plain(tour: Tour, id: str) -> dict[str, Any]:
    """Return a request that is served when it comes alone."""
    return tour.client.message(tour.dialect.plain, id=id)


def unknown(id: str) -> dict[str, Any]:
    """Return a request of a method that no server has."""
    return jsonrpc.request(UNKNOWN_METHOD, id=id)


def answer_to(id: str) -> dict[str, Any]:
    """Return a response to a request that nobody made."""
    return {"jsonrpc": "2.0", "id": id, "result": {}}


def posted(tour: Tour, members: Sequence[object]) -> Exchange:
    """Return what a batch got, after a single plain request was served in the same session.

    Its headers are those of that request.

    Raises:
        NotVerified: If the single request was not served, or something in front of the server answered.
    """
    like = tour.client.message(tour.dialect.plain)
    (answer,) = sent_all(tour, [Broken("batch", jsonrpc.encode(list(members)), like)])
    return answer.checked()


def two_requests(tour: Tour) -> Exchange:
    """Return what a batch of two plain requests got."""
    return tour.memo("batch-of-two", lambda: posted(tour, [plain(tour, id) for id in TWO]))


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
        assert_batch_received(two_requests(tour), TWO)
    except RequirementViolated as outcome:
        raise NotVerified(f"the server takes no batches: {outcome.actual}") from None
