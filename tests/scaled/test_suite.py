"""The suite against replicas behind nginx: what is right alone stays right there.

`MCP_SCALED=full` judges each way of running them at every revision; otherwise some are judged at one.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from pytest_mcp_http.spec.revisions import REVISIONS
from reference_server.faults.security import SECOND_ADDRESS
from tests.conformance.conftest import Judgement, judge_settings
from tests.conformance.rigs import RIGS

LEVEL = os.environ.get("MCP_SCALED", "quick")
assert LEVEL in ("quick", "full"), f"MCP_SCALED={LEVEL}: quick or full"

WAYS = [
    ("shared", {}, "2025-11-25"),
    ("stateful", {"json_response": True}, "2025-06-18"),
    ("stateless", {}, "2026-07-28"),
]
if LEVEL == "full":
    WAYS += [
        ("shared", {"json_response": True}, ""),
        ("shared", {"resumable": True}, ""),
        ("stateful", {}, ""),
        ("stateless", {"json_response": True}, ""),
    ]


@pytest.fixture
def stack(monkeypatch: pytest.MonkeyPatch) -> Iterator[ExitStack]:
    # No test server listens on a network: a second loopback address stands for the network address.
    monkeypatch.setattr("pytest_mcp_http.suite.test_security.own_addresses", lambda: (SECOND_ADDRESS,))
    with ExitStack() as found:
        yield found


def judged(stack: ExitStack, revision: str, **options: object) -> Judgement:
    return judge_settings(RIGS["scaled"](stack, **options), REVISIONS if LEVEL == "full" else (revision,))


@pytest.mark.parametrize(
    ("mode", "options", "revision"), WAYS, ids=["-".join((mode, *options)) for mode, options, _ in WAYS]
)
def test_replicas_break_nothing(stack: ExitStack, mode: str, options: dict[str, bool], revision: str) -> None:
    found = judged(stack, revision, mode=mode, **options)
    red = found.hit("fail", "warn", "error")
    assert not red, found.explain(red)
    assert len(found.hit("pass")) > 60


def test_a_fault_of_the_replicas_is_found_through_nginx(stack: ExitStack) -> None:
    found = judged(stack, "2025-11-25", mode="stateless", faults=("completion.flat",))
    assert found.hit("fail") == {"completion.result-shape"}, found.explain(found.hit("fail"))
