"""The terminal: a header before the run; after it a grid, the violations as bug reports, one verdict line.

Pure functions that return lines with their markup. Must not know pytest, nor write anything.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from pytest_mcp_http.report.grid import Line as Line
from pytest_mcp_http.report.grid import era_name, grid_lines
from pytest_mcp_http.report.masking import mask_url, visible
from pytest_mcp_http.report.rows import (
    VERDICTS,
    WORST_FIRST,
    Result,
    count,
    merge,
    position,
    remarks,
    revision_position,
)
from pytest_mcp_http.report.transcript import transcript_lines

LONGEST_TEXT: Final = 1000
"""Characters shown of one piece of text that may come from the server."""

LONGEST_EVIDENCE: Final = 160
"""Characters shown of one reason for the era of the server: every known revision fits several times."""

_WORDS: Final = {
    "pass": "passed",
    "fail": "failed",
    "not-applicable": "not applicable",
    "not-verified": "not verified",
}


def header_lines(target: Mapping[str, Any]) -> list[str]:
    """Return the lines that say, before the run, what is judged and why.

    Args:
        target: `url`, `server` (name and version), `revisions` spoken, `judged` revisions, and `sessions`
            (revision -> whether the server assigned a session id); where discovery told them, `era`
            (`handshake`, `modern` or `dual`) and `evidence` (short texts that say what showed it).
    """
    if not target["url"]:
        return ["mcp: no target"]
    name = target["server"] or "a server without a name"
    found = _found(target)
    judged = _judged(target["judged"]) if found else _spoken(target["revisions"], target["judged"])
    parts = [mask_url(target["url"]), name, judged, _session(target)]
    first = " · ".join(_clean(part) for part in parts if part)
    return [f"mcp: {line}" for line in (first, found) if line]


def _found(target: Mapping[str, Any]) -> str:
    """Return the era that was found and what showed it; nothing if discovery told neither."""
    era = target.get("era")
    evidence = [_clean(text, LONGEST_EVIDENCE) for text in target.get("evidence") or ()]
    if not era and not evidence:
        return ""
    kind = _clean(f"{era}-era server", LONGEST_EVIDENCE) if era else "server of an unknown era"
    return _clean(f"{kind}: {'; '.join(evidence)}" if evidence else kind)


def _judged(judged: Sequence[str]) -> str:
    eras = (f"the {era} at {', '.join(revisions)}" for era, revisions in _by_era(judged).items())
    return f"judging {' and '.join(eras) or 'nothing'}"


def _spoken(spoken: Sequence[str], judged: Sequence[str]) -> str:
    parts = [f"{era}: {', '.join(revisions)}" for era, revisions in _by_era(spoken).items()]
    judging = f"(judging {', '.join(sorted(judged, key=revision_position)) or 'none'})"
    return f"{' · '.join(parts)} {judging}" if parts else ""


def _by_era(revisions: Iterable[str]) -> dict[str, list[str]]:
    eras: dict[str, list[str]] = {}
    for revision in sorted(revisions, key=revision_position):
        eras.setdefault(era_name(revision), []).append(revision)
    return eras


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
        The grid, the violations worst first, notes, remarks, what was not verified, and the verdict, which is
        the last line.
    """
    everything = sorted(results, key=position)
    rows = merge(everything)
    lines: list[Line] = []
    if rows:
        lines += [*grid_lines(rows, _revisions(rows), max(width, 40)), _plain()]
    for finding in _findings(everything):
        lines += [*_bug_report(finding, strict, max(width, 40)), _plain()]
    for block in (
        _notes(everything),
        _remarks(everything, max(width, 40)),
        _not_verified(rows, max(width, 40)),
    ):
        lines += [*block, _plain()] if block else []
    return [*lines, verdict_line(rows, target, strict=strict)]


def verdict_line(results: Iterable[Result], target: Mapping[str, Any], *, strict: bool = False) -> Line:
    """Return the last line of a run: conformant, not conformant, or why neither can be said.

    Where both eras were judged, it says what holds for one of them only.

    Args:
        results: The results of the checks, in any order.
        target: As for `header_lines`; its `judged` revisions are named when no check ran.
        strict: Warnings count as violations.
    """
    rows = merge(results)
    counts = count(rows)
    tail = f"{_counts(counts)} ({', '.join(_revisions(rows) or target.get('judged') or ['no revision'])})"
    eras = {
        era: [row for row in rows if row["revision"] in revisions]
        for era, revisions in _by_era(_revisions(rows)).items()
    }
    violated = _violated(rows, strict)
    if violated:
        things = "1 requirement" if len(violated) == 1 else f"{len(violated)} requirements"
        parts = ", ".join(f"{era}: {len(_violated(of_era, strict))}" for era, of_era in eras.items())
        by_era = f" ({parts})" if len(eras) > 1 else ""
        return f"NOT conformant: {things} violated{by_era}: {tail}", {"red": True, "bold": True}
    if not rows:
        return f"no verdict: no check ran: {tail}", {"yellow": True, "bold": True}
    if counts["error"]:
        return f"no verdict: not every check could be completed: {tail}", {"red": True, "bold": True}
    # An era in which nothing passed must not shine in the light of the other one.
    unproven = {era: _unproven(of_era) for era, of_era in eras.items() if not count(of_era)["pass"]}
    if len(unproven) == len(eras):
        return f"no verdict: {_unproven(rows)}: {tail}", {"yellow": True, "bold": True}
    if unproven:
        proven = " and the ".join(era for era in eras if era not in unproven)
        without = ", ".join(f"no verdict in the {era}: {why}" for era, why in unproven.items())
        return f"conformant in the {proven}, {without}: {tail}", {"yellow": True, "bold": True}
    return f"conformant: {tail}", {"yellow" if counts["warn"] else "green": True, "bold": True}


def _violated(rows: Iterable[Result], strict: bool) -> set[str]:
    violations = ("fail", "warn") if strict else ("fail",)
    return {row["requirement"] for row in rows if row["verdict"] in violations}


def _unproven(rows: Iterable[Result]) -> str:
    return "no requirement passed" if count(rows)["warn"] else "nothing was verified"


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


def _remarks(results: Iterable[Result], width: int) -> list[Line]:
    lines: list[Line] = []
    for title, by_revision in remarks(results).items():
        lines.append((title, {"bold": True}))
        for revision, found in by_revision.items():
            lines.append(_plain(f"  {revision}"))
            for each in found or ["no difference was seen"]:
                lines += _wrapped("    ", _clean(each, 300), width, rest="      ")
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
