"""Building blocks for faults and variants: each returns a layer, a function from one ASGI app to another.

A layer sees HTTP requests only, with their `RequestContext`; event streams pass through block by block, never buffered.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any

import anyio

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
    scope_with,
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

JSONObject = dict[str, Any]
Predicate = Callable[[RequestContext], bool]
Payload = bytes | str | JSONObject | list[Any] | None
EventResult = EventBlock | bytes | None | Iterable[EventBlock | bytes]

CAPTURE_SECONDS = 10.0
"""Longest time that `Call.capture` and `tee` wait for the inner app."""


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


# --- the response --------------------------------------------------------------------------------------------------


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
                    status, lines = change(message["status"], _lines(message), context_of(scope))
                    message = _start(status, lines)
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
        change: Gets one block and the context; returns a block, raw bytes (any framing), several of them, or None to
            drop the block.
        before: Bytes to send ahead of the first block.
        after: Bytes to send at the end of the stream.
    """

    def blocks(block: EventBlock, context: RequestContext) -> bytes:
        return _joined(change(block, context))

    return lambda inner: _Rewriter(inner, block=blocks, before=before, after=after)


def rewrite_message(change: Callable[[Any, RequestContext], Any]) -> Layer:
    """Change every JSON-RPC message the server sends, in JSON bodies (also batches and errors) and in event streams.

    Args:
        change: Gets a message and the context; returns a message, None to send nothing, or a list of messages. In an
            event stream each message of a list gets its own event, in a JSON body they become an array. Return the
            message itself to keep the bytes as they are.
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
    """Keep the connection open after the last byte of the body, until the client leaves or the time is over."""

    def build(inner: ASGIApp) -> ASGIApp:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            ended = False

            async def delayed(message: Message) -> None:
                nonlocal ended
                if message["type"] == "http.response.body" and not message.get("more_body", False):
                    ended = True
                    message = {**message, "more_body": True}
                elif message["type"] == "http.response.start":
                    message = _start(message["status"], _without(_lines(message), "content-length"))
                await send(message)

            if not predicate(context_of(scope)):
                await inner(scope, receive, send)
                return
            await inner(scope, receive, delayed)
            if ended:
                with anyio.move_on_after(seconds):
                    await _until_gone(receive)
                await send({"type": "http.response.body", "body": b"", "more_body": False})

        return app

    return build


def after_response(action: Callable[[Call], Awaitable[None]]) -> Layer:
    """Run an action once a response was sent whole, for example to push something to another stream."""

    async def run(call: Call) -> None:
        await call.forward()
        await action(call)

    return handle(run)


# --- the request ---------------------------------------------------------------------------------------------------


def rewrite_request_body(change: Callable[[RequestContext], bytes | None]) -> Layer:
    """Change the body that the server inside sees; None keeps it."""

    def changed(context: RequestContext) -> RequestContext:
        body = change(context)
        return context if body is None else context.changed(body=body)

    return _rewrite_request(changed)


def rewrite_request_headers(change: Callable[[HeaderLines, RequestContext], Iterable[tuple[str, str]]]) -> Layer:
    """Change the header lines (names in lower case) that the server inside sees."""
    return _rewrite_request(lambda context: context.changed(headers=tuple(change(context.headers, context))))


def _rewrite_request(change: Callable[[RequestContext], RequestContext]) -> Layer:
    async def run(call: Call) -> None:
        await call.forward(change(call.context))

    return handle(run)


# --- other answers -------------------------------------------------------------------------------------------------


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
        body: Bytes, text, a JSON value, None for no body, or a function of the context that returns one of these.
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
        predicate: Selects requests; no GET streams, since the inner response is awaited whole.
        answer: Gets the inner response and the context, returns the response to send.
    """

    async def run(call: Call) -> None:
        if predicate(call.context):
            response = answer(await call.capture(), call.context)
            await call.answer(response.status, response.headers, response.body)
        else:
            await call.forward()

    return handle(run)


@dataclass(frozen=True, slots=True)
class Response:
    """A whole response of the server inside: status, header lines (names in lower case) and body."""

    status: int
    headers: HeaderLines = ()
    body: bytes = b""

    @property
    def messages(self) -> list[Any]:
        """The JSON-RPC messages of a JSON body or of an event stream."""
        splitter = BlockSplitter()
        if any(name == "content-type" and "event-stream" in value for name, value in self.headers):
            texts = [EventBlock.parse(raw).data for raw in splitter.feed(self.body)]
            return [json.loads(text) for text in texts if text]
        if not self.body:
            return []
        value = json.loads(self.body)
        return value if isinstance(value, list) else [value]


