"""Judging the tasks of the extension at 2026-07-28."""

from __future__ import annotations

from functools import partial
from typing import Final

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.jsonrpc import code_in, error_in
from pytest_mcp_http.assertions.tasks import assert_task_params_refused, task_status
from pytest_mcp_http.errors import NotVerified, RequirementViolated
from pytest_mcp_http.spec.error_codes import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    MISSING_CAPABILITY,
)
from pytest_mcp_http.suite._judging import gravest
from pytest_mcp_http.suite._probes import needs_method_not_found, refused_by_others
from pytest_mcp_http.suite._task_calls import TASK, judge_same
from pytest_mcp_http.suite._task_jobs import Job
from pytest_mcp_http.suite._tasks_extension import (
    EXTENSION,
    Handled,
    advertises,
    declaring,
    handled,
    task_result,
    tasks,
    unknown_tasks,
)
from pytest_mcp_http.suite._tool_calls import callable_if_any, tool_calls
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import Exchange

REMOVED: Final = ("tasks/result", "tasks/list")
TALK: Final = ("notifications/progress", "notifications/message")


def plain_calls(tour: Tour) -> list[Exchange]:
    """Return what calls of tools got whose client does not declare the extension.

    Raises:
        NotVerified: If no tool may be called.
    """
    seen = handled(tour)
    found = [call.plain for call in (*seen.calls, *seen.others) if call.plain is not None]
    try:
        return found + [call.exchange for call in tool_calls(tour)]
    except NotVerified:
        return found


def judge_opt_in(tour: Tour) -> None:
    """Judge that no client gets a task that did not declare the extension."""
    for exchange in plain_calls(tour):
        if task_result(exchange) is not None:
            violated(
                "a task, for a client that does not declare the extension",
                ["the result of the call", f"JSON-RPC error {MISSING_CAPABILITY}"],
                exchange,
            )


def judge_need(tour: Tour) -> None:
    """Judge that a call which only a task can serve says that the extension is needed.

    Raises:
        NotVerified: If every call is served without a task as well, or fails with a task, too.
    """
    found = [call for call in tasks(tour) if call.plain is not None and is_task_only(call, call.plain)]
    if not found:
        raise NotVerified("every call that becomes a task is served without one as well")
    for call in found:
        assert call.plain is not None
        error = error_in(call.plain) or {}
        data = error.get("data")
        needed = data.get("requiredCapabilities") if isinstance(data, dict) else None
        extensions = needed.get("extensions") if isinstance(needed, dict) else None
        named = isinstance(extensions, dict) and EXTENSION in extensions
        if error.get("code") != MISSING_CAPABILITY or not named:
            got = f"{call.plain.summary}, with the data {data!r}"
            violated(
                f"{got}, to a client without the extension",
                f"JSON-RPC error {MISSING_CAPABILITY} with requiredCapabilities.extensions[{EXTENSION!r}]",
                call.plain,
            )


def is_task_only(call: Handled, plain: Exchange) -> bool:
    """Tell whether the only reason for the refusal of a plain call can be that it is no task."""
    code = code_in(plain)
    if code is None:
        return False
    refused_by_others(plain)
    return bool(call.last.get("status", "failed") != "failed")


def judge_types(tour: Tour) -> None:
    """Judge that a result which hands out a task says so, and no other does."""
    for call in tasks(tour):
        result = task_result(call.created) or {}
        if result.get("resultType") != "task":
            shown = repr(result["resultType"]) if "resultType" in result else "no resultType"
            violated(f"a task with {shown}", "resultType 'task'", call.created)
    seen = handled(tour)
    others = [exchange for call in seen.calls for exchange in (*call.polls, *call.updates)]
    for exchange in (*others, *seen.cancelled, *tour.exchanges):
        result = exchange.result if isinstance(exchange.result, dict) else {}
        if result.get("resultType") == "task":
            sent = exchange.request.message
            violated(
                f"a result of {sent.method if sent else 'a request'} with resultType 'task'",
                "resultType 'complete'",
                exchange,
            )


def judge_durable(call: Handled) -> None:
    """Judge that a task could be polled as soon as it was handed out."""
    first = call.polls[0]
    refused_by_others(first)
    if code_in(first) == INVALID_PARAMS:
        violated(f"{first.summary}, to the first poll of a new task", "the task", first)
    if task_status(first) is None:
        raise NotVerified(f"the first poll got {first.summary}")


