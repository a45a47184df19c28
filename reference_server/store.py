"""Where an app keeps what has to outlive a request: JSON documents, logs, and messages between replicas.

There are two stores of one interface: `EmbeddedStore` in the memory of the process, for one app, and
`store_redis.RedisStore`, which any number of replicas share. Knows nothing of HTTP or of MCP.
"""

from __future__ import annotations

import copy
import os
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

Json = dict[str, Any]
T = TypeVar("T")

MAX_KEYS: Final = 10_000
"""Documents and logs that an embedded store keeps; the least recently used gives way."""

KEEP_SECONDS: Final = 1800.0
"""How long a document is kept that is not used, unless its owner says otherwise."""

ENVIRONMENT: Final = "env:"
"""What an option begins with whose value is in a variable of the environment, because it is a secret."""


class StoreUnavailable(Exception):  # noqa: N818 - what happened, in the words of those who run servers
    """The store cannot be reached, or does not answer in time; the message names it without its password."""


class Store(Protocol):
    """What every store can do. Everything raises `StoreUnavailable` if the store does not answer in time."""

    name: str
    """What the store is called in messages, without a password."""

    async def open(self) -> None:
        """Reach the store."""

    async def close(self) -> None:
        """Leave the store."""

    async def read(self, *keys: str) -> list[Json]:
        """Return some documents, an empty one for each that is not kept."""

    async def update(self, key: str, change: Callable[[Json], T], seconds: float = KEEP_SECONDS) -> T:
        """Change one document while nobody else does, and return what the change returned.

        Args:
            key: Which document.
            change: Changes the document that it gets, which is empty if none is kept. It may be called more
                than once. A document that it leaves empty is not kept.
            seconds: How long the document is kept from now on.
        """

    async def renew(self, seconds: float, *keys: str) -> None:
        """Keep documents and logs for this time from now on, if they are kept still."""

    async def delete(self, *keys: str) -> None:
        """Keep some documents and logs no longer."""

    async def append(self, key: str, entry: Json, seconds: float, limit: int) -> str:
        """Add an entry to a log and return its id, which sorts after all before it.

        Args:
            key: Which log.
            entry: The entry.
            seconds: How long the log is kept from now on.
            limit: How many entries are kept; the oldest give way.
        """

    async def entries(self, key: str, after: str | None = None, wait: float = 0.0) -> list[tuple[str, Json]]:
        """Return the entries of a log after one of them, or all.

        Args:
            key: Which log.
            after: The id of an entry.
            wait: How many seconds to wait for a first entry.
        """

    async def publish(self, channel: str, message: Json) -> int:
        """Send a message to all who listen to a channel now, and return how many do."""

    def subscribe(
        self, *channels: str
    ) -> AbstractAsyncContextManager[MemoryObjectReceiveStream[tuple[str, Json]]]:
        """Listen to channels: the stream gets a pair of channel and message for each message."""


@dataclass(slots=True)
class _Kept:
    document: Json = field(default_factory=dict)
    entries: list[tuple[str, Json]] = field(default_factory=list)
    deadline: float = 0.0
    grown: anyio.Event = field(default_factory=anyio.Event)