@dataclass(frozen=True, slots=True)
class Call:
    """One request on its way through a layer, with the app inside and the way back to the client."""

    context: RequestContext
    inner: ASGIApp
    scope: Scope
    receive: Receive
    send: Send

    @property
    def state(self) -> dict[str, Any]:
        """Room for the state of layers, one per app."""
        return self.context.state

    async def forward(self, context: RequestContext | None = None, send: Send | None = None) -> None:
        """Pass the request on, changed or not; the response goes to the client or to another `send`."""
        scope = self.scope if context is None else scope_with(self.scope, context)
        await self.inner(scope, self.receive, send or self.send)

    async def capture(self, context: RequestContext | None = None) -> Response:
        """Pass the request on and return the whole response instead of sending it, waiting `CAPTURE_SECONDS`."""
        found: list[Message] = []

        async def keep(message: Message) -> None:
            found.append(message)

        with anyio.move_on_after(CAPTURE_SECONDS):
            await self.forward(context, keep)
        start = next((m for m in found if m["type"] == "http.response.start"), _start(504, ()))
        body = b"".join(m.get("body", b"") for m in found if m["type"] == "http.response.body")
        return Response(start["status"], _lines(start), body)

    async def answer(self, status: int, headers: Iterable[tuple[str, str]] = (), body: Payload = None) -> None:
        """Answer the client, see `respond`."""
        await respond(self.send, status, headers, body)

    async def gone(self) -> None:
        """Wait until the client leaves."""
        await _until_gone(self.receive)


def handle(run: Callable[[Call], Awaitable[None]]) -> Layer:
    """Build a layer from one coroutine function that gets a `Call`: the way to write what no other helper covers."""

    def build(inner: ASGIApp) -> ASGIApp:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await run(Call(context_of(scope), inner, scope, receive, send))

        return app

    return build


async def respond(send: Send, status: int, headers: Iterable[tuple[str, str]] = (), body: Payload = None) -> None:
    """Send a whole response; JSON values are encoded and typed, the content length is set."""
    lines = _without(tuple((name.lower(), value) for name, value in headers), "content-length")
    if isinstance(body, (dict, list)):
        lines = lines if any(name == "content-type" for name, _ in lines) else (*lines, _JSON_TYPE)
        body = encode(body)
    raw = body.encode() if isinstance(body, str) else body or b""
    await send(_start(status, (*lines, ("content-length", str(len(raw))))))
    await send({"type": "http.response.body", "body": raw, "more_body": False})


async def push_to_get_streams(facts: Facts, block: bytes, *, session_id: str | None = None) -> int:
    """Write raw bytes to open GET streams: those of one session, or all; return how many streams got them."""
    chosen = facts.get_streams if session_id is None else {session_id: facts.get_streams.get(session_id, [])}
    sends = [send for streams in chosen.values() for send in streams]
    for send in sends:
        await send({"type": "http.response.body", "body": block, "more_body": True})
    return len(sends)


# --- inside --------------------------------------------------------------------------------------------------------

_JSON_TYPE = ("content-type", "application/json")


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
                    message = _start(message["status"], _without(_lines(message), "content-length"))
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
                    lines = _without(_lines(start), "content-length")
                    await send(_start(start["status"], (*lines, ("content-length", str(len(new))))))
                    await send({"type": "http.response.body", "body": new, "more_body": False})
            else:
                await send(message)

        await self._inner(scope, receive, changed)

    async def _stream(self, message: Message, splitter: BlockSplitter, context: RequestContext, send: Send) -> None:
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


def _lines(message: Message) -> HeaderLines:
    return tuple((k.decode("latin-1").lower(), v.decode("latin-1")) for k, v in message.get("headers", ()))


def _start(status: int, lines: Iterable[tuple[str, str]]) -> Message:
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in lines]
    return {"type": "http.response.start", "status": status, "headers": headers}


def _chunk(body: bytes) -> Message:
    return {"type": "http.response.body", "body": body, "more_body": True}


def _without(lines: HeaderLines, name: str) -> HeaderLines:
    return tuple(line for line in lines if line[0] != name)


def _is_stream(message: Message) -> bool:
    return any(name == "content-type" and value.startswith("text/event-stream") for name, value in _lines(message))


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
