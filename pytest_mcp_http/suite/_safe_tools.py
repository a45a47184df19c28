"""The tools that may be called: they say that they are read only, and their arguments can be made up.

So far only those are called that have parameters which a header repeats.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pytest_mcp_http.assertions.header_annotations import header_annotations
from pytest_mcp_http.client import HeaderChanges
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.suite._arguments import example
from pytest_mcp_http.suite._probes import refused_by_others
from pytest_mcp_http.suite._tool_calls import may_call
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import Exchange
from pytest_mcp_http.wire.mirror import PARAM_PREFIX

MAX_TOOLS: Final = 3
"""Safe tools that are called at most."""

_FREE: Final = frozenset({"type", "title", "description", "default", "examples", "minLength", "x-mcp-header"})


@dataclass(frozen=True)
class Parameter:
    """A parameter of a tool that a header repeats.

    Attributes:
        tool: Name of the tool.
        path: Property path of the parameter.
        header: Name of the header.
        schema: Its schema.
        optional: Whether a call may leave it, or the object around it, out.
    """

    tool: str
    path: tuple[str, ...]
    header: str
    schema: Mapping[str, Any]
    optional: bool

    @property
    def type(self) -> object:
        """Its type."""
        return self.schema.get("type")

    @property
    def is_free(self) -> bool:
        """Whether it takes any text."""
        return self.type == "string" and self.schema.keys() <= _FREE


@dataclass(frozen=True)
class SafeTool:
    """A tool that is read only, with arguments that it takes.

    Attributes:
        name: Its name.
        schema: Its `inputSchema`.
        arguments: What is required, and every parameter of its own that a header repeats.
        parameters: All parameters that a header repeats.
        control: What a call with these arguments and the headers that belong to them got.
    """

    name: str
    schema: Mapping[str, Any]
    arguments: Mapping[str, Any]
    parameters: tuple[Parameter, ...]
    control: Exchange


def annotated_parameters(tour: Tour) -> dict[str, list[Parameter]]:
    """Return the mirrored parameters of each tool whose annotations are all valid, by name of the tool."""
    found: dict[str, list[Parameter]] = {}
    for tool in tour.items("tools/list", "tools"):
        name, schema = tool.get("name"), tool.get("inputSchema")
        marks = header_annotations(schema)
        if not isinstance(name, str) or not isinstance(schema, dict) or not marks:
            continue
        unique = len({str(each.value).lower() for each in marks}) == len(marks)
        if unique and all(each.is_valid for each in marks):
            required = schema["required"] if isinstance(schema.get("required"), list) else []
            found[name] = [
                Parameter(
                    name,
                    each.path,
                    f"{PARAM_PREFIX}{each.value}",
                    each.schema,
                    optional=each.path[0] not in required,
                )
                for each in marks
                if each.path
            ]
    return found


def safe_tools(tour: Tour) -> list[SafeTool]:
    """Return tools that can be called, after one call of each with the headers that belong to it.

    Raises:
        NotApplicable: If no tool has a parameter that a header repeats.
        NotVerified: If none of those that have one can be called; the sentence says why.
    """

    def probe() -> list[SafeTool]:
        annotated = annotated_parameters(tour)
        if not annotated:
            raise NotApplicable("no tool has a parameter that a header repeats")
        found: list[SafeTool] = []
        reasons: list[str] = []
        for tool in tour.items("tools/list", "tools"):
            name = tool.get("name")
            if name not in annotated or len(found) == MAX_TOOLS:
                continue
            if not may_call(tour, tool):
                reasons.append(f"{name!r} does not declare readOnlyHint")
                continue
            arguments = _made_up(tool["inputSchema"], annotated[name])
            if arguments is None:
                reasons.append(f"no value could be made up for {_hard(tool['inputSchema'])} of {name!r}")
                continue
            control = called(tour, name, arguments)
            refused_by_others(control)
            found.append(SafeTool(name, tool["inputSchema"], arguments, tuple(annotated[name]), control))
        if not found:
            raise NotVerified(
                f"no tool with such a parameter can be called: {'; '.join(reasons[:MAX_TOOLS])}"
            )
        return found

    return tour.memo("headers: safe tools", probe)


def _made_up(schema: Mapping[str, Any], parameters: list[Parameter]) -> dict[str, Any] | None:
    # A copy: the value may be a default that stands in what the visit recorded.
    arguments = copy.deepcopy(example(schema))
    for each in parameters:
        value = example(each.schema)
        if isinstance(arguments, dict) and len(each.path) == 1 and value is not None:
            arguments.setdefault(each.path[0], value)
    return arguments if isinstance(arguments, dict) else None


def _hard(schema: Mapping[str, Any]) -> str:
    """Return the name of the first required argument that cannot be made up."""
    properties = schema.get("properties")
    known = properties if isinstance(properties, dict) else {}
    required = schema["required"] if isinstance(schema.get("required"), list) else []
    return next((repr(name) for name in required if example(known.get(name, True)) is None), "the arguments")


def called(
    tour: Tour, tool: str, arguments: Mapping[str, Any], headers: HeaderChanges | None = None
) -> Exchange:
    """Call a safe tool, with the headers that belong to the arguments or with others."""
    return tour.client.request("tools/call", {"name": tool, "arguments": arguments}, headers=headers)
