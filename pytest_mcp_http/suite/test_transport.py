"""One endpoint for POST and GET: statuses, media types, several things at once, clients that vanish."""

from __future__ import annotations

import time
from dataclasses import replace

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.sse import LEGACY_TYPE
from pytest_mcp_http.assertions.transport import (
    assert_allow_header,
    assert_event_stream_or_405,
    assert_message_outcome,
    assert_one_json_object,
    assert_refusal_body,
    assert_refusal_status,
    assert_request_content_type,
    assert_serves_get,
    assert_text_intact,
    assert_utf8_body,
)
from pytest_mcp_http.errors import NotApplicable, NotVerified, RequirementViolated
from pytest_mcp_http.suite._endpoint import (
    QUIET,
    bare_get,
    calls_at_once,
    client_responses,
    cut_connections,
    fits,
    is_live,
    odd_messages,
    ping_alone,
    with_accept,
)
from pytest_mcp_http.suite._probes import refused_by_others, served
from pytest_mcp_http.suite._requirement import requirement
from pytest_mcp_http.suite._streams import batch_of_pings, get_stream, requests
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.visit import UNKNOWN_METHOD, UNKNOWN_NAME
from pytest_mcp_http.wire import jsonrpc
from pytest_mcp_http.wire.exchange import JSON_TYPE, SSE_TYPE, Exchange, Request
from pytest_mcp_http.wire.raw import send_raw

FOREIGN_TEXT = "Grüße, 漢字, \U0001f600"
LINE_SEPARATORS = "a\u2028b\u2029c\u0085d"
"""Characters that careless readers take for line ends."""

SAME_ACCEPT = (
    (f"{SSE_TYPE}, {JSON_TYPE}",),
    (f"{JSON_TYPE},{SSE_TYPE}",),
    (f"{JSON_TYPE};q=0.9, {SSE_TYPE};q=0.8",),
    (f"{JSON_TYPE}; charset=utf-8, {SSE_TYPE}",),
    ("Application/JSON, Text/Event-Stream",),
    (JSON_TYPE, SSE_TYPE),
)
"""Ways to list both types, each a tuple of header lines, which RFC 9110 makes equal to ours."""

OTHER_ACCEPT = (("*/*",), (JSON_TYPE,), (SSE_TYPE,), ())
"""What clients send that they must not; any reaction is open."""

SAME_CONTENT_TYPE = ("application/json; charset=utf-8", "application/json;charset=UTF-8", "Application/JSON")
OTHER_CONTENT_TYPE = ("text/plain", "application/x-www-form-urlencoded")
"""Media types that a browser sends across origins without asking first."""

SECOND_GET = 0.1
"""Seconds that a second GET stream may take to be answered: some servers first let go of the other one."""

REOPEN_AFTER = (0.0, 0.2, 0.6)
"""Seconds to wait before each attempt to open a GET stream again."""


@requirement("transport.endpoint-post-get")
def test_endpoint_of_post_serves_get(mcp_tour: Tour) -> None:
    # That POST is served is what the tour itself rests on.
    assert_serves_get(bare_get(mcp_tour))


@requirement("transport.get-sse-or-405")
def test_get_opens_a_stream_or_is_405(mcp_tour: Tour) -> None:
    get = mcp_tour.get
    ping = mcp_tour.named("plain")
    if get is None or not ping or ping[0].exchange.result is None:
        raise NotVerified("there was no working session to send GET in")
    if get.status in (401, 403, 429):
        raise NotVerified(f"authentication or a rate limit answered first: {get.summary}")
    if get.status is None or get.status >= 500:
        try:
            assert_serves_get(bare_get(mcp_tour))
        except RequirementViolated as error:
            raise NotVerified(f"GET is not served at all: {error.actual}") from None
    assert_event_stream_or_405(get)


@requirement("transport.allow-header-on-405")
def test_405_names_the_allowed_methods(mcp_tour: Tour) -> None:
    with mcp_tour.session() as client:
        found = [client.send(client.build("PUT")), client.delete()]
    if mcp_tour.get is not None:
        found.append(mcp_tour.get)
    if all(exchange.status != 405 for exchange in found):
        raise NotApplicable("nothing was answered with 405")
    for exchange in found:
        assert_allow_header(exchange, "POST")


@requirement("transport.notification-202-empty")
def test_notification_gets_202_without_body(mcp_tour: Tour) -> None:
    found = [step.exchange for step in mcp_tour.steps if step.method.startswith("notifications/")]
    for exchange in found:
        refused_by_others(exchange)
        if not _is_reply(exchange):
            assert_message_outcome(exchange)


