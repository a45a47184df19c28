"""Legal but unusual ways to cancel, and to tell how much work was done."""

from __future__ import annotations

import json
from typing import Any, Final

import anyio

from reference_server._context import (
    MODERN_REVISIONS,
    ASGIApp,
    Layer,
    Message,
    Receive,
    RequestContext,
    Scope,
    Send,
)
from reference_server._jsonrpc import INVALID_REQUEST, error_message
from reference_server._layers import answer_instead, rewrite_message, when
from reference_server.faults.cancellation import is_cancel, is_modern_call
from reference_server.variants import Variant

LINGER_SECONDS: Final = 0.1


def lingers(inner: ASGIApp) -> ASGIApp:
    """Let the server inside know a while later that a client left."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async def later() -> Message:
            message = await receive()
            await anyio.sleep(LINGER_SECONDS)
            return message

        await inner(scope, later, send)

    return app


def witness_says(told: Any) -> Layer:
    """Change what the witness answers; `told` gets the count and returns members of the result."""

    def changed(message: Any, context: RequestContext) -> Any:
        if context.params.get("name") != "read_ticks" or "result" not in message:
            return message
        result = message["result"]
        count = json.loads(result["content"][0]["text"])["ticks"]
        return {**message, "result": {**result, **told(count)}}

    return rewrite_message(changed)


def in_words(count: int) -> dict[str, Any]:
    """Tell a count in words."""
    return {"content": [{"type": "text", "text": f"So far {count} ticks were counted, of 3 kinds."}]}


def in_structure(count: int) -> dict[str, Any]:
    """Tell a count as structured content."""
    return {"content": [{"type": "text", "text": "see there"}], "structuredContent": {"result": count}}


VARIANTS = (
    Variant(
        "stops-a-little-later",
        ("stateless",),
        summary="work stops a moment after the client closed the stream",
        layer=when(is_modern_call, lingers),
        revisions=MODERN_REVISIONS,
    ),
    Variant(
        "cancel-refused",
        ("stateless",),
        summary="a cancel by notification is refused, where none is expected",
        layer=answer_instead(
            lambda context: context.is_modern and is_cancel(context),
            400,
            body=error_message(INVALID_REQUEST, "Close the stream instead"),
        ),
        revisions=MODERN_REVISIONS,
    ),
    Variant(
        "witness-in-words",
        summary="the witness tells the count in words",
        layer=witness_says(in_words),
    ),
    Variant(
        "witness-structured",
        summary="the witness tells the count as structured content, beside other text as in an example",
        layer=witness_says(in_structure),
        revisions=MODERN_REVISIONS,
    ),
)
