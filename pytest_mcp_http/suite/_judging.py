"""Judging several probes for one requirement: the gravest outcome counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pytest_mcp_http.errors import NotVerified, RequirementViolated


def gravest(judgements: Iterable[Callable[[], object]]) -> None:
    """Run judgements and raise the gravest outcome: a violation ends it, then a note, then what was not verified.

    Args:
        judgements: Functions that return, or raise what is wrong.

    Raises:
        RequirementViolated: From the first judgement that raised one which is no note, else from the first note.
        NotVerified: If there is no violation, and one of the judgements raised it.
    """
    note: RequirementViolated | None = None
    unverified: NotVerified | None = None
    for judge in judgements:
        try:
            judge()
        except RequirementViolated as outcome:
            if not outcome.note:
                raise
            note = note or outcome
        except NotVerified as outcome:
            unverified = unverified or outcome
    if note is not None:
        raise note
    if unverified is not None:
        raise unverified
