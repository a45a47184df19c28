"""Carries one request to the SDK and its answer back, and mends what the SDK does on the way.

Each mended point says what the SDK does and which section it would break. Refusals are in `corrections`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from itertools import count
from typing import Any, Final

import anyio
from mcp.server.streamable_http import EventCallback, EventMessage, EventStore
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp_types import JSONRPCError, JSONRPCResponse, jsonrpc_message_adapter

from reference_server import modern
from reference_server._calls import header_lines, respond, response_start, without_header
from reference_server._context import (
    MODERN_REVISIONS,
    SESSION_HEADER,
    VERSION_HEADER,
    Facts,
    HeaderLines,
    Message,
    Receive,
    RequestContext,
    Scope,
    Send,
    context_of,
    negotiate,
    scope_with,
)
from reference_server._jsonrpc import INVALID_REQUEST, Refusal, encode
from reference_server._sdk_answers import as_refusal, chunk, with_short_error
from reference_server._sse import BlockSplitter, EventBlock
from reference_server.events import GET_STREAM
from reference_server.handlers import build_server
from reference_server.principals import owner
from reference_server.sessions import Connection, Session, Transactions, current_session
from reference_server.stored_sessions import StoredHandles
from reference_server.subscriptions import Listening

CANCELLED: Final = -32800
"""What the SDK answers to a request that the client cancelled."""

RECONNECT_SECONDS: Final = 0.5
"""How long a new GET stream waits for the old one of its session to go, before it is refused."""


ADOPT_SECONDS: Final = 2.0
"""How long the SDK may take to take in a session that another replica served."""

RETRY_MILLISECONDS: Final = 100
"""After what time a client is to take up a stream again, told at the begin of streams that can be resumed."""


class SessionScopedEvents(EventStore):
    """Hands the events of each session to that session's own store.

    The SDK has one store for all sessions and gives every session's GET stream the same name, so one session
    could replay what belongs to another (basic/transports#resumability-and-redelivery).

    Args:
        own: What the ids of requests begin with that this app sends.
    """

    def __init__(self, own: str) -> None:
        self._own = own

    async def store_event(self, stream_id: str, message: Any) -> str:
        """Keep an event of the current session; a response ends its stream."""
        final = stream_id != GET_STREAM and isinstance(message, (JSONRPCResponse, JSONRPCError))
        kept = None
        if message is not None:
            kept = message.model_dump(by_alias=True, mode="json", exclude_unset=True)
            kept = _asked_by(kept, self._own)
        return await _session().events.store(stream_id, kept, final=final)

    async def replay_events_after(self, last_event_id: str, send_callback: EventCallback) -> str | None:
        """Replay one stream and follow it until its response; the SDK loses messages between the two."""

        async def deliver(event_id: str, message: Any) -> None:
            read = jsonrpc_message_adapter.validate_python(message, by_name=False)
            await send_callback(EventMessage(read, event_id))

        await _session().events.follow(last_event_id, deliver)
        return None


class Engine:
    """The SDK behind one ASGI app.

    Args:
        facts: What is true of the app.
    """

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._own = facts.replica.id + "." if facts.replica is not None else ""
        self._numbers = count(1)
        replica = facts.replica
        self._listening = Listening(facts.sessions, replica.tell_all if replica else None)
        self._handles: dict[str | None, Session] = {}
        if replica is not None:
            replica.joins(self.adopt, self.drop, self._listening.hear)
        self._manager = StreamableHTTPSessionManager(
            build_server(facts, self._listening),
            event_store=SessionScopedEvents(self._own) if facts.resumable else None,
            retry_interval=RETRY_MILLISECONDS,
            json_response=facts.json_response,
            stateless=facts.mode == "stateless",
        )

    def run(self) -> AbstractAsyncContextManager[None]:
        """Return the context in which requests can be served."""
        return self._manager.run()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request that passed all checks: a single message, a GET stream or a DELETE."""
        context = context_of(scope)
        if context.is_modern:
            token = current_session.set(self._handles_of(owner()))
            try:
                await modern.serve(self._manager.handle_request, self._listening.end, scope, receive, send)
            finally:
                current_session.reset(token)
            return
        session = context.session
        if context.is_initialize and self._facts.mode == "stateful":
            revision = negotiate(context.params.get("protocolVersion"))
            replica = self._facts.replica
            session = Session(revision) if replica is None else replica.new_session(revision)
            session.owner = owner()
            await self._make_room()
        elif session is not None and context.method == "GET":
            await self._await_reconnect(context, session)
        token = current_session.set(session)
        try:
            exchange = _Exchange(context, session, self._facts, receive, send)
            inner = self._for_sdk(context, session)
            await self._manager.handle_request(
                scope_with(scope, inner), exchange.receiver(inner.body), exchange.send
            )
            await exchange.end()
        except anyio.ClosedResourceError:
            # The SDK lets it through when a session ends while a request is on its way to it.
            if exchange.started:
                raise
            raise Refusal(404, INVALID_REQUEST, "The session has ended") from None
        finally:
            current_session.reset(token)
            exchange.close()

    def _handles_of(self, name: str | None) -> Session | None:
        """Return what a principal, or all clients of an open server, began in the modern era."""
        if self._facts.mode != "stateful":
            return None
        if name not in self._handles:
            made = Session(MODERN_REVISIONS[-1], Transactions(drop_oldest=True), owner=name)
            if self._facts.replica is not None:
                made.vault = StoredHandles(self._facts.replica.store, name)
            self._handles[name] = made
        return self._handles[name]

    async def _await_reconnect(self, context: RequestContext, session: Session) -> None:
        """Give the old GET stream of a client that reconnects time to go; the SDK answers 409 at once."""
        older = session.connections.get(GET_STREAM)
        if older is not None and context.header("last-event-id") is None:
            with anyio.move_on_after(RECONNECT_SECONDS):
                await older.gone.wait()

    async def _make_room(self) -> None:
        """End the least recently used session if there are too many; the SDK answers 503 to newcomers."""
        while self._facts.sessions.full:
            await self._end(self._facts.sessions.oldest)

    async def _end(self, session_id: str) -> None:
        """End a session whose client did not ask for it."""
        session = self._facts.sessions.peek(session_id)
        await self.drop(session_id)
        if session is not None and session.vault is not None:
            await session.vault.forget()

    async def drop(self, session_id: str) -> None:
        """End a session in this app; what is kept of it elsewhere stays."""
        session = self._facts.sessions.peek(session_id)
        self._facts.sessions.end(session_id)
        if session is not None:
            await self._tell_sdk("DELETE", {SESSION_HEADER: session.sdk_id})

    async def adopt(self, session_id: str, session: Session, record: dict[str, Any]) -> None:
        """Open a session here that another replica served: the SDK gets the handshake of its client again."""
        await self._make_room()
        accept = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
        token = current_session.set(session)
        try:
            params = {**record["handshake"], "protocolVersion": session.revision}
            hello = {"jsonrpc": "2.0", "id": "adopted:0", "method": "initialize", "params": params}
            headers = await self._tell_sdk("POST", accept, hello)
            session.sdk_id = headers[SESSION_HEADER]
            self._facts.sessions.add(session_id, session)
            if record.get("initialized"):
                stated = {**accept, SESSION_HEADER: session.sdk_id, VERSION_HEADER: session.revision}
                await self._tell_sdk(
                    "POST", stated, {"jsonrpc": "2.0", "method": "notifications/initialized"}
                )
                with anyio.move_on_after(ADOPT_SECONDS):
                    while session.notify is None:
                        await anyio.sleep(0.001)
        finally:
            current_session.reset(token)

    async def _tell_sdk(
        self, method: str, headers: Mapping[str, str], message: dict[str, Any] | None = None
    ) -> dict[str, str]:
        """Send the SDK a request that no client sent, and return the headers of its answer."""
        found: list[Message] = []
        body = b"" if message is None else encode(message)

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(part: Message) -> None:
            found.append(part)

        scope = {
            "type": "http",
            "method": method,
            "path": "/",
            "query_string": b"",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        }
        await self._manager.handle_request(scope, _once(receive), send)
        return dict(header_lines(found[0])) if found else {}

    def _for_sdk(self, context: RequestContext, session: Session | None) -> RequestContext:
        """Return the request as the SDK gets it.

        Version header: the SDK decides by it whether to prime a stream, so it gets the negotiated revision.
        Last-Event-ID: without an event store the SDK sends no answer at all, so it must not see one.
        Session id: the SDK knows the session by an id of its own.
        Content-Type: the SDK compares letter case.
        Accept: the SDK reads the first line only, where several lines are one list (RFC 9110, section 5.3).
        """
        context = context.with_header(VERSION_HEADER, context.revision)
        if session is not None and session.sdk_id:
            context = context.with_header(SESSION_HEADER, session.sdk_id)
        if not self._facts.resumable:
            context = context.with_header("last-event-id", None)
        context = context.with_header("accept", ", ".join(context.header_values("accept")) or None)
        if context.method != "POST":
            return context
        context = context.with_header("content-type", "application/json")
        return context.changed(body=encode(self._for_sdk_message(context, session)))

    def _for_sdk_message(self, context: RequestContext, session: Session | None) -> Any:
        """Return the message as the SDK gets it.

        Ids: the SDK takes 1 and "1" for the same request and mixes up the answers: each gets its own name.
        `initialize`: the SDK would agree on 2024-11-05, which is not served here
        (basic/lifecycle#version-negotiation).
        """
        message = dict(context.value)
        if context.is_request:
            key = encode(message["id"]).decode()
            message["id"] = f"{self._own}{next(self._numbers)}:{key}"
            if session is not None:
                session.remember_request(key, message["id"])
        if context.is_response and isinstance(message["id"], str):
            message["id"] = _asked_as(message["id"], self._own)
        if context.is_initialize:
            message["params"] = {**context.params, "protocolVersion": context.revision}
        if context.rpc_method == "notifications/cancelled" and session is not None:
            name = session.running.get(_key(context.params.get("requestId")))
            message["params"] = {**context.params, "requestId": name or "unknown"}
        return message


class _Exchange:
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
            self._stream_name = session.running.get(_key(context.rpc_id))
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


def _session() -> Session:
    session = current_session.get()
    if session is None:
        raise RuntimeError("events belong to a session, and there is none")
    return session


def _key(request_id: object) -> str:
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
        return _asked_by(message, own)
    if isinstance(message["id"], str):
        message = {**message, "id": json.loads(message["id"].partition(":")[2])}
    return with_short_error(message)


def _asked_by(message: dict[str, Any], own: str) -> dict[str, Any]:
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


def _asked_as(request_id: str, own: str) -> str | int:
    """Return under which id the SDK knows what a client answers."""
    number = request_id.removeprefix(own)
    return int(number) if own and request_id.startswith(own) and number.isdecimal() else request_id


def _once(receive: Receive) -> Receive:
    """Give what there is to receive, and then nothing more."""
    given = False

    async def receive_once() -> Message:
        nonlocal given
        if given:
            await anyio.sleep_forever()
        given = True
        return await receive()

    return receive_once
