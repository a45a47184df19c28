"""Assertions on requests that need a capability which the client did not declare.

Source: https://modelcontextprotocol.io/specification/2026-07-28/basic#_meta
"""

from __future__ import annotations

from typing import Final

from pytest_mcp_http.assertions._base import Judged, as_exchange, judges, violated
from pytest_mcp_http.assertions.jsonrpc import code_in, error_in
from pytest_mcp_http.spec.error_codes import MISSING_CAPABILITY
from pytest_mcp_http.wire.exchange import Exchange

__tracebackhide__ = True  # a failure is about the response, not about this code

_MAX_SHOWN: Final = 100


@judges("meta.missing-capability-code")
def assert_missing_capability(response: Judged) -> Exchange:
    """Assert that a request was refused with -32021 for want of a client capability, or served without.

    Args:
        response: The response to a request that needs a capability which it did not declare.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: For another code, a status without JSON-RPC error, or no answer; as a note for a
            tool result that is an error, which may be all that the tool can do without.
    """
    exchange = as_exchange(response)
    expected = [f"JSON-RPC error {MISSING_CAPABILITY}", "a result that does without the capability"]
    result = exchange.result
    if isinstance(result, dict):
        if result.get("isError") is True:
            violated("a tool result with isError", expected, exchange, note=True)
    elif code_in(exchange) != MISSING_CAPABILITY:
        violated(exchange.summary, expected, exchange)
    return exchange


@judges("meta.missing-capability-data")
def assert_required_capabilities(response: Judged) -> Exchange:
    """Assert that an error -32021 names what is missing as client capabilities: an object of objects.

    Args:
        response: The response; one with another code or none is not judged.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If `data.requiredCapabilities` is missing, empty or of another shape.
    """
    exchange = as_exchange(response)
    if code_in(exchange) != MISSING_CAPABILITY:
        return exchange
    data = (error_in(exchange) or {}).get("data")
    required = data.get("requiredCapabilities") if isinstance(data, dict) else None
    named = isinstance(required, dict) and all(isinstance(each, dict) for each in required.values())
    if not required or not named:
        violated(
            f"an error {MISSING_CAPABILITY} with the data {str(data)[:_MAX_SHOWN]}",
            "data.requiredCapabilities as an object that has an object per capability",
            exchange,
        )
    return exchange
