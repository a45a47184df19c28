from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from pytest_mcp_http.report.grid import MARKS, era_name, grid_lines
from pytest_mcp_http.report.rows import VERDICTS, WORST_FIRST, count
from pytest_mcp_http.spec.registry import CHAPTERS, requirements
from pytest_mcp_http.spec.revisions import REVISIONS

OLD, MIDDLE, NEW, MODERN = REVISIONS
SUBSETS = [REVISIONS, REVISIONS[:3], (NEW, MODERN), (OLD, NEW), (NEW,), (MODERN,)]
REALISTIC = {"pass": 80, "fail": 2, "warn": 2, "note": 2, "not-verified": 6, "not-applicable": 20}
EVEN = dict.fromkeys(VERDICTS, 1)


def row(chapter: str, revision: str, verdict: str = "pass") -> dict[str, Any]:
    return {"chapter": chapter, "revision": revision, "verdict": verdict}


def cell(chapter: str, revision: str, passes: int, **others: int) -> list[dict[str, Any]]:
    return [
        row(chapter, revision, verdict.replace("_", "-"))
        for verdict, number in {"pass": passes, **others}.items()
        for _ in range(number)
    ]


def judged(revisions: Sequence[str], weights: Mapping[str, int], seed: int) -> list[dict[str, Any]]:
    """Return a row for every requirement of the catalogue, with verdicts by chance."""
    chance = random.Random(seed)
    return [
        row(known.chapter, revision, chance.choices(list(weights), list(weights.values()))[0])
        for known in requirements().values()
        for revision in revisions
        if revision in known.revisions
    ]


def grid(rows: list[dict[str, Any]], width: int = 80) -> list[str]:
    return [text for text, _ in grid_lines(rows, in_order(rows), width)]


def in_order(rows: list[dict[str, Any]]) -> list[str]:
    return [revision for revision in REVISIONS if any(each["revision"] == revision for each in rows)]


def read(lines: Sequence[str]) -> Iterator[tuple[str, str, dict[str, int]]]:
    """Read a grid as its reader does: the columns begin where the revisions stand in the heading."""
    starts: dict[str, int] = {}
    label = ""
    for line in lines[:-1]:
        if line.startswith("chapter "):
            starts = {match[0]: match.start() for match in re.finditer(r"\d{4}-\d\d-\d\d", line)}
            continue
        if not line or not starts or line.lstrip().endswith(" era"):
            continue
        label = line[: min(starts.values())].strip() or label
        ends = [*list(starts.values())[1:], len(line)]
        for (revision, start), end in zip(starts.items(), ends, strict=True):
            text = line[start:end]
            numbers = re.findall(r"(\d+)([EFWN?-]?)", text)
            assert "".join("".join(pair) for pair in numbers) == text.replace(" ", "")
            verdicts = {mark: verdict for verdict, mark in MARKS.items()}
            yield label, revision, {verdicts.get(mark, "pass"): int(number) for number, mark in numbers}


def test_every_verdict_but_pass_has_a_mark_worst_first() -> None:
    assert list(MARKS) == [verdict for verdict in WORST_FIRST if verdict != "pass"]
    assert len(set(MARKS.values())) == len(MARKS)


def test_one_revision() -> None:
    rows = [
        *cell("transport", NEW, 14, fail=2, warn=1),
        *cell("sse", NEW, 7, not_applicable=10, not_verified=1),
        *cell("session", NEW, 0, fail=1, not_applicable=5),
        *cell("meta", NEW, 5),
    ]
    assert grid_lines(rows, [NEW]) == [
        ("chapter    2025-11-25", {"bold": True}),
        ("transport  14 2F 1W", {"red": True}),
        ("sse         7       1? 10-", {"green": True}),
        ("session     0 1F        5-", {"red": True}),
        ("meta        5", {"green": True}),
        ("total      26 3F 1W 1? 15-", {"red": True}),
        ("passes, then F fail, W warn, ? not verified, - not applicable", {}),
    ]


def test_two_eras() -> None:
    rows = [
        *cell("transport", NEW, 16, not_applicable=1),
        *cell("transport", MODERN, 20, fail=2),
        *cell("session", NEW, 15, warn=1),
        *cell("mrtr", MODERN, 0, not_applicable=12),
    ]
    assert grid_lines(rows, [NEW, MODERN]) == [
        ("           handshake era  modern era", {"bold": True}),
        ("chapter    2025-11-25     2026-07-28", {"bold": True}),
        ("transport  16    1-       20 2F", {"red": True}),
        ("session    15 1W", {"yellow": True}),
        ("mrtr                       0    12-", {}),
        ("total      31 1W 1-       20 2F 12-", {"red": True}),
        ("passes, then F fail, W warn, - not applicable", {}),
    ]


