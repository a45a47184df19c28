"""Faults of the streams of subscriptions: how they get into each other's way, and how they end."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

import anyio

from reference_server._context import Layer, Message, RequestContext, Send
from reference_server._jsonrpc import INVALID_REQUEST, encode, error_message
from reference_server._layers import Call, EventBlock, handle, when
from reference_server.faults.subscriptions import (
    SUBSCRIPTION_ID,
    about,
    closing_result,
    fault,
    is_listen,
)

CUT_SECONDS: Final = 0.3
"""How long streams last that are cut off: longer than what nobody would call open."""

SLOTS: Final = 18
"""Streams that may be opened before a server that never lets one go has no room left."""

LastMessages = Callable[[RequestContext], Iterable[dict[str, Any]]]


@dataclass(eq=False)
class Listener:
    """One open stream.

    Args:
        id: Id of its request.
        send: The way to its client.
        scope: Ends it when it is cancelled.
    """

    id: object
    send: Send
    scope: anyio.CancelScope


def listeners(call: Call) -> list[Listener]:
    """Return the open streams of the app, oldest first."""
    found: list[Listener] = call.state.setdefault("listeners", [])
    return found


def others(call: Call) -> list[Listener]:
    """Return the open streams under other ids."""
    return [each for each in listeners(call) if each.id != call.context.rpc_id]


def event(message: dict[str, Any], *, more: bool = True) -> Message:
    """Return the ASGI message that carries a JSON-RPC message as event."""
    block = EventBlock((("event", "message"), ("data", encode(message).decode())))
    return {"type": "http.response.body", "body": block.encode(), "more_body": more}


async def listen(
    call: Call,
    *,
    send: Send | None = None,
    seconds: float | None = None,
    last: LastMessages = lambda _: (),
) -> None:
    """Serve one stream that is kept in `listeners`, and may be ended.

    Args:
        call: The request for it.
        send: Where the server inside sends; default the client.
        seconds: How long it goes on after its first event; None for as long as the client likes.
        last: What is sent when it is ended.
    """
    scope = anyio.CancelScope()
    own = Listener(call.context.rpc_id, call.send, scope)

    async def timed(message: Message) -> None:
        await (send or call.send)(message)
        if seconds is not None and message.get("body"):
            scope.deadline = min(scope.deadline, anyio.current_time() + seconds)

    listeners(call).append(own)
    try:
        with scope:
            await call.forward(send=timed)
    finally:
        listeners(call).remove(own)
    if scope.cancelled_caught:
        for message in last(call.context):
            await call.send(event(message))
        await call.send({"type": "http.response.body", "body": b"", "more_body": False})


def listening(run: Callable[[Call], Awaitable[None]]) -> Layer:
    """Build a layer for requests for a subscription."""
    return when(is_listen, handle(run))


def ended_after(seconds: float, last: LastMessages = lambda _: ()) -> Layer:
    """End streams some time after their acknowledgement, with some last messages."""

    async def run(call: Call) -> None:
        await listen(call, seconds=seconds, last=last)

    return listening(run)


async def refuse(call: Call, status: int, text: str) -> None:
    """Refuse a subscription."""
    await call.answer(status, body=error_message(INVALID_REQUEST, text, request_id=call.context.rpc_id))


async def one_at_a_time(call: Call) -> None:
    """Refuse a subscription while there is another one."""
    await (refuse(call, 503, "There is a subscription already") if listeners(call) else listen(call))


async def newest_only(call: Call) -> None:
    """End all older streams when a new one comes."""
    for older in listeners(call):
        older.scope.cancel()
    await listen(call)


async def unique_ids(call: Call) -> None:
    """Refuse a subscription whose id another one has."""
    used = len(others(call)) < len(listeners(call))
    await (refuse(call, 400, "The id is in use") if used else listen(call))


async def ids_taken_over(call: Call) -> None:
    """End a stream when another client uses its id."""
    for older in listeners(call):
        if older not in others(call):
            older.scope.cancel()
    await listen(call)


async def ids_kept(call: Call) -> None:
    """Refuse the id of a subscription that was dropped."""
    kept: set[object] = call.state.setdefault("ids-kept", set())
    if call.context.rpc_id in kept:
        await refuse(call, 400, "The id was used before")
        return
    try:
        await listen(call)
    finally:
        kept.add(call.context.rpc_id)


async def slots_kept(call: Call) -> None:
    """Count subscriptions, and never forget one that was dropped."""
    count = call.state["slots"] = call.state.get("slots", 0) + 1
    await (refuse(call, 503, "There is no room") if count > SLOTS else listen(call))


async def crossed(call: Call) -> None:
    """Send the events of a stream on the other streams, too."""

    async def to_all(message: Message) -> None:
        if message.get("body"):
            for other in others(call):
                await other.send({**message, "more_body": True})
        await call.send(message)

    await listen(call, send=to_all)


def sent_to_all(method: str, tool: str | None = None) -> Layer:
    """Send the notifications of calls on the streams of subscriptions, too.

    Args:
        method: Their method.
        tool: The tool that is called; default any.
    """

    async def run(call: Call) -> None:
        async def also(message: Message) -> None:
            data = EventBlock.parse(message.get("body", b"")).data or ""
            if method in data:
                found = json.loads(data)
                for other in listeners(call):
                    found["params"]["_meta"] = {SUBSCRIPTION_ID: other.id}
                    await other.send(event(found))
            await call.send(message)

        await (listen(call) if is_listen(call.context) else call.forward(send=also))

    def concerned(context: RequestContext) -> bool:
        called = context.is_modern and context.rpc_method == "tools/call"
        return is_listen(context) or (called and tool in (None, context.params.get("name")))

    return when(concerned, handle(run))


FAULTS = (
    fault(
        "ends-at-once",
        "sse-reply",
        "the stream of a subscription ends once it is acknowledged",
        ended_after(0),
    ),
    fault(
        "over-at-once",
        "no-immediate-result",
        "a subscription is over, with its result, once it is acknowledged",
        ended_after(0, lambda context: [closing_result(context, context.rpc_id)]),
    ),
    fault(
        "one-at-a-time",
        "multiple-concurrent",
        "a second subscription is refused",
        listening(one_at_a_time),
    ),
    fault(
        "newest-only",
        "multiple-concurrent",
        "a second subscription ends the first",
        listening(newest_only),
    ),
    fault(
        "ids-unique-among-clients",
        "same-id-two-clients",
        "a subscription whose id another client uses is refused",
        listening(unique_ids),
    ),
    fault(
        "ids-taken-over",
        "same-id-two-clients",
        "a subscription ends when another client uses its id",
        listening(ids_taken_over),
    ),
    fault(
        "crossed",
        "concurrent-no-mixup",
        "what belongs to one subscription is sent to all",
        listening(crossed),
    ),
    fault(
        "progress-to-all",
        "no-request-scoped",
        "the progress of calls is sent to the subscriptions, too",
        sent_to_all("notifications/progress"),
    ),
    fault(
        "cut-off",
        "graceful-result",
        "the server ends streams after a while without a word",
        ended_after(CUT_SECONDS),
    ),
    fault(
        "cancelled-instead",
        "graceful-result",
        "the server ends streams with notifications/cancelled instead of a result, as it may",
        ended_after(
            CUT_SECONDS,
            lambda context: [about(context, "notifications/cancelled", requestId=context.rpc_id)],
        ),
    ),
    fault(
        "closing-result-misnamed",
        "graceful-result-meta",
        "the result that ends a subscription names another one",
        ended_after(CUT_SECONDS, lambda context: [closing_result(context, "another")]),
    ),
    fault(
        "ids-kept",
        "reissue-after-drop",
        "the id of a dropped subscription cannot be used again",
        listening(ids_kept),
    ),
    fault(
        "slots-kept",
        "no-server-state-after-close",
        "dropped subscriptions take up room until there is none",
        listening(slots_kept),
    ),
)
