"""One endpoint for POST and GET: statuses, media types, several things at once, clients that vanish."""

from __future__ import annotations

import secrets
from functools import partial

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.delivery import assert_on_one_stream
from pytest_mcp_http.assertions.http import assert_status
from pytest_mcp_http.assertions.messages import assert_no_server_request
from pytest_mcp_http.assertions.transport import (
    assert_allow_header,
    assert_event_stream_or_405,
    assert_message_outcome,
    assert_one_json_object,
    assert_refusal_body,
    assert_refusal_status,
    assert_request_content_type,
    assert_serves_get,
    assert_serves_post,
    assert_text_intact,
    assert_utf8_body,
)
from pytest_mcp_http.client import SESSION_HEADER
from pytest_mcp_http.errors import NotApplicable, NotVerified, RequirementViolated
from pytest_mcp_http.suite._connections import (
    LACKING,
    contexts,
    cut_connections,
    judge_lacking,
    judge_reopening,
    kept,
    one_connection,
    plain_alone,
)
from pytest_mcp_http.suite._endpoint import (
    FOREIGN_TEXT,
    LINE_SEPARATORS,
    OLD_TRANSPORT,
    OTHER_ACCEPT,
    SAME_ACCEPT,
    UNKNOWN_SESSION,
    bare_get,
    begins_old_transport,
    calls_at_once,
    client_responses,
    foreign_calls,
    needs_one_era,
    odd_messages,
    plain_request,
    versioned_get,
    with_accept,
    wrong_answer,
)
from pytest_mcp_http.suite._judging import gravest
from pytest_mcp_http.suite._probes import refused_by_others, served
from pytest_mcp_http.suite._replicas import named, unannounced
from pytest_mcp_http.suite._requirement import requirement
from pytest_mcp_http.suite._streams import all_streams, batch_of_pings, get_stream, requests
from pytest_mcp_http.suite._two_sessions import two_sessions
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire import jsonrpc
from pytest_mcp_http.wire.exchange import JSON_TYPE, End, Exchange

SAME_CONTENT_TYPE = ("application/json; charset=utf-8", "application/json;charset=UTF-8", "Application/JSON")
OTHER_CONTENT_TYPE = ("text/plain", "application/x-www-form-urlencoded")
"""Media types that a browser sends across origins without asking first."""


@requirement("transport.endpoint-post")
def test_endpoint_serves_every_post(mcp_tour: Tour) -> None:
    # That the path takes POST at all is what the tour rests on; here no message of it is sent elsewhere.
    for exchange in requests(mcp_tour):
        assert_serves_post(exchange)


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


@requirement("transport.get-405-modern-only")
def test_get_is_405(mcp_tour: Tour) -> None:
    needs_one_era(mcp_tour)
    judge_405(versioned_get(mcp_tour))


@requirement("transport.delete-405-modern-only")
def test_delete_is_405(mcp_tour: Tour) -> None:
    needs_one_era(mcp_tour)
    client = mcp_tour.new_client()
    judge_405(client.send(client.build("DELETE", headers={SESSION_HEADER: UNKNOWN_SESSION})))


def judge_405(exchange: Exchange) -> None:
    """Judge that a method of earlier revisions got 405, unless the old transport is served here."""
    refused_by_others(exchange)
    if exchange.status == 403:
        raise NotVerified(f"something in front of the server may have refused: {exchange.summary}")
    if begins_old_transport(exchange):
        raise NotVerified("GET opens a stream of the HTTP+SSE transport, which may be served here as well")
    assert_status(exchange, 405)


@requirement("transport.allow-header-on-405")
def test_405_names_the_allowed_methods(mcp_tour: Tour) -> None:
    with mcp_tour.session() as client:
        found = [client.send(client.build("PUT")), client.delete()]
    found.append(mcp_tour.get or versioned_get(mcp_tour))
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


@requirement("transport.client-response-refused")
def test_response_does_no_harm(mcp_tour: Tour) -> None:
    for exchange in client_responses(mcp_tour):
        refused_by_others(exchange)
        expected = ("HTTP 4xx, as clients send no responses", "HTTP 202")
        if exchange.status is None or exchange.status >= 500:
            violated(f"{exchange.summary}, to a response", expected, exchange, note=True)