def test_a_cell_without_requirements_is_empty_and_one_without_passes_is_not() -> None:
    rows = [row("discover", MODERN), row("session", NEW, "not-applicable"), row("session", MODERN)]
    lines = grid(rows)
    assert "discover                 1" in lines
    assert "session   0 1-           1" in lines


def test_four_revisions_of_realistic_numbers_share_one_grid_of_80_columns() -> None:
    others = {"fail": 3, "warn": 2, "note": 1, "not_verified": 10, "not_applicable": 45}
    chapters = ("transport", "tools", "authorization", "security")
    rows = [
        each
        for chapter in chapters
        for revision in REVISIONS
        for each in cell(chapter, revision, 19, **others)
        if (chapter, revision, each["verdict"]) != ("tools", OLD, "fail")
    ]
    assert grid(rows) == [
        "              handshake era                                      modern era",
        "chapter       2025-03-26       2025-06-18       2025-11-25       2026-07-28",
        "transport     19 3F2W1N10?45-  19 3F2W1N10?45-  19 3F2W1N10?45-  19 3F2W1N10?45-",
        "tools         19   2W1N10?45-  19 3F2W1N10?45-  19 3F2W1N10?45-  19 3F2W1N10?45-",
        "authorization 19 3F2W1N10?45-  19 3F2W1N10?45-  19 3F2W1N10?45-  19 3F2W1N10?45-",
        "security      19 3F2W1N10?45-  19 3F2W1N10?45-  19 3F2W1N10?45-  19 3F2W1N10?45-",
        "total          76               76               76               76",
        "                9F              12F              12F              12F",
        "                8W               8W               8W               8W",
        "                4N               4N               4N               4N",
        "               40?              40?              40?              40?",
        "              180-             180-             180-             180-",
        "passes, then F fail, W warn, N note, ? not verified, - not applicable",
    ]


def test_layouts_from_wide_to_narrow() -> None:
    rows = [
        *cell("meta", OLD, 9, note=1, not_applicable=9),
        *cell("meta", NEW, 0, fail=8, warn=9, note=9),
        *cell("schema", OLD, 9, warn=1, not_applicable=9),
        *cell("schema", NEW, 0, fail=8, warn=9, note=9),
    ]
    wide = [
        ("chapter  2025-03-26    2025-11-25", {"bold": True}),
        ("meta      9    1N  9-  0  8F  9W  9N", {"red": True}),
        ("schema    9 1W     9-  0  8F  9W  9N", {"red": True}),
        ("total    18 1W 1N 18-  0 16F 18W 18N", {"red": True}),
    ]
    tight = [
        ("chapter 2025-03-26  2025-11-25", {"bold": True}),
        ("meta     9   1N 9-  0  8F 9W 9N", {"red": True}),
        ("schema   9 1W   9-  0  8F 9W 9N", {"red": True}),
        ("total   18 1W1N18-  0 16F18W18N", {"red": True}),
    ]
    stacked = [
        ("chapter 2025-03-26  2025-11-25", {"bold": True}),
        ("meta    9   1N9-    0 8F9W9N", {"red": True}),
        ("schema  9 1W  9-    0 8F9W9N", {"red": True}),
        ("total   18           0", {"green": True}),
        ("                    16F", {"red": True}),
        ("         1W         18W", {"yellow": True}),
        ("         1N         18N", {}),
        ("        18-", {}),
    ]
    apart = [
        ("chapter  2025-03-26", {"bold": True}),
        ("meta      9    1N  9-", {"green": True}),
        ("schema    9 1W     9-", {"yellow": True}),
        ("total    18 1W 1N 18-", {"yellow": True}),
        ("", {}),
        ("chapter  2025-11-25", {"bold": True}),
        ("meta     0  8F  9W  9N", {"red": True}),
        ("schema   0  8F  9W  9N", {"red": True}),
        ("total    0 16F 18W 18N", {"red": True}),
    ]
    for width, expected in (
        (80, wide),
        (36, wide),
        (35, tight),
        (31, tight),
        (30, stacked),
        (29, apart),
    ):
        assert grid_lines(rows, [OLD, NEW], width)[:-1] == expected


