"""Faults of the tasks extension at 2026-07-28."""

from __future__ import annotations

from typing import Any

from reference_server._calls import Call
from reference_server._context import RequestContext
from reference_server._jsonrpc import (
    INVALID_PARAMS,
    METHOD_NOT_FOUND,
    error_message,
)
from reference_server._layers import answer_instead, handle, rewrite_message, rewrite_request_body, when
from reference_server.corrections_modern import NAME_HEADER
from reference_server.faults._tasks import (
    Json,
    calls,
    declares,
    declaring,
    errors,
    is_new,
    new,
    refuse,
    result,
)

METHODS = ("tasks/get", "tasks/update", "tasks/cancel")

as_declared = rewrite_request_body(lambda c: declaring(c).body)


def _undeclared_call(*tools: str) -> Any:
    called = calls(*tools)
    return lambda c: is_new("tools/call")(c) and called(c) and not declares(c)


def _without_type(found: Json) -> None:
    if found.get("resultType") == "task":
        found["resultType"] = "complete"


async def _late(call: Call) -> None:
    """Know a task only when it is polled for the second time."""
    polled = call.state.setdefault("polled tasks", set())
    task_id = call.context.params.get("taskId")
    if task_id in polled:
        await call.forward()
    else:
        polled.add(task_id)
        refusal = error_message(INVALID_PARAMS, "There is no such task", request_id=call.context.rpc_id)
        await call.answer(400, (), refusal)


def _by_body(call: RequestContext) -> RequestContext:
    return call.with_header(NAME_HEADER, str(call.params.get("taskId")))


async def _header_ignored(call: Call) -> None:
    await call.forward(_by_body(call.context))


def _failed(found: Json) -> None:
    """Let a task fail whose result reports an error."""
    if found.get("result", {}).get("isError"):
        found["status"] = "failed"


def _failed_without_error(found: Json) -> None:
    found.pop("error", None)


def _talks(message: Any, context: RequestContext) -> Any:
    """Report progress once a subscription that asks for tasks was acknowledged."""
    wanted = context.params.get("notifications")
    if not is_new("subscriptions/listen")(context) or not isinstance(wanted, dict) or "taskIds" not in wanted:
        return message
    if message.get("method") != "notifications/subscriptions/acknowledged":
        return message
    params = {"progressToken": "task", "progress": 1, "_meta": message["params"].get("_meta", {})}
    return [message, {"jsonrpc": "2.0", "method": "notifications/progress", "params": params}]


FAULTS = (
    new(
        "undeclared-gets-task",
        "ext-opt-in",
        "a client that does not declare the extension gets a task",
        when(_undeclared_call("run_job"), as_declared),
    ),
    new(
        "need-unnamed",
        "ext-required-32021",
        "a call that needs a task is refused without the name of the extension",
        errors(_undeclared_call("run_batch"), data={"requiredCapabilities": {}}),
    ),
    new(
        "need-as-unknown",
        "ext-required-32021",
        "a tool that needs a task is unknown to others",
        refuse(_undeclared_call("run_batch"), INVALID_PARAMS, "Unknown tool", 400),
    ),
    new(
        "task-as-complete",
        "ext-result-type",
        "a new task has the resultType complete",
        result(is_new("tools/call"), _without_type),
    ),
    new(
        "poll-as-task",
        "ext-result-type",
        "a poll gets the resultType task",
        result(is_new("tasks/get"), lambda r: r.update(resultType="task")),
    ),
    new(
        "cancel-as-task",
        "ext-result-type",
        "a cancellation gets the resultType task",
        result(is_new("tasks/cancel"), lambda r: r.update(resultType="task")),
    ),
    new(
        "not-durable",
        "ext-durable",
        "the first poll of a task does not find it",
        when(lambda c: is_new("tasks/get")(c) and declares(c), handle(_late)),
    ),
    new(
        "unknown-poll",
        "ext-unknown-id",
        "the poll of an unknown task gets an error of its own",
        errors(is_new("tasks/get"), only=INVALID_PARAMS, code=-32001),
    ),
    new(
        "open-to-all",
        "ext-methods-non-declaring",
        "clients that do not declare the extension can poll",
        when(lambda c: is_new("tasks/get")(c) and not declares(c), as_declared),
    ),
    new(
        "unknown-to-others",
        "ext-methods-non-declaring",
        "for clients that do not declare the extension its methods are unknown",
        refuse(lambda c: is_new(*METHODS)(c) and not declares(c), METHOD_NOT_FOUND, status=404),
    ),
    new(
        "result-kept",
        "ext-result-removed",
        "tasks/result is known still",
        refuse(is_new("tasks/result"), INVALID_PARAMS, "There is no such task", 400),
    ),
    new(
        "list-kept",
        "ext-result-removed",
        "tasks/list is served still",
        answer_instead(
            is_new("tasks/list"),
            200,
            body=lambda c: {
                "jsonrpc": "2.0",
                "id": c.rpc_id,
                "result": {"resultType": "complete", "tasks": []},
            },
        ),
    ),
    new(
        "param-opts-in",
        "ext-legacy-param-ignored",
        "the task parameter makes a task",
        when(lambda c: is_new("tools/call")(c) and "task" in c.params, as_declared),
    ),
    new(
        "param-unknown",
        "ext-legacy-param-ignored",
        "a call with a task parameter is refused",
        refuse(lambda c: is_new("tools/call")(c) and "task" in c.params, INVALID_PARAMS, status=400),
    ),
    new(
        "capability-kept",
        "ext-legacy-capability-absent",
        "the capability of the experimental feature is declared",
        result(
            is_new("server/discover"),
            lambda r: r["capabilities"].update(tasks={"requests": {"tools": {"call": {}}}}),
        ),
    ),
    new(
        "header-ignored",
        "ext-mcp-name-validated",
        "Mcp-Name is not compared with the id of the task",
        when(is_new(*METHODS), handle(_header_ignored)),
    ),
    new(
        "error-fails",
        "ext-failed-only-jsonrpc",
        "a task fails whose result reports an error",
        result(is_new("tasks/get"), _failed),
    ),
    new(
        "fails-without-error",
        "ext-failed-only-jsonrpc",
        "a failed task has no error",
        result(is_new("tasks/get"), _failed_without_error),
    ),
    new(
        "progress-on-subscription",
        "ext-no-log-on-task-stream",
        "progress of a task comes on a subscription",
        rewrite_message(_talks),
    ),
)