@requirement("transport.unaccepted-message-http-error")
def test_refused_message_gets_an_error_status(mcp_tour: Tour) -> None:
    found = odd_messages(mcp_tour)
    for exchange in found:
        refused_by_others(exchange)
    malformed, *others = found
    for exchange in others:
        assert_refusal_status(exchange)
    accepted = [step.exchange for step in mcp_tour.steps if step.method.startswith("notifications/")]
    if mcp_tour.dialect.sessions:  # later revisions have no responses of clients, and no rule for them
        accepted += client_responses(mcp_tour)
    for exchange in accepted:
        if exchange.answered:
            assert_refusal_status(exchange)
    # By JSON-RPC's own rules what is malformed is no notification, so its error may come with any status.
    assert_refusal_status(malformed, note=True)
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
    for exchange in (*requests(mcp_tour), *filter(None, [mcp_tour.listening])):
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
    for method, params in foreign_calls(mcp_tour):
        exchange = client.request(method, params)
        assert_utf8_body(exchange)
        assert_text_intact(exchange, FOREIGN_TEXT)
    served(mcp_tour)
    exchange = client.plain(id=LINE_SEPARATORS)
    # What the id must look like is jsonrpc.id-forms-echoed; here it only must not tear the message apart.
    if exchange.ok and not exchange.responses:
        actual = f"no readable response to the id {LINE_SEPARATORS!r}: {exchange.summary}"
        violated(actual, "a response, as to any other id", exchange)


@requirement("transport.concurrent-post-streams")
def test_requests_in_flight_get_their_own_answers(mcp_tour: Tour) -> None:
    if mcp_tour.held_up is not None:
        beside = "a GET stream" if mcp_tour.dialect.sessions else "a stream of subscriptions/listen"
        actual = f"while {beside} was open, {mcp_tour.dialect.plain} got {mcp_tour.held_up.summary}"
        violated(actual, "an answer, as without that stream", mcp_tour.held_up)
    calls = calls_at_once(mcp_tour)
    judged = [call for call in calls if call.exchange.status not in (401, 429, 503)]
    if len(judged) < len(calls) / 2:
        raise NotVerified("most requests met a rate limit")
    for call in judged:
        wrong = wrong_answer(call, calls)
        if wrong is not None:
            violated(
                f"{call.method} with the id {call.id}, one of {len(calls)} requests in flight, got {wrong}",
                f"the answer to {call.method} with the id {call.id}, as one by one",
                call.exchange,
            )


@requirement("transport.no-connection-state")
def test_context_is_not_carried_over(mcp_tour: Tour) -> None:
    gravest(partial(judge_lacking, mcp_tour, what) for what in LACKING)


@requirement("transport.interleaved-contexts")
def test_contexts_may_share_a_connection(mcp_tour: Tour) -> None:
    for send in contexts(mcp_tour, mcp_tour.wire):
        mcp_tour.require(send(), f"{mcp_tour.dialect.plain} on a connection of its own")
    with one_connection(mcp_tour) as wire:
        for send in contexts(mcp_tour, wire) * 2:
            exchange = send()
            refused_by_others(exchange)
            if exchange.result is None and exchange.end is not End.RESET:
                actual = f"{exchange.summary}, on a connection that another client uses as well"
                violated(actual, "a result, as on a connection of its own", exchange)
            kept(exchange)


# The wording spans the whole protocol, whose parts have rows of their own. What is judged here no sentence
# spells out, and none would hold without it: the server is still there after a client vanished.
@requirement("transport.base-protocol-support")
def test_server_outlives_vanished_clients(mcp_tour: Tour) -> None:
    plain = mcp_tour.dialect.plain
    with mcp_tour.session() as client:
        mcp_tour.require(plain_alone(mcp_tour, client), f"{plain} on a connection of its own")
        for where in cut_connections(mcp_tour, client):
            for _ in range(2):
                exchange = plain_alone(mcp_tour, client)
                refused_by_others(exchange)
                if exchange.status in (400, 404) and client.session_id is not None:
                    client.initialize()  # a server may end a session at any time
                    client.initialized()
                    exchange = plain_alone(mcp_tour, client)
                if exchange.result is None:
                    actual = f"after a connection was reset {where}, {plain} got {exchange.summary}"
                    violated(actual, f"the answer to {plain}, as before", exchange)


