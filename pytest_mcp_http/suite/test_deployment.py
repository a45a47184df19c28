"""What lies between a server and its users: redirects, connections, bodies, buffers.

Little of it is said in the specification. Most findings are notes: HTTP leaves them open, and clients break.
"""

from __future__ import annotations

from pytest_mcp_http._option_values import mask_url
from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.errors import NotApplicable, NotVerified
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
from pytest_mcp_http.suite._hops import grouped, outcome
from pytest_mcp_http.suite._idle import BEYOND, budget, held_stream, silence
from pytest_mcp_http.suite._probes import refused_by_others
from pytest_mcp_http.suite._process import CRASHES, END_SECONDS, REQUESTS, shutdown
from pytest_mcp_http.suite._proxy import comparison
from pytest_mcp_http.suite._requirement import requirement
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import End


@requirement("deployment.slash-twin")
def test_other_slash_is_not_redirected(mcp_tour: Tour) -> None:
    exchange = twin(mcp_tour)
    # Where it leads somewhere else, that is the graver finding: deployment.redirect-same-origin.
    if exchange.status in REDIRECTS and not leads_elsewhere(exchange):
        location = mask_url(exchange.headers.get("location") or "nowhere")
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
                f"{exchange.summary}, to {mask_url(exchange.headers.get('location') or '')}",
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


# -- a proxy, and the server past it ------------------------------------------------------------------------


@requirement("deployment.proxy-headers-kept")
def test_proxy_keeps_headers(mcp_tour: Tour) -> None:
    found = [each for each in comparison(mcp_tour).headers if each.kind in ("dropped", "changed")]
    if found:
        violated("; ".join(grouped(found)), "the header lines that the server sent", found[0].pair.through)


@requirement("deployment.proxy-headers-once")
def test_proxy_doubles_no_headers(mcp_tour: Tour) -> None:
    found = [each for each in comparison(mcp_tour).headers if each.kind == "doubled"]
    if found:
        violated("; ".join(grouped(found)), "each header line once", found[0].pair.through)


@requirement("deployment.proxy-same-answer")
def test_proxy_passes_answers_on(mcp_tour: Tour) -> None:
    found = comparison(mcp_tour).outcomes
    if found:
        violated(
            "; ".join(f"{pair.what} got {outcome(pair.through)}" for pair in found),
            "; ".join(f"{pair.what}: {outcome(pair.direct)}, as past the proxy" for pair in found),
            found[0].through,
        )


@requirement("deployment.proxy-gradual-delivery")
def test_proxy_holds_no_event_back(mcp_tour: Tour) -> None:
    found = comparison(mcp_tour)
    if found.delivery is None:
        arrivals(mcp_tour)  # says why there is nothing to compare
        raise NotVerified("no call reported progress both through the proxy and past it")
    through, past = found.delivery
    if past.lumped:
        raise NotVerified(f"the events came in one lump past the proxy as well: {past.exchange.summary}")
    if found.slowed:
        violated(
            f"{len(through.times)} reports of progress, made {through.pace:g} s apart, came within "
            f"{through.spread:.3f} s through the proxy, and within {past.spread:.3f} s past it",
            "events that the proxy passes on as they come: switch its buffering off for this path",
            through.exchange,
        )


@requirement("deployment.proxy-large-message")
def test_proxy_takes_what_the_server_takes(mcp_tour: Tour) -> None:
    found = comparison(mcp_tour).refused_sizes
    if found:
        size, through, past = found[0]
        violated(
            f"{outcome(through)}, to a message of {size:,} bytes",
            f"{outcome(past)}, as past the proxy",
            through,
        )


# -- silence ------------------------------------------------------------------------------------------------


@requirement("deployment.idle-stream")
def test_silent_stream_stays_open(mcp_tour: Tour) -> None:
    held, found = held_stream(mcp_tour)
    if not held.alive and held.held < budget(mcp_tour) * BEYOND:
        more = f"; {found.direct.fate}" if found.direct is not None else ""
        violated(
            f"{held.fate}{more}",
            f"a stream that is open for {budget(mcp_tour):g} s without messages",
            held.exchange,
        )


@requirement("deployment.keep-alive")
def test_silent_stream_is_kept_alive(mcp_tour: Tour) -> None:
    held, _ = held_stream(mcp_tour)
    if not held.alive and held.gap <= budget(mcp_tour):
        raise NotVerified(f"the stream ended before that could be seen: {held.fate}")
    if held.gap > budget(mcp_tour):
        actual = f"nothing at all for {held.gap:.1f} s"
        violated(actual, f"a comment at least every {budget(mcp_tour):g} s", held.exchange)


@requirement("deployment.idle-call")
def test_long_call_is_answered(mcp_tour: Tour) -> None:
    found = silence(mcp_tour)
    if found.call is None:
        raise NotVerified(found.reason)
    refused_by_others(found.call)
    if found.call.result is None:
        actual = f"{found.call.summary}, after {found.call.ended_at:.1f} s"
        violated(actual, "a result, however long the tool works", found.call)


# -- a process that is started here -------------------------------------------------------------------------


@requirement("deployment.shutdown-in-time")
def test_server_ends_when_it_is_asked_to(mcp_tour: Tour) -> None:
    found = shutdown(mcp_tour)
    if found.ended is None:
        violated(
            f"it ran on for {END_SECONDS:g} s after SIGTERM, with {found.open} open",
            f"an end within {END_SECONDS:g} s: what runs it kills it then, and cuts every stream",
            found.stream,
        )


@requirement("deployment.shutdown-streams")
def test_streams_are_ended_in_order(mcp_tour: Tour) -> None:
    found = shutdown(mcp_tour)
    if found.ended is None:
        raise NotVerified("it did not end by itself, see deployment.shutdown-in-time")
    streams = [each for each in (found.stream, found.call) if each is not None]
    if not streams:
        raise NotApplicable("no event stream was open when the server was told to end")
    cut = [each for each in streams if each.end is not End.EOF]
    if cut:
        violated(f"{cut[0].summary}, after SIGTERM", "a stream that is ended in good order", cut[0])


@requirement("deployment.shutdown-quiet")
def test_server_ends_without_a_crash(mcp_tour: Tour) -> None:
    found = shutdown(mcp_tour)
    crash = next((line for line in found.output.splitlines() if line.startswith(CRASHES)), None)
    if crash is not None:
        violated(f"its output after SIGTERM has {crash!r}", "no crash in its output", None)


@requirement("deployment.no-process-per-request")
def test_requests_leave_no_process_behind(mcp_tour: Tour) -> None:
    found = shutdown(mcp_tour)
    if found.before == 0:
        raise NotVerified("the processes of a server cannot be counted on this system")
    if found.after - found.before >= REQUESTS // 2:
        actual = f"{found.after} processes after {REQUESTS} requests and resets, {found.before} before"
        violated(actual, "as many processes as before", None)
