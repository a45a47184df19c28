"""Assertions on where messages are sent: on one stream only, and to the session that they belong to.

Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#multiple-connections
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from pytest_mcp_http.assertions._base import Judged, as_exchange, judges, violated
from pytest_mcp_http.wire import jsonrpc
from pytest_mcp_http.wire.exchange import Exchange
from pytest_mcp_http.wire.jsonrpc import ABSENT, Kind, Message

__tracebackhide__ = True  # a failure is about the response, not about this code


@judges("session.isolation")
def assert_own_messages(response: Judged, foreign: Collection[str]) -> Exchange:
    """Assert that a stream has no message which belongs to another session.

    Args:
        response: A stream of one session, for example a GET stream.
        foreign: Ids of requests, and progress tokens, that only other sessions used.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If there is a response to one of these requests, or progress with such a token.
    """
    exchange = as_exchange(response)
    for message in exchange.messages:
        name = _belongs_to(message)
        if isinstance(name, str) and name in foreign:
            what = f"the {message.kind.value} {message.method or name}"
            violated(f"{what} of another session", "messages of the session of the stream", exchange)
    return exchange


@judges("transport.no-broadcast")
def assert_on_one_stream(responses: Sequence[Judged]) -> None:
    """Assert that no message was sent on two of several streams that were open at once.

    Of requests and progress it is certain that they are the same message; of other notifications it is not.
    A response on a stream of another request, or of none, is against other requirements.

    Args:
        responses: The streams.

    Raises:
        RequirementViolated: If the same message stands in two of them.
    """
    seen: dict[bytes, int] = {}
    for place, response in enumerate(responses):
        exchange = as_exchange(response)
        for message in exchange.messages:
            if message.kind in (Kind.RESULT, Kind.ERROR) or _belongs_to(message) is ABSENT:
                continue
            first = seen.setdefault(jsonrpc.encode(message.value), place)
            if first != place:
                what = f"the {message.kind.value} {message.method or message.id}"
                violated(f"{what} on two streams", "each message on one stream only", exchange)


def _belongs_to(message: Message) -> object:
    """Return the id of a request or response, or the token of progress."""
    if message.kind is Kind.NOTIFICATION:
        params = message.params
        known = message.method == "notifications/progress" and isinstance(params, dict)
        return params.get("progressToken", ABSENT) if known else ABSENT
    return message.id
