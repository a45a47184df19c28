"""What was seen of visits to a URL: where they were asked for, demanded, and told to be complete."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from pytest_mcp_http.assertions.elicitation import demanded_elicitations, elicitation_ids
from pytest_mcp_http.assertions.elicitation_urls import elicited_urls
from pytest_mcp_http.assertions.input_requests import url_elicitations
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.suite._conversations import COMPLETE, Talks, called, undeclared
from pytest_mcp_http.suite._tool_calls import tool_calls
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import Exchange


def opened(tour: Tour) -> list[Exchange]:
    """Return the exchanges that ask the user to open a URL, by a request or by an error.

    Raises:
        NotApplicable: If there is none.
        NotVerified: If no tool is named that asks.
    """
    found = [
        exchange
        for exchange in (*called(tour).exchanges, *tour.exchanges)
        if url_elicitations(exchange) or elicited_urls(exchange)
    ]
    if not found:
        raise NotApplicable("no tool of the role ask asks the user to open a URL")
    return found


def with_errors(tour: Tour) -> list[Exchange]:
    """Return the exchanges with a JSON-RPC error: of the visit, and of all calls of tools.

    Raises:
        NotVerified: If there is none.
    """
    found = [*tour.exchanges]
    with suppress(NotVerified):
        found += [exchange for each in undeclared(tour) for exchange in each.exchanges]
        found += called(tour).exchanges
    with suppress(NotVerified):
        found += [call.exchange for call in tool_calls(tour)]
    found = [exchange for exchange in found if exchange.error is not None]
    if not found:
        raise NotVerified("the server sent no JSON-RPC error")
    return found


def demanding(tour: Tour) -> list[Exchange]:
    """Return the exchanges with an error that demands elicitations.

    Raises:
        NotApplicable: If there is none.
        NotVerified: If there is no error at all.
    """
    found = [exchange for exchange in with_errors(tour) if demanded_elicitations(exchange)]
    if not found:
        raise NotApplicable("no error demanded an elicitation")
    return found


def ids_of(tour: Tour) -> list[object]:
    """Return the ids of all elicitations that were seen.

    Raises:
        NotVerified: If no tool is named that asks.
    """
    return [id for exchange in called(tour).exchanges for id in elicitation_ids(exchange)]


def completions(tour: Tour) -> list[tuple[Exchange, dict[str, Any]]]:
    """Return the notifications that an elicitation is complete: the params of each, and where they came.

    Raises:
        NotVerified: If there is none; a visit to a URL is never made.
    """
    found = [
        (exchange, message.params if isinstance(message.params, dict) else {})
        for exchange in called(tour).exchanges
        for message in exchange.messages
        if message.method == COMPLETE
    ]
    if not found:
        raise NotVerified("the server did not tell that an elicitation is complete; no URL is ever opened")
    return found


def told_elsewhere(tour: Tour) -> Exchange:
    """Return the stream of another session that was open meanwhile.

    Raises:
        NotApplicable: If there is none.
    """
    found: Talks = called(tour)
    if found.foreign is None or not (found.foreign.ok and found.foreign.is_sse):
        raise NotApplicable("the server opens no stream on which another session could be told")
    return found.foreign