@pytest.mark.parametrize("weights", [REALISTIC, EVEN, {"pass": 1}, {"error": 1}], ids=str)
@pytest.mark.parametrize("revisions", SUBSETS, ids=",".join)
@pytest.mark.parametrize("seed", range(3))
def test_grid_of_the_whole_catalogue(revisions: tuple[str, ...], weights: dict[str, int], seed: int) -> None:
    rows = judged(revisions, weights, seed)
    lines = grid(rows)
    assert max(map(len, lines)) <= 80
    assert not any(line != line.rstrip() for line in lines)

    # What a reader reads out of it is what was judged, cell by cell, and in the total.
    found: dict[tuple[str, str], dict[str, int]] = {}
    for label, revision, numbers in read(lines):
        found.setdefault((label, revision), {}).update(numbers)
    for label in ("total", *{each["chapter"] for each in rows}):
        for revision in revisions:
            part = [
                each for each in rows if each["revision"] == revision and label in ("total", each["chapter"])
            ]
            expected = {verdict: number for verdict, number in count(part).items() if number}
            if part:
                expected.setdefault("pass", 0)
            assert found.get((label, revision), {}) == expected

    occurring = {each["verdict"] for each in rows}
    explained = re.findall(r"(?:^passes, then |, )(\S) ([a-z ]+)", lines[-1])
    assert [
        (MARKS[verdict], verdict.replace("-", " ")) for verdict in MARKS if verdict in occurring
    ] == explained

    headings = " ".join(line for line in lines if line.startswith("chapter "))
    assert re.findall(r"\d{4}-\d\d-\d\d", headings) == list(revisions)
    labels = [line.split()[0] for line in lines[:-1] if line[:1].strip()]
    known = [label for label in labels if label in CHAPTERS]
    if labels.count("chapter") == 1:
        assert known == [chapter for chapter in CHAPTERS if chapter in {each["chapter"] for each in rows}]


@pytest.mark.parametrize("revisions", SUBSETS, ids=",".join)
def test_realistic_verdicts_of_the_whole_catalogue_stay_in_one_grid(revisions: tuple[str, ...]) -> None:
    for seed in range(5):
        lines = grid(judged(revisions, REALISTIC, seed))
        assert sum(line.startswith("chapter ") for line in lines) == 1


@pytest.mark.parametrize("revisions", SUBSETS, ids=",".join)
def test_eras_are_named_only_where_there_are_two(revisions: tuple[str, ...]) -> None:
    first, *others = grid_lines(judged(revisions, REALISTIC, 0), revisions)
    if MODERN in revisions and len(revisions) > 1:
        heading = others[0][0]
        assert first == (first[0], {"bold": True})
        assert re.findall(r"\w+ era", first[0]) == ["handshake era", "modern era"]
        assert first[0].index("handshake era") == heading.index(revisions[0])
        assert first[0].index("modern era") == heading.index(MODERN)
    else:
        assert first[0].startswith("chapter ")
        assert not any(text.endswith(" era") for text, _ in others)


def test_eras_stay_named_where_grids_are_apart() -> None:
    lines = grid([*cell("meta", NEW, 1), *cell("meta", MODERN, 2)], 24)
    assert lines == [
        "         handshake era",
        "chapter  2025-11-25",
        "meta     1",
        "total    1",
        "",
        "         modern era",
        "chapter  2026-07-28",
        "meta     2",
        "total    2",
        "passes",
    ]


def test_order_of_rows_does_not_matter() -> None:
    rows = judged(REVISIONS, REALISTIC, 1)
    shuffled = rows.copy()
    random.Random(5).shuffle(shuffled)
    assert grid_lines(shuffled, REVISIONS) == grid_lines(rows, REVISIONS)


@pytest.mark.parametrize(
    ("verdicts", "colour"),
    [
        (["pass", "warn", "error"], {"red": True}),
        (["pass", "warn", "fail"], {"red": True}),
        (["pass", "warn", "note"], {"yellow": True}),
        (["pass", "note", "not-verified", "not-applicable"], {"green": True}),
        (["note", "not-verified", "not-applicable"], {}),
    ],
)
def test_colour_of_a_row_is_that_of_its_worst_verdict_at_any_revision(
    verdicts: list[str], colour: dict[str, bool]
) -> None:
    rows = [row("meta", (OLD, MODERN)[index % 2], verdict) for index, verdict in enumerate(verdicts)]
    rows += [row("schema", OLD)]
    markup = {text.split()[0]: markup for text, markup in grid_lines(rows, [OLD, MODERN])}
    assert markup["meta"] == colour
    assert markup["schema"] == {"green": True}
    assert markup["total"] == (colour or {"green": True})


def test_a_revision_without_an_era_is_shown_all_the_same() -> None:
    assert [era_name(revision) for revision in (OLD, MODERN, "2031-01-01")] == [
        "handshake era",
        "modern era",
        "unknown era",
    ]
    rows = [row("meta", NEW), row("meta", "2031-01-01")]
    assert [text for text, _ in grid_lines(rows, [NEW, "2031-01-01"])][:3] == [
        "         handshake era  unknown era",
        "chapter  2025-11-25     2031-01-01",
        "meta     1              1",
    ]
