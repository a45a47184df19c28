"""What a test expects of one call: a result, an error, what a tool returned, a stream that does not lump.

Unlike the helpers that judge one requirement, these fail when there is nothing to look at.
"""

from __future__ import annotations

import re
from typing import Any

from pytest_mcp_http.assertions._base import Judged, as_exchange, violated
from pytest_mcp_http.assertions.jsonrpc import (
    assert_error_id,
    assert_error_shape,
    assert_result_id,
    assert_result_or_error,
)
from pytest_mcp_http.assertions.sse import assert_one_response
from pytest_mcp_http.assertions.tool_results import texts_in
from pytest_mcp_http.wire.exchange import Exchange
from pytest_mcp_http.wire.jsonrpc import ABSENT, json_type

__tracebackhide__ = True  # a failure is about the response, not about this code

MIN_SPREAD = 0.2
"""Part of the time until the last message within which messages that were not held back arrive at least."""

_SHOWN = 200


def assert_result(response: Judged, *, id: object = ABSENT) -> Any:
    """Assert that a request was served: 2xx, and one response, a result with the id of the request.

    Args:
        response: The response to the request, JSON or event stream.
        id: The id that was sent; default the one in the body of the request.

    Returns:
        The `result`.

    Raises:
        RequirementViolated: For another status, an error, no response or several, or another id.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/basic#responses
    """
    exchange = _single(response)
    if not exchange.ok or exchange.result is None:
        violated(_told(exchange), "HTTP 2xx with a JSON-RPC result", exchange)
    assert_result_id(exchange, id)
    return exchange.result


def assert_error(
    response: Judged, code: int | None = None, *, id: object = ABSENT, match: str | None = None
) -> dict[str, Any]:
    """Assert that a request was refused with one JSON-RPC error, with any HTTP status.

    Args:
        response: The response to the request, JSON or event stream.
        code: The error code; None for any.
        id: The id that was sent; default the one in the body of the request.
        match: Regular expression that is searched for in the message.

    Returns:
        The `error` object.

    Raises:
        RequirementViolated: For a result, no error or several, another code, id or message, or an error that
            is not formed as JSON-RPC has it.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/basic#error-responses
    """
    exchange = _single(response)
    error = exchange.error
    expected = f"the JSON-RPC error {code}" if code is not None else "a JSON-RPC error"
    if error is None or (code is not None and error.get("code") != code):
        violated(_told(exchange), expected, exchange)
    assert_error_shape(exchange)
    assert_error_id(exchange, id)
    if match is not None and not re.search(match, str(error["message"])):
        violated(_told(exchange), f"{expected} with a message that matches {match!r}", exchange)
    return error


def assert_tool_result(
    response: Judged, *, text: str | None = None, structured: object = ABSENT
) -> dict[str, Any]:
    """Assert that the call of a tool succeeded, and compare what it returned.

    Args:
        response: The response to `tools/call`.
        text: What all text blocks together hold, lines between them.
        structured: What `structuredContent` equals.

    Returns:
        The result.

    Raises:
        RequirementViolated: For a JSON-RPC error, a result with `isError`, or another value.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/server/tools#tool-result
    """
    exchange, result = _tool_result(response)
    if result.get("isError") is True:
        violated(f"a result with isError: {_cut(_text(result))}", "a result without isError", exchange)
    if text is not None and _text(result) != text:
        violated(f"a result with the text {_cut(_text(result))}", f"the text {_cut(text)}", exchange)
    found = result.get("structuredContent", ABSENT)
    if structured is not ABSENT and found != structured:
        actual = "absent" if found is ABSENT else _cut(found)
        violated(f"a result whose structuredContent is {actual}", _cut(structured), exchange)
    return result


def assert_tool_error(response: Judged, *, match: str | None = None) -> dict[str, Any]:
    """Assert that a tool was called and failed: a result with `isError`, and no JSON-RPC error.

    Args:
        response: The response to `tools/call`.
        match: Regular expression that is searched for in the text of the result.

    Returns:
        The result.

    Raises:
        RequirementViolated: For a JSON-RPC error, a success, or another text.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/server/tools#error-handling
    """
    exchange, result = _tool_result(response)
    if result.get("isError") is not True:
        violated(f"a result without isError: {_cut(_text(result))}", "a result with isError", exchange)
    if match is not None and not re.search(match, _text(result)):
        violated(f"a result with the text {_cut(_text(result))}", f"a text that matches {match!r}", exchange)
    return result


def assert_event_stream(response: Judged) -> Exchange:
    """Assert that a response is an event stream with at least one message.

    Args:
        response: The response.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: For another status than 200, another media type, and a stream without message.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#sending-messages-to-the-server
    """
    exchange = as_exchange(response)
    if exchange.status != 200 or not exchange.is_sse or not exchange.messages:
        violated(exchange.summary, "HTTP 200, text/event-stream, with a message", exchange)
    return exchange


def assert_arrived_gradually(response: Judged, *, spread: float = MIN_SPREAD) -> Exchange:
    """Assert that the messages of a stream came one after the other, and were not held back and lumped.

    Call it on an answer whose work takes time between its messages, such as a call with progress. Servers
    that collect a stream, compressors that do not flush, and proxies that buffer fail.

    Args:
        response: An exchange of ours or a stream; other responses have no arrival times.
        spread: Part of the time until the last message that has to lie between the first and the last one,
            from 0 to 1.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If there are fewer than two messages, or they came closer together.
        TypeError: If the arrival times are not known.
    """
    exchange = as_exchange(response)
    if not isinstance(response, Exchange) and not hasattr(response, "exchange"):
        raise TypeError(
            f"a {type(response).__name__} has no arrival times: give an exchange of mcp_connection"
        )
    times = [received.at for received in exchange.received]
    expected = f"at least two messages, {spread:.0%} of the time or more between the first and the last"
    if len(times) < 2:
        violated(f"{len(times)} message(s): {exchange.summary}", expected, exchange)
    between = times[-1] - times[0]
    if between < spread * times[-1]:
        actual = (
            f"{len(times)} messages within {between * 1000:.0f} ms, "
            f"the last of them {times[-1] * 1000:.0f} ms after the request"
        )
        violated(actual, expected, exchange)
    return exchange


def _single(response: Judged) -> Exchange:
    return assert_result_or_error(assert_one_response(response))


def _tool_result(response: Judged) -> tuple[Exchange, dict[str, Any]]:
    result = assert_result(response)
    exchange = as_exchange(response)
    if not isinstance(result, dict):
        violated(f"a result that is a JSON {json_type(result)}", "a result that is an object", exchange)
    if not isinstance(result.get("content"), list):
        violated("a result without a list as content", "the result of a tool, with content", exchange)
    return exchange, result


def _text(result: dict[str, Any]) -> str:
    return "\n".join(texts_in(result))


def _told(exchange: Exchange) -> str:
    """Return what came back, with the message of an error, or the text with which a tool failed."""
    message = (exchange.error or {}).get("message")
    if isinstance(message, str):
        return f"{exchange.summary}: {_cut(message)}"
    result = exchange.result
    if isinstance(result, dict) and result.get("isError") is True:
        return f"{exchange.summary} with isError: {_cut(_text(result))}"
    return exchange.summary


def _cut(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
