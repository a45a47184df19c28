"""Preconditions and probes that several chapters share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pytest_mcp_http.assertions.jsonrpc import code_in
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.spec.error_codes import METHOD_NOT_FOUND
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import Exchange

SAMPLE = 8
"""Sessions opened to compare their ids."""


def needs_session(tour: Tour) -> str:
    """Return the session id of the tour.

    Raises:
        NotApplicable: If the server assigns none.
    """
    if tour.session_id is None:
        raise NotApplicable("the server assigns no session id")
    return tour.session_id


def declared(tour: Tour) -> Mapping[str, Any]:
    """Return the declared capabilities.

    Raises:
        NotVerified: If they are no object, which `lifecycle.initialize-result` or
            `discover.capabilities-object` reports.
    """
    result = tour.opening.result
    if not isinstance(result, dict) or not isinstance(result.get("capabilities"), dict):
        raise NotVerified("the capabilities cannot be read")
    return tour.capabilities


def served(tour: Tour) -> Exchange:
    """Return a plain request that the server served just now: the positive control of a probe of the tour.

    Raises:
        NotVerified: If it did not.
    """
    return tour.require(tour.client.plain(), f"{tour.dialect.plain} with everything right")


def refused_by_others(exchange: Exchange) -> None:
    """Stop judging an answer that comes from authentication or rate limiting, which may come first.

    Raises:
        NotVerified: If it does.
    """
    if exchange.status in (401, 429):
        raise NotVerified(f"authentication or a rate limit answered first: {exchange.summary}")


def needs_method_not_found(tour: Tour) -> None:
    """Require that the server refuses a method that nobody knows as one that is not found.

    Raises:
        NotVerified: If it does not, which the chapter jsonrpc reports.
    """
    unknown = tour.named("unknown method")
    if not unknown or code_in(unknown[0].exchange) != METHOD_NOT_FOUND:
        raise NotVerified("unknown methods are refused in another way, see the chapter jsonrpc")


def refused_as_plain(tour: Tour, exchange: Exchange) -> None:
    """Stop judging a tool call that was refused because it asks for no task, which 2025-11-25 allows.

    Raises:
        NotVerified: If it was.
    """
    found: object = tour.capabilities.get("tasks")
    for name in ("requests", "tools", "call"):
        found = found.get(name) if isinstance(found, dict) else None
    if isinstance(found, dict) and exchange.error_code == -32600:
        raise NotVerified(f"tool calls have to ask for a task: a plain one got {exchange.summary}")


def sample_session_ids(tour: Tour) -> list[str]:
    """Return the ids of some sessions, in the order in which they were assigned.

    Raises:
        NotVerified: If fewer than two thirds of the handshakes gave one.
    """

    def collect() -> list[str]:
        ids = []
        for _ in range(SAMPLE):
            client = tour.new_client()
            client.initialize()
            if client.session_id is not None:
                ids.append(client.session_id)
            client.close()
        if len(ids) < SAMPLE * 2 // 3:
            raise NotVerified(f"only {len(ids)} of {SAMPLE} handshakes gave a session id")
        return ids

    return tour.memo("session-ids", collect)
