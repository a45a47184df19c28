"""One of the replicas that have one store: which of them serves a session, and what they tell each other.

Each session is at home at one replica, which holds its streams and its running work; the others relay its
requests there. What it needs to go on is in the store (`stored_sessions`), so when its home is gone the next
replica that gets a request of it takes it over. What was running at the home, and its tasks, are lost then.
"""

from __future__ import annotations

import re
import secrets
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Final

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream

from reference_server._context import (
    ASGIApp,
    Facts,
    Message,
    Receive,
    RequestContext,
    Scope,
    Send,
    context_of,
)
from reference_server.relay import HomeGone, Relay, unavailable
from reference_server.sessions import Session
from reference_server.store import Json, Store, StoreUnavailable
from reference_server.stored_sessions import StoredEvents, StoredSession, record_key

ALL: Final = "all"
"""The channel of what every replica has to know."""

TAKEOVERS: Final = 3
"""How many replicas may be gone, one after the other, while one request looks for its session."""

_REPLICA_ID: Final = re.compile(r"[0-9a-f]{8}")

Adopt = Callable[[str, Session, Json], Awaitable[None]]


class Replica:
    """One app, as one of those that have one store.

    Args:
        store: The store.
        facts: What is true of this app.
        seconds: How long a session is kept that is not used.
        keeps_sessions: Whether sessions are in the store, and not in this process alone.
    """

    def __init__(self, store: Store, facts: Facts, *, seconds: float, keeps_sessions: bool) -> None:
        self.id = secrets.token_hex(4)
        self.store = store
        self._facts = facts
        self._seconds = seconds
        self._keeps_sessions = keeps_sessions
        self._relay = Relay(store, self.id)
        self._locks: defaultdict[str, anyio.Lock] = defaultdict(anyio.Lock)

    def joins(
        self,
        adopt: Adopt,
        drop: Callable[[str], Awaitable[None]],
        hear: Callable[[Json], Coroutine[Any, Any, None]],
    ) -> None:
        """Say what does the work.

        Args:
            adopt: Opens a session here that another replica served: its id, what is known of it, its record.
            drop: Ends a session here alone.
            hear: Hears what is told to all replicas.
        """
        self._adopt, self._drop, self._hear = adopt, drop, hear

    @asynccontextmanager
    async def run(self, endpoint: ASGIApp) -> AsyncIterator[None]:
        """Take part, until the context ends.

        Args:
            endpoint: Serves what other replicas relay.
        """
        serve = self._ready(endpoint)
        async with self.store.subscribe(ALL, self.id) as messages, anyio.create_task_group() as group:
            group.start_soon(self._listen, messages, partial(self._relay.serve, serve, self._facts))
            if self._keeps_sessions:
                group.start_soon(self._renew)
            try:
                yield
            finally:
                group.cancel_scope.cancel()

    async def tell_all(self, message: Json) -> None:
        """Tell every replica something, this one too."""
        await self.store.publish(ALL, message)

    def task_id(self) -> str:
        """Return an id for a new task, which says where it runs."""
        return f"{secrets.token_urlsafe(24)}.{self.id}"

    def in_front_of(self, inner: ASGIApp) -> ASGIApp:
        """Build the layer that relays what is at home elsewhere, and tells clients if the store is gone."""
        serve = self._ready(inner)

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            started = False

            async def noting(message: Message) -> None:
                nonlocal started
                started = True
                await send(message)

            try:
                if not await self._served_elsewhere(scope, receive, noting):
                    await serve(scope, receive, noting)
            except StoreUnavailable as error:
                if started:
                    raise  # the connection breaks off, so that the client sees it
                raise unavailable(str(error)) from None

        return app

    async def _served_elsewhere(self, scope: Scope, receive: Receive, send: Send) -> bool:
        """Relay a request to the replica that has to serve it, unless that is this one or is gone."""
        context = context_of(scope)
        for _ in range(TAKEOVERS):
            home = await self._home_of(context)
            if home in (None, self.id):
                return False
            try:
                await self._relay.forward(str(home), context, scope, receive, send)
                return True
            except HomeGone:
                if not self._has_session(context):
                    return False  # a task, which is lost with its replica
                await self._claim(str(context.session_id), str(home))
        return False

    def _ready(self, inner: ASGIApp) -> ASGIApp:
        """Build the layer that learns from the store what a request may need, also a session."""

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            context = context_of(scope)
            await self._facts.memory.refresh()
            if self._has_session(context):
                await self._find(str(context.session_id))
            await inner(scope, receive, send)

        return app

    # -- homes --------------------------------------------------------------------------------------------

    def _has_session(self, context: RequestContext) -> bool:
        return self._keeps_sessions and not context.is_modern and context.session_id is not None

    async def _home_of(self, context: RequestContext) -> str | None:
        """Return which replica has to serve a request, or None for any."""
        if self._has_session(context):
            [record] = await self.store.read(record_key(str(context.session_id)))
            return record.get("home")
        task = context.params.get("taskId")
        if isinstance(task, str) and (context.rpc_method or "").startswith("tasks/"):
            home = task.rpartition(".")[2]
            return home if _REPLICA_ID.fullmatch(home) else None
        return None

    async def _claim(self, session_id: str, gone: str) -> None:
        """Make this the home of a session whose home is gone, unless another replica was faster."""

        def change(record: Json) -> None:
            if record.get("home") == gone:
                record["home"] = self.id

        await self.store.update(record_key(session_id), change, self._seconds)

    async def _find(self, session_id: str) -> None:
        """Bring the table of sessions up to date for one session: renew it, take it over, or end it here."""
        [record] = await self.store.read(record_key(session_id))
        if record.get("home") != self.id:
            await self._drop(session_id)
            return
        session = self._facts.sessions.get(session_id)
        if session is None:
            async with self._locks[session_id]:
                session = self._facts.sessions.get(session_id)
                if session is None:
                    session = await self._taken_over(session_id, record)
            self._locks.pop(session_id, None)
        if isinstance(session.vault, StoredSession):
            await session.vault.renew()

    async def _taken_over(self, session_id: str, record: Json) -> Session:
        events = StoredEvents(self.store, record["events"], self._seconds)
        session = Session(
            record["revision"],
            events=events,
            log_level=record.get("logLevel", "debug"),
            subscribed=set(record.get("subscribed", ())),
            owner=record.get("owner"),
        )
        await self._adopt(session_id, session, record)
        session.vault = StoredSession(self.store, session_id, events, self._seconds)
        return session

    def new_session(self, revision: str) -> Session:
        """Return a session that is about to be opened."""
        if not self._keeps_sessions:
            return Session(revision)
        return Session(revision, events=StoredEvents(self.store, secrets.token_hex(12), self._seconds))

    async def opened(self, session_id: str, session: Session, handshake: Json) -> None:
        """Keep a session that was just opened here.

        Args:
            session_id: Its id as clients know it.
            session: The session.
            handshake: The params of `initialize`.
        """
        events = session.events
        if not isinstance(events, StoredEvents):
            return
        record = {
            "home": self.id,
            "revision": session.revision,
            "events": events.name,
            "owner": session.owner,
            "handshake": handshake,
        }
        await self.store.update(
            record_key(session_id), lambda document: document.update(record), self._seconds
        )
        session.vault = StoredSession(self.store, session_id, events, self._seconds)

    async def _renew(self) -> None:
        """Keep sessions whose client listens, and end those here that ended elsewhere or have a new home."""
        while True:
            await anyio.sleep(max(0.2, self._seconds / 3))
            try:
                for session_id in self._facts.sessions.ids:
                    await self._renew_one(session_id)
            except StoreUnavailable:
                continue

    async def _renew_one(self, session_id: str) -> None:
        [record] = await self.store.read(record_key(session_id))
        session = self._facts.sessions.peek(session_id)
        if session is None:
            return
        if record.get("home") != self.id:
            await self._drop(session_id)
        elif session.connections and isinstance(session.vault, StoredSession):
            await session.vault.renew()

    # -- what is heard ------------------------------------------------------------------------------------

    async def _listen(
        self,
        messages: MemoryObjectReceiveStream[tuple[str, Json]],
        serve: Callable[[Json], Coroutine[Any, Any, None]],
    ) -> None:
        async with anyio.create_task_group() as group:
            async for channel, message in messages:
                if channel == ALL:
                    group.start_soon(self._hear, message)
                elif message.get("kind") == "request":
                    group.start_soon(serve, message)
                else:
                    self._relay.hear(message)
