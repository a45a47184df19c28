"""What a tool is: its name, its arguments and their schema, the function that serves it, and its caller.

Knows nothing of HTTP and of the SDK.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final, Literal

import jsonschema

from reference_server._result import ToolResult
from reference_server.memory import Memory
from reference_server.questions import ANY_TIME, Asker, Question, Terms

Report = Callable[[float, float | None, str | None], Awaitable[None]]
"""Tells the caller about progress: value, total, message."""

LogLevel = Literal["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"]
"""How severe a log message is, the least severe first."""

Log = Callable[[LogLevel, object], Awaitable[None]]
"""Logs something for the caller: level, data."""

HEADER_PREFIX: Final = "mcp-param-"
"""What the names of headers begin with that mirror arguments, in lower case."""


ANSWER_KEY: Final = "answer"
"""Under which key a single thing is asked for."""


class ToolError(ValueError):
    """A tool call that failed; the message is for the caller."""


class NobodyToAsk:
    """Stands for a client where there is none."""

    def can_ask(self, question: Question) -> bool:
        """Tell that nobody can be asked."""
        return False

    async def ask_all(
        self, questions: Mapping[str, Question], terms: Terms = ANY_TIME, *, keep: bool = True
    ) -> dict[str, dict[str, Any]]:
        """Refuse to ask."""
        raise ToolError("There is nobody to ask")


async def nobody_listens(what: str) -> None:
    """Tell nobody that something changed."""


async def nobody_reads(level: LogLevel, data: object) -> None:
    """Log nothing, where nobody can read it."""


async def no_stream() -> None:
    """Close nothing, where no stream can be taken up again."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Whom a tool works for, and what it can do there.

    Args:
        report: Tells about progress.
        memory: What the app remembers.
        publish: Tells those who listen to a resource that it changed.
        asker: Asks the client for something and returns its answers.
        announce: Tells all clients that the list of a kind changed: `tools`, `prompts` or `resources`.
        log: Sends log messages of a level.
        hang_up: Closes the stream of the call, if the client can take it up again.
    """

    report: Report
    memory: Memory = field(default_factory=Memory)
    publish: Callable[[str], Awaitable[None]] = nobody_listens
    asker: Asker = field(default_factory=NobodyToAsk)
    announce: Callable[[str], Awaitable[None]] = nobody_listens
    log: Log = nobody_reads
    hang_up: Callable[[], Awaitable[None]] = no_stream

    async def ask(self, question: Question, terms: Terms = ANY_TIME) -> dict[str, Any]:
        """Ask the client for one thing and return its result."""
        return (await self.asker.ask_all({ANSWER_KEY: question}, terms))[ANSWER_KEY]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument of a tool.

    Args:
        type: Its JSON Schema type.
        description: Its meaning.
        default: Its default; it may be left out then.
        bounds: `minimum` and `maximum` of an integer.
        optional: Whether it may be left out or null without having a default.
        choices: The values that are accepted, if not all.
        header: The last part of the name of the header that mirrors it, if one does.
        members: The members of an object; no others are accepted.
    """

    type: str
    description: str
    default: str | None = None
    bounds: Mapping[str, int] = field(default_factory=dict)
    optional: bool = False
    choices: tuple[str, ...] = ()
    header: str | None = None
    members: Mapping[str, Parameter] = field(default_factory=dict)

    @property
    def required(self) -> bool:
        """Whether it has to be given."""
        return self.default is None and not self.optional

    def schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the argument."""
        return {
            "type": self.type,
            "description": self.description,
            **self.bounds,
            **({} if self.default is None else {"default": self.default}),
            **({"enum": list(self.choices)} if self.choices else {}),
            **({"x-mcp-header": self.header} if self.header else {}),
            **(_object_schema(self.members) if self.members else {}),
        }

    def check(self, name: str, value: object) -> None:
        """Raise `ToolError` if a value does not fit."""
        if value is None and self.optional:
            return
        misplaced = isinstance(value, bool) and self.type != "boolean"
        if misplaced or not isinstance(value, _PYTHON_TYPES[self.type]):
            raise ToolError(f"Argument {name} must be of type {self.type}")
        if (
            isinstance(value, int)
            and self.bounds
            and not self.bounds["minimum"] <= value <= self.bounds["maximum"]
        ):
            raise ToolError(f"Argument {name} must be {self.bounds['minimum']} to {self.bounds['maximum']}")
        if self.choices and value not in self.choices:
            raise ToolError(f"Argument {name} must be one of {', '.join(self.choices)}")
        if isinstance(value, dict):
            _check_all(self.members, value, f"{name}.")

    def headers(self) -> Iterator[str]:
        """Yield the names of the headers that mirror this argument and its members, in lower case."""
        if self.header:
            yield HEADER_PREFIX + self.header.lower()
        for member in self.members.values():
            yield from member.headers()


_PYTHON_TYPES: Final[dict[str, tuple[type, ...]]] = {
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "object": (dict,),
}


@dataclass(frozen=True)
class Tool:
    """One tool.

    Args:
        name: Its name.
        description: What it does.
        run: The coroutine function that serves it with its arguments, and `caller` if it wants one; it
            returns a text or a whole result.
        parameters: Its arguments by name.
        read_only: Whether it changes nothing that somebody else could see.
        wants_caller: Whether `run` takes `caller`.
        title: Its name for people.
        output: The JSON Schema of its structured results.
        schema: The JSON Schema of its arguments, if it says more than `parameters` can.
    """

    name: str
    description: str
    run: Callable[..., Awaitable[str | ToolResult]]
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    read_only: bool = True
    wants_caller: bool = False
    title: str | None = None
    output: Mapping[str, Any] | None = None
    schema: Mapping[str, Any] | None = None

    def input_schema(self) -> dict[str, Any]:
        """Return the JSON Schema of the arguments."""
        return dict(self.schema) if self.schema else {"type": "object", **_object_schema(self.parameters)}

    @cached_property
    def mirrored(self) -> frozenset[str]:
        """The headers that mirror arguments, in lower case."""
        return frozenset(name for each in self.parameters.values() for name in each.headers())

    def checked(self, arguments: Mapping[str, object]) -> dict[str, object]:
        """Return the arguments, or raise `ToolError` naming the first that does not fit."""
        if self.schema is None:
            _check_all(self.parameters, arguments)
        elif not jsonschema.Draft202012Validator(self.schema).is_valid(dict(arguments)):
            raise ToolError("The arguments do not fit the input schema")
        return dict(arguments)


def _object_schema(members: Mapping[str, Parameter]) -> dict[str, Any]:
    required = [name for name, member in members.items() if member.required]
    return {
        "properties": {name: member.schema() for name, member in members.items()},
        **({"required": required} if required else {}),
    }


def _check_all(members: Mapping[str, Parameter], values: Mapping[str, object], path: str = "") -> None:
    for name in values:
        if name not in members:
            raise ToolError(f"Unknown argument; accepted: {', '.join(path + m for m in members) or 'none'}")
    for name, member in members.items():
        if name in values:
            member.check(path + name, values[name])
        elif member.required:
            raise ToolError(f"Argument {path}{name} is missing")
