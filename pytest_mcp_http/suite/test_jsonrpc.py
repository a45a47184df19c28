"""The envelope of JSON-RPC: versions, ids, results and errors, and how malformed messages are refused."""

from __future__ import annotations

from functools import partial

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.batch import (
    assert_batch_accepted_silently,
    assert_batch_member_refused,
    assert_batch_received,
    assert_batch_responses,
    assert_empty_batch_refused,
)
from pytest_mcp_http.assertions.codes import (
    RESOURCE_NOT_FOUND,
    URL_ELICITATION_REQUIRED,
    assert_code_retired,
    assert_custom_codes_outside,
    assert_defined_code_fits,
    assert_legacy_codes_avoided,
    assert_reserved_codes_defined,
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
    assert_invalid_request,
    assert_method_not_found,
    assert_parse_error,
    assert_refused,
)
from pytest_mcp_http.assertions.results import assert_result_type, assert_result_type_known
from pytest_mcp_http.assertions.tools import tools_in
from pytest_mcp_http.errors import NotApplicable, NotVerified, RequirementViolated
from pytest_mcp_http.suite._batches import (
    ROOTS_CHANGED,
    TWO,
    answer_to,
    needs_batches,
    plain,
    posted,
    two_requests,
    unknown,
)
from pytest_mcp_http.suite._gated import GATED
from pytest_mcp_http.suite._incomplete import lacking
from pytest_mcp_http.suite._judging import gravest
from pytest_mcp_http.suite._malformed import Answer, no_messages, unreadable, unwieldy, wrong_params
from pytest_mcp_http.suite._probes import refused_by_others
from pytest_mcp_http.suite._recorded import (
    recorded,
    requests,
    results,
    sent,
    unknown_notification,
    unowned,
    with_codes,
    with_errors,
)
from pytest_mcp_http.suite._refusals import (
    blamed_headers,
    ids_refused,
    unknown_method,
    wrong_params_refused,
)
from pytest_mcp_http.suite._requirement import requirement
from pytest_mcp_http.suite._server_requests import assert_request_id, judge_fresh_ids, server_requests
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import Exchange

UNUSUAL_IDS: tuple[object, ...] = (0, -1, 2**53 - 1, "", "1", "ü", "x" * 200)
"""Legal ids that are handled wrong by code which takes an id for a truth value, a number or plain ASCII."""

ILLEGAL_IDS: tuple[object, ...] = ({}, [], True, 1.5)


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
        for usual in (1001, "plain"):
            control = mcp_tour.require(client.plain(id=usual), "a request with a usual id")
            if control.response_to(usual) is not None:
                kept.add(type(usual))
        exchanges = [(id, client.plain(id=id)) for id in UNUSUAL_IDS if type(id) in kept]
        mcp_tour.require(client.plain(id=1002), "a request with a usual id after the unusual ones")

    def judge(id: object, exchange: Exchange) -> None:
        refused_by_others(exchange)
        assert_id_echoed(exchange, id)

    gravest(partial(judge, id, exchange) for id, exchange in exchanges)
    if len(exchanges) < len(UNUSUAL_IDS):
        raise NotVerified("plain ids of one type do not come back, so the unusual ones cannot be told apart")


def errors_have_the_id(tour: Tour) -> None:
    """Judge errors on requests whose id could be read."""
    answers = [answer for answer in wrong_params(tour) if not answer.name.startswith("params ")]
    if tour.dialect.per_request:
        answers += sent(lacking, tour)
    for exchange in with_errors(requests(tour) + [answer.exchange for answer in answers]):
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
    def judge(answer: Answer) -> None:
        exchange = answer.coded()
        if answer.name == "method absent" and exchange.status == 202 and not exchange.body:
            # An id without a method reads as a response, and nothing obliges a server to look into those.
            expected = "JSON-RPC error -32600", "HTTP 4xx"
            violated(f"{exchange.summary}, to an id alone", expected, exchange, note=True)
        assert_invalid_request(exchange, also=blamed_headers(exchange))

    gravest(partial(judge, answer) for answer in no_messages(mcp_tour))


@requirement("jsonrpc.null-id-request")
def test_null_id_is_refused(mcp_tour: Tour) -> None:
    ids_refused(mcp_tour, (None,))


@requirement("jsonrpc.bad-id-types")
def test_illegal_ids_are_refused(mcp_tour: Tour) -> None:
    ids_refused(mcp_tour, ILLEGAL_IDS)


@requirement("jsonrpc.method-not-found")
def test_unknown_method_is_not_found(mcp_tour: Tour) -> None:
    assert_method_not_found(unknown_method(mcp_tour))


@requirement("jsonrpc.method-not-found-404")
def test_unknown_method_is_404(mcp_tour: Tour) -> None:
    assert_method_not_found(unknown_method(mcp_tour), status=mcp_tour.dialect.unknown_method)


@requirement("jsonrpc.gated-method-not-found")
def test_methods_of_undeclared_capabilities_are_not_found(mcp_tour: Tour) -> None:
    gated = [request for capability, request in GATED.items() if capability not in mcp_tour.capabilities]
    if not gated:
        raise NotApplicable("the server declares every capability that has methods")
    status = mcp_tour.dialect.unknown_method
    try:
        assert_method_not_found(unknown_method(mcp_tour), status=status)
    except RequirementViolated as outcome:
        # How methods that are not found are refused at all is judged by method-not-found-404.
        raise NotVerified(f"an unknown method got {outcome.actual}") from None
    answers = [Answer(method, mcp_tour.client.request(method, params)) for method, params in gated]
    # A server that has tools and does not say so is judged by tools.capability-declared.
    answers = [answer for answer in answers if not tools_in(answer.exchange)]
    gravest(
        partial(lambda answer: assert_method_not_found(answer.coded(), status=status), answer)
        for answer in answers
    )


