"""Fuzzing finds the crash bugs of the reference server, and nothing in the clean one."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable

import pytest

pytest.importorskip("mcp.server.mcpserver", reason="the reference server needs mcp 2.x")
pytest.importorskip("hypothesis_jsonschema", reason="needs the extra fuzz")

from pytest_mcp_http._options import Settings
from pytest_mcp_http._target import open_target
from pytest_mcp_http.fuzz import Plan
from pytest_mcp_http.fuzz.campaign import SOURCES, Campaign
from pytest_mcp_http.fuzz.oracles import ORACLES, Oracle, answered
from pytest_mcp_http.spec.revisions import HANDSHAKE_REVISIONS, MODERN_REVISIONS, REVISIONS
from pytest_mcp_http.tour import Tour
from reference_server.crashes import CRASHES

FULL = os.environ.get("MCP_MATRIX") == "full"
EXAMPLES = 500
CLEAN_EXAMPLES = EXAMPLES if FULL else 50
SEED = 1

IN_ARGUMENTS = ("empty-text", "fraction-for-integer", "negative-integer", "null-argument")
"""Crash bugs that only calls of tools meet."""


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)


def fuzz(url: str, revision: str, source: str, examples: int, *oracles: Oracle) -> Campaign:
    """Send changed requests to a server until one breaks each of the oracles."""
    with open_target(Settings(url=url)) as running, running.target.open_wire() as wire:
        tour = Tour(running.target, revision, wire)
        try:
            found = Campaign(tour, Plan(examples, SEED), SOURCES[source](tour), oracles)
            for oracle in found.findings:
                found.findings[oracle] = found.simplest(oracle)
            return found
        finally:
            tour.close()


def test_there_are_enough_crash_bugs() -> None:
    assert len(CRASHES) >= 10


@pytest.mark.parametrize("crash", [crash.id.removeprefix("crash.") for crash in CRASHES])
def test_crash_bug_is_found(reference: Callable[..., str], crash: str) -> None:
    url = reference(mode="stateless", faults=[f"crash.{crash}"])
    # Readers of JSON may fail on half a surrogate pair, so that is a note, and the search goes on to its end.
    examples = 100 if crash == "half-pair" else EXAMPLES
    source = "tools" if crash in IN_ARGUMENTS else "protocol"
    finding = fuzz(url, REVISIONS[-1], source, examples, answered).findings[answered]
    assert finding.sent.exchange.status == 500
    assert finding.outcome.note == (crash == "half-pair")


@pytest.mark.parametrize("mode", ["stateful", "stateless"])
@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("revision", REVISIONS)
def test_clean_server_breaks_nothing(
    reference: Callable[..., str], revision: str, source: str, mode: str
) -> None:
    if not FULL and (mode == "stateless") != (revision in (HANDSHAKE_REVISIONS[0], *MODERN_REVISIONS)):
        pytest.skip("judged in the other mode")
    found = fuzz(reference(mode=mode), revision, source, CLEAN_EXAMPLES, *ORACLES)
    assert not {oracle.__name__: str(finding.sent.mutation) for oracle, finding in found.findings.items()}
    assert not found.stopped
    assert found.judged[answered] > CLEAN_EXAMPLES // 2
