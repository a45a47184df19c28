"""The decorator that ties a check to the requirement it judges."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Check = TypeVar("Check", bound=Callable[..., None])


def requirement(id: str) -> Callable[[Check], Check]:
    """Mark a function as the check of a requirement.

    Args:
        id: Id in the registry, for example `session.id-visible-ascii`. Level and revisions come from there.

    Returns:
        A decorator that sets the attribute `mcp_requirement`.

    Raises:
        KeyError: On use, if the registry has no such id.
    """
    from pytest_mcp_http.spec.registry import requirements

    known = requirements()
    if id not in known:
        raise KeyError(f"no requirement {id!r} in the registry")

    def mark(check: Check) -> Check:
        check.mcp_requirement = id  # type: ignore[attr-defined]
        return check

    return mark
