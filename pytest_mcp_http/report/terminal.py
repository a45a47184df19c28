"""The terminal: a header before the run; after it a table, the violations as bug reports, one verdict line.

Pure functions that return lines with their markup. Must not know pytest, nor write anything.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from pytest_mcp_http.report.masking import mask_url, visible
from pytest_mcp_http.report.rows import (
    VERDICTS,
    WORST_FIRST,
    Result,
    chapter_position,
    count,
    merge,
    position,
    revision_position,
)
from pytest_mcp_http.report.transcript import transcript_lines
from pytest_mcp_http.spec.revisions import era_of

Line = tuple[str, dict[str, bool]]
"""A line and its markup, fit for `terminalreporter.write_line(text, **markup)`."""

LONGEST_TEXT: Final = 1000
"""Characters shown of one piece of text that may come from the server."""

_HEADINGS: Final = {"not-applicable": "n/a", "not-verified": "not verified"}
_WORDS: Final = {
    "pass": "passed",
    "fail": "failed",
    "not-applicable": "not applicable",
    "not-verified": "not verified",
}


def header_lines(target: Mapping[str, Any]) -> list[str]:
    """Return the lines that say, before the run, what is judged.

    Args:
        target: `url`, `server` (name and version), `revisions` spoken, `judged` revisions, and `sessions`
            (revision -> whether the server assigned a session id).
    """
    if not target["url"]:
        return ["mcp: no target"]
    name = target["server"] or "a server without a name"
    parts = [mask_url(target["url"]), name, *_eras(target["revisions"], target["judged"]), _session(target)]
    return ["mcp: " + " · ".join(_clean(part) for part in parts if part)]


def _eras(spoken: Sequence[str], judged: Sequence[str]) -> list[str]:
    parts = []
    for era in ("handshake", "modern"):
        revisions = [
            revision for revision in sorted(spoken, key=revision_position) if era_of(revision) == era
        ]
        if revisions:
            parts.append(f"{era} era: {', '.join(revisions)}")
    if parts:
        parts[-1] += f" (judging {', '.join(sorted(judged, key=revision_position)) or 'none'})"
    return parts


def _session(target: Mapping[str, Any]) -> str:
    sessions: Mapping[str, bool] = target.get("sessions") or {}
    assigned = sorted((revision for revision, given in sessions.items() if given), key=revision_position)
    if not sessions:
        return ""
    if len(assigned) in (0, len(sessions)):
        return "session: yes" if assigned else "session: none"
    return f"session: at {', '.join(assigned)} only"


def summary_lines(
    results: Iterable[Result], target: Mapping[str, Any], *, strict: bool = False, width: int = 80
) -> list[Line]:
    """Return the lines that say, after the run, how the server did.

    Args:
        results: The results of the checks, in any order.
        target: As for `header_lines`.
        strict: Warnings count as violations.
        width: Columns of the terminal; commands and exchanges are never wrapped.

    Returns:
        The table, the violations worst first, notes, what was not verified, and the verdict as the last line.
    """
    everything = sorted(results, key=position)
    rows = merge(everything)
    lines: list[Line] = []
    if rows:
        lines += [*_table(rows), _plain()]
    for finding in _findings(everything):
        lines += [*_bug_report(finding, strict, max(width, 40)), _plain()]
    for block in (_notes(everything), _not_verified(rows, max(width, 40))):
        lines += [*block, _plain()] if block else []
    return [*lines, verdict_line(rows, target, strict=strict)]


def verdict_line(results: Iterable[Result], target: Mapping[str, Any], *, strict: bool = False) -> Line:
    """Return the last line of a run: conformant, not conformant, or why neither can be said.

    Args:
        results: The results of the checks, in any order.
        target: As for `header_lines`; its `judged` revisions are named when no check ran.
        strict: Warnings count as violations.
    """
    rows = merge(results)
    counts = count(rows)
    violations = ("fail", "warn") if strict else ("fail",)
    violated = {row["requirement"] for row in rows if row["verdict"] in violations}
    tail = f"{_counts(counts)} ({', '.join(_revisions(rows) or target.get('judged') or ['no revision'])})"
    if violated:
        things = "1 requirement" if len(violated) == 1 else f"{len(violated)} requirements"
        return f"NOT conformant: {things} violated: {tail}", {"red": True, "bold": True}
    if not rows:
        return f"no verdict: no check ran: {tail}", {"yellow": True, "bold": True}
    if counts["error"]:
        return f"no verdict: not every check could be completed: {tail}", {"red": True, "bold": True}
    if not counts["pass"]:
        why = "no requirement passed" if counts["warn"] else "nothing was verified"
        return f"no verdict: {why}: {tail}", {"yellow": True, "bold": True}
    return f"conformant: {tail}", {"yellow" if counts["warn"] else "green": True, "bold": True}


def _counts(counts: Mapping[str, int]) -> str:
    always = ("pass", "fail", "warn", "not-applicable", "not-verified")
    parts = []
    for verdict in VERDICTS:
        number = counts[verdict]
        if number or verdict in always:
            word = _WORDS.get(verdict) or {"warn": "warning"}.get(verdict, verdict) + (
                "" if number == 1 else "s"
            )
            parts.append(f"{number} {word}")
    return ", ".join(parts)


def _revisions(rows: Iterable[Result]) -> list[str]:
    return sorted({row["revision"] for row in rows}, key=revision_position)


def _table(rows: Sequence[Result]) -> list[Line]:
    chapters = sorted({row["chapter"] for row in rows}, key=chapter_position)
    revisions = _revisions(rows)
    headings = [_HEADINGS.get(verdict, verdict) for verdict in VERDICTS]
    first = max(map(len, ("chapter", "total", *chapters)))
    second = max(map(len, ("revision", *revisions)))

    def line(label: str, revision: str, cells: Iterable[str]) -> str:
        columns = (cell.rjust(max(len(heading), 4)) for cell, heading in zip(cells, headings, strict=True))
        return "  ".join([label.ljust(first), revision.ljust(second), *columns]).rstrip()

    def counted(label: str, revision: str, selected: Iterable[Result]) -> Line:
        counts = count(selected)
        return line(label, revision, (str(counts[verdict] or ".") for verdict in VERDICTS)), _colour(counts)

    lines: list[Line] = [(line("chapter", "revision", headings), {"bold": True})]
    for chapter in chapters:
        label = chapter
        for revision in revisions:
            selected = [row for row in rows if (row["chapter"], row["revision"]) == (chapter, revision)]
            if selected:
                lines.append(counted(label, revision, selected))
                label = ""
    label = "total"
    if len(revisions) > 1:
        for revision in revisions:
            lines.append(counted(label, revision, [row for row in rows if row["revision"] == revision]))
            label = ""
    lines.append(counted(label, revisions[0] if len(revisions) == 1 else "all", rows))
    return lines


def _colour(counts: Mapping[str, int]) -> dict[str, bool]:
    if counts["error"] or counts["fail"]:
        return {"red": True}
    if counts["warn"]:
        return {"yellow": True}
    return {"green": True} if counts["pass"] else {}


def _findings(results: Iterable[Result]) -> list[list[Result]]:
    """Group violations that are the same but for their revision, worst first."""
    groups: dict[tuple[str, str, str], list[Result]] = {}
    for result in results:
        if result["verdict"] in ("error", "fail", "warn"):
            groups.setdefault((result["verdict"], result["requirement"], _actual(result)), []).append(result)
    # Stable: catalogue order within a verdict.
    return sorted(groups.values(), key=lambda group: WORST_FIRST.index(group[0]["verdict"]))


def _actual(result: Result) -> str:
    return result.get("actual") or result.get("reason") or ""


def _bug_report(finding: Sequence[Result], strict: bool, width: int) -> list[Line]:
    result = finding[-1]  # of the newest revision
    verdict = result["verdict"]
    colour = {"yellow": True} if verdict == "warn" and not strict else {"red": True}
    title = (
        f"{verdict.upper()} {result['requirement']} ({result['level']}) at {', '.join(_revisions(finding))}"
    )
    if verdict == "warn" and strict:
        title += ", a violation in strict mode"
    checks = sorted({each["check"] for each in finding})
    outcomes = dict.fromkeys(outcome for each in finding for outcome in each.get("expected") or ())
    lines: list[Line] = [(title, {**colour, "bold": True})]
    lines += _wrapped("  ", _clean(result["wording"]), width)
    lines.append(_plain(f"  {_clean(result['section'])}"))
    lines += _wrapped("  Check:    ", ", ".join(map(_clean, checks)), width)
    for index, expected in enumerate(outcomes):
        lines += _wrapped("        or: " if index else "  Expected: ", _clean(expected), width)
    lines += _wrapped("  Actual:   ", _clean(_actual(result)), width)
    if result.get("transcript"):
        lines.append(_plain("  Exchange:"))
        lines += [_plain(f"    {visible(line)}") for line in transcript_lines(result["transcript"])]
    if result.get("curl"):
        lines += [_plain("  Reproduce:"), _plain(f"    {visible(result['curl'])}")]
    return lines


def _notes(results: Iterable[Result]) -> list[Line]:
    groups: dict[tuple[str, str], list[Result]] = {}
    for result in results:
        if result["verdict"] == "note":
            groups.setdefault((result["requirement"], _actual(result)), []).append(result)
    if not groups:
        return []
    title = "Notes: the specification leaves it open, clients and users may not"
    lines: list[Line] = [(title, {"bold": True})]
    for (requirement, actual), group in groups.items():
        lines.append(_plain(f"  {requirement} at {', '.join(_revisions(group))}: {_clean(actual, 300)}"))
        sent = ((group[0].get("transcript") or {}).get("request") or {}).get("body") or {}
        if sent.get("text"):
            lines.append(_plain(f"      sent:   {_clean(sent['text'], 120)}"))
        if group[0]["expected"]:
            lines.append(_plain(f"      better: {_clean(' or '.join(group[0]['expected']), 300)}"))
    return lines


def _not_verified(rows: Iterable[Result], width: int) -> list[Line]:
    reasons: dict[str, dict[str, None]] = {}
    for row in rows:
        if row["verdict"] == "not-verified":
            reason = _clean(row.get("reason") or _actual(row) or "no reason given")
            reasons.setdefault(reason, {})[row["requirement"]] = None
    if not reasons:
        return []
    lines: list[Line] = [("Not verified", {"bold": True})]
    for reason, ids in reasons.items():
        lines += _wrapped("  ", f"{reason}: {', '.join(ids)}", width, rest="    ")
    return lines


def _clean(text: str, longest: int = LONGEST_TEXT) -> str:
    shown = visible(text.replace("\n", " "))
    return (
        shown if len(shown) <= longest else f"{shown[:longest]}... ({len(shown) - longest:,} more characters)"
    )


def _wrapped(lead: str, text: str, width: int, rest: str | None = None) -> list[Line]:
    behind = rest if rest is not None else " " * len(lead)
    wrapped = textwrap.wrap(
        text,
        width,
        initial_indent=lead,
        subsequent_indent=behind,
        break_on_hyphens=False,
        break_long_words=False,
    )
    return [_plain(line) for line in wrapped] or [_plain(lead.rstrip())]


def _plain(text: str = "") -> Line:
    return text, {}
