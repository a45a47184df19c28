"""The rules that clients are judged by, and their verdicts on what was recorded."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pytest_mcp_http._verdict import Verdict, verdict_of
from pytest_mcp_http.client_rules import messages, modern, sessions, streams, transport
from pytest_mcp_http.client_rules.play import Play
from pytest_mcp_http.client_rules.registering import RULES
from pytest_mcp_http.errors import NotApplicable, NotVerified, RequirementViolated
from pytest_mcp_http.mock.script import Script
from pytest_mcp_http.mock.scripts import SCRIPTS
from pytest_mcp_http.spec.client_registry import client_requirements
from pytest_mcp_http.spec.registry import Requirement

__all__ = ["RULES", "ClientVerdict", "Play", "judged_by", "test_name", "verdicts"]

_MODULES = (transport, streams, sessions, messages, modern)  # each enters its rules

_SPECIAL = frozenset(id for script in SCRIPTS.values() for id in script.judges)


@dataclass(frozen=True)
class ClientVerdict:
    """What one rule says of one play.

    Attributes:
        requirement: The requirement.
        verdict: The verdict.
        violation: The error to raise for it; None unless it is broken.
    """

    requirement: Requirement
    verdict: Verdict
    violation: RequirementViolated | None = None


def judged_by(script: Script, revision: str) -> tuple[str, ...]:
    """Return the ids of the requirements that a script is judged by at a revision.

    Those that any script gives an occasion to, and those that this script names. A script of your own that
    names none is judged by all.
    """
    bundled = script.name in SCRIPTS
    return tuple(
        item.id
        for item in client_requirements().values()
        if revision in item.revisions
        and (item.id not in _SPECIAL or item.id in script.judges or (not bundled and not script.judges))
    )


def test_name(id: str) -> str:
    """Return the name of the test that judges a requirement of clients, without its revision."""
    return "test_" + id.removeprefix("client.").replace(".", "_").replace("-", "_")


def verdicts(play: Play, *, strict: bool = False) -> Iterator[ClientVerdict]:
    """Judge a play by every requirement of its script and revision.

    Args:
        play: What was recorded.
        strict: A broken SHOULD fails as well.
    """
    for id in judged_by(play.script, play.revision):
        requirement = client_requirements()[id]
        try:
            RULES[id](play)
        except (NotApplicable, NotVerified) as outcome:
            yield ClientVerdict(requirement, verdict_of(outcome, requirement.level))
        except RequirementViolated as violation:
            verdict = verdict_of(violation, requirement.level, strict=strict)
            yield ClientVerdict(requirement, verdict, violation)
        else:
            yield ClientVerdict(requirement, verdict_of(None, requirement.level))
