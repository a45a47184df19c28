"""The envelope of JSON-RPC: versions, ids, results and errors, and how malformed messages are refused."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.batch import (
    assert_batch_accepted_silently,
    assert_batch_member_refused,
    assert_batch_received,
    assert_batch_responses,
    assert_empty_batch_refused,
)
from pytest_mcp_http.assertions.http import assert_no_server_error
from pytest_mcp_http.assertions.jsonrpc import (
    assert_error_code_integer,
    assert_error_id,
    assert_error_message_concise,
    assert_error_shape,
    assert_id_echoed,
    assert_jsonrpc_version,
    assert_no_invented_id,
    assert_no_reply,
    assert_notifications_without_id,
    assert_result_id,
    assert_result_or_error,
    messages_in,
    notifications_in,
)
from pytest_mcp_http.assertions.refusals import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    assert_invalid_params,
    assert_invalid_request,
    assert_method_not_found,
    assert_parse_error,
    assert_refused,
)
from pytest_mcp_http.errors import NotVerified
from pytest_mcp_http.suite._batches import (
    ROOTS_CHANGED,
    TWO,
    answer_to,
    needs_batches,
    ping,
    posted,
    two_pings,
    unknown,
)
from pytest_mcp_http.suite._judging import gravest
from pytest_mcp_http.suite._malformed import Answer, no_messages, unreadable, wrong_params
from pytest_mcp_http.suite._probes import refused_by_others
from pytest_mcp_http.suite._requirement import requirement
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire import jsonrpc
from pytest_mcp_http.wire.exchange import Exchange

RESOURCE_NOT_FOUND = -32002
UNKNOWN_NOTIFICATION = "notifications/mcp-http-check"

UNUSUAL_IDS: tuple[object, ...] = (0, -1, 2**53 - 1, "", "1", "ü", "x" * 200)
"""Legal ids that are handled wrong by code which takes an id for a truth value, a number or plain ASCII."""

ILLEGAL_IDS: tuple[object, ...] = ({}, [], True, 1.5)


def recorded(tour: Tour) -> list[Exchange]:
    """Return the tour and what malformed bodies got, as far as they could be sent."""
    probes = (unreadable, no_messages, wrong_params)
    return [*tour.exchanges, *(answer.exchange for probe in probes for answer in sent(probe, tour))]


def sent(probe: Callable[[Tour], list[Answer]], tour: Tour) -> list[Answer]:
    """Return what a probe found, and nothing if there was no session for it."""
    try:
        return probe(tour)
    except NotVerified:
        return []


def with_errors(exchanges: list[Exchange]) -> list[Exchange]:
    """Return the exchanges that have a JSON-RPC error.

    Raises:
        NotVerified: If there is none.
    """
    found = [exchange for exchange in exchanges if any("error" in value for value in messages_in(exchange))]
    if not found:
        raise NotVerified("the server sent no JSON-RPC error")
    return found


def requests(tour: Tour) -> list[Exchange]:
    """Return the requests of the tour that the server itself answered."""
    return [
        exchange
        for exchange in tour.exchanges
        if exchange.request.message is not None
        and exchange.request.message.kind is jsonrpc.Kind.REQUEST
        and exchange.status not in (401, 403, 429, 502, 503, 504)
    ]


@requirement("jsonrpc.version-2-0")
def test_messages_have_version(mcp_tour: Tour) -> None:
    for exchange in recorded(mcp_tour):
        assert_jsonrpc_version(exchange)


@requirement("jsonrpc.response-id-matches")
def test_results_have_the_id_of_the_request(mcp_tour: Tour) -> None:
    for exchange in requests(mcp_tour):
        assert_result_id(exchange)


@requirement("jsonrpc.id-forms-echoed")
def test_unusual_ids_are_echoed(mcp_tour: Tour) -> None:
    with mcp_tour.session() as client:
        # What happens to every id of a type is judged by response-id-matches; here only the unusual ones
        # count.
        kept = set()
        for plain in (1001, "plain"):
            control = client.request("ping", id=plain)
            if mcp_tour.require(control, "ping with a plain id") and control.response_to(plain) is not None:
                kept.add(type(plain))
        exchanges = [(id, client.request("ping", id=id)) for id in UNUSUAL_IDS if type(id) in kept]
        mcp_tour.require(client.request("ping", id=1002), "ping with a plain id after the unusual ones")

    def judge(id: object, exchange: Exchange) -> None:
        refused_by_others(exchange)
        assert_id_echoed(exchange, id)

    gravest(partial(judge, id, exchange) for id, exchange in exchanges)
    if len(exchanges) < len(UNUSUAL_IDS):
        raise NotVerified("plain ids of one type do not come back, so the unusual ones cannot be told apart")


def errors_have_the_id(tour: Tour) -> None:
    """Judge errors on requests whose id could be read."""
    answers = [answer.exchange for answer in wrong_params(tour) if not answer.name.startswith("params ")]
    for exchange in with_errors(requests(tour) + answers):
        assert_error_id(exchange)


@requirement("jsonrpc.error-id-matches")
def test_errors_have_the_id_of_the_request(mcp_tour: Tour) -> None:
    errors_have_the_id(mcp_tour)


@requirement("jsonrpc.error-id-matches.unless-unreadable")
def test_errors_have_the_id_if_it_was_readable(mcp_tour: Tour) -> None:
    errors_have_the_id(mcp_tour)
    for answer in unreadable(mcp_tour):
        assert_no_invented_id(answer.exchange)


@requirement("jsonrpc.result-xor-error")
def test_responses_have_result_or_error(mcp_tour: Tour) -> None:
    for exchange in recorded(mcp_tour):
        assert_result_or_error(exchange)


@requirement("jsonrpc.error-code-and-message")
def test_errors_have_code_and_message(mcp_tour: Tour) -> None:
    for exchange in with_errors(recorded(mcp_tour)):
        assert_error_shape(exchange)


@requirement("jsonrpc.error-code-integer")
def test_error_codes_are_integers(mcp_tour: Tour) -> None:
    for exchange in with_errors(recorded(mcp_tour)):
        assert_error_code_integer(exchange)


@requirement("jsonrpc.error-message-concise")
def test_error_messages_are_concise(mcp_tour: Tour) -> None:
    for exchange in with_errors(recorded(mcp_tour)):
        assert_error_message_concise(exchange)


@requirement("jsonrpc.notification-no-id")
def test_notifications_have_no_id(mcp_tour: Tour) -> None:
    found = [exchange for exchange in mcp_tour.exchanges if notifications_in(exchange)]
    if not found:
        raise NotVerified("the server sent no notification during the visit")
    for exchange in found:
        assert_notifications_without_id(exchange)


def unknown_notification(tour: Tour) -> Exchange:
    """Return what a notification that no server knows got."""

    def probe() -> Exchange:
        with tour.session() as client:
            tour.require(client.request("ping"), "ping before the notification")
            return client.notify(UNKNOWN_NOTIFICATION, {"reason": "conformance check"})

    exchange = tour.memo("unknown-notification", probe)
    refused_by_others(exchange)
    return exchange


@requirement("jsonrpc.no-reply-to-notification")
def test_notifications_get_no_response(mcp_tour: Tour) -> None:
    # Status and body of the notifications that every server knows are the transport chapter's, but for a
    # result in them. One that the server does not know is where dispatchers slip into answering like to a
    # request.
    for step in mcp_tour.steps:
        if step.method.startswith("notifications/") and any(
            "result" in m for m in messages_in(step.exchange)
        ):
            assert_no_reply(step.exchange)
    assert_no_reply(unknown_notification(mcp_tour))


@requirement("jsonrpc.unknown-notification-tolerated")
def test_unknown_notification_is_tolerated(mcp_tour: Tour) -> None:
    exchange = unknown_notification(mcp_tour)
    expected = ("HTTP 202 with an empty body", "HTTP 4xx")
    if exchange.ok and messages_in(exchange):
        return  # a response: jsonrpc.no-reply-to-notification
    refused = exchange.status is not None and 400 <= exchange.status < 500
    if not refused and (exchange.status != 202 or exchange.body):
        violated(f"{exchange.summary}, to an unknown notification", expected, exchange, note=True)


@requirement("jsonrpc.parse-error")
def test_invalid_json_is_a_parse_error(mcp_tour: Tour) -> None:
    def judge(answer: Answer) -> None:
        assert_parse_error(answer.coded())
        if mcp_tour.revision < "2025-11-25":
            # JSON-RPC wants null, but the schemas of these revisions demand a string or number.
            assert_no_invented_id(answer.exchange, note=True)

    gravest(partial(judge, answer) for answer in unreadable(mcp_tour))


@requirement("jsonrpc.invalid-request")
def test_what_is_no_message_is_an_invalid_request(mcp_tour: Tour) -> None:
    gravest(
        partial(lambda answer: assert_invalid_request(answer.coded()), answer)
        for answer in no_messages(mcp_tour)
    )


@requirement("jsonrpc.null-id-request")
def test_null_id_is_refused(mcp_tour: Tour) -> None:
    ids_refused(mcp_tour, (None,))


@requirement("jsonrpc.bad-id-types")
def test_illegal_ids_are_refused(mcp_tour: Tour) -> None:
    ids_refused(mcp_tour, ILLEGAL_IDS)


def ids_refused(tour: Tour, ids: tuple[object, ...]) -> None:
    """Judge that pings with illegal ids are refused."""
    with tour.session() as client:
        tour.require(client.request("ping"), "ping with a legal id")
        answers = [Answer(f"id {id!r}", client.request("ping", id=id)) for id in ids]
    gravest(partial(lambda answer: assert_refused(answer.checked(), note=True), answer) for answer in answers)


@requirement("jsonrpc.method-not-found")
def test_unknown_method_is_not_found(mcp_tour: Tour) -> None:
    if not (steps := mcp_tour.named("unknown method")):
        raise NotVerified("the visit ended before it came to an unknown method")
    if all(step.exchange.result is None for step in mcp_tour.named("plain", "plain (string id)")):
        raise NotVerified("the positive control failed: not even ping is served")
    answer = Answer("unknown method", steps[0].exchange)
    messages = messages_in(answer.coded())
    if not any({"result", "error"} & value.keys() for value in messages) and (messages or answer.exchange.ok):
        # What has neither is judged by result-xor-error, what is no message by the transport chapter.
        raise NotVerified(f"no response to judge: {answer.exchange.summary}")
    assert_method_not_found(answer.exchange)


@requirement("jsonrpc.invalid-params")
def test_wrong_params_are_refused(mcp_tour: Tour) -> None:
    gravest(partial(wrong_params_refused, answer) for answer in wrong_params(mcp_tour))


def wrong_params_refused(answer: Answer) -> None:
    """Judge the answer to one request whose params have the wrong shape."""
    exchange = answer.coded()
    if answer.name.startswith("params "):
        # Params that are no structure make the whole request invalid, so this is as good as -32602. A
        # server that never looks at what ping does not take is not wrong where it counts.
        if isinstance(exchange.result, dict):
            violated("ping with params that are no object was served", "an error", exchange, note=True)
        assert_invalid_request(exchange, also=(INVALID_PARAMS,))
        return
    if (
        answer.name.startswith("tools/call")
        and isinstance(exchange.result, dict)
        and exchange.result.get("isError")
    ):
        violated("a tool result with isError", "JSON-RPC error -32602", exchange, note=True)
    assert_invalid_params(exchange, tolerated=(INVALID_REQUEST, RESOURCE_NOT_FOUND))


@requirement("jsonrpc.params-array")
def test_positional_params_are_refused(mcp_tour: Tour) -> None:
    with mcp_tour.session() as client:
        mcp_tour.require(client.request("ping", {}), "ping with an object as params")
        answer = Answer("params []", client.request("ping", []))
    assert_refused(answer.checked(), note=True)


@requirement("jsonrpc.large-and-deep-input")
def test_large_and_deep_input_does_no_harm(mcp_tour: Tour) -> None:
    large = jsonrpc.encode(jsonrpc.request("ping", {"_meta": {"com.example/pad": "x" * 2**20}}, id="large"))
    nested = b"[" * 2000 + b"]" * 2000
    deep = (
        b'{"jsonrpc":"2.0","id":"deep","method":"ping","params":{"_meta":{"com.example/deep":'
        + nested
        + b"}}}"
    )
    for name, body in (("a string of 1 MiB", large), ("2000 nested arrays", deep)):
        with mcp_tour.session() as client:
            mcp_tour.require(client.request("ping"), f"ping before {name}")
            exchange = client.post(body)
            after = client.request("ping")
        expected = ("the request is served", "HTTP 4xx", "a JSON-RPC error")
        if (
            exchange.status is None
            or exchange.status >= 500
            or not (exchange.status >= 400 or exchange.responses)
        ):
            violated(f"{exchange.summary}, to {name}", expected, exchange, note=True)
        if after.result is None:
            violated(f"{after.summary}, to a ping after {name}", "the server still answers", after, note=True)


@requirement("jsonrpc.batch-received")
def test_batch_is_received(mcp_tour: Tour) -> None:
    assert_batch_received(two_pings(mcp_tour), TWO)


@requirement("jsonrpc.batch-response-set")
def test_batch_gets_one_response_per_request(mcp_tour: Tour) -> None:
    needs_batches(mcp_tour)
    exchange = posted(mcp_tour, [ping("b-3"), ROOTS_CHANGED, unknown("b-4")])
    assert_batch_responses(exchange, results=["b-3"], errors=["b-4"])


@requirement("jsonrpc.batch-notifications-202")
def test_batch_without_requests_is_accepted_silently(mcp_tour: Tour) -> None:
    needs_batches(mcp_tour)
    batches = ([ROOTS_CHANGED, ROOTS_CHANGED], [answer_to("never-1"), answer_to("never-2")])
    gravest(
        partial(lambda members: assert_batch_accepted_silently(posted(mcp_tour, members)), b) for b in batches
    )


@requirement("jsonrpc.batch-empty")
def test_empty_batch_is_one_invalid_request(mcp_tour: Tour) -> None:
    assert_empty_batch_refused(posted(mcp_tour, []))


@requirement("jsonrpc.batch-invalid-member")
def test_invalid_member_of_a_batch_gets_its_own_error(mcp_tour: Tour) -> None:
    needs_batches(mcp_tour)
    assert_batch_member_refused(posted(mcp_tour, [1, ping("b-5")]), "b-5")


@requirement("jsonrpc.batch-mixed-kinds")
def test_batch_of_requests_and_responses_does_no_harm(mcp_tour: Tour) -> None:
    exchange = posted(mcp_tour, [ping("b-6"), answer_to("never-3")])
    assert_no_server_error(exchange, ("HTTP 4xx", "the request is served"))


@requirement("jsonrpc.batch-refused")
def test_batch_is_refused(mcp_tour: Tour) -> None:
    batches: tuple[list[object], ...] = ([ping("b-1"), ping("b-2")], [ping("b-3")], [])
    gravest(partial(lambda members: assert_refused(posted(mcp_tour, members), note=True), b) for b in batches)
