"""The way of an answer of the SDK back to the client of the handshake era: what is restored and tidied on it.

Each mended point says what the SDK does and which section it would break.
"""

from __future__ import annotations

import json
from typing import Any, Final

import anyio

from reference_server._calls import header_lines, respond, response_start, without_header
from reference_server._context import (
    SESSION_HEADER,
    Facts,
    HeaderLines,
    Message,
    Receive,
    RequestContext,
    Send,
)
from reference_server._jsonrpc import Refusal, encode
from reference_server._sdk_answers import as_refusal, chunk, with_short_error
from reference_server._sse import BlockSplitter, EventBlock
from reference_server.events import GET_STREAM
from reference_server.sessions import Connection, Session

CANCELLED: Final = -32800
"""What the SDK answers to a request that the client cancelled."""


class WayBack:
    """The way back of one request: restores ids, tidies errors, primes streams, ends superseded streams."""

    def __init__(
        self, context: RequestContext, session: Session | None, facts: Facts, receive: Receive, send: Send
    ):
        self._context = context
        self._session = session
        self._facts = facts
        self._receive = receive
        self._send = send
        self._session_id = context.session_id if session is not None else None
        self._own = facts.replica.id + "." if facts.replica is not None else ""
        self._start: Message | None = None
        self._body = bytearray()
        self._splitter: BlockSplitter | None = None
        self._connection = Connection()
        self._stream_name: str | None = None
        self._refusal: Refusal | None = None
        self._ended = False

    def receiver(self, body: bytes) -> Receive:
        """Return the `receive` of the SDK: the body, then the end of the connection.

        Stateless: the SDK stops the running tool when the client leaves; a lost connection is no cancellation
        (basic/transports#sending-messages-to-the-server), so there it is not told.
        """
        given = False

        async def receive() -> Message:
            nonlocal given
            if not given:
                given = True
                return {"type": "http.request", "body": body, "more_body": False}
            if self._facts.mode == "stateless":
                await self._connection.give_way.wait()
            else:
                await self._until_gone()
            return {"type": "http.disconnect"}

        return receive

    @property
    def started(self) -> bool:
        """Whether the SDK began to answer."""
        return self._start is not None

    async def _until_gone(self) -> None:
        async with anyio.create_task_group() as group:

            async def watch() -> None:
                while (await self._receive())["type"] != "http.disconnect":
                    pass
                group.cancel_scope.cancel()

            group.start_soon(watch)
            await self._connection.give_way.wait()
            group.cancel_scope.cancel()

    async def end(self) -> None:
        """End a stream that the SDK left open, or raise what the SDK refused.

        Raises:
            Refusal: If the SDK answered with an HTTP error.
        """
        if self._refusal is not None:
            raise self._refusal
        if self._splitter is not None and not self._ended:
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    def close(self) -> None:
        """Forget the stream of this exchange."""
        self._connection.give_way.set()
        self._connection.gone.set()
        if self._session is not None and self._stream_name is not None:
            connections = self._session.connections
            if connections.get(self._stream_name) is self._connection:
                del connections[self._stream_name]

    async def send(self, message: Message) -> None:
        """Take one ASGI message of the SDK and send what the client is to get."""
        if self._connection.give_way.is_set():
            return
        if message["type"] == "http.response.start":
            await self._begin(message)
        elif self._splitter is not None:
            await self._stream(message, self._splitter)
        else:
            self._body.extend(message.get("body", b""))
            if not message.get("more_body", False):
                await self._answer()

    async def _begin(self, start: Message) -> None:
        lines = header_lines(start)
        if self._context.is_initialize and self._session is not None and start["status"] == 200:
            session_id = dict(lines).get(SESSION_HEADER)
            if session_id is not None:
                await self._open(session_id, self._session)
        lines = self._with_own_id(lines)
        self._start = {**start, "headers": response_start(start["status"], lines)["headers"]}
        if not dict(lines).get("content-type", "").startswith("text/event-stream"):
            return
        self._splitter = BlockSplitter()
        await self._send(response_start(start["status"], lines))
        await self._take_over()

    async def _open(self, sdk_id: str, session: Session) -> None:
        """Keep the session that the SDK just opened."""
        session.sdk_id = sdk_id
        self._session_id = self._facts.session_prefix + sdk_id
        if self._facts.replica is not None:
            await self._facts.replica.opened(self._session_id, session, self._context.params)
        self._facts.sessions.add(self._session_id, session)

    def _with_own_id(self, lines: HeaderLines) -> HeaderLines:
        """Return header lines with the session id that the client knows, instead of the SDK's."""
        return tuple(
            (name, self._session_id if name == SESSION_HEADER and self._session_id else value)
            for name, value in lines
        )

    async def _take_over(self) -> None:
        """Make this the one connection of its stream, and prime a GET stream, which the SDK leaves out.

        A stream that is resumed while its old connection still looks open would be sent twice
        (basic/transports#multiple-connections).
        """
        session, context = self._session, self._context
        if session is None or context.is_initialize:
            return
        if context.method == "GET":
            resumed = context.header("last-event-id") if self._facts.resumable else None
            self._stream_name = await session.events.stream_of(resumed) if resumed else GET_STREAM
        else:
            self._stream_name = session.running.get(key_of(context.rpc_id))
        if self._stream_name is None:
            return
        older = session.connections.get(self._stream_name)
        session.connections[self._stream_name] = self._connection
        if older is not None:
            older.give_way.set()
        if (
            context.method == "GET"
            and self._facts.resumable
            and not resumed
            and session.revision >= "2025-11-25"
        ):
            event_id = await session.events.store(GET_STREAM, None)
            await self._send(chunk(EventBlock((("id", event_id), ("data", ""))).encode()))

    async def _stream(self, message: Message, splitter: BlockSplitter) -> None:
        for raw in splitter.feed(message.get("body", b"")):
            block = _restored(EventBlock.parse(raw), self._own)
            if block is not None:
                await self._send(chunk(block.encode()))
        if not message.get("more_body", False):
            self._ended = True
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _answer(self) -> None:
        assert self._start is not None
        status, body = self._start["status"], bytes(self._body)
        lines = header_lines(self._start)
        if status >= 400:
            self._refusal = as_refusal(status, body, lines)
            return
        if self._context.method == "DELETE":
            self._facts.sessions.end(self._context.session_id)
            if self._session is not None and self._session.vault is not None:
                await self._session.vault.forget()
        if body and self._context.method == "POST":
            body = encode(_tidied(json.loads(body), self._own))
        else:
            # The SDK types the empty body of a 202 and of a DELETE as JSON, which an empty body is not.
            lines = without_header(lines, "content-type")
        await respond(self._send, status, lines, body)


