"""Says how a surface differs from the one that is recorded: in words, and as a unified diff.

Sends nothing and reads no file.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from pytest_mcp_http.surface.file import text_of
from pytest_mcp_http.surface.recording import KEYS, Surface

DIFF_LINES: Final = 300
"""Lines of a diff that are shown."""

_NOUNS: Final = {
    "tools": "tool",
    "prompts": "prompt",
    "resources": "resource",
    "resourceTemplates": "resource template",
}


@dataclass(frozen=True)
class Change:
    """One difference.

    Attributes:
        kind: `breaking` if clients that worked may fail, `compatible` if none can, `changed` if that cannot
            be told without knowing what is meant.
        text: What changed.
    """

    kind: Literal["breaking", "changed", "compatible"]
    text: str


def report(
    recorded: Mapping[str, Surface], now: Mapping[str, Surface], spoken: tuple[str, ...], file: str
) -> str:
    """Return what differs, or an empty text.

    Args:
        recorded: The recorded surfaces by revision.
        now: The surfaces of the server, by judged revision.
        spoken: Every revision that the server speaks. A recorded one that is spoken and not judged is left
            alone.
        file: Name of the file, to be shown.
    """
    groups: dict[tuple[str, str], list[str]] = {}
    for revision in sorted({*recorded, *now}):
        if revision not in now and revision in spoken:
            continue
        before, after = recorded.get(revision), now.get(revision)
        if before != after:
            words = "\n".join(f"    {each.kind:<11} {each.text}" for each in _changes(before, after))
            groups.setdefault((words, _diff(before, after)), []).append(revision)
    if not groups:
        return ""
    lines = [f"The surface of the server is not the one that is recorded in {file}."]
    for (words, _), revisions in groups.items():
        lines += [f"  at {', '.join(revisions)}:", words]
    lines.append("  If all of this is meant, accept it: run once with --mcp-surface-update.")
    for (_, diff), revisions in groups.items():
        lines += ["", f"--- recorded, at {', '.join(revisions)}", "+++ the server now", diff]
    return "\n".join(lines)


def _diff(before: Surface | None, after: Surface | None) -> str:
    old, new = (text_of(each).splitlines() if each is not None else [] for each in (before, after))
    lines = list(difflib.unified_diff(old, new, lineterm="", n=4))[2:]
    if len(lines) > DIFF_LINES:
        lines = [*lines[:DIFF_LINES], f"({len(lines) - DIFF_LINES} more lines)"]
    return "\n".join(lines)


def _changes(before: Surface | None, after: Surface | None) -> list[Change]:
    """Return the differences, what breaks clients first."""
    if before is None:
        return [Change("compatible", "this revision is not recorded yet")]
    if after is None:
        return [Change("breaking", "the server no longer speaks this revision")]
    found = []
    if before.get("server") != after.get("server"):
        found.append(
            Change("changed", f"the name of the server: {before.get('server')} -> {after.get('server')}")
        )
    for section in KEYS:
        found += _items(section, before.get(section, {}), after.get(section, {}))
        if (section in before) != (section in after) and not (before.get(section) or after.get(section)):
            found.append(Change("changed", f"{section}: the empty list is {_come(section in after)}"))
    order = ("breaking", "changed", "compatible")
    return sorted(found, key=lambda each: order.index(each.kind))


def _come(there: bool) -> str:
    return "new" if there else "gone"


def _items(section: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for name in sorted({*before, *after}):
        # As in the file: a name may hold whatever the server likes.
        what = f"{_NOUNS[section]} {text_of(name).strip()[1:-1]}"
        if name not in after:
            yield Change("breaking", f"{what}: removed")
        elif name not in before:
            yield Change("compatible", f"{what}: added")
        else:
            yield from _members(what, before[name], after[name])


def _members(what: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    for member in sorted({*before, *after}):
        old, new = before.get(member), after.get(member)
        if old == new:
            continue
        if member == "inputSchema" and isinstance(old, dict) and isinstance(new, dict):
            yield from _arguments(what, _of_schema(old), _of_schema(new))
            rest = [{k: v for k, v in each.items() if k not in _JUDGED} for each in (old, new)]
            if rest[0] != rest[1]:
                yield Change("changed", f"{what}: inputSchema")
        elif member == "arguments":
            yield from _arguments(what, _of_prompt(old), _of_prompt(new))
        elif member == "outputSchema" and new is None:
            yield Change("breaking", f"{what}: outputSchema removed")
        elif member == "outputSchema" and old is None:
            yield Change("compatible", f"{what}: outputSchema added")
        else:
            yield Change("changed", f"{what}: {member}")


_JUDGED: Final = ("properties", "required")
_Arguments = dict[str, tuple[bool, Any]]
"""Arguments by name: whether each is required, and all that is known of it."""


def _of_schema(schema: Mapping[str, Any]) -> _Arguments:
    properties, required = schema.get("properties"), schema.get("required")
    known = properties if isinstance(properties, dict) else {}
    names = [name for name in required if isinstance(name, str)] if isinstance(required, list) else []
    return {name: (name in names, known.get(name)) for name in {*known, *names}}


def _of_prompt(arguments: object) -> _Arguments:
    found = {}
    for each in arguments if isinstance(arguments, list) else []:
        if isinstance(each, dict):
            rest = {name: value for name, value in each.items() if name != "required"}
            found[str(each.get("name"))] = (each.get("required") is True, rest)
    return found


def _arguments(what: str, before: _Arguments, after: _Arguments) -> Iterator[Change]:
    for name in sorted({*before, *after}):
        argument = f"{what}: argument {text_of(name).strip()[1:-1]}"
        if name not in after:
            yield Change("breaking", f"{argument} removed")
        elif name not in before:
            required = after[name][0]
            yield Change(
                "breaking" if required else "compatible", f"{argument} added" + ", required" * required
            )
        else:
            (was, old), (now, new) = before[name], after[name]
            if was != now:
                yield Change(
                    "breaking" if now else "compatible",
                    f"{argument} became {'required' if now else 'optional'}",
                )
            if old != new:
                yield Change("changed", argument)
