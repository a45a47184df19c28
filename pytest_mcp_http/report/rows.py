"""Results in order: what the verdicts are, which is worst, and one row per requirement and revision.

Must not know how rows are shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, Final

from pytest_mcp_http.spec.registry import CHAPTERS, requirements
from pytest_mcp_http.spec.revisions import REVISIONS

Result = Mapping[str, Any]
"""The result of one check as it travels on a pytest report (`mcp_result`)."""

VERDICTS: Final = ("pass", "fail", "warn", "note", "not-applicable", "not-verified", "error")
"""Every verdict, in the order in which reports show them."""

WORST_FIRST: Final = ("error", "fail", "warn", "note", "pass", "not-verified", "not-applicable")
"""Which verdict stands for a requirement that several checks judge: the first of these that was given."""


@cache
def _catalogue() -> dict[str, int]:
    return {id: position for position, id in enumerate(requirements())}


def chapter_position(chapter: str) -> tuple[int, str]:
    """Return the sort key of a chapter: catalogue order, unknown ones last by name."""
    return (CHAPTERS.index(chapter) if chapter in CHAPTERS else len(CHAPTERS)), chapter


def revision_position(revision: str) -> tuple[int, str]:
    """Return the sort key of a revision: oldest first, unknown ones last by name."""
    return (REVISIONS.index(revision) if revision in REVISIONS else len(REVISIONS)), revision


def position(result: Result) -> tuple[Any, ...]:
    """Return the sort key of a result: chapter, requirement, revision, check."""
    requirement = result["requirement"]
    place = _catalogue().get(requirement, len(_catalogue()))
    return (
        chapter_position(result["chapter"]),
        (place, requirement),
        revision_position(result["revision"]),
        result["check"],
        result.get("nodeid") or "",
    )


def merge(results: Iterable[Result]) -> list[Result]:
    """Return one result per requirement and revision, the worst of its checks, in catalogue order.

    The outcome does not depend on the order of `results`.
    """
    worst: dict[tuple[str, str], Result] = {}
    for result in sorted(results, key=position):
        key = (result["requirement"], result["revision"])
        known = worst.get(key)
        if known is None or WORST_FIRST.index(result["verdict"]) < WORST_FIRST.index(known["verdict"]):
            worst[key] = result
    return list(worst.values())


def remarks(results: Iterable[Result]) -> dict[str, dict[str, list[str]]]:
    """Return what was seen beside the verdicts: lines by title and revision, each line once."""
    found: dict[str, dict[str, list[str]]] = {}
    for result in sorted(results, key=position):
        for title, lines in (result.get("remarks") or {}).items():
            known = found.setdefault(title, {}).setdefault(result["revision"], [])
            known += [line for line in lines if line not in known]
    return {
        title: dict(sorted(by_revision.items(), key=lambda each: revision_position(each[0])))
        for title, by_revision in sorted(found.items())
    }


def count(rows: Iterable[Result]) -> dict[str, int]:
    """Return how many rows have each verdict, all verdicts included."""
    counts = dict.fromkeys(VERDICTS, 0)
    for row in rows:
        counts[row["verdict"]] += 1
    return counts
