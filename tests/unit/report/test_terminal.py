from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest

from pytest_mcp_http.report.terminal import (
    LONGEST_EVIDENCE,
    LONGEST_TEXT,
    Line,
    header_lines,
    summary_lines,
    verdict_line,
)
from pytest_mcp_http.spec.registry import requirements

OLD, MIDDLE, NEW, MODERN = "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28"
TARGET: dict[str, Any] = {
    "url": "http://127.0.0.1:8001/mcp",
    "server": "RemoteTools 1.0",
    "eras": ["handshake"],
    "revisions": [OLD, MIDDLE, NEW],
    "judged": [NEW],
    "sessions": {OLD: True, MIDDLE: True, NEW: True},
}
TRANSCRIPT = {
    "url": "http://127.0.0.1:8001/mcp",
    "request": {"line": "GET /mcp HTTP/1.1", "headers": [["Accept", "text/event-stream"]], "body": None},
    "response": {
        "line": "HTTP 200 OK",
        "headers": [],
        "body": {"text": "{}", "bytes": 2, "rest": 0},
        "chunks": {"total": 1, "listed": [{"at": 0.01, "bytes": 2}]},
        "events": {"total": 0, "listed": []},
    },
    "end": {"how": "eof", "detail": "", "at": 0.25},
}


def result(requirement: str, verdict: str = "pass", revision: str = NEW, **members: Any) -> dict[str, Any]:
    known = requirements()[requirement]
    return {
        "requirement": requirement,
        "level": known.level,
        "revision": revision,
        "chapter": known.chapter,
        "verdict": verdict,
        "check": f"mcp/{known.chapter}::test_it",
        "section": known.url(revision),
        "wording": known.wording,
        "expected": [],
        "actual": "",
        "reason": "",
        "transcript": None,
        "curl": None,
        "nodeid": f"mcp/{known.chapter}::test_it[{revision}]",
        **members,
    }


def texts(lines: Sequence[Line]) -> list[str]:
    return [text for text, _ in lines]


def summary(results: list[dict[str, Any]], **options: Any) -> list[str]:
    return texts(summary_lines(results, TARGET, **options))


def test_header() -> None:
    assert header_lines(TARGET) == [
        "mcp: http://127.0.0.1:8001/mcp · RemoteTools 1.0 · "
        "handshake era: 2025-03-26, 2025-06-18, 2025-11-25 (judging 2025-11-25) · session: yes"
    ]


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"sessions": dict.fromkeys((OLD, NEW), False)}, " · session: none"),
        ({"sessions": {OLD: False, NEW: True}}, " · session: at 2025-11-25 only"),
        ({"server": ""}, " · a server without a name · "),
        ({"server": "\x1b[2Jx\n1"}, r" · \x1b[2Jx 1 · "),
        ({"url": "http://me:pass@h/mcp?key=abc"}, "mcp: http://***@h/mcp?key=*** · "),
        (
            {"revisions": [NEW, "2026-07-28"], "judged": ["2026-07-28", NEW]},
            "handshake era: 2025-11-25 · modern era: 2026-07-28 (judging 2025-11-25, 2026-07-28)",
        ),
        ({"url": ""}, "mcp: no target"),
    ],
)
def test_header_of_other_targets(changes: dict[str, Any], part: str) -> None:
    (line,) = header_lines({**TARGET, **changes})
    assert part in line


def test_header_without_known_sessions_says_nothing_of_them() -> None:
    assert "session" not in header_lines({**TARGET, "sessions": {}})[0]


def test_header_says_which_era_was_found_and_why() -> None:
    evidence = [f"initialize negotiates {OLD}, {NEW}", f"server/discover lists {MODERN}"]
    target = {**TARGET, "revisions": [OLD, NEW, MODERN], "judged": [MODERN, NEW, OLD]}
    assert header_lines({**target, "era": "dual", "evidence": evidence}) == [
        "mcp: http://127.0.0.1:8001/mcp · RemoteTools 1.0 · "
        "judging the handshake era at 2025-03-26, 2025-11-25 and the modern era at 2026-07-28 · session: yes",
        "mcp: dual-era server: initialize negotiates 2025-03-26, 2025-11-25; "
        "server/discover lists 2026-07-28",
    ]


