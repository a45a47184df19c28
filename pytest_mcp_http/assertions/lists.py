"""Assertions on lists that are asked for several times: what is in them, and in which order.

Source: https://modelcontextprotocol.io/specification/2026-07-28/server/tools#capabilities
"""

from __future__ import annotations

from collections.abc import Sequence

from pytest_mcp_http.assertions._base import Judged, as_exchange, judges, violated
from pytest_mcp_http.wire.exchange import Exchange

__tracebackhide__ = True  # a failure is about the response, not about this code


@judges(
    "prompts.list-not-per-connection", "resources.list-not-per-connection", "tools.list-not-per-connection"
)
def assert_same_items(response: Judged, items: Sequence[str], expected: Sequence[str], when: str) -> Exchange:
    """Assert that a list holds the items that it held before, in any order.

    Args:
        response: The response with the list.
        items: Its items, by name or URI.
        expected: The items of the list as it was before.
        when: When it was asked for, for the message.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If items are missing or more.
    """
    exchange = as_exchange(response)
    missing = [item for item in expected if item not in items]
    more = [item for item in items if item not in expected]
    if missing or more:
        parts = [f"without {', '.join(missing[:5])}"] if missing else []
        parts += [f"with {', '.join(more[:5])} too"] if more else []
        violated(
            f"a list {' and '.join(parts)}, {when}",
            "the same items on every connection, whatever else was asked for on it",
            exchange,
        )
    return exchange


@judges("tools.list-deterministic-order")
def assert_same_order(response: Judged, items: Sequence[str], expected: Sequence[str], when: str) -> Exchange:
    """Assert that a list holds its items in the order in which they came before.

    Args:
        response: The response with the list.
        items: Its items, by name or URI.
        expected: The items of the list as it was before; a list with other items is not judged.
        when: When it was asked for, for the message.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If the order is another one.
    """
    exchange = as_exchange(response)
    if sorted(items) == sorted(expected) and list(items) != list(expected):
        at = next(i for i, (one, other) in enumerate(zip(items, expected, strict=True)) if one != other)
        violated(
            f"{items[at]} at place {at + 1}, where {expected[at]} was before, {when}",
            "the same order as long as the items are the same",
            exchange,
        )
    return exchange
