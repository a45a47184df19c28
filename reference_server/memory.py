"""What an app remembers beside its sessions: counted ticks, changes of resources. All of it is bounded."""

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
        max_keys: How many keys of ticks are kept; those not used for longest are dropped first.
    """

    max_keys: int = MAX_KEYS
    changes: Counter[str] = field(default_factory=Counter)
    """How often each listed resource was changed, by URI."""
    _ticks: OrderedDict[str, Ticks] = field(default_factory=OrderedDict)

    def __len__(self) -> int:
        return len(self._ticks)

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
