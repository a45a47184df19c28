"""The outermost layer: reads each body once, makes the `RequestContext`, and knows the open GET streams."""

from __future__ import annotations

import time
from typing import Final

import anyio

from reference_server._context import (
    RAW_NAMES,
    ASGIApp,
    Facts,
    Layer,
    Message,
    Receive,
    RequestContext,
    Scope,
    Send,
    scope_with,
)

MAX_BODY: Final = 4 * 1024 * 1024
"""Largest request body that is read, in bytes; more is drained up to `MAX_DRAIN` and refused with 413."""
MAX_DRAIN: Final = 64 * 1024 * 1024


def read_requests(facts: Facts) -> Layer:
    """Build the outermost layer: read each body once and attach a `RequestContext` to the scope.

    Layers inside take the body from the context; their `receive` only tells of a client that went away.
    """

    def layer(inner: ASGIApp) -> ASGIApp:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            began = time.monotonic()
            facts.unread += 1
            try:
                body = await _read_body(receive)
            finally:
                facts.unread -= 1
            if body is None:
                facts.cut_requests += 1
                return
            context = RequestContext(
                method=scope["method"],
                path=scope["path"],
                headers=tuple(
                    (k.decode("latin-1").lower(), v.decode("latin-1")) for k, v in scope["headers"]
                ),
                body=body if len(body) <= MAX_BODY else b"",
                too_large=len(body) > MAX_BODY,
                scheme=scope.get("scheme", "http"),
                server_host=(scope.get("server") or (None,))[0],
                raw_names=scope.get("state", {}).get(RAW_NAMES, ()),
                body_seconds=time.monotonic() - began,
                facts=facts,
            )
            streams = TrackedStream(context, send)
            try:
                await inner(scope_with(scope, context), receive, streams.send)
            finally:
                streams.forget()

        return app

    return layer


async def _read_body(receive: Receive) -> bytes | None:
    """Read a body; None if the client went away, more than `MAX_BODY` bytes if it was too large."""
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        chunk = message.get("body", b"")
        size += len(chunk)
        if size <= MAX_BODY + 1:
            chunks.append(chunk)
        if not message.get("more_body", False):
            break
        if size > MAX_DRAIN:
            break
    return b"".join(chunks) if size <= MAX_BODY else b"\0" * (MAX_BODY + 1)


class TrackedStream:
    """Keeps the `send` of a GET stream in `Facts.get_streams` while the stream is open."""

    def __init__(self, context: RequestContext, send: Send) -> None:
        self._context = context
        self._send = send
        self._lock = anyio.Lock()
        self._key = context.session_id or ""

    async def send(self, message: Message) -> None:
        """Send, and note that the stream is open once it is."""
        async with self._lock:
            await self._send(message)
        if (
            message["type"] == "http.response.start"
            and self._context.method == "GET"
            and message["status"] == 200
        ):
            self._context.facts.get_streams.setdefault(self._key, []).append(self.send)

    def forget(self) -> None:
        """Note that the stream has ended."""
        streams = self._context.facts.get_streams.get(self._key, [])
        if self.send in streams:
            streams.remove(self.send)
        if not streams:
            self._context.facts.get_streams.pop(self._key, None)
