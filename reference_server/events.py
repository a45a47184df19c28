"""A bounded event store in memory: event ids that name their stream, replay of one stream inside one session.

Each session has its own `SessionEvents`; nothing here can reach another session. `stored_sessions` has the
same for sessions that several replicas serve.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import anyio

MAX_STREAMS: Final = 200
MAX_EVENTS: Final = 1000

GET_STREAM: Final = "_GET_stream"
"""The SDK's name for the stream of a plain GET."""


class Events(Protocol):
    """The events of one session, by stream."""

    async def store(self, stream: str, message: object | None, *, final: bool = False) -> str:
        """Keep one event and return its id.

        Args:
            stream: Name of the stream the event belongs to.
            message: The JSON-RPC message as JSON object, or None for a priming event.
            final: Whether the stream ends with this event.
        """

    async def stream_of(self, event_id: str) -> str | None:
        """Return the stream of an event that can still be resumed from, or None."""

    async def follow(self, event_id: str, deliver: Callable[[str, Any], Awaitable[None]]) -> None:
        """Deliver what came after an event on its stream, then what still comes, until the stream ends."""


StoredEvent = tuple[str, Any]
"""An event id and its JSON-RPC message; the message is None for an event that only primes the client."""


@dataclass(slots=True)
class _Stream:
    label: str
    events: deque[StoredEvent]
    last: int = 0
    ended: bool = False
    grown: anyio.Event = field(default_factory=anyio.Event)


class SessionEvents:
    """The events of one session, by stream.

    Event ids look like `<stream>-<number>`, where the stream part is unguessable and unique in the session.

    Args:
        max_streams: How many streams are kept; the oldest is dropped first.
        max_events: How many events are kept per stream; the oldest are dropped first.
    """

    def __init__(self, max_streams: int = MAX_STREAMS, max_events: int = MAX_EVENTS) -> None:
        self._max_streams = max_streams
        self._max_events = max_events
        self._streams: OrderedDict[str, _Stream] = OrderedDict()
        self._names: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._streams)

    async def store(self, stream: str, message: object | None, *, final: bool = False) -> str:
        """Keep one event and return its id.

        Args:
            stream: Name of the stream the event belongs to.
            message: The JSON-RPC message, or None for a priming event.
            final: Whether the stream ends with this event.
        """
        entry = self._streams.get(stream) or self._open(stream)
        entry.last += 1
        event_id = f"{entry.label}-{entry.last}"
        entry.events.append((event_id, message))
        entry.ended = entry.ended or final
        entry.grown.set()
        entry.grown = anyio.Event()
        return event_id

    async def stream_of(self, event_id: str) -> str | None:
        """Return the stream of an event that can still be resumed from, or None."""
        found = self._find(event_id)
        return found[0] if found else None

    async def follow(self, event_id: str, deliver: Callable[[str, Any], Awaitable[None]]) -> None:
        """Deliver what came after an event on its stream, then what still comes, until the stream ends.

        Args:
            event_id: The last event that the client saw. Unknown ids deliver nothing.
            deliver: Called with event id and message; priming events are left out.
        """
        found = self._find(event_id)
        if found is None:
            return
        entry, position = self._streams[found[0]], found[1]
        while True:
            grown = entry.grown
            for name, message in list(entry.events):
                number = _number(name)
                if number > position:
                    position = number
                    if message is not None:
                        await deliver(name, message)
            if entry.ended and position >= entry.last:
                return
            if position >= entry.last:
                await grown.wait()

    def _open(self, stream: str) -> _Stream:
        while len(self._streams) >= self._max_streams:
            _, dropped = self._streams.popitem(last=False)
            del self._names[dropped.label]
        entry = _Stream(secrets.token_hex(6), deque(maxlen=self._max_events))
        self._streams[stream] = entry
        self._names[entry.label] = stream
        return entry

    def _find(self, event_id: str) -> tuple[str, int] | None:
        label, _, number = event_id.rpartition("-")
        stream = self._names.get(label)
        if stream is None or all(name != event_id for name, _ in self._streams[stream].events):
            return None
        return stream, int(number)


def _number(event_id: str) -> int:
    return int(event_id.rpartition("-")[2])
