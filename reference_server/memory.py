"""What an app remembers beside its sessions: counted ticks, changes, used states. Its store bounds it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from reference_server.store import EmbeddedStore, Json, Store

CHANGES: Final = "memory"
"""The document of what every answer may depend on."""

KEEP_CHANGES_SECONDS: Final = 30 * 86400.0
"""How long changes are remembered after the last one."""


@dataclass(slots=True)
class Ticks:
    """What was counted under one key, and how many calls are counting still."""

    counted: int = 0
    counting: int = 0


@dataclass(slots=True)
class Memory:
    """What one app remembers, or all replicas that have one store.

    Args:
        store: Where it is kept.
    """

    store: Store = field(default_factory=EmbeddedStore)
    changes: Counter[str] = field(default_factory=Counter)
    """How often each listed resource was changed, by URI, as of the last `refresh`."""
    extras: set[str] = field(default_factory=set)
    """The lists that hold an item more than usual, see `extras`, as of the last `refresh`."""

    async def refresh(self) -> None:
        """Learn what other replicas changed."""
        [document] = await self.store.read(CHANGES)
        self._take(document)

    def _take(self, document: Json) -> None:
        self.changes = Counter(document.get("changes", {}))
        self.extras = set(document.get("extras", ()))

    async def touch(self, uri: str) -> int:
        """Note that a resource was changed, and return how often it was."""

        def change(document: Json) -> int:
            changes = document.setdefault("changes", {})
            changes[uri] = changes.get(uri, 0) + 1
            self._take(document)
            return int(changes[uri])

        return await self.store.update(CHANGES, change, KEEP_CHANGES_SECONDS)

    async def toggle(self, kind: str) -> bool:
        """Add the extra item of a list, or take it away; return whether it is there now."""

        def change(document: Json) -> bool:
            document["extras"] = sorted(set(document.get("extras", ())) ^ {kind})
            self._take(document)
            return kind in document["extras"]

        return await self.store.update(CHANGES, change, KEEP_CHANGES_SECONDS)

    async def use_state(self, name: str) -> bool:
        """Remember that a request state was used; return whether it was used before."""

        def change(document: Json) -> bool:
            used = bool(document)
            document["used"] = True
            return used

        return await self.store.update(f"state:{name}", change)

    async def used_state(self, name: str) -> bool:
        """Tell whether a request state was used."""
        [document] = await self.store.read(f"state:{name}")
        return bool(document)

    async def give_key(self, key: str, owner: str | None) -> None:
        """Remember to whom a key was given."""
        await self.store.update(f"key:{key}", lambda document: document.update(given=True, owner=owner))

    async def was_given(self, key: str, owner: str | None) -> bool:
        """Tell whether a key was given to somebody."""
        [document] = await self.store.read(f"key:{key}")
        return bool(document) and document.get("owner") == owner

    async def read_ticks(self, key: str) -> Ticks:
        """Return what was counted under a key; nothing is kept for a key that is unknown."""
        [document] = await self.store.read(f"ticks:{key}")
        return Ticks(document.get("counted", 0), document.get("counting", 0))

    async def count(self, key: str, ticks: int = 0, calls: int = 0) -> Ticks:
        """Add ticks, and calls that count, to a key; return what there is now."""

        def change(document: Json) -> Ticks:
            document["counted"] = document.get("counted", 0) + ticks
            document["counting"] = document.get("counting", 0) + calls
            return Ticks(document["counted"], document["counting"])

        return await self.store.update(f"ticks:{key}", change)
