"""Multi round-trip requests: what a server asks back, and what it makes of the answer."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import pairwise
from typing import Any

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.http import assert_no_server_error
from pytest_mcp_http.assertions.input_requests import (
    MESSAGE_PLACES,
    asked_in,
    assert_input_keys_unique,
    assert_input_requests_declared,
    assert_input_requests_valid,
    assert_sampling_messages,
    assert_url_elicitations,
    sampling_requests,
    url_elicitations,
)
from pytest_mcp_http.assertions.mrtr import (
    Outcome,
    asks_for_input,
    assert_answered_with_error,
    assert_asked_again,
    assert_input_required_content,
    assert_input_required_type,
    assert_no_input_required,
    assert_not_asked_on_stream,
    assert_not_completed,
    assert_refusal_handled,
    assert_retry_served,
    outcome_of,
)
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.spec.messages import Violation
from pytest_mcp_http.suite._asking import (
    DROP,
    EVERYTHING,
    Ask,
    again,
    asking_client,
    asks,
    capabilities_without,
    completing,
    dialogues,
    first_calls,
    interim_results,
    unanswered,
    undeclared_calls,
)
from pytest_mcp_http.suite._bound_to_user import judge_state_of_another
from pytest_mcp_http.suite._conversations import ROOTS
from pytest_mcp_http.suite._elicited import with_errors
from pytest_mcp_http.suite._judging import gravest
from pytest_mcp_http.suite._odd_answers import judge_lapse, judge_single_use
from pytest_mcp_http.suite._probes import refused_by_others, served
from pytest_mcp_http.suite._replicas import named, retried_elsewhere
from pytest_mcp_http.suite._requirement import requirement
from pytest_mcp_http.suite._retries import (
    NOT_SERVED,
    is_taken_for_decline,
    judge_exhaustion,
    malformed_retries,
    with_action,
)
from pytest_mcp_http.suite._tampering import judge_tampering
from pytest_mcp_http.suite.test_mrtr_elicitation import *  # noqa: F403 - these two are parts of the chapter
from pytest_mcp_http.suite.test_mrtr_sampling import *  # noqa: F403
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.visit import LISTS, UNKNOWN_NAME
from pytest_mcp_http.wire.exchange import Exchange

ASKING_METHODS = ("tools/call", "prompts/get", "resources/read")
URL_ELICITATION_REQUIRED = -32042

ABANDONED = 20
"""Calls that are left without a retry."""

ABANDON_SECONDS = 5.0
"""How long such calls are begun, for those that ask late."""

# The third is base64 of JSON.
HOSTILE_STATES: tuple[object, ...] = ("mcp-http-check", 5, "eyJhZG1pbiI6dHJ1ZX0=", {"admin": True})
HUGE = "A" * 1_000_000

STRAY = {"mcp-http-check-stray": {"action": "accept"}}


# -- what is asked ------------------------------------------------------------------------------------------


@requirement("mrtr.used-for-client-input")
def test_input_is_not_asked_for_on_the_stream(mcp_tour: Tour) -> None:
    calls = [call.exchange for call in first_calls(mcp_tour)]
    for exchange in calls:
        assert_not_asked_on_stream(exchange)
    if not any(map(asks_for_input, calls)):
        raise NotVerified(f"no tool of the role ask asked for anything: {calls[0].summary}")


@requirement("mrtr.only-supported-methods")
def test_other_methods_never_ask(mcp_tour: Tour) -> None:
    client = asking_client(mcp_tour, EVERYTHING)
    methods = [
        method for name, found in LISTS.items() if name in mcp_tour.capabilities for method, _ in found
    ]
    probes = [client.request(method) for method in (mcp_tour.dialect.plain, *methods)]
    recorded = [step.exchange for step in mcp_tour.steps if step.method not in ASKING_METHODS]
    listening = [mcp_tour.listening] if mcp_tour.listening is not None else []
    found = [exchange for exchange in (*recorded, *listening, *probes) if exchange.result is not None]
    if not found:
        raise NotVerified("no request got a result")
    for exchange in found:
        assert_no_input_required(exchange)


@requirement("mrtr.result-type")
def test_results_that_ask_say_so(mcp_tour: Tour) -> None:
    recorded = [step.exchange for step in mcp_tour.steps if step.method in ASKING_METHODS]
    found = [
        each for each in (*recorded, *(c.exchange for c in first_calls(mcp_tour))) if asks_for_input(each)
    ]
    if not found:
        raise NotVerified("no tool of the role ask asked for anything")
    for exchange in found:
        assert_input_required_type(exchange)


@requirement("mrtr.at-least-one-field")
def test_something_is_asked_for(mcp_tour: Tour) -> None:
    for exchange in interim_results(mcp_tour):
        assert_input_required_content(exchange)


@requirement("mrtr.request-kinds")
def test_input_requests_are_requests_that_clients_take(mcp_tour: Tour) -> None:
    for exchange in interim_results(mcp_tour):
        assert_input_requests_valid(exchange, mcp_tour.revision, counts=is_not_judged_elsewhere)


def is_not_judged_elsewhere(request: Mapping[str, Any], violation: Violation) -> bool:
    """Leave out the places for which there are requirements of their own."""
    if request["method"] == "sampling/createMessage":
        return not MESSAGE_PLACES.fullmatch(violation.path)
    return bool(request["method"] != "elicitation/create")


@requirement("mrtr.keys-unique")
def test_keys_are_unique(mcp_tour: Tour) -> None:
    for exchange in interim_results(mcp_tour):
        assert_input_keys_unique(exchange)


@requirement("mrtr.capability-gated")
def test_only_what_is_declared_is_asked_for(mcp_tour: Tour) -> None:
    for call in undeclared_calls(mcp_tour):
        methods = {request["method"] for _, request in asked_in(call.exchange)}
        # To be asked for roots alone is roots-capability's.
        if methods != {ROOTS}:
            assert_input_requests_declared(call.exchange, {})
    for ask in asks(mcp_tour):
        declared = capabilities_without(ask)
        exchange = asking_client(mcp_tour, declared).request("tools/call", dict(ask.params))
        assert_input_requests_declared(exchange, declared)


@requirement("mrtr.elicit-url-params")
def test_url_elicitations_have_url_and_message(mcp_tour: Tour) -> None:
    found = [exchange for exchange in interim_results(mcp_tour) if url_elicitations(exchange)]
    if not found:
        raise NotApplicable("no tool of the role ask asks the user to open a URL")
    for exchange in found:
        assert_url_elicitations(exchange, mcp_tour.revision)


@requirement("mrtr.sampling-message-role")
def test_sampling_messages_have_role_and_content(mcp_tour: Tour) -> None:
    found = [exchange for exchange in interim_results(mcp_tour) if sampling_requests(exchange)]
    if not found:
        raise NotApplicable("no tool of the role ask asks for sampling")
    for exchange in found:
        assert_sampling_messages(exchange, mcp_tour.revision)


# -- the state ----------------------------------------------------------------------------------------------


def plain_items(tour: Tour) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield method and params of the first prompt and the first resource that the visit fetched whole."""
    for method in ("prompts/get", "resources/read"):
        for step in tour.named(method):
            sent = step.exchange.request.message
            if outcome_of(step.exchange) is Outcome.COMPLETED and sent is not None:
                yield method, {name: value for name, value in sent.params.items() if name != "_meta"}
                break


