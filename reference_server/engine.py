"""Carries one request to the SDK and its answer back, and mends what the SDK does on the way.

Each mended point says what the SDK does and which section it would break. Refusals are in `corrections`.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from itertools import count
from typing import Any, Final

import anyio
from mcp.server.streamable_http import EventCallback, EventMessage, EventStore
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp_types import JSONRPCError, JSONRPCResponse, jsonrpc_message_adapter

from reference_server import modern
from reference_server._calls import header_lines
from reference_server._context import (
    MODERN_REVISIONS,
    SESSION_HEADER,
    VERSION_HEADER,
    Facts,
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
from reference_server.events import GET_STREAM
from reference_server.handlers import build_server
from reference_server.principals import owner
from reference_server.sessions import Session, Transactions, current_session
from reference_server.stored_sessions import StoredHandles
from reference_server.subscriptions import Listening
from reference_server.way_back import WayBack, asked_as, asked_by, key_of

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
            kept = asked_by(kept, self._own)
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
            exchange = WayBack(context, session, self._facts, receive, send)
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
            message["id"] = asked_as(message["id"], self._own)
        if context.is_initialize:
            message["params"] = {**context.params, "protocolVersion": context.revision}
        if context.rpc_method == "notifications/cancelled" and session is not None:
            name = session.running.get(key_of(context.params.get("requestId")))
            message["params"] = {**context.params, "requestId": name or "unknown"}
        return message


def _session() -> Session:
    session = current_session.get()
    if session is None:
        raise RuntimeError("events belong to a session, and there is none")
    return session


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
