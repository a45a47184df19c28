"""What a user sends and how an answer is read, fast: nothing here judges, and nothing is kept.

Must not import Locust, so that it can be tested in any process.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pytest_mcp_http.dialect import CLIENT_CAPABILITIES, CLIENT_INFO, CLIENT_NAME, PROTOCOL_VERSION
from pytest_mcp_http.spec.revisions import era_of, header_revision

ACCEPT: Final = "application/json, text/event-stream"
SESSION_HEADER: Final = "Mcp-Session-Id"
INFO: Final[Mapping[str, str]] = {"name": f"{CLIENT_NAME} load", "version": "1"}

# Kinds of errors. Locust counts each text on its own, so none has a value of a single request in it.
CROSS_TALK: Final = "cross-talk: the answer belongs to another request"
NO_RESPONSE: Final = "no response in the answer"
NOT_JSON: Final = "the answer cannot be read"
TOOL_ERROR: Final = "the tool failed (isError)"


def request_of(
    revision: str, session: str | None, method: str, params: Mapping[str, Any], id: object
) -> tuple[str, dict[str, str]]:
    """Return body and header lines of a request.

    Args:
        revision: The revision to speak.
        session: Session id, if there is one.
        method: JSON-RPC method.
        params: Its params.
        id: Its id; None for a notification.
    """
    lines = {"Content-Type": "application/json", "Accept": ACCEPT}
    version = header_revision(revision)
    if version is not None and method != "initialize":
        lines["MCP-Protocol-Version"] = version
    if session is not None:
        lines[SESSION_HEADER] = session
    if era_of(revision) == "modern":
        meta = {PROTOCOL_VERSION: revision, CLIENT_INFO: INFO, CLIENT_CAPABILITIES: {}}
        params = {**params, "_meta": {**meta, **params.get("_meta", {})}}
        lines["Mcp-Method"] = method
        name = params.get("name", params.get("uri"))
        if method in ("tools/call", "resources/read", "prompts/get") and isinstance(name, str):
            lines["Mcp-Name"] = name
    message: dict[str, Any] = {"jsonrpc": "2.0", "method": method}
    if id is not None:
        message["id"] = id
    if params:
        message["params"] = params
    return json.dumps(message), lines


def response_in(body: str, content_type: str, id: object) -> dict[str, Any] | None:
    """Return the response with an id in a whole JSON body or event stream, or None.

    Raises:
        ValueError: If the body is not what its type says.
    """
    for text in _data_of(body) if content_type.startswith("text/event-stream") else (body,):
        message = json.loads(text)
        if isinstance(message, dict) and message.get("id") == id and "method" not in message:
            return message
    return None


def _data_of(body: str) -> Iterator[str]:
    """Yield the data of each event that has any."""
    for block in body.replace("\r\n", "\n").replace("\r", "\n").split("\n\n"):
        data = [line[5:].removeprefix(" ") for line in block.split("\n") if line.startswith("data:")]
        text = "\n".join(data)
        if text:
            yield text


def foreign_nonce(text: str, nonce: str, prefix: str) -> bool:
    """Tell whether a text has a nonce of another request in it.

    Args:
        text: The text.
        nonce: The nonce of this request, which begins with the prefix.
        prefix: What every nonce of a run begins with.
    """
    return text.count(prefix) > text.count(nonce)


def kind_of(response: Mapping[str, Any] | None) -> str | None:
    """Return the kind of error that a response is, or None for a result."""
    if response is None:
        return NO_RESPONSE
    error = response.get("error")
    if error is not None:
        return f"JSON-RPC error {error.get('code') if isinstance(error, dict) else error!r}"
    result = response.get("result")
    if isinstance(result, dict) and result.get("isError") is True:
        return TOOL_ERROR
    return None
