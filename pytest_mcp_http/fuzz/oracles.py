"""What must hold for the answer to a request with one node changed, one function per requirement.

Each lists every legal outcome. It returns whether there was anything to judge, or raises the violation. What
RFC 8259 leaves open to readers of JSON (half surrogate pairs, extreme nesting) earns notes at most.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.codes import RESOURCE_NOT_FOUND
from pytest_mcp_http.assertions.jsonrpc import (
    assert_error_code_integer,
    assert_error_id,
    assert_error_shape,
    assert_jsonrpc_version,
    assert_result_id,
    assert_result_or_error,
    code_in,
    messages_in,
)
from pytest_mcp_http.assertions.refusals import assert_invalid_params, assert_invalid_request
from pytest_mcp_http.assertions.tool_schemas import UnjudgeableSchemaError, validation_errors
from pytest_mcp_http.assertions.tools import is_tool_success
from pytest_mcp_http.assertions.transport import assert_request_content_type, assert_utf8_body
from pytest_mcp_http.fuzz.mutation import CALL, Mutation, is_request, portable, wellformed
from pytest_mcp_http.fuzz.requests import EXTRA, breaks_required, subschema
from pytest_mcp_http.spec.error_codes import INVALID_PARAMS, INVALID_REQUEST, PARSE_ERROR
from pytest_mcp_http.suite._refusals import blamed_headers
from pytest_mcp_http.wire.exchange import End, Exchange
from pytest_mcp_http.wire.jsonrpc import ABSENT, json_type

INTERNAL_ERROR: Final = -32603
SAFE_INTEGER: Final = 2**53 - 1
"""Integers up to it are the same for every reader of JSON."""


@dataclass(frozen=True)
class Sent:
    """A changed request and what it got.

    Attributes:
        mutation: What was changed.
        message: The message as sent.
        revision: The revision that was spoken.
        exchange: The exchange.
        after: What a plain request got afterwards; None if that was not asked.
        plain: The method of that plain request.
    """

    mutation: Mutation
    message: Any
    revision: str
    exchange: Exchange
    after: Exchange | None
    plain: str

    @property
    def is_request(self) -> bool:
        """Whether the message is still a request in which JSON-RPC finds nothing wrong."""
        return is_request(self.message)

    @property
    def portable(self) -> bool:
        """Whether every reader of JSON takes the message."""
        return portable(self.message)

    @property
    def id(self) -> Any:
        """The id of the message."""
        return self.message.get("id") if isinstance(self.message, dict) else None

    @property
    def judged(self) -> bool:
        """Whether the server itself had a chance to answer."""
        return self.exchange.end is not End.UNREACHABLE and self.exchange.status not in (401, 403, 429)

    @property
    def crashed(self) -> bool:
        """Whether there is no answer, or one that says that the server failed."""
        return self.exchange.status is None or self.exchange.status >= 500


Oracle = Callable[[Sent], bool]


def answered(sent: Sent) -> bool:
    """Judge that a request gets a response, and in time."""
    exchange = sent.exchange
    busy = sent.mutation.base.tool is not None and exchange.end is End.TIMEOUT
    if not sent.judged or not wellformed(sent.message) or busy:
        return False  # a tool may take the time it needs
    response = any({"result", "error"} & message.keys() for message in messages_in(exchange))
    expected = ("a JSON-RPC response, with an HTTP status below 500", "HTTP 4xx")
    if not sent.is_request:
        expected = ("HTTP 202", "HTTP 4xx")
        if sent.crashed:
            violated(exchange.summary, expected, exchange, note=exchange.answered or not sent.portable)
    elif sent.crashed:
        violated(exchange.summary, expected, exchange, note=response or not sent.portable)
    elif exchange.ok and not response and exchange.end is not End.TOO_LARGE:
        # A stream may break off at any time, and be resumed where its events have ids.
        violated(f"{exchange.summary}, no response", expected, exchange, note=exchange.is_sse)
    return True


def survived(sent: Sent) -> bool:
    """Judge that the server answers as before."""
    after = sent.after
    if after is None:
        return False
    if after.result is None:
        violated(
            f"{after.summary}, to {sent.plain} afterwards",
            f"the answer to {sent.plain}, as before",
            sent.exchange,
            note=not sent.portable,
        )
    return True


def content_type(sent: Sent) -> bool:
    """Judge how the answer to a request is labelled."""
    if not sent.is_request or not sent.exchange.ok:
        return False
    assert_request_content_type(sent.exchange)
    return True


def utf8(sent: Sent) -> bool:
    """Judge that answers are UTF-8, whatever they repeat of the request."""
    if not sent.exchange.body:
        return False
    assert_utf8_body(sent.exchange)
    return True


def version(sent: Sent) -> bool:
    """Judge the member `jsonrpc` of answers."""
    return _of_messages(assert_jsonrpc_version, sent)


def result_xor_error(sent: Sent) -> bool:
    """Judge that answers have a result or an error."""
    return _of_messages(assert_result_or_error, sent)


def error_shape(sent: Sent) -> bool:
    """Judge the shape of errors."""
    return _of_messages(assert_error_shape, sent, "error")


def error_code(sent: Sent) -> bool:
    """Judge the codes of errors."""
    return _of_messages(assert_error_code_integer, sent, "error")


def _of_messages(judge: Callable[[Exchange], object], sent: Sent, member: str = "") -> bool:
    found = [message for message in messages_in(sent.exchange) if not member or member in message]
    if found and sent.judged:
        judge(sent.exchange)
    return bool(found)


def result_id(sent: Sent) -> bool:
    """Judge that results have the id of the request."""
    return _of_id(assert_result_id, sent, "result")


def error_id(sent: Sent) -> bool:
    """Judge that errors on requests whose id could be read have it."""
    return _of_id(assert_error_id, sent, "error")


def _of_id(judge: Callable[[Exchange, object], object], sent: Sent, member: str) -> bool:
    exact = not isinstance(sent.id, int) or abs(sent.id) <= SAFE_INTEGER
    if not (sent.judged and sent.is_request and sent.portable and exact):
        return False
    base = sent.mutation.base
    if base.opens and sent.message["method"] != base.method:
        return False  # a request without session is refused before anybody looks for its id
    if not any(member in message for message in messages_in(sent.exchange)):
        return False
    judge(sent.exchange, sent.id)
    return True


def malformed_refused(sent: Sent) -> bool:
    """Judge that what is no JSON-RPC message is refused as such."""
    exchange, path = sent.exchange, sent.mutation.node.path
    if not sent.judged or wellformed(sent.message) or _odd_code(exchange):
        return False
    expected = [f"JSON-RPC error {INVALID_REQUEST}, with an HTTP status below 500", "HTTP 4xx"]
    if path[:1] in (("id",), ("params",)):
        # What is wrong there may be overlooked or refused in other ways, but it must do no harm.
        if sent.crashed:
            violated(
                exchange.summary, expected, exchange, note=bool(messages_in(exchange)) or not sent.portable
            )
        return True
    if path == ("method",) and sent.mutation.after is ABSENT and exchange.status == 202 and not exchange.body:
        # An id without a method reads as a response, and nothing obliges a server to look into those.
        violated(f"{exchange.summary}, to an id alone", expected, exchange, note=True)
    also = (*blamed_headers(exchange), *(() if sent.portable else (PARSE_ERROR,)))
    assert_invalid_request(exchange, also=also)
    return True


def params_refused(sent: Sent) -> bool:
    """Judge that params of the wrong shape are refused with their code."""
    exchange, base = sent.exchange, sent.mutation.base
    broken = breaks_required(base, sent.mutation.node.path, sent.mutation.after)
    if not (broken and sent.judged and sent.is_request and sent.portable) or _odd_code(exchange):
        return False
    result = exchange.result
    if base.method == CALL and isinstance(result, dict) and result.get("isError"):
        violated("a tool result with isError", f"JSON-RPC error {INVALID_PARAMS}", exchange, note=True)
    assert_invalid_params(
        exchange, also=blamed_headers(exchange), tolerated=(INVALID_REQUEST, RESOURCE_NOT_FOUND)
    )
    return True


def arguments_refused(sent: Sent) -> bool:
    """Judge that arguments which the schema of the tool refuses are never served."""
    null = sent.mutation.after is None and sent.mutation.node.before is ABSENT
    if null or not breaks_schema(sent):
        return False  # null is how some clients leave a member out
    if is_tool_success(sent.exchange):
        expected = ("a tool result with isError true", "a JSON-RPC error")
        violated("a tool result without isError", expected, sent.exchange, note=not _is_wrong_type(sent))
    return sent.judged and sent.exchange.response is not None


def arguments_tool_error(sent: Sent) -> bool:
    """Judge that arguments which the schema of the tool refuses make a tool result with `isError`."""
    if not breaks_schema(sent) or not sent.portable or not isinstance(_arguments(sent), dict):
        return False
    if blamed_headers(sent.exchange) or _odd_code(sent.exchange):
        return False
    code = code_in(sent.exchange)
    if code in (INVALID_PARAMS, INTERNAL_ERROR):
        # The schema of 2026-07-28 lists invalid arguments among the uses of -32602.
        note = code == INVALID_PARAMS and sent.revision >= "2026-07-28"
        violated(f"JSON-RPC error {code}", "a tool result with isError true", sent.exchange, note=note)
    return sent.exchange.response is not None


def breaks_schema(sent: Sent) -> bool:
    """Tell whether the message calls a tool with arguments that its schema refuses."""
    tool = sent.mutation.base.tool
    if tool is None:
        return False
    try:
        return bool(validation_errors(_arguments(sent), tool["inputSchema"]))
    except UnjudgeableSchemaError:
        return False


def _is_wrong_type(sent: Sent) -> bool:
    """Tell whether arguments are wrong beyond what servers convert: missing, or of quite another type."""
    path, after = sent.mutation.node.path[2:], sent.mutation.after
    if not path or path[-1] == EXTRA:
        return False
    if after is ABSENT:
        return True
    tool = sent.mutation.base.tool or {}
    declared = subschema(tool.get("inputSchema"), path)
    kind = declared.get("type") if isinstance(declared, dict) else None
    return json_type(after) in ("array", "object") and kind in ("boolean", "integer", "number", "string")


def _arguments(sent: Sent) -> Any:
    """Return the arguments of a call; none, or null, are as good as an object without members."""
    found = sent.message["params"].get("arguments")
    return {} if found is None else found


def _odd_code(exchange: Exchange) -> bool:
    """Tell whether an error has no integer code, which `error_shape` and `error_code` judge."""
    return (
        any(message.get("error") is not None for message in messages_in(exchange))
        and code_in(exchange) is None
    )


ORACLES: Final[tuple[Oracle, ...]] = (
    answered,
    survived,
    content_type,
    utf8,
    version,
    result_xor_error,
    error_shape,
    error_code,
    result_id,
    error_id,
    malformed_refused,
    params_refused,
    arguments_refused,
    arguments_tool_error,
)
"""Every oracle; all of them judge each request that is sent."""
