"""One request on its way through a layer: pass it on, see the answer of the app inside, answer otherwise."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

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

Payload = bytes | str | dict[str, Any] | list[Any] | None

CAPTURE_SECONDS: Final = 10.0
"""Longest time that `Call.capture` and `tee` wait for the app inside."""

JSON_TYPE: Final = ("content-type", "application/json")


@dataclass(frozen=True, slots=True)
class Response:
    """A whole response of the server inside: status, header lines (names in lower case) and body."""

    status: int
    headers: HeaderLines = ()
    body: bytes = b""

    @classmethod
    def of(cls, sent: list[Message]) -> Response:
        """Put together what an ASGI app sent; status 504 if it sent nothing."""
        start = next((m for m in sent if m["type"] == "http.response.start"), response_start(504, ()))
        body = b"".join(m.get("body", b"") for m in sent if m["type"] == "http.response.body")
        return cls(start["status"], header_lines(start), body)

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
        """Pass the request on, changed or not; the response goes to the client or another `send`."""
        scope = self.scope if context is None else scope_with(self.scope, context)
        await self.inner(scope, self.receive, send or self.send)

    async def capture(self, context: RequestContext | None = None) -> Response:
        """Pass the request on, return the whole response instead of sending it; wait `CAPTURE_SECONDS`."""
        found: list[Message] = []

        async def keep(message: Message) -> None:
            found.append(message)

        with anyio.move_on_after(CAPTURE_SECONDS):
            await self.forward(context, keep)
        return Response.of(found)

    async def answer(
        self, status: int, headers: Iterable[tuple[str, str]] = (), body: Payload = None
    ) -> None:
        """Answer the client, see `respond`."""
        await respond(self.send, status, headers, body)

    async def gone(self) -> None:
        """Wait until the client leaves."""
        await until_gone(self.receive)


def handle(run: Callable[[Call], Awaitable[None]]) -> Layer:
    """Build a layer from one coroutine function that gets a `Call`, for what no other helper covers."""

    def build(inner: ASGIApp) -> ASGIApp:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            await run(Call(context_of(scope), inner, scope, receive, send))

        return app

    return build


async def respond(
    send: Send, status: int, headers: Iterable[tuple[str, str]] = (), body: Payload = None
) -> None:
    """Send a whole response; JSON values are encoded and typed, the content length is set."""
    lines = without_header(tuple((name.lower(), value) for name, value in headers), "content-length")
    if isinstance(body, (dict, list)):
        lines = lines if any(name == "content-type" for name, _ in lines) else (*lines, JSON_TYPE)
        body = encode(body)
    raw = body.encode() if isinstance(body, str) else body or b""
    await send(response_start(status, (*lines, ("content-length", str(len(raw))))))
    await send({"type": "http.response.body", "body": raw, "more_body": False})


async def push_to_get_streams(facts: Facts, block: bytes, *, session_id: str | None = None) -> int:
    """Write raw bytes to open GET streams: those of one session, or all; return how many streams got them."""
    chosen = facts.get_streams if session_id is None else {session_id: facts.get_streams.get(session_id, [])}
    sends = [send for streams in chosen.values() for send in streams]
    for send in sends:
        await send({"type": "http.response.body", "body": block, "more_body": True})
    return len(sends)


def header_lines(message: Message) -> HeaderLines:
    return tuple((k.decode("latin-1").lower(), v.decode("latin-1")) for k, v in message.get("headers", ()))


def response_start(status: int, lines: Iterable[tuple[str, str]]) -> Message:
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in lines]
    return {"type": "http.response.start", "status": int(status), "headers": headers}


def without_header(lines: HeaderLines, name: str) -> HeaderLines:
    return tuple(line for line in lines if line[0] != name)


async def until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
