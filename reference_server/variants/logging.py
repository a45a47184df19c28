"""Legal but unusual ways to log."""

from __future__ import annotations

from typing import Any, Final

from reference_server._calls import push_to_get_streams
from reference_server._context import HANDSHAKE_REVISIONS, Message, RequestContext
from reference_server._layers import Call, Layer, combine, handle, rewrite_message, when
from reference_server.faults.logging import (
    LEVEL_KEY,
    LOG_MESSAGE,
    is_log_call,
    is_log_message,
    messages_as,
    with_level,
)
from reference_server.faults.schema import OPENING, result_of
from reference_server.variants import Variant

STATEFUL: Final = ("stateful",)
DATA: Final = {"info": "text", "notice": 5, "warning": [1, 2], "error": None, "critical": True}


async def on_get(call: Call) -> None:
    """Send the log messages of calls on the GET stream of the session."""

    async def elsewhere(message: Message) -> None:
        block = message.get("body", b"")
        if LOG_MESSAGE.encode() in block:
            await push_to_get_streams(call.context.facts, block, session_id=call.context.session_id)
            message = {**message, "body": b""}
        await call.send(message)

    await call.forward(send=elsewhere)


def any_data(params: dict[str, Any], context: RequestContext) -> dict[str, Any]:
    """Log values of all types, and name no logger."""
    return {"level": params["level"], "data": DATA.get(params["level"], params["data"])}


def silent(message: Any, context: RequestContext) -> Any:
    """Leave all log messages out."""
    return None if is_log_message(message) else message


LOGS_NOTHING: Final[Layer] = rewrite_message(silent)

VARIANTS = (
    Variant(
        "logs-on-get",
        STATEFUL,
        summary="log messages come on the GET stream, since a server may log what no request asked for",
        layer=when(lambda context: is_log_call(context) and not context.is_modern, handle(on_get)),
        revisions=HANDSHAKE_REVISIONS,
    ),
    Variant(
        "logs-any-data",
        STATEFUL,
        summary="the data of log messages are values of all types, and there is no logger",
        layer=messages_as(any_data),
    ),
    Variant(
        "logs-nothing",
        STATEFUL,
        summary="logging is declared, but nothing is logged, as a server may choose",
        layer=LOGS_NOTHING,
    ),
    Variant(
        "without-logging",
        STATEFUL,
        summary="there is no logging, so that the level in a request means nothing",
        layer=combine(
            result_of(OPENING, lambda r: r["capabilities"].pop("logging", None)),
            LOGS_NOTHING,
            when(lambda context: LEVEL_KEY in context.meta, with_level(lambda _: None)),
        ),
    ),
    Variant(
        "set-level-with-meta",
        STATEFUL,
        summary="the result of logging/setLevel has _meta, as any result may",
        layer=result_of("logging/setLevel", lambda r: r.update(_meta={"com.example/applied": True})),
        revisions=HANDSHAKE_REVISIONS,
    ),
)
