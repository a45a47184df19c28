"""The list of requirements: for each, its checks and the faults that prove them, or why there is none.

It must not know targets or verdicts: it is about the suite, not about a run.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib import import_module

from pytest_mcp_http.spec.registry import Requirement, requirements

OBSTACLES: Mapping[str, str] = {
    "whitebox": "cannot be seen from outside the server",
    "needs-replicas": "needs several replicas of the server",
    "needs-direct": "needs the address of the server past its proxy",
}
"""Why a requirement that is not `blackbox` may have no check, by what it needs."""


UNDECIDABLE: Mapping[str, str] = {
    "tasks.list-paginated": "a page may be larger than any number of tasks that one may decently make",
    "tasks.requestor-polling": "no known server asks its client for a task",
    "tasks.requestor-no-notification-reliance": "no known server asks its client for a task",
    "cancellation.disconnect-cancels": "looks the same from outside as work that is not stopped, which "
    "cancellation.disconnect-stops-work judges",
    "cancellation.server-cancelled-on-teardown": "a stream that ends without a word may be "
    "a lost connection; one that ends in good order is judged by subscriptions.graceful-result",
}
"""Requirements that cannot be judged from outside without accusing legal servers, each with the reason."""


@dataclass(frozen=True, slots=True)
class Row:
    """One requirement of the list.

    Attributes:
        section: Address of the text at the newest revision of the requirement.
        checks: Names such as `mcp/session::test_terminated_id_is_404`.
        faults: Ids of the faults of the reference server that break the requirement; none where the installed
            `mcp` is older than 2.0, since their code needs it.
        unchecked_because: Why no check judges it; None exactly when there is one.
        obstacle: The same as one word: `latitude`, a kind of `OBSTACLES`, `undecidable`, or the chapter that
            is not covered yet.
    """

    id: str
    chapter: str
    level: str
    revisions: tuple[str, ...]
    section: str
    wording: str
    checks: tuple[str, ...]
    faults: tuple[str, ...]
    unchecked_because: str | None
    obstacle: str | None


def rows(chapter: str | None = None, revision: str | None = None) -> list[Row]:
    """Return the requirements in catalogue order, each with its checks and faults.

    Args:
        chapter: Only this chapter, for example `session`.
        revision: Only requirements that exist at this revision.
    """
    checks = _by_requirement(_checks())
    faults = _by_requirement(_faults())
    covered = {requirements()[id].chapter for id in checks}
    return [
        _row(item, checks.get(item.id, ()), faults.get(item.id, ()), covered)
        for item in requirements().values()
        if chapter in (None, item.chapter) and (revision is None or revision in item.revisions)
    ]


def client_rows(chapter: str | None = None, revision: str | None = None) -> list[Row]:
    """Return the requirements of clients, each with the tests of `--mcp-client-command` that judge it.

    Args:
        chapter: Only this chapter, for example `client.session`.
        revision: Only requirements that exist at this revision.
    """
    from pytest_mcp_http.client_rules import judged_by, test_name
    from pytest_mcp_http.mock.scripts import SCRIPTS
    from pytest_mcp_http.spec.client_registry import client_requirements

    checks = _by_requirement(
        (id, f"mcp-client/{script.name}::{test_name(id)}")
        for script in SCRIPTS.values()
        for id in dict.fromkeys(id for each in script.revisions for id in judged_by(script, each))
    )
    return [
        _row(item, checks.get(item.id, ()), (), set())
        for item in client_requirements().values()
        if chapter in (None, item.chapter) and (revision is None or revision in item.revisions)
    ]


def as_json(listed: Iterable[Row]) -> str:
    """Return the rows as a JSON array of objects with the members of `Row`."""
    return json.dumps([asdict(row) for row in listed], indent=2, ensure_ascii=False)


def as_text(listed: Iterable[Row]) -> str:
    """Return the rows as text: a block per requirement and a count at the end."""
    listed = list(listed)
    checked = sum(bool(row.checks) for row in listed)
    blocks = ["\n".join(_lines(row)) for row in listed]
    return "\n\n".join([*blocks, f"{len(listed)} requirements, {checked} with a check"])


def unchecked_because(item: Requirement, covered: Iterable[str]) -> tuple[str, str]:
    """Say why a requirement has no check, in one word and in a sentence.

    Args:
        item: A requirement that no check judges.
        covered: The chapters that have at least one check.
    """
    if item.level == "MAY":
        return "latitude", "latitude: the specification leaves it open"
    if item.id in UNDECIDABLE:
        return "undecidable", UNDECIDABLE[item.id]
    if item.needs in OBSTACLES:
        return item.needs, OBSTACLES[item.needs]
    if item.chapter not in covered:
        return item.chapter, f"the chapter {item.chapter} is not covered yet"
    return "undecidable", "no check judges it yet"


def _row(item: Requirement, checks: tuple[str, ...], faults: tuple[str, ...], covered: set[str]) -> Row:
    obstacle, reason = (None, None) if checks else unchecked_because(item, covered)
    return Row(
        id=item.id,
        chapter=item.chapter,
        level=item.level,
        revisions=item.revisions,
        section=item.url(item.revisions[-1]),
        wording=item.wording,
        checks=checks,
        faults=faults,
        unchecked_because=reason,
        obstacle=obstacle,
    )


def _checks() -> Iterator[tuple[str, str]]:
    """Yield (requirement id, name) of every check of the suite."""
    from pytest_mcp_http._collect import CHAPTERS

    # By chapter and not by module: a chapter may be spread over several, and its checks have one id each.
    for chapter in ("fuzz", *CHAPTERS):
        for name, value in vars(import_module(f"pytest_mcp_http.suite.test_{chapter}")).items():
            id = getattr(value, "mcp_requirement", None)
            if isinstance(id, str):
                yield id, f"mcp/{chapter}::{name}"


def _faults() -> Iterator[tuple[str, str]]:
    """Yield (requirement id, fault id) for every requirement that a fault of the reference server breaks."""
    from reference_server.faults import catalogue

    if no_faults_because() is None:
        for fault in catalogue().values():
            for id in fault.requirements:
                yield id, fault.id


def no_faults_because() -> str | None:
    """Say why no row of the list names a fault, or return None."""
    from reference_server import ReferenceServerUnavailable
    from reference_server._sdk import require_sdk

    try:
        require_sdk()
    except ReferenceServerUnavailable as error:
        return f"faults are left out: {error}"
    return None


def _by_requirement(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    grouped: dict[str, tuple[str, ...]] = {}
    for id, name in pairs:
        grouped[id] = (*grouped.get(id, ()), name)
    return grouped


def _lines(row: Row) -> Iterator[str]:
    yield f"{row.id}  {row.level}  {' '.join(row.revisions)}"
    yield f"    {row.wording}"
    yield f"    {row.section}"
    for check in row.checks:
        yield f"    check {check}"
    for fault in row.faults:
        yield f"    fault {fault}"
    if row.unchecked_because is not None:
        yield f"    no check: {row.unchecked_because}"
