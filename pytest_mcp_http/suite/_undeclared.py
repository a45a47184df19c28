"""Calls of tools that ask back, by clients that did not declare what is asked for."""

from __future__ import annotations

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.jsonrpc import code_in
from pytest_mcp_http.assertions.mrtr import asks_for_input
from pytest_mcp_http.errors import NotVerified
from pytest_mcp_http.spec.error_codes import MISSING_CAPABILITY
from pytest_mcp_http.suite._asking import EVERYTHING, Call, asks, undeclared_calls
from pytest_mcp_http.suite._probes import refused_by_others
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import Exchange
from pytest_mcp_http.wire.http import HttpWire


def undeclared(tour: Tour) -> list[Call]:
    """Return the calls that declared nothing, of tools that ask a client which can do everything.

    Raises:
        NotVerified: If there is none, or the server asks all the same.
    """
    needing = [ask.params for ask in asks(tour)]
    calls = [call for call in undeclared_calls(tour) if call.params in needing]
    found = [call for call in calls if not asks_for_input(call.exchange)]
    if not found:
        raise NotVerified("a client that declared nothing is asked all the same, see mrtr.capability-gated")
    return found


def refusals(tour: Tour) -> list[Exchange]:
    """Return the answers to such calls that are errors for a missing capability.

    Raises:
        NotVerified: If there is none.
    """
    found = [call.exchange for call in undeclared(tour) if code_in(call.exchange) == MISSING_CAPABILITY]
    if not found:
        raise NotVerified(f"no call got the error {MISSING_CAPABILITY}")
    return found


def judge_memory(tour: Tour) -> None:
    """Judge that what one request declares is not taken for declared by the next on the same connection.

    Raises:
        NotVerified: If the server does not ask this time, or a request got no answer.
    """
    call = undeclared(tour)[0]
    with HttpWire(tour.wire.limits, tour.wire.context, keep_alive=True) as wire:

        def answer(capabilities: dict[str, object]) -> Exchange:
            client = tour.new_client(wire, capabilities)
            client.schemas.update(tour.client.schemas)
            exchange = client.request("tools/call", dict(call.params))
            refused_by_others(exchange)
            if not exchange.answered:
                raise NotVerified(f"a call on a connection that is kept got {exchange.summary}")
            return exchange

        if not asks_for_input(answer(dict(EVERYTHING))):
            raise NotVerified("the same call asked for something the first time, and later not")
        exchange = answer({})
    if asks_for_input(exchange):
        violated(
            "the client is asked for what only the request before declared",
            [f"JSON-RPC error {MISSING_CAPABILITY}", "a result that asks for nothing"],
            exchange,
        )
