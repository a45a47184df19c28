"""Assertions on the errors of requests with nothing wrong about them: something failed inside the server.

Source: https://modelcontextprotocol.io/specification/2025-11-25/server/prompts#error-handling
"""

from __future__ import annotations

from typing import Final

from pytest_mcp_http.assertions._base import Judged, as_exchange, judges, violated
from pytest_mcp_http.assertions.codes import URL_ELICITATION_REQUIRED
from pytest_mcp_http.assertions.jsonrpc import code_in
from pytest_mcp_http.spec.error_codes import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    MISSING_CAPABILITY,
    PARSE_ERROR,
    UNSUPPORTED_VERSION,
)
from pytest_mcp_http.wire.exchange import Exchange

__tracebackhide__ = True  # a failure is about the response, not about this code

INTERNAL_ERROR: Final = -32603

OTHER_CAUSES: Final = frozenset(
    {
        INVALID_PARAMS,
        METHOD_NOT_FOUND,
        HEADER_MISMATCH,
        MISSING_CAPABILITY,
        UNSUPPORTED_VERSION,
        URL_ELICITATION_REQUIRED,
    }
)
"""Codes that name another cause than a failure inside the server."""


def failed_inside(response: Judged) -> bool:
    """Tell whether a response is an error that names no other cause than a failure inside the server.

    Args:
        response: The response to a request that has nothing wrong about it.
    """
    code = code_in(response)
    return code is not None and code not in OTHER_CAUSES


@judges("completion.internal-error", "prompts.internal-error")
def assert_internal_error(response: Judged) -> Exchange:
    """Assert that a failure inside the server has the code -32603.

    Args:
        response: The response to a request that has nothing wrong about it, with an error that
            `failed_inside` takes for such a failure.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If the code blames the message (-32700, -32600). As a note for any other code: it
            may have a meaning of the server's own.
    """
    exchange = as_exchange(response)
    code = code_in(exchange)
    if code != INTERNAL_ERROR:
        own = code not in (PARSE_ERROR, INVALID_REQUEST)
        expected = [f"JSON-RPC error {INTERNAL_ERROR} for a failure inside the server"]
        violated(f"{exchange.summary}, to a request with nothing wrong", expected, exchange, note=own)
    return exchange
