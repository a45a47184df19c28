"""The matrix: each fault makes exactly its requirements fail, each variant none, the clean server none.

By default each row is judged at the newest revision that shows it; `MCP_MATRIX=full` judges every revision.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from pytest_mcp_http.spec.registry import requirements
from pytest_mcp_http.spec.revisions import HANDSHAKE_REVISIONS
from reference_server.faults import Fault
from reference_server.faults import catalogue as faults
from reference_server.variants import catalogue as variants

pytest.importorskip("mcp.server.mcpserver", reason="the reference server needs mcp 2.x")

FULL = os.environ.get("MCP_MATRIX") == "full"
MODES = ("stateful", "stateless")


def shown_at(fault: Fault) -> Sequence[str]:
    """Return the revisions at which a fault is judged."""
    revisions = [r for r in HANDSHAKE_REVISIONS if r in fault.revisions]
    if FULL:
        return revisions
    # One revision per declared requirement is enough to see each of them broken.
    needed = {max(r for r in revisions if r in requirements()[id].revisions) for id in fault.requirements}
    return sorted(needed)


def rows(entries: Any) -> list[Any]:
    """Return a parameter set per entry and mode."""
    return [
        pytest.param(name, mode, id=f"{name}-{mode}")
        for name, entry in entries.items()
        for mode in MODES
        if mode in entry.modes
    ]


@pytest.mark.parametrize(
    "options", [{}, {"json_response": True}, {"resumable": True}], ids=["sse", "json", "resumable"]
)
@pytest.mark.parametrize("mode", MODES)
def test_clean_server_breaks_nothing(judge: Callable[..., Any], mode: str, options: dict[str, bool]) -> None:
    if options.get("resumable") and mode == "stateless":
        pytest.skip("without sessions nothing is kept for replay")
    found = judge(HANDSHAKE_REVISIONS, mode=mode, **options)
    red = found.hit("fail", "warn", "error")
    assert not red, found.explain(red)
    assert len(found.hit("pass")) > 60


@pytest.mark.parametrize(("name", "mode"), rows(variants()))
def test_variant_breaks_nothing(judge: Callable[..., Any], name: str, mode: str) -> None:
    quick = HANDSHAKE_REVISIONS[::2] if mode == "stateful" else HANDSHAKE_REVISIONS[-1:]
    revisions = HANDSHAKE_REVISIONS if FULL else quick
    found = judge(revisions, mode=mode, variants=(name,))
    red = found.hit("fail", "warn", "error")
    assert not red, found.explain(red)


@pytest.mark.parametrize(("name", "mode"), rows(faults()))
def test_fault_breaks_exactly_its_requirements(judge: Callable[..., Any], name: str, mode: str) -> None:
    fault = faults()[name]
    found = judge(shown_at(fault), mode=mode, faults=(name,))
    declared = set(fault.requirements)
    red = found.hit("fail", "warn", "error")
    assert red <= declared, found.explain(red - declared)
    missed = declared - red - found.hit("note")
    assert not missed, found.explain(missed) or f"{sorted(missed)} passed"
