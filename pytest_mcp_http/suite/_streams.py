"""The answered requests and the event streams of a tour, for the chapters that judge how answers travel."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from pytest_mcp_http.assertions.sse import lacks_answer
from pytest_mcp_http.assertions.subscriptions import acknowledgement
from pytest_mcp_http.client import McpClient, McpStream
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.suite._probes import served
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire import jsonrpc
from pytest_mcp_http.wire.exchange import End, Exchange

PROGRESS = "mcp-http-check-progress"
"""Progress token of ours: asking for progress is what makes servers send several messages."""

MAX_RETRY = 5.0
"""Longest `retry` that we wait for before we resume, in seconds."""

ACKNOWLEDGED = 1.0
"""Seconds that the acknowledgement of a subscription may take before the calls begin without it."""

AT_ONCE = 1.0
"""Seconds within which a GET stream has to begin in the visit, to be opened again."""

ANY_INPUT: dict[str, object] = {"elicitation": {}, "sampling": {}, "roots": {}}
"""Client capabilities that let a server ask for everything it can ask for."""


def plain_with_token(tour: Tour) -> Exchange:
    """Return the answer to a plain request that asks for progress, sent by the client of the tour."""

    def probe() -> Exchange:
        served(tour)
        return tour.client.plain({"_meta": {"progressToken": PROGRESS}})

    return tour.memo("plain-with-token", probe)


def batch_of_pings(tour: Tour) -> Exchange:
    """Return the answer to a batch of two pings that ask for progress; 2025-03-26 has batches."""

    def probe() -> Exchange:
        served(tour)
        tokens = (f"{PROGRESS}-a", f"{PROGRESS}-b")
        return tour.client.post(
            [
                jsonrpc.request("ping", {"_meta": {"progressToken": token}}, id=tour.client.next_id())
                for token in tokens
            ]
        )

    return tour.memo("batch-of-pings", probe)


def requests(tour: Tour) -> list[Exchange]:
    """Return what POSTed requests got: those of the tour, and the plain one that asks for progress.

    `subscriptions/listen` is left out: its stream brings no response unless the server ends it.
    """
    found = [step.exchange for step in tour.steps]
    with suppress(NotVerified):  # the tour alone is enough to judge
        found.append(plain_with_token(tour))
    return [e for e in found if e.request.message and e.request.message.kind is jsonrpc.Kind.REQUEST]


def post_streams(tour: Tour, *more: Exchange) -> list[Exchange]:
    """Return the event streams that POSTed requests opened.

    Args:
        tour: The tour.
        more: What further requests got.

    Raises:
        NotApplicable: If the server answers with JSON only.
    """
    found = [exchange for exchange in (*requests(tour), *more) if exchange.ok and exchange.is_sse]
    if not found:
        raise NotApplicable("the server answered no request with an event stream")
    return found


def all_streams(tour: Tour, *more: Exchange) -> list[Exchange]:
    """Return the event streams of requests, and the one that was open beside them if there is one.

    Args:
        tour: The tour.
        more: What further requests got.

    Raises:
        NotApplicable: If there is none at all.
    """
    beside = [tour.stream] if tour.stream is not None else []
    found = [exchange for exchange in (*requests(tour), *more, *beside) if exchange.ok and exchange.is_sse]
    if not found:
        raise NotApplicable("the server opened no event stream")
    return found


def get_stream(tour: Tour) -> Exchange:
    """Return the GET stream of the tour.

    Raises:
        NotApplicable: If the server offers none.
    """
    if tour.get is None or tour.get.status != 200 or not tour.get.is_sse:
        raise NotApplicable("the server offers no GET stream")
    return tour.get


def settled(tour: Tour, exchange: Exchange) -> Exchange:
    """Return the exchange, or its repetition if the connection broke: networks break once, servers again."""
    return repeated(tour, exchange) if exchange.end is End.RESET and lacks_answer(exchange) else exchange


def repeated(tour: Tour, exchange: Exchange) -> Exchange:
    """Send the request of an exchange once more, with a fresh id, and wait as long as the limits say."""
    sent = exchange.request.message
    assert sent is not None
    return tour.client.post({**sent.value, "id": tour.client.next_id()}, limits=tour.wire.limits)


def resumed(tour: Tour, exchange: Exchange) -> Exchange | None:
    """Resume a stream that ended before its response, as clients may at 2025-11-25.

    Returns:
        The resumed stream, read until a response came or as long as one may take; None if the stream gave no
        event id to resume from.
    """
    last_id = exchange.events[-1].last_event_id if exchange.events else ""
    if not last_id:
        return None
    waits = [event.retry for event in exchange.events if event.retry is not None]
    time.sleep(min(waits[-1] / 1000, MAX_RETRY) if waits else 0)
    with tour.client.listen(last_event_id=last_id) as stream:
        stream.wait(lambda e: bool(e.responses), tour.wire.limits.first_byte)
        return stream.close()


@contextmanager
def opened_beside(tour: Tour, client: McpClient) -> Iterator[McpStream | None]:
    """Open the stream for what no request asked for, if the server offers one; it is closed at the end."""
    offered = tour.stream
    usable = offered is not None and offered.ok and offered.is_sse and (offered.headers_at or 0.0) <= AT_ONCE
    if not usable or tour.held_up is not None:
        yield None
        return
    with client.listen() as stream:
        if not tour.dialect.sessions:
            stream.wait(lambda exchange: acknowledgement(exchange) is not None, ACKNOWLEDGED)
        yield stream if stream.exchange.ok and stream.exchange.is_sse else None
