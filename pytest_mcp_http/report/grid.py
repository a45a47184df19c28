"""The grid of a summary: a row per chapter, a column per revision, the verdicts as numbers with marks.

Pure functions that return lines with their markup. Must not know pytest, nor write anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from pytest_mcp_http.report.rows import Result, chapter_position, count
from pytest_mcp_http.spec.revisions import REVISIONS, era_of

Line = tuple[str, dict[str, bool]]
"""A line and its markup, fit for `terminalreporter.write_line(text, **markup)`."""

MARKS: Final = {
    "error": "E",
    "fail": "F",
    "warn": "W",
    "note": "N",
    "not-verified": "?",
    "not-applicable": "-",
}
"""The mark behind the number of each verdict but `pass`, worst first.

The dash is last: where marks stand close together, no number follows that could be read as a negative one.
"""

_LAYOUTS: Final = ((" ", False), ("", False), (" ", True), ("", True))
"""The space between marks, and whether the total has a line per verdict; the first that fits is taken."""


def era_name(revision: str) -> str:
    """Return the words for the era of a revision, for example `modern era`; `unknown era` if it has none."""
    return f"{era_of(revision)} era" if revision in REVISIONS else "unknown era"


def grid_lines(rows: Sequence[Result], revisions: Sequence[str], width: int = 80) -> list[Line]:
    """Return the grid, and below it the line that explains the marks.

    A cell has the number of passes, then what is not zero of the other verdicts, worst first. It is empty
    where the chapter has no requirement at the revision. The colour of a row is that of its worst verdict.

    Args:
        rows: One result per requirement and revision, at least one.
        revisions: The revisions of the rows, oldest first.
        width: Columns of the terminal. A grid that is too wide loses the spaces between marks, then gets a
            total of one line per verdict, then hands its newest revision to a grid of its own.
    """
    eras = len({era_name(revision) for revision in revisions}) > 1
    counts = count(rows)
    marked = [f"{mark} {verdict.replace('-', ' ')}" for verdict, mark in MARKS.items() if counts[verdict]]
    legend = f"passes, then {', '.join(marked)}" if marked else "passes"
    return [*_fitting(rows, revisions, eras, width), (legend, {})]


def _fitting(rows: Sequence[Result], revisions: Sequence[str], eras: bool, width: int) -> list[Line]:
    for gap, stacked in _LAYOUTS:
        lines = _grid(rows, revisions, eras, gap, stacked)
        if max(len(text) for text, _ in lines) <= width:
            return lines
    if len(revisions) == 1:
        return lines
    older = [row for row in rows if row["revision"] != revisions[-1]]
    newest = [row for row in rows if row["revision"] == revisions[-1]]
    first = _fitting(older, revisions[:-1], eras, width)
    return [*first, ("", {}), *_fitting(newest, revisions[-1:], eras, width)]


def _grid(
    rows: Sequence[Result], revisions: Sequence[str], eras: bool, gap: str, stacked: bool
) -> list[Line]:
    parts, columns = _cells(rows, revisions, gap, stacked)
    names = [era_name(revision) if eras else "" for revision in revisions]
    first = max(map(len, ("chapter", *(label for label, _ in parts))))
    widths = [
        max(map(len, (name, revision, *column)))
        for name, revision, column in zip(names, revisions, columns, strict=True)
    ]

    def line(label: str, cells: Iterable[str]) -> str:
        padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        return f"{label.ljust(first)}{gap} {'  '.join(padded)}".rstrip()

    lines: list[Line] = []
    if eras:
        shown = ("" if name in names[:index] else name for index, name in enumerate(names))
        lines.append((line("", shown), {"bold": True}))
    lines.append((line("chapter", revisions), {"bold": True}))
    for (label, part), *cells in zip(parts, *columns, strict=True):
        lines.append((line(label, cells), _colour(count(part))))
    return lines


def _cells(
    rows: Sequence[Result], revisions: Sequence[str], gap: str, stacked: bool
) -> tuple[list[tuple[str, list[Result]]], list[list[str]]]:
    """Return the label and the results of each line, and for each revision its cells, one a line."""
    chapters = sorted({row["chapter"] for row in rows}, key=chapter_position)
    parts = [(chapter, [row for row in rows if row["chapter"] == chapter]) for chapter in chapters]
    if not stacked:
        parts.append(("total", list(rows)))
    columns = [
        _aligned([count(row for row in part if row["revision"] == revision) for _, part in parts], gap)
        for revision in revisions
    ]
    if stacked:
        counts = count(rows)
        verdicts = ["pass", *(verdict for verdict in MARKS if counts[verdict])]
        for verdict in verdicts:
            part = [row for row in rows if row["verdict"] == verdict]
            parts.append(("total" if verdict == "pass" else "", part))
        for revision, column in zip(revisions, columns, strict=True):
            total = count(row for row in rows if row["revision"] == revision)
            column.extend(_one_a_line([(verdict, total[verdict]) for verdict in verdicts]))
    return parts, columns


def _aligned(column: Sequence[Mapping[str, int]], gap: str) -> list[str]:
    """Write the cells of one revision so that the numbers of a verdict stand under each other."""
    passes = [str(counts["pass"]) for counts in column]
    marks = [
        [f"{counts[verdict]}{mark}" if counts[verdict] else "" for counts in column]
        for verdict, mark in MARKS.items()
        if any(counts[verdict] for counts in column)
    ]
    widths = [max(map(len, texts)) for texts in (passes, *marks)]
    cells = []
    for counts, *texts in zip(column, passes, *marks, strict=True):
        first, *rest = (text.rjust(width) for text, width in zip(texts, widths, strict=True))
        cells.append(f"{first} {gap.join(rest)}".rstrip() if any(counts.values()) else "")
    return cells


def _one_a_line(total: Sequence[tuple[str, int]]) -> list[str]:
    longest = max(len(str(number)) for _, number in total)
    return [
        f"{str(number).rjust(longest)}{MARKS.get(verdict, '')}" if number or verdict == "pass" else ""
        for verdict, number in total
    ]


def _colour(counts: Mapping[str, int]) -> dict[str, bool]:
    if counts["error"] or counts["fail"]:
        return {"red": True}
    if counts["warn"]:
        return {"yellow": True}
    return {"green": True} if counts["pass"] else {}
