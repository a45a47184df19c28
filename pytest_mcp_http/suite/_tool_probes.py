"""Calls of tools that may be called: what they returned, and what malformed and misspelt calls got."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.header_annotations import header_annotations
from pytest_mcp_http.assertions.jsonrpc import error_in
from pytest_mcp_http.assertions.tools import is_tool_error, is_tool_success
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.suite._malformed import Answer
from pytest_mcp_http.suite._probes import refused_as_plain
from pytest_mcp_http.suite._tool_calls import ToolCall, tool_calls
from pytest_mcp_http.suite._tool_inputs import usable_calls
from pytest_mcp_http.suite._tool_lists import list_pages, unknown_call
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.visit import UNKNOWN_NAME
from pytest_mcp_http.wire.exchange import Exchange

MALFORMED: Final[Mapping[str, object]] = {"an array": ["mcp-http-check"], "a text": "mcp-http-check"}
"""Arguments that are no object."""


def tool_results(tour: Tour) -> list[ToolCall]:
    """Return the calls that got a tool result, be it an error.

    Raises:
        NotApplicable: If the server declares no tools.
        NotVerified: If no tool may be called, or no call got a result.
    """
    list_pages(tour)
    found = [
        call for call in tool_calls(tour) if is_tool_success(call.exchange) or is_tool_error(call.exchange)
    ]
    if not found:
        raise NotVerified("no call of a tool got a result")
    return found


def results_with(tour: Tour, what: str, shows: Callable[[Exchange], object]) -> list[ToolCall]:
    """Return the calls whose result shows something.

    Args:
        tour: The tour.
        what: What, for the message.
        shows: Tells whether an exchange does.

    Raises:
        NotApplicable: If there is none, or the server declares no tools.
        NotVerified: If no tool may be called, or no call got a result.
    """
    found = [call for call in tool_results(tour) if shows(call.exchange)]
    if not found:
        raise NotApplicable(f"no tool that was called returned {what}")
    return found


def malformed_calls(tour: Tour) -> list[Answer]:
    """Return what calls got whose arguments are no object: of a tool that may be called, else of none.

    Raises:
        NotApplicable: If the server declares no tools.
        NotVerified: If there is no session for them.
    """
    list_pages(tour)

    def probe() -> list[Answer]:
        name = _callable_name(tour)
        with tour.session() as client:
            tour.require(client.plain(), f"{tour.dialect.plain} before the malformed calls")
            return [
                Answer(
                    f"tools/call with {what} as arguments",
                    client.request("tools/call", {"name": name, "arguments": arguments}),
                )
                for what, arguments in MALFORMED.items()
            ]

    return tour.memo("tools: malformed calls", probe)


def judge_malformed(tour: Tour, answer: Answer) -> None:
    """Judge that a malformed call got a JSON-RPC error; which one is judged by `jsonrpc.invalid-params`."""
    exchange = answer.coded()
    sent = exchange.request.message
    unnamed = sent is not None and isinstance(sent.params, dict) and sent.params.get("name") == UNKNOWN_NAME
    if unnamed and unknown_call(tour).result is not None:
        raise NotVerified("the name of an unknown tool gets no error, see tools.unknown-tool-error")
    if error_in(exchange) is None:
        refused = exchange.status is not None and 400 <= exchange.status < 500
        violated(exchange.summary, "a JSON-RPC error", exchange, note=refused)


def other_case(tour: Tour) -> tuple[str, Exchange]:
    """Return the name of a tool in other case, and what a call by that name got.

    Raises:
        NotApplicable: If the server declares no tools.
        NotVerified: If there is no such name, or no call succeeds of a tool that may be called.
    """
    list_pages(tour)
    listed = [tool.get("name") for tool in tour.items("tools/list", "tools")]

    def probe() -> tuple[str, Exchange]:
        for call in _without_headers(usable_calls(tour)):
            name = call.tool.name.swapcase()
            if name not in listed:
                params = {"name": name, "arguments": dict(call.tool.arguments)}
                return name, Answer(name, tour.client.request("tools/call", params)).checked()
        raise NotVerified("no tool that may be called has a name that is free in other case")

    return tour.memo("tools: other case", probe)


def _callable_name(tour: Tour) -> str:
    """Return the name of a tool that may be called with wrong arguments, else one that no tool has."""
    try:
        found = _without_headers(usable_calls(tour))
    except NotVerified:
        return UNKNOWN_NAME
    return next((call.tool.name for call in found), UNKNOWN_NAME)


def _without_headers(calls: list[ToolCall]) -> Iterator[ToolCall]:
    """Yield the calls of tools whose arguments no header repeats."""
    return (call for call in calls if not header_annotations(call.tool.listed.get("inputSchema")))


def failing_calls(tour: Tour) -> list[ToolCall]:
    """Return the calls of tools that are named for failing.

    Raises:
        NotApplicable: If the server declares no tools.
        NotVerified: If no tool is named so.
    """
    list_pages(tour)
    tour.roles("error")
    found = [call for call in tool_calls(tour) if call.tool.role == "error"]
    for call in found:
        refused_as_plain(tour, call.exchange)
    return found


def output_schemas(tour: Tour) -> list[tuple[ToolCall, dict[str, Any]]]:
    """Return the calls of tools with an `outputSchema`, each with it.

    Raises:
        NotApplicable: If no tool has one.
        NotVerified: If none of those may be called, or none got a result.
    """
    if not any(isinstance(tool.get("outputSchema"), dict) for tool in tour.items("tools/list", "tools")):
        raise NotApplicable("no tool has an outputSchema")
    found = [
        (call, call.tool.listed["outputSchema"])
        for call in tool_results(tour)
        if isinstance(call.tool.listed.get("outputSchema"), dict)
    ]
    if not found:
        raise NotVerified("no tool with an outputSchema could be called")
    return found