@requirement("mrtr.state-untrusted")
def test_hostile_state_is_survived(mcp_tour: Tour) -> None:
    requests = list(plain_items(mcp_tour))
    if "tools" in mcp_tour.capabilities:
        requests.append(("tools/call", {"name": UNKNOWN_NAME, "arguments": {}}))
    if not requests:
        raise NotApplicable("the server offers nothing that could come with a state")
    served(mcp_tour)
    for number, (method, params) in enumerate(requests):
        for state in HOSTILE_STATES if number == 0 else HOSTILE_STATES[:2]:
            judge_survival(mcp_tour.client.request(method, {**params, "requestState": state}))
    method, params = requests[0]
    exchange = mcp_tour.client.request(method, {**params, "requestState": HUGE})
    control = mcp_tour.client.request(method, params, meta={"com.example/huge": HUGE})
    if outcome_of(exchange) is Outcome.BROKEN and outcome_of(control) is Outcome.BROKEN:
        raise NotVerified(f"bodies of 1 MB break it, with a state or without: {control.summary}")
    judge_survival(exchange)


def judge_survival(exchange: Exchange) -> None:
    """Judge the answer to a request with a hostile state."""
    refused_by_others(exchange)
    assert_no_server_error(exchange, ["a JSON-RPC error or HTTP 4xx", "a result, if the state is ignored"])


def with_state(tour: Tour) -> list[Ask]:
    """Return the asks that our answers complete and that came with a state.

    Raises:
        NotVerified: If there is none.
    """
    found = [ask for ask in completing(tour) if isinstance(ask.state, str)]
    if not found:
        raise NotVerified("the server gives no requestState")
    return found


@requirement("mrtr.state-integrity")
def test_tampered_state_is_refused(mcp_tour: Tour) -> None:
    gravest(partial(judge_tampering, ask) for ask in with_state(mcp_tour))


@requirement("mrtr.state-request-bound")
def test_state_of_another_request_is_refused(mcp_tour: Tour) -> None:
    pairs = [(a, b) for a, b in pairwise(with_state(mcp_tour)) if a.params != b.params]
    if not pairs:
        raise NotVerified("it takes two calls with the role ask, of other tools or with other arguments")
    other, own = (again(ask) for ask in pairs[0])
    exchange = own.retry(own.answers, state=other.state)
    if outcome_of(exchange) is Outcome.COMPLETED:
        alone = again(own)
        if outcome_of(alone.retry(alone.answers, state=DROP)) is Outcome.COMPLETED:
            raise NotVerified("the call is completed without state as well")
    assert_not_completed(exchange, "the state of a call with another tool or other arguments")


@requirement("mrtr.state-expiry")
def test_state_lapses(mcp_tour: Tour) -> None:
    judge_lapse(mcp_tour)