@pytest.mark.parametrize(
    ("found", "line"),
    [
        ({"era": "handshake", "evidence": ["a"]}, "mcp: handshake-era server: a"),
        ({"era": "modern", "evidence": []}, "mcp: modern-era server"),
        ({"era": "modern"}, "mcp: modern-era server"),
        ({"era": "", "evidence": ["a", "b"]}, "mcp: server of an unknown era: a; b"),
        ({"evidence": ["a"]}, "mcp: server of an unknown era: a"),
    ],
)
def test_header_of_eras(found: dict[str, Any], line: str) -> None:
    first, second = header_lines({**TARGET, **found})
    assert " · judging the handshake era at 2025-11-25 · " in first
    assert second == line


@pytest.mark.parametrize("found", [{}, {"era": "", "evidence": []}, {"era": None, "evidence": None}])
def test_header_without_a_found_era_is_one_line(found: dict[str, Any]) -> None:
    assert header_lines({**TARGET, **found}) == header_lines(TARGET)


def test_header_judging_nothing_says_so() -> None:
    assert " · judging nothing · " in header_lines({**TARGET, "judged": [], "era": "modern"})[0]


def test_evidence_of_a_hostile_server_is_harmless() -> None:
    hostile = "server/discover lists \x1b[2J\u202e\nmcp: forged " + "9" * 500
    second = header_lines({**TARGET, "era": "dual", "evidence": ["a", hostile]})[1]
    assert second.isprintable()
    assert second.startswith(r"mcp: dual-era server: a; server/discover lists \x1b[2J\u202e mcp: forged 99")
    assert len(second) < LONGEST_EVIDENCE + 60
    crowd = header_lines({**TARGET, "era": "dual", "evidence": [hostile] * 500})[1]
    assert len(crowd) < LONGEST_TEXT + 60


def test_green_run() -> None:
    lines = summary_lines([result("session.id-unique"), result("transport.notification-202-empty")], TARGET)
    assert texts(lines) == [
        "chapter    2025-11-25",
        "transport  1",
        "session    1",
        "total      2",
        "passes",
        "",
        "conformant: 2 passed, 0 failed, 0 warnings, 0 not applicable, 0 not verified (2025-11-25)",
    ]
    assert [markup for _, markup in lines][-1] == {"green": True, "bold": True}


def test_summary_begins_with_the_grid_of_merged_results() -> None:
    results = [result("session.id-unique", revision=revision) for revision in (NEW, OLD)]
    results.append(result("session.id-unique", "fail", check="mcp/session::test_other"))
    lines = summary(results)
    assert lines[: lines.index("")] == [
        "chapter  2025-03-26  2025-11-25",
        "session  1           0 1F",
        "total    1           0 1F",
        "passes, then F fail",
    ]


def test_violation_is_a_bug_report() -> None:
    violated = {
        "expected": ["status 405", "status 200 with text/event-stream"],
        "actual": "status 200 with application/json",
        "transcript": TRANSCRIPT,
        "curl": "curl --include http://127.0.0.1:8001/mcp",
    }
    results = [result("session.id-visible-ascii", "fail", revision, **violated) for revision in (NEW, OLD)]
    lines = summary([*results, result("session.id-unique")])
    start = next(index for index, line in enumerate(lines) if line.startswith("FAIL"))
    assert lines[start:] == [
        "FAIL session.id-visible-ascii (MUST) at 2025-03-26, 2025-11-25",
        "  The session id only uses bytes 0x21-0x7E.",
        "  https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#session-management",
        "  Check:    mcp/session::test_it",
        "  Expected: status 405",
        "        or: status 200 with text/event-stream",
        "  Actual:   status 200 with application/json",
        "  Exchange:",
        "    * http://127.0.0.1:8001/mcp",
        "    > GET /mcp HTTP/1.1",
        "    > Accept: text/event-stream",
        "    >",
        "    < HTTP 200 OK",
        "    <",
        "    < {}",
        "    * response complete after 0.250 s",
        "  Reproduce:",
        "    curl --include http://127.0.0.1:8001/mcp",
        "",
        "NOT conformant: 1 requirement violated: 1 passed, 2 failed, 0 warnings, "
        "0 not applicable, 0 not verified (2025-03-26, 2025-11-25)",
    ]


