"""Legal limits of a server that many clients use at once: one thing after the other, refusals, patience."""

from __future__ import annotations

from typing import Final

import anyio

from reference_server._context import HANDSHAKE_REVISIONS, Layer
from reference_server._jsonrpc import INVALID_REQUEST, error_message
from reference_server._layers import Call, handle
from reference_server.variants import Variant

FEW: Final = 6
"""Clients that may connect at the same moment."""

SHORT_TICKS: Final = ("tools/call", "ping", "server/discover", "tools/list", "resources/list", "prompts/list")


async def one_by_one(call: Call) -> None:
    """Serve cheap requests and calls of tools one after the other."""
    context = call.context
    asks = context.params.get("name") in ("ask_back", "ask_briefly", "count_ticks", "run_job", "run_batch")
    if context.rpc_method not in SHORT_TICKS or context.method != "POST" or asks:
        await call.forward()
        return
    lock: anyio.Lock = call.state.setdefault("one-by-one", anyio.Lock())
    async with lock:
        await call.forward()


def refused_crowd(status: int) -> Layer:
    """Refuse clients that connect while some others do."""

    async def run(call: Call) -> None:
        if not call.context.is_opening:
            await call.forward()
            return
        running = call.state["crowd"] = call.state.get("crowd", 0) + 1
        try:
            if running > FEW:
                body = error_message(INVALID_REQUEST, "Try again later", request_id=call.context.rpc_id)
                await call.answer(status, [("retry-after", "1")], body)
                return
            await anyio.sleep(0.02)
            await call.forward()
        finally:
            call.state["crowd"] -= 1

    return handle(run)


async def refuse_twin(call: Call) -> None:
    """Refuse a request whose id is in use in its session."""
    context = call.context
    if not context.is_request or context.session_id is None:
        await call.forward()
        return
    running: set[tuple[str, str]] = call.state.setdefault("ids", set())
    key = (context.session_id, repr(context.rpc_id))
    if key in running:
        body = error_message(INVALID_REQUEST, "The id is in use", request_id=context.rpc_id)
        await call.answer(400, (), body)
        return
    running.add(key)
    try:
        await call.forward()
    finally:
        running.discard(key)


VARIANTS = (
    Variant(
        "one-by-one",
        summary="requests are served one after the other, which nothing forbids",
        layer=handle(one_by_one),
    ),
    Variant(
        "crowd-429",
        summary="clients that connect while six others do get 429 with Retry-After",
        layer=refused_crowd(429),
    ),
    Variant(
        "crowd-503",
        summary="clients that connect while six others do get 503 with Retry-After",
        layer=refused_crowd(503),
    ),
    Variant(
        "twins-refused",
        ("stateful",),
        summary="a request whose id is in use in its session is refused with 400",
        layer=handle(refuse_twin),
        revisions=HANDSHAKE_REVISIONS,
    ),
)