def key_of(request_id: object) -> str:
    """Return the JSON-encoded id of a request."""
    try:
        return encode(request_id).decode()
    except (TypeError, ValueError):
        return ""


def _restored(block: EventBlock, own: str) -> EventBlock | None:
    """Return a block of the SDK with the client's id, or None if it must not be sent.

    The SDK answers a cancelled request, which is to get no response
    (basic/utilities/cancellation#behavior-requirements).
    """
    if not block.data:
        return block
    message = json.loads(block.data)
    if message.get("error", {}).get("code") == CANCELLED:
        return None
    return block.with_data(encode(_tidied(message, own)).decode())


def _tidied(message: dict[str, Any], own: str) -> dict[str, Any]:
    """Return a message of the SDK with the client's id and a short error."""
    if "method" in message or "id" not in message:
        return asked_by(message, own)
    if isinstance(message["id"], str):
        message = {**message, "id": json.loads(message["id"].partition(":")[2])}
    return with_short_error(message)


def asked_by(message: dict[str, Any], own: str) -> dict[str, Any]:
    """Return a message of the SDK; a request under an id that no other replica gives in the same session."""
    params = message.get("params") or {}
    if (
        own
        and message.get("method") == "notifications/cancelled"
        and isinstance(params.get("requestId"), int)
    ):
        return {**message, "params": {**params, "requestId": f"{own}{params['requestId']}"}}
    if not own or isinstance(message.get("id", ""), str):
        return message
    return {**message, "id": f"{own}{message['id']}"}


def asked_as(request_id: str, own: str) -> str | int:
    """Return under which id the SDK knows what a client answers."""
    number = request_id.removeprefix(own)
    return int(number) if own and request_id.startswith(own) and number.isdecimal() else request_id
