"""Judging several probes for one requirement: the gravest outcome counts."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from pytest_mcp_http.errors import NotVerified, RequirementViolated


def gravest(judgements: Iterable[Callable[[], object]]) -> None:
    """Run judgements and raise the gravest outcome: a violation at once, else a note, else "not verified".

    Args:
        judgements: Functions that return, or raise what is wrong.

    Raises:
        RequirementViolated: From the first judgement that raised one which is no note, else from the first
            note.
        NotVerified: If there is no violation, and one of the judgements raised it.
    """
    later: list[RequirementViolated | NotVerified] = []
    for judge in judgements:
        outcome = _outcome(judge)
        if isinstance(outcome, RequirementViolated) and not outcome.note:
            raise outcome
        if outcome is not None:
            later.append(outcome)
    if later:
        raise min(later, key=lambda outcome: isinstance(outcome, NotVerified))


def _outcome(judge: Callable[[], object]) -> RequirementViolated | NotVerified | None:
    try:
        judge()
    except (RequirementViolated, NotVerified) as outcome:
        return outcome
    return None
