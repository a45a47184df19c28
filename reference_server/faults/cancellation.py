"""Faults of cancellation: work that goes on or stops when it should not, cancels that do harm."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final

import anyio

from reference_server._context import (
    HANDSHAKE_REVISIONS,
    MODERN_REVISIONS,
    ASGIApp,
    Layer,
    Message,
    Receive,
    RequestContext,
    Scope,
    Send,
    scope_with,
)
from reference_server._jsonrpc import INTERNAL_ERROR, INVALID_REQUEST, encode, error_message
from reference_server._layers import Call, answer_instead, handle, when
from reference_server.faults import Fault
from reference_server.faults.schema import before_result_of
from reference_server.faults.subscription_streams import event

BOTH: Final = ("stateless", "stateful")
STATELESS: Final = ("stateless",)
CANCELLED: Final = "notifications/cancelled"

STOPPED: Final = -32800
"""A code that some servers have for a request that was cancelled."""

NOTICE_SECONDS: Final = 0.05
"""How long requests wait in a server that looks whether their client is still there."""


def is_call(context: RequestContext) -> bool:
    """Select calls of tools."""
    return context.is_request and context.rpc_method == "tools/call"


def is_modern_call(context: RequestContext) -> bool:
    """Select calls of tools in the modern era, where closing the stream cancels them."""
    return context.is_modern and is_call(context)


def is_cancel(context: RequestContext) -> bool:
    """Select cancels by notification."""
    return context.is_notification and context.rpc_method == CANCELLED


def cancelled_id(context: RequestContext) -> Any:
    """Return the id that a cancel names, or None."""
    return context.params.get("requestId")


async def until_gone(call: Call, act: Callable[[], Awaitable[None]]) -> None:
    """Serve a request, and do something as soon as its client has left before it was answered."""
    done = False

    async def watch() -> None:
        await call.gone()
        if not done:
            await act()

    async def send(message: Message) -> None:
        nonlocal done
        # A server is told that the client left as soon as all is sent, also before `forward` returns.
        done = done or (message["type"] == "http.response.body" and not message.get("more_body", False))
        await call.send(message)

    async with anyio.create_task_group() as group:
        group.start_soon(watch)
        await call.forward(send=send)
        done = True
        group.cancel_scope.cancel()


def deaf(inner: ASGIApp) -> ASGIApp:
    """Keep from the server inside that a client left."""

    async def never() -> Message:
        await anyio.sleep_forever()
        raise AssertionError

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await inner(scope, never, send)

    return app


async def stop_all(call: Call) -> None:
    """Stop every running call of a tool when the client of one of them leaves."""
    running: set[anyio.CancelScope] = call.state.setdefault("running", set())
    scope = anyio.CancelScope()

    async def stop() -> None:
        for each in running:
            each.cancel()

    running.add(scope)
    try:
        with scope:
            await until_gone(call, stop)
    finally:
        running.discard(scope)
    if scope.cancelled_caught:
        await call.send({"type": "http.response.body", "body": b"", "more_body": False})


def told_to_others(messages: Callable[[RequestContext], dict[str, Any]]) -> Layer:
    """Send a message about a call whose client left on the streams of the other calls."""

    async def run(call: Call) -> None:
        open_calls: list[Send] = call.state.setdefault("open-calls", [])

        async def tell() -> None:
            for send in open_calls:
                if send is not call.send:
                    await send(event(messages(call.context)))

        open_calls.append(call.send)
        try:
            await until_gone(call, tell)
        finally:
            open_calls.remove(call.send)

    return when(is_modern_call, handle(run))


def last_progress(context: RequestContext) -> dict[str, Any]:
    """Return progress of a call."""
    params = {"progressToken": context.meta.get("progressToken"), "progress": 99}
    return {"jsonrpc": "2.0", "method": "notifications/progress", "params": params}


def late_answer(context: RequestContext) -> dict[str, Any]:
    """Return an answer to a call."""
    return {"jsonrpc": "2.0", "id": context.rpc_id, "result": {"resultType": "complete", "content": []}}


async def cancel_when_gone(call: Call) -> None:
    """Cancel a call of a tool when its client leaves, as the client could with a notification."""
    params = {"requestId": call.context.rpc_id, "reason": "disconnected"}
    body = encode({"jsonrpc": "2.0", "method": CANCELLED, "params": params})
    notification = call.context.changed(body=body)

    async def cancel() -> None:
        await call.inner(scope_with(call.scope, notification), call.receive, _nowhere)

    if call.context.facts.mode == "stateful":
        await until_gone(call, cancel)
        return
    # Without sessions a notification reaches no other request; the call ends with its own task.
    with anyio.CancelScope() as scope:

        async def stop() -> None:
            scope.cancel()

        await until_gone(call, stop)


async def _nowhere(message: Message) -> None:
    """Take an answer that nobody waits for."""


def remembered(call: Call) -> set[Any]:
    """Return the ids whose cancel was remembered."""
    found: set[Any] = call.state.setdefault("cancelled-ids", set())
    return found


async def remember_notification(call: Call) -> None:
    """Keep the id of every cancel, and refuse the next request with it, whosever it is."""
    context = call.context
    if is_cancel(context) and isinstance(cancelled_id(context), str):
        remembered(call).add(cancelled_id(context))
    await refuse_remembered(call)


async def remember_departure(call: Call) -> None:
    """Keep the id of a request whose client left, and refuse the next one with it, whosever it is.

    Only ids that are text are kept, since most clients count from 1.
    """
    context = call.context
    if context.is_plain and isinstance(context.rpc_id, str) and context.rpc_id not in remembered(call):
        with anyio.move_on_after(NOTICE_SECONDS):
            await call.gone()
            remembered(call).add(context.rpc_id)
            return
    await refuse_remembered(call)


async def refuse_remembered(call: Call) -> None:
    """Serve requests, but not those whose id is remembered."""
    id = call.context.rpc_id
    if call.context.is_request and isinstance(id, str) and id in remembered(call):
        await call.answer(400, body=error_message(INVALID_REQUEST, "It was cancelled", request_id=id))
        return
    await call.forward()


async def fail_late(call: Call) -> None:
    """Fail at the cancel of a request that was answered."""
    context = call.context
    answered: set[Any] = call.state.setdefault("answered", set())
    if is_cancel(context) and isinstance(cancelled_id(context), str) and cancelled_id(context) in answered:
        await call.answer(500, body="Internal Server Error")
        return
    if context.is_request and isinstance(context.rpc_id, str):
        answered.add(context.rpc_id)
    await call.forward()


def note_cancel(call: Call) -> None:
    """Keep in mind which request a notification cancels."""
    cancelled: set[Any] = call.state.setdefault("cancelled", set())
    if is_cancel(call.context):
        cancelled.add((call.context.session_id, str(cancelled_id(call.context))))


def was_cancelled(call: Call) -> bool:
    """Tell whether a call of a tool was cancelled by notification meanwhile."""
    context = call.context
    return is_call(context) and (context.session_id, str(context.rpc_id)) in call.state["cancelled"]


async def ignored(call: Call) -> None:
    """Serve a cancel as if it named a request that is not known."""
    context = call.context
    named = {**context.params, "requestId": "ignored"}
    await call.forward(context.changed(body=encode({**context.value, "params": named})))


async def unstopped(call: Call) -> None:
    """Let cancelled calls run on to their end, and keep their answers back."""
    note_cancel(call)
    if is_cancel(call.context):
        await ignored(call)
        return

    async def keep_back(message: Message) -> None:
        if is_response(message) and was_cancelled(call):
            message = {**message, "body": b""}
        await call.send(message)

    await call.forward(send=keep_back)


async def answered_all_the_same(call: Call) -> None:
    """Answer cancelled calls with an error when they stop."""
    answered = False
    note_cancel(call)

    async def with_error(message: Message) -> None:
        nonlocal answered
        answered = answered or is_response(message)
        last = message["type"] == "http.response.body" and not message.get("more_body", False)
        if last and not answered and was_cancelled(call):
            error = error_message(STOPPED, "Request cancelled", request_id=call.context.rpc_id)
            await call.send(event(error))
        await call.send(message)

    await call.forward(send=with_error)


def is_response(message: Message) -> bool:
    """Tell whether a part of an event stream holds a response."""
    body = message.get("body", b"")
    return b'"result":' in body or b'"error":' in body


def names_nothing(context: RequestContext) -> bool:
    """Select cancels that name no request."""
    return is_cancel(context) and not isinstance(cancelled_id(context), (str, int))


def names_unknown(context: RequestContext) -> bool:
    """Select cancels of an id that no client uses."""
    return is_cancel(context) and cancelled_id(context) == "never-sent"


def fault(
    name: str,
    requirement: str,
    summary: str,
    layer: Layer,
    modes: tuple[str, ...] = BOTH,
) -> Fault:
    """Build a fault of this chapter that breaks one requirement."""
    return Fault(
        f"cancellation.{name}", (f"cancellation.{requirement}",), modes, summary=summary, layer=layer
    )


def stopping(name: str, summary: str, layer: Layer) -> Fault:
    """Build a fault of how a call ends that is cancelled by notification, which takes a session."""
    layer = when(lambda context: not context.is_modern, layer)
    return fault(name, "request-stopped", summary, layer, ("stateful",))


FAULTS = (
    fault(
        "work-goes-on",
        "disconnect-stops-work",
        "work goes on to its end although the client closed the stream",
        when(is_modern_call, deaf),
        STATELESS,
    ),
    fault(
        "progress-elsewhere",
        "disconnect-no-more-messages",
        "when a client closes a stream, more progress of its request comes on other streams",
        told_to_others(last_progress),
        STATELESS,
    ),
    fault(
        "answer-elsewhere",
        "disconnect-no-more-messages",
        "when a client closes a stream, the answer to its request comes on other streams",
        told_to_others(late_answer),
        STATELESS,
    ),
    fault(
        "all-stopped",
        "disconnect-scoped",
        "when a client closes a stream, all running calls stop",
        when(is_modern_call, handle(stop_all)),
        STATELESS,
    ),
    replace(
        fault(
            "call-cancelled",
            "server-cancelled-only-listen",
            "the server cancels something that is no subscription",
            before_result_of(
                "tools/list",
                {"method": CANCELLED, "params": {"requestId": "tools-1"}},
                revisions=MODERN_REVISIONS,
            ),
            STATELESS,
        ),
        options={"json_response": False},
    ),
    replace(
        fault(
            "late-cancel-kept",
            "race-handled",
            "the cancel of an answered request hits the next request with its id, whosever it is",
            handle(remember_notification),
        ),
        revisions=HANDSHAKE_REVISIONS,
    ),
    replace(
        fault(
            "late-cancel-fails",
            "race-handled",
            "the cancel of an answered request gets 500",
            handle(fail_late),
        ),
        revisions=HANDSHAKE_REVISIONS,
    ),
    replace(
        fault(
            "departure-kept",
            "race-handled",
            "a client that leaves makes the next request with the same id fail, whosever it is",
            handle(remember_departure),
            STATELESS,
        ),
        revisions=MODERN_REVISIONS,
    ),
    stopping(
        "answer-kept-back",
        "a call that is cancelled by notification runs on, only its answer is kept back",
        handle(unstopped),
    ),
    stopping(
        "stop-answered",
        "a call that is cancelled by notification stops, and is answered with an error",
        handle(answered_all_the_same),
    ),
    stopping(
        "cancel-ignored",
        "a call that is cancelled by notification runs on and is answered, as if it could not be stopped",
        when(is_cancel, handle(ignored)),
    ),
    fault(
        "unknown-id-refused",
        "unknown-id-ignored",
        "the cancel of a request that is not known is refused",
        answer_instead(
            lambda context: not context.is_modern and names_unknown(context),
            400,
            body=error_message(INVALID_REQUEST, "No such request"),
        ),
    ),
    fault(
        "malformed-fails",
        "malformed-ignored",
        "a cancel that names no request gets 500",
        answer_instead(names_nothing, 500, body="Internal Server Error"),
    ),
    fault(
        "notification-fails",
        "notification-on-http",
        "a cancel by notification gets 500, where none is expected",
        answer_instead(
            lambda context: context.is_modern and is_cancel(context),
            500,
            body=error_message(INTERNAL_ERROR, "No such notification"),
        ),
        STATELESS,
    ),
    Fault(
        "sse.disconnect-cancels",
        ("sse.disconnect-not-cancel",),
        BOTH,
        summary="a lost connection cancels the request, where only a notification may",
        layer=when(lambda context: is_call(context) and not context.is_modern, handle(cancel_when_gone)),
    ),
)
