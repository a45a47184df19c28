"""The matrix: each fault makes exactly its requirements fail, each variant none, the clean server none.

By default each fault is judged in one mode, at the newest revision of each era that shows it, each variant in
both modes; `MCP_MATRIX=full` judges every mode and revision. The modern era knows no modes, so its rows run
in one of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest

from pytest_mcp_http.spec.registry import requirements
from pytest_mcp_http.spec.revisions import HANDSHAKE_REVISIONS, MODERN_REVISIONS, REVISIONS, era_of
from reference_server.faults import Fault
from reference_server.faults import catalogue as faults
from reference_server.variants import catalogue as variants

pytest.importorskip("mcp.server.mcpserver", reason="the reference server needs mcp 2.x")

FULL = os.environ.get("MCP_MATRIX") == "full"
MODES = ("stateful", "stateless")
ERAS = ("handshake", "modern", "dual")


def shown_at(fault: Fault) -> Sequence[str]:
    """Return the revisions at which a fault is judged."""
    needed: set[str] = set()
    for id in fault.requirements:
        shown = [r for r in REVISIONS if r in fault.revisions and r in requirements()[id].revisions]
        # One revision of each era per declared requirement is enough to see it broken.
        needed |= set(shown if FULL else {era_of(r): r for r in shown}.values())
    return sorted(needed)


def quick(variant: Any, mode: str) -> Sequence[str]:
    """Return the revisions at which a variant is judged."""
    chosen = HANDSHAKE_REVISIONS[::2] if mode == "stateful" else HANDSHAKE_REVISIONS[-1:]
    chosen = (*(HANDSHAKE_REVISIONS if FULL else chosen), *MODERN_REVISIONS)
    return [revision for revision in chosen if revision in variant.revisions]


def rows(
    entries: Mapping[str, Any], judged: Callable[[Any, str], Sequence[str]], most_modes: int = len(MODES)
) -> list[Any]:
    """Return a parameter set per entry and mode: name, mode, revisions to judge."""
    found = []
    for name, entry in entries.items():
        modes = [mode for mode in MODES if mode in entry.modes]
        for mode in modes[: len(MODES) if FULL else most_modes]:
            wanted = judged(entry, mode)
            revisions = [r for r in wanted if mode == modes[0] or r in HANDSHAKE_REVISIONS]
            if revisions:
                found.append(pytest.param(name, mode, revisions, id=f"{name}-{mode}"))
    return found


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    "options",
    [{}, {"json_response": True}, {"resumable": True}, {"resumable": True, "fixtures": True}],
    ids=["sse", "json", "resumable", "fixtures"],
)
@pytest.mark.parametrize("mode", MODES)
def test_clean_server_breaks_nothing(
    judge: Callable[..., Any], mode: str, options: dict[str, bool], era: str
) -> None:
    if options.get("resumable") and (mode == "stateless" or era != "dual"):
        pytest.skip("without sessions nothing is kept for replay")
    revisions = {"handshake": HANDSHAKE_REVISIONS, "modern": MODERN_REVISIONS, "dual": REVISIONS}[era]
    found = judge(revisions, mode=mode, era=era, **options)
    red = found.hit("fail", "warn", "error")
    assert not red, found.explain(red)
    assert len(found.hit("pass")) > 60


@pytest.mark.parametrize(("name", "mode", "revisions"), rows(variants(), quick))
def test_variant_breaks_nothing(
    judge: Callable[..., Any], name: str, mode: str, revisions: Sequence[str]
) -> None:
    found = judge(revisions, mode=mode, variants=(name,))
    red = found.hit("fail", "warn", "error")
    assert not red, found.explain(red)


@pytest.mark.parametrize(
    ("name", "mode", "revisions"), rows(faults(), lambda fault, mode: shown_at(fault), most_modes=1)
)
def test_fault_breaks_exactly_its_requirements(
    judge: Callable[..., Any], name: str, mode: str, revisions: Sequence[str]
) -> None:
    declared = set(faults()[name].requirements)
    found = judge(revisions, mode=mode, faults=(name,))
    red = found.hit("fail", "warn", "error")
    assert red <= declared, found.explain(red - declared)
    for era in {era_of(revision) for revision in revisions}:
        due = {
            id
            for id in declared
            if any(era_of(r) == era and r in requirements()[id].revisions for r in revisions)
        }
        missed = due - found.hit("fail", "warn", "error", "note", era=era)
        assert not missed, f"{era}: {found.explain(missed) or f'{sorted(missed)} passed'}"
