"""What the answers of the SDK need in both eras: short errors, HTTP errors as refusals."""

from __future__ import annotations

import json
from typing import Any

from reference_server._context import HeaderLines, Message
from reference_server._jsonrpc import INTERNAL_ERROR, INVALID_REQUEST, Refusal, one_line


def with_short_error(message: dict[str, Any]) -> dict[str, Any]:
    """Return a message of the SDK with a short error; its errors carry empty `data` and may have code 0.

    Section: schema, JSONRPCError.
    """
    if "error" not in message:
        return message
    error = {**message["error"], "message": one_line(message["error"]["message"])}
    if not error.get("data"):
        error.pop("data", None)
    if error["code"] == 0:
        error.update(code=INTERNAL_ERROR, message="The server failed to serve the request")
    return {**message, "error": error}


def as_refusal(status: int, body: bytes, lines: HeaderLines) -> Refusal:
    """Return an HTTP error of the SDK as refusal, so that it gets the id of the request and a short message.

    A request that the end of its session interrupts is no fault of the server: 404 instead of the SDK's 500.
    """
    data = None
    try:
        error = json.loads(body)["error"]
        code, message, data = int(error["code"]), str(error["message"]), error.get("data") or None
    except (ValueError, KeyError, TypeError):
        code, message = INVALID_REQUEST, body.decode("utf-8", "replace")
    if status == 500 and message.startswith("Session terminated"):
        status, code = 404, INVALID_REQUEST
    allow = tuple(line for line in lines if line[0] == "allow")
    return Refusal(status, code, message, data=data, headers=allow)


def chunk(body: bytes) -> Message:
    """Return a part of a response body as ASGI message."""
    return {"type": "http.response.body", "body": body, "more_body": True}
