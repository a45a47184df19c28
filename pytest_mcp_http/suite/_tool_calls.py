"""The tools that may be called, and one call of each with arguments that fit.

A tool may be called if the user, the reference server or the official suite names it for a role, or if it
says of itself that it only reads; with `--mcp-call-tools all` every tool may be called, with `none` no tool.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pytest_mcp_http.errors import NotVerified
from pytest_mcp_http.suite._arguments import example
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import Exchange

MAX_TOOLS: Final = 20
"""Tools that are called once each, at most."""

CALL_ROLES: Final = ("echo", "call", "error")
"""Roles whose tools are called like any tool that may be called."""


@dataclass(frozen=True)
class CallableTool:
    """A tool that may be called.

    Attributes:
        listed: The tool as the server lists it.
        arguments: Arguments that it takes.
        role: The role that it is named for, or None.
    """

    listed: Mapping[str, Any]
    arguments: Mapping[str, Any]
    role: str | None = None

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.listed["name"])

    @property
    def params(self) -> dict[str, Any]:
        """The params of a call."""
        return {"name": self.name, "arguments": dict(self.arguments)}


@dataclass(frozen=True)
class ToolCall:
    """One call of a tool and what it got."""

    tool: CallableTool
    exchange: Exchange


def may_call(tour: Tour, tool: Mapping[str, Any]) -> bool:
    """Tell whether a listed tool may be called with arguments that are made up."""
    if tour.target.call_tools != "safe":
        return tour.target.call_tools == "all"
    hints = tool.get("annotations")
    return isinstance(hints, dict) and hints.get("readOnlyHint") is True


def listed_tools(tour: Tour) -> dict[str, dict[str, Any]]:
    """Return the listed tools by name."""
    return {
        tool["name"]: tool for tool in tour.items("tools/list", "tools") if isinstance(tool.get("name"), str)
    }


def callable_if_any(tour: Tour) -> list[CallableTool]:
    """Return the tools that may be called; none if there is none."""
    try:
        return callable_tools(tour)
    except NotVerified:
        return []


def callable_tools(tour: Tour) -> list[CallableTool]:
    """Return the tools that may be called: those with a role first, then those that only read.

    Raises:
        NotVerified: If there is none; the sentence says why, and how one can be named.
    """

    def probe() -> list[CallableTool]:
        listed = listed_tools(tour)
        found = [
            CallableTool(listed[role.tool], role.params()["arguments"], name)
            for name in CALL_ROLES
            for role in _named(tour, name)
        ]
        named = {tool.name for tool in found}
        reasons = []
        for name, tool in listed.items():
            if name in named:
                continue
            if not may_call(tour, tool):
                reasons.append(f"{name!r} does not declare readOnlyHint")
                continue
            # A copy: the value may be a default that stands in what the visit recorded.
            arguments = copy.deepcopy(example(tool.get("inputSchema")))
            if isinstance(arguments, dict):
                found.append(CallableTool(tool, arguments))
            else:
                reasons.append(f"no arguments of {name!r} could be made up")
        if tour.target.call_tools == "none":
            raise NotVerified("--mcp-call-tools none lets no tool be called")
        if not found:
            why = "; ".join(reasons[:3]) or "the server lists no tool"
            raise NotVerified(
                f"no tool may be called: {why}; name one in the ini value mcp_roles: call = NAME"
            )
        return found[:MAX_TOOLS]

    return tour.memo("callable-tools", probe)


def tool_calls(tour: Tour) -> list[ToolCall]:
    """Call each tool that may be called once, and return what each call got.

    Raises:
        NotVerified: If no tool may be called.
    """

    def probe() -> list[ToolCall]:
        return [
            ToolCall(tool, tour.client.request("tools/call", tool.params)) for tool in callable_tools(tour)
        ]

    return tour.memo("tool-calls", probe)


def _named(tour: Tour, role: str) -> tuple[Any, ...]:
    try:
        return tour.roles(role)
    except NotVerified:
        return ()
