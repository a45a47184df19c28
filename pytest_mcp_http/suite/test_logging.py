"""Logging: levels, filters, and what log messages hold."""

from __future__ import annotations

from functools import partial

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.jsonrpc import code_in
from pytest_mcp_http.assertions.logging import (
    assert_level_refused,
    assert_level_set,
    assert_log_levels,
    assert_logging_declared,
    assert_logs_before_response,
    assert_no_log_messages,
    assert_no_secrets_logged,
    assert_nothing_sensitive_logged,
    holds_any,
    log_messages,
)
from pytest_mcp_http.assertions.schema import assert_messages_valid
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.spec.error_codes import METHOD_NOT_FOUND
from pytest_mcp_http.suite._judging import gravest
from pytest_mcp_http.suite._logs import (
    LOG_LEVEL,
    SET_LEVEL,
    SEVERE,
    UNKNOWN_LEVELS,
    credentials,
    levels_set,
    logs,
    seen,
    taken_levels,
    unasked,
    with_logs,
)
from pytest_mcp_http.suite._ownership import owner_of
from pytest_mcp_http.suite._probes import needs_session, refused_by_others, served
from pytest_mcp_http.suite._requirement import requirement
from pytest_mcp_http.tour import Tour

SHAPE = "logging.message-shape"


@requirement("logging.capability-declared")
def test_server_that_logs_declares_it(mcp_tour: Tour) -> None:
    for exchange in seen(mcp_tour):
        assert_logging_declared(exchange, mcp_tour.capabilities)


@requirement("logging.set-level-empty-result")
def test_set_level_has_an_empty_result(mcp_tour: Tour) -> None:
    (_, first), *others = levels_set(mcp_tour)
    if code_in(first) == METHOD_NOT_FOUND:
        raise NotVerified(f"{SET_LEVEL} is no method, see lifecycle.capability-method-agreement")
    # A level that alone is refused is set-level-all-levels'.
    for exchange in [first, *(exchange for _, exchange in others if exchange.result is not None)]:
        assert_level_set(exchange)


@requirement("logging.set-level-all-levels")
def test_all_levels_are_taken(mcp_tour: Tour) -> None:
    (_, first), *others = levels_set(mcp_tour)
    if first.result is None:
        raise NotVerified(f"the first level was not taken: {first.summary}")
    for level, exchange in others:
        refused_by_others(exchange)
        if exchange.result is None:
            violated(f"the level {level} got {exchange.summary}", "a result for each level", exchange)


@requirement("logging.set-level-invalid-32602")
def test_unknown_levels_are_refused(mcp_tour: Tour) -> None:
    first = levels_set(mcp_tour)[0][1]
    if first.result is None:
        raise NotVerified(f"a known level was not taken: {first.summary}")
    answers = [mcp_tour.client.request(SET_LEVEL, {"level": level}) for level in UNKNOWN_LEVELS]
    for answer in answers:
        refused_by_others(answer)
    gravest(
        partial(assert_level_refused, answer, level)
        for answer, level in zip(answers, UNKNOWN_LEVELS, strict=True)
    )


@requirement("logging.level-filter")
def test_less_severe_messages_are_left_out(mcp_tour: Tour) -> None:
    needs_session(mcp_tour)
    if "logging" not in mcp_tour.capabilities:
        raise NotApplicable("the server does not declare logging")
    found = taken_levels(mcp_tour)
    assert found.severe is not None
    assert_log_levels(found.severe, SEVERE)
    if found.beside is not None:
        assert_log_levels(found.beside, SEVERE, after=found.before_severe)


@requirement("logging.level-filter.per-request")
def test_request_gets_the_level_that_it_asks_for(mcp_tour: Tour) -> None:
    found = taken_levels(mcp_tour)
    assert found.severe is not None
    assert_log_levels(found.severe, SEVERE)


@requirement("logging.no-message-without-log-level")
def test_no_log_messages_unless_asked_for(mcp_tour: Tour) -> None:
    expected = f"no log message for a request without {LOG_LEVEL}"
    # What comes on the stream of a subscription is not-on-listen-stream's.
    for exchange in unasked(mcp_tour):
        if exchange is not mcp_tour.stream:
            assert_no_log_messages(exchange, expected)
    found = with_logs(mcp_tour)
    assert found.silent is not None
    assert_no_log_messages(found.silent, expected)


@requirement("logging.invalid-level-32602")
def test_requests_with_an_unknown_level_are_refused(mcp_tour: Tour) -> None:
    if "logging" not in mcp_tour.capabilities:
        raise NotApplicable("the server does not declare logging, and may ignore the level")
    served(mcp_tour)
    answers = [mcp_tour.client.plain(meta={LOG_LEVEL: level}) for level in UNKNOWN_LEVELS]
    for answer in answers:
        refused_by_others(answer)
    gravest(
        partial(assert_level_refused, answer, level)
        for answer, level in zip(answers, UNKNOWN_LEVELS, strict=True)
    )


@requirement("logging.not-on-listen-stream")
def test_no_log_messages_on_subscriptions(mcp_tour: Tour) -> None:
    found = with_logs(mcp_tour)
    if found.beside is None:
        raise NotApplicable("the server opens no subscription")
    assert_no_log_messages(found.beside, "it travels with the response to the request that asked for it")


@requirement("logging.only-on-own-stream")
def test_log_messages_stay_with_their_request(mcp_tour: Tour) -> None:
    found = with_logs(mcp_tour)
    assert found.silent is not None
    assert found.bystander is not None
    if log_messages(found.silent):
        raise NotVerified("log messages come unasked, see logging.no-message-without-log-level")
    assert_no_log_messages(found.bystander, "log messages on the stream of the request that asked for them")
    if not found.overlap:
        raise NotVerified(f"two calls of the tool {found.tool} did not run at once")


@requirement("logging.before-response")
def test_log_messages_come_before_the_response(mcp_tour: Tour) -> None:
    with_logs(mcp_tour)
    for exchange in seen(mcp_tour):
        assert_logs_before_response(exchange)


@requirement("logging.message-shape")
def test_log_messages_are_valid(mcp_tour: Tour) -> None:
    for exchange in seen(mcp_tour):
        assert_messages_valid(
            exchange, mcp_tour.revision, counts=lambda method, each: owner_of(method, each) == SHAPE
        )


@requirement("logging.no-secrets")
def test_log_messages_hold_no_credentials(mcp_tour: Tour) -> None:
    found = seen(mcp_tour)
    for exchange in found:
        assert_no_secrets_logged(exchange, credentials(mcp_tour))


@requirement("logging.remove-sensitive")
def test_log_messages_hold_nothing_personal(mcp_tour: Tour) -> None:
    found = seen(mcp_tour)
    if any(holds_any(exchange, credentials(mcp_tour)) for exchange in found):
        raise NotVerified("log messages hold a credential, see logging.no-secrets")
    address = logs(mcp_tour).address
    for exchange in found:
        assert_nothing_sensitive_logged(exchange, [address])


@requirement("logging.not-adopted")
def test_new_servers_do_not_log(mcp_tour: Tour) -> None:
    if "logging" not in mcp_tour.capabilities:
        return
    if "handshake" in mcp_tour.target.facts.eras:
        raise NotApplicable("a server that speaks earlier revisions is no new implementation")
    violated(
        "the capability logging, which is deprecated since 2026-07-28",
        "logs on stderr, or OpenTelemetry, in a new implementation",
        mcp_tour.opening,
        note=True,
    )
