"""How verdicts become outcomes of pytest, and what is shown of them."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable

import pytest

Reference = Callable[..., str]


def test_violation_fails_as_a_bug_report(pytester: pytest.Pytester, reference: Reference) -> None:
    url = reference(mode="stateful", faults=["session.id-with-space"])
    result = pytester.runpytest_subprocess("--mcp-url", url, "--mcp-case", "session.id-visible-ascii")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "*session.id-visible-ascii*MUST*",
            "*https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#session-management*",
            "*0x21*0x7E*",
            "*curl *",
            "NOT conformant:*",
        ]
    )


def test_broken_recommendation_warns(pytester: pytest.Pytester, reference: Reference) -> None:
    url = reference(mode="stateful", faults=["session.id-short"])
    arguments = ("--mcp-url", url, "--mcp-case", "session.id-*")
    result = pytester.runpytest_subprocess(*arguments)
    assert result.ret == pytest.ExitCode.OK
    assert result.parseoutcomes()["warned"] == 1
    result.stdout.fnmatch_lines(["*session.id-unique*SHOULD*"])
    strict = pytester.runpytest_subprocess(*arguments, "--mcp-strict")
    assert strict.ret == pytest.ExitCode.TESTS_FAILED
    assert strict.parseoutcomes()["failed"] == 1


def test_field_experience_is_noted_only(pytester: pytest.Pytester, reference: Reference) -> None:
    url = reference(mode="stateful", faults=["session.unknown-400"])
    result = pytester.runpytest_subprocess("--mcp-url", url, "--mcp-case", "session.unknown*", "--mcp-strict")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["*session.unknown-id-404*"])


def test_nothing_to_judge_is_no_pass(pytester: pytest.Pytester, reference: Reference) -> None:
    url = reference(mode="stateless")
    result = pytester.runpytest_subprocess("--mcp-url", url, "--mcp-case", "session.id-visible-ascii", "-rs")
    assert "passed" not in result.parseoutcomes()
    assert result.ret == pytest.ExitCode.NO_TESTS_COLLECTED
    result.stdout.fnmatch_lines(["*not applicable: the server assigns no session id*"])
    result.stdout.no_fnmatch_line("conformant:*")


def test_reports_are_the_same_with_xdist(pytester: pytest.Pytester, reference: Reference) -> None:
    url = reference(mode="stateful", faults=["session.ended-400"])
    arguments = ("--mcp-url", url, "--mcp-revision", "all", "--mcp-case", "session.*")
    pytester.runpytest_subprocess(*arguments, "--mcp-report", "serial.json")
    result = pytester.runpytest_subprocess(*arguments, "--mcp-report", "parallel.json", "-n", "2")
    result.stdout.fnmatch_lines(["NOT conformant:*"])
    serial = json.loads((pytester.path / "serial.json").read_text())
    assert serial == json.loads((pytester.path / "parallel.json").read_text())
    failed = {(r["requirement"], r["revision"]) for r in serial["results"] if r["verdict"] == "fail"}
    assert failed == {("session.terminated-404", r) for r in ("2025-03-26", "2025-06-18", "2025-11-25")}


def test_junit_carries_the_requirement(pytester: pytest.Pytester, reference: Reference) -> None:
    url = reference(mode="stateful", faults=["session.id-with-space"])
    pytester.runpytest_subprocess(
        "--mcp-url", url, "--mcp-case", "session.id-visible-ascii", "--junitxml", "j.xml"
    )
    case = ET.parse(pytester.path / "j.xml").getroot().find(".//testcase")
    assert case is not None
    properties = {p.get("name"): p.get("value") for p in case.iter("property")}
    assert properties["mcp.requirement"] == "session.id-visible-ascii"
    assert properties["mcp.verdict"] == "fail"
    failure = case.find("failure")
    assert failure is not None
    assert "Expected:" in (failure.text or "")


def test_secrets_stay_out_of_every_output(
    pytester: pytest.Pytester, reference: Reference, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "s3cr3t-token-0123456789"
    monkeypatch.setenv("TOKEN", f"Bearer {secret}")
    url = reference(mode="stateful", faults=["session.id-with-space"])
    result = pytester.runpytest_subprocess(
        "--mcp-url", url, "--mcp-header", "Authorization: env:TOKEN", "--mcp-case", "session.*",
        "--mcp-report", "r.json", "--junitxml", "j.xml", "-vv",
    )  # fmt: skip
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    pytester.makepyfile(
        """
        def test_mine(mcp_connection):
            exchange = mcp_connection.request("ping")
            assert exchange is None
        """
    )
    mine = pytester.runpytest_subprocess(
        "--mcp-url", url, "--mcp-header", "Authorization: env:TOKEN", "-vv", "-l", "-k", "test_mine"
    )
    seen = "\n".join([*result.outlines, *result.errlines, *mine.outlines])
    seen += (pytester.path / "r.json").read_text() + (pytester.path / "j.xml").read_text()
    assert secret not in seen
    assert "MCP_AUTHORIZATION" in seen


def test_strict_report_says_fail(pytester: pytest.Pytester, reference: Reference) -> None:
    url = reference(mode="stateful", faults=["session.id-short"])
    pytester.runpytest_subprocess(
        "--mcp-url", url, "--mcp-case", "session.id-unique", "--mcp-strict", "--mcp-report", "r.json"
    )
    (row,) = json.loads((pytester.path / "r.json").read_text())["results"]
    assert (row["level"], row["verdict"]) == ("SHOULD", "fail")
