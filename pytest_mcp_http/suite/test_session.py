"""Session ids: how they look, when they are needed, what becomes of them."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_mcp_http.assertions.http import assert_no_server_error, assert_status
from pytest_mcp_http.assertions.session import (
    assert_session_gone,
    assert_session_id,
    assert_session_ids_unique,
    assert_session_ids_unpredictable,
)
from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.client import SESSION_HEADER, McpClient
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.suite._requirement import requirement
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import Exchange

SAMPLE = 12
"""Sessions opened to compare their ids."""


def needs_session(tour: Tour) -> str:
    """Return the session id of the tour; a server without sessions has nothing to judge here."""
    if tour.session_id is None:
        raise NotApplicable("the server assigns no session id")
    return tour.session_id


def sample_ids(tour: Tour) -> list[str]:
    """Return the ids of some sessions, in the order in which they were assigned."""

    def collect() -> list[str]:
        ids = []
        for _ in range(SAMPLE):
            client = tour.new_client()
            client.initialize()
            if client.session_id is not None:
                ids.append(client.session_id)
            client.close()
        return ids

    return tour.memo("session-ids", collect)


@dataclass(frozen=True)
class Ended:
    """What requests with the id of an ended session got."""

    request: Exchange
    notification: Exchange
    get: Exchange
    delete: Exchange
    first_delete: Exchange


def ended(tour: Tour) -> Ended:
    """Open a session, end it with DELETE, and use its id once more in every way."""

    def probe() -> Ended:
        needs_session(tour)
        with tour.session() as client:
            tour.require(client.request("ping"), "ping in the live session")
            first = client.delete()
            if first.status == 405:
                raise NotApplicable("the server does not let clients end sessions (DELETE got 405)")
            if not first.ok:
                raise NotVerified(f"DELETE did not end the session: {first.summary}")
            return Ended(
                request=client.request("ping"),
                notification=client.notify("notifications/roots/list_changed"),
                get=client.get(),
                delete=client.send(client.build("DELETE")),
                first_delete=first,
            )

    return tour.memo("ended-session", probe)


def requires_id(tour: Tour) -> McpClient:
    """Return the client of the tour if the server refuses requests without the id."""

    def probe() -> Exchange:
        needs_session(tour)
        tour.require(tour.client.request("ping"), "ping with the session id")
        return tour.client.request("ping", headers={SESSION_HEADER: None})

    exchange = tour.memo("ping-without-id", probe)
    if exchange.ok and exchange.error is None:
        raise NotApplicable("the server does not require the session id that it assigns")
    return tour.client


@requirement("session.id-visible-ascii")
def test_id_is_visible_ascii(mcp_tour: Tour) -> None:
    needs_session(mcp_tour)
    assert_session_id(mcp_tour.initialize)


@requirement("session.id-unique")
def test_ids_are_unique(mcp_tour: Tour) -> None:
    needs_session(mcp_tour)
    assert_session_ids_unique(sample_ids(mcp_tour))


@requirement("security.session-id-nondeterministic")
def test_ids_are_unpredictable(mcp_tour: Tour) -> None:
    needs_session(mcp_tour)
    assert_session_ids_unpredictable(sample_ids(mcp_tour))


@requirement("session.missing-id-400")
def test_request_without_id_is_400(mcp_tour: Tour) -> None:
    client = requires_id(mcp_tour)
    assert_status(client.request("tools/list", headers={SESSION_HEADER: None}), 400)


@requirement("session.terminated-404")
def test_request_in_ended_session_is_404(mcp_tour: Tour) -> None:
    assert_session_gone(ended(mcp_tour).request)


@requirement("session.terminated-404-notification")
def test_notification_in_ended_session_is_404(mcp_tour: Tour) -> None:
    assert_session_gone(ended(mcp_tour).notification)


@requirement("session.terminated-404-delete")
def test_second_delete_is_404(mcp_tour: Tour) -> None:
    assert_session_gone(ended(mcp_tour).delete)
