"""Choosing checks: pytest's own ways and ours."""

from __future__ import annotations

import pytest

FEW = ("--mcp-case", "session.id-*")


def test_ids_do_not_depend_on_the_place_of_installation(pytester: pytest.Pytester, stateful_url: str) -> None:
    result = pytester.runpytest_subprocess("--mcp-url", stateful_url, *FEW, "--collect-only", "-q")
    result.stdout.fnmatch_lines(["mcp/session::test_id_is_visible_ascii[[]2025-11-25[]]"])


def test_case_selects_by_requirement(pytester: pytest.Pytester, stateful_url: str) -> None:
    result = pytester.runpytest_subprocess(
        "--mcp-url", stateful_url, "--mcp-case", "session.id-visible-ascii"
    )
    result.assert_outcomes(passed=1, deselected=result.parseoutcomes()["deselected"])


def test_k_deselect_and_marker(pytester: pytest.Pytester, stateful_url: str) -> None:
    arguments = ("--mcp-url", stateful_url, *FEW)
    result = pytester.runpytest_subprocess(*arguments, "-k", "visible_ascii")
    assert result.parseoutcomes()["passed"] == 1
    id = "mcp/session::test_id_is_visible_ascii[2025-11-25]"
    with_it = pytester.runpytest_subprocess(*arguments).parseoutcomes()["passed"]
    without = pytester.runpytest_subprocess(*arguments, "--deselect", id).parseoutcomes()["passed"]
    assert without == with_it - 1
    pytester.makepyfile("def test_mine(): pass")
    result = pytester.runpytest_subprocess(*arguments, "-m", "mcp_requirement")
    assert result.parseoutcomes()["passed"] == with_it


def test_level_must_drops_recommendations(pytester: pytest.Pytester, stateful_url: str) -> None:
    result = pytester.runpytest_subprocess(
        "--mcp-url", stateful_url, "--mcp-level", "must", "--collect-only", "-q", "--mcp-case", "session.*"
    )
    result.stdout.fnmatch_lines(["*test_id_is_visible_ascii*"])
    result.stdout.no_fnmatch_line("*test_ids_are_unique*")


def test_suite_joins_the_tests_of_the_user(pytester: pytest.Pytester, stateful_url: str) -> None:
    pytester.makepyfile(test_session="def test_mine(): pass")
    pytester.makeini("[pytest]\npython_functions = check_* test_mine\npython_files = test_*.py")
    result = pytester.runpytest_subprocess("--mcp-url", stateful_url, *FEW)
    outcomes = result.parseoutcomes()
    assert outcomes["passed"] >= 4
    assert "failed" not in outcomes


def test_revisions_are_chosen(pytester: pytest.Pytester, stateful_url: str) -> None:
    arguments = ("--mcp-url", stateful_url, "--mcp-case", "session.id-visible-ascii", "--collect-only", "-q")
    for setting, expected in (("auto", 1), ("all", 3), ("2025-03-26,2025-06-18", 2)):
        result = pytester.runpytest_subprocess(*arguments, "--mcp-revision", setting)
        assert len([line for line in result.outlines if line.startswith("mcp/")]) == expected


def test_last_failed_reruns_failed_checks_only(pytester: pytest.Pytester, reference: object) -> None:
    url = reference(mode="stateful", faults=["session.id-with-space"])  # type: ignore[operator]
    arguments = ("--mcp-url", url, *FEW)
    assert pytester.runpytest_subprocess(*arguments).parseoutcomes()["failed"] == 1
    result = pytester.runpytest_subprocess(*arguments, "--lf")
    outcomes = result.parseoutcomes()
    assert outcomes["failed"] == 1
    assert "passed" not in outcomes


def test_exitfirst_stops_at_the_first_violation(pytester: pytest.Pytester, reference: object) -> None:
    url = reference(mode="stateful", faults=["session.delete-ignored"])  # type: ignore[operator]
    result = pytester.runpytest_subprocess("--mcp-url", url, "--mcp-case", "session.terminated-*", "-x")
    assert result.parseoutcomes()["failed"] == 1
    assert result.ret == pytest.ExitCode.TESTS_FAILED


def test_a_case_that_selects_nothing_is_refused(pytester: pytest.Pytester, stateful_url: str) -> None:
    result = pytester.runpytest_subprocess("--mcp-url", stateful_url, "--mcp-case", "sesion.*")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["ERROR: --mcp-case: 'sesion.[*]' matches no requirement*"])
