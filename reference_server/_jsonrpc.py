"""JSON-RPC as this server reads and refuses it: parsing, the shape of a message, error bodies.

Knows nothing of HTTP verbs, sessions or the SDK.
"""

from __future__ import annotations

import json
import re
from typing import Any, Final

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
RESOURCE_NOT_FOUND: Final = -32002
HEADER_MISMATCH: Final = -32020
MISSING_CLIENT_CAPABILITY: Final = -32021
UNSUPPORTED_VERSION: Final = -32022

MAX_DEPTH: Final = 100
"""Deepest nesting of objects and arrays that is taken; the SDK's parser stops at 200."""

MAX_MESSAGE_CHARS: Final = 200

_HALF_PAIR: Final = re.compile("[\ud800-\udfff]")


class _Unreadable:
    """The type of `UNREADABLE`, so that it can stand where JSON values stand."""


UNREADABLE: Final = _Unreadable()
"""Stands for the value of a body that is no JSON, and for an id that cannot be read."""


class Refusal(Exception):  # noqa: N818 - it is an answer, not an error of ours
    """A request that is answered with an HTTP error and a JSON-RPC error body.

    Args:
        status: HTTP status.
        code: JSON-RPC error code.
        message: One short sentence for the client.
        data: Optional `error.data`.
        headers: Extra response headers.
        anonymous: Leave the id out even if the request had one.
    """

    def __init__(
        self,
        status: int,
        code: int,
        message: str,
        *,
        data: object = None,
        headers: tuple[tuple[str, str], ...] = (),
        anonymous: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = one_line(message)
        self.data = data
        self.headers = headers
        self.anonymous = anonymous


def one_line(text: str) -> str:
    """Return the first line of a message, shortened to `MAX_MESSAGE_CHARS`."""
    line = next((part.strip() for part in text.splitlines() if part.strip()), "Error")
    return line if len(line) <= MAX_MESSAGE_CHARS else line[: MAX_MESSAGE_CHARS - 3] + "..."


def encode(value: object) -> bytes:
    """Encode a JSON value as compact UTF-8.

    Raises:
        ValueError: If the value holds a number that JSON cannot express, or a lone surrogate.
    """
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def parse(body: bytes) -> object:
    """Parse a request body.

    Raises:
        Refusal: -32700 if the body is no JSON text, -32600 if it is nested too deeply or cannot be sent on.
    """
    try:
        value = json.loads(body.decode("utf-8"), parse_constant=_refuse_constant)
    except RecursionError:
        raise Refusal(400, INVALID_REQUEST, "The message is nested too deeply") from None
    except ValueError:
        raise Refusal(400, PARSE_ERROR, "The body is not valid JSON") from None
    return value


def check_portable(value: object) -> None:
    """Refuse JSON that no peer has to cope with: extreme depth, infinities, lone surrogates.

    Raises:
        Refusal: 400 with -32600.
    """
    if _deeper_than(value, MAX_DEPTH):
        raise Refusal(400, INVALID_REQUEST, f"The message is nested deeper than {MAX_DEPTH} levels")
    try:
        encode(value)
    except ValueError:
        raise Refusal(
            400, INVALID_REQUEST, "The message holds text or numbers that cannot be encoded"
        ) from None


def check_message(value: object) -> None:
    """Refuse a JSON value that is no JSON-RPC request, notification or response.

    Raises:
        Refusal: 400 with -32600, or -32602 for params that are no object.
    """
    if not isinstance(value, dict):
        raise Refusal(400, INVALID_REQUEST, "The body is not a JSON-RPC message")
    if value.get("jsonrpc") != "2.0":
        raise Refusal(400, INVALID_REQUEST, 'The member "jsonrpc" must be "2.0"')
    if "method" in value:
        _check_call(value)
    else:
        _check_response(value)


def _check_call(value: dict[str, Any]) -> None:
    if not isinstance(value["method"], str):
        raise Refusal(400, INVALID_REQUEST, 'The member "method" must be a string')
    if "id" in value and not is_id(value["id"]):
        raise Refusal(400, INVALID_REQUEST, "The request id must be a string or an integer")
    if "result" in value or "error" in value:
        raise Refusal(400, INVALID_REQUEST, "A message has either a method or a result")
    if "params" in value and not isinstance(value["params"], dict):
        raise Refusal(400, INVALID_PARAMS, 'The member "params" must be an object')
    if "_meta" in value.get("params", {}) and not isinstance(value["params"]["_meta"], dict):
        raise Refusal(400, INVALID_PARAMS, 'The member "_meta" must be an object')


def _check_response(value: dict[str, Any]) -> None:
    if ("result" in value) == ("error" in value):
        raise Refusal(400, INVALID_REQUEST, "A message has a method, a result or an error")
    if "result" in value and not (is_id(value.get("id")) and isinstance(value["result"], dict)):
        raise Refusal(400, INVALID_REQUEST, "A response has an id and an object as result")
    if "error" in value and not _is_error(value):
        raise Refusal(400, INVALID_REQUEST, "An error response has an integer code and a message")


def _is_error(value: dict[str, Any]) -> bool:
    error, request_id = value["error"], value.get("id")
    return (
        isinstance(error, dict)
        and isinstance(error.get("message"), str)
        and isinstance(error.get("code"), int)
        and not isinstance(error["code"], bool)
        and (request_id is None or is_id(request_id))
    )


def is_id(value: object) -> bool:
    """Tell whether a value is a legal request id: an integer, or a string that can be sent back."""
    if isinstance(value, str):
        return _HALF_PAIR.search(value) is None
    return isinstance(value, int) and not isinstance(value, bool)


def is_call(value: object) -> bool:
    """Tell whether a value is a request: a method and an id."""
    return isinstance(value, dict) and isinstance(value.get("method"), str) and is_id(value.get("id"))


def is_answer(value: object) -> bool:
    """Tell whether a value is a response: a result or an error and no method."""
    return isinstance(value, dict) and "method" not in value and ("result" in value or "error" in value)


def error_message(
    code: int, message: str, *, data: object = None, request_id: object = UNREADABLE
) -> dict[str, Any]:
    """Build a JSON-RPC error; the id is left out when `request_id` is `UNREADABLE`."""
    error: dict[str, Any] = {"code": code, "message": message}
    if data is not None:
        error["data"] = data
    identity = {} if request_id is UNREADABLE else {"id": request_id}
    return {"jsonrpc": "2.0", **identity, "error": error}


def _refuse_constant(name: str) -> object:
    raise ValueError(name)


def _deeper_than(value: object, limit: int) -> bool:
    level = [value]
    for _ in range(limit + 1):
        level = [
            child
            for parent in level
            if isinstance(parent, (dict, list))
            for child in (parent.values() if isinstance(parent, dict) else parent)
        ]
        if not level:
            return False
    return True
