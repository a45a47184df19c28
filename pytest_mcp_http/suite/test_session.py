"""Session ids: how they look, when they are needed, what becomes of them."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.delivery import assert_own_messages
from pytest_mcp_http.assertions.http import assert_status
from pytest_mcp_http.assertions.session import (
    assert_no_session_id,
    assert_session_gone,
    assert_session_id,
    assert_session_ids_unique,
)
from pytest_mcp_http.client import SESSION_HEADER, McpClient
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.suite._probes import needs_session, refused_by_others, sample_session_ids, served
from pytest_mcp_http.suite._replicas import crossings, ended_elsewhere, named, scattered
from pytest_mcp_http.suite._requirement import requirement
from pytest_mcp_http.suite._two_sessions import two_sessions
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import Exchange


@dataclass(frozen=True)
class Ended:
    """What requests with the id of an ended session got."""

    request: Exchange
    notification: Exchange
    get: Exchange
    delete: Exchange


def deleted(tour: Tour) -> tuple[McpClient, Exchange]:
    """Open a session and send DELETE with its id; return the client and the answer."""

    def probe() -> tuple[McpClient, Exchange]:
        needs_session(tour)
        with tour.session() as client:
            tour.require(client.request("ping"), "ping in the live session")
            return client, client.delete()

    return tour.memo("deleted-session", probe)


def ended(tour: Tour) -> Ended:
    """Use the id of a session that DELETE ended once more, in every way."""

    def probe() -> Ended:
        client, first = deleted(tour)
        if first.status == 405:
            raise NotApplicable("the server does not let clients end sessions (DELETE got 405)")
        if not first.ok:
            raise NotVerified(f"DELETE did not end the session: {first.summary}")
        return Ended(
            request=client.request("ping"),
            notification=client.notify("notifications/roots/list_changed"),
            get=client.get(),
            delete=client.send(client.build("DELETE")),
        )

    return tour.memo("ended-session", probe)


def without_id(tour: Tour) -> McpClient:
    """Return the client of the tour, on a server that refuses requests without the session id."""

    def probe() -> Exchange:
        needs_session(tour)
        tour.require(tour.client.request("ping"), "ping with the session id")
        return tour.client.request("ping", headers={SESSION_HEADER: None})

    exchange = tour.memo("ping-without-id", probe)
    if exchange.result is not None:
        raise NotApplicable("the server does not require the session id that it assigns")
    return tour.client


def unknown_id(tour: Tour) -> Mapping[str, Exchange]:
    """Send a well-formed id that was never issued, in every way."""

    def probe() -> Mapping[str, Exchange]:
        needs_session(tour)
        client = tour.new_client()
        client.session_id = uuid.uuid4().hex
        client.terminated = True  # not a session of ours to end
        return {
            "a request": client.request("ping"),
            "a notification": client.notify("notifications/roots/list_changed"),
            "GET": client.get(),
            "DELETE": client.send(client.build("DELETE")),
        }

    return tour.memo("unknown-session-id", probe)


def with_made_up_id(tour: Tour) -> Exchange:
    """Return what a plain request with a session id got, at a revision that has no sessions."""

    def probe() -> Exchange:
        served(tour)
        return tour.client.plain(headers={SESSION_HEADER: uuid.uuid4().hex})

    return tour.memo("made-up-session-id", probe)


@requirement("session.id-on-initialize")
def test_id_comes_with_initialize(mcp_tour: Tour) -> None:
    if mcp_tour.session_id is not None:
        return
    for step in mcp_tour.steps[1:]:
        if SESSION_HEADER in step.exchange.headers:
            violated(
                f"a session id first came with the answer to {step.name}",
                "a session id with the answer to initialize, or none at all",
                step.exchange,
            )


@requirement("session.id-visible-ascii")
def test_id_is_visible_ascii(mcp_tour: Tour) -> None:
    needs_session(mcp_tour)
    assert_session_id(mcp_tour.opening)


@requirement("session.id-unique")
def test_ids_are_unique(mcp_tour: Tour) -> None:
    needs_session(mcp_tour)
    assert_session_ids_unique(sample_session_ids(mcp_tour))


@requirement("session.id-stable")
def test_id_stays_the_same(mcp_tour: Tour) -> None:
    assigned = needs_session(mcp_tour)
    for step in mcp_tour.steps:
        seen = step.exchange.headers.get(SESSION_HEADER)
        if seen is not None and seen != assigned:
            violated(
                f"the answer to {step.name} carries another session id",
                "the session id that initialize assigned, or none",
                step.exchange,
            )


@requirement("session.missing-id-400")
def test_request_without_id_is_400(mcp_tour: Tour) -> None:
    client = without_id(mcp_tour)
    exchange = client.request("ping", headers={SESSION_HEADER: None})
    refused_by_others(exchange)
    assert_status(exchange, 400)


@requirement("session.missing-id-400-get")
def test_get_and_delete_without_id_are_400(mcp_tour: Tour) -> None:
    client = without_id(mcp_tour)
    lacking = {SESSION_HEADER: None}
    for method in ("GET", "DELETE"):
        get = method == "GET"
        exchange = client.get(headers=lacking) if get else client.send(client.build(method, headers=lacking))
        refused_by_others(exchange)
        assert_status(exchange, 400, 405, expected=["HTTP 400", f"HTTP 405, if {method} is not offered"])


@requirement("session.terminated-404")
def test_request_in_ended_session_is_404(mcp_tour: Tour) -> None:
    assert_session_gone(ended(mcp_tour).request)


@requirement("session.terminated-404-get")
def test_get_in_ended_session_is_404(mcp_tour: Tour) -> None:
    found = ended(mcp_tour).get
    if mcp_tour.get is not None and mcp_tour.get.status == 405:
        raise NotApplicable("the server offers no GET stream")
    assert_session_gone(found)


@requirement("session.terminated-404-notification")
def test_notification_in_ended_session_is_404(mcp_tour: Tour) -> None:
    assert_session_gone(ended(mcp_tour).notification)


@requirement("session.terminated-404-delete")
def test_second_delete_is_404(mcp_tour: Tour) -> None:
    assert_session_gone(ended(mcp_tour).delete)


@requirement("session.unknown-id-404")
def test_unknown_id_is_404(mcp_tour: Tour) -> None:
    for what, exchange in unknown_id(mcp_tour).items():
        allowed = (404,) if what in ("a request", "a notification") else (404, 405)
        # Statuses that look like another kind of failure are judged by the next check.
        if exchange.status not in (*allowed, 401, 403, 429) and (exchange.status or 500) < 500:
            violated(
                f"{exchange.summary}, for {what} with an id that was never issued",
                "HTTP 404, which makes clients open a new session",
                exchange,
            )


@requirement("session.unknown-id-not-auth-error")
def test_unknown_id_is_no_other_failure(mcp_tour: Tour) -> None:
    for what, exchange in unknown_id(mcp_tour).items():
        if exchange.status in (401, 403) or exchange.status is None or exchange.status >= 500:
            violated(
                f"{exchange.summary}, for {what} with an id that was never issued",
                "HTTP 404: clients take anything else for another kind of failure and keep the dead id",
                exchange,
            )


@requirement("session.delete-accepted-or-405")
def test_delete_is_accepted_or_405(mcp_tour: Tour) -> None:
    exchange = deleted(mcp_tour)[1]
    if not exchange.ok and exchange.status not in (404, 405):
        violated(exchange.summary, ["HTTP 2xx", "HTTP 405, if clients cannot end sessions"], exchange)


@requirement("session.delete-405-keeps-session")
def test_refused_delete_keeps_session(mcp_tour: Tour) -> None:
    needs_session(mcp_tour)
    with mcp_tour.session() as client:
        if client.delete().status != 405:
            raise NotApplicable("the server accepts DELETE")
        exchange = client.request("ping")
        if exchange.result is None:
            violated(f"{exchange.summary}, after DELETE got 405", "the session goes on", exchange)


@requirement("session.not-required-when-unassigned")
def test_id_is_not_required_when_unassigned(mcp_tour: Tour) -> None:
    if mcp_tour.session_id is not None:
        raise NotApplicable("the server assigns a session id")
    for step in mcp_tour.named("plain", "tools/list", "prompts/list", "resources/list"):
        if step.exchange.status == 400:
            violated(f"{step.exchange.summary}, to {step.name}", "the request is served", step.exchange)


@requirement("session.initialize-without-id")
def test_new_session_while_others_live(mcp_tour: Tour) -> None:
    expected = "a result: a client may open a session at any time, whatever other clients do"
    with mcp_tour.session() as first:
        mcp_tour.require(first.request("ping"), "ping before others connect")
        second, third = mcp_tour.new_client(), mcp_tour.new_client()
        threads = [threading.Thread(target=client.initialize, daemon=True) for client in (second, third)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(mcp_tour.wire.limits.total + mcp_tour.wire.limits.connect)
        for client in (second, third):
            if not client.log:
                raise NotVerified("an initialize did not end within the limits")
            refused_by_others(client.log[0])
            if client.log[0].result is None:
                violated(
                    f"{client.log[0].summary}, to an initialize while others are open",
                    expected,
                    client.log[0],
                )
        after = first.request("ping")
        if after.result is None:
            violated(
                f"{after.summary}, to the first client after two more connected",
                "the first session goes on",
                after,
            )


@requirement("session.header-name-case-insensitive")
def test_header_name_is_case_insensitive(mcp_tour: Tour) -> None:
    id = needs_session(mcp_tour)
    served(mcp_tour)
    for name in ("mcp-session-id", "MCP-SESSION-ID", "MCP-Session-Id"):
        exchange = mcp_tour.client.request("ping", headers={SESSION_HEADER: None, name: id})
        if exchange.result is None:
            violated(f"{exchange.summary}, with the header spelt {name}", "the request is served", exchange)


@requirement("session.isolation")
def test_messages_stay_in_their_session(mcp_tour: Tour) -> None:
    needs_session(mcp_tour)
    first, second = two_sessions(mcp_tour)
    if not first.streams or not second.streams:
        raise NotApplicable("the server opens no stream on which it could send a message of another session")
    for party, other in ((first, second), (second, first)):
        for stream in party.streams:
            assert_own_messages(stream, (other.name,))


# A server that speaks earlier revisions as well has sessions, but serves what it is sent by the rules of this
# one without them, so both of these are judged there, too.


@requirement("session.modern-not-minted")
def test_no_session_id_is_assigned(mcp_tour: Tour) -> None:
    for exchange in (*mcp_tour.exchanges, with_made_up_id(mcp_tour)):
        assert_no_session_id(exchange)


@requirement("session.modern-header-ignored")
def test_session_id_is_ignored(mcp_tour: Tour) -> None:
    exchange = with_made_up_id(mcp_tour)
    refused_by_others(exchange)
    if exchange.result is None:
        violated(f"{exchange.summary}, with a session id", "a result, as without the header", exchange)


# -- several replicas, or the same one on several connections -----------------------------------------------


@requirement("session.cross-replica")
def test_session_is_known_to_every_replica(mcp_tour: Tour) -> None:
    for url, exchange in crossings(mcp_tour):
        refused_by_others(exchange)
        if exchange.result is None:
            violated(
                f"{exchange.summary}, at {named(url)}, in a session that was opened at another one",
                "a result: clients keep no cookies, so a balancer may send them to any replica",
                exchange,
            )


@requirement("session.terminated-404-replica")
def test_ended_session_is_gone_at_every_replica(mcp_tour: Tour) -> None:
    for _, exchange in ended_elsewhere(mcp_tour):
        refused_by_others(exchange)
        assert_session_gone(exchange)


@requirement("session.gone-stays-gone")
def test_gone_session_stays_gone(mcp_tour: Tour) -> None:
    found = scattered(mcp_tour)
    statuses = [exchange.status for exchange in found.bare]
    if 404 not in statuses:
        return
    first = statuses.index(404)
    served = [exchange for exchange in found.bare[first:] if exchange.result is not None]
    if served:
        violated(
            f"of {len(statuses)} pings of one session, each on a connection of its own, number {first + 1} "
            f"got HTTP 404, and {len(served)} of those after it were served{found.hint}",
            "HTTP 404 from then on, or never: a client drops the session at once",
            found.bare[first],
        )


@requirement("session.any-connection")
def test_session_is_served_on_any_connection(mcp_tour: Tour) -> None:
    found = scattered(mcp_tour)
    # A session may end at any time, and 404 in between is session.gone-stays-gone.
    refused = [exchange for exchange in found.bare if exchange.result is None and exchange.status != 404]
    if refused:
        violated(
            f"{len(refused)} of {len(found.bare)} pings of one session, each on a connection of its own, "
            f"were not served: {refused[0].summary}{found.hint}",
            "a result on each connection",
            refused[0],
        )