def _is_reply(exchange: Exchange) -> bool:
    """Tell whether a notification got a result, which jsonrpc.no-reply-to-notification judges."""
    return exchange.ok and any(m.kind is jsonrpc.Kind.RESULT for m in exchange.responses)


@requirement("transport.response-202-empty")
def test_response_gets_202_without_body(mcp_tour: Tour) -> None:
    for exchange in client_responses(mcp_tour):
        refused_by_others(exchange)
        assert_message_outcome(exchange)


@requirement("transport.unaccepted-message-http-error")
def test_refused_message_gets_an_error_status(mcp_tour: Tour) -> None:
    found = odd_messages(mcp_tour)
    for exchange in found:
        refused_by_others(exchange)
        assert_refusal_status(exchange)
    accepted = [step.exchange for step in mcp_tour.steps if step.method.startswith("notifications/")]
    for exchange in (*accepted, *client_responses(mcp_tour)):
        if exchange.answered:
            assert_refusal_status(exchange)
    if all(exchange.ok for exchange in found):
        raise NotVerified("the server refused none of the messages that it had reason to refuse")


@requirement("transport.notification-error-body")
def test_refusal_body_is_an_error_without_id(mcp_tour: Tour) -> None:
    refused = [e for e in odd_messages(mcp_tour) if e.status is not None and 400 <= e.status < 500]
    if not refused:
        raise NotApplicable("no notification and no response was refused")
    for exchange in refused:
        assert_refusal_body(exchange)


@requirement("transport.request-content-type")
def test_request_is_answered_with_json_or_stream(mcp_tour: Tour) -> None:
    for exchange in requests(mcp_tour):
        assert_request_content_type(exchange)


@requirement("transport.json-single-object")
def test_json_answer_is_one_object(mcp_tour: Tour) -> None:
    for exchange in _json_answers(mcp_tour):
        assert_one_json_object(exchange)


@requirement("transport.json-single-object.2025-03-26")
def test_json_answer_is_one_value(mcp_tour: Tour) -> None:
    for exchange in _json_answers(mcp_tour):
        assert_one_json_object(exchange)
    assert_one_json_object(batch_of_pings(mcp_tour), batch=True)


def _json_answers(tour: Tour) -> list[Exchange]:
    found = [exchange for exchange in requests(tour) if exchange.ok and exchange.is_json]
    if not found:
        raise NotApplicable("the server answered no request with JSON")
    return found


@requirement("transport.utf8")
def test_messages_are_utf8(mcp_tour: Tour) -> None:
    for step in mcp_tour.steps:
        assert_utf8_body(step.exchange)
    client = mcp_tour.client
    calls: list[tuple[str, dict[str, str]]] = [(f"{UNKNOWN_METHOD}/{FOREIGN_TEXT}", {})]
    if "prompts" in mcp_tour.capabilities:
        calls.append(("prompts/get", {"name": f"{UNKNOWN_NAME} {FOREIGN_TEXT}"}))
    if "tools" in mcp_tour.capabilities:
        calls.append(("tools/call", {"name": f"{UNKNOWN_NAME} {FOREIGN_TEXT}"}))
    for method, params in calls:
        exchange = client.request(method, params)
        assert_utf8_body(exchange)
        assert_text_intact(exchange, FOREIGN_TEXT)
    served(mcp_tour)
    exchange = client.request("ping", id=LINE_SEPARATORS)
    # What the id must look like is jsonrpc.id-forms-echoed; here it only must not tear the message apart.
    if exchange.ok and not exchange.responses:
        actual = f"no readable response to the id {LINE_SEPARATORS!r}: {exchange.summary}"
        violated(actual, "a response, as to any other id", exchange)


@requirement("transport.concurrent-post-streams")
def test_requests_in_flight_get_their_own_answers(mcp_tour: Tour) -> None:
    if mcp_tour.held_up is not None:
        actual = f"while a GET stream was open, ping got {mcp_tour.held_up.summary}"
        violated(actual, "an answer, as without the GET stream", mcp_tour.held_up)
    calls = calls_at_once(mcp_tour)
    judged = [call for call in calls if call.exchange.status not in (401, 429, 503)]
    if len(judged) < len(calls) / 2:
        raise NotVerified("most requests met a rate limit")
    for call in judged:
        expected = f"the answer to {call.method} with the id {call.id}, as one by one"
        response = call.exchange.response
        if response is None:
            actual = f"{call.method}, one of {len(calls)} requests in flight, got {call.exchange.summary}"
            violated(actual, expected, call.exchange)
        # An id that comes back changed, but is nobody else's, is jsonrpc.response-id-matches.
        others = {str(other.id) for other in calls} - {str(call.id)}
        if str(response.id) in others or not fits(call.method, call.exchange):
            actual = f"{call.method} with the id {call.id} got what belongs to another request"
            violated(actual, expected, call.exchange)


