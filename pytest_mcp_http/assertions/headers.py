"""Assertions on headers that repeat parts of a request: what is refused because they do not match its body.

Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#server-validation
"""

from __future__ import annotations

from typing import Final

from pytest_mcp_http.assertions._base import Judged, as_exchange, judges, violated
from pytest_mcp_http.assertions.jsonrpc import code_in, error_in, messages_in
from pytest_mcp_http.spec.error_codes import HEADER_MISMATCH
from pytest_mcp_http.wire.exchange import Exchange

__tracebackhide__ = True  # a failure is about the response, not about this code


_MISMATCH: Final = "a request whose headers do not match its body"
_REFUSED: Final = f"HTTP 400 with JSON-RPC error {HEADER_MISMATCH}"


def was_served(response: Judged) -> bool:
    """Tell whether a request was served or swallowed: a result came back, or a success without an error."""
    exchange = as_exchange(response)
    return exchange.result is not None or (exchange.ok and error_in(exchange) is None)


@judges("headers.method-mismatch", "headers.name-mismatch-tools-call", "headers.param-mismatch-rejected")
def assert_mismatch_refused(response: Judged, what: str = _MISMATCH) -> Exchange:
    """Assert that a request whose headers do not match its body was not served, however it was refused.

    Args:
        response: The response to the request.
        what: What was wrong, for the message.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If it has a result, or a 2xx status without a JSON-RPC error.

    Source:
        https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#server-validation
    """
    exchange = as_exchange(response)
    if was_served(exchange):
        violated(f"{exchange.summary}, to {what}", _REFUSED, exchange)
    return exchange


@judges("headers.reject-status-400")
def assert_mismatch_status(response: Judged, what: str = _MISMATCH) -> Exchange:
    """Assert that the refusal of a request whose headers do not match its body has HTTP status 400.

    Args:
        response: The response to the request.
        what: What was wrong, for the message.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If it has another status, or there is none; as a note for another 4xx without a
            JSON-RPC message, since an intermediary may answer so.

    Source:
        https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#server-validation
    """
    exchange = as_exchange(response)
    if exchange.status != 400:
        violated(f"{exchange.summary}, to {what}", _REFUSED, exchange, note=_is_bare(exchange))
    return exchange


@judges("headers.reject-code-32020")
def assert_mismatch_code(response: Judged, what: str = _MISMATCH) -> Exchange:
    """Assert that the refusal of a request whose headers do not match its body has the code -32020.

    Args:
        response: The response to the request.
        what: What was wrong, for the message.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If there is no JSON-RPC error, or it has another code; as a note for a 4xx
            without a JSON-RPC message, since an intermediary may answer so, although a client that looks for
            the era of a server takes it for an older one.

    Source:
        https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#server-validation
    """
    exchange = as_exchange(response)
    if code_in(exchange) != HEADER_MISMATCH:
        violated(f"{exchange.summary}, to {what}", _REFUSED, exchange, note=_is_bare(exchange))
    return exchange


def _is_bare(exchange: Exchange) -> bool:
    """Tell whether an exchange ended with an HTTP 4xx that an intermediary might have sent."""
    return exchange.status is not None and 400 <= exchange.status < 500 and not messages_in(exchange)


@judges("headers.name-base64-decoded")
def assert_headers_match(response: Judged, what: str = "a request whose headers match its body") -> Exchange:
    """Assert that a request was not refused for its headers.

    Args:
        response: The response to the request.
        what: What is special about the request, for the message.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If it has the code -32020.

    Source:
        https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#server-validation
    """
    exchange = as_exchange(response)
    if code_in(exchange) == HEADER_MISMATCH:
        violated(f"{exchange.summary}, to {what}", f"anything but error {HEADER_MISMATCH}", exchange)
    return exchange
