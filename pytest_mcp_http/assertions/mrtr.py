"""Assertions on multi round-trip requests: what a server asks back, and what it makes of the answer.

Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr
"""

from __future__ import annotations

from enum import Enum
from typing import Final

from pytest_mcp_http.assertions._base import Judged, as_exchange, judges, violated
from pytest_mcp_http.assertions.schema import server_messages
from pytest_mcp_http.wire import jsonrpc
from pytest_mcp_http.wire.exchange import Exchange

__tracebackhide__ = True  # a failure is about the response, not about this code

INPUT_REQUIRED: Final = "input_required"

OUR_FAULT: Final = frozenset({-32700, -32600, -32601, -32603, -32020, -32021, -32022})
"""Error codes that a retry cannot have earned: it is a request like the first, which was understood."""


class Outcome(str, Enum):
    """What became of a request that a server may ask back for."""

    COMPLETED = "a complete result"
    FAILED = "a complete result that reports an error"
    ASKED = "an interim result"
    REFUSED = "a refusal"
    BROKEN = "a server error or no answer"


def outcome_of(response: Judged) -> Outcome:
    """Say what became of a request.

    Args:
        response: The response to it.

    Returns:
        The outcome. An interim result is one whose `resultType` is not `complete`. A refusal is a JSON-RPC
        error or an HTTP 4xx status; with a 5xx status, or without a response in an HTTP success, the server
        broke.
    """
    exchange = as_exchange(response)
    if exchange.status is None or exchange.status >= 500:
        return Outcome.BROKEN
    result = exchange.result
    if isinstance(result, dict):
        if result.get("resultType", "complete") != "complete":
            return Outcome.ASKED
        return Outcome.FAILED if result.get("isError") is True else Outcome.COMPLETED
    return Outcome.REFUSED if exchange.error is not None or not exchange.ok else Outcome.BROKEN


def is_input_required(response: Judged) -> bool:
    """Tell whether a result says that the client is to answer something first.

    Args:
        response: The response.
    """
    result = as_exchange(response).result
    return isinstance(result, dict) and result.get("resultType") == INPUT_REQUIRED


# -- what is asked ----------------------------------------------------------------------------------------


@judges("mrtr.used-for-client-input")
def assert_not_asked_on_stream(response: Judged) -> Exchange:
    """Assert that the server sent no request of its own, in place of asking by its result.

    Args:
        response: The response, complete or not.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If there is a JSON-RPC request in it.
    """
    exchange = as_exchange(response)
    for message in server_messages(exchange):
        if message.kind is jsonrpc.Kind.REQUEST:
            violated(
                f"the request {message.method} on the stream of a call",
                "what the client is asked for stands in an input_required result",
                exchange,
            )
    return exchange


@judges("mrtr.only-supported-methods")
def assert_no_input_required(response: Judged) -> Exchange:
    """Assert that a request did not get an `input_required` result.

    Args:
        response: The response to a request other than `tools/call`, `prompts/get` and `resources/read`.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If it got one.

    Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr#supported-requests
    """
    exchange = as_exchange(response)
    if is_input_required(exchange):
        sent = exchange.request.message
        method = sent.method if sent is not None else None
        violated(
            f"an input_required result of {method or 'this request'}",
            "a complete result or an error",
            exchange,
        )
    return exchange


def asks_for_input(response: Judged) -> bool:
    """Tell whether a result asks for input, be it by its type or only by what it holds.

    Args:
        response: The response to `tools/call`, `prompts/get` or `resources/read`.
    """
    result = as_exchange(response).result
    if not isinstance(result, dict):
        return False
    final = result.keys() & {"content", "messages", "contents"}
    return result.get("resultType") == INPUT_REQUIRED or (
        not final and bool(result.keys() & {"inputRequests", "requestState"})
    )


@judges("mrtr.result-type")
def assert_input_required_type(response: Judged) -> Exchange:
    """Assert that a result which asks for input says so in `resultType`.

    Args:
        response: The response. A result that holds what was wanted is not judged.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If `resultType` is something else, or missing.

    Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr#inputrequiredresult
    """
    exchange = as_exchange(response)
    result = exchange.result
    if isinstance(result, dict) and asks_for_input(exchange) and result.get("resultType") != INPUT_REQUIRED:
        held = " and ".join(name for name in ("inputRequests", "requestState") if name in result)
        seen = f"resultType {result['resultType']!r}" if "resultType" in result else "no resultType"
        violated(f"a result with {held} and {seen}", f"resultType {INPUT_REQUIRED!r}", exchange)
    return exchange


