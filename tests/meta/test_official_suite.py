"""The page on the official suite: it is current, and what it says of our requirements is so."""

from __future__ import annotations

import importlib.util
import re
import sys
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

from pytest_mcp_http._list import rows
from pytest_mcp_http.spec.registry import CHAPTERS, requirements

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "generate_official_suite_doc.py"
REVISIONS = ("2026-07-28", "2025-11-25")

STANDINGS = {"scored", "pending", "extension", "added after release"}
LEVELS = {"FAILURE", "WARNING", "INFO", "SKIPPED"}
COMPARISONS = (
    "same",
    "ours is stricter: ",
    "ours is wider: ",
    "theirs is stricter than the text: ",
    "theirs is laxer: ",
    "theirs is wider: ",
)
REMARKS = (*COMPARISONS[1:], "ours has ", "theirs sees ", "theirs calls ", "needs ", "tasks extension")
SECTION = re.compile(r"`[a-z-]+(?:/[a-z-]+)+(?:#[\w%-]+)?`|`schema#[a-z]+`")
ID = re.compile(rf"`((?:{'|'.join(CHAPTERS)})\.[\w.-]+)`")


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate_official_suite_doc", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def table(text: str, revision: str) -> list[str]:
    """Return the rows of the table of a revision on a page."""
    section = text.partition(f"\n## {revision}\n")[2].partition("\n## ")[0]
    return [line for line in section.partition("| Scenario |")[2].splitlines() if line.startswith("| ")][1:]


def count(text: str, revision: str, name: str) -> int:
    """Return a count of all checks from the top of a table."""
    section = text.partition(f"\n## {revision}\n")[2]
    found = re.search(rf"^\| {re.escape(name)} \| (\d+) \|", section, re.MULTILINE)
    assert found is not None, name
    return int(found[1])


# -- the page -------------------------------------------------------------------------------------------


def test_page_is_current(generator: ModuleType) -> None:
    current = generator.PAGE.read_text(encoding="utf-8") == generator.page(
        {revision: generator.judged_at(revision) for revision in REVISIONS}
    )
    assert current, "run: python scripts/generate_official_suite_doc.py"


def test_check_tells_a_stale_page(
    generator: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(generator, "PAGE", tmp_path / "official-suite.md")
    assert generator.main(["--check"]) == 1
    assert "run python scripts/generate_official_suite_doc.py" in capsys.readouterr().err
    assert generator.main([]) == 0
    assert generator.main(["--check"]) == 0
    generator.PAGE.write_text("another page\n", encoding="utf-8")
    assert generator.main(["--check"]) == 1


@pytest.mark.parametrize("revision", REVISIONS)
def test_page_says_which_requirements_have_no_check(generator: ModuleType, revision: str) -> None:
    named = {id for check in generator.official_checks(revision) for id in check.requirements}
    without = generator.page(dict.fromkeys(REVISIONS, ()))
    assert without.partition("\n## ")[2].count("(no check yet)") == sum(
        len(check.requirements) for r in REVISIONS for check in generator.official_checks(r)
    )
    assert count(without, revision, "mapped and judged by checks of ours") == 0
    all_of_them = generator.page(dict.fromkeys(REVISIONS, named))
    assert not [row for row in table(all_of_them, revision) if "(no check yet)" in row]
    mapped = count(all_of_them, revision, "mapped to requirements of ours")
    assert count(all_of_them, revision, "mapped and judged by checks of ours") == mapped


@pytest.mark.parametrize("revision", REVISIONS)
def test_counts_add_up(generator: ModuleType, revision: str) -> None:
    text = generator.PAGE.read_text(encoding="utf-8")
    section = text.partition(f"\n## {revision}\n")[2].partition("| Scenario |")[0]
    found = re.findall(r"^\| ([^|]+) \| (\d+) \| (\d+) \|$", section, re.MULTILINE)
    for column in (1, 2):
        counts = {name[0]: int(name[column]) for name in found}
        states = sum(counts[words] for words in generator.STATES.values())
        reasons = sum(number for name, number in counts.items() if name.startswith("not mapped: "))
        assert counts["mapped to requirements of ours"] == states
        assert counts["not mapped, so not judged"] == reasons
        assert counts["checks"] == states + reasons
    rows_of_table = table(text, revision)
    assert len(rows_of_table) == count(text, revision, "checks") == len(generator.official_checks(revision))
    assert {row.count(" | ") for row in rows_of_table} == {5}


def test_judged_are_the_requirements_with_a_check_at_a_revision_that_can_be_chosen(
    generator: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_check = {row.id for row in rows(revision="2025-11-25") if row.checks}
    assert generator.judged_at("2025-11-25") == with_check
    assert "session.terminated-404" in with_check

    def refuse(value: str, source: str) -> None:
        raise pytest.UsageError(f"{source}: {value}")

    monkeypatch.setattr(generator._option_values, "revisions", refuse)
    assert generator.judged_at("2025-11-25") == frozenset()


# -- the table ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("revision", REVISIONS)
def test_requirements_exist_at_the_revision(generator: ModuleType, revision: str) -> None:
    for check in generator.official_checks(revision):
        named = (*check.requirements, *ID.findall("; ".join(check.remarks)))
        known = [id for id in named if id in requirements() and revision in requirements()[id].revisions]
        assert list(named) == known, f"{check.scenario}/{check.id}"
        assert len(set(check.requirements)) == len(check.requirements), f"{check.scenario}/{check.id}"


@pytest.mark.parametrize("revision", REVISIONS)
def test_no_check_is_in_a_table_twice(generator: ModuleType, revision: str) -> None:
    seen = Counter((check.scenario, check.id) for check in generator.official_checks(revision))
    assert [key for key, times in seen.items() if times > 1] == []


@pytest.mark.parametrize("revision", REVISIONS)
def test_remarks_compare_or_say_why_not(generator: ModuleType, revision: str) -> None:
    for check in generator.official_checks(revision):
        name = f"{check.scenario}/{check.id}"
        openings = COMPARISONS if check.requirements else tuple(generator.REASONS)
        assert check.remarks[0].startswith(openings), name
        assert all(remark.startswith(REMARKS) for remark in check.remarks[1:]), name
        for remark in check.remarks:
            assert not remark.startswith("theirs is stricter") or SECTION.search(remark), (
                f"{name}: no section"
            )


@pytest.mark.parametrize("revision", REVISIONS)
def test_standings_and_levels_are_known(generator: ModuleType, revision: str) -> None:
    standings: dict[str, set[str]] = {}
    for check in generator.official_checks(revision):
        standings.setdefault(check.scenario, set()).add(check.standing)
        assert set(re.split(r", | or ", check.level)) <= LEVELS, f"{check.scenario}/{check.id}"
        assert check.asserts.endswith("."), f"{check.scenario}/{check.id}"
    assert all(len(found) == 1 and found <= STANDINGS for found in standings.values())
