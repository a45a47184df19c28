"""Every check is proven: by a fault that it alone catches, in a module of its chapter."""

from __future__ import annotations

from collections import Counter
from importlib import import_module

from pytest_mcp_http._collect import CHAPTERS
from pytest_mcp_http._list import UNDECIDABLE
from pytest_mcp_http.spec.registry import requirements
from pytest_mcp_http.spec.revisions import era_of
from reference_server.faults import catalogue

PARTS: dict[str, set[str]] = {}
"""What is judged of the chapters that are judged in part."""


def checks() -> dict[str, str]:
    """Return the chapter of the module that holds the check, by requirement."""
    found = [
        (function.mcp_requirement, chapter)
        for chapter in CHAPTERS
        for function in vars(import_module(f"pytest_mcp_http.suite.test_{chapter}")).values()
        if hasattr(function, "mcp_requirement")
    ]
    twice = [id for id, times in Counter(id for id, _ in found).items() if times > 1]
    assert not twice
    return dict(found)


def test_every_check_has_a_fault_that_it_alone_catches() -> None:
    alone = {fault.requirements[0] for fault in catalogue().values() if len(fault.requirements) == 1}
    assert sorted(set(checks()) - alone) == []


def test_every_check_is_proven_in_each_era_that_has_its_requirement() -> None:
    proven = {
        (fault.requirements[0], era_of(revision))
        for fault in catalogue().values()
        if len(fault.requirements) == 1
        for revision in set(fault.revisions) & set(requirements()[fault.requirements[0]].revisions)
    }
    needed = {(id, era_of(revision)) for id in checks() for revision in requirements()[id].revisions}
    assert sorted(needed - proven) == []


def test_every_fault_breaks_a_requirement_that_has_a_check() -> None:
    judged = set(checks())
    assert not [
        fault.id
        for fault in catalogue().values()
        if not fault.requirements or set(fault.requirements) - judged
    ]


def test_checks_stand_in_the_chapter_of_their_requirement() -> None:
    assert not {id: chapter for id, chapter in checks().items() if requirements()[id].chapter != chapter}


def test_every_requirement_in_reach_has_a_check() -> None:
    in_reach = {
        item.id
        for item in requirements().values()
        if item.chapter in CHAPTERS
        and (item.chapter not in PARTS or item.id in PARTS[item.chapter])
        and item.needs in ("blackbox", "needs-tool", "needs-auth")
        and item.level != "MAY"
    }
    assert set(UNDECIDABLE) <= in_reach
    assert sorted(in_reach - set(checks()) - set(UNDECIDABLE)) == []
