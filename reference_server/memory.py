"""What an app remembers beside its sessions: counted ticks, changes, used states. All of it is bounded."""

from __future__ import annotations

from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from typing import Final

MAX_KEYS: Final = 1000


@dataclass(slots=True)
class Ticks:
    """What was counted under one key, and how many calls are counting still."""

    counted: int = 0
    counting: int = 0


@dataclass(slots=True)
class Memory:
    """What one app remembers.

    Args:
        max_keys: How many keys of ticks, given keys and used states are kept; the oldest are dropped first.
    """

    max_keys: int = MAX_KEYS
    changes: Counter[str] = field(default_factory=Counter)
    """How often each listed resource was changed, by URI."""
    used_states: OrderedDict[str, None] = field(default_factory=OrderedDict)
    """The request states that must not be used again, oldest first."""
    keys: OrderedDict[str, str | None] = field(default_factory=OrderedDict)
    """Who was given each of the keys that were given out, oldest first."""
    extras: set[str] = field(default_factory=set)
    """The lists that hold an item more than usual, see `extras`."""
    _ticks: OrderedDict[str, Ticks] = field(default_factory=OrderedDict)

    def __len__(self) -> int:
        return len(self._ticks)

    def use_state(self, name: str) -> bool:
        """Remember that a request state was used; return whether it was used before."""
        used = name in self.used_states
        self.used_states[name] = None
        while len(self.used_states) > self.max_keys:
            self.used_states.popitem(last=False)
        return used

    def give_key(self, key: str, owner: str | None) -> None:
        """Remember who was given a key."""
        self.keys[key] = owner
        while len(self.keys) > self.max_keys:
            self.keys.popitem(last=False)

    def read_ticks(self, key: str) -> Ticks:
        """Return what was counted under a key; nothing is kept for a key that is unknown."""
        return self._ticks.get(key, Ticks())

    def use_ticks(self, key: str) -> Ticks:
        """Return the ticks of a key to count on, kept from now on."""
        ticks = self._ticks.setdefault(key, Ticks())
        self._ticks.move_to_end(key)
        while len(self._ticks) > self.max_keys:
            self._ticks.popitem(last=False)
        return ticks