def test_violations_are_worst_first_and_apart_where_they_differ() -> None:
    results = [
        result("transport.notification-202-empty", "warn", actual="w"),
        result("session.id-unique", "fail", OLD, actual="a"),
        result("session.id-unique", "fail", NEW, actual="b"),
        result("session.id-visible-ascii", "error", reason="ConnectionError: gone"),
        result("session.missing-id-400", "pass"),
    ]
    random.Random(3).shuffle(results)
    lines = summary(results)
    titles = [line for line in lines if line[:1].isupper() and " at 2025" in line]
    assert titles == [
        "ERROR session.id-visible-ascii (MUST) at 2025-11-25",
        "FAIL session.id-unique (SHOULD) at 2025-03-26",
        "FAIL session.id-unique (SHOULD) at 2025-11-25",
        "WARN transport.notification-202-empty (MUST) at 2025-11-25",
    ]
    assert "  Actual:   ConnectionError: gone" in lines


def test_notes_say_what_was_seen_and_what_is_better() -> None:
    results = [
        result("session.id-unique", "note", revision, actual="a 400\nfor it", expected=[])
        for revision in (OLD, NEW)
    ]
    sent = {"request": {"body": {"text": '{"method":"ping"}'}}}
    results.append(
        result("session.id-visible-ascii", "note", actual="x" * 400, expected=["HTTP 404", "HTTP 405"])
        | {"transcript": sent}
    )
    lines = summary(results)
    start = lines.index("Notes: the specification leaves it open, clients and users may not")
    assert lines[start + 1 : start + 6] == [
        "  session.id-visible-ascii at 2025-11-25: " + "x" * 300 + "... (100 more characters)",
        '      sent:   {"method":"ping"}',
        "      better: HTTP 404 or HTTP 405",
        "  session.id-unique at 2025-03-26, 2025-11-25: a 400 for it",
        "",
    ]


def test_not_verified_ones_are_grouped_by_reason() -> None:
    results = [
        result("session.id-unique", "not-verified", reason="no tool is safe"),
        result("session.id-unique", "not-verified", OLD, reason="no tool is safe"),
        result("session.id-visible-ascii", "not-verified", reason="no tool is safe"),
        result("transport.notification-202-empty", "not-verified", reason="no stream"),
    ]
    lines = summary(results)
    start = lines.index("Not verified")
    assert lines[start : start + 4] == [
        "Not verified",
        "  no stream: transport.notification-202-empty",
        "  no tool is safe: session.id-visible-ascii, session.id-unique",
        "",
    ]


@pytest.mark.parametrize(
    ("verdicts", "strict", "expected", "colour"),
    [
        ([], False, "no verdict: no check ran: 0 passed", "yellow"),
        (["not-applicable", "not-verified"], False, "no verdict: nothing was verified: 0 passed", "yellow"),
        (["note"], False, "no verdict: nothing was verified: 0 passed", "yellow"),
        (["warn"], False, "no verdict: no requirement passed: 0 passed, 0 failed, 1 warning, ", "yellow"),
        (["pass", "error"], False, "no verdict: not every check could be completed: 1 passed", "red"),
        (["fail", "error"], False, "NOT conformant: 1 requirement violated: 0 passed, 1 failed", "red"),
        (["fail", "fail"], False, "NOT conformant: 2 requirements violated: 0 passed, 2 failed", "red"),
        (["pass", "warn"], False, "conformant: 1 passed, 0 failed, 1 warning, ", "yellow"),
        (
            ["pass", "warn"],
            True,
            "NOT conformant: 1 requirement violated: 1 passed, 0 failed, 1 warning",
            "red",
        ),
        (["pass", "note"], True, "conformant: 1 passed, 0 failed, 0 warnings, 1 note, ", "green"),
        (["pass", "pass"], False, "conformant: 2 passed", "green"),
    ],
)
def test_verdict_line(verdicts: list[str], strict: bool, expected: str, colour: str) -> None:
    ids = ["session.id-unique", "session.id-visible-ascii"]
    results = [result(id, verdict) for id, verdict in zip(ids, verdicts, strict=False)]
    text, markup = verdict_line(results, TARGET, strict=strict)
    assert text.startswith(expected)
    assert text.endswith("(2025-11-25)")
    assert markup == {colour: True, "bold": True}
    assert summary_lines(results, TARGET, strict=strict)[-1] == (text, markup)


