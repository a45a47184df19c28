"""Legal but unusual things that a server sends of its own accord."""

from __future__ import annotations

from typing import Any

from reference_server._context import HANDSHAKE_REVISIONS, MODERN_REVISIONS, RequestContext
from reference_server._layers import rewrite_events, rewrite_message
from reference_server.variants import Variant

PING = {"jsonrpc": "2.0", "id": "server-ping-2", "method": "ping"}
CANCEL = {
    "jsonrpc": "2.0",
    "method": "notifications/cancelled",
    "params": {"requestId": PING["id"], "reason": "no answer"},
}


def gives_up_a_ping(message: Any, context: RequestContext) -> Any:
    """Ping the client ahead of the list of tools, and cancel the ping."""
    listed = context.rpc_method == "tools/list" and isinstance(message, dict) and "result" in message
    return [PING, CANCEL, message] if listed else message


def keeps_alive(context: RequestContext) -> bytes:
    """Return comments for the beginning of a subscription."""
    return b": keep-alive\n\n" * 3 if context.stays_open else b""


VARIANTS = (
    Variant(
        "cancels-its-ping",
        ("stateful",),
        summary="The server pings the client on the stream of a request, and cancels the ping.",
        layer=rewrite_message(gives_up_a_ping),
        options={"json_response": False},
        revisions=HANDSHAKE_REVISIONS,
    ),
    Variant(
        "subscriptions-kept-alive",
        ("stateless",),
        summary="Comments keep the stream of a subscription alive before anything is sent on it.",
        layer=rewrite_events(lambda block, _: block, before=keeps_alive),
        revisions=MODERN_REVISIONS,
    ),
)
