"""Faults of event streams: framing, what events carry, how streams begin and end."""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Final

import anyio

from reference_server._calls import header_lines, until_gone, without_header
from reference_server._context import (
    HANDSHAKE_REVISIONS,
    MODERN_REVISIONS,
    SERVER_INFO_KEY,
    ASGIApp,
    HeaderLines,
    Layer,
    Message,
    Receive,
    RequestContext,
    Scope,
    Send,
    context_of,
)
from reference_server._jsonrpc import encode, is_answer
from reference_server._layers import (
    Call,
    EventBlock,
    combine,
    handle,
    hold_open,
    push_to_get_streams,
    rewrite_events,
    rewrite_message,
    rewrite_response_start,
    when,
)
from reference_server.faults import Fault
from reference_server.faults.progress import PROGRESS, is_count, is_progress
from reference_server.faults.transport import BOTH, STATEFUL, STATELESS, asks_for_progress, is_good_get

RESUMABLE: Final = {"resumable": True}
OLDEST, MIDDLE, NEWEST = HANDSHAKE_REVISIONS
HOLD_SECONDS: Final = 30.0
STREAMED: Final = {"json_response": False}
TOOLS_CHANGED: Final = {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}


def dropped(block: EventBlock, context: RequestContext) -> EventBlock | None:
    """Drop responses."""
    return None if is_answer(message_of(block)) else block


def message_of(block: EventBlock) -> Any:
    """Return the JSON value in a block, or None."""
    try:
        return json.loads(block.data or "")
    except ValueError:
        return None


def plain_with_token(context: RequestContext) -> bool:
    """Select plain requests that ask for progress."""
    return context.is_plain and asks_for_progress(context)


def at(*revisions: str) -> Callable[[RequestContext], bool]:
    """Select plain requests that ask for progress at some revisions."""
    return lambda context: plain_with_token(context) and context.revision in revisions


async def answer_one_of_batch(call: Call) -> None:
    """Answer only the first request of a batch that asks for progress."""
    context = call.context
    asks = context.is_batch and all(
        asks_for_progress(context.changed(body=encode(m))) for m in context.members
    )
    if not asks or not context.members:
        await call.forward()
        return
    await call.forward(context.changed(body=encode(context.members[:1])))


