from __future__ import annotations

import itertools
import json
import os
import random
import stat
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from pytest_mcp_http.errors import McpHttpError
from pytest_mcp_http.report.json_report import build, schema, write
from pytest_mcp_http.report.rows import VERDICTS, WORST_FIRST
from pytest_mcp_http.spec.registry import requirements

TARGET = {
    "url": "http://me:pass@127.0.0.1:8001/mcp?key=value",
    "server": "RemoteTools 1.0",
    "eras": ["handshake"],
    "evidence": ["initialize negotiates 2025-11-25"],
    "revisions": ["2025-11-25", "2025-03-26"],
    "judged": ["2025-11-25"],
    "sessions": {"2025-11-25": True},
}


def result(
    requirement: str, verdict: str = "pass", revision: str = "2025-11-25", **members: Any
) -> dict[str, Any]:
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
        "expected": ["status 404"] if verdict in ("fail", "warn") else [],
        "actual": "status 200" if verdict in ("fail", "warn") else "",
        "reason": "" if verdict in ("fail", "warn", "pass") else "because",
        "transcript": None,
        "curl": None,
        "nodeid": f"mcp/{known.chapter}::test_it[{revision}]",
        **members,
    }


def rows() -> list[dict[str, Any]]:
    ids = list(requirements())
    handshake = [id for id in ids if "2025-11-25" in requirements()[id].revisions]
    return [result(id, VERDICTS[index % len(VERDICTS)]) for index, id in enumerate(handshake)]


def test_report_of_a_run() -> None:
    report = build(
        [
            result("session.id-visible-ascii", "not-verified"),
            result("session.id-visible-ascii", "fail", "2025-03-26"),
        ],
        TARGET,
    )
    section = "https://modelcontextprotocol.io/specification/{}/basic/transports#session-management"
    assert report == {
        "schema": "pytest-mcp-http/report/1",
        "target": {
            "url": "http://***@127.0.0.1:8001/mcp?key=***",
            "server": "RemoteTools 1.0",
            "eras": ["handshake"],
            "evidence": ["initialize negotiates 2025-11-25"],
            "revisions": ["2025-03-26", "2025-11-25"],
        },
        "results": [
            {
                "requirement": "session.id-visible-ascii",
                "level": "MUST",
                "revision": "2025-03-26",
                "chapter": "session",
                "verdict": "fail",
                "check": "mcp/session::test_it",
                "section": section.format("2025-03-26"),
                "expected": ["status 404"],
                "actual": "status 200",
            },
            {
                "requirement": "session.id-visible-ascii",
                "level": "MUST",
                "revision": "2025-11-25",
                "chapter": "session",
                "verdict": "not-verified",
                "check": "mcp/session::test_it",
                "section": section.format("2025-11-25"),
                "expected": [],
                "actual": "because",
            },
        ],
        "totals": {
            "pass": 0,
            "fail": 1,
            "warn": 0,
            "note": 0,
            "not-applicable": 0,
            "not-verified": 1,
            "error": 0,
        },
    }


def test_schema_holds_for_a_report_with_every_verdict() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    report = build(rows(), TARGET)
    assert {row["verdict"] for row in report["results"]} == set(VERDICTS)
    jsonschema.Draft202012Validator(schema()).validate(report)


@pytest.mark.parametrize(
    "broken",
    [
        {"verdict": "passed"},
        {"revision": "latest"},
        {"level": "must"},
        {"expected": "status 404"},
        {"extra": 1},
    ],
)
def test_schema_refuses_a_broken_row(broken: dict[str, Any]) -> None:
    report = build(rows()[:1], TARGET)
    report["results"][0] |= broken
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(report, schema())


def test_rows_are_in_catalogue_order_whatever_the_order_of_the_results() -> None:
    given = [*rows(), result("session.id-unique", revision="2025-03-26")]
    report = build(given, TARGET)
    shuffled = given.copy()
    random.Random(7).shuffle(shuffled)
    assert build(shuffled, TARGET) == report
    ids = list(dict.fromkeys(row["requirement"] for row in report["results"]))
    assert ids == [id for id in requirements() if id in set(ids)]


@pytest.mark.parametrize(("worse", "better"), list(itertools.pairwise(WORST_FIRST)))
def test_worst_verdict_of_several_checks_stands(worse: str, better: str) -> None:
    checks = [
        result("session.id-unique", better, check="mcp/session::test_a"),
        result("session.id-unique", worse, check="mcp/session::test_b"),
        result("session.id-unique", better, check="mcp/session::test_c"),
    ]
    for given in (checks, checks[::-1]):
        (row,) = build(given, TARGET)["results"]
        assert (row["verdict"], row["check"]) == (worse, "mcp/session::test_b")


def test_no_results_make_a_valid_report() -> None:
    report = build([], {"url": "", "server": "", "eras": [], "evidence": [], "revisions": []})
    jsonschema.validate(report, schema())
    assert report["results"] == []


def test_written_report_reads_back(tmp_path: Path) -> None:
    report = build([result("session.id-unique", "fail", actual="\ud800 \x1b \u65e5")], TARGET)
    write(tmp_path / "a.json", report)
    write(tmp_path / "b.json", report)
    raw = (tmp_path / "a.json").read_bytes()
    assert json.loads(raw) == report
    assert r"\\ud800 \u001b \u65e5" in raw.decode("ascii")
    assert raw == (tmp_path / "b.json").read_bytes()


def test_write_replaces_and_leaves_nothing_behind(tmp_path: Path) -> None:
    place = tmp_path / "report.json"
    place.write_text("old")
    link = tmp_path / "link.json"
    link.symlink_to(place)
    write(str(link), {"new": 1})
    assert json.loads(place.read_text()) == {"new": 1}
    assert link.is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.json", "report.json"]
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(place.stat().st_mode) == 0o666 & ~umask


def test_failed_write_keeps_the_old_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "report.json"
    place.write_text("old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(McpHttpError, match=r"report\.json: No space left on device"):
        write(place, {"new": 1})
    assert place.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["report.json"]


@pytest.mark.parametrize(
    ("path", "message"),
    [("missing/report.json", "the directory .*missing does not exist"), (".", "it is a directory")],
)
def test_place_that_cannot_be_written_is_named(tmp_path: Path, path: str, message: str) -> None:
    with pytest.raises(McpHttpError, match=f"cannot write the report .*{message}"):
        write(tmp_path / path, {})
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_file_is_written_directly(tmp_path: Path) -> None:
    write("/dev/null", {})
    assert not Path("/dev/null").is_file()
