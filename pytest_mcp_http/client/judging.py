"""Says what came of a call: its result, or the error that fits what came instead."""

from __future__ import annotations

from typing import Any

from pytest_mcp_http.client.reading import Reader
from pytest_mcp_http.errors import (
    CallError,
    JsonRpcError,
    MalformedResultError,
    NoResponseError,
    SessionLostError,
)
from pytest_mcp_http.report.masking import Secrets, visible
from pytest_mcp_http.wire import jsonrpc
from pytest_mcp_http.wire.exchange import End, Exchange

_SESSION = "Mcp-Session-Id"
_LONGEST = 300


def asked(exchange: Exchange, sent: jsonrpc.Message | None = None) -> str:
    """Return in a few words what an exchange asked for, for example `tools/call "echo"`."""
    message = sent or exchange.request.message
    if message is None or message.method is None:
        return exchange.request.method
    params = message.params if isinstance(message.params, dict) else {}
    name = params.get("name", params.get("uri"))
    return f"{message.method} {name!r}" if isinstance(name, str) else message.method


def response_of(exchange: Exchange, sent: jsonrpc.Message | None = None) -> jsonrpc.Message | None:
    """Return the response to the request of an exchange, or an error that names no request, or None.

    Args:
        exchange: The exchange.
        sent: The request, where another exchange carried it.
    """
    message = sent or exchange.request.message
    found = exchange.response_to(message.id) if message is not None else None
    if found is not None or exchange.is_sse:
        return found
    return next((each for each in exchange.responses if is_nameless_error(each)), None)


def is_nameless_error(message: jsonrpc.Message) -> bool:
    """Return whether a message is an error of a server that could not tell which request it refuses."""
    return message.kind is jsonrpc.Kind.ERROR and (message.id is None or message.id is jsonrpc.ABSENT)


def result_of(exchange: Exchange, sent: jsonrpc.Message | None = None) -> Reader:
    """Return the result that an exchange brought.

    Args:
        exchange: The exchange.
        sent: The request, where another exchange carried it.

    Raises:
        CallError: If it brought none.
    """
    response = response_of(exchange, sent)
    if response is None or response.kind is not jsonrpc.Kind.RESULT or not exchange.ok:
        raise failure(exchange, sent)
    reader = Reader(response.result, "result", asked(exchange, sent), exchange)
    reader.mapping()
    return reader


def failure(exchange: Exchange, sent: jsonrpc.Message | None = None, why: str = "") -> CallError:
    """Return the error for an exchange that brought no result.

    Args:
        exchange: The exchange.
        sent: The request, where another exchange carried it.
        why: What else there is to say, for people.
    """
    what = asked(exchange, sent)
    if exchange.status == 404 and _SESSION in exchange.request.headers:
        text = f"{what}: the server does not know the session any more ({exchange.summary})"
        return SessionLostError(_shown(exchange, text), exchange)
    response = response_of(exchange, sent)
    if response is not None and response.kind is jsonrpc.Kind.ERROR:
        return _error(exchange, what, response.error)
    if response is not None:
        why = "a result, although the status says that the request failed"
    elif exchange.responses and not why:
        ids = ", ".join(repr(each.id) for each in exchange.responses[:3])
        why = f"a response to {ids}, which was not asked"
    elif exchange.ok and exchange.end is End.EOF and not why:
        why = "it ended without a response"
    return NoResponseError(_shown(exchange, f"{what} got {exchange.summary}{why and ': '}{why}"), exchange)


def _error(exchange: Exchange, what: str, error: Any) -> CallError:
    members = error if isinstance(error, dict) else {}
    code, text = members.get("code"), members.get("message")
    if isinstance(code, bool) or not isinstance(code, int) or not isinstance(text, str):
        shown = _shown(exchange, f"{what}: error: expected an object with code and message, got {error!r}")
        return MalformedResultError(shown, exchange)
    message = f"{what} got JSON-RPC error {code}: {text} (HTTP {exchange.status})"
    return JsonRpcError(_shown(exchange, message), exchange, code=code, text=text, data=members.get("data"))


def _shown(exchange: Exchange, text: str) -> str:
    text = visible(Secrets.of(exchange).mask(text))
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "..."
