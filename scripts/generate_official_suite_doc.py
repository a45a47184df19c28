"""Write docs/reference/official-suite.md: each check of the official suite, with what of ours covers it.

What the official suite checks stands in docs/reference/official-suite.json, one line per check. What of it
our checks judge is read from our suite. Run it after a change to either; `--check` only compares.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from pytest_mcp_http import _option_values
from pytest_mcp_http._list import rows

REFERENCE: Final = Path(__file__).resolve().parents[1] / "docs" / "reference"
PAGE: Final = REFERENCE / "official-suite.md"
TABLE: Final = REFERENCE / "official-suite.json"

REVISIONS: Final = ("2026-07-28", "2025-11-25")
"""Revisions with a table, in the order of the page: those for which the official suite says what counts."""

EVERY_SCENARIO: Final = "*"
"""Name that stands for all scenarios, for the checks that the official suite adds to each of them."""

INTRODUCTION: Final = """\
# The official suite

<!-- Written by scripts/generate_official_suite_doc.py from official-suite.json; change those instead. -->

The project of the protocol has a conformance suite of its own,
[modelcontextprotocol/conformance](https://github.com/modelcontextprotocol/conformance). This page takes
each check that its scenarios for servers can report, and says which of our [requirements](requirements.md)
cover it, or why none does. It describes release 0.2.0-alpha.12; [run the official
suite](../how-to/run-the-official-suite.md) says how to run it. The names of scenarios and checks are theirs,
the wording is ours.

- **Scenario** says below the name why a scenario does not count: *pending* (their own reference server does
  not pass it yet), *extension*, or *added after release*. The others decide about conformance to the
  revision.
- **Level** is what a breach is reported as. `FAILURE` fails a run, `WARNING` does not, `INFO` and `SKIPPED`
  are no judgement.
- **Requirements** are ours. *(no check yet)* means that no check of this release judges the requirement at
  the revision of the table. *Not judged* means that no requirement of ours covers the check; the remark
  says why.
- **Remark** compares the two. *Ours* is the requirement, whether it has a check yet or not. Names of
  sections such as `server/tools#tool-names` are below `modelcontextprotocol.io/specification/` and the
  revision.

Many of their checks need a tool, prompt or resource with a fixed name, which an ordinary server does not
have. Where such a check rests on the text, a requirement of ours covers it for any server. To judge what a
tool does, a tool has to be [named for it](../how-to/name-tools.md); those of the official suite are known.
No scenario judges the authorization of an MCP server. Left out are ids that the tables of their proposals
name, but no scenario reports, and the scenarios of an extension that no revision requires (skills).
"""

REASONS: Final = {
    "step of the scenario": "a step that a scenario needs to go on",
    "log entry": "an entry of a log",
    "about the harness": "about the harness",
    "needs": "needs a tool with a fixed name, and no sentence of the text wants what it does",
    "tasks extension": "the tasks extension",
}
"""Why a check may have no requirement of ours: how the first remark begins -> the words of the counts."""

STATES: Final = {
    "judged": "mapped and judged by checks of ours",
    "in part": "mapped and judged in part: not every requirement has a check",
    "no check yet": "mapped, no check yet",
}


@dataclass(frozen=True)
class OfficialCheck:
    """One check of the official suite at one revision.

    Attributes:
        scenario: Name of the scenario that reports it, or `EVERY_SCENARIO`.
        standing: `scored`, or why the scenario does not count.
        id: Its id; unique in the scenario.
        level: How a breach is reported.
        asserts: What it asserts, in our words.
        requirements: Our requirements that cover it.
        remarks: What sets it apart from them, or why there are none.
    """

    scenario: str
    standing: str
    id: str
    level: str
    asserts: str
    requirements: tuple[str, ...]
    remarks: tuple[str, ...]

    @property
    def reason(self) -> str | None:
        """Why it has no requirement, as one of `REASONS`; None if it has some."""
        if self.requirements:
            return None
        return next(reason for reason in REASONS if self.remarks[0].startswith(reason))

    def state(self, judged: Collection[str]) -> str | None:
        """Return how much of it is judged, as one of `STATES`; None if it has no requirement.

        Args:
            judged: The requirements that our checks judge.
        """
        if not self.requirements:
            return None
        found = sum(id in judged for id in self.requirements)
        return "no check yet" if not found else "judged" if found == len(self.requirements) else "in part"


def official_checks(revision: str) -> list[OfficialCheck]:
    """Return the checks that can be reported at a revision, in the order of the table."""
    return [
        OfficialCheck(
            scenario["scenario"],
            scenario["standing"][revision],
            check["check"],
            check["level"],
            check["asserts"],
            tuple(check["requirements"][revision]),
            tuple(check["remarks"]),
        )
        for scenario in json.loads(TABLE.read_text(encoding="utf-8"))
        for check in scenario["checks"]
        if revision in check["requirements"]
    ]


def judged_at(revision: str) -> frozenset[str]:
    """Return the ids of the requirements that our checks judge at a revision.

    A requirement that has a check is judged at other revisions only, as long as this one cannot be chosen.
    """
    try:
        _option_values.revisions(revision, "--mcp-revision")
    except pytest.UsageError:
        return frozenset()
    return frozenset(row.id for row in rows(revision=revision) if row.checks)


def page(judged: Mapping[str, Collection[str]]) -> str:
    """Return the page.

    Args:
        judged: For each of `REVISIONS`, the requirements that our checks judge.
    """
    lines = [INTRODUCTION]
    for revision in REVISIONS:
        checks = official_checks(revision)
        lines += [f"## {revision}", "", *_counts(checks, judged[revision]), ""]
        lines += [*_table(checks, judged[revision]), ""]
    return "\n".join(lines)


def _counts(checks: Sequence[OfficialCheck], judged: Collection[str]) -> Iterator[str]:
    scored = [check for check in checks if check.standing == "scored"]
    yield _line("", "all", "in scenarios that count")
    yield _line("---", "---:", "---:")

    def line(name: str, count: Mapping[object, int], of_scored: Mapping[object, int], *keys: object) -> str:
        return _line(name, str(sum(count[key] for key in keys)), str(sum(of_scored[key] for key in keys)))

    states = [Counter(check.state(judged) for check in group) for group in (checks, scored)]
    yield _line("checks", str(len(checks)), str(len(scored)))
    yield line("mapped to requirements of ours", *states, *STATES)
    for state, words in STATES.items():
        yield line(words, *states, state)
    yield line("not mapped, so not judged", *states, None)
    reasons = [Counter(check.reason for check in group) for group in (checks, scored)]
    for reason, words in REASONS.items():
        if reasons[0][reason]:
            yield line(f"not mapped: {words}", *reasons, reason)


def _table(checks: Iterable[OfficialCheck], judged: Collection[str]) -> Iterator[str]:
    yield _line("Scenario", "Check", "Level", "What it asserts", "Requirements", "Remark")
    yield _line(*["---"] * 6)
    for check in checks:
        name = "every scenario" if check.scenario == EVERY_SCENARIO else f"`{check.scenario}`"
        yield _line(
            name if check.standing == "scored" else f"{name}<br>{check.standing}",
            f"`{check.id}`",
            check.level,
            check.asserts,
            "<br>".join(f"`{id}`" if id in judged else f"`{id}` (no check yet)" for id in check.requirements)
            or "not judged",
            "; ".join(check.remarks),
        )


def _line(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page, or compare it.

    Returns:
        The exit status: 0, or 1 if the page is not current.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    options = parser.parse_args(arguments)
    text = page({revision: judged_at(revision) for revision in REVISIONS})
    if not options.check:
        PAGE.write_text(text, encoding="utf-8")
    elif not PAGE.is_file() or PAGE.read_text(encoding="utf-8") != text:
        print(f"stale: {PAGE}; run python scripts/generate_official_suite_doc.py", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
