"""Building blocks for faults and variants: each returns a layer, a function from one ASGI app to another.

A layer sees HTTP requests only, with their `RequestContext`; event streams pass block by block, unbuffered.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import anyio

from reference_server._calls import (
    Call,
    Payload,
    Response,
    handle,
    header_lines,
    push_to_get_streams,
    respond,
    response_start,
    until_gone,
    without_header,
)
from reference_server._context import (
    ASGIApp,
    Facts,
    HeaderLines,
    Layer,
    Message,
    Receive,
    RequestContext,
    Scope,
    Send,
    context_of,
)
from reference_server._jsonrpc import encode
from reference_server._sse import BlockSplitter, EventBlock

__all__ = [
    "ASGIApp",
    "Call",
    "EventBlock",
    "Facts",
    "Layer",
    "RequestContext",
    "Response",
    "after_response",
    "always",
    "answer_instead",
    "combine",
    "context_of",
    "handle",
    "hold_open",
    "push_to_get_streams",
    "respond",
    "rewrite_body",
    "rewrite_events",
    "rewrite_message",
    "rewrite_request_body",
    "rewrite_request_headers",
    "rewrite_response_start",
    "tee",
    "when",
]

Predicate = Callable[[RequestContext], bool]
EventResult = EventBlock | bytes | None | Iterable[EventBlock | bytes]


def always(context: RequestContext) -> bool:
    """Accept every request: the predicate that selects all."""
    return True


def when(predicate: Predicate, layer: Layer) -> Layer:
    """Apply a layer only to the requests that a predicate selects."""

    def build(inner: ASGIApp) -> ASGIApp:
        changed = layer(inner)

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await (changed if predicate(context_of(scope)) else inner)(scope, receive, send)

        return app

    return build


def combine(*layers: Layer) -> Layer:
    """Put several layers together; the first is the outermost."""

    def build(inner: ASGIApp) -> ASGIApp:
        for layer in reversed(layers):
            inner = layer(inner)
        return inner

    return build


# --- the response -----------------------------------------------------------------------------------------


def rewrite_response_start(
    change: Callable[[int, HeaderLines, RequestContext], tuple[int, Iterable[tuple[str, str]]]],
) -> Layer:
    """Change status and headers of every response.

    Args:
        change: Gets status, header lines (names in lower case) and context; returns status and header lines.
    """

    def build(inner: ASGIApp) -> ASGIApp:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            async def changed(message: Message) -> None:
                if message["type"] == "http.response.start":
                    status, lines = change(message["status"], header_lines(message), context_of(scope))
                    message = response_start(status, lines)
                await send(message)

            await inner(scope, receive, changed)

        return app

    return build


def rewrite_body(change: Callable[[bytes, RequestContext], bytes]) -> Layer:
    """Change the bytes of every response body that is no event stream; the content length follows.

    Args:
        change: Gets the whole body (may be empty) and the context; returns the new body.
    """
    return lambda inner: _Rewriter(inner, whole=change)


def rewrite_events(
    change: Callable[[EventBlock, RequestContext], EventResult],
    *,
    before: Callable[[RequestContext], bytes] | None = None,
    after: Callable[[RequestContext], bytes] | None = None,
) -> Layer:
    """Change the blocks of every event stream, on POST and on GET.

    Args:
        change: Gets one block and the context; returns a block, raw bytes (any framing), several of them, or
            None to drop the block.
        before: Bytes to send ahead of the first block.
        after: Bytes to send at the end of the stream.
    """

    def blocks(block: EventBlock, context: RequestContext) -> bytes:
        return _joined(change(block, context))

    return lambda inner: _Rewriter(inner, block=blocks, before=before, after=after)


def rewrite_message(change: Callable[[Any, RequestContext], Any]) -> Layer:
    """Change every JSON-RPC message the server sends, in JSON bodies (batches too) and event streams.

    Args:
        change: Gets a message and the context; returns a message, None to send nothing, or a list of them.
            In an event stream each message of a list gets its own event, in a JSON body they become an array.
            Change a copy: a message that is equal to the old one keeps its bytes.
    """

    def whole(body: bytes, context: RequestContext) -> bytes:
        try:
            value = json.loads(body)
        except ValueError:
            return body
        members = value if isinstance(value, list) else [value]
        results: list[Any] = []
        for member in members:
            result = change(member, context)
            results.extend(result if isinstance(result, list) else [] if result is None else [result])
        if results == members:
            return body
        if not results:
            return b""
        return encode(results if isinstance(value, list) or len(results) > 1 else results[0])

    def block(found: EventBlock, context: RequestContext) -> bytes:
        try:
            value = json.loads(found.data or "")
        except ValueError:
            return found.encode()
        result = change(value, context)
        results = result if isinstance(result, list) else [] if result is None else [result]
        last = len(results) - 1
        return b"".join(
            (found if i == last else found.with_field("id", None)).with_data(encode(each).decode()).encode()
            for i, each in enumerate(results)
        )

    return lambda inner: _Rewriter(inner, whole=whole, block=block)


def hold_open(predicate: Predicate = always, *, seconds: float = 30.0) -> Layer:
    """Keep the connection open after the last byte, until the client leaves or the time is over."""

    def build(inner: ASGIApp) -> ASGIApp:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            ended = False

            async def delayed(message: Message) -> None:
                nonlocal ended
                if message["type"] == "http.response.body" and not message.get("more_body", False):
                    ended = True
                    message = {**message, "more_body": True}
                elif message["type"] == "http.response.start":
                    message = response_start(
                        message["status"], without_header(header_lines(message), "content-length")
                    )
                await send(message)

            if not predicate(context_of(scope)):
                await inner(scope, receive, send)
                return
            await inner(scope, receive, delayed)
            if ended:
                with anyio.move_on_after(seconds):
                    await until_gone(receive)
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        return app

    return build


def after_response(action: Callable[[Call], Awaitable[None]]) -> Layer:
    """Run an action once a response was sent whole, for example to push something to another stream."""

    async def run(call: Call) -> None:
        await call.forward()
        await action(call)

    return handle(run)


# --- the request ------------------------------------------------------------------------------------------


def rewrite_request_body(change: Callable[[RequestContext], bytes | None]) -> Layer:
    """Change the body that the server inside sees; None keeps it."""

    def changed(context: RequestContext) -> RequestContext:
        body = change(context)
        return context if body is None else context.changed(body=body)

    return _rewrite_request(changed)


def rewrite_request_headers(
    change: Callable[[HeaderLines, RequestContext], Iterable[tuple[str, str]]],
) -> Layer:
    """Change the header lines (names in lower case) that the server inside sees."""
    return _rewrite_request(lambda context: context.changed(headers=tuple(change(context.headers, context))))


def _rewrite_request(change: Callable[[RequestContext], RequestContext]) -> Layer:
    async def run(call: Call) -> None:
        await call.forward(change(call.context))

    return handle(run)


# --- other answers ----------------------------------------------------------------------------------------


def answer_instead(
    predicate: Predicate,
    status: int,
    headers: Iterable[tuple[str, str]] = (),
    body: Payload | Callable[[RequestContext], Payload] = None,
) -> Layer:
    """Answer the selected requests without asking the server inside.

    Args:
        predicate: Selects requests.
        status: HTTP status.
        headers: Header lines; content length and, for JSON values, content type are added.
        body: Bytes, text, a JSON value, None for no body, or a function of the context that returns one.
    """

    async def run(call: Call) -> None:
        if predicate(call.context):
            await call.answer(status, headers, body(call.context) if callable(body) else body)
        else:
            await call.forward()

    return handle(run)


def tee(
    predicate: Predicate,
    answer: Callable[[Response, RequestContext], Response],
) -> Layer:
    """Let the server inside serve the selected requests, but answer something else.

    Args:
        predicate: Selects requests. Those for streams that stay open are served by the server inside, since
            its response is awaited whole.
        answer: Gets the inner response and the context, returns the response to send.
    """

    async def run(call: Call) -> None:
        if predicate(call.context) and not call.context.stays_open:
            response = answer(await call.capture(), call.context)
            await call.answer(response.status, response.headers, response.body)
        else:
            await call.forward()

    return handle(run)


# --- inside -----------------------------------------------------------------------------------------------


class _Rewriter:
    """The layer behind the response helpers: changes whole bodies, or event streams block by block."""

    def __init__(
        self,
        inner: ASGIApp,
        *,
        whole: Callable[[bytes, RequestContext], bytes] | None = None,
        block: Callable[[EventBlock, RequestContext], bytes] | None = None,
        before: Callable[[RequestContext], bytes] | None = None,
        after: Callable[[RequestContext], bytes] | None = None,
    ) -> None:
        self._inner = inner
        self._whole = whole
        self._block = block
        self._before = before
        self._after = after

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        context = context_of(scope)
        pending: list[Message] = []
        body = bytearray()
        splitter: BlockSplitter | None = None

        async def changed(message: Message) -> None:
            nonlocal splitter
            if message["type"] == "http.response.start":
                if _is_stream(message):
                    splitter = BlockSplitter()
                    message = response_start(
                        message["status"], without_header(header_lines(message), "content-length")
                    )
                    await send(message)
                    if self._before:
                        await send(_chunk(self._before(context)))
                elif self._whole:
                    pending.append(message)
                else:
                    await send(message)
            elif splitter is not None:
                await self._stream(message, splitter, context, send)
            elif pending:
                body.extend(message.get("body", b""))
                if not message.get("more_body", False) and self._whole:
                    start = pending.pop()
                    new = self._whole(bytes(body), context)
                    lines = without_header(header_lines(start), "content-length")
                    await send(response_start(start["status"], (*lines, ("content-length", str(len(new))))))
                    await send({"type": "http.response.body", "body": new, "more_body": False})
            else:
                await send(message)

        await self._inner(scope, receive, changed)

    async def _stream(
        self, message: Message, splitter: BlockSplitter, context: RequestContext, send: Send
    ) -> None:
        raw = message.get("body", b"")
        if self._block:
            change = self._block
            raw = b"".join(change(EventBlock.parse(each), context) for each in splitter.feed(raw))
        if raw:
            await send(_chunk(raw))
        if not message.get("more_body", False):
            rest = splitter.close() + (self._after(context) if self._after else b"")
            await send({"type": "http.response.body", "body": rest, "more_body": False})


def _joined(result: EventResult) -> bytes:
    if result is None:
        return b""
    if isinstance(result, EventBlock):
        return result.encode()
    if isinstance(result, bytes):
        return result
    return b"".join(each if isinstance(each, bytes) else each.encode() for each in result)


def _chunk(body: bytes) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": True}


def _is_stream(message: Message) -> bool:
    return any(
        name == "content-type" and value.startswith("text/event-stream")
        for name, value in header_lines(message)
    )
