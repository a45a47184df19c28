"""The requirements: one value per normative statement, read from the package data beside this module.

It must not know checks, faults, servers or reports; those refer to requirements by id.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Any, Final, Literal, get_args

from pytest_mcp_http.spec.revisions import REVISIONS, SPECIFICATION_URL

Level = Literal["MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY"]
Needs = Literal["blackbox", "needs-tool", "needs-auth", "needs-replicas", "needs-direct", "whitebox"]
Basis = Literal["prose", "derived", "schema", "extension", "jsonrpc", "guide", "http", "field"]

CHAPTERS: Final = (
    "transport",
    "sse",
    "session",
    "resumability",
    "version",
    "lifecycle",
    "discover",
    "headers",
    "jsonrpc",
    "meta",
    "tools",
    "resources",
    "prompts",
    "completion",
    "logging",
    "pagination",
    "progress",
    "cancellation",
    "subscriptions",
    "mrtr",
    "tasks",
    "caching",
    "isolation",
    "authorization",
    "security",
    "schema",
    "deployment",
    "browsers",
    "flood",
)
"""Chapters in catalogue order; each is one file of package data."""

MAX_WORDING: Final = 200
"""Longest wording, in characters: it has to fit one line of a report."""


class RegistryError(ValueError):
    """Raised when the package data breaks a rule of the registry; the message lists every broken rule."""


@dataclass(frozen=True, slots=True)
class Requirement:
    """One normative statement and the revisions it binds at.

    Attributes:
        id: Name that never changes, for example `session.terminated-404`.
        chapter: The part before the first dot of `id`; one of `CHAPTERS`.
        level: Strength of the statement; `MAY` rows are latitude that a checker has to grant.
        revisions: Revisions that contain the statement, oldest first.
        sections: Revision -> `page#anchor` below the specification, or an absolute URL.
        wording: Our own one-line wording.
        applies_when: Condition under which the statement binds; `always` if none.
        needs: What it takes to exercise it from outside.
        derived: True if it follows from another statement and has no keyword of its own.
        basis: Kind of text it rests on; `field` for what no text says but breaks clients in the field.
    """

    id: str
    chapter: str
    level: Level
    revisions: tuple[str, ...]
    sections: Mapping[str, str]
    wording: str
    applies_when: str
    needs: Needs
    derived: bool
    basis: Basis

    def url(self, revision: str) -> str:
        """Return the address of the text that contains the statement at a revision.

        Args:
            revision: One of `revisions`.

        Raises:
            ValueError: If the requirement does not exist at that revision.
        """
        try:
            section = self.sections[revision]
        except KeyError:
            raise ValueError(f"{self.id} does not exist at revision {revision!r}") from None
        if section.startswith("https://"):
            return section
        page, hash_, anchor = section.partition("#")
        path = "/".join(part for part in (SPECIFICATION_URL, revision, *page.split("/")) if part != "index")
        return path + hash_ + anchor


def parse_rows(
    rows: Iterable[Mapping[str, Any]], chapters: Sequence[str] = CHAPTERS
) -> tuple[Requirement, ...]:
    """Turn rows of package data into requirements.

    Args:
        rows: JSON objects with exactly the members of `Requirement`.
        chapters: The chapters that there are.

    Raises:
        RegistryError: If a member is missing or unknown, or the values break a rule of `problems`.
    """
    names = set(Requirement.__dataclass_fields__)
    parsed: list[Requirement] = []
    for row in rows:
        if row.keys() != names:
            odd = ", ".join(sorted(row.keys() ^ names))
            raise RegistryError(f"{row.get('id', 'a row without id')}: missing or unknown members: {odd}")
        frozen = {"revisions": tuple(row["revisions"]), "sections": MappingProxyType(dict(row["sections"]))}
        parsed.append(Requirement(**{**row, **frozen}))
    found = problems(parsed, chapters)
    if found:
        raise RegistryError("\n".join(found))
    return tuple(parsed)


def problems(registry: Iterable[Requirement], chapters: Sequence[str] = CHAPTERS) -> list[str]:
    """List every rule of the registry that the given requirements break, one sentence each."""
    found: list[str] = []
    seen: set[str] = set()
    for item in registry:
        if item.id in seen:
            found.append(f"{item.id}: the id is used twice")
        seen.add(item.id)
        found += [f"{item.id}: {problem}" for problem in _problems_of(item, chapters)]
    return found


def _problems_of(item: Requirement, chapters: Sequence[str]) -> list[str]:
    known = [revision for revision in REVISIONS if revision in item.revisions]
    broken = {
        f"unknown chapter {item.chapter!r}": item.chapter not in chapters,
        "the id does not start with the chapter": not item.id.startswith(f"{item.chapter}."),
        f"unknown level {item.level!r}": item.level not in get_args(Level),
        f"unknown needs {item.needs!r}": item.needs not in get_args(Needs),
        f"unknown basis {item.basis!r}": item.basis not in get_args(Basis),
        "the basis and the derived mark disagree": item.derived != (item.basis == "derived"),
        "no revision": not item.revisions,
        f"unknown, repeated or unordered revisions {item.revisions}": list(item.revisions) != known,
        "sections do not match the revisions": tuple(item.sections) != item.revisions,
        "an empty section": not all(item.sections.values()),
        "an empty wording or condition": not (item.wording.strip() and item.applies_when.strip()),
        "the wording is more than one line": len(item.wording.splitlines()) > 1,
        f"the wording is longer than {MAX_WORDING} characters": len(item.wording) > MAX_WORDING,
    }
    return [problem for problem, is_broken in broken.items() if is_broken]


@cache
def requirements() -> Mapping[str, Requirement]:
    """Return every requirement by id, in catalogue order.

    The package data is read and checked once per process.

    Raises:
        RegistryError: If the package data breaks a rule of the registry.
    """
    folder = resources.files("pytest_mcp_http.spec") / "requirements"
    rows: list[Mapping[str, Any]] = []
    for chapter in CHAPTERS:
        rows += json.loads((folder / f"{chapter}.json").read_text(encoding="utf-8"))
    return MappingProxyType({item.id: item for item in parse_rows(rows)})
