"""Assertions on status and body of one HTTP response to an MCP message.

Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#sending-messages-to-the-server
"""

from __future__ import annotations

from collections.abc import Sequence

from pytest_mcp_http.assertions._base import Judged, as_exchange, judges, violated
from pytest_mcp_http.wire.exchange import Exchange

__tracebackhide__ = True  # a failure is about the response, not about this code


def assert_status(response: Judged, *statuses: int, expected: str | Sequence[str] = ()) -> Exchange:
    """Assert that a response has one of some status codes.

    Args:
        response: The response.
        statuses: The legal status codes.
        expected: The legal outcomes in words; default the codes.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If it has another status, or there is no response.
    """
    exchange = as_exchange(response)
    if exchange.status not in statuses:
        violated(exchange.summary, expected or [f"HTTP {status}" for status in statuses], exchange)
    return exchange


@judges("transport.notification-202-empty", "transport.response-202-empty")
def assert_accepted(response: Judged) -> Exchange:
    """Assert that a notification or a response was accepted: 202, and no body at all.

    Args:
        response: The response to the POST.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If the status is not 202 or there is a body.
    """
    exchange = assert_status(response, 202, expected="HTTP 202 with an empty body")
    if exchange.body:
        violated(
            f"HTTP 202 with a body of {len(exchange.body)} bytes", "HTTP 202 with an empty body", exchange
        )
    return exchange


def assert_no_server_error(
    response: Judged, expected: str | Sequence[str] = "any status below 500"
) -> Exchange:
    """Assert that a server answered, and not with a 5xx status.

    Args:
        response: The response.
        expected: The legal outcomes in words.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If it failed, hung, or closed the connection without an answer.
    """
    exchange = as_exchange(response)
    if exchange.status is None or exchange.status >= 500:
        violated(exchange.summary, expected, exchange)
    return exchange
