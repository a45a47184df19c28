"""Sessions in a store: what another replica needs to go on with one. `replicas` says who serves it when."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeVar

from reference_server.events import MAX_EVENTS, MAX_STREAMS
from reference_server.sessions import Session, Transactions
from reference_server.store import Json, Store

T = TypeVar("T")

FOLLOW_SECONDS: Final = 0.4
"""How long one look into the log of a stream waits for more."""


class StoredEvents:
    """The events of one session in a store, see `events.Events`.

    Event ids look like `<stream>-<number>`, where the stream part is unguessable and the store counts.

    Args:
        store: The store.
        name: An unguessable name for the events of this session.
        seconds: How long the events of a stream are kept after the last one.
    """

    def __init__(self, store: Store, name: str, seconds: float) -> None:
        self._store = store
        self._seconds = seconds
        self.name = name
        self._labels: dict[str, str] = {}

    @property
    def index(self) -> str:
        """The document with the label of each stream."""
        return f"streams:{self.name}"

    async def store(self, stream: str, message: object | None, *, final: bool = False) -> str:
        """Keep one event and return its id."""
        label = self._labels.get(stream) or await self._label(stream)
        entry = {"message": message, "final": final}
        return f"{label}-{await self._store.append(self._log(label), entry, self._seconds, MAX_EVENTS)}"

    async def stream_of(self, event_id: str) -> str | None:
        """Return the stream of an event that can still be resumed from, or None."""
        label, number = _parts(event_id)
        [labels] = await self._store.read(self.index)
        stream = next((name for name, found in labels.items() if found == label), None)
        if stream is None:
            return None
        known = {id for id, _ in await self._store.entries(self._log(label))}
        return stream if number in known else None

    async def follow(self, event_id: str, deliver: Callable[[str, Any], Awaitable[None]]) -> None:
        """Deliver what came after an event on its stream, then what still comes, until the stream ends."""
        if await self.stream_of(event_id) is None:
            return
        label, number = _parts(event_id)
        ended = any(
            entry["final"] and id == number for id, entry in await self._store.entries(self._log(label))
        )
        while not ended:
            for number, entry in await self._store.entries(self._log(label), number, FOLLOW_SECONDS):  # noqa: B020
                if entry["message"] is not None:
                    await deliver(f"{label}-{number}", entry["message"])
                ended = ended or entry["final"]

    async def forget(self) -> None:
        """Keep no event any longer."""
        [labels] = await self._store.read(self.index)
        await self._store.delete(self.index, *(self._log(label) for label in labels.values()))

    async def _label(self, stream: str) -> str:
        dropped: list[str] = []

        def choose(document: Json) -> str:
            dropped.clear()
            if stream not in document:
                document[stream] = secrets.token_hex(6)
            while len(document) > MAX_STREAMS:
                dropped.append(document.pop(next(iter(document))))
            return str(document[stream])

        self._labels[stream] = await self._store.update(self.index, choose, self._seconds)
        if dropped:
            await self._store.delete(*(self._log(label) for label in dropped))
            self._labels = {name: label for name, label in self._labels.items() if label not in dropped}
        return self._labels[stream]

    def _log(self, label: str) -> str:
        return f"log:{self.name}:{label}"


def _parts(event_id: str) -> tuple[str, str]:
    label, _, number = event_id.partition("-")
    return label, number


class StoredSession:
    """What is kept of one session, see `sessions.Vault`.

    Args:
        store: The store.
        session_id: Its id as clients know it.
        events: Its events.
        seconds: How long it is kept that is not used.
    """

    def __init__(self, store: Store, session_id: str, events: StoredEvents, seconds: float) -> None:
        self._store = store
        self._id = session_id
        self._events = events
        self._seconds = seconds

    async def keep(self, session: Session) -> None:
        """Keep what its client chose."""

        def change(document: Json) -> None:
            if document:
                document.update(
                    logLevel=session.log_level,
                    subscribed=sorted(session.subscribed),
                    initialized=session.notify is not None,
                )

        await self._store.update(record_key(self._id), change, self._seconds)

    async def transact(self, change: Callable[[Transactions], T]) -> T:
        """Change its transactions."""
        return await transact(self._store, _transactions_key(self._id), Transactions(), change, self._seconds)

    async def renew(self) -> None:
        """Keep it longer, since it is used."""
        keys = (record_key(self._id), _transactions_key(self._id), self._events.index)
        await self._store.renew(self._seconds, *keys)

    async def forget(self) -> None:
        """Keep nothing of it any longer."""
        await self._store.delete(record_key(self._id), _transactions_key(self._id))
        await self._events.forget()


class StoredHandles:
    """The transactions of the modern era, which all clients of a principal share: their names are handles.

    Args:
        store: The store.
        owner: The name of the principal; None on a server that is open to all.
    """

    def __init__(self, store: Store, owner: str | None) -> None:
        self._store = store
        self._key = "handles" if owner is None else f"handles:{owner}"

    async def keep(self, session: Session) -> None:
        """Do nothing: there is no session whose client could choose anything."""

    async def transact(self, change: Callable[[Transactions], T]) -> T:
        """Change the transactions."""
        return await transact(self._store, self._key, Transactions(drop_oldest=True), change)

    async def forget(self) -> None:
        """Do nothing: they end with nobody."""


async def transact(
    store: Store,
    key: str,
    limits: Transactions,
    change: Callable[[Transactions], T],
    seconds: float = 86400.0,
) -> T:
    """Change the transactions in a document.

    Args:
        store: The store.
        key: Which document.
        limits: Empty transactions, which say what is accepted.
        change: Changes them.
        seconds: How long they are kept from now on.
    """

    def on(document: Json) -> T:
        limits.operations = document.get("operations", {})
        result = change(limits)
        document["operations"] = limits.operations
        return result

    return await store.update(key, on, seconds)


def record_key(session_id: str) -> str:
    """Return which document tells how a session stands: who serves it, and what its client chose."""
    return f"session:{session_id}"


def _transactions_key(session_id: str) -> str:
    return f"transactions:{session_id}"
