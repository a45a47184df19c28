"""Probes of the transport chapter that are about connections: shared by several contexts, cut, reopened."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Final

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.client import McpClient, McpStream
from pytest_mcp_http.dialect import ALL_CHANGES, CLIENT_INFO
from pytest_mcp_http.errors import NotVerified
from pytest_mcp_http.suite._endpoint import UNSPOKEN, plain_request
from pytest_mcp_http.suite._probes import refused_by_others
from pytest_mcp_http.suite._streams import ANY_INPUT
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import SSE_TYPE, End, Exchange, Request
from pytest_mcp_http.wire.http import SHORT_LINGER, HttpWire
from pytest_mcp_http.wire.raw import request_bytes, send_raw

OTHER_INFO: Final[Mapping[str, str]] = {"name": "mcp-http-check-other", "version": "2"}

LACKING: Final[Mapping[str, Callable[[Tour, HttpWire], Exchange]]] = {
    "without _meta": lambda tour, wire: tour.new_client(wire).plain(meta=None),
    f"of the version {UNSPOKEN}": lambda tour, wire: tour.new_client(wire, declare=UNSPOKEN).plain(),
}
"""Requests that are refused, unless what an earlier one said is taken for them."""


QUIET = 0.05
"""Seconds that a GET stream has to stay open to count as live."""

CUT_TICKS, CUT_TICK_MS = 4, 20
"""What a call is asked for whose connection is cut after the first of its events."""

SECOND_GET = 0.1
"""Seconds that a second GET stream may take to be answered: some servers first let go of the other one."""

REOPEN_AFTER = (0.0, 0.2, 0.6)
"""Seconds to wait before each attempt to open a GET stream again."""


# -- one connection for several contexts -----------------------------------------------------------------


def one_connection(tour: Tour) -> HttpWire:
    """Return a wire that sends one request after the other over the same connection; close it when done."""
    return HttpWire(tour.wire.limits, tour.wire.context, keep_alive=True)


def kept(exchange: Exchange) -> Exchange:
    """Return the exchange, if its connection was not ended by the server.

    Raises:
        NotVerified: If it was, so that there is no connection to tie anything to.
    """
    if exchange.end is End.RESET or "close" in (exchange.headers.get("connection") or "").lower():
        raise NotVerified("the server does not keep connections")
    return exchange


def judge_lacking(tour: Tour, what: str) -> None:
    """Judge that a request which is refused on its own is refused as well behind one with everything right.

    Args:
        tour: The tour.
        what: A key of `LACKING`.
    """
    if LACKING[what](tour, tour.wire).result is not None:
        raise NotVerified(f"a request {what} is served on a connection of its own as well")
    with one_connection(tour) as wire:
        plain = tour.dialect.plain
        kept(tour.require(tour.new_client(wire).plain(), f"{plain} with everything right"))
        exchange = LACKING[what](tour, wire)
    refused_by_others(exchange)
    if exchange.end is End.RESET:
        raise NotVerified("the server does not keep connections")
    if exchange.result is not None:
        violated(
            f"{exchange.summary}, to a request {what} behind another one on its connection",
            "a refusal, as on a connection of its own",
            exchange,
        )


def contexts(tour: Tour, wire: HttpWire) -> tuple[Callable[[], Exchange], ...]:
    """Return functions that each send a plain request in a context of its own."""
    one, other = tour.new_client(wire), tour.new_client(wire, ANY_INPUT)
    return one.plain, lambda: other.plain(meta={CLIENT_INFO: OTHER_INFO})


# -- connections that we cut -----------------------------------------------------------------------------


def plain_alone(tour: Tour, client: McpClient) -> Exchange:
    """Send a plain request on a connection of its own."""
    limits = replace(tour.wire.limits, linger=SHORT_LINGER)
    return send_raw(plain_request(client), limits=limits, context=tour.wire.context)


def lasting_request(client: McpClient) -> Request:
    """Build the request whose answer lasts: a GET, or `subscriptions/listen`."""
    if client.dialect.sessions:
        return client.build("GET")
    return client.build("POST", client.message("subscriptions/listen", {"notifications": dict(ALL_CHANGES)}))


def cut_connections(tour: Tour, client: McpClient) -> Iterator[str]:
    """Reset connections at several points of an exchange; give where each was cut.

    The last one is in the middle of a call of a tool with the role slow, where one is named.
    """
    request = plain_request(client)
    sent = request_bytes(request)
    body_at = sent.index(b"\r\n\r\n") + 4
    limits, context = tour.wire.limits, tour.wire.context
    for where, part in (
        ("after the request head", sent[:body_at]),
        ("in the request body", sent[: (body_at + len(sent)) // 2]),
        ("before the response", sent),
    ):
        send_raw(request, (part,), read=False, reset=True, limits=limits, context=context)
        yield where
    short = replace(limits, first_byte=QUIET, total=QUIET)
    send_raw(lasting_request(client), reset=True, limits=short, context=context)
    yield "in the response"
    with suppress(NotVerified):
        params = tour.roles("slow")[0].params(n=CUT_TICKS, ms=CUT_TICK_MS)
        body = client.message("tools/call", params, meta={"progressToken": "mcp-http-check-cut"})
        send_raw(client.build("POST", body), reset=True, limits=short, context=context)
        yield "in the response of a call, before its result"


# -- GET streams -----------------------------------------------------------------------------------------


def is_live(stream: McpStream) -> bool:
    """Tell whether a GET stream is open, and still is a moment later."""
    if stream.exchange.status != 200 or not stream.exchange.is_sse:
        return False
    stream.wait(lambda e: False, QUIET)
    return stream.alive


def judge_reopening(tour: Tour) -> None:
    """Judge that a GET stream can be opened again after one that broke, and beside one that is open."""
    with tour.session() as client, client.listen() as first:
        if not is_live(first):
            raise NotVerified(f"a GET stream did not stay open: {first.exchange.summary}")
        short = replace(tour.wire.limits, first_byte=SECOND_GET, total=SECOND_GET)
        with client.listen(limits=short) as second:
            opened = second.exchange
        if (opened.status or 0) >= 500:
            expected = (f"HTTP 200 with {SSE_TYPE}", "HTTP 409, 405 or another HTTP 4xx")
            violated(f"a second GET stream got {opened.summary}", expected, opened, note=True)
        if not opened.ok and not is_live(first):
            actual = f"refusing a second GET stream ended the first: {first.exchange.summary}"
            violated(actual, "the first stream goes on", opened, note=True)
        first.close()
        short = replace(short, first_byte=QUIET, total=QUIET)
        send_raw(client.build("GET"), reset=True, limits=short, context=tour.wire.context)
        for pause in REOPEN_AFTER:
            time.sleep(pause)
            with client.listen() as again:
                if is_live(again):
                    return
                last = again.exchange
        actual = f"a GET stream that broke could not be opened again: {last.summary}"
        violated(actual, f"HTTP 200 with {SSE_TYPE}, and a stream that stays open", last, note=True)