# The wording spans the whole protocol, whose parts have rows of their own. What is judged here no sentence
# spells out, and none would hold without it: the server is still there after a client vanished.
@requirement("transport.base-protocol-support")
def test_server_outlives_vanished_clients(mcp_tour: Tour) -> None:
    with mcp_tour.session() as client:
        mcp_tour.require(ping_alone(mcp_tour, client), "ping on a connection of its own")
        for where in cut_connections(mcp_tour, client):
            for _ in range(2):
                exchange = ping_alone(mcp_tour, client)
                refused_by_others(exchange)
                if exchange.status in (400, 404) and client.session_id is not None:
                    client.initialize()  # a server may end a session at any time
                    client.initialized()
                    exchange = ping_alone(mcp_tour, client)
                if exchange.result is None:
                    actual = f"after a connection was reset {where}, ping got {exchange.summary}"
                    violated(actual, "the answer to ping, as before", exchange)


@requirement("transport.accept-both-types")
def test_accept_means_the_same_in_every_spelling(mcp_tour: Tour) -> None:
    served(mcp_tour)
    odd: list[tuple[str, Exchange]] = []
    for lines in SAME_ACCEPT + OTHER_ACCEPT:
        exchange = mcp_tour.client.send(with_accept(_ping(mcp_tour), *lines))
        refused_by_others(exchange)
        crashed = exchange.status is None or exchange.status >= 500
        if crashed or (lines in SAME_ACCEPT and exchange.result is None):
            odd.append((f"Accept: {' and '.join(lines) or '(none)'} got {exchange.summary}", exchange))
    if odd:
        expected = ("the same answer to every spelling of both types", "anything but 5xx to other types")
        violated("; ".join(what for what, _ in odd), expected, odd[0][1], note=True)


@requirement("transport.content-type-parameters")
def test_content_type_may_have_parameters(mcp_tour: Tour) -> None:
    served(mcp_tour)
    for value in SAME_CONTENT_TYPE:
        exchange = mcp_tour.client.request("ping", headers={"Content-Type": value})
        refused_by_others(exchange)
        if exchange.result is None:
            actual = f"Content-Type: {value} got {exchange.summary}"
            violated(actual, f"the same answer as to {JSON_TYPE}", exchange, note=True)


@requirement("transport.wrong-content-type")
def test_other_content_types_are_refused(mcp_tour: Tour) -> None:
    served(mcp_tour)
    for value in OTHER_CONTENT_TYPE:
        exchange = mcp_tour.client.request("ping", headers={"Content-Type": value})
        refused_by_others(exchange)
        if exchange.ok or exchange.status is None or exchange.status >= 500:
            actual = f"Content-Type: {value} got {exchange.summary}"
            violated(actual, ("HTTP 415", "another HTTP 4xx"), exchange, note=True)


@requirement("transport.concurrent-get-streams")
def test_get_stream_can_be_opened_again(mcp_tour: Tour) -> None:
    get_stream(mcp_tour)
    with mcp_tour.session() as client, client.listen() as first:
        if not is_live(first):
            raise NotVerified(f"a GET stream did not stay open: {first.exchange.summary}")
        short = replace(mcp_tour.wire.limits, first_byte=SECOND_GET, total=SECOND_GET)
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
        send_raw(client.build("GET"), reset=True, limits=short, context=mcp_tour.wire.context)
        for pause in REOPEN_AFTER:
            time.sleep(pause)
            with client.listen() as again:
                if is_live(again):
                    return
                last = again.exchange
        actual = f"a GET stream that broke could not be opened again: {last.summary}"
        violated(actual, f"HTTP 200 with {SSE_TYPE}, and a stream that stays open", last, note=True)


@requirement("transport.legacy-sse-coexist")
def test_old_transport_is_told(mcp_tour: Tour) -> None:
    for exchange in (mcp_tour.get, bare_get(mcp_tour)):
        if exchange is not None and any(event.type == LEGACY_TYPE for event in exchange.events[:1]):
            actual = "GET opens a stream of the HTTP+SSE transport of 2024-11-05"
            violated(actual, "nothing: both may be served", exchange, note=True)
    raise NotApplicable("GET opens no stream of the HTTP+SSE transport of 2024-11-05")


def _ping(tour: Tour) -> Request:
    return tour.client.build("POST", jsonrpc.request("ping", id=tour.client.next_id()))
