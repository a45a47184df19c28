"""The handshake, what capabilities promise, ping, and methods that are gone."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.http import assert_no_server_error
from pytest_mcp_http.assertions.input_requests import CAPABILITIES, asked_in
from pytest_mcp_http.assertions.lifecycle import (
    assert_capability_shapes,
    assert_given_up_requests_cancelled,
    assert_initialize_result,
    assert_initialized_accepted,
    assert_method_gone,
    assert_method_offered,
    assert_nothing_offered,
    assert_notifications_declared,
    assert_only_pings,
    assert_ping_prompt,
    assert_ping_result,
    requests_in,
    undeclared_notifications,
)
from pytest_mcp_http.assertions.refusals import assert_refused
from pytest_mcp_http.client import SESSION_HEADER, VERSION_HEADER, McpClient
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.spec.error_codes import METHOD_NOT_FOUND
from pytest_mcp_http.spec.messages import server_requests
from pytest_mcp_http.suite._conversations import SAMPLE, judge_undeclared
from pytest_mcp_http.suite._judging import gravest
from pytest_mcp_http.suite._lists import OWN_CHAPTERS
from pytest_mcp_http.suite._malformed import Answer
from pytest_mcp_http.suite._probes import declared, needs_session, refused_by_others
from pytest_mcp_http.suite._requirement import requirement
from pytest_mcp_http.suite._timeouts import unanswered_requests
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.visit import LISTS, UNKNOWN_NAME, UNKNOWN_URI, Step
from pytest_mcp_http.wire import jsonrpc
from pytest_mcp_http.wire.exchange import Exchange
from pytest_mcp_http.wire.jsonrpc import ABSENT

SILENCE = 0.15
"""Seconds to wait for requests that the server should not send."""

PING_FORMS: Mapping[str, Any] = {"without params": ABSENT, "with {}": {}, "with _meta": {"_meta": {}}}

REMOVED: Mapping[str, dict[str, str]] = {
    "ping": {},
    "logging/setLevel": {"level": "warning"},
    "resources/subscribe": {"uri": UNKNOWN_URI},
    "resources/unsubscribe": {"uri": UNKNOWN_URI},
}
"""Methods that 2026-07-28 has no more, with params that were right before."""


def offers(capabilities: Mapping[str, Any], name: str) -> bool:
    """Tell whether a capability is declared; null is a malformed way to leave one out."""
    return capabilities.get(name) is not None


# -- handshake --------------------------------------------------------------------------------------------


@requirement("lifecycle.initialize-result")
def test_initialize_result_has_its_members(mcp_tour: Tour) -> None:
    assert_initialize_result(mcp_tour.opening)


@requirement("lifecycle.initialize-first")
def test_nothing_is_served_before_initialize(mcp_tour: Tour) -> None:
    needs_session(mcp_tour)
    methods = [lists[0][0] for name, lists in LISTS.items() if offers(mcp_tour.capabilities, name)]
    if not methods:
        raise NotVerified("the server declares no list that could be asked for before initialize")
    # tools/list without a session id is session.missing-id-400's, so another list is asked for if there is
    # one.
    methods = [method for method in methods if method != "tools/list"] or methods
    live = mcp_tour.client
    mcp_tour.require(live.request("ping"), "ping with the session id")
    if live.request("ping", headers={SESSION_HEADER: None}).result is not None:
        raise NotApplicable("the server does not require the session id that it assigns")
    for method in methods:
        mcp_tour.require(live.request(method), f"{method} in a session")
        exchange = Answer(method, mcp_tour.new_client().request(method)).checked()
        if exchange.result is not None:
            expected = ("HTTP 400, 401 or 404", "a JSON-RPC error")
            violated(f"{exchange.summary}, to {method} before any initialize", expected, exchange)


@requirement("lifecycle.initialized-accepted")
def test_initialized_is_accepted(mcp_tour: Tour) -> None:
    steps = mcp_tour.named("notifications/initialized")
    if not steps:
        raise NotVerified("the handshake ended before notifications/initialized")
    exchange = steps[0].exchange
    refused_by_others(exchange)
    assert_initialized_accepted(exchange)
    if not exchange.ok:
        # Anything but a success or a refusal is transport.notification-202-empty's.
        raise NotVerified(f"notifications/initialized got {exchange.summary}")


@requirement("lifecycle.no-requests-before-initialized")
def test_no_requests_before_initialized(mcp_tour: Tour) -> None:
    # Everything that a server could ask for is declared, so that one which asks too early does.
    asked: dict[str, object] = {"roots": {"listChanged": True}, "sampling": {}}
    if mcp_tour.revision >= "2025-06-18":
        asked["elicitation"] = {}
    client = mcp_tour.new_client(capabilities=asked)
    try:
        first = mcp_tour.require(client.initialize(), "initialize")
        with client.listen() as stream:
            if stream.exchange.is_sse:
                stream.wait(lambda exchange: bool(requests_in(exchange)), SILENCE)
        second = stream.exchange
    finally:
        client.close()
    if not first.is_sse and not second.is_sse:
        raise NotApplicable("the server opens no stream on which it could send a request")
    assert_only_pings(first)
    assert_only_pings(second)


@requirement("lifecycle.error-cases-prepared")
def test_malformed_initialize_is_handled(mcp_tour: Tour) -> None:
    mcp_tour.require(mcp_tour.opening, "initialize with everything right")
    gravest(partial(malformed_initialize, mcp_tour, params) for params in malformed_params(mcp_tour))


def malformed_params(tour: Tour) -> list[object]:
    """Return params of `initialize` that a server cannot negotiate with."""
    good = tour.client.initialize_params()
    return [
        ABSENT,
        {},
        {**good, "protocolVersion": 5},
        {**good, "capabilities": None},
    ]


def malformed_initialize(tour: Tour, params: object) -> None:
    """Judge the answer to one malformed `initialize`."""
    exchange = Answer("initialize", opened(tour.new_client(), params)).checked()
    expected = ("a JSON-RPC error, with any HTTP status below 500", "HTTP 4xx")
    assert_no_server_error(exchange, expected)
    if exchange.result is not None:
        violated(f"{exchange.summary}, to a malformed initialize", expected, exchange, note=True)
    assert_refused(exchange)


def opened(client: McpClient, params: object) -> Exchange:
    """Send `initialize` with some params, end the session that it may have opened, return the exchange."""
    body = jsonrpc.request("initialize", params, id=client.next_id())
    return posted_fresh(client, body)


def posted_fresh(client: McpClient, body: object) -> Exchange:
    """POST a body as before a session, end the session that it may have opened, and return the exchange."""
    exchange = client.post(body, headers={SESSION_HEADER: None, VERSION_HEADER: None})
    if exchange.ok and exchange.headers.get(SESSION_HEADER) is not None:
        client.session_id = exchange.headers.get(SESSION_HEADER)
        client.close()
    return exchange


@requirement("lifecycle.second-initialize")
def test_second_initialize_does_no_harm(mcp_tour: Tour) -> None:
    id = needs_session(mcp_tour)
    with mcp_tour.session() as client:
        body = jsonrpc.request("initialize", client.initialize_params(), id=client.next_id())
        exchange = client.post(body)
        given = exchange.headers.get(SESSION_HEADER)
        if exchange.ok and given not in (None, id, client.session_id):
            other = mcp_tour.new_client()
            other.session_id = given
            other.close()
    assert_no_server_error(exchange, ("an error", "a new result"))


@requirement("lifecycle.initialize-not-in-batch")
def test_initialize_in_a_batch_is_refused(mcp_tour: Tour) -> None:
    client = mcp_tour.new_client()
    body = [
        jsonrpc.request("initialize", client.initialize_params(), id="i-1"),
        jsonrpc.request("ping", id="i-2"),
    ]
    exchange = Answer("initialize in a batch", posted_fresh(client, body)).checked()
    assert_refused(exchange, note=True)


@requirement("lifecycle.initialize-unknown-client-fields")
def test_unknown_client_capabilities_are_tolerated(mcp_tour: Tour) -> None:
    client = mcp_tour.new_client(capabilities={"x-unknown": {}, "experimental": {"example.com/a": {}}})
    params = client.initialize_params()
    exchange = Answer("initialize", opened(client, params)).checked()
    if exchange.result is None:
        violated(f"{exchange.summary}, to unknown client capabilities", "a result", exchange, note=True)


# -- capabilities -----------------------------------------------------------------------------------------


@requirement("lifecycle.operation-capability-shape")
def test_capabilities_have_their_shape(mcp_tour: Tour) -> None:
    declared(mcp_tour)
    assert_capability_shapes(mcp_tour.opening)


@requirement("lifecycle.capability-method-agreement")
def test_capabilities_and_methods_agree(mcp_tour: Tour) -> None:
    capabilities = declared(mcp_tour)
    client = mcp_tour.client
    for name, lists in LISTS.items():
        method, member = lists[0]
        if offers(capabilities, name):
            # Templates are left out: no sentence wants a server without templates to know their list.
            for step in mcp_tour.named(method):
                assert_method_offered(step.exchange, name)
        elif name not in OWN_CHAPTERS:
            assert_nothing_offered(client.request(method), name, member)
    if offers(capabilities, "logging"):
        for step in mcp_tour.named("logging/setLevel"):
            assert_method_offered(step.exchange, "logging")
    if offers(capabilities, "completions"):
        params = {"ref": {"type": "ref/prompt", "name": UNKNOWN_NAME}, "argument": {"name": "x", "value": ""}}
        assert_method_offered(client.request("completion/complete", params), "completions")


@requirement("lifecycle.capabilities-only-negotiated")
def test_only_negotiated_capabilities_should_be_used(mcp_tour: Tour) -> None:
    assert_nothing_asked(mcp_tour)
    # From 2025-06-18 on the chapter mrtr judges sampling.
    with suppress(NotApplicable, NotVerified):
        judge_undeclared(mcp_tour, SAMPLE)


@requirement("lifecycle.capabilities-only-negotiated.must")
def test_only_negotiated_capabilities_are_used(mcp_tour: Tour) -> None:
    assert_nothing_asked(mcp_tour)


def assert_nothing_asked(tour: Tour) -> None:
    """Assert that the client of the visit, which declared nothing, was asked for nothing.

    A request that its revision does not know is against the schema.
    """
    known = server_requests(tour.revision)
    for exchange in tour.exchanges:
        for _, request in asked_in(exchange):
            if request["method"] in CAPABILITIES and request["method"] in known:
                violated(
                    f"{request['method']} to a client that declared nothing",
                    f"no {request['method']} unless {CAPABILITIES[request['method']]} is declared",
                    exchange,
                )


@requirement("lifecycle.undeclared-notifications-absent")
def test_notifications_are_declared(mcp_tour: Tour) -> None:
    # Log messages are logging.capability-declared's.
    capabilities = {**declared(mcp_tour), "logging": {}}
    if not undeclared_notifications(capabilities):
        raise NotApplicable("the server declares everything that its notifications need")
    streams = [exchange for exchange in mcp_tour.exchanges if exchange.is_sse]
    if not streams:
        raise NotApplicable("the server opens no stream on which it could send a notification")
    for exchange in streams:
        assert_notifications_declared(exchange, capabilities)


# -- ping -------------------------------------------------------------------------------------------------


def pings(tour: Tour) -> dict[str, Exchange]:
    """Return what each form of ping got; the client declared no capability."""
    return tour.memo("ping-forms", lambda: {k: tour.client.request("ping", v) for k, v in PING_FORMS.items()})


@requirement("lifecycle.ping-empty-result")
def test_ping_result_is_empty_and_prompt(mcp_tour: Tour) -> None:
    answers = list(pings(mcp_tour).values())
    # A form that alone is refused is ping-without-capabilities'.
    for exchange in [exchange for exchange in answers if exchange.result is not None] or answers[:1]:
        refused_by_others(exchange)
        assert_ping_result(exchange)
    steps = [step for step in mcp_tour.steps if is_request(step)]
    assert_ping_prompt(
        [step.exchange for step in steps if step.method == "ping"],
        [step.exchange for step in steps if step.method != "ping"],
    )


def is_request(step: Step) -> bool:
    """Tell whether a step of the tour is a request."""
    message = step.exchange.request.message
    return message is not None and message.kind is jsonrpc.Kind.REQUEST


@requirement("lifecycle.ping-without-capabilities")
def test_ping_is_served_in_every_form(mcp_tour: Tour) -> None:
    answers = pings(mcp_tour)
    if all(exchange.result is None for exchange in answers.values()):
        raise NotVerified("ping is not served at all")
    for form, exchange in answers.items():
        refused_by_others(exchange)
        if exchange.result is None:
            violated(
                f"{exchange.summary}, to ping {form}", "an empty result for every form of ping", exchange
            )


@requirement("lifecycle.ping-before-initialized")
def test_ping_is_served_before_initialized(mcp_tour: Tour) -> None:
    needs_session(mcp_tour)
    client = mcp_tour.new_client()
    try:
        mcp_tour.require(client.initialize(), "initialize")
        exchange = Answer("ping", client.request("ping")).checked()
    finally:
        client.close()
    if exchange.result is None:
        violated(
            f"{exchange.summary}, to ping before notifications/initialized",
            "an empty result",
            exchange,
            note=True,
        )


# -- time-outs --------------------------------------------------------------------------------------------


@requirement("lifecycle.request-timeouts")
def test_requests_that_time_out_are_cancelled(mcp_tour: Tour) -> None:
    assert_given_up_requests_cancelled(unanswered_requests(mcp_tour))


# -- what is gone -----------------------------------------------------------------------------------------


@requirement("lifecycle.removed-methods-404")
def test_removed_methods_are_unknown(mcp_tour: Tour) -> None:
    unknown = [step.exchange for step in mcp_tour.named("unknown method")]
    if not unknown or unknown[0].status != 404 or unknown[0].error_code != METHOD_NOT_FOUND:
        # What a method gets that never was is jsonrpc.method-not-found-404's.
        raise NotVerified("a method that never was did not get 404 with -32601 either")
    for method, params in REMOVED.items():
        exchange = mcp_tour.client.request(method, params)
        refused_by_others(exchange)
        assert_method_gone(exchange, method)