def stays_open(inner: ASGIApp) -> ASGIApp:
    """Keep the event streams of requests open after their last event."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if not context_of(scope).is_request:
            await inner(scope, receive, send)
            return
        streaming = ended = False

        async def changed(message: Message) -> None:
            nonlocal streaming, ended
            if message["type"] == "http.response.start":
                streaming = ("content-type", "text/event-stream") in header_lines(message)
            elif streaming and not message.get("more_body", False):
                ended = True
                message = {**message, "more_body": True}
            await send(message)

        await inner(scope, receive, changed)
        if ended:
            with anyio.move_on_after(HOLD_SECONDS):
                await until_gone(receive)

    return app


def late_progress(message: Any, context: RequestContext) -> Any:
    """Report progress once more after the result."""
    if not plain_with_token(context) or not is_answer(message):
        return message
    params = {"progressToken": context.params["_meta"]["progressToken"], "progress": 1}
    return [message, {"jsonrpc": "2.0", "method": "notifications/progress", "params": params}]


def unprimed(block: EventBlock, context: RequestContext) -> EventBlock | None:
    """Leave out the priming events of POST streams."""
    return None if context.method == "POST" and block.data == "" else block


async def drop_get(call: Call) -> None:
    """Close the connection of a GET stream after its first event."""
    if not is_good_get(call.context) or call.context.revision != NEWEST:
        await call.forward()
        return
    closed = False

    async def first_only(message: Message) -> None:
        nonlocal closed
        if closed:
            return
        if message["type"] == "http.response.body" and message.get("body"):
            closed = True
            message = {**message, "more_body": False}
        await call.send(message)

    await call.forward(send=first_only)


async def answer_on_get_too(call: Call) -> None:
    """Send the result of a request on the GET stream of the session as well."""
    context = call.context
    if not context.is_request or context.is_initialize:
        await call.forward()
        return
    response = await call.capture()
    for message in response.messages:
        if "result" in message:
            event = EventBlock((("event", "message"), ("data", encode(message).decode())))
            await push_to_get_streams(context.facts, event.encode(), session_id=context.session_id)
    await call.answer(response.status, response.headers, response.body)


def only_post(change: Callable[[EventBlock, RequestContext], Any]) -> Layer:
    """Change the results on the event streams of single requests only."""

    def changed(block: EventBlock, context: RequestContext) -> Any:
        single = context.is_request and is_answer(message_of(block))
        return change(block, context) if single else block

    return rewrite_events(changed)


def orphan(block: EventBlock, context: RequestContext) -> Iterable[EventBlock]:
    """Add a result that nobody asked for to a result."""
    if "result" not in message_of(block):
        return (block,)
    meta = {SERVER_INFO_KEY: {"name": "reference", "version": "1"}}
    other = {"jsonrpc": "2.0", "id": "orphan", "result": {"resultType": "complete", "_meta": meta}}
    return block, EventBlock((("event", "message"), ("data", encode(other).decode())))


def empty_event(context: RequestContext) -> bytes:
    """Return a priming event, at revisions that do not know them."""
    if context.revision == NEWEST:
        return b""
    return EventBlock((("id", secrets.token_hex(8)), ("data", ""))).encode()


def list_changed_ahead(message: Any, context: RequestContext) -> Any:
    """Announce changed tools ahead of a plain result with progress."""
    announces = plain_with_token(context) and is_answer(message)
    return [TOOLS_CHANGED, message] if announces else message


def mixed_up(message: Any, context: RequestContext) -> Any:
    """Report the progress of a call under the token of another one that runs."""
    if not is_count(context) or not asks_for_progress(context):
        return message
    running: list[Any] = context.state.setdefault(f"counting-{context.session_id}", [])
    own = context.meta["progressToken"]
    if own not in running:
        running.append(own)
    if is_answer(message):
        running.remove(own)
    others = [token for token in running if token != own]
    if not others or not is_progress(message):
        return message
    return {**message, "params": {**message["params"], "progressToken": others[0]}}


async def progress_on_get(call: Call) -> None:
    """Send the progress of calls on the GET stream of the session instead."""

    async def elsewhere(message: Message) -> None:
        block = message.get("body", b"")
        if PROGRESS.encode() in block:
            await push_to_get_streams(call.context.facts, block, session_id=call.context.session_id)
            message = {**message, "body": b""}
        await call.send(message)

    await call.forward(send=elsewhere)


def dropped_early(retry: str | None) -> Layer:
    """Close the connection of a plain request with progress after its first event; the client may resume.

    Args:
        retry: The value of the retry field of that event; None for no such field.
    """

    async def run(call: Call) -> None:
        closed = False

        async def first_only(message: Message) -> None:
            nonlocal closed
            if closed:
                return
            if message["type"] == "http.response.body" and message.get("body"):
                closed = True
                first = EventBlock.parse(message["body"]).with_field("retry", retry)
                message = {**message, "body": first.encode(), "more_body": False}
            await call.send(message)

        await call.forward(send=first_only)

    return when(at(NEWEST), handle(run))


def buffered(predicate: Callable[[RequestContext], bool]) -> Layer:
    """Leave out what asks proxies not to buffer a stream."""

    def change(status: int, lines: HeaderLines, context: RequestContext) -> tuple[int, HeaderLines]:
        return status, without_header(lines, "x-accel-buffering") if predicate(context) else lines

    return rewrite_response_start(change)


def in_array(block: EventBlock, context: RequestContext) -> EventBlock:
    """Put messages into arrays at revisions without batches."""
    if context.revision == OLDEST or not block.data:
        return block
    return block.with_data(f"[{block.data}]")


def fault(
    name: str,
    requirement: str,
    summary: str,
    layer: Layer,
    modes: tuple[str, ...] = BOTH,
    options: dict[str, bool] | None = None,
) -> Fault:
    """Build a fault of this chapter that breaks one requirement."""
    return Fault(
        f"sse.{name}", (f"sse.{requirement}",), modes, summary=summary, layer=layer, options=options or {}
    )


FAULTS = (
    fault(
        "closes-before-response",
        "no-early-close",
        "a stream with progress ends without the response",
        when(at(OLDEST, MIDDLE), rewrite_events(dropped)),
    ),
    fault(
        "closes-for-good",
        "response-eventually",
        "a stream without event ids, which cannot be resumed, ends without the response",
        when(at(NEWEST), rewrite_events(dropped)),
    ),
    fault(
        "response-never-comes",
        "response-eventually",
        "a stream stays open, but the response never comes",
        when(at(MIDDLE, NEWEST), combine(hold_open(), rewrite_events(dropped))),
    ),
    fault(
        "response-never-comes-2025-03-26",
        "response-eventually.batch",
        "a stream stays open, but the response never comes",
        when(at(OLDEST), combine(hold_open(), rewrite_events(dropped))),
    ),
    fault(
        "batch-answered-in-part",
        "response-eventually.batch",
        "only the first request of a batch with progress is answered",
        handle(answer_one_of_batch),
    ),
    fault("stays-open", "response-ends-stream", "streams stay open after the response", stays_open),
    fault(
        "late-progress",
        "response-ends-stream",
        "a progress notification follows the response",
        rewrite_message(late_progress),
    ),
    fault(
        "unprimed",
        "prime-event",
        "events have ids, but POST streams do not begin with a priming event",
        rewrite_events(unprimed),
        STATEFUL,
        RESUMABLE,
    ),
    fault(
        "get-dropped",
        "get-retry-before-disconnect",
        "GET connections are closed at once, to be resumed, without saying when",
        handle(drop_get),
        STATEFUL,
        RESUMABLE,
    ),
    fault(
        "response-on-get",
        "get-no-response",
        "responses are sent on the GET stream, too",
        handle(answer_on_get_too),
        STATEFUL,
    ),
    fault(
        "response-twice",
        "no-reply-to-unknown-id",
        "responses are sent twice",
        only_post(lambda block, _: (block, block.with_field("id", None))),
    ),
    fault(
        "orphan-response",
        "no-reply-to-unknown-id",
        "a result that answers nothing follows each result",
        only_post(orphan),
    ),
    fault(
        "latin1-comment",
        "well-formed",
        "streams begin with a comment that is not UTF-8",
        rewrite_events(lambda block, _: block, before=lambda _: ": verbunden für Sie\n\n".encode("latin-1")),
    ),
    fault(
        "unfinished-event",
        "well-formed",
        "the last event of a stream with progress lacks its blank line",
        when(asks_for_progress, only_post(lambda block, _: block.encode(end=False))),
    ),
    fault(
        "byte-order-mark",
        "well-formed",
        "streams begin with a byte order mark, which is legal and breaks readers",
        rewrite_events(lambda block, _: block, before=lambda _: b"\xef\xbb\xbf"),
    ),
    fault(
        "text-events",
        "event-is-jsonrpc-message",
        "streams begin with an event whose data is plain text",
        rewrite_events(lambda block, _: block, before=lambda _: b"data: connected\n\n"),
    ),
    fault(
        "status-events",
        "event-is-jsonrpc-message",
        "streams begin with an event whose data is JSON, but no message",
        rewrite_events(lambda block, _: block, before=lambda _: b'data: {"status":"connected"}\n\n'),
    ),
    fault(
        "array-events",
        "event-is-jsonrpc-message",
        "events hold arrays, although the revision has no batches",
        rewrite_events(in_array),
    ),
    replace(
        fault(
            "empty-events",
            "event-is-jsonrpc-message",
            "streams begin with an empty event, which clients of the revision cannot read",
            rewrite_events(lambda block, _: block, before=empty_event),
        ),
        revisions=(OLDEST, MIDDLE, *MODERN_REVISIONS),
    ),
    fault(
        "typed-events",
        "event-type-message",
        "messages come in events of a type of their own",
        rewrite_events(lambda block, _: block.with_field("event", "jsonrpc") if block.data else block),
    ),
    fault(
        "list-changed-ahead",
        "related-notifications",
        "changed tools are announced on the stream of another request",
        rewrite_message(list_changed_ahead),
        STATELESS,
        STREAMED,
    ),
    fault(
        "progress-mixed-up",
        "related-notifications",
        "calls that run at once get the progress of each other",
        rewrite_message(mixed_up),
        STATELESS,
        STREAMED,
    ),
    fault(
        "messages-mixed-up",
        "related-messages",
        "calls that run at once get the progress of each other",
        rewrite_message(mixed_up),
        STATEFUL,
        STREAMED,
    ),
    fault(
        "progress-on-get",
        "get-unrelated",
        "the progress of calls comes on the GET stream",
        when(is_count, handle(progress_on_get)),
        STATEFUL,
        STREAMED,
    ),
    fault(
        "closes-without-retry",
        "retry-before-disconnect",
        "the connection of a stream is closed early, to be resumed, without saying when",
        dropped_early(None),
        STATEFUL,
        RESUMABLE,
    ),
    fault(
        "buffered",
        "x-accel-buffering",
        "streams do not ask proxies not to buffer them",
        buffered(lambda c: c.is_modern),
        STATELESS,
    ),
    fault(
        "listen-buffered",
        "x-accel-buffering",
        "the stream of subscriptions/listen does not ask proxies not to buffer it",
        buffered(lambda c: c.rpc_method == "subscriptions/listen"),
        STATELESS,
    ),
)
