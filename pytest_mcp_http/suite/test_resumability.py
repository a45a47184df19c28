"""Event ids, and what a client gets that resumes a stream with `Last-Event-ID`."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.http import assert_no_server_error
from pytest_mcp_http.assertions.resumability import assert_event_ids_unique
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.suite._endpoint import needs_one_era
from pytest_mcp_http.suite._probes import refused_by_others, served
from pytest_mcp_http.suite._replicas import named, resumed_elsewhere
from pytest_mcp_http.suite._requirement import requirement
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import Exchange

SOME_EVENT_ID = "7"

WINDOW = 0.15
"""Seconds in which a replay is awaited; everything to replay exists already."""


@dataclass(frozen=True)
class Resumed:
    """Two finished POST streams of one session, and what resuming the first one gave.

    Attributes:
        first: The stream that was resumed, from its first event id.
        second: Another stream of the same session.
        own: The GET that resumed it in its own session.
        foreign: The GET with the same event id in another session.
    """

    first: Exchange
    second: Exchange
    own: Exchange
    foreign: Exchange


def event_ids(exchange: Exchange) -> list[str]:
    """Return the ids that the events of a stream carry, in order."""
    return [event.id for event in exchange.events if event.id]


def resumed(tour: Tour) -> Resumed:
    """Finish two streams of a session and resume the first, here and from another session."""

    def probe() -> Resumed:
        with tour.session() as client, tour.session() as stranger:
            first = tour.require(client.request("ping"), "ping")
            second = tour.require(client.request("ping"), "a second ping")
            if not event_ids(first) or not event_ids(second):
                raise NotApplicable("the server attaches no event ids to the streams of requests")
            wanted = first.request.message
            exchanges = []
            for who in (client, stranger):
                with who.listen(last_event_id=event_ids(first)[0]) as stream:
                    stream.wait(lambda e: bool(wanted and e.response_to(wanted.id)), WINDOW)
                exchanges.append(stream.exchange)
            return Resumed(first, second, *exchanges)

    return tour.memo("resumed-stream", probe)


@requirement("resumability.event-id-unique")
def test_event_ids_are_unique(mcp_tour: Tour) -> None:
    streams = [exchange for exchange in mcp_tour.exchanges if event_ids(exchange)]
    if not streams:
        raise NotApplicable("the server attaches no event ids")
    if sum(len(event_ids(stream)) for stream in streams) < 2:
        raise NotVerified("only one event with an id was seen")
    assert_event_ids_unique(streams)


@requirement("resumability.no-cross-stream-replay")
def test_only_the_resumed_stream_is_replayed(mcp_tour: Tour) -> None:
    found = resumed(mcp_tour)
    if not (found.own.ok and found.own.is_sse):
        raise NotApplicable(
            f"the server does not resume streams: GET with Last-Event-ID got {found.own.summary}"
        )
    expected = "only messages of the stream that the event id belongs to"
    other = found.second.request.message
    ids = set(event_ids(found.second))
    if (other is not None and found.own.response_to(other.id)) or ids & set(event_ids(found.own)):
        violated("messages of another stream of the session were replayed", expected, found.own)
    if found.foreign.is_sse and found.foreign.responses:
        violated("messages of another session were replayed", expected, found.foreign)


@requirement("resumability.replay")
def test_missed_events_are_replayed(mcp_tour: Tour) -> None:
    found = resumed(mcp_tour)
    missed = event_ids(found.first)[1:]
    if not missed or not (found.own.ok and found.own.is_sse):
        raise NotApplicable("nothing was missed, or the server does not resume streams")
    seen = [id for id in event_ids(found.own) if id in event_ids(found.first)]
    if event_ids(found.first)[0] in seen:
        violated("the event that the client had seen came again", "the events after it", found.own)
    if found.own.response is None:
        violated(
            f"nothing was replayed within {WINDOW:g} s", "the events after the id, or HTTP 4xx", found.own
        )


@requirement("resumability.unknown-event-id")
def test_unknown_event_id(mcp_tour: Tour) -> None:
    if mcp_tour.get is None or mcp_tour.get.status == 405:
        raise NotApplicable("the server offers no GET stream")
    with mcp_tour.session() as client:
        client.request("ping")
        with client.listen(last_event_id="mcp-http-check-never-issued") as stream:
            stream.wait(lambda exchange: bool(exchange.responses), WINDOW)
    expected = "a stream without replayed messages, or HTTP 4xx"
    exchange = assert_no_server_error(stream.exchange, expected)
    if exchange.ok and exchange.responses:
        violated("messages were replayed for an event id that was never issued", expected, exchange)


@requirement("resumability.last-event-id-ignored")
def test_last_event_id_is_ignored(mcp_tour: Tour) -> None:
    needs_one_era(mcp_tour)
    served(mcp_tour)
    exchange = mcp_tour.client.plain(headers={"Last-Event-ID": SOME_EVENT_ID})
    refused_by_others(exchange)
    if exchange.result is None:
        violated(f"{exchange.summary}, with Last-Event-ID", "a result, as without the header", exchange)


@requirement("resumability.cross-replica")
def test_stream_is_resumed_at_another_replica(mcp_tour: Tour) -> None:
    for found in resumed_elsewhere(mcp_tour):
        exchange = found.own
        refused_by_others(exchange)
        refused = exchange.status is not None and 400 <= exchange.status < 500
        if not refused and not exchange.responses:
            violated(
                f"{exchange.summary}, from {named(found.url)}, for an event id of another one",
                ("the events after the id", "HTTP 4xx, so that the client knows that they are lost"),
                exchange,
            )


@requirement("resumability.no-cross-stream-replay-replica")
def test_no_replica_replays_streams_of_others(mcp_tour: Tour) -> None:
    for found in resumed_elsewhere(mcp_tour):
        if found.foreign.is_sse and found.foreign.responses:
            actual = f"messages of another session were replayed at {named(found.url)}"
            violated(actual, "only messages of the stream that the event id belongs to", found.foreign)
