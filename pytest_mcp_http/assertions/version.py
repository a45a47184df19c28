"""Assertions on version negotiation and on the version header.

Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/lifecycle#version-negotiation
"""

from __future__ import annotations

from pytest_mcp_http.assertions._base import Judged, as_exchange, violated
from pytest_mcp_http.wire.exchange import Exchange

__tracebackhide__ = True  # a failure is about the response, not about this code


def _version(exchange: Exchange) -> object:
    result = exchange.result
    return result.get("protocolVersion") if isinstance(result, dict) else None


def assert_negotiated(response: Judged, version: str) -> Exchange:
    """Assert that an `initialize` for a supported version was answered with that version.

    Args:
        response: The response to `initialize`.
        version: The version that was asked for, for example `2025-11-25`.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If the answer names another version or none.
    """
    exchange = as_exchange(response)
    if exchange.result is None:
        violated(f"{exchange.summary}, to initialize at {version}", f"a result with {version}", exchange)
    if _version(exchange) != version:
        violated(
            f"protocolVersion {_version(exchange)!r}, although {version} is supported",
            f"protocolVersion {version!r}",
            exchange,
        )
    return exchange


def assert_counter_offer(response: Judged, version: str) -> str | None:
    """Assert that an `initialize` for a version that the server does not speak got another one in return.

    A JSON-RPC error is noted only: the lifecycle page shows one in its example of a failed initialization,
    against its own rule.

    Args:
        response: The response to `initialize`.
        version: The version that was asked for, which no server speaks.

    Returns:
        The version offered.

    Raises:
        RequirementViolated: If the version is echoed, or there is no answer to negotiate with.
    """
    exchange = as_exchange(response)
    expected = "a result with a protocolVersion that the server supports"
    offered = _version(exchange)
    if offered == version:
        violated(f"protocolVersion {version!r} echoed, which no revision has", expected, exchange)
    if isinstance(offered, str):
        return offered
    refused = exchange.error is not None and (exchange.status or 500) < 500
    return violated(f"{exchange.summary}, to initialize at {version}", expected, exchange, note=refused)


def assert_version_refused(response: Judged, version: str) -> Exchange:
    """Assert that a request with an invalid or unsupported `MCP-Protocol-Version` got 400.

    Args:
        response: The response to the request.
        version: The header value that was sent.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: For any other status.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#protocol-version-header
    """
    exchange = as_exchange(response)
    if exchange.status != 400:
        violated(f"{exchange.summary}, with MCP-Protocol-Version: {version}", "HTTP 400", exchange)
    return exchange
