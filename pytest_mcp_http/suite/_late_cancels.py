"""Cancels that come too late, or name nothing that runs, and what requests get after them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from pytest_mcp_http.assertions.cancellation import CANCELLED
from pytest_mcp_http.client import McpClient
from pytest_mcp_http.suite._probes import served
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import Exchange
from pytest_mcp_http.wire.raw import send_raw

MALFORMED: Final[tuple[Mapping[str, object], ...]] = ({}, {"requestId": {"id": 1}}, {"reason": "no id"})
"""Params of `notifications/cancelled` that name no request."""


@dataclass(frozen=True)
class Late:
    """What followed the cancel of a request that was answered already.

    Attributes:
        cancels: The answers to `notifications/cancelled`, in an era that cancels so.
        later: (what went before, answer) of requests that were sent afterwards.
    """

    cancels: tuple[Exchange, ...]
    later: tuple[tuple[str, Exchange], ...]


def late_cancel(tour: Tour) -> Late:
    """Cancel a request right after its answer, as the era cancels, and send more requests.

    One of them has the id of the cancelled request, and comes from another client: an id belongs to the
    client that chose it.
    """

    def probe() -> Late:
        served(tour)
        cancel_late = _by_notification if tour.dialect.sessions else _by_closing
        id = f"mcp-http-check-{secrets.token_hex(4)}"
        cancels = cancel_late(tour, id)
        next_one = tour.client.plain()
        with tour.session() as other:
            same = other.plain(id=id)
        later = (
            ("after a late cancel", next_one),
            ("after a late cancel of the same id by another client", same),
        )
        return Late(cancels, later)

    return tour.memo("late-cancel", probe)


def _by_notification(tour: Tour, id: object) -> tuple[Exchange, ...]:
    tour.require(tour.client.plain(id=id), "a request that was to be cancelled late")
    return (cancel(tour.client, {"requestId": id, "reason": "conformance check"}),)


def _by_closing(tour: Tour, id: object) -> tuple[Exchange, ...]:
    """Close a stream once the response is there, and a connection while the response is on its way."""
    client = tour.client
    body = client.message(client.dialect.plain, id=id)
    with client.post_stream(body) as stream:
        stream.wait(lambda exchange: bool(exchange.responses), tour.wire.limits.first_byte)
    request = client.build("POST", body)
    send_raw(request, read=False, limits=tour.wire.limits, context=tour.wire.context)
    return ()


def cancel(client: McpClient, params: Mapping[str, object]) -> Exchange:
    """Send `notifications/cancelled`."""
    return client.notify(CANCELLED, dict(params))


def malformed_cancels(tour: Tour) -> list[Exchange]:
    """Return what `notifications/cancelled` got that names no request."""

    def probe() -> list[Exchange]:
        served(tour)
        return [cancel(tour.client, params) for params in MALFORMED]

    return tour.memo("malformed-cancels", probe)
