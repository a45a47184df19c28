"""Write docs/reference/requirements.md from the registry: each requirement with its checks and faults.

Run it after a change to the registry, the suite or the faults; `--check` writes nothing and only compares.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from pytest_mcp_http._list import Row, rows
from pytest_mcp_http.spec.registry import CHAPTERS, requirements
from pytest_mcp_http.spec.revisions import REVISIONS

PAGE: Final = Path(__file__).resolve().parents[1] / "docs" / "reference" / "requirements.md"

INTRODUCTION: Final = """\
# Requirements

<!-- Written by scripts/generate_requirements_doc.py; run it again instead of editing this page. -->

Every normative statement of the specification that is in the catalogue, with the check that judges it and
the faults of the reference server that prove the check. Where there is no check, the reason stands in its
place. The wording is ours; the link leads to the section at the newest judged revision that has the
requirement. The same list as JSON comes from `python -m pytest_mcp_http list --json`.

Every revision with Streamable HTTP is judged.

## Coverage

How many of the requirements of each chapter have a check, by revision. A dot says that the revision has none.
"""


REASONS: Final = """\
The requirements of all revisions together, and why those have none that have no check."""

OBSTACLES: Final = {
    "latitude": "latitude",
    "whitebox": "not visible",
    "undecidable": "not decidable",
}
"""Why a requirement may have no check -> the head of its column."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page, or compare it.

    Returns:
        The exit status: 0, or 1 if the page is not current.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    options = parser.parse_args(arguments)
    text = page(rows())
    if options.check:
        if not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != text:
            print(f"stale: {PAGE}; run python scripts/generate_requirements_doc.py", file=sys.stderr)
            return 1
        return 0
    PAGE.write_text(text, encoding="utf-8")
    return 0


def page(listed: Iterable[Row]) -> str:
    """Return the page for these requirements, in the order given."""
    listed = list(listed)
    chapters = {chapter: [row for row in listed if row.chapter == chapter] for chapter in CHAPTERS}
    lines = [INTRODUCTION, *_coverage(chapters)]
    for chapter, members in chapters.items():
        if members:
            lines += ["", f"## {chapter}", "", *_chapter(members)]
    return "\n".join(lines) + "\n"


def _coverage(chapters: dict[str, list[Row]]) -> Iterator[str]:
    yield _line("Chapter", *REVISIONS)
    yield _line("---", *("---:" for _ in REVISIONS))
    for chapter, members in chapters.items():
        yield _line(f"[{chapter}](#{chapter})", *(_share(members, revision) for revision in REVISIONS))
    everything = [row for members in chapters.values() for row in members]
    yield _line("all", *(_share(everything, revision) for revision in REVISIONS))
    yield from ("", REASONS, "")
    yield _line("Chapter", "requirements", "with a check", *OBSTACLES.values())
    yield _line("---", *("---:" for _ in (0, 0, *OBSTACLES)))
    for chapter, members in {**chapters, "all": everything}.items():
        name = chapter if members is everything else f"[{chapter}](#{chapter})"
        yield _line(name, *(str(count) for count in _counts(members)))


def _counts(members: Iterable[Row]) -> list[int]:
    """Count requirements, those with a check, and those without for each reason."""
    reasons = [row.obstacle for row in members]
    return [len(reasons), reasons.count(None), *(reasons.count(name) for name in OBSTACLES)]


def _share(members: Iterable[Row], revision: str) -> str:
    found = [row for row in members if revision in row.revisions]
    judged = [row for row in found if row.checks]
    return f"{len(judged)} of {len(found)}" if found else "."


def _chapter(members: Iterable[Row]) -> Iterator[str]:
    yield _line("Requirement", "Level", "Revisions", "Wording", "Check", "Faults")
    yield _line(*["---"] * 6)
    for row in members:
        yield _line(
            f"`{row.id}`",
            row.level,
            "<br>".join(row.revisions),
            f"{_escaped(row.wording)} [Section]({_section(row)})",
            "<br>".join(f"`{check}`" for check in row.checks) or f"none: {row.unchecked_because}",
            "<br>".join(f"`{fault}`" for fault in row.faults),
        )


def _section(row: Row) -> str:
    return requirements()[row.id].url(row.revisions[-1])


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _escaped(text: str) -> str:
    """Return text that means itself in a cell of a table."""
    for character in "\\|<*_`[":
        text = text.replace(character, f"\\{character}")
    return text


if __name__ == "__main__":
    sys.exit(main())
