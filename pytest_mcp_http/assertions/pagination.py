"""Assertions on lists that come on pages: their cursors, and what is on their pages.

Source: https://modelcontextprotocol.io/specification/2026-07-28/server/utilities/pagination
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pytest_mcp_http.assertions._base import Judged, as_exchange, judges, violated
from pytest_mcp_http.assertions.jsonrpc import code_in
from pytest_mcp_http.spec.error_codes import INVALID_PARAMS
from pytest_mcp_http.wire.exchange import Exchange

__tracebackhide__ = True  # a failure is about the response, not about this code


@judges("pagination.invalid-cursor-32602")
def assert_cursor_refused(response: Judged) -> Exchange:
    """Assert that a cursor which the server never gave out was refused with -32602.

    Args:
        response: The response to a list request with such a cursor.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: For a page, another code, a status without JSON-RPC error, or no answer.
    """
    exchange = as_exchange(response)
    if code_in(exchange) != INVALID_PARAMS:
        what = "a page" if exchange.result is not None else exchange.summary
        violated(f"{what}, to an invalid cursor", f"JSON-RPC error {INVALID_PARAMS}", exchange)
    return exchange


@judges("pagination.invalid-cursor-graceful")
def assert_cursor_handled(response: Judged, what: str) -> Exchange:
    """Assert that a cursor which can be none does no harm.

    Args:
        response: The response to a list request with such a cursor.
        what: What is special about the cursor.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: For HTTP 5xx, a success without JSON-RPC response, or no answer.
    """
    exchange = as_exchange(response)
    broken = exchange.status is None or exchange.status >= 500
    if broken or (exchange.ok and not exchange.responses):
        expected = ("a JSON-RPC error", "HTTP 4xx", "the first page")
        violated(f"{exchange.summary}, to {what} as cursor", expected, exchange)
    return exchange


@judges("pagination.stable-cursor")
def assert_same_page(response: Judged, items: Sequence[str], expected: Sequence[str]) -> Exchange:
    """Assert that a cursor that is used again leads to the page to which it led before.

    Args:
        response: The response to the second list request with the cursor.
        items: The items of its page, by name or URI.
        expected: The items of the page before.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If there is no page, or one with other items.
    """
    exchange = as_exchange(response)
    if exchange.result is None:
        violated(f"{exchange.summary}, to a cursor that was used before", "the same page", exchange)
    if list(items) != list(expected):
        actual = f"{', '.join(items) or 'no items'}, where {', '.join(expected) or 'none'} came before"
        violated(actual, "the same page for the same cursor", exchange)
    return exchange


@judges("pagination.walk-terminates")
def assert_walk_ends(response: Judged, cursors: Sequence[str], pages: Sequence[Sequence[str]]) -> Exchange:
    """Assert that the pages of a list end, and that no item stands on two of them.

    Args:
        response: The response with the last page that was asked for.
        cursors: The cursors that the pages gave, in order.
        pages: The items of each page, by name or URI.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If a cursor or an item came on two pages.
    """
    exchange = as_exchange(response)
    cursor, times = next(iter(Counter(cursors).most_common(1)), ("", 0))
    if times > 1:
        violated(f"the cursor {cursor!r} came {times} times", "a walk that ends", exchange)
    item, times = next(iter(Counter(i for page in pages for i in set(page)).most_common(1)), ("", 0))
    if times > 1:
        violated(f"{item} is on {times} pages", "each item on one page", exchange)
    return exchange
