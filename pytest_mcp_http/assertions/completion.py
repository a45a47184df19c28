"""Assertions on completion: how many values a result may hold, and what becomes of inputs that are none.

Source: https://modelcontextprotocol.io/specification/2025-11-25/server/utilities/completion
"""

from __future__ import annotations

from typing import Any, Final

from pytest_mcp_http.assertions._base import Judged, as_exchange, judges, violated
from pytest_mcp_http.assertions.refusals import is_refusal
from pytest_mcp_http.wire.exchange import Exchange

__tracebackhide__ = True  # a failure is about the response, not about this code

MAX_VALUES: Final = 100


def completion_values(response: Judged) -> list[Any]:
    """Return the values that a response suggests; none if it is no result, or has another shape."""
    result = as_exchange(response).result
    completion = result.get("completion") if isinstance(result, dict) else None
    values = completion.get("values") if isinstance(completion, dict) else None
    return values if isinstance(values, list) else []


@judges("completion.max-100")
def assert_completion_limited(response: Judged) -> Exchange:
    """Assert that a result suggests at most 100 values.

    Args:
        response: The response to `completion/complete`.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If there are more.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/server/utilities/completion#completion-results
    """
    exchange = as_exchange(response)
    found = len(completion_values(exchange))
    if found > MAX_VALUES:
        expected = f"at most {MAX_VALUES} values, and hasMore if there are more"
        violated(f"a completion with {found} values", expected, exchange)
    return exchange


@judges("completion.validate-inputs")
def assert_completion_input_checked(response: Judged, what: str) -> Exchange:
    """Assert that an input which cannot be completed was looked at: refused, or nothing suggested for it.

    Args:
        response: The response to `completion/complete`.
        what: What is wrong with the input.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If the server failed or did not answer, or suggested values. As a note if it took
            the input and suggested nothing.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/server/utilities/completion#security
    """
    exchange = as_exchange(response)
    if not is_refusal(exchange):
        taken = isinstance(exchange.result, dict) and not completion_values(exchange)
        expected = ["a JSON-RPC error such as -32602, with any HTTP status below 500", "HTTP 4xx"]
        violated(f"{exchange.summary}, to a completion with {what}", expected, exchange, note=taken)
    return exchange


@judges("completion.validate-inputs")
def assert_completion_survives(response: Judged, what: str) -> Exchange:
    """Assert that an unusual input which may be completed does not make the server fail.

    Args:
        response: The response to `completion/complete`.
        what: What is unusual about the input.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: For HTTP 5xx, or no answer.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/server/utilities/completion#security
    """
    exchange = as_exchange(response)
    if exchange.result is None and not is_refusal(exchange):
        expected = ["a result", "a JSON-RPC error, with any HTTP status below 500", "HTTP 4xx"]
        violated(f"{exchange.summary}, to a completion with {what}", expected, exchange)
    return exchange
