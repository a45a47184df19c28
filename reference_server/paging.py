"""Lists on pages: cursors that tell a client nothing, and work on any connection and in any mode."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

ItemT = TypeVar("ItemT")

PAGED: Final[Mapping[str, frozenset[str]]] = {
    "none": frozenset(),
    "resources": frozenset({"resources"}),
    "all": frozenset({"tools", "prompts", "resources", "resourceTemplates"}),
}
"""The lists that come on two pages, by the value of the option `paged`."""


class UnknownCursor(ValueError):  # noqa: N818 - it is an answer, not an error
    """A cursor that this server never gives out."""


def page(
    name: str, items: Sequence[ItemT], cursor: str | None, *, paged: str
) -> tuple[list[ItemT], str | None]:
    """Return a page of a list, and the cursor of the next page, if there is one.

    A list of two or more items has two pages: its first half, and what follows.

    Args:
        name: Name of the list; a cursor of one list is none of another.
        items: The whole list.
        cursor: The cursor that the client brought, if any.
        paged: Which lists have pages, a key of `PAGED`.

    Raises:
        UnknownCursor: If the cursor is none of this list.
    """
    if cursor is None:
        half = len(items) // 2
        if name not in PAGED[paged] or half == 0:
            return list(items), None
        return list(items[:half]), _cursor(name, half)
    # A list that became shorter meanwhile may end where the next page was to begin.
    for position in range(1, len(items) + 1):
        if name in PAGED[paged] and cursor == _cursor(name, position):
            return list(items[position:]), None
    raise UnknownCursor(name)


def _cursor(name: str, position: int) -> str:
    """Return the cursor of a position: it is compared and never read."""
    return hashlib.blake2b(f"{name} from {position}".encode(), digest_size=12).hexdigest()
