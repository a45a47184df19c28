"""Faults of the endpoint that only the modern era knows: contexts on a connection, requests of the server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import anyio

from reference_server._context import (
    MODERN_REVISIONS,
    VERSION_HEADER,
    VERSION_KEY,
    Layer,
    RequestContext,
)
from reference_server._jsonrpc import INVALID_REQUEST, encode, error_message
from reference_server._layers import Call, answer_instead, handle, rewrite_message
from reference_server.faults import Fault
from reference_server.faults.transport import asks_for_progress
from reference_server.faults.transport_behaviour import LISTEN, OVERLAP_SECONDS

STREAMED: Final = {"json_response": False}
CLIENT_KEY: Final = "io.modelcontextprotocol/clientInfo"
ROOTS_REQUEST: Final = {"jsonrpc": "2.0", "id": "server-1", "method": "roots/list"}


async def wait_for_listen(call: Call) -> None:
    """Serve no plain request while a stream of `subscriptions/listen` is open."""
    context = call.context
    state = call.state
    if context.rpc_method == LISTEN:
        state["listening"] = state.get("listening", 0) + 1
        try:
            await call.forward()
        finally:
            state["listening"] -= 1
        return
    while context.is_plain and state.get("listening"):
        await anyio.sleep(OVERLAP_SECONDS)
    await call.forward()


def remembering(take: Callable[[Call, RequestContext], RequestContext | None]) -> Layer:
    """Remember the last request of the modern era and its connection.

    Args:
        take: Gets the call and the request before it on the same connection; returns the request to serve
            instead, or None to refuse it.
    """

    async def run(call: Call) -> None:
        context = call.context
        connection, before = call.state.get("last", (None, None))
        call.state["last"] = (call.scope.get("client"), context)
        if connection != call.scope.get("client") or not (context.is_request and context.is_modern):
            await call.forward()
            return
        taken = take(call, before)
        if taken is None:
            body = error_message(INVALID_REQUEST, "Another client is here", request_id=context.rpc_id)
            await call.answer(400, (), body)
        else:
            await call.forward(taken)

    return handle(run)


def with_meta_before(call: Call, before: RequestContext) -> RequestContext:
    """Give a request without `_meta` that of the request before it."""
    context = call.context
    if context.meta:
        return context
    params = {**context.params, "_meta": before.meta}
    return context.changed(body=encode({**context.value, "params": params}))


def with_version_before(call: Call, before: RequestContext) -> RequestContext:
    """Serve a request by the version of the request before it."""
    context = call.context
    if VERSION_KEY not in context.meta or before.revision is None:
        return context
    meta = {**context.meta, VERSION_KEY: before.revision}
    body = encode({**context.value, "params": {**context.params, "_meta": meta}})
    return context.changed(body=body).with_header(VERSION_HEADER, before.revision)


def same_client(call: Call, before: RequestContext) -> RequestContext | None:
    """Refuse a client that the connection does not belong to."""
    return call.context if call.context.meta.get(CLIENT_KEY) == before.meta.get(CLIENT_KEY) else None


def asks_ahead(message: Any, context: RequestContext) -> Any:
    """Ask for the roots ahead of a result with progress."""
    asks = context.is_modern and asks_for_progress(context) and context.is_plain
    return [ROOTS_REQUEST, message] if asks and "result" in message else message


def fault(
    name: str,
    requirement: str,
    summary: str,
    layer: Layer,
    options: Mapping[str, bool | str] | None = None,
) -> Fault:
    """Build a fault that breaks one requirement, of the modern era or shown there."""
    return Fault(
        f"transport.{name}",
        (f"transport.{requirement}",),
        ("stateless",),
        summary=summary,
        layer=layer,
        options=options or {},
        revisions=MODERN_REVISIONS,
    )


FAULTS = (
    fault(
        "post-elsewhere",
        "endpoint-post",
        "resources/templates/list is redirected to another path",
        answer_instead(
            lambda c: c.rpc_method == "resources/templates/list" and c.is_modern,
            307,
            [("location", "/mcp/resources")],
        ),
    ),
    fault(
        "listen-blocks-post",
        "concurrent-post-streams",
        "server/discover waits until no stream of subscriptions/listen is open",
        handle(wait_for_listen),
    ),
    fault(
        "meta-of-connection",
        "no-connection-state",
        "a request without _meta is served with that of the request before it on the connection",
        remembering(with_meta_before),
    ),
    fault(
        "version-of-connection",
        "no-connection-state",
        "a request is served by the version of the request before it on the connection",
        remembering(with_version_before),
    ),
    fault(
        "connection-of-one-client",
        "interleaved-contexts",
        "a connection serves one client only",
        remembering(same_client),
    ),
    fault(
        "asks-ahead",
        "no-server-requests",
        "the roots are asked for by a request ahead of a result",
        rewrite_message(asks_ahead),
        STREAMED,
    ),
)
