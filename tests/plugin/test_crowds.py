"""The options `--mcp-concurrency`, `--mcp-flood` and `--mcp-browser`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

pytest.importorskip("mcp.server.mcpserver", reason="the reference server needs mcp 2.x")

ORIGIN = "https://app.example.com"
Reference = Callable[..., str]


def test_flood_and_browsers_are_judged_on_request_only(pytester: pytest.Pytester, stateful_url: str) -> None:
    result = pytester.runpytest_subprocess("--mcp-url", stateful_url, "--collect-only", "-q")
    result.stdout.fnmatch_lines(["mcp/isolation::*"])
    result.stdout.no_fnmatch_line("mcp/flood::*")
    result.stdout.no_fnmatch_line("mcp/browsers::*")


def test_flood_comes_last(pytester: pytest.Pytester, stateful_url: str) -> None:
    result = pytester.runpytest_subprocess(
        "--mcp-url", stateful_url, "--mcp-flood", "20", "--collect-only", "-q", "--mcp-browser"
    )
    collected = [line for line in result.outlines if line.startswith("mcp/")]
    assert collected[-1].startswith("mcp/flood::")
    assert any(line.startswith("mcp/browsers::") for line in collected)


def test_flood(pytester: pytest.Pytester, stateful_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTEST_XDIST_WORKER_COUNT", raising=False)  # of the tests, which the run inherits
    arguments = ("--mcp-url", stateful_url, "--mcp-flood", "20", "--mcp-case", "flood.*", "-rs")
    result = pytester.runpytest_subprocess(*arguments)
    result.assert_outcomes(passed=3, skipped=1, deselected=result.parseoutcomes()["deselected"])
    result.stdout.fnmatch_lines(["*the memory of a server is read where --mcp-command starts it*"])


def test_flood_is_not_for_several_processes(pytester: pytest.Pytester, stateful_url: str) -> None:
    arguments = ("--mcp-url", stateful_url, "--mcp-flood", "20", "--mcp-case", "flood.*", "-n", "2", "-rs")
    result = pytester.runpytest_subprocess(*arguments)
    result.stdout.fnmatch_lines(["*run --mcp-flood without -n*"])


def test_concurrency(pytester: pytest.Pytester, reference: Reference) -> None:
    url = reference(mode="stateful", faults=["isolation.few-openings"])
    # The number reaches the workers, too.
    case = ("--mcp-url", url, "--mcp-case", "isolation.many-clients", "-n", "2")
    few = pytester.runpytest_subprocess(*case, "--mcp-concurrency", "4")
    few.stdout.no_fnmatch_line("*Notes*")
    many = pytester.runpytest_subprocess(*case, "--mcp-concurrency", "20")
    many.stdout.fnmatch_lines(["*of 20 clients that connected at once could not*"])


def test_cross_talk_is_seen_without_a_tool(pytester: pytest.Pytester, stateful_url: str) -> None:
    arguments = ("--mcp-url", stateful_url, "--mcp-call-tools", "none", "--mcp-case", "isolation.cross-talk")
    assert pytester.runpytest_subprocess(*arguments).parseoutcomes()["passed"] == 2


@pytest.mark.parametrize(
    ("option", "value", "accepted"),
    [
        ("--mcp-concurrency", "1", "a whole number from 2 to 256"),
        ("--mcp-flood", "-1", "a whole number from 0 to 100000"),
        ("--mcp-browser", "app.example.com", "an origin such as http://localhost:6274"),
        ("--mcp-browser", "https://app.example.com/page", "without a path"),
    ],
)
def test_wrong_values_are_told(pytester: pytest.Pytester, option: str, value: str, accepted: str) -> None:
    result = pytester.runpytest_subprocess("--mcp-url", "http://127.0.0.1:9/mcp", f"{option}={value}")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{option}*{value}*not accepted*{accepted}*"])


@pytest.mark.parametrize("processes", [(), ("-n", "2")])
def test_browser(pytester: pytest.Pytester, reference: Reference, processes: tuple[str, ...]) -> None:
    url = reference(mode="stateful", origins=[ORIGIN])
    case = ("--mcp-url", url, "--mcp-case", "browsers.*", *processes)
    allowed = pytester.runpytest_subprocess(*case, "--mcp-browser", ORIGIN)
    assert allowed.ret == 0
    assert allowed.parseoutcomes()["passed"] > 15
    other = pytester.runpytest_subprocess(*case, "--mcp-browser")
    assert other.ret == 1
    other.stdout.fnmatch_lines(["*browsers.preflight-status*"])


def test_preflight_without_an_answer_names_the_lines_that_may_be_refused(
    pytester: pytest.Pytester, reference: Reference
) -> None:
    url = reference(mode="stateful", origins=[ORIGIN], faults=["browsers.preflight-silent"])
    result = pytester.runpytest_subprocess(
        *("--mcp-url", url, "--mcp-browser", ORIGIN, "--mcp-revision", "2025-11-25"),
        *("--mcp-case", "browsers.preflight-origin"),
    )
    assert result.ret == 1
    text = " ".join(result.stdout.str().split())
    assert "with no Access-Control-Allow-Origin, to a preflight for POST with mcp-protocol-version" in text
    assert "so the origin is allowed and something of this one is not" in text