@requirement("jsonrpc.invalid-params")
def test_wrong_params_are_refused(mcp_tour: Tour) -> None:
    gravest(partial(wrong_params_refused, answer) for answer in wrong_params(mcp_tour))


@requirement("jsonrpc.params-array")
def test_positional_params_are_refused(mcp_tour: Tour) -> None:
    with mcp_tour.session() as client:
        mcp_tour.require(client.plain({}), f"{mcp_tour.dialect.plain} with an object as params")
        answer = Answer("params []", client.plain([]))
    assert_refused(answer.checked(), note=True)


@requirement("jsonrpc.large-and-deep-input")
def test_large_and_deep_input_does_no_harm(mcp_tour: Tour) -> None:
    for broken in unwieldy(mcp_tour):
        with mcp_tour.session() as client:
            mcp_tour.require(client.plain(), f"{mcp_tour.dialect.plain} before {broken.name}")
            exchange = broken.sent_by(client).exchange
            after = client.plain()
        expected = ("the request is served", "HTTP 4xx", "a JSON-RPC error")
        if (
            exchange.status is None
            or exchange.status >= 500
            or not (exchange.status >= 400 or exchange.responses)
        ):
            violated(f"{exchange.summary}, to {broken.name}", expected, exchange, note=True)
        if after.result is None:
            violated(
                f"{after.summary}, to a request after {broken.name}",
                "the server still answers",
                after,
                note=True,
            )


@requirement("jsonrpc.no-undefined-reserved-codes")
def test_reserved_codes_are_defined(mcp_tour: Tour) -> None:
    for exchange in with_codes(mcp_tour):
        assert_reserved_codes_defined(exchange)


@requirement("jsonrpc.defined-codes-meaning")
def test_defined_codes_fit(mcp_tour: Tour) -> None:
    for step in unowned(mcp_tour):
        # What does not exist cannot need a capability, whatever else may.
        assert_defined_code_fits(step.exchange, needs_capability=not step.name.endswith(" unknown"))


@requirement("jsonrpc.no-32002")
def test_resource_not_found_is_retired(mcp_tour: Tour) -> None:
    for exchange in with_codes(mcp_tour):
        assert_code_retired(exchange, RESOURCE_NOT_FOUND)


@requirement("jsonrpc.no-32042")
def test_url_elicitation_required_is_retired(mcp_tour: Tour) -> None:
    for exchange in with_codes(mcp_tour):
        assert_code_retired(exchange, URL_ELICITATION_REQUIRED)


@requirement("jsonrpc.avoid-legacy-range")
def test_legacy_codes_are_avoided(mcp_tour: Tour) -> None:
    for exchange in with_codes(mcp_tour):
        assert_legacy_codes_avoided(exchange)


@requirement("jsonrpc.custom-codes-outside")
def test_own_codes_are_outside_the_reserved_range(mcp_tour: Tour) -> None:
    for exchange in with_codes(mcp_tour):
        assert_custom_codes_outside(exchange)


@requirement("jsonrpc.result-type-present")
def test_results_have_a_type(mcp_tour: Tour) -> None:
    for exchange in results(mcp_tour):
        assert_result_type(exchange)


@requirement("jsonrpc.result-type-known")
def test_types_of_results_are_known(mcp_tour: Tour) -> None:
    extended = bool(mcp_tour.capabilities.get("extensions"))
    for exchange in results(mcp_tour):
        assert_result_type_known(exchange, extended=extended)


@requirement("jsonrpc.batch-received")
def test_batch_is_received(mcp_tour: Tour) -> None:
    assert_batch_received(two_requests(mcp_tour), TWO)


@requirement("jsonrpc.batch-response-set")
def test_batch_gets_one_response_per_request(mcp_tour: Tour) -> None:
    needs_batches(mcp_tour)
    exchange = posted(mcp_tour, [plain(mcp_tour, "b-3"), ROOTS_CHANGED, unknown("b-4")])
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
    assert_batch_member_refused(posted(mcp_tour, [1, plain(mcp_tour, "b-5")]), "b-5")


@requirement("jsonrpc.batch-mixed-kinds")
def test_batch_of_requests_and_responses_does_no_harm(mcp_tour: Tour) -> None:
    exchange = posted(mcp_tour, [plain(mcp_tour, "b-6"), answer_to("never-3")])
    assert_no_server_error(exchange, ("HTTP 4xx", "the request is served"))


@requirement("jsonrpc.batch-refused")
def test_batch_is_refused(mcp_tour: Tour) -> None:
    batches: tuple[list[object], ...] = (
        [plain(mcp_tour, "b-1"), plain(mcp_tour, "b-2")],
        [plain(mcp_tour, "b-3")],
        [],
    )
    gravest(partial(lambda members: assert_refused(posted(mcp_tour, members), note=True), b) for b in batches)


# -- requests of the server ---------------------------------------------------------------------------------


@requirement("jsonrpc.server-request-id")
def test_requests_of_the_server_have_ids(mcp_tour: Tour) -> None:
    for exchange, message in server_requests(mcp_tour):
        assert_request_id(message.id, exchange)


@requirement("jsonrpc.server-request-id-fresh")
def test_ids_of_requests_of_the_server_are_fresh(mcp_tour: Tour) -> None:
    judge_fresh_ids(server_requests(mcp_tour))
