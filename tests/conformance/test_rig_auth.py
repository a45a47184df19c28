"""The clean reference server behind an authorization server breaks nothing, and shows all that is judged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_mcp_http.spec.registry import requirements
from pytest_mcp_http.spec.revisions import REVISIONS
from reference_server.faults import catalogue

pytest.importorskip("mcp.server.mcpserver", reason="the reference server needs mcp 2.x")

JUDGED = {id for fault in catalogue().values() if fault.rig.startswith("auth") for id in fault.requirements}
"""What only a server that asks for tokens can show."""

NOT_CLEAN = {
    # It has metadata, so its endpoints may be anywhere.
    "authorization.fallback-endpoints"
}


@pytest.mark.parametrize("mode", ["stateful", "stateless"])
def test_clean_server_breaks_nothing(judge: Callable[..., Any], mode: str) -> None:
    # What only a revision has is shown with sessions; without them the newest of each era will do.
    found = judge(REVISIONS if mode == "stateful" else REVISIONS[-2:], "auth", mode=mode)
    red = found.hit("fail", "warn", "error")
    assert not red, found.explain(red)
    if mode == "stateful":
        # The tasks of a session are out of reach of another one anyway.
        missing = JUDGED - NOT_CLEAN - found.hit("pass")
        assert not missing, found.explain(missing)


def test_open_server_is_not_judged(judge: Callable[..., Any]) -> None:
    found = judge(("2025-11-25", "2026-07-28"), mode="stateful")
    chapter = {id for id in JUDGED if requirements()[id].chapter == "authorization"}
    said = found.hit("pass", "fail", "warn", "note", "error", "not-verified")
    assert not said & chapter, found.explain(said & chapter)
    assert chapter & found.hit("not-applicable")
