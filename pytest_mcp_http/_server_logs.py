"""Puts what the servers of a failing test wrote during it on its report.

Knows pytest's items and reports, and the servers that were started in this process.
"""

from __future__ import annotations

from typing import Final

import pytest

from pytest_mcp_http._run import Run
from pytest_mcp_http._target import RunningTarget, Target

SECTION: Final = "mcp server log"
LINES: Final = 100
"""Lines that are shown of each server, the last ones."""

_MARKS: pytest.StashKey[dict[int, int]] = pytest.StashKey()


def mark(run: Run, item: pytest.Item) -> None:
    """Note how far each server has written when a test begins, and drop those that have ended."""
    run.servers[:] = [server for server in run.servers if not server.closed]
    item.stash[_MARKS] = {id(server): server.written() for server in run.servers}


def attach(run: Run, item: pytest.Item, report: pytest.TestReport) -> None:
    """Add a section for each server that the test used and that wrote something since the test began."""
    marks = item.stash.get(_MARKS, {})
    for server in run.servers:
        if id(server) in marks and not _uses(item, server):
            continue
        lines = server.log(marks.get(id(server), 0)).splitlines()
        if not lines:
            continue
        if len(lines) > LINES:
            lines = [f"({len(lines) - LINES} lines left out)", *lines[-LINES:]]
        report.sections.append((f"{SECTION}: {server.description}", "\n".join(lines)))


def _uses(item: pytest.Item, server: RunningTarget) -> bool:
    """Whether a fixture of the test gave it the server; one that was started meanwhile is used anyway."""
    values = (getattr(item, "funcargs", None) or {}).values()
    return any(
        value is server
        or (isinstance(value, str) and server.url in value)
        or (isinstance(value, Target) and value.url == server.url)
        for value in values
    )
