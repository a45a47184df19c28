"""Calls whose arguments are wrong in one place: of tools that may be called, and only read or have a role.

Each such tool was called with arguments that fit before, and succeeded.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from pytest_mcp_http.assertions.tool_schemas import (
    UnjudgeableSchemaError,
    is_default_dialect,
    validation_errors,
)
from pytest_mcp_http.assertions.tools import is_tool_success
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.suite._malformed import Answer
from pytest_mcp_http.suite._tool_calls import CallableTool, ToolCall, tool_calls
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import Exchange

MAX_TOOLS: Final = 3
"""Tools that are called with wrong arguments, at most."""

MAX_PROPERTIES: Final = 10
"""Properties of a schema that are looked at, at most."""

ODD_OBJECT: Final[Mapping[str, Any]] = {"mcp-http-check": {}}
ODD_NUMBER: Final = 7.5

_SCALARS: Final = ("string", "integer", "number", "boolean", "array")
_COMPOSING: Final = frozenset(
    {
        "$ref",
        "allOf",
        "anyOf",
        "const",
        "contains",
        "dependentRequired",
        "dependentSchemas",
        "else",
        "if",
        "not",
        "oneOf",
        "patternProperties",
        "prefixItems",
        "propertyNames",
        "then",
        "unevaluatedItems",
        "unevaluatedProperties",
    }
)
"""Keywords that make schemas out of others, or that 2020-12 has and early dialects have not."""


@dataclass(frozen=True)
class WrongCall:
    """A call with wrong arguments.

    Attributes:
        tool: Name of the tool.
        what: What is wrong with them.
        exchange: What the call got.
    """

    tool: str
    what: str
    exchange: Exchange


def wrong_calls(tour: Tour) -> list[WrongCall]:
    """Return calls in which a required argument is of a wrong type, or missing.

    Raises:
        NotApplicable: If no tool has required arguments.
        NotVerified: If no tool with one may be called so.
    """

    def probe() -> list[WrongCall]:
        if not any(_required(tool.get("inputSchema")) for tool in tour.items("tools/list", "tools")):
            raise NotApplicable("no tool has required arguments")
        found = [
            _called(tour, call.tool, what, arguments)
            for call in islice(
                (each for each in usable_calls(tour) if any(_simply_wrong(each.tool))), MAX_TOOLS
            )
            for what, arguments in _simply_wrong(call.tool)
        ]
        if not found:
            raise NotVerified("no tool that succeeds and may get wrong arguments has a required argument")
        return found

    return tour.memo("tools: wrong arguments", probe)


def wrong_by_composition(tour: Tour) -> list[WrongCall]:
    """Return calls with arguments that only keywords forbid which put schemas together.

    Raises:
        NotVerified: If there is no tool with such a schema that may be called so.
    """

    def probe() -> list[WrongCall]:
        found: list[WrongCall] = []
        for call in usable_calls(tour):
            wrong = next(_wrong_by_composition(call.tool), None)
            if wrong is not None and len(found) < MAX_TOOLS:
                found.append(_called(tour, call.tool, *wrong))
        if not found:
            raise NotVerified(
                "no tool that may get wrong arguments has a schema with $ref, anyOf or the like"
            )
        return found

    return tour.memo("tools: wrong by composition", probe)


def usable_calls(tour: Tour) -> list[ToolCall]:
    """Return the calls that succeeded of tools that may be called with wrong arguments too.

    Raises:
        NotVerified: If there is none.
    """
    found = [call for call in tool_calls(tour) if _harmless(call.tool) and is_tool_success(call.exchange)]
    if not found:
        raise NotVerified(
            "no call succeeded of a tool that declares readOnlyHint, or is named for a role in mcp_roles"
        )
    return found


def _harmless(tool: CallableTool) -> bool:
    hints = tool.listed.get("annotations")
    return tool.role is not None or (isinstance(hints, dict) and hints.get("readOnlyHint") is True)


def _called(tour: Tour, tool: CallableTool, what: str, arguments: Mapping[str, Any]) -> WrongCall:
    params = {"name": tool.name, "arguments": dict(arguments)}
    answer = Answer(what, tour.client.request("tools/call", params))
    exchange = answer.checked()
    if not exchange.answered:
        raise NotVerified(f"a call of {tool.name!r} with {what} got {exchange.summary}")
    return WrongCall(tool.name, what, exchange)


def _required(schema: object) -> list[str]:
    listed = schema.get("required") if isinstance(schema, dict) else None
    return [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []


def _properties(schema: Mapping[str, Any]) -> dict[str, Any]:
    found = schema.get("properties")
    return (
        {name: each for name, each in found.items() if isinstance(each, dict)}
        if isinstance(found, dict)
        else {}
    )


def _simply_wrong(tool: CallableTool) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield arguments with one required property of another type, and without one."""
    schema = tool.listed.get("inputSchema")
    properties = _properties(schema) if isinstance(schema, dict) else {}
    # A header may repeat an argument, and its absence or another type would be refused for that.
    names = [name for name in _required(schema) if "x-mcp-header" not in properties.get(name, {})]
    for name in names:
        kind = properties.get(name, {}).get("type")
        if name in tool.arguments and (kind in _SCALARS or kind == "object"):
            yield (
                f"an argument {name!r} that is no {kind}",
                {**tool.arguments, name: ODD_NUMBER if kind == "object" else dict(ODD_OBJECT)},
            )
            break
    for name in names[:1]:
        yield f"no argument {name!r}", {key: value for key, value in tool.arguments.items() if key != name}


def _wrong_by_composition(tool: CallableTool) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield arguments with one property another or missing, which a composing keyword alone forbids."""
    schema = tool.listed.get("inputSchema")
    if not isinstance(schema, dict) or not is_default_dialect(schema):
        return
    properties = _properties(schema)
    for name in islice(properties, MAX_PROPERTIES):
        if "x-mcp-header" in properties[name]:
            continue
        rest = {key: value for key, value in tool.arguments.items() if key != name}
        changes = [
            (f"an odd argument {name!r}", {**rest, name: odd}) for odd in (dict(ODD_OBJECT), ODD_NUMBER)
        ]
        if name in tool.arguments:
            changes.append((f"no argument {name!r}", rest))
        for what, arguments in changes:
            if _forbidden_by_composition(schema, arguments):
                yield what, copy.deepcopy(arguments)


def _forbidden_by_composition(schema: Mapping[str, Any], arguments: Mapping[str, Any]) -> bool:
    try:
        errors = validation_errors(arguments, schema)
    except UnjudgeableSchemaError:
        return False
    return bool(errors) and all(_composed(schema, list(error.absolute_schema_path)) for error in errors)


def _composed(schema: Mapping[str, Any], path: list[object]) -> bool:
    """Tell whether an error comes from a composing keyword, at the root or of one property."""
    if path[:1] == ["properties"] and len(path) > 1:
        return bool(_COMPOSING & _properties(schema).get(str(path[1]), {}).keys())
    return bool(_COMPOSING & set(path[:1]))
