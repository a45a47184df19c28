"""Probes that go to several replicas of a server: what one of them began, another one goes on with."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Final

from pytest_mcp_http._option_values import mask_url
from pytest_mcp_http.assertions.subscriptions import acknowledgement
from pytest_mcp_http.client import McpClient
from pytest_mcp_http.dialect import CLIENT_INFO
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.suite._asking import Ask, again, completing
from pytest_mcp_http.suite._changes import ARRIVAL, offers
from pytest_mcp_http.suite._cursors import list_methods, page_of, walks
from pytest_mcp_http.suite._lists import KEYS, whole
from pytest_mcp_http.suite._probes import needs_session, refused_by_others
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import Exchange

SETTLE: Final = (0.0, 0.1, 0.3, 0.6)
"""Seconds to wait before each look at what one replica tells another: stores may take a moment."""

REPLAY: Final = 0.15
"""Seconds in which a replay is awaited; everything to replay exists already."""

ACKNOWLEDGED: Final = 1.0
"""Seconds that the acknowledgement of a subscription may take."""

SCATTERED: Final = 12
"""Requests of one session that are sent on connections of their own."""


def replicas(tour: Tour) -> tuple[str, ...]:
    """Return the URLs of the other replicas.

    Raises:
        NotVerified: If the user names none.
    """
    if not tour.target.replicas:
        raise NotVerified(
            "no other replica of the server is named: add --mcp-replica URL, or the ini value mcp_replicas"
        )
    return tour.target.replicas


def named(url: str) -> str:
    """Return how a replica is called in reports."""
    return f"the replica {mask_url(url)}"


# -- sessions -----------------------------------------------------------------------------------------------


def known_at(client: McpClient, url: str) -> None:
    """Require that a replica serves the session of a client: the control of what needs one.

    Raises:
        NotVerified: If it does not.
    """
    if client.session_id is None:
        return
    exchange = client.request("ping")
    if exchange.result is None:
        raise NotVerified(
            f"{named(url)} does not know the session, see session.cross-replica: {exchange.summary}"
        )


def crossings(tour: Tour) -> list[tuple[str, Exchange]]:
    """Open a session, and return what a ping of it got at each replica."""

    def probe() -> list[tuple[str, Exchange]]:
        needs_session(tour)
        with tour.session() as client:
            tour.require(client.request("ping"), "ping where the session was opened")
            return [(url, tour.beside(client, url).request("ping")) for url in replicas(tour)]

    return tour.memo("replica-crossings", probe)


def ended_elsewhere(tour: Tour) -> Iterator[tuple[str, Exchange]]:
    """End sessions at one replica and yield what their ids get at another, after a moment if need be.

    Raises:
        NotApplicable: If clients cannot end sessions.
        NotVerified: If a replica did not know the session before, or DELETE failed.
    """
    needs_session(tour)
    here = tour.target.url
    for url in replicas(tour):
        for ended_at, used_at in ((here, url), (url, here)):
            with tour.session(url=ended_at) as client:
                other = tour.beside(client, used_at)
                known_at(other, used_at)
                gone = client.delete()
                if gone.status == 405:
                    raise NotApplicable("the server does not let clients end sessions (DELETE got 405)")
                if not gone.ok:
                    raise NotVerified(f"DELETE did not end the session: {gone.summary}")
                for pause in SETTLE:
                    time.sleep(pause)
                    exchange = other.request("ping")
                    if exchange.status == 404:
                        break
                yield used_at, exchange


@dataclass(frozen=True)
class Scattered:
    """What requests of one session got, each on a connection of its own.

    Attributes:
        bare: Without cookies, as clients send them.
        with_cookies: The same with the cookies that came with `initialize`; empty if there were none.
    """

    bare: tuple[Exchange, ...]
    with_cookies: tuple[Exchange, ...]

    @property
    def hint(self) -> str:
        """What the cookies tell, for a message."""
        if not self.with_cookies:
            return ""
        served = sum(exchange.result is not None for exchange in self.with_cookies)
        return f"; with the cookies of initialize {served} of {len(self.with_cookies)} were served"


def scattered(tour: Tour) -> Scattered:
    """Open a session and ping in it on new connections, one after the other.

    Raises:
        NotApplicable: If the server assigns no session id.
        NotVerified: If no ping was served: there is no session to lose then.
    """

    def probe() -> Scattered:
        needs_session(tour)
        with tour.session() as client:
            needs_session(tour)
            bare = tuple(client.request("ping") for _ in range(SCATTERED))
            for exchange in bare:
                refused_by_others(exchange)
            if all(exchange.result is None for exchange in bare):
                raise NotVerified(f"no ping of the session was served: {bare[0].summary}")
            lost = any(exchange.result is None for exchange in bare)
            cookies = _cookies(client.opening) if lost else ""
            kept = tuple(
                client.request("ping", headers={"Cookie": cookies})
                for _ in range(SCATTERED if cookies else 0)
            )
            return Scattered(bare, kept)

    return tour.memo("scattered-session", probe)


def _cookies(opening: Exchange | None) -> str:
    """Return the cookies that a response set, as a request carries them."""
    values = opening.headers.get_all("set-cookie") if opening is not None else []
    return "; ".join(value.partition(";")[0] for value in values)


# -- streams ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ResumedElsewhere:
    """A finished stream of a request, and what taking it up at another replica gave.

    Attributes:
        url: The replica.
        stream: The stream; its events have ids.
        own: What its session got.
        foreign: What another session got.
    """

    url: str
    stream: Exchange
    own: Exchange
    foreign: Exchange


def resumed_elsewhere(tour: Tour) -> list[ResumedElsewhere]:
    """Finish a stream of a session and take it up at each replica, in its own session and in another one.

    Raises:
        NotApplicable: If events have no ids.
    """

    def probe() -> list[ResumedElsewhere]:
        urls = replicas(tour)
        found = []
        with tour.session() as client:
            stream = tour.require(client.request("ping"), "ping")
            ids = [event.id for event in stream.events if event.id]
            if not ids:
                raise NotApplicable("the server attaches no event ids to the streams of requests")
            for url in urls:
                with tour.session(url=url) as stranger:
                    own, foreign = (
                        _resume(who, ids[0], stream) for who in (tour.beside(client, url), stranger)
                    )
                found.append(ResumedElsewhere(url, stream, own, foreign))
        return found

    return tour.memo("replica-resumed", probe)


def _resume(client: McpClient, event_id: str, stream: Exchange) -> Exchange:
    sent = stream.request.message
    with client.listen(last_event_id=event_id) as resumed:
        resumed.wait(lambda exchange: bool(sent and exchange.response_to(sent.id)), REPLAY)
        return resumed.close()


def announced_elsewhere(tour: Tour) -> Iterator[tuple[str, str, Exchange]]:
    """Change lists at one replica while a client listens at another.

    Yields:
        Each list that changed, the replica where the client listened, and its stream.

    Raises:
        NotApplicable: If no list is declared to change.
        NotVerified: If there is no tool for it, nothing changed, or no stream opened.
    """
    urls = replicas(tour)
    kinds = [kind for kind in KEYS if offers(tour, kind, "listChanged")]
    if not kinds:
        raise NotApplicable("the server declares listChanged for no list")
    roles = tour.roles("change")
    client = tour.client

    def call() -> None:
        for role in roles:
            result = client.request("tools/call", role.params()).result
            if not isinstance(result, dict) or result.get("isError") is True:
                raise NotVerified(f"a call of {role.tool}, which is to change something, failed")

    for url in urls:
        with tour.beside(client, url).listen() as stream:
            stream.wait(lambda e: acknowledgement(e) is not None or bool(e.responses), ACKNOWLEDGED)
            if not (stream.alive and stream.exchange.is_sse):
                raise NotVerified(f"{named(url)} opened no stream: {stream.exchange.summary}")
            before = {kind: whole(client, kind, "before").items for kind in kinds}
            call()
            changed = [kind for kind in kinds if whole(client, kind, "after").items != before[kind]]
            wanted = {f"notifications/{kind}/list_changed" for kind in changed}
            stream.wait(lambda e: wanted <= {m.method for m in e.notifications}, ARRIVAL)  # noqa: B023
            found = stream.close()
        # What was there before is put back by tools that toggle.
        with suppress(NotVerified):
            call()
        if not changed:
            raise NotVerified("no tool with the role change changed a list")
        for kind in changed:
            yield kind, url, found


# -- lists --------------------------------------------------------------------------------------------------


def tool_lists(tour: Tour) -> list[tuple[str, tuple[str, ...], Exchange]]:
    """Return the names of the tools at the target and at each replica, in order, by URL.

    Raises:
        NotApplicable: If there are no tools.
        NotVerified: If the list changes by itself.
    """
    urls = replicas(tour)
    if "tools" not in tour.capabilities:
        raise NotApplicable("the server declares no tools")
    found = []
    for url in (tour.target.url, *urls, tour.target.url):
        listing = whole(tour.new_client(url=url), "tools", f"at {mask_url(url)}")
        found.append((url, listing.items, listing.exchange))
    if found[0][1] != found[-1][1]:
        raise NotVerified("the list of tools changed by itself meanwhile")
    return found[:-1]


def second_pages(tour: Tour) -> Iterator[tuple[str, Exchange, bool]]:
    """Get a cursor at the target and use it at each replica.

    Yields:
        The replica, what it answered, and whether it gave the same page as the target.

    Raises:
        NotApplicable: If no list has several pages.
        NotVerified: If a replica does not know the session, or the first page differs there.
    """
    urls = replicas(tour)
    for pages in walks(tour):
        method = pages[0].method
        member = list_methods(tour)[method]
        for url in urls:
            other = tour.beside(tour.client, url)
            known_at(other, url)
            first = page_of(tour.client.request(method), method, member, None)
            if first.next is None:
                continue
            params = {"cursor": first.next}
            here = page_of(tour.client.request(method, params), method, member, first.next)
            there = page_of(other.request(method, params), method, member, first.next)
            refused_by_others(there.exchange)
            same = there.items == here.items
            if there.exchange.result is not None and not same:
                begin = page_of(other.request(method), method, member, None)
                if begin.items != first.items:
                    raise NotVerified(f"{method} gives another first page at {named(url)}")
            yield url, there.exchange, same


# -- calls --------------------------------------------------------------------------------------------------


def retried_elsewhere(tour: Tour) -> Iterator[tuple[str, Ask, Exchange]]:
    """Let calls ask for input at the target, and bring the answers to each replica.

    Raises:
        NotVerified: If there is no call whose answers complete it.
    """
    urls = replicas(tour)
    for ask in completing(tour):
        for url in urls:
            asked = again(ask)
            there = replace(asked, client=tour.beside(asked.client, url))
            yield url, there, there.retry(there.answers or {})


def unannounced(tour: Tour, client_info: Mapping[str, Any]) -> Iterator[tuple[str, str, Exchange]]:
    """Discover at the target and ask for lists at each replica, as a client that nobody has met.

    Args:
        tour: The tour.
        client_info: How the client calls itself.

    Yields:
        The replica, the method, and what it got there.
    """
    urls = replicas(tour)
    meta = {CLIENT_INFO: dict(client_info)}
    tour.require(tour.client.plain(meta=meta), "server/discover of a client of another name")
    for method in list_methods(tour):
        tour.require(tour.client.request(method, meta=meta), f"{method} at the target")
        for url in urls:
            exchange = tour.new_client(url=url).request(method, meta=meta)
            refused_by_others(exchange)
            yield url, method, exchange
