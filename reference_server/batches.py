"""JSON-RPC batches, which only 2025-03-26 has (basic/transports#sending-messages-to-the-server).

The SDK takes no arrays, so each member goes through the server as a message of its own.
"""

from __future__ import annotations

import json
from typing import Any, Final

import anyio

from reference_server._calls import Response, respond, response_start
from reference_server._context import (
    ASGIApp,
    Message,
    Receive,
    RequestContext,
    Scope,
    Send,
    context_of,
    scope_with,
)
from reference_server._jsonrpc import INVALID_REQUEST, Refusal, encode, is_call
from reference_server._layers import rewrite_events
from reference_server._sse import EventBlock

REVISION: Final = "2025-03-26"
MAX_MEMBERS: Final = 100


async def serve(single: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve a batch: a response per request, an error per invalid member, nothing for the rest.

    Args:
        single: The app that serves one message.
        scope: The scope of the batch.
        receive: The client's side; members of a batch are not told that the client left.
        send: The way back.

    Raises:
        Refusal: If the batch as a whole is refused: empty, too long, or with `initialize` in it.
    """
    context = context_of(scope)
    members = context.members
    if not members:
        raise Refusal(400, INVALID_REQUEST, "A batch must not be empty")
    if len(members) > MAX_MEMBERS:
        raise Refusal(400, INVALID_REQUEST, f"A batch has at most {MAX_MEMBERS} members")
    if any(isinstance(member, dict) and member.get("method") == "initialize" for member in members):
        raise Refusal(400, INVALID_REQUEST, "initialize must not be part of a batch")
    requests = [context.changed(body=encode(member)) for member in members if is_call(member)]
    others = [context.changed(body=encode(member)) for member in members if not is_call(member)]
    errors: list[Any] = []
    for other in others:
        errors += (await _whole(single, scope, other)).messages
    if not requests:
        await respond(send, *_answer_without_requests(errors, len(members)))
    elif context.facts.json_response:
        await _as_array(single, scope, requests, errors, send)
    else:
        await _as_stream(single, scope, requests, errors, send)


def _answer_without_requests(errors: list[Any], members: int) -> tuple[int, tuple[tuple[str, str], ...], Any]:
    if not errors:
        return 202, (), None
    return 400 if len(errors) == members else 200, (), errors


async def _as_array(
    single: ASGIApp, scope: Scope, requests: list[RequestContext], answers: list[Any], send: Send
) -> None:
    async def one(request: RequestContext) -> None:
        answers.extend((await _whole(single, scope, request)).messages)

    async with anyio.create_task_group() as group:
        for request in requests:
            group.start_soon(one, request)
    await respond(send, 200, (), answers)


async def _as_stream(
    single: ASGIApp, scope: Scope, requests: list[RequestContext], errors: list[Any], send: Send
) -> None:
    """Answer on one stream, each message when it is there; without event ids, as it cannot be resumed."""
    lock = anyio.Lock()
    lines = [("content-type", "text/event-stream"), ("cache-control", "no-cache, no-transform")]
    await send(response_start(200, lines))

    async def push(raw: bytes) -> None:
        async with lock:
            await send({"type": "http.response.body", "body": raw, "more_body": True})

    async def one(request: RequestContext) -> None:
        streaming, body = False, b""

        async def relay(message: Message) -> None:
            nonlocal streaming, body
            if message["type"] == "http.response.start":
                streaming = any(value.startswith(b"text/event-stream") for _, value in message["headers"])
            elif streaming and message.get("body"):
                await push(message["body"])
            elif not streaming:
                body += message.get("body", b"")

        without_ids = rewrite_events(lambda block, _: block.with_field("id", None))(single)
        await without_ids(scope_with(scope, request), _nothing_more, relay)
        if body:
            await push(_event(json.loads(body)))

    for error in errors:
        await push(_event(error))
    async with anyio.create_task_group() as group:
        for request in requests:
            group.start_soon(one, request)
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _whole(single: ASGIApp, scope: Scope, request: RequestContext) -> Response:
    """Serve one member and return its whole response."""
    found: list[Message] = []

    async def keep(message: Message) -> None:
        found.append(message)

    await single(scope_with(scope, request), _nothing_more, keep)
    return Response.of(found)


def _event(message: Any) -> bytes:
    return EventBlock((("event", "message"), ("data", encode(message).decode()))).encode()


async def _nothing_more() -> Message:
    await anyio.sleep_forever()
    raise AssertionError("unreachable")
