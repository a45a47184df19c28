"""Faults of what a server sends by itself: twice, to other sessions, cancels of others' requests or none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

from reference_server._context import HANDSHAKE_REVISIONS, Layer, Message, RequestContext
from reference_server._jsonrpc import encode
from reference_server._layers import Call, handle, push_to_get_streams, rewrite_message
from reference_server.faults import Fault

STREAMED = {"json_response": False}
PROGRESS = b'"notifications/progress"'
ANSWER = b'"result"'


def copied(mark: bytes, test: Callable[[str, RequestContext], bool]) -> Layer:
    """Send what stands on the stream of a tool call on GET streams, too.

    Args:
        mark: Bytes that stand in what is sent twice.
        test: Gets the session of a GET stream and the context of the call.
    """

    async def run(call: Call) -> None:
        context = call.context

        async def send(message: Message) -> None:
            body = message.get("body", b"")
            if context.rpc_method == "tools/call" and mark in body:
                for session_id in [each for each in context.facts.get_streams if test(each, context)]:
                    await push_to_get_streams(context.facts, body, session_id=session_id)
            await call.send(message)

        await call.forward(send=send)

    return handle(run)


def is_other(session_id: str, context: RequestContext) -> bool:
    """Select all sessions but that of the call."""
    return session_id != context.session_id


async def ping_on_all_streams(call: Call) -> None:
    """Ping the client on the stream of a tool call, and by the same message on the GET stream."""
    context = call.context
    pinged = False

    async def send(message: Message) -> None:
        nonlocal pinged
        if context.rpc_method == "tools/call" and PROGRESS in message.get("body", b"") and not pinged:
            pinged = True
            ping = encode({"jsonrpc": "2.0", "id": f"server-ping-{uuid4().hex}", "method": "ping"})
            block = b"data: " + ping + b"\n\n"
            await push_to_get_streams(context.facts, block, session_id=context.session_id)
            await call.send({"type": "http.response.body", "body": block, "more_body": True})
        await call.send(message)

    await call.forward(send=send)


def cancels_the_client(message: Any, context: RequestContext) -> Any:
    """Cancel the request of the client that is being answered."""
    if context.rpc_method != "tools/list" or context.is_modern or "result" not in message:
        return message
    params = {"requestId": message["id"], "reason": "done"}
    return [{"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}, message]


def never_cancels(message: Any, context: RequestContext) -> Any:
    """Leave requests that timed out as they are."""
    cancels = isinstance(message, dict) and message.get("method") == "notifications/cancelled"
    return None if cancels and not context.is_modern else message


def fault(id: str, requirement: str, summary: str, layer: Layer) -> Fault:
    """Make a fault of servers that keep sessions and streams."""
    return Fault(
        id,
        (requirement,),
        ("stateful",),
        summary=summary,
        layer=layer,
        options=STREAMED,
        revisions=HANDSHAKE_REVISIONS,
    )


FAULTS = (
    fault(
        "session.progress-everywhere",
        "session.isolation",
        "progress of a call is sent to all other sessions, too",
        copied(PROGRESS, is_other),
    ),
    fault(
        "session.result-everywhere",
        "session.isolation",
        "the result of a call is sent to all other sessions, too",
        copied(ANSWER, is_other),
    ),
    fault(
        "transport.ping-twice",
        "transport.no-broadcast",
        "a ping is sent on the stream of a call and on the GET stream of its session",
        handle(ping_on_all_streams),
    ),
    fault(
        "cancellation.cancels-client-request",
        "cancellation.own-requests-only",
        "the server cancels a request of the client",
        rewrite_message(cancels_the_client),
    ),
    fault(
        "lifecycle.timeout-not-cancelled",
        "lifecycle.request-timeouts",
        "requests that time out are not cancelled",
        rewrite_message(never_cancels),
    ),
)
