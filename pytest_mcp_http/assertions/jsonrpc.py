"""Assertions on the envelope of JSON-RPC messages: version, ids, result or error, the shape of errors.

They read what claims to be a JSON-RPC message; other bodies, such as an HTML error page, are none of theirs.
Source: https://modelcontextprotocol.io/specification/2025-11-25/basic#messages
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pytest_mcp_http.assertions._base import Judged, as_exchange, judges, violated
from pytest_mcp_http.wire.exchange import Exchange
from pytest_mcp_http.wire.jsonrpc import ABSENT, json_type, same_id

__tracebackhide__ = True  # a failure is about the response, not about this code

MAX_MESSAGE_CHARS = 300
"""Characters up to which an error message passes as one concise sentence."""

_ENVELOPE = ("jsonrpc", "id", "method", "result", "error")
_RESERVED_CODES = range(-32768, -31999)
_TRACE = re.compile(
    r'Traceback \(most recent call last\)|File "[^"]+", line \d+|\bat [^\s()]+ ?\([^()]*:\d+(:\d+)?\)'
)


def messages_in(response: Judged) -> list[dict[str, Any]]:
    """Return the objects of a response that claim to be JSON-RPC messages, members of batches one by one.

    In a body with an HTTP error only an object with `jsonrpc`, or with an error code that JSON-RPC reserves,
    makes that claim: gateways and web APIs answer JSON of their own.

    Args:
        response: The response.

    Returns:
        The objects, well formed or not.
    """
    exchange = as_exchange(response)
    values = [message.value for message in exchange.messages if isinstance(message.value, dict)]
    return [value for value in values if _claims(value, failed=not exchange.ok)]


def error_in(response: Judged) -> dict[str, Any] | None:
    """Return the first `error` object of a response, also of a message that is wrong otherwise, or None."""
    errors = (value.get("error") for value in messages_in(response))
    return next((error for error in errors if isinstance(error, dict)), None)


def code_in(response: Judged) -> int | None:
    """Return the code of the first error of a response if it is an integer, or None."""
    code = (error_in(response) or {}).get("code")
    return code if _is_code(code) else None


def codes_in(response: Judged) -> list[int]:
    """Return the codes of all errors of a response that are integers, in order."""
    errors = [value.get("error") for value in messages_in(response)]
    return [error["code"] for error in errors if isinstance(error, dict) and _is_code(error.get("code"))]


@judges("jsonrpc.version-2-0")
def assert_jsonrpc_version(response: Judged) -> Exchange:
    """Assert that every message of a response has the member `jsonrpc` with the string 2.0.

    Args:
        response: The response.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If a message has another value there, or none.
    """
    exchange = as_exchange(response)
    for value in messages_in(exchange):
        if value.get("jsonrpc") != "2.0":
            seen = repr(value["jsonrpc"]) if "jsonrpc" in value else "absent"
            violated(f"a message whose jsonrpc is {seen}", 'jsonrpc "2.0" in every message', exchange)
    return exchange


@judges("jsonrpc.response-id-matches")
def assert_result_id(response: Judged, request_id: object = ABSENT) -> Exchange:
    """Assert that the result in a response has the id of the request, equal in value and JSON type.

    Args:
        response: The response. One without any result is not judged.
        request_id: The id that was sent; default the one in the body of the request.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If there is a result, but none has this id.
    """
    return _assert_id(response, "result", request_id)


@judges("jsonrpc.error-id-matches", "jsonrpc.error-id-matches.unless-unreadable")
def assert_error_id(response: Judged, request_id: object = ABSENT) -> Exchange:
    """Assert that the error in a response has the id of the request, equal in value and JSON type.

    Args:
        response: The response to a request whose id could be read. One without any error is not judged.
        request_id: The id that was sent; default the one in the body of the request.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If there is an error, but none has this id.
    """
    return _assert_id(response, "error", request_id)


@judges("jsonrpc.error-id-matches.unless-unreadable", "jsonrpc.parse-error")
def assert_no_invented_id(response: Judged, *, note: bool = False) -> Exchange:
    """Assert that an error on an unreadable message has the id null, or no id.

    Args:
        response: The response to a body from which no id could be read.
        note: Whether a violation is a note only, for the revisions whose schema demands an id in every error.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If an error has another id.
    """
    exchange = as_exchange(response)
    for value in messages_in(exchange):
        if "error" in value and value.get("id") is not None:
            expected = ("an error with the id null", "an error without id")
            violated(
                f"an error with the id {_shown(value['id'])}, which nobody sent",
                expected,
                exchange,
                note=note,
            )
    return exchange


@judges("jsonrpc.id-forms-echoed")
def assert_id_echoed(response: Judged, request_id: object) -> Exchange:
    """Assert that a request was served and its response has the same id, in value and JSON type.

    Args:
        response: The response to a request that the server serves with other ids.
        request_id: The id that was sent; any string or integer is legal.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If the request was refused, or the id came back changed.
    """
    exchange = as_exchange(response)
    expected = f"the request is served, and its response has the id {_shown(request_id)}"
    if exchange.result is None:
        violated(f"{exchange.summary}, for a request with the id {_shown(request_id)}", expected, exchange)
    if exchange.response_to(request_id) is None:
        found = exchange.response.id if exchange.response is not None else ABSENT
        violated(f"the id {_shown(found)} for the id {_shown(request_id)}", expected, exchange)
    return exchange


@judges("jsonrpc.result-xor-error")
def assert_result_or_error(response: Judged) -> Exchange:
    """Assert that every response message has exactly one of `result` and `error`.

    Args:
        response: The response.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If a message has both members, be they null, or neither of them and no method.
    """
    exchange = as_exchange(response)
    expected = ("a response with a result and no error", "a response with an error and no result")
    for value in messages_in(exchange):
        if "result" in value and "error" in value:
            violated("a response with both result and error", expected, exchange)
        if not {"result", "error", "method"} & value.keys():
            violated("a message without result, error and method", expected, exchange)
    return exchange


@judges("jsonrpc.error-code-and-message")
def assert_error_shape(response: Judged) -> Exchange:
    """Assert that every error is an object with a code and a message, and the message a string.

    The type of the code is judged by `assert_error_code_integer`.

    Args:
        response: The response.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If an error is no object or lacks a member, or its message is no string.
    """
    exchange = as_exchange(response)
    expected = "an error object with a code and a message that is a string"
    for error in _errors(exchange):
        if not isinstance(error, dict):
            violated(f"an error that is a JSON {json_type(error)}", expected, exchange)
        if missing := [name for name in ("code", "message") if name not in error]:
            violated(f"an error without {' and '.join(missing)}", expected, exchange)
        if not isinstance(error["message"], str):
            violated(f"an error whose message is a JSON {json_type(error['message'])}", expected, exchange)
    return exchange


@judges("jsonrpc.error-code-integer")
def assert_error_code_integer(response: Judged) -> Exchange:
    """Assert that every error code is an integer.

    Args:
        response: The response.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If a code is of another JSON type, or a number with a fraction.
    """
    exchange = as_exchange(response)
    for error in _errors(exchange):
        code = error.get("code", 0) if isinstance(error, dict) else 0
        whole = code.is_integer() if isinstance(code, float) else isinstance(code, int)
        if not whole or isinstance(code, bool):
            violated(f"the error code {_shown(code)}", "an integer as error code", exchange)
    return exchange


@judges("jsonrpc.error-message-concise")
def assert_error_message_concise(response: Judged) -> Exchange:
    """Assert that every error message is one short sentence.

    Args:
        response: The response.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If a message has several lines, more than 300 characters, or a stack trace.
    """
    exchange = as_exchange(response)
    expected = f"an error message of one line, at most {MAX_MESSAGE_CHARS} characters, without a stack trace"
    for error in _errors(exchange):
        message = error.get("message") if isinstance(error, dict) else None
        if not isinstance(message, str):
            continue
        if _TRACE.search(message):
            violated(f"an error message with a stack trace: {_shown(message)}", expected, exchange)
        if len(message.strip().splitlines()) > 1:
            violated(f"an error message of several lines: {_shown(message)}", expected, exchange)
        if len(message) > MAX_MESSAGE_CHARS:
            violated(f"an error message of {len(message)} characters", expected, exchange)
    return exchange


@judges("jsonrpc.notification-no-id")
def assert_notifications_without_id(response: Judged) -> Exchange:
    """Assert that no notification from the server has an id.

    Args:
        response: The response, for example an event stream.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If a message named `notifications/...` has an id, be it null.
    """
    exchange = as_exchange(response)
    for value in notifications_in(exchange):
        if "id" in value:
            violated(
                f"{value['method']} with the id {_shown(value['id'])}", "a notification without id", exchange
            )
    return exchange


def notifications_in(response: Judged) -> list[dict[str, Any]]:
    """Return the messages of a response whose method is named `notifications/...`, with an id or without."""
    return [value for value in messages_in(response) if str(value.get("method")).startswith("notifications/")]


@judges("jsonrpc.no-reply-to-notification")
def assert_no_reply(response: Judged) -> Exchange:
    """Assert that a notification was not answered with a JSON-RPC response.

    Args:
        response: The response to the POST of a notification.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If the body has a result, or has an error although the HTTP status is a success.
    """
    exchange = as_exchange(response)
    for value in messages_in(exchange):
        if "result" in value or ("error" in value and exchange.ok):
            kind = "result" if "result" in value else "error"
            expected = (
                "HTTP 202 with an empty body",
                "HTTP 4xx, if the server does not accept the notification",
            )
            violated(f"HTTP {exchange.status} with a JSON-RPC {kind}", expected, exchange)
    return exchange


def _assert_id(response: Judged, member: str, request_id: object) -> Exchange:
    exchange = as_exchange(response)
    if request_id is ABSENT and exchange.request.message is not None:
        request_id = exchange.request.message.id
    ids = [value.get("id", ABSENT) for value in messages_in(exchange) if member in value]
    if ids and not any(same_id(found, request_id) for found in ids):
        article = "an" if member == "error" else "a"
        violated(
            f"{article} {member} with the id {_shown(ids[0])} for the request {_shown(request_id)}",
            f"the id {_shown(request_id)}, equal in value and JSON type",
            exchange,
        )
    return exchange


def _is_code(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _claims(value: dict[str, Any], *, failed: bool) -> bool:
    if not failed:
        return any(name in value for name in _ENVELOPE)
    error = value.get("error")
    code = error.get("code") if isinstance(error, dict) else None
    return "jsonrpc" in value or (isinstance(code, int) and code in _RESERVED_CODES)


def _errors(exchange: Exchange) -> Iterator[Any]:
    return (
        value["error"] for value in messages_in(exchange) if "error" in value and value["error"] is not None
    )


def _shown(value: object) -> str:
    text = repr(value) if value is not ABSENT else "absent"
    text = {"None": "null", "True": "true", "False": "false"}.get(text, text)
    return text if len(text) <= 80 else f"{text[:77]}..."
