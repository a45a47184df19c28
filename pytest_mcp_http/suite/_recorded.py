"""What the server said, during the visit and to the probes: the messages that passive checks judge."""

from __future__ import annotations

from collections.abc import Callable

from pytest_mcp_http.assertions.jsonrpc import codes_in, messages_in
from pytest_mcp_http.assertions.mrtr import is_input_required
from pytest_mcp_http.assertions.results import results_in
from pytest_mcp_http.client import VERSION_HEADER
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.spec.revisions import header_revision
from pytest_mcp_http.suite._incomplete import all_incomplete, of_no_era, states_revision
from pytest_mcp_http.suite._malformed import Answer, no_messages, unreadable, wrong_params
from pytest_mcp_http.suite._probes import refused_by_others
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.visit import Step
from pytest_mcp_http.wire import jsonrpc
from pytest_mcp_http.wire.exchange import Exchange

UNKNOWN_NOTIFICATION = "notifications/mcp-http-check"

MAY_ASK = ("tools/call", "prompts/get", "resources/read")
"""Methods whose result may ask for input, in the modern era."""

OWNED = ("unknown method", "tools/call without name")
"""Steps of the visit whose error code a requirement of its own judges."""


def recorded(tour: Tour) -> list[Exchange]:
    """Return the tour and what malformed bodies got, as far as they could be sent."""
    probes: list[Callable[[Tour], list[Answer]]] = [unreadable, no_messages, wrong_params]
    if tour.dialect.per_request:
        probes.append(all_incomplete)
    return [*tour.exchanges, *(answer.exchange for probe in probes for answer in sent(probe, tour))]


def at_revision(tour: Tour) -> list[Exchange]:
    """Return all exchanges so far whose messages have to be those of the tour's revision.

    Those are left out whose request says another revision, or none where one has to be said, and those that
    ask for input where nothing may be asked for, which the chapter mrtr judges.
    """
    stated = header_revision(tour.revision)

    def holds(exchange: Exchange) -> bool:
        sent = exchange.request.message
        if sent is not None and sent.method == "initialize":
            result = exchange.result
            return isinstance(result, dict) and result.get("protocolVersion") == tour.revision
        if tour.dialect.per_request and not states_revision(exchange):
            return False
        if is_input_required(exchange) and (sent is None or sent.method not in MAY_ASK):
            return False
        return exchange.request.headers.get(VERSION_HEADER) == stated

    return [exchange for exchange in tour.seen if holds(exchange)]


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


def with_codes(tour: Tour) -> list[Exchange]:
    """Return the exchanges with an error code that the rules of the tour's revision hold for.

    A server of both eras may answer by the rules of the other what does not state its revision.

    Raises:
        NotVerified: If there is none.
    """
    found = [each for each in recorded(tour) if codes_in(each) and not of_no_era(tour, each)]
    if not found:
        raise NotVerified("the server sent no JSON-RPC error with a code")
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


def results(tour: Tour) -> list[Exchange]:
    """Return the results of the visit but those of the opening, which the chapter discover judges.

    Raises:
        NotApplicable: If there is none.
    """
    others = [step.exchange for step in tour.steps if step.method != tour.dialect.opening]
    found = [each for each in (*others, tour.stream) if each is not None and any(results_in(each))]
    if not found:
        raise NotApplicable(f"no result besides that of {tour.dialect.opening}")
    return found


def unowned(tour: Tour) -> list[Step]:
    """Return the steps of the visit with an error whose code no other requirement of the chapter judges.

    Raises:
        NotVerified: If there is none.
    """
    found = [step for step in tour.steps if step.name not in OWNED and codes_in(step.exchange)]
    if not found:
        raise NotVerified("the server sent no error that could have a wrong meaning")
    return found


def unknown_notification(tour: Tour) -> Exchange:
    """Return what a notification that no server knows got."""

    def probe() -> Exchange:
        with tour.session() as client:
            tour.require(client.plain(), f"{tour.dialect.plain} before the notification")
            return client.notify(UNKNOWN_NOTIFICATION, {"reason": "conformance check"})

    exchange = tour.memo("unknown-notification", probe)
    refused_by_others(exchange)
    return exchange
