"""A call of a tool that asks the client for something and gives up, as nobody answers.

The tool is named by the user, or is that of the reference server; no other tool is called.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from pytest_mcp_http._roles import Role
from pytest_mcp_http.assertions.cancellation import CANCELLED
from pytest_mcp_http.assertions.lifecycle import requests_in
from pytest_mcp_http.errors import NotVerified
from pytest_mcp_http.suite._probes import refused_by_others
from pytest_mcp_http.suite._streams import ANY_INPUT, opened_beside
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import Exchange

WAIT_MS: Final = 50
"""How long the tool is asked to wait, if its line lets us say so."""

PATIENCE: Final = 3.0
"""Seconds that a tool may take to give up."""

AFTERMATH: Final = 0.1
"""Seconds that a cancel may come after the tool gave up."""


def unanswered_requests(tour: Tour) -> list[Exchange]:
    """Return what the client of a call received whose tool asked, got no answer, and gave up.

    Raises:
        NotVerified: If no tool is named for it, it asked nothing, or did not give up while we waited.
    """
    return tour.memo("unanswered-requests", lambda: _probe(tour, tour.roles("impatient")[0]))


def with_unanswered_requests(tour: Tour) -> list[Exchange]:
    """Return the same, or nothing if the probe could not be made."""
    with suppress(NotVerified):
        return unanswered_requests(tour)
    return []


def _probe(tour: Tour, role: Role) -> list[Exchange]:
    client = tour.new_client(capabilities=ANY_INPUT)
    try:
        tour.require(client.initialize(), "initialize")
        client.initialized()
        with opened_beside(tour, client) as beside:
            with client.post_stream(client.message("tools/call", role.params(ms=WAIT_MS))) as stream:
                given_up = stream.wait(lambda exchange: bool(exchange.responses), PATIENCE)
            call = stream.exchange
            if beside is not None and not _cancels([call]):
                beside.wait(lambda exchange: _cancels([exchange]), AFTERMATH)
            received = [call, *([beside.close()] if beside is not None else [])]
    finally:
        client.close()
    refused_by_others(call)
    if not any(requests_in(exchange) for exchange in received):
        raise NotVerified(f"the tool {role.tool} asked the client for nothing: {call.summary}")
    if not given_up:
        raise NotVerified(f"the tool {role.tool} did not give up within {PATIENCE:g} s")
    return received


def _cancels(received: list[Exchange]) -> bool:
    return any(message.method == CANCELLED for exchange in received for message in exchange.messages)