@requirement("mrtr.state-single-use")
def test_state_is_taken_once(mcp_tour: Tour) -> None:
    judge_single_use(mcp_tour)


# -- what becomes of the answer -----------------------------------------------------------------------------


@requirement("mrtr.retry-completes")
def test_answers_complete_the_call(mcp_tour: Tour) -> None:
    gravest(partial(assert_retry_served, each) for found in dialogues(mcp_tour) for each in found.retries)


@requirement("mrtr.no-assumed-retry")
def test_abandoned_calls_do_no_harm(mcp_tour: Tour) -> None:
    first = asks(mcp_tour)[0]
    served(mcp_tour)
    abandoned: list[Exchange] = []
    started = time.monotonic()
    while len(abandoned) < ABANDONED and time.monotonic() < started + ABANDON_SECONDS:
        abandoned.append(first.client.request("tools/call", dict(first.params)))
    for exchange in (*abandoned, mcp_tour.client.plain()):
        refused_by_others(exchange)
        if outcome_of(exchange) in NOT_SERVED:
            judge_exhaustion(mcp_tour, first, abandoned, exchange)


@requirement("mrtr.validate-responses")
def test_malformed_answers_are_not_taken(mcp_tour: Tour) -> None:
    for what, ask, exchange in malformed_retries(mcp_tour):
        if outcome_of(exchange) is Outcome.COMPLETED and not is_taken_for_decline(ask, exchange):
            assert_not_completed(exchange, what)


@requirement("mrtr.protocol-error")
def test_malformed_answers_get_an_error(mcp_tour: Tour) -> None:
    found = [each for each in malformed_retries(mcp_tour) if outcome_of(each[2]) is not Outcome.COMPLETED]
    if not found:
        raise NotVerified("malformed answers are taken")
    for what, _, exchange in found:
        assert_answered_with_error(exchange, what)


@requirement("mrtr.ignore-extra-responses")
def test_unknown_answers_are_ignored(mcp_tour: Tour) -> None:
    for ask in map(again, completing(mcp_tour)):
        exchange = ask.retry({**(ask.answers or {}), **STRAY})
        if outcome_of(exchange) not in (Outcome.COMPLETED, Outcome.ASKED):
            violated(
                f"{exchange.summary}, to a retry with one answer more than was asked for",
                "the same as without it: a complete result",
                exchange,
            )


@requirement("mrtr.unsolicited-responses-ignored")
def test_unsolicited_answers_are_ignored(mcp_tour: Tour) -> None:
    items = list(plain_items(mcp_tour))
    if not items:
        raise NotApplicable("the server has no prompt without arguments and no resource")
    served(mcp_tour)
    for method, params in items:
        exchange = mcp_tour.client.request(method, {**params, "inputResponses": STRAY})
        refused_by_others(exchange)
        if exchange.result is None:
            violated(
                f"{exchange.summary}, to {method} with inputResponses that nobody asked for",
                "the same result as without them",
                exchange,
            )


@requirement("mrtr.missing-response-rerequested")
def test_missing_answers_are_asked_for_again(mcp_tour: Tour) -> None:
    for _, exchange in unanswered(mcp_tour):
        assert_asked_again(exchange)


@requirement("mrtr.decline-handled")
def test_users_may_decline(mcp_tour: Tour) -> None:
    found = [ask for ask in asks(mcp_tour) if ask.asks_for("elicitation/create")]
    if not found:
        raise NotApplicable("no tool of the role ask asks the user")
    gravest(partial(judge_action, ask, action) for ask in found for action in ("decline", "cancel"))


def judge_action(ask: Ask, action: str) -> None:
    """Judge what becomes of a call whose user does something else than to accept."""
    assert_refusal_handled(with_action(again(ask), action), action)


# -- before there were such requests ------------------------------------------------------------------------


@requirement("mrtr.elicit-32042-only-when-needed")
def test_url_elicitation_is_demanded_only_when_needed(mcp_tour: Tour) -> None:
    for exchange in with_errors(mcp_tour):
        data = (exchange.error or {}).get("data")
        demanded = data.get("elicitations") if isinstance(data, dict) else None
        if exchange.error_code == URL_ELICITATION_REQUIRED and not (isinstance(demanded, list) and demanded):
            violated(
                f"JSON-RPC error {URL_ELICITATION_REQUIRED} without an elicitation",
                ["another error code", "this code, with the elicitations that are needed"],
                exchange,
            )


@requirement("mrtr.retry-stateless")
def test_retry_is_served_at_every_replica(mcp_tour: Tour) -> None:
    for url, ask, exchange in retried_elsewhere(mcp_tour):
        if outcome_of(exchange) in NOT_SERVED:
            violated(
                f"a retry of {ask.params['name']} at {named(url)} got {exchange.summary}",
                "the same outcome as at the replica that asked",
                exchange,
            )


@requirement("mrtr.state-principal-bound")
def test_state_is_bound_to_the_user(mcp_tour: Tour) -> None:
    judge_state_of_another(mcp_tour)
