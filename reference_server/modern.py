"""Carries one request of the modern era to the SDK and its answer back, and mends what the SDK does.

Each mended point says what the SDK does and which section of 2026-07-28 it would break. Refusals are in
`corrections_modern`.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Final

import anyio
from mcp.shared.inbound import encode_header_value

from reference_server._calls import header_lines, respond, response_start, until_gone
from reference_server._context import (
    ON_SHUTDOWN,
    VERSION_HEADER,
    Message,
    Receive,
    RequestContext,
    Scope,
    Send,
    context_of,
    scope_with,
)
from reference_server._jsonrpc import Refusal, encode
from reference_server._sdk_answers import as_refusal, chunk, with_short_error
from reference_server._sse import BlockSplitter, EventBlock
from reference_server.corrections_modern import METHOD_HEADER, NAME_HEADER, NAMED_BY

STREAM_HEADERS: Final = (
    ("content-type", "text/event-stream"),
    ("cache-control", "no-cache, no-transform"),
    ("x-accel-buffering", "no"),
)


async def serve(
    serve_sdk: Callable[[Scope, Receive, Send], Awaitable[None]],
    end_streams: Callable[[], None],
    scope: Scope,
    receive: Receive,
    send: Send,
) -> None:
    """Serve one request that passed all checks.

    With JSON answers the SDK lets a tool run on when the client leaves, which is to stop it at once
    (basic/patterns/cancellation#transport-specific-cancellation).

    Args:
        serve_sdk: The SDK.
        end_streams: Ends all long streams with their result; called when the HTTP server is told to end.
        scope: The scope of the request.
        receive: Tells that the client left.
        send: The way back.

    Raises:
        Refusal: If the SDK answered with an HTTP error.
    """
    context = context_of(scope)
    exchange = _Exchange(context, receive, send)
    scope = scope_with(scope, _for_sdk(context))
    if context.rpc_method == "subscriptions/listen":
        on_shutdown = scope.get("state", {}).get(ON_SHUTDOWN, set())
        on_shutdown.add(end_streams)
        try:
            await serve_sdk(scope, exchange.receive, exchange.send)
        finally:
            on_shutdown.discard(end_streams)
    elif not context.facts.json_response:
        await serve_sdk(scope, exchange.receive, exchange.send)
    else:
        async with anyio.create_task_group() as group:

            async def watch() -> None:
                await until_gone(receive)
                group.cancel_scope.cancel()

            group.start_soon(watch)
            await serve_sdk(scope, exchange.receive, exchange.send)
            group.cancel_scope.cancel()
    exchange.end()


def _for_sdk(context: RequestContext) -> RequestContext:
    """Return the request as the SDK gets it: it minds letter case and blanks, and reads one line of Accept.

    Its headers were compared with the body already, so they are made anew from there.
    """
    name = context.params.get(NAMED_BY.get(context.rpc_method or "", ""))
    return context.changed(
        headers=(
            ("content-type", "application/json"),
            ("accept", "application/json, text/event-stream"),
            (VERSION_HEADER, context.revision or ""),
            (METHOD_HEADER, context.rpc_method or ""),
            *(((NAME_HEADER, encode_header_value(name)),) if isinstance(name, str) else ()),
        )
    )


class _Exchange:
    """The way back of one request: one form for all answers, short errors."""

    def __init__(self, context: RequestContext, receive: Receive, send: Send) -> None:
        self._context = context
        self._receive = receive
        self._send = send
        self._given = False
        self._start: Message | None = None
        self._body = bytearray()
        self._splitter: BlockSplitter | None = None
        self._refusal: Refusal | None = None

    async def receive(self) -> Message:
        """Give the SDK the body, then what the client does."""
        if not self._given:
            self._given = True
            return {"type": "http.request", "body": self._context.body, "more_body": False}
        return await self._receive()

    def end(self) -> None:
        """Raise what the SDK refused.

        Raises:
            Refusal: If the SDK answered with an HTTP error.
        """
        if self._refusal is not None:
            raise self._refusal

    async def send(self, message: Message) -> None:
        """Take one ASGI message of the SDK and send what the client is to get."""
        if message["type"] == "http.response.start":
            self._start = message
            if dict(header_lines(message)).get("content-type", "").startswith("text/event-stream"):
                self._splitter = BlockSplitter()
                await self._send(response_start(200, STREAM_HEADERS))
        elif self._splitter is not None:
            blocks = [_tidied(EventBlock.parse(raw)) for raw in self._splitter.feed(message.get("body", b""))]
            body = b"".join(block.encode() for block in blocks)
            await self._send({**chunk(body), "more_body": message.get("more_body", False)})
        else:
            self._body.extend(message.get("body", b""))
            if not message.get("more_body", False):
                await self._answer(bytes(self._body))

    async def _answer(self, body: bytes) -> None:
        """Answer with what the SDK gave as JSON; it leaves event streams to answers with notifications."""
        assert self._start is not None
        status = self._start["status"]
        value = json.loads(body) if body else {}
        if status >= 400 or "error" in value:
            self._refusal = as_refusal(status, body, header_lines(self._start))
        elif self._context.facts.json_response:
            await respond(self._send, status, (), body=value)
        else:
            event = EventBlock((("event", "message"), ("data", encode(value).decode())))
            await self._send(response_start(status, STREAM_HEADERS))
            await self._send({**chunk(event.encode()), "more_body": False})


def _tidied(block: EventBlock) -> EventBlock:
    if not block.data:
        return block
    return block.with_data(encode(with_short_error(json.loads(block.data))).decode())
