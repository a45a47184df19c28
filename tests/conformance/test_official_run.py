"""The run of the official suite: how its results are read and judged, and the run itself."""

from __future__ import annotations

import importlib.util
import json
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "official_suite.py"
PAGE = SCRIPT.parents[1] / "docs" / "reference" / "official-suite.json"
CANNOT_RUN = 3
REVISION = "2025-11-25"


@pytest.fixture(scope="module")
def suite() -> ModuleType:
    spec = importlib.util.spec_from_file_location("official_suite", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def write(directory: Path, scenario: str, stamp: int, *checks: dict[str, Any]) -> None:
    folder = directory / f"server-{scenario}-2026-01-01T00-00-00-{stamp:03}Z"
    folder.mkdir()
    (folder / "checks.json").write_text(json.dumps(checks), encoding="utf-8")


def check(suite: ModuleType, id: str = "a", status: str = "FAILURE", scored: bool = True) -> Any:
    return suite.Check(REVISION, "ping", id, status, scored, "no pong")


# -- what is read -------------------------------------------------------------------------------------------


def test_results_are_read_in_order_with_what_counts(suite: ModuleType, tmp_path: Path) -> None:
    write(tmp_path, "tools-list", 2, {"id": "b", "status": "SUCCESS"})
    write(tmp_path, "ping", 1, {"id": "a", "status": "FAILURE", "errorMessage": "no pong"})
    (tmp_path / "server-odd").mkdir()
    output = "✗ ping: 0 passed, 1 failed\n\nNot scored for it: 1 scenario(s) run\n  ✓ tools-list (pending)\n"
    assert suite.read_results(tmp_path, REVISION, output) == [
        suite.Check(REVISION, "ping", "a", "FAILURE", True, "no pong"),
        suite.Check(REVISION, "tools-list", "b", "SUCCESS", False, ""),
    ]


def test_expectations_name_checks_and_say_why(suite: ModuleType) -> None:
    for (revision, scenario, id), reason in suite.expectations().items():
        assert revision in suite.REVISIONS
        assert scenario
        assert id
        assert len(reason) > 30


# -- what is judged -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "fine"), [("SUCCESS", True), ("INFO", True), ("FAILURE", False)])
def test_all_has_to_pass(suite: ModuleType, status: str, fine: bool) -> None:
    assert suite.report([check(suite, status=status)], {})[1] is fine


@pytest.mark.parametrize("scored", [True, False])
@pytest.mark.parametrize("status", ["FAILURE", "WARNING", "SKIPPED"])
def test_what_does_not_pass_is_told_with_its_explanation(
    suite: ModuleType, status: str, scored: bool
) -> None:
    found = check(suite, status=status, scored=scored)
    lines, fine = suite.report([found], {})
    assert not fine
    assert f"  {status} ping/a" in lines
    assert "    it says:   no pong" in lines
    assert lines[-1].startswith("1 did not pass, 1 of them without an explanation")
    lines, fine = suite.report([found], {found.key: "known"})
    assert fine
    assert "    explained: known" in lines


def test_an_explanation_that_is_not_needed_is_out_of_date(suite: ModuleType) -> None:
    passed = check(suite, status="SUCCESS")
    lines, fine = suite.report([passed], {passed.key: "known"})
    assert not fine
    assert f"out of date: {REVISION} ping/a passes" in lines
    other = ("2026-07-28", "ping", "a")
    assert suite.report([passed], {other: "of a revision that was not run"})[1]


def test_a_check_that_fails_once_has_failed(suite: ModuleType) -> None:
    twice = [check(suite, status="SUCCESS"), check(suite)]
    lines, fine = suite.report(twice, {twice[1].key: "known"})
    assert fine
    assert "  1 scenarios that count: 1 passed, 1 failed, 0 warned, 0 skipped" in lines


@pytest.mark.parametrize(("status", "exit_status"), [("SUCCESS", 0), ("FAILURE", 1)])
def test_the_exit_status_tells_how_it_went(
    suite: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    status: str,
    exit_status: int,
) -> None:
    monkeypatch.setattr(suite, "run", lambda revisions: [check(suite, status=status)])
    monkeypatch.setattr(suite, "expectations", dict)
    assert suite.main(["--revision", REVISION]) == exit_status
    assert capsys.readouterr().out.startswith(f"{suite.PACKAGE} against the reference server\n{REVISION}\n")


def test_a_suite_that_fails_is_told(
    suite: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(revisions: object) -> None:
        raise suite.SuiteFailed("no results")

    monkeypatch.setattr(suite, "run", fail)
    assert suite.main([]) == 1
    assert capsys.readouterr().err == "the official suite failed: no results\n"


# -- where it cannot be run ---------------------------------------------------------------------------------


def fake_node(directory: Path, version: str, npx: str = "exit 0") -> str:
    for name, body in (("node", f"echo {version}"), ("npx", npx)):
        program = directory / name
        program.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
        program.chmod(0o755)
    return str(directory)


needs_sh = pytest.mark.skipif(sys.platform == "win32", reason="stands in for Node by a script of sh")


@pytest.fixture
def no_wheel(suite: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """Node of a package is not there."""
    monkeypatch.setattr(suite.importlib.util, "find_spec", lambda name: None)


@pytest.mark.usefixtures("no_wheel")
@needs_sh
def test_node_has_to_be_new_enough(
    suite: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert suite.main([]) == CANNOT_RUN
    assert "none is installed" in capsys.readouterr().err
    monkeypatch.setenv("PATH", fake_node(tmp_path, "v20.20.2"))
    assert suite.main([]) == CANNOT_RUN
    assert "Node 22 or newer with npx, and there is v20.20.2" in capsys.readouterr().err
    monkeypatch.setenv("PATH", fake_node(tmp_path, "v22.0.0"))
    assert suite.find_node().npx == (str(tmp_path / "npx"),)


@pytest.mark.usefixtures("no_wheel")
@needs_sh
def test_the_registry_has_to_have_it(
    suite: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_node(tmp_path, "v22.0.0", "echo npm error code E404 >&2; echo and more >&2; exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert suite.main([]) == CANNOT_RUN
    assert "cannot be had: npm error code E404" in capsys.readouterr().err


@pytest.mark.usefixtures("no_wheel")
@needs_sh
def test_no_wait_is_without_a_limit(
    suite: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_node(tmp_path, "v22.0.0", "sleep 60 & sleep 60")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(suite, "FETCH_SECONDS", 0.2)
    monkeypatch.setattr(suite, "RUN_SECONDS", 0.2)
    node = suite.find_node()
    with pytest.raises(suite.CannotRun, match=r"did not come within 0\.2 s"):
        suite.fetch(node)
    with pytest.raises(suite.SuiteFailed, match=r"did not end within 0\.2 s"):
        suite.run_suite(node, "http://127.0.0.1:9/mcp", REVISION)


@pytest.mark.usefixtures("no_wheel")
@needs_sh
def test_a_suite_without_results_has_failed(
    suite: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_node(tmp_path, "v22.0.0", "echo Error: unknown requirement set >&2; exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    with pytest.raises(suite.SuiteFailed, match="no results at 2025-11-25: Error: unknown requirement set"):
        suite.run_suite(suite.find_node(), "http://127.0.0.1:9/mcp", REVISION)


# -- the run ------------------------------------------------------------------------------------------------


def test_the_reference_server_passes_the_official_suite(suite: ModuleType) -> None:
    pytest.importorskip("mcp.server.mcpserver", reason="the reference server needs mcp 2.x")
    try:
        checks = suite.run(suite.REVISIONS)
    except suite.CannotRun as reason:
        pytest.skip(str(reason))
    lines, fine = suite.report(checks, suite.expectations())
    assert fine, "\n".join(lines)
    on_the_page = {
        (revision, scenario["scenario"], check["check"])
        for scenario in json.loads(PAGE.read_text(encoding="utf-8"))
        for check in scenario["checks"]
        for revision in check["requirements"]
    }
    unknown = {
        check.key for check in checks if not {check.key, (check.revision, "*", check.id)} & on_the_page
    }
    assert not unknown, "the page on the official suite lacks them"
