"""From what a check raised to a verdict, and from there to the plain record that reporters read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal

from pytest_mcp_http.errors import NotApplicable, NotVerified, RequirementViolated

if TYPE_CHECKING:
    from pytest_mcp_http._target import Target
    from pytest_mcp_http.spec.registry import Requirement
    from pytest_mcp_http.wire.exchange import Exchange

VerdictName = Literal["pass", "fail", "warn", "note", "not-applicable", "not-verified", "error"]


@dataclass(frozen=True)
class Verdict:
    """What one check said of one requirement at one revision.

    Attributes:
        name: The verdict.
        expected: Every legal outcome.
        actual: What the server did.
        reason: Why there is nothing to judge, or what went wrong with us.
        exchange: The exchange that proves it.
    """

    name: VerdictName
    expected: tuple[str, ...] = ()
    actual: str = ""
    reason: str = ""
    exchange: Exchange | None = None


PASS = Verdict("pass")

NO_REMARKS: Final[Mapping[str, Sequence[str]]] = MappingProxyType({})


def verdict_of(outcome: BaseException | None, level: str, *, strict: bool = False) -> Verdict:
    """Judge how a check ended.

    Args:
        outcome: What the check raised, or None.
        level: Level of the requirement: a SHOULD that is broken warns, latitude (MAY) notes.
        strict: Whether a SHOULD that is broken fails as well.

    Returns:
        The verdict; `error` for anything that is not a statement on the server.
    """
    if outcome is None:
        return PASS
    if isinstance(outcome, RequirementViolated):
        name: VerdictName = "warn" if level.startswith("SHOULD") and not strict else "fail"
        if outcome.note or level == "MAY":
            name = "note"
        return Verdict(name, outcome.expected, outcome.actual, exchange=outcome.exchange)
    if isinstance(outcome, NotApplicable):
        return Verdict("not-applicable", reason=str(outcome))
    if isinstance(outcome, NotVerified):
        return Verdict("not-verified", reason=str(outcome))
    return Verdict("error", reason=f"{type(outcome).__name__}: {outcome}")


def record(
    verdict: Verdict,
    requirement: Requirement,
    revision: str,
    nodeid: str,
    target: Target | None,
    remarks: Mapping[str, Sequence[str]] = NO_REMARKS,
) -> dict[str, Any]:
    """Return the verdict as plain JSON, which travels on the test report.

    Args:
        verdict: The verdict.
        requirement: What was judged.
        revision: The revision at which it was judged.
        nodeid: Id of the test item.
        target: The server, whose header values must not turn up in any text; None if there was none.
        remarks: What was seen besides, by the title of its section in the reports.
    """
    from pytest_mcp_http.report.masking import Secrets
    from pytest_mcp_http.report.transcript import curl, transcript
    from pytest_mcp_http.wire.exchange import Request
    from pytest_mcp_http.wire.headers import Headers

    exchange = verdict.exchange
    # Whatever check it comes from, a text may repeat any secret that the run was given.
    lines = target.secret_lines if target is not None else ()
    url = target.url if target is not None else ""
    names = frozenset(name.lower() for name, _ in lines)
    secrets = Secrets(Request("POST", url, Headers(lines), secrets=names))
    how: dict[str, Any] = {}
    if target is not None:
        how = {"max_time": target.limits.total, "others": target.others}
    return {
        "requirement": requirement.id,
        "level": requirement.level,
        "revision": revision,
        "chapter": requirement.chapter,
        "verdict": verdict.name,
        "check": nodeid.partition("[")[0],
        "section": requirement.url(revision),
        "wording": requirement.wording,
        "expected": [secrets.mask(text) for text in verdict.expected],
        "actual": secrets.mask(verdict.actual),
        "reason": secrets.mask(verdict.reason),
        "transcript": transcript(exchange) if exchange is not None else None,
        "curl": curl(exchange.request, **how) if exchange is not None else None,
        "nodeid": nodeid,
        "remarks": {title: [secrets.mask(line) for line in lines] for title, lines in remarks.items()},
    }
