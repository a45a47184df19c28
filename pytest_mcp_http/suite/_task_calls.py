"""Requests that ask for a task where there is none to be had, and calls that need one and do not ask."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.jsonrpc import code_in
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.spec.error_codes import INVALID_REQUEST, METHOD_NOT_FOUND
from pytest_mcp_http.suite._probes import needs_method_not_found, refused_by_others
from pytest_mcp_http.suite._task_jobs import declares, jobs, needs_task_calls, support_of
from pytest_mcp_http.suite._tool_calls import callable_if_any, callable_tools, listed_tools
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.visit import UNKNOWN_NAME
from pytest_mcp_http.wire.exchange import Exchange

TASK: Final[Mapping[str, Any]] = {"ttl": 1000}

_LISTS: Final = (("tools", "tools/list"), ("prompts", "prompts/list"), ("resources", "resources/list"))


def judge_ignored(tour: Tour) -> None:
    """Judge that what cannot run as a task is served as usual when a task is asked for."""
    requests: list[tuple[str, dict[str, Any]]] = [
        (method, {}) for capability, method in _LISTS if capability in tour.capabilities
    ]
    if "tools" in tour.capabilities and not declares(tour, "requests", "tools", "call"):
        requests.append(("tools/call", {"name": UNKNOWN_NAME, "arguments": {}}))
        requests += [("tools/call", tool.params) for tool in callable_if_any(tour)[:1]]
    if not requests:
        raise NotApplicable("the server offers nothing that a task could be asked for")
    for method, params in requests:
        plain = tour.client.request(method, params)
        exchange = tour.client.request(method, {**params, "task": dict(TASK)})
        refused_by_others(exchange)
        judge_same(method, plain, exchange)


def judge_same(method: str, plain: Exchange, exchange: Exchange) -> None:
    """Judge that a request with a parameter that has no meaning got the same as without it."""
    if plain.response is None:
        raise NotVerified(f"the positive control failed: {method} got {plain.summary}")
    same = isinstance(exchange.result, dict) == isinstance(plain.result, dict)
    result = exchange.result if isinstance(exchange.result, dict) else {}
    is_task = "task" in result or result.get("resultType") == "task"
    if not same or code_in(exchange) != code_in(plain) or is_task:
        got = "a task" if is_task else exchange.summary
        violated(
            f"{method} with a task parameter got {got}",
            f"the same as without it: {plain.summary}",
            exchange,
        )


def required_calls(tour: Tour) -> list[Exchange]:
    """Call tools without a task that say that they need one, and return what they got.

    Raises:
        NotApplicable: If there is no such tool.
        NotVerified: If none may be called.
    """
    needs_task_calls(tour)
    needs_method_not_found(tour)
    if not any(support_of(tool) == "required" for tool in listed_tools(tour).values()):
        raise NotApplicable("no tool has the execution.taskSupport required")
    found = [job for job in jobs(tour) if job.support == "required"]
    if not found:
        raise NotVerified("no tool with the execution.taskSupport required may be called")
    return [tour.client.request("tools/call", job.timed("mcp-http-check", 1, 0.0)) for job in found]


def judge_refused(exchange: Exchange) -> None:
    """Judge the answer to a plain call of a tool that runs as a task only."""
    refused_by_others(exchange)
    # Where all calls have to be tasks, -32600 is legal.
    if code_in(exchange) not in (METHOD_NOT_FOUND, INVALID_REQUEST):
        violated(
            f"{exchange.summary}, to a plain call of a tool that runs as a task only",
            [
                f"JSON-RPC error {METHOD_NOT_FOUND}",
                f"JSON-RPC error {INVALID_REQUEST}, if all calls have to be tasks",
            ],
            exchange,
        )


def judge_forbidden(tour: Tour) -> None:
    """Judge that a tool which cannot run as a task refuses to."""
    needs_task_calls(tour)
    needs_method_not_found(tour)
    unable = [tool for tool in callable_tools(tour) if support_of(tool.listed) in (None, "forbidden")]
    if not unable:
        raise NotVerified("every tool that may be called can run as a task")
    exchange = tour.client.request("tools/call", {**unable[0].params, "task": dict(TASK)})
    refused_by_others(exchange)
    if code_in(exchange) != METHOD_NOT_FOUND:
        violated(
            f"{exchange.summary}, to a task of a tool without execution.taskSupport",
            f"JSON-RPC error {METHOD_NOT_FOUND}",
            exchange,
        )
