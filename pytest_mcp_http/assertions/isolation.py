"""Assertions on what answers hold of other requests, for servers that many clients use at once.

Source: https://modelcontextprotocol.io/specification/2025-11-25/basic#responses
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

from pytest_mcp_http.assertions._base import Judged, as_exchange, judges, violated
from pytest_mcp_http.wire.exchange import Exchange

__tracebackhide__ = True  # a failure is about the response, not about this code

OWN_ANSWER = "the answer to this request, which holds nothing that another one sent"


@judges("isolation.cross-talk", "isolation.one-client", "isolation.duplicate-ids")
def assert_own_answer(response: Judged, foreign: Collection[str]) -> Exchange:
    """Assert that a response holds none of the texts that other requests sent.

    Args:
        response: The response to a request that has a text of its own in it.
        foreign: The texts of other requests that were in flight; long and random, so that none stands in an
            answer by chance.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If a result or an error holds one of them.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/basic#responses
    """
    exchange = as_exchange(response)
    found = texts_in(exchange, foreign)
    if found:
        violated(f"{exchange.summary}, with {found[0]!r}, which another request sent", OWN_ANSWER, exchange)
    return exchange


@judges("isolation.session-ids")
def assert_session_ids_differ(responses: Sequence[Judged]) -> None:
    """Assert that no session id was assigned twice.

    Args:
        responses: The responses to `initialize` of several clients. Those without a session id are left out.

    Raises:
        RequirementViolated: If two responses assign the same id; the later one is the proof.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#session-management
    """
    seen: set[str] = set()
    for exchange in map(as_exchange, responses):
        id = exchange.headers.get("mcp-session-id")
        if id is not None and id in seen:
            actual = "two clients that connected at the same moment got the same session id"
            violated(actual, "a session of its own for each client", exchange)
        seen |= {id} if id is not None else set()


def texts_in(exchange: Exchange, texts: Collection[str]) -> list[str]:
    """Return those of some texts that stand in the results and errors of an exchange."""
    answers = [json.dumps(response.value, ensure_ascii=False) for response in exchange.responses]
    return [text for text in texts if any(text in answer for answer in answers)]