@requirement("transport.accept-both-types")
def test_accept_means_the_same_in_every_spelling(mcp_tour: Tour) -> None:
    served(mcp_tour)
    odd: list[tuple[str, Exchange]] = []
    for lines in SAME_ACCEPT + OTHER_ACCEPT:
        exchange = mcp_tour.client.send(with_accept(plain_request(mcp_tour.client), *lines))
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
        exchange = mcp_tour.client.plain(headers={"Content-Type": value})
        refused_by_others(exchange)
        if exchange.result is None:
            actual = f"Content-Type: {value} got {exchange.summary}"
            violated(actual, f"the same answer as to {JSON_TYPE}", exchange, note=True)


@requirement("transport.wrong-content-type")
def test_other_content_types_are_refused(mcp_tour: Tour) -> None:
    served(mcp_tour)
    for value in OTHER_CONTENT_TYPE:
        exchange = mcp_tour.client.plain(headers={"Content-Type": value})
        refused_by_others(exchange)
        if exchange.ok or exchange.status is None or exchange.status >= 500:
            actual = f"Content-Type: {value} got {exchange.summary}"
            violated(actual, ("HTTP 415", "another HTTP 4xx"), exchange, note=True)


@requirement("transport.concurrent-get-streams")
def test_get_stream_can_be_opened_again(mcp_tour: Tour) -> None:
    get_stream(mcp_tour)
    judge_reopening(mcp_tour)


@requirement("transport.no-broadcast")
def test_message_is_sent_on_one_stream(mcp_tour: Tour) -> None:
    first, second = two_sessions(mcp_tour)
    # What comes on the streams of another session is session.isolation's.
    streams = first.streams if mcp_tour.session_id is not None else (*first.streams, *second.streams)
    if len(streams) < 2:
        raise NotApplicable("the server opens no two streams at once for one client")
    assert_on_one_stream(streams)


@requirement("transport.legacy-sse-coexist")
def test_old_transport_is_told(mcp_tour: Tour) -> None:
    if "handshake" not in mcp_tour.target.facts.eras:
        raise NotApplicable("the server speaks no earlier revision: see transport.legacy-sse-not-adopted")
    for exchange in (mcp_tour.get, bare_get(mcp_tour)):
        if exchange is not None and begins_old_transport(exchange):
            violated(OLD_TRANSPORT, "nothing: both may be served", exchange, note=True)
    raise NotApplicable("GET opens no stream of the HTTP+SSE transport of 2024-11-05")


# Servers may host the old transport for the sake of older clients, and whether an implementation is new does
# not show: the more likely where it speaks no other revision with a GET stream, but a note at most.
@requirement("transport.legacy-sse-not-adopted")
def test_old_transport_is_not_adopted(mcp_tour: Tour) -> None:
    needs_one_era(mcp_tour)
    exchange = bare_get(mcp_tour)
    refused_by_others(exchange)
    if begins_old_transport(exchange):
        violated(OLD_TRANSPORT, "HTTP 405: the transport is deprecated", exchange, note=True)


@requirement("transport.no-server-requests")
def test_server_sends_no_requests(mcp_tour: Tour) -> None:
    # What is sent on the stream of a call that asks for input is mrtr.used-for-client-input's.
    for exchange in all_streams(mcp_tour):
        assert_no_server_request(exchange)


@requirement("transport.no-connection-affinity")
def test_other_replicas_need_no_introduction(mcp_tour: Tour) -> None:
    client_info = {"name": f"mcp-http-check-{secrets.token_hex(4)}", "version": "1"}
    for url, method, exchange in unannounced(mcp_tour, client_info):
        if exchange.result is None:
            actual = f"{method} at {named(url)}, after server/discover at another one, got {exchange.summary}"
            violated(actual, "a result, as from the process that was asked before", exchange)
