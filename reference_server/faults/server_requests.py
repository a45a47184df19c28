"""Faults of requests that the server sends at the handshake revisions: their ids, and that they are sent."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from typing import Any, Final

from reference_server._context import HANDSHAKE_REVISIONS, Layer, RequestContext
from reference_server._jsonrpc import encode
from reference_server._layers import combine, rewrite_message, rewrite_request_body
from reference_server.faults._asking import STREAMED, believing, both, requests_of

OLD: Final = HANDSHAKE_REVISIONS
FIRST: Final = HANDSHAKE_REVISIONS[:1]
LATER: Final = HANDSHAKE_REVISIONS[1:]


def named(name: Callable[[int], object]) -> Layer:
    """Give the requests of the server other ids, and take the responses to these."""
    numbers = count(1)

    def request(message: Any, context: RequestContext) -> Any:
        given = context.state.setdefault("given names", {})
        if message.get("method") == "notifications/cancelled":
            params = message["params"]
            id = given.get(params.get("requestId"), params.get("requestId"))
            return {**message, "params": {**params, "requestId": id}}
        if "method" not in message or not requests_of(message):
            return message
        id = given[message["id"]] = name(next(numbers))
        context.state.setdefault("renamed", {})[encode(id)] = message["id"]
        return {**message, "id": id}

    def response(context: RequestContext) -> bytes | None:
        value = context.value
        if not isinstance(value, dict) or "method" in value or "id" not in value:
            return None
        known = context.state.get("renamed", {})
        key = encode(value["id"])
        return encode({**value, "id": known[key]}) if key in known else None

    return combine(rewrite_message(request), rewrite_request_body(response))


def _asks_lister(message: Any, context: RequestContext) -> Any:
    """Ask those for roots who list tools."""
    if context.rpc_method != "tools/list" or "result" not in message or context.is_modern:
        return message
    return [{"jsonrpc": "2.0", "id": "roots-1", "method": "roots/list"}, message]


def _add_sampling(declared: dict[str, Any]) -> None:
    declared.setdefault("sampling", {})


FAULTS = (
    both(
        "fraction-as-request-id",
        "server-request-id",
        "requests of the server have fractions as ids",
        named(lambda number: number + 0.5),
        revisions=OLD,
        chapter="jsonrpc",
    ),
    both(
        "same-request-id",
        "server-request-id-fresh",
        "all requests of the server have the same id",
        named(lambda number: "request"),
        revisions=OLD,
        chapter="jsonrpc",
    ),
    both(
        "lister-asked-first",
        "capabilities-only-negotiated",
        "a client that declared nothing is asked for roots while it lists tools",
        rewrite_message(_asks_lister),
        revisions=FIRST,
        chapter="lifecycle",
        options=STREAMED,
    ),
    both(
        "undeclared-sampling-first",
        "capabilities-only-negotiated",
        "a client that did not declare sampling is asked for it by a tool",
        believing(_add_sampling),
        revisions=FIRST,
        chapter="lifecycle",
    ),
    both(
        "lister-asked",
        "capabilities-only-negotiated.must",
        "a client that declared nothing is asked for roots while it lists tools",
        rewrite_message(_asks_lister),
        revisions=LATER,
        chapter="lifecycle",
        options=STREAMED,
    ),
)
