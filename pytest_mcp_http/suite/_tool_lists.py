"""What the visit saw of tools, and the calls of names that no tool has."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from pytest_mcp_http.assertions.jsonrpc import error_in
from pytest_mcp_http.assertions.tools import tools_in
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.suite._judging import gravest
from pytest_mcp_http.suite._malformed import Answer
from pytest_mcp_http.suite._probes import declared, refused_as_plain, refused_by_others, served
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.visit import UNKNOWN_NAME
from pytest_mcp_http.wire.exchange import Exchange


def declares_tools(tour: Tour) -> bool:
    """Tell whether the server declares tools; null is a malformed way to leave them out."""
    return tour.capabilities.get("tools") is not None


def list_pages(tour: Tour) -> list[Exchange]:
    """Return the answers to `tools/list` of the visit that the server itself gave.

    Raises:
        NotApplicable: If the server declares no tools.
        NotVerified: If something else answered, or the visit did not come so far.
    """
    if not declares_tools(tour):
        raise NotApplicable("the server declares no tools")
    found = [step.exchange for step in tour.steps if step.method == "tools/list"]
    if not found:
        raise NotVerified("the visit ended before it came to tools/list")
    for exchange in found:
        refused_by_others(exchange)
    return found


def judge_tools(tour: Tour, judge: Callable[[Exchange], object]) -> None:
    """Judge the listed tools, page by page.

    Raises:
        NotApplicable: If the server has no tools.
        NotVerified: If the list cannot be read.
    """
    pages = list_pages(tour)
    found = [page for page in pages if tools_in(page)]
    if not found:
        for page in pages:
            tour.require(page, "tools/list")
        raise NotApplicable("the server lists no tool")
    gravest(partial(judge, page) for page in found)


def listed_undeclared(tour: Tour) -> Exchange:
    """Return what `tools/list` got from a server that declares no tools.

    Raises:
        NotVerified: If its capabilities cannot be read, or something else answered.
    """
    declared(tour)

    def probe() -> Exchange:
        served(tour)
        exchange = tour.client.request("tools/list")
        refused_by_others(exchange)
        return exchange

    return tour.memo("tools: undeclared list", probe)


def unknown_call(tour: Tour) -> Exchange:
    """Return what the call of a tool that no server has got, if that is an answer to it.

    Raises:
        NotVerified: If it is none, or something else answered.
    """

    def probe() -> Exchange:
        served(tour)
        return tour.client.request("tools/call", {"name": UNKNOWN_NAME, "arguments": {}})

    exchange = Answer("unknown tool", tour.memo("tools: unknown name", probe)).coded()
    if not exchange.answered or (exchange.ok and exchange.result is None and error_in(exchange) is None):
        raise NotVerified(f"no response to judge: {exchange.summary}")
    refused_as_plain(tour, exchange)
    return exchange
