"""The virtual `mcp` node: the bundled suite as a part of any collection, with the same ids everywhere."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from pytest_mcp_http import fixtures
from pytest_mcp_http._options import Settings
from pytest_mcp_http._run import run_of

CHAPTERS = (
    "transport",
    "sse",
    "session",
    "resumability",
    "version",
    "lifecycle",
    "discover",
    "headers",
    "jsonrpc",
    "meta",
    "tools",
    "resources",
    "prompts",
    "completion",
    "logging",
    "pagination",
    "progress",
    "cancellation",
    "subscriptions",
    "mrtr",
    "tasks",
    "caching",
    "isolation",
    "authorization",
    "security",
    "schema",
    "deployment",
    "browsers",
    # The last one: a server that is flooded may end the sessions of the others.
    "flood",
)
"""Chapters with checks, in the order of the specification."""

OPTIONAL: Mapping[str, str] = {
    "browsers.": "browser",
    "flood.": "flood",
    "deployment.proxy-": "direct",
    "deployment.idle-": "idle_budget",
    "deployment.keep-alive": "idle_budget",
    "deployment.shutdown-": "shutdown",
    "deployment.no-process-per-request": "shutdown",
}
"""What ids of requirements begin with that are judged only on request -> the setting that asks for them."""

_UNSHADOWED = ("mcp_revision", "mcp_tour", "mcp_wire", "mcp_connection")


class McpSuite(pytest.Collector):
    """The bundled suite; its children are the chapters."""

    def collect(self) -> Iterator[pytest.Collector]:
        """Yield a module per chapter that is asked for, and one for the properties of `--mcp-fuzz`."""
        folder = Path(__file__).parent / "suite"
        fuzz = ("fuzz",) if run_of(self.config).plan is not None else ()
        for chapter in (*chapters(run_of(self.config).settings), *fuzz):
            # An explicit node id keeps ids free of the place where the package is installed. pytest takes it
            # without promising to; this is the only line that relies on it.
            yield McpModule.from_parent(self, path=folder / f"test_{chapter}.py", nodeid=f"mcp/{chapter}")
        if run_of(self.config).settings.surface is not None:
            path = folder.parent / "surface" / "test_surface.py"
            yield McpSurface.from_parent(self, path=path, nodeid="mcp/surface")


class McpModule(pytest.Module):
    """One chapter: the checks whose requirement holds at a judged revision."""

    def collect(self) -> Iterable[pytest.Item | pytest.Collector]:
        """Collect the checks."""
        # A fixture on the module wins over one of a conftest, so a user's fixture of the same name cannot
        # change what the suite judges. `mcp_target` stays open: it is made to be overridden.
        for name in _UNSHADOWED:
            setattr(self.obj, name, getattr(fixtures, name))
        return super().collect()

    def funcnamefilter(self, name: str) -> bool:
        """Take checks by what they judge, whatever `python_functions` says."""
        return bool(revisions_of(getattr(self.obj, name, None), self.config))

    def classnamefilter(self, name: str) -> bool:
        """Take no classes."""
        return False


class McpSurface(McpModule):
    """The test of `--mcp-surface`, which judges no requirement."""

    def funcnamefilter(self, name: str) -> bool:
        """Take the one test."""
        return name == "test_surface"


def chapters(settings: Settings) -> list[str]:
    """Return the chapters that are judged."""
    return [name for name in CHAPTERS if missing_option(f"{name}.", settings) is None]


def missing_option(id: str, settings: Settings) -> str | None:
    """Return the setting that has to ask for a requirement and does not, or None."""
    options = (option for prefix, option in OPTIONAL.items() if id.startswith(prefix))
    return next((name for name in options if not getattr(settings, name)), None)


def requirement_of(function: object) -> str | None:
    """Return the id of the requirement that a function judges, or None if it is no check."""
    found = getattr(function, "mcp_requirement", None)
    return found if isinstance(found, str) else None


def revisions_of(function: object, config: pytest.Config) -> tuple[str, ...]:
    """Return the judged revisions at which the requirement of a check holds."""
    from pytest_mcp_http.spec.registry import requirements

    id = requirement_of(function)
    if id is None or missing_option(id, run_of(config).settings):
        return ()
    return tuple(r for r in run_of(config).revisions() if r in requirements()[id].revisions)


def parametrize(metafunc: pytest.Metafunc) -> None:
    """Parametrise a check by revision; leaves every other test alone."""
    if requirement_of(metafunc.function) is not None and isinstance(
        metafunc.definition.getparent(McpModule), McpModule
    ):
        revisions = revisions_of(metafunc.function, metafunc.config)
        metafunc.parametrize("mcp_revision", revisions, scope="session")


def wanted(item: pytest.Item, config: pytest.Config) -> bool:
    """Return whether `--mcp-case` and `--mcp-level` keep an item; items that are not ours are kept."""
    from pytest_mcp_http.spec.registry import requirements

    id = requirement_of(getattr(item, "function", None))
    if id is None or item.getparent(McpModule) is None:
        return True
    settings = run_of(config).settings
    if settings.level == "must" and not requirements()[id].level.startswith("MUST"):
        return False
    return not settings.cases or any(fnmatch.fnmatchcase(id, glob) for glob in settings.cases)


def refuse_idle_globs(settings: Settings) -> None:
    """Refuse a `--mcp-case` that selects nothing, which is a typing error more often than a wish.

    Raises:
        pytest.UsageError: If a glob matches no requirement, or only some that another option has to ask for.
    """
    from pytest_mcp_http.spec.client_registry import client_requirements
    from pytest_mcp_http.spec.registry import requirements

    for glob in settings.cases:
        if not fnmatch.filter([*requirements(), *client_requirements()], glob):
            raise pytest.UsageError(
                f"--mcp-case: {glob!r} matches no requirement; accepted: a glob over requirement ids such as "
                "'session.*' (python -m pytest_mcp_http list prints them)"
            )
        missing = {missing_option(id, settings) for id in fnmatch.filter(requirements(), glob)}
        if settings.judges_server and missing and None not in missing:
            flags = " and ".join(f"--mcp-{name.replace('_', '-')}" for name in sorted(filter(None, missing)))
            raise pytest.UsageError(f"--mcp-case: {glob!r} is judged on request only; give {flags} as well")


def add_suite(session: pytest.Session, report: pytest.CollectReport) -> None:
    """Append the suite to what the session collected."""
    result: Any = report.result
    if report.passed and not any(isinstance(node, McpSuite) for node in result):
        result.append(McpSuite.from_parent(session, name="mcp", nodeid="mcp"))
