"""The client of the SDK `mcp` 2.x, as a command: nothing is held against it where it is known to be right."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from pytest_mcp_http._client_command import run_client
from pytest_mcp_http.client_rules import verdicts
from pytest_mcp_http.mock.scripts import SCRIPTS

DRIVER = Path(__file__).resolve().parents[2] / "scripts" / "field_clients" / "sdk_2.py"

PLAYS = [
    ("json", "2025-11-25"),
    ("session-lost", "2025-11-25"),
    ("resume", "2025-11-25"),
    ("sse", "2026-07-28"),
    ("annotated", "2026-07-28"),
    ("input-required", "2026-07-28"),
]


@pytest.mark.parametrize(("name", "revision"), PLAYS)
def test_sdk_breaks_nothing(name: str, revision: str) -> None:
    pytest.importorskip("mcp.server.mcpserver", reason="the command is for mcp 2.x")
    command = f"{shlex.quote(sys.executable)} {shlex.quote(str(DRIVER))} {{url}}"
    run = run_client(command, SCRIPTS[name], revision, 60)
    assert run.problem is None, run.output
    found = list(verdicts(run.play, strict=True))
    assert [v for v in found if v.verdict.name in ("fail", "error")] == []
    passed = {v.requirement.id for v in found if v.verdict.name == "pass"}
    assert set(SCRIPTS[name].judges) <= passed
