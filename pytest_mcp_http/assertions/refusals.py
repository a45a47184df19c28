"""Assertions on refusals: of bodies that are no JSON or no message, of unknown methods, of wrong params.

The specification ties these errors to no HTTP status, so each accepts any that is no crash; the one exception
is an unknown method from 2026-07-28 on.
Source: https://www.jsonrpc.org/specification#error_object
"""

from __future__ import annotations

from collections.abc import Sequence

from pytest_mcp_http.assertions._base import Judged, as_exchange, judges, violated
from pytest_mcp_http.assertions.jsonrpc import code_in, messages_in
from pytest_mcp_http.spec.error_codes import INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND, PARSE_ERROR
from pytest_mcp_http.wire.exchange import Exchange

__tracebackhide__ = True  # a failure is about the response, not about this code


@judges("jsonrpc.parse-error")
def assert_parse_error(response: Judged) -> Exchange:
    """Assert that a body that is no JSON was refused with -32700.

    Args:
        response: The response to the POST.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: For another code, a success, a crash or no answer; as a note for a plain HTTP
            4xx, and for the right code with a 5xx status.
    """
    expected = [f"JSON-RPC error {PARSE_ERROR}, with any HTTP status below 500"]
    return _assert_code(response, PARSE_ERROR, expected, plain="note")


@judges("jsonrpc.invalid-request")
def assert_invalid_request(response: Judged, *, also: Sequence[int] = ()) -> Exchange:
    """Assert that a body that is JSON but no JSON-RPC message was refused, with -32600 or as HTTP 4xx.

    Args:
        response: The response to the POST.
        also: Further codes that are as good as -32600.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: For a success, a crash or no answer; as a note for HTTP 4xx with another code,
            and for a right code with a 5xx status.
    """
    exchange = as_exchange(response)
    code = code_in(exchange)
    wanted = code if code is not None and code in also else INVALID_REQUEST
    codes = " or ".join(str(each) for each in (INVALID_REQUEST, *also))
    expected = [f"JSON-RPC error {codes}, with any HTTP status below 500", "HTTP 4xx without JSON-RPC body"]
    if code not in (None, wanted) and exchange.status is not None and 400 <= exchange.status < 500:
        violated(exchange.summary, expected, exchange, note=True)
    return _assert_code(exchange, wanted, expected, plain="pass")


@judges("jsonrpc.gated-method-not-found", "jsonrpc.method-not-found", "jsonrpc.method-not-found-404")
def assert_method_not_found(response: Judged, *, status: int | None = None) -> Exchange:
    """Assert that a request for a method that does not exist was refused with -32601.

    Args:
        response: The response to the request.
        status: The HTTP status that the revision ties to it: 404 from 2026-07-28 on; None where it is open.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: For another code, another status, a result, a status without JSON-RPC error, or
            no answer; as a note for the right code with a 5xx status where the status is open.

    Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#protocol-version-header
    """
    exchange = as_exchange(response)
    wanted = "with any HTTP status below 500" if status is None else f"with HTTP {status}"
    expected = [f"JSON-RPC error {METHOD_NOT_FOUND}, {wanted}"]
    if status is not None and exchange.status != status:
        violated(exchange.summary, expected, exchange)
    return _assert_code(exchange, METHOD_NOT_FOUND, expected, plain="fail")


@judges("jsonrpc.invalid-params")
def assert_invalid_params(
    response: Judged, *, also: Sequence[int] = (), tolerated: Sequence[int] = ()
) -> Exchange:
    """Assert that a request whose params have the wrong shape was refused with -32602.

    Args:
        response: The response to the request.
        also: Further codes that are as good as -32602.
        tolerated: Further codes that earn a note only.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: For another code, a result, a status without JSON-RPC error, or no answer; as a
            note for a tolerated code, and for the right code with a 5xx status.
    """
    exchange = as_exchange(response)
    code = code_in(exchange)
    codes = " or ".join(str(each) for each in (INVALID_PARAMS, *also))
    expected = [f"JSON-RPC error {codes}, with any HTTP status below 500"]
    if code in tolerated and not _crashed(exchange):
        violated(exchange.summary, expected, exchange, note=True)
    wanted = code if code is not None and code in also else INVALID_PARAMS
    return _assert_code(exchange, wanted, expected, plain="fail")


def assert_refused(response: Judged, *, note: bool = False) -> Exchange:
    """Assert that a message was refused: HTTP 4xx, or a JSON-RPC error with a success status.

    Args:
        response: The response to the POST.
        note: Whether a violation is a note only.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If it was served or swallowed, the server failed, or there is no answer.
    """
    exchange = as_exchange(response)
    if not is_refusal(exchange):
        expected = ("HTTP 4xx", "a JSON-RPC error")
        violated(exchange.summary, expected, exchange, note=note)
    return exchange


def is_refusal(response: Judged) -> bool:
    """Tell whether a response is HTTP 4xx, or a success with a JSON-RPC error and no result."""
    exchange = as_exchange(response)
    if exchange.status is not None and 400 <= exchange.status < 500:
        return True
    messages = messages_in(exchange)
    failed, succeeded = (any(member in message for message in messages) for member in ("error", "result"))
    return exchange.ok and failed and not succeeded


def _assert_code(response: Judged, code: int, expected: Sequence[str], *, plain: str) -> Exchange:
    """Assert an error code; `plain` says what an HTTP 4xx without JSON-RPC message is: pass, note or fail."""
    exchange = as_exchange(response)
    found = code_in(exchange)
    if found != code:
        bare = exchange.status is not None and 400 <= exchange.status < 500 and not messages_in(exchange)
        if bare and plain == "pass":
            return exchange
        violated(exchange.summary, expected, exchange, note=bare and plain == "note")
    if _crashed(exchange):
        violated(exchange.summary, expected, exchange, note=True)
    return exchange


def _crashed(exchange: Exchange) -> bool:
    return exchange.status is None or exchange.status >= 500
