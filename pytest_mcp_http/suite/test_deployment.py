"""What lies between a server and its users: redirects, connections, bodies, buffers.

Little of it is said in the specification. Most findings are notes: HTTP leaves them open, and clients break.
"""

from __future__ import annotations

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.errors import NotApplicable
from pytest_mcp_http.suite._arrival import Arrival, arrivals
from pytest_mcp_http.suite._deployment import (
    CONNECTIONS,
    REDIRECTS,
    bodies,
    leads_elsewhere,
    odd_sizes,
    twin,
    two_on_one_connection,
)
from pytest_mcp_http.suite._requirement import requirement
from pytest_mcp_http.tour import Tour


@requirement("deployment.slash-twin")
def test_other_slash_is_not_redirected(mcp_tour: Tour) -> None:
    exchange = twin(mcp_tour)
    # Where it leads somewhere else, that is the graver finding: deployment.redirect-same-origin.
    if exchange.status in REDIRECTS and not leads_elsewhere(exchange):
        location = exchange.headers.get("location") or "nowhere"
        violated(
            f"{exchange.summary}, to {location}, for the path with another slash at its end",
            ("the same answer as without it", "HTTP 404: clients drop body or credentials on a redirect"),
            exchange,
        )


@requirement("deployment.redirect-same-origin")
def test_redirect_stays_at_its_origin(mcp_tour: Tour) -> None:
    found = [twin(mcp_tour), *mcp_tour.exchanges]
    redirects = [exchange for exchange in found if exchange.status in REDIRECTS]
    if not redirects:
        raise NotApplicable("nothing was redirected")
    for exchange in redirects:
        if leads_elsewhere(exchange):
            violated(
                f"{exchange.summary}, to {exchange.headers.get('location')}",
                "a redirect to the same scheme, host and port: a client sends its credentials along",
                exchange,
            )


@requirement("deployment.persistent-connection")
def test_connection_ends_with_notice(mcp_tour: Tour) -> None:
    seen = []
    for _ in range(CONNECTIONS):
        pair = two_on_one_connection(mcp_tour)
        if pair is None:
            raise NotApplicable("the server says that it ends each connection after its response")
        if pair[1].answered:
            return  # a server may end a connection at any time, so one that lasts is enough
        seen.append(pair[1])
    violated(
        f"{len(seen)} connections in a row ended after their first response, which did not say so: "
        f"the second request got {seen[-1].summary}",
        ("a response to the second request", "Connection: close with the first response"),
        seen[-1],
    )


@requirement("deployment.large-message")
def test_large_message_is_answered(mcp_tour: Tour) -> None:
    odd = list(odd_sizes(bodies(mcp_tour)))
    if odd:
        sizes = ", ".join(f"{size:,}" for size, _ in odd)
        violated(
            f"{odd[0][1].summary}, to a message of {sizes} bytes",
            ("a response", "HTTP 413, or another HTTP 4xx"),
            odd[0][1],
        )


@requirement("deployment.slow-body")
def test_slow_body_is_read_to_its_end(mcp_tour: Tour) -> None:
    exchange = bodies(mcp_tour).slow
    if exchange.result is None:
        actual = f"{exchange.summary}, to a request whose body took almost half a second"
        violated(actual, "a result, as to one that comes at once", exchange)


@requirement("deployment.unfinished-body")
def test_unfinished_body_holds_nobody_up(mcp_tour: Tour) -> None:
    found = bodies(mcp_tour)
    if found.beside.result is None:
        actual = f"{found.beside.summary}, while the body of another request was not complete"
        violated(actual, "a result, as when the server is idle", found.beside)
    if found.unfinished.status is not None and not 400 <= found.unfinished.status < 500:
        violated(
            f"{found.unfinished.summary}, to half a request",
            ("nothing, until the rest comes", "HTTP 408, or another HTTP 4xx", "the end of the connection"),
            found.unfinished,
        )


@requirement("deployment.gradual-delivery")
def test_events_arrive_as_they_are_made(mcp_tour: Tour) -> None:
    _judge_spread(arrivals(mcp_tour)[0])


@requirement("deployment.compressed-delivery")
def test_compression_holds_no_event_back(mcp_tour: Tour) -> None:
    plain, packed = arrivals(mcp_tour)
    if not packed.coding:
        raise NotApplicable("the server does not compress event streams")
    if not plain.lumped:  # else it is not the compression
        _judge_spread(packed)


def _judge_spread(found: Arrival) -> None:
    if found.lumped:
        coded = f", compressed with {found.coding}" if found.coding else ""
        violated(
            f"{len(found.times)} reports of progress, made {found.pace:g} s apart, arrived within "
            f"{found.spread:.3f} s{coded}",
            f"events that arrive as they are made, over {found.wanted:g} s at least",
            found.exchange,
        )
