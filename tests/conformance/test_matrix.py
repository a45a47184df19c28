"""The matrix: each fault makes exactly its requirements fail, each variant none, the clean server none.

How much of it runs is said by `MCP_MATRIX`:

- `quick`, the default: one fault of each requirement, and each variant, in one mode and at one revision;
  beside the checks that the fault breaks, some other chapters run, different ones for each entry.
- `eras`: all faults in one mode, at the newest revision of each era that shows them, and all variants in both
  modes, with all checks.
- `full`: all faults and variants in every mode and at every revision.

The modern era knows no modes, so its rows run in one of them.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar
from zlib import crc32

import pytest

from pytest_mcp_http.spec.registry import requirements
from pytest_mcp_http.spec.revisions import HANDSHAKE_REVISIONS, MODERN_REVISIONS, REVISIONS, era_of
from reference_server.faults import Fault
from reference_server.faults import catalogue as faults
from reference_server.variants import catalogue as variants
from tests.conformance.rigs import RIGS

pytest.importorskip("mcp.server.mcpserver", reason="the reference server needs mcp 2.x")

LEVEL = os.environ.get("MCP_MATRIX", "quick")
assert LEVEL in ("quick", "eras", "full"), f"MCP_MATRIX={LEVEL}: quick, eras or full"
FULL, QUICK = LEVEL == "full", LEVEL == "quick"
MODES = ("stateful", "stateless")
ERAS = ("handshake", "modern", "dual")


T = TypeVar("T")


def one_of(choices: Sequence[T], name: str) -> Sequence[T]:
    """Return one of some choices in a list: always the same for a name, and each for as many names."""
    return [choices[crc32(name.encode()) % len(choices)]] if choices else []


def judged_faults() -> Mapping[str, Fault]:
    """Return the faults to judge, by name: all, or one of each requirement."""
    if not QUICK:
        return faults()
    by_requirement: dict[str, list[str]] = {}
    for name, fault in faults().items():
        for requirement in fault.requirements:
            by_requirement.setdefault(requirement, []).append(name)
    chosen = {name for requirement, names in by_requirement.items() for name in one_of(names, requirement)}
    return {name: fault for name, fault in faults().items() if name in chosen}


def shown_at(fault: Fault) -> Sequence[str]:
    """Return the revisions at which a fault is judged."""
    needed: set[str] = set()
    for id in fault.requirements:
        shown = [r for r in REVISIONS if r in fault.revisions and r in requirements()[id].revisions]
        # One revision of each era per declared requirement is enough to see it broken.
        needed |= set(shown if FULL else {era_of(r): r for r in shown}.values())
    return one_of(sorted(needed), fault.name) if QUICK else sorted(needed)


def legal_at(variant: Any, mode: str) -> Sequence[str]:
    """Return the revisions at which a variant is judged."""
    chosen = HANDSHAKE_REVISIONS[::2] if mode == "stateful" else HANDSHAKE_REVISIONS[-1:]
    chosen = (*(HANDSHAKE_REVISIONS if FULL else chosen), *MODERN_REVISIONS)
    found = [revision for revision in chosen if revision in variant.revisions]
    return one_of(found, variant.name) if QUICK else found


def rows(
    entries: Mapping[str, Any], judged: Callable[[Any, str], Sequence[str]], *, in_one_mode: bool
) -> list[Any]:
    """Return a parameter set per entry and mode: name, mode, revisions to judge."""
    found = []
    for name, entry in entries.items():
        able = [mode for mode in MODES if mode in entry.modes]
        modes = able[:1] if in_one_mode else one_of(able, name) if QUICK else able
        for mode in modes:
            wanted = judged(entry, mode)
            revisions = [r for r in wanted if mode == modes[0] or r in HANDSHAKE_REVISIONS]
            if revisions:
                found.append(pytest.param(name, mode, revisions, id=f"{name}-{mode}"))
    return found


def wanted(name: str, share: int, declared: Iterable[str] = ()) -> Callable[[str], bool]:
    """Return which requirements are judged beside an entry: what it breaks, and one of `share` chapters.

    By chapter, because the checks of one share their probes.
    """

    def chosen(id: str) -> bool:
        chapter = id.partition(".")[0]
        return not QUICK or id in declared or crc32(f"{name} {chapter}".encode()) % share == 0

    return chosen


@pytest.mark.parametrize("era", ERAS)
@pytest.mark.parametrize(
    "options",
    [{}, {"json_response": True}, {"resumable": True}, {"resumable": True, "fixtures": True}],
    ids=["sse", "json", "resumable", "fixtures"],
)
@pytest.mark.parametrize("mode", [*MODES, "shared"])
def test_clean_server_breaks_nothing(
    judge: Callable[..., Any], mode: str, options: dict[str, bool], era: str
) -> None:
    if options.get("resumable") and (mode == "stateless" or era != "dual"):
        pytest.skip("without sessions nothing is kept for replay")
    if mode == "shared" and (era != "dual" or (QUICK and options != {"resumable": True})):
        pytest.skip("the same server as with mode stateful, but for the place of its sessions")
    if QUICK and options and era == "dual" and not options.get("resumable"):
        pytest.skip("its eras are judged one by one")
    newest = QUICK and (options or era != "dual")
    handshake = HANDSHAKE_REVISIONS[-1:] if newest else HANDSHAKE_REVISIONS
    revisions = {"handshake": handshake, "modern": MODERN_REVISIONS, "dual": (*handshake, *MODERN_REVISIONS)}[
        era
    ]
    found = judge(revisions, mode=mode, era=era, **options)
    red = found.hit("fail", "warn", "error")
    assert not red, found.explain(red)
    assert len(found.hit("pass")) > 60


def shown_by(rig: str, revision: str) -> set[str]:
    """Return the requirements that faults in a rig break at a revision."""
    return {
        id
        for fault in faults().values()
        for id in fault.requirements
        if fault.rig == rig
        and not fault.options
        and revision in fault.revisions
        and revision in requirements()[id].revisions
    }


@pytest.mark.parametrize(
    ("rig", "revision"),
    [
        (rig, revision)
        for rig in RIGS
        for revision in (HANDSHAKE_REVISIONS[-1], MODERN_REVISIONS[-1])
        if rig != "alone" and shown_by(rig, revision)
    ],
)
def test_clean_server_passes_what_a_rig_is_for(judge: Callable[..., Any], rig: str, revision: str) -> None:
    due = shown_by(rig, revision)
    found = judge([revision], rig, wanted(rig, 3, due), mode="stateful", resumable=True)
    red = found.hit("fail", "warn", "error")
    assert not red, found.explain(red)
    # A note is no red, so that a check which notes whatever it sees would look like one that sees a fault.
    missed = due - found.hit("pass")
    assert not missed, found.explain(missed)


@pytest.mark.parametrize(("name", "mode", "revisions"), rows(variants(), legal_at, in_one_mode=False))
def test_variant_breaks_nothing(
    judge: Callable[..., Any], name: str, mode: str, revisions: Sequence[str]
) -> None:
    found = judge(revisions, variants()[name].rig, wanted(name, 8), mode=mode, variants=(name,))
    red = found.hit("fail", "warn", "error")
    assert not red, found.explain(red)


@pytest.mark.parametrize(
    ("name", "mode", "revisions"),
    rows(judged_faults(), lambda fault, mode: shown_at(fault), in_one_mode=not FULL),
)
def test_fault_breaks_exactly_its_requirements(
    judge: Callable[..., Any], name: str, mode: str, revisions: Sequence[str]
) -> None:
    declared = set(faults()[name].requirements)
    found = judge(revisions, faults()[name].rig, wanted(name, 30, declared), mode=mode, faults=(name,))
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
