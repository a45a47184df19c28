"""The virtual `mcp-client` node: each script, and below it the rules that a client is judged by."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from os import PathLike
from typing import Any

import pytest

from pytest_mcp_http._client_command import ClientRun, run_client
from pytest_mcp_http._run import run_of
from pytest_mcp_http.client_rules import RULES, judged_by, test_name
from pytest_mcp_http.errors import NotVerified
from pytest_mcp_http.mock.script import Script
from pytest_mcp_http.mock.scripts import SCRIPTS
from pytest_mcp_http.spec.client_registry import client_requirements
from pytest_mcp_http.spec.registry import Requirement
from pytest_mcp_http.spec.revisions import HANDSHAKE_REVISIONS, MODERN_REVISIONS, REVISIONS

_RUNS: pytest.StashKey[dict[tuple[str, str], ClientRun]] = pytest.StashKey()
"""What each play of this process brought."""

_DEAD: pytest.StashKey[str] = pytest.StashKey()
"""The play in which the client sent nothing; it is not started again after that."""


def client_revisions(config: pytest.Config) -> tuple[str, ...]:
    """Return the revisions that a client is judged at: the newest of each era unless others are asked for."""
    asked = run_of(config).settings.revision
    if isinstance(asked, tuple):
        return asked
    return REVISIONS if asked == "all" else (HANDSHAKE_REVISIONS[-1], MODERN_REVISIONS[-1])


class ClientSuite(pytest.Collector):
    """Every script; its children are the scripts."""

    def collect(self) -> Iterator[pytest.Collector]:
        """Yield a collector per script."""
        for script in SCRIPTS.values():
            yield ClientScript.from_parent(
                self, name=script.name, nodeid=f"mcp-client/{script.name}", script=script
            )


class ClientScript(pytest.Collector):
    """One script: whether the client runs, and the rules."""

    def __init__(self, *, script: Script, **more: Any) -> None:
        super().__init__(**more)
        self.script = script

    def collect(self) -> Iterator[pytest.Item]:
        """Yield the items of each revision."""
        for revision in client_revisions(self.config):
            if revision not in self.script.revisions:
                continue
            yield ClientRuns.from_parent(self, name=f"test_client_runs[{revision}]", revision=revision)
            for id in judged_by(self.script, revision):
                name, requirement = f"{test_name(id)}[{revision}]", client_requirements()[id]
                yield ClientRule.from_parent(self, name=name, revision=revision, requirement=requirement)


class _Played(pytest.Item):
    """What is said of one play."""

    def __init__(self, *, revision: str, **more: Any) -> None:
        super().__init__(**more)
        self.revision = revision

    @property
    def script(self) -> Script:
        """The script."""
        assert isinstance(self.parent, ClientScript)
        return self.parent.script

    def run_client(self) -> ClientRun:
        """Return what the play brought, which is made on first use.

        Raises:
            NotVerified: If the client sent nothing in an earlier play.
        """
        runs = self.config.stash.setdefault(_RUNS, {})
        key = (self.script.name, self.revision)
        if key not in runs:
            dead = self.config.stash.get(_DEAD, None)
            if dead is not None:
                raise NotVerified(f"the client was not started again, since it sent nothing in {dead}")
            settings = run_of(self.config).settings
            assert settings.client_command is not None
            runs[key] = run_client(
                settings.client_command, self.script, self.revision, settings.client_timeout
            )
            if not runs[key].connected:
                self.config.stash[_DEAD] = f"{self.script.name} at {self.revision}"
        return runs[key]

    def reportinfo(self) -> tuple[PathLike[str] | str, int | None, str]:
        """Say where the item stands: nowhere in a file, so the name has to do."""
        return self.path, None, self.nodeid

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> str:
        """Show the error alone: a traceback through our own code helps nobody."""
        return str(excinfo.value)


class ClientRuns(_Played):
    """Whether the client connects and comes to an end."""

    def runtest(self) -> None:
        """Start the client, and fail if it sent nothing or did not end."""
        run = self.run_client()
        if run.problem is not None:
            output = "\n".join(f"    | {line}" for line in run.output.splitlines())
            wrote = f"its last output:\n{output}" if output else "it wrote nothing"
            pytest.fail(
                "The client was not judged as it should be.\n"
                f"  script:  {self.script.name} at {self.revision}\n"
                f"  got:     {run.problem}\n  {wrote}",
                pytrace=False,
            )


class ClientRule(_Played):
    """One rule."""

    def __init__(self, *, requirement: Requirement, **more: Any) -> None:
        super().__init__(**more)
        self.mcp_client_requirement = requirement
        self.add_marker(pytest.mark.mcp_requirement(requirement.id, requirement.level))

    def runtest(self) -> None:
        """Judge."""
        run = self.run_client()
        if not run.connected:
            raise NotVerified("the client sent nothing")
        if run.output:
            self.add_report_section("call", "output of the client", run.output)
        RULES[self.mcp_client_requirement.id](run.play)


def client_rule_wanted(item: ClientRule) -> bool:
    """Return whether `--mcp-case` and `--mcp-level` keep a rule."""
    settings = run_of(item.config).settings
    requirement = item.mcp_client_requirement
    if settings.level == "must" and not requirement.level.startswith("MUST"):
        return False
    return not settings.cases or any(fnmatch.fnmatchcase(requirement.id, glob) for glob in settings.cases)


def add_client_suite(session: pytest.Session, report: pytest.CollectReport) -> None:
    """Append the scripts to what the session collected."""
    result: Any = report.result
    if report.passed and not any(isinstance(node, ClientSuite) for node in result):
        result.append(ClientSuite.from_parent(session, name="mcp-client", nodeid="mcp-client"))
