"""Requests with one node changed: where the node is, what stood there, what stands there now.

Pure values; it must not know servers, Hypothesis or what is judged.
"""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from pytest_mcp_http.visit import UNKNOWN_NAME
from pytest_mcp_http.wire.jsonrpc import ABSENT, Kind, Message, classify

Path = tuple[str | int, ...]

LONGEST_SHOWN: Final = 80
"""Characters of a value that a report shows."""

MAX_NESTING: Final = 32
"""Levels of arrays and objects that every server has to take; what is beyond is left open."""

CALL: Final = "tools/call"


@dataclass(frozen=True)
class Base:
    """A valid request, of which one node is going to be changed.

    Attributes:
        name: What reports call it.
        message: The request, without id.
        opens: Whether it begins a session, so that it goes out with nothing of an older one.
        tool: The listed tool that it calls and that may be called; None for every other request.
    """

    name: str
    message: dict[str, Any]
    opens: bool = False
    tool: dict[str, Any] | None = field(default=None, compare=False)

    @property
    def method(self) -> str:
        """Its method."""
        return str(self.message["method"])

    def with_id(self, id: object) -> dict[str, Any]:
        """Return the request with an id, in the order in which readers expect its members."""
        return {"jsonrpc": self.message["jsonrpc"], "id": id, **self.message}


@dataclass(frozen=True)
class Node:
    """A place in a request.

    Attributes:
        base: The request.
        path: Where it is; empty for the whole message.
        before: What stands there; `ABSENT` for a member that may be added.
    """

    base: Base
    path: Path
    before: Any


@dataclass(frozen=True)
class Mutation:
    """A request with one node changed.

    Attributes:
        node: The node.
        after: What stands there now; `ABSENT` for a member that was left out.
    """

    node: Node
    after: Any

    @property
    def base(self) -> Base:
        """The request as it was."""
        return self.node.base

    @property
    def pointer(self) -> str:
        """The place of the node as a JSON Pointer (RFC 6901)."""
        return "".join("/" + str(key).replace("~", "~0").replace("/", "~1") for key in self.node.path)

    @property
    def of_id(self) -> bool:
        """Whether the id is what changed."""
        return self.node.path in ((), ("id",))

    @property
    def key(self) -> str:
        """A text that is the same for the same mutation only."""
        after = "" if self.after is ABSENT else json.dumps(self.after)
        return f"{self.base.name} {self.pointer} {after}"

    def message(self, id: object) -> Any:
        """Return the changed message.

        Args:
            id: Its id, unless the id is what changed.
        """
        return replaced(self.base.with_id(id), self.node.path, self.after)

    def __str__(self) -> str:
        """Say what was changed from what to what."""
        place = self.pointer or "the whole message"
        if self.node.path == ("id",) and self.after is not ABSENT:
            return f"/id changed to {shown(self.after)}"
        if self.node.before is ABSENT:
            return f"{place} added with {shown(self.after)}"
        if self.after is ABSENT:
            return f"{place} left out" + (
                "" if self.pointer == "/id" else f" (was {shown(self.node.before)})"
            )
        if not self.pointer:
            return f"{place} replaced by {shown(self.after)}"
        return f"{place} changed from {shown(self.node.before)} to {shown(self.after)}"


def shown(value: Any) -> str:
    """Write a value for a report: as JSON in ASCII, cut to one short line."""
    text = json.dumps(value)
    rest = len(text) - LONGEST_SHOWN
    return text if rest <= 0 else f"{text[:LONGEST_SHOWN]}... ({rest:,} more characters)"


def replaced(value: Any, path: Path, new: Any) -> Any:
    """Return a value with another one at a path; the parts that do not change are shared."""
    if not path:
        return new
    if isinstance(value, list):
        position = int(path[0])
        return [
            replaced(each, path[1:], new) if index == position else each for index, each in enumerate(value)
        ]
    rest = {key: each for key, each in value.items() if key != path[0]}
    changed = replaced(value.get(path[0]), path[1:], new)
    if changed is ABSENT:
        return rest
    # In the place of the old one, so that a report shows the request in the order that readers expect.
    keys = value if path[0] in value else [*value, path[0]]
    return {key: changed if key == path[0] else value[key] for key in keys}


def nodes(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Yield every node below a value: path and what stands there."""
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for key, each in members:
        yield (*path, key), each
        yield from nodes(each, (*path, key))


def wellformed(message: Any) -> bool:
    """Tell whether a JSON value is a JSON-RPC request with nothing wrong about it, or a notification."""
    found: Message = classify(message)
    return found.kind in (Kind.REQUEST, Kind.NOTIFICATION) and not found.findings


def is_request(message: Any) -> bool:
    """Tell whether a JSON value is a JSON-RPC request with nothing wrong about it."""
    return classify(message).kind is Kind.REQUEST and wellformed(message)


def portable(value: Any) -> bool:
    """Tell whether every reader of JSON takes a value: no half surrogate pairs, no extreme nesting.

    What else is read is left open by RFC 8259, sections 8.2 and 9.
    """
    level, depth = [value], 0
    while level:
        if depth > MAX_NESTING:
            return False
        texts = [each for each in level if isinstance(each, str)]
        texts += [key for each in level if isinstance(each, dict) for key in each]
        if any("\ud800" <= character <= "\udfff" for text in texts for character in text):
            return False
        level = [
            child
            for parent in level
            if isinstance(parent, (dict, list))
            for child in (parent.values() if isinstance(parent, dict) else parent)
        ]
        depth += 1
    return True


def is_harmless(message: Any, callable_names: Collection[str]) -> bool:
    """Tell whether a message can run no tool but those that may be called, however a server reads it.

    Args:
        message: Any JSON value.
        callable_names: Names of the tools that may be called with made-up arguments.
    """
    if not isinstance(message, dict) or _folded(message.get("method")) != CALL:
        return not isinstance(message, list)
    params = message.get("params")
    name = params.get("name") if isinstance(params, dict) else None
    if isinstance(name, str):
        return name in callable_names or name.startswith(UNKNOWN_NAME)
    # Numbers and truth values could be taken for a place in the list of tools, and what is in an array or
    # object for a name.
    return name is None or name in ([], {})


def _folded(method: object) -> str:
    """Return a method as the most lenient server would read it."""
    text = unicodedata.normalize("NFKC", method).casefold() if isinstance(method, str) else ""
    return "".join(character for character in text if character.isprintable() and not character.isspace())