@judges("mrtr.at-least-one-field")
def assert_input_required_content(response: Judged) -> Exchange:
    """Assert that an `input_required` result has `inputRequests` or `requestState`.

    Args:
        response: The response. Other results are not judged.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If it has neither an object nor a string there.
    """
    exchange = as_exchange(response)
    result = exchange.result
    if isinstance(result, dict) and is_input_required(exchange):
        has_requests = isinstance(result.get("inputRequests"), dict)
        if not has_requests and not isinstance(result.get("requestState"), str):
            violated(
                "an input_required result without either",
                ["inputRequests (an object)", "requestState (a string)", "both of them"],
                exchange,
            )
    return exchange


# -- what becomes of the answer ---------------------------------------------------------------------------


@judges("mrtr.retry-completes")
def assert_retry_served(response: Judged) -> Exchange:
    """Assert that a retry with what was asked for ended in a result, or asks for more.

    Args:
        response: The response to the retry.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If the server broke, or refused the retry as a request; as a note if it refused
            for another reason, such as answers it has no use for.
    """
    exchange = as_exchange(response)
    outcome = outcome_of(exchange)
    if outcome in (Outcome.BROKEN, Outcome.REFUSED):
        answers = outcome is Outcome.REFUSED and isinstance(exchange.error_code, int)
        violated(
            f"{exchange.summary}, to a retry with what was asked for",
            ["a complete result", "an input_required result"],
            exchange,
            note=answers and exchange.error_code not in OUR_FAULT,
        )
    return exchange


@judges("mrtr.state-request-bound", "mrtr.validate-responses")
def assert_not_completed(response: Judged, what: str) -> Exchange:
    """Assert that a retry which must not succeed did not.

    Args:
        response: The response to the retry.
        what: What is wrong with the retry.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If it got a complete result that reports no error.
    """
    exchange = as_exchange(response)
    if outcome_of(exchange) is Outcome.COMPLETED:
        violated(
            f"a retry with {what} got a complete result",
            [
                "a JSON-RPC error",
                "an input_required result that asks again",
                "a result that reports an error",
            ],
            exchange,
        )
    return exchange


@judges("mrtr.protocol-error")
def assert_answered_with_error(response: Judged, what: str) -> Exchange:
    """Assert that a malformed retry got a JSON-RPC error, or was taken for one without answers.

    Args:
        response: The response to the retry.
        what: What is malformed.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If it got a complete result, or no JSON-RPC error beside an HTTP error.
    """
    exchange = as_exchange(response)
    if exchange.error is None and outcome_of(exchange) is not Outcome.ASKED:
        violated(
            f"{exchange.summary}, to a retry with {what}",
            ["a JSON-RPC error", "an input_required result that asks again"],
            exchange,
        )
    return exchange


@judges("mrtr.missing-response-rerequested")
def assert_asked_again(response: Judged) -> Exchange:
    """Assert that a retry without the answers was not refused: what is needed is asked for again.

    Args:
        response: The response to the retry.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If it was refused, or the server broke.
    """
    exchange = as_exchange(response)
    if outcome_of(exchange) in (Outcome.REFUSED, Outcome.BROKEN):
        violated(
            f"{exchange.summary}, to a retry without answers",
            ["an input_required result that asks again", "a result, if the server can do without"],
            exchange,
        )
    return exchange


@judges("mrtr.decline-handled")
def assert_refusal_handled(response: Judged, action: str) -> Exchange:
    """Assert that a server coped with a user who did not accept.

    Args:
        response: The response to the retry.
        action: What the user did: `decline` or `cancel`.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If the server broke; as a note for an internal error with another HTTP status.

    Source: https://modelcontextprotocol.io/specification/2026-07-28/client/elicitation#error-handling
    """
    exchange = as_exchange(response)
    broken = outcome_of(exchange) is Outcome.BROKEN
    if broken or exchange.error_code == -32603:
        violated(
            f"{exchange.summary}, after the user chose {action}",
            ["a complete result", "a JSON-RPC error that says why", "an input_required result"],
            exchange,
            note=not broken,
        )
    return exchange