@pytest.mark.parametrize(
    ("handshake", "modern", "strict", "expected", "colour"),
    [
        (
            ["pass", "pass"],
            ["fail", "fail"],
            False,
            "NOT conformant: 2 requirements violated (handshake era: 0, modern era: 2): 2 passed, 2 failed",
            "red",
        ),
        (
            ["fail", "fail"],
            ["pass", "fail"],
            False,
            "NOT conformant: 2 requirements violated (handshake era: 2, modern era: 1): 1 passed, 3 failed",
            "red",
        ),
        (
            ["warn", "pass"],
            ["pass", "pass"],
            True,
            "NOT conformant: 1 requirement violated (handshake era: 1, modern era: 0): 3 passed, 0 failed",
            "red",
        ),
        (["pass", "pass"], ["pass", "pass"], False, "conformant: 4 passed", "green"),
        (["pass", "pass"], ["pass", "warn"], False, "conformant: 3 passed", "yellow"),
        (
            ["pass", "pass"],
            ["not-applicable", "not-verified"],
            False,
            "conformant in the handshake era, no verdict in the modern era: nothing was verified: 2 passed",
            "yellow",
        ),
        (
            ["not-applicable", "warn"],
            ["pass", "note"],
            False,
            "conformant in the modern era, no verdict in the handshake era: no requirement passed: 1 passed",
            "yellow",
        ),
        (["note", "note"], ["note", "not-verified"], False, "no verdict: nothing was verified: ", "yellow"),
        (["pass", "pass"], ["error", "pass"], False, "no verdict: not every check could be ", "red"),
    ],
)
def test_verdict_line_of_two_eras(
    handshake: list[str], modern: list[str], strict: bool, expected: str, colour: str
) -> None:
    ids = ["transport.notification-202-empty", "jsonrpc.parse-error"]
    results = [result(id, verdict, NEW) for id, verdict in zip(ids, handshake, strict=True)]
    results += [result(id, verdict, MODERN) for id, verdict in zip(ids, modern, strict=True)]
    text, markup = verdict_line(results, TARGET, strict=strict)
    assert text.startswith(expected)
    assert text.endswith("(2025-11-25, 2026-07-28)")
    assert markup == {colour: True, "bold": True}


def test_strict_says_why_a_warning_is_a_violation() -> None:
    results = [result("session.id-unique", "warn", actual="x")]
    title = "WARN session.id-unique (SHOULD) at 2025-11-25"
    assert (title, {"yellow": True, "bold": True}) in summary_lines(results, TARGET)
    strict = summary_lines(results, TARGET, strict=True)
    assert (f"{title}, a violation in strict mode", {"red": True, "bold": True}) in strict


def test_check_that_was_not_verified_does_not_hide_one_that_passed() -> None:
    results = [
        result("session.id-unique", "not-verified", check="mcp/session::test_a", reason="x"),
        result("session.id-unique", "pass", check="mcp/session::test_b"),
    ]
    lines = summary(results)
    assert "Not verified" not in lines
    assert lines[-1].startswith("conformant: 1 passed")


def test_order_of_results_does_not_matter() -> None:
    ids = [id for id in requirements() if NEW in requirements()[id].revisions][:60]
    verdicts = ["pass", "fail", "warn", "note", "not-applicable", "not-verified", "error"]
    results = [result(id, verdicts[index % 7], actual="same") for index, id in enumerate(ids)]
    shuffled = results.copy()
    random.Random(5).shuffle(shuffled)
    assert summary_lines(shuffled, TARGET) == summary_lines(results, TARGET)


@pytest.mark.parametrize("width", [80, 100])
def test_lines_fit_the_width_but_for_what_is_pasted(width: int) -> None:
    ids = [id for id in requirements() if NEW in requirements()[id].revisions]
    results = [
        result(id, "fail", actual="it did something else " * 9, expected=["a or b " * 30]) for id in ids
    ]
    lines = [line for line in summary(results, width=width)[:-1] if "https://" not in line]
    assert max(map(len, lines)) <= width


def test_hostile_text_is_harmless() -> None:
    hostile = "\x1b[2J\u202e\nFAIL forged (MUST) at 2025-11-25"
    results = [
        result(
            "session.id-unique",
            "fail",
            actual=hostile,
            expected=[hostile],
            curl=hostile,
            transcript=TRANSCRIPT,
        ),
        result("session.id-visible-ascii", "note", actual=hostile),
        result("transport.notification-202-empty", "not-verified", reason=hostile),
    ]
    lines = summary(results, width=200)
    assert all(line.isprintable() for line in lines)
    assert not any(line.startswith("FAIL forged") for line in lines)
