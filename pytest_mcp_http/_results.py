"""Results of the checks: attached to reports where they run, gathered where the run ends."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pytest

from pytest_mcp_http._run import run_of

if TYPE_CHECKING:
    from pytest_mcp_http._target import Target
    from pytest_mcp_http._verdict import Verdict
    from pytest_mcp_http.spec.registry import Requirement

NARROWEST, WIDEST = 80, 120
"""Columns that the summary takes, whatever the width of the terminal."""

PROPERTIES = ("requirement", "level", "revision", "verdict", "section")
"""Members of a result that also become JUnit properties, as `mcp.<member>`."""


def attach(report: pytest.TestReport, item: pytest.Item, verdict: Verdict) -> None:
    """Put a verdict on a test report as plain JSON, which pytest-xdist carries to the controller."""
    from pytest_mcp_http._verdict import record

    requirement, revision = _judged(item)
    run = run_of(item.config)
    tour = getattr(item, "funcargs", {}).get("mcp_tour")
    remarks = tour.remarks if tour is not None else {}
    result = record(verdict, requirement, revision, item.nodeid, run.known, remarks)
    result["target"] = described(run.known, run.settings.revision) if run.known and not run.named else None
    if hasattr(item, "mcp_client_requirement"):
        # The server that the client talked to is gone, so there is nothing to send to.
        result["curl"] = None
    report.mcp_result = result  # type: ignore[attr-defined]
    if report.skipped:
        # Where the check stands says more than where we turned its outcome into a skip.
        path, line, _ = item.location
        report.longrepr = (path, (line or 0) + 1, f"{verdict.name.replace('-', ' ')}: {result['reason']}")
    properties = [(f"mcp.{name}", result[name]) for name in PROPERTIES]
    report.user_properties += properties
    # The report of the teardown is the one that JUnit takes properties from.
    item.user_properties += properties
    if verdict.name == "fail":
        # The traceback through our own code helps nobody: the report is about the server.
        report.longrepr = "\n".join(
            [
                f"{requirement.id} ({requirement.level}, {revision}): {requirement.wording}",
                result["section"],
                "Expected: " + "\n      or: ".join(result["expected"]),
                f"Actual:   {result['actual']}",
            ]
        )


def _judged(item: pytest.Item) -> tuple[Requirement, str]:
    """Return what an item judges, of a server or of a client, and the revision."""
    client: Requirement | None = getattr(item, "mcp_client_requirement", None)
    if client is not None:
        return client, item.revision  # type: ignore[attr-defined]
    from pytest_mcp_http.spec.registry import requirements

    id = item.function.mcp_requirement  # type: ignore[attr-defined]
    return requirements()[id], item.callspec.params["mcp_revision"]  # type: ignore[attr-defined]


def described(target: Target, setting: str | tuple[str, ...]) -> dict[str, Any]:
    """Return what reporters may know about a target, as plain JSON.

    Args:
        target: The target.
        setting: The revisions asked for, as `--mcp-revision` has them.
    """
    return {
        "url": target.display_url,
        "server": f"{target.facts.server_name} {target.facts.server_version}".strip(),
        "era": target.facts.era,
        "evidence": list(target.facts.evidence),
        "eras": list(target.facts.eras),
        "revisions": list(target.facts.revisions),
        "judged": list(target.judged(setting)),
        "sessions": dict(target.facts.sessions),
    }


UNKNOWN: Mapping[str, Any] = {
    "url": "",
    "server": "",
    "era": "",
    "evidence": [],
    "eras": [],
    "revisions": [],
    "judged": [],
    "sessions": {},
}
"""What `described` says where no target is known."""


class Results:
    """The results that reached the controller.

    Registered as a plugin of its own, since `pytest_runtest_logreport` is not told the config.

    Attributes:
        rows: One plain record per check and revision, see `_verdict.record`.
    """

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self.rows: list[dict[str, Any]] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the result that a report carries."""
        result = getattr(report, "mcp_result", None)
        if result is not None:
            self.rows.append(result)

    @property
    def judged_anything(self) -> bool:
        """Whether any check came to a judgement on the server."""
        return any(row["verdict"] not in ("not-applicable", "not-verified") for row in self.rows)

    def target(self) -> Mapping[str, Any]:
        """Return what reporters may know about the target."""
        run = run_of(self._config)
        if run.known is not None:
            return described(run.known, run.settings.revision)
        # Under pytest-xdist only the workers meet a target that a fixture gives.
        return next((row["target"] for row in self.rows if row["target"]), UNKNOWN)

    def header(self) -> list[str]:
        """Return the lines for pytest's header."""
        from pytest_mcp_http.report.terminal import header_lines

        run = run_of(self._config)
        if run.settings.client_command is not None:
            from pytest_mcp_http._collect_client import client_revisions

            return [f"mcp: judging a client at {', '.join(client_revisions(self._config))}"]
        lines = ["mcp: the target is what the fixture mcp_target gives"]
        if run.known is not None:
            lines = header_lines(self.target())
        if run.settings.surface is not None:
            done = "recorded in" if run.settings.surface_update else "compared with"
            lines.append(f"mcp: the surface is {done} {run.settings.surface}")
        if run.plan is not None:
            examples, seed = run.plan.examples, run.plan.seed
            lines.append(f"mcp: fuzzing with {examples} requests per revision, --mcp-fuzz-seed {seed}")
        return lines

    def write_summary(self, reporter: pytest.TerminalReporter) -> None:
        """Print the summary section."""
        from pytest_mcp_http.report.terminal import summary_lines

        reporter.section("MCP conformance")
        settings = run_of(self._config).settings
        width = min(max(shutil.get_terminal_size().columns, NARROWEST), WIDEST)
        for text, markup in summary_lines(self.rows, self.target(), strict=settings.strict, width=width):
            reporter.write_line(text, **markup)

    def write_report(self) -> None:
        """Write the JSON report to the file that `--mcp-report` names."""
        from pytest_mcp_http.report.json_report import build, write

        path = run_of(self._config).settings.report
        assert path is not None
        write(path, build(self.rows, self.target()))


RESULTS: pytest.StashKey[Results] = pytest.StashKey()
"""The `Results` of the controller; absent on workers and in runs without a target."""


def results_of(config: pytest.Config) -> Results | None:
    """Return the results of this process, or None where none are gathered."""
    return config.stash.get(RESULTS, None)
