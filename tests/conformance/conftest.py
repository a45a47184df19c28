"""Judging a reference server in this process: every check of the suite, without pytest in between."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import pytest

from pytest_mcp_http._collect import CHAPTERS, missing_option
from pytest_mcp_http._options import Settings
from pytest_mcp_http._target import open_target
from pytest_mcp_http._verdict import Verdict, verdict_of
from pytest_mcp_http.spec.registry import requirements
from pytest_mcp_http.spec.revisions import era_of
from pytest_mcp_http.tour import Tour
from reference_server.faults.security import SECOND_ADDRESS
from tests.conformance.rigs import RIGS

RED = ("fail", "warn", "error")


@dataclass(frozen=True)
class Judgement:
    """What the suite said of one server.

    Attributes:
        verdicts: (requirement, revision) -> verdict.
    """

    verdicts: Mapping[tuple[str, str], Verdict]

    def hit(self, *names: str, era: str | None = None) -> set[str]:
        """Return the requirements with one of these verdicts at some revision, perhaps of one era only."""
        return {
            id
            for (id, revision), verdict in self.verdicts.items()
            if verdict.name in names and era in (None, era_of(revision))
        }

    def explain(self, ids: Iterable[str]) -> str:
        """Return one line per verdict on some requirements that is not a pass, for the message of a test."""
        wanted = set(ids)
        return "\n".join(
            f"{id} at {revision}: {verdict.name}: {verdict.actual or verdict.reason}"
            for (id, revision), verdict in self.verdicts.items()
            if id in wanted and verdict.name != "pass"
        )


def all_checks(names: Iterable[str] = CHAPTERS) -> list[Callable[..., None]]:
    """Return every check of the suite, or of some chapters, in their order."""
    return [
        function
        for chapter in names
        for function in vars(import_module(f"pytest_mcp_http.suite.test_{chapter}")).values()
        if hasattr(function, "mcp_requirement") and inspect.isfunction(function)
    ]


def judge_settings(
    settings: Settings,
    revisions: Iterable[str],
    wanted: Callable[[str], bool] = lambda id: True,
    names: Iterable[str] = CHAPTERS,
) -> Judgement:
    """Run the checks of the wanted requirements, by default all, against a server at some revisions.

    Args:
        settings: Name the server, and say what is asked for.
        revisions: The revisions.
        wanted: Which requirements, by id.
        names: The chapters to run.
    """
    verdicts: dict[tuple[str, str], Verdict] = {}
    with open_target(settings) as running, running.target.open_wire() as wire:
        for revision in revisions:
            tour = Tour(running.target, revision, wire)
            given: dict[str, Any] = {"mcp_tour": tour, "mcp_wire": wire, "mcp_target": running.target}
            for check in all_checks(names):
                requirement = requirements()[check.mcp_requirement]  # type: ignore[attr-defined]
                chosen = missing_option(requirement.id, settings) is None and wanted(requirement.id)
                if not chosen or revision not in requirement.revisions:
                    continue
                outcome: BaseException | None = None
                try:
                    check(**{name: given[name] for name in inspect.signature(check).parameters})
                except Exception as error:
                    outcome = error
                verdicts[requirement.id, revision] = verdict_of(outcome, requirement.level)
            tour.close()
    return Judgement(verdicts)


@pytest.fixture
def judge(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[..., Judgement]]:
    """Judge the reference server run with some options in a rig, at some revisions."""
    caplog.set_level(logging.CRITICAL)
    # No test server listens on a network: a second loopback address stands for the network address.
    monkeypatch.setattr("pytest_mcp_http.suite.test_security.own_addresses", lambda: (SECOND_ADDRESS,))

    # Each server is judged by this process alone, however many share the tests.
    monkeypatch.delenv("PYTEST_XDIST_WORKER_COUNT", raising=False)
    with ExitStack() as stack:

        def run(
            revisions: Iterable[str],
            rig: str = "alone",
            wanted: Callable[[str], bool] = lambda id: True,
            **options: Any,
        ) -> Judgement:
            return judge_settings(RIGS[rig](stack, **options), revisions, wanted)

        yield run