class EmbeddedStore:
    """A store in the memory of this process, for apps that run in one event loop.

    Args:
        max_keys: How many documents and logs are kept.
    """

    def __init__(self, max_keys: int = MAX_KEYS) -> None:
        self.name = "the embedded store"
        self.max_keys = max_keys
        self._kept: OrderedDict[str, _Kept] = OrderedDict()
        self._listeners: dict[str, list[MemoryObjectSendStream[tuple[str, Json]]]] = {}
        self._number = 0

    def __len__(self) -> int:
        return len(self._kept)

    async def open(self) -> None:
        """Do nothing: it is here."""

    async def close(self) -> None:
        """Do nothing: an app that is run again finds what it kept."""

    async def read(self, *keys: str) -> list[Json]:
        """Return copies of some documents."""
        return [copy.deepcopy(kept.document) if (kept := self._get(key)) else {} for key in keys]

    async def update(self, key: str, change: Callable[[Json], T], seconds: float = KEEP_SECONDS) -> T:
        """Change one document."""
        kept = self._get(key)
        document = copy.deepcopy(kept.document) if kept else {}
        result = change(document)
        if document:
            self._keep(key, seconds).document = document
        else:
            self._kept.pop(key, None)
        return result

    async def renew(self, seconds: float, *keys: str) -> None:
        """Keep documents and logs longer."""
        for key in keys:
            if self._get(key) is not None:
                self._keep(key, seconds)

    async def delete(self, *keys: str) -> None:
        """Forget documents and logs, and wake those who wait for an entry."""
        for key in keys:
            kept = self._kept.pop(key, None)
            if kept is not None:
                kept.grown.set()

    async def append(self, key: str, entry: Json, seconds: float, limit: int) -> str:
        """Add an entry to a log."""
        self._number += 1
        kept = self._keep(key, seconds)
        kept.entries.append((f"{self._number:012}", copy.deepcopy(entry)))
        del kept.entries[:-limit]
        kept.grown.set()
        kept.grown = anyio.Event()
        return kept.entries[-1][0]

    async def entries(self, key: str, after: str | None = None, wait: float = 0.0) -> list[tuple[str, Json]]:
        """Return entries of a log, once there are some."""
        found = self._after(key, after)
        if not found and wait and (kept := self._get(key)) is not None:
            with anyio.move_on_after(wait):
                await kept.grown.wait()
            found = self._after(key, after)
        return found

    def _after(self, key: str, after: str | None) -> list[tuple[str, Json]]:
        kept = self._get(key)
        entries = kept.entries if kept else []
        return [(id, copy.deepcopy(entry)) for id, entry in entries if after is None or id > after]

    async def publish(self, channel: str, message: Json) -> int:
        """Hand a message to all who listen."""
        listeners = self._listeners.get(channel, [])
        for listener in listeners:
            listener.send_nowait((channel, copy.deepcopy(message)))
        return len(listeners)

    @asynccontextmanager
    async def subscribe(self, *channels: str) -> AsyncIterator[MemoryObjectReceiveStream[tuple[str, Json]]]:
        """Listen to channels."""
        send, receive = anyio.create_memory_object_stream[tuple[str, Json]](float("inf"))
        for channel in channels:
            self._listeners.setdefault(channel, []).append(send)
        try:
            with send, receive:
                yield receive
        finally:
            for channel in channels:
                self._listeners[channel].remove(send)

    def _get(self, key: str) -> _Kept | None:
        kept = self._kept.get(key)
        if kept is not None and kept.deadline < anyio.current_time():
            del self._kept[key]
            return None
        return kept

    def _keep(self, key: str, seconds: float) -> _Kept:
        kept = self._get(key) or self._kept.setdefault(key, _Kept())
        kept.deadline = anyio.current_time() + seconds
        self._kept.move_to_end(key)
        while len(self._kept) > self.max_keys:
            self._kept.popitem(last=False)
        return kept


def named_store(name: str) -> Store:
    """Return the store that an option names.

    Args:
        name: A URL that begins with `redis://`, `rediss://` or `unix://`, or `env:VARIABLE` for a variable of
            the environment that holds one. The schemes of Valkey (`valkey://`, `valkeys://`) mean the same.

    Raises:
        ValueError: If the name is not accepted.
        ReferenceServerUnavailable: If the client package is missing.
    """
    from reference_server.store_redis import RedisStore

    return RedisStore(from_environment("store", name))


def from_environment(option: str, value: str) -> str:
    """Return the value of an option, from the environment if the option says so.

    Raises:
        ValueError: If the variable is not set; its value is never named.
    """
    if not value.startswith(ENVIRONMENT):
        return value
    variable = value.removeprefix(ENVIRONMENT)
    found = os.environ.get(variable)
    if not found:
        raise ValueError(f"{option} {value!r} is not accepted: the variable {variable!r} is not set")
    return found