def judge_unknown(tour: Tour) -> None:
    """Judge that polls of unknown tasks are refused, and note if other requests are not."""
    found = unknown_tasks(tour, extension=True)
    gravest(partial(_judge_unknown, method, exchange) for method, exchange in found.items())


def _judge_unknown(method: str, exchange: Exchange) -> None:
    try:
        assert_task_params_refused(exchange, f"{method} of a task that there is not")
    except RequirementViolated as error:
        # What is a MUST for polls is a SHOULD for the other methods.
        error.note = method != "tasks/get"
        raise


def judge_gate(tour: Tour) -> None:
    """Judge that clients which do not declare the extension cannot use its methods."""
    for method, exchange in unknown_tasks(tour, extension=False).items():
        if code_in(exchange) != MISSING_CAPABILITY:
            violated(
                f"{exchange.summary}, to {method} of a client that does not declare the extension",
                f"JSON-RPC error {MISSING_CAPABILITY}",
                exchange,
            )


def judge_removed(tour: Tour) -> None:
    """Judge that the methods of the experimental feature are gone."""
    needs_method_not_found(tour)
    client = declaring(tour) if advertises(tour) else tour.client
    for method in REMOVED:
        exchange = client.request(method, {"taskId": "mcp-http-check"} if method == REMOVED[0] else {})
        refused_by_others(exchange)
        if code_in(exchange) != METHOD_NOT_FOUND:
            violated(
                f"{exchange.summary}, to {method}, which this revision has not",
                f"JSON-RPC error {METHOD_NOT_FOUND}",
                exchange,
            )


def judge_legacy_param(tour: Tour) -> None:
    """Judge that the parameter with which tasks were asked for before means nothing."""
    seen = handled(tour)
    same: list[tuple[Job, Exchange]] = [
        (call.job, call.plain)
        for call in seen.calls
        if call.plain is not None and isinstance(call.plain.result, dict) and not call.updates
    ][:1]
    plain = declaring(tour, extension=False)
    for job, without in same:
        params = {**job.timed("mcp-http-check", 1, 0.0), "task": dict(TASK)}
        judge_same("tools/call", without, plain.request("tools/call", params))
    tools = [tool.params for tool in callable_if_any(tour)[:1]]
    for each in tools:
        without = seen.client.request("tools/call", each)
        if task_result(without) is None:
            judge_same("tools/call", without, seen.client.request("tools/call", {**each, "task": dict(TASK)}))
    if not same and not tools:
        raise NotVerified("no tool may be called that is served without a task")


def judge_header(tour: Tour) -> None:
    """Judge that the header which names a task is compared with the parameter."""
    tasks(tour)
    exchange = handled(tour).misnamed
    assert exchange is not None
    refused_by_others(exchange)
    if code_in(exchange) != HEADER_MISMATCH:
        violated(
            f"{exchange.summary}, to tasks/get with another task in Mcp-Name",
            f"JSON-RPC error {HEADER_MISMATCH}",
            exchange,
        )


def judge_failures(tour: Tour) -> None:
    """Judge that a task fails with a JSON-RPC error only.

    Raises:
        NotVerified: If no task failed, and no call reports an error.
    """
    found = [call for call in tasks(tour) if call.last.get("status") == "failed" or _reports_error(call)]
    if not found:
        raise NotVerified("no tool of the role task fails")
    for call in found:
        failed = call.last.get("status") == "failed"
        if failed and (_reports_error(call) or not isinstance(call.last.get("error"), dict)):
            violated(
                "a failed task whose call reports an error in its result"
                if _reports_error(call)
                else "a failed task without a JSON-RPC error",
                ["completed, with the result of the call", "failed, with error (an object)"],
                call.polls[-1],
            )


def _reports_error(call: Handled) -> bool:
    """Tell whether a call ends with a result that reports an error, as a task or without one."""
    plain = call.plain.result if call.plain is not None else None
    return any(
        isinstance(each, dict) and each.get("isError") is True for each in (plain, call.last.get("result"))
    )


def judge_stream(tour: Tour) -> None:
    """Judge that nothing is told of tasks on a stream of subscriptions but how they stand."""
    tasks(tour)
    exchange = handled(tour).listening
    if exchange is None or not exchange.ok or not exchange.is_sse:
        raise NotVerified("subscriptions/listen with taskIds opened no stream")
    for message in exchange.messages:
        if message.method in TALK:
            violated(
                f"{message.method} on a stream that asks for tasks", "notifications/tasks only", exchange
            )
