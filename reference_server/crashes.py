"""Crash bugs: one kind of value somewhere in a request makes the server fail with 500.

They break whatever the request is about, so they prove no check; what finds them is fuzzing. They are named
and switched on like faults.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any, Final

from reference_server._context import RequestContext
from reference_server._layers import answer_instead
from reference_server.faults import Fault
from reference_server.tools import TOOLS

Where = Callable[[RequestContext], Any]


def params(context: RequestContext) -> Any:
    """Return the params of a request without `_meta`."""
    return {name: value for name, value in context.params.items() if name != "_meta"}


def arguments(context: RequestContext) -> Any:
    """Return the arguments of a call of a tool."""
    return context.params.get("arguments") if context.rpc_method == "tools/call" else None


def message(context: RequestContext) -> Any:
    """Return the whole message."""
    return context.value if isinstance(context.value, dict) else None


def inside(value: Any) -> Iterator[Any]:
    """Yield what is in a JSON value: members, elements and keys, at any depth."""
    level = [value]
    while level:
        found = level.pop()
        if isinstance(found, dict):
            yield from found
        children = list(found.values()) if isinstance(found, dict) else _elements(found)
        yield from children
        level += children


def _elements(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def some(where: Where, test: Callable[[Any], bool]) -> Callable[[RequestContext], bool]:
    """Return a predicate: some value in a part of the request passes a test."""
    return lambda context: any(test(value) for value in inside(where(context)))


def is_text(test: Callable[[str], bool]) -> Callable[[Any], bool]:
    """Return a test for texts alone."""
    return lambda value: isinstance(value, str) and test(value)


def is_integer(test: Callable[[int], bool]) -> Callable[[Any], bool]:
    """Return a test for integers alone."""
    return lambda value: isinstance(value, int) and not isinstance(value, bool) and test(value)


def depth(value: Any) -> int:
    """Return how many arrays and objects are in each other."""
    level, found = [value], 0
    while level := [each for each in level if isinstance(each, (dict, list))]:
        level = [child for each in level for child in (each.values() if isinstance(each, dict) else each)]
        found += 1
    return found


def is_fraction_for_integer(context: RequestContext) -> bool:
    """Select calls that give a number with a fraction for an integer."""
    name, given = context.params.get("name"), arguments(context)
    tool = TOOLS.get(name) if isinstance(name, str) else None
    return (
        tool is not None
        and isinstance(given, dict)
        and any(
            parameter.type == "integer" and isinstance(given.get(key), float) and not given[key].is_integer()
            for key, parameter in tool.parameters.items()
        )
    )


def crash(id: str, predicate: Callable[[RequestContext], bool], summary: str) -> Fault:
    """Return a crash bug of selected requests, whatever they ask for."""
    layer = answer_instead(
        lambda context: context.method == "POST" and predicate(context),
        500,
        [("content-type", "text/plain; charset=utf-8")],
        "Internal Server Error",
    )
    return Fault(f"crash.{id}", (), summary=summary, layer=layer)


CRASHES: Final = (
    crash(
        "negative-integer",
        some(arguments, is_integer(lambda value: value < 0)),
        "A negative integer among the arguments of a tool crashes the server.",
    ),
    crash(
        "nul",
        some(params, is_text(lambda text: "\x00" in text)),
        "A NUL character in the params crashes the server.",
    ),
    crash(
        "half-pair",
        some(message, is_text(lambda text: any("\ud800" <= c <= "\udfff" for c in text))),
        "Half a surrogate pair crashes the server.",
    ),
    crash(
        "long-text",
        some(params, is_text(lambda text: len(text) > 100)),
        "A text of more than 100 characters in the params crashes the server.",
    ),
    crash(
        "empty-text",
        some(arguments, is_text(lambda text: not text)),
        "An empty text among the arguments of a tool crashes the server.",
    ),
    crash(
        "deep-nesting",
        lambda context: depth(params(context)) > 10,
        "Params with more than 10 arrays and objects in each other crash the server.",
    ),
    crash(
        "null-argument",
        some(arguments, lambda value: value is None),
        "Null for an argument of a tool crashes the server.",
    ),
    crash(
        "unknown-member",
        lambda context: context.rpc_method == "tools/list" and bool(params(context).keys() - {"cursor"}),
        "A member of the params of tools/list that the server does not know crashes it.",
    ),
    crash(
        "huge-integer",
        some(message, is_integer(lambda value: abs(value) >= 2**63)),
        "An integer of more than 64 bits crashes the server.",
    ),
    crash(
        "fraction-for-integer",
        is_fraction_for_integer,
        "A number with a fraction where a tool wants an integer crashes the server.",
    ),
    crash(
        "object-cursor",
        lambda context: context.params.get("cursor") == {},
        "An empty object as cursor crashes the server.",
    ),
)


@cache
def catalogue() -> Mapping[str, Fault]:
    """Return all crash bugs by id."""
    return MappingProxyType({each.id: each for each in CRASHES})
