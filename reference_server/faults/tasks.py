"""Faults of tasks at 2025-11-25: what is declared, and how they are made, polled, listed and cancelled."""

from __future__ import annotations

import copy
from typing import Any, Final

import anyio

from reference_server._calls import Call
from reference_server._context import Layer, RequestContext
from reference_server._jsonrpc import INTERNAL_ERROR, INVALID_PARAMS, METHOD_NOT_FOUND
from reference_server._layers import combine, handle, rewrite_message, rewrite_request_body, when
from reference_server.faults._tasks import (
    RELATED,
    Json,
    answer,
    as_method,
    augmented,
    calls,
    errors,
    has_ended,
    is_old,
    of_tool,
    old,
    refuse,
    remember_tasks,
    result,
    results,
    task,
    with_params,
)
from reference_server.task_tools import TASK_SUPPORT

ALL: Final = ("tasks/get", "tasks/result", "tasks/list", "tasks/cancel")
GET: Final = is_old("tasks/get")

without_task = rewrite_request_body(lambda c: with_params(c, task=None).body)
undeclared = result(is_old("initialize"), lambda r: r["capabilities"].pop("tasks"))


def _is_plain_batch(context: RequestContext) -> bool:
    return calls("run_batch")(context) and not context.is_modern and "task" not in context.params


async def _after_its_work(call: Call) -> None:
    """Answer the request for a task when the work has been done."""
    response = await call.capture()
    arguments = call.context.params.get("arguments") or {}
    await anyio.sleep(arguments.get("ticks", 1) * arguments.get("milliseconds", 0) / 1000)
    await answer(call, response)


def _same_ids(found: Json, context: RequestContext) -> None:
    """Give short tasks the id of the first of them."""
    arguments = context.params["arguments"]
    if "task" in found and arguments.get("ticks") == 1:
        first = context.state.setdefault("first task", found["task"]["taskId"])
        found["task"]["taskId"] = first


def _flip(found: Json, context: RequestContext) -> None:
    """Let a completed task fail when it is polled again."""
    if has_ended(found):
        polls = context.state.setdefault("polls of ended tasks", [])
        polls.append(found["taskId"])
        if polls.count(found["taskId"]) > 1:
            found["status"] = "failed"


async def _counted(call: Call) -> None:
    """Give tasks numbers for ids."""
    numbers: dict[str, str] = call.state.setdefault("task numbers", {})
    named = {number: task_id for task_id, number in numbers.items()}
    task_id = call.context.params.get("taskId")
    await call.forward(with_params(call.context, taskId=named.get(str(task_id), task_id)))


def _numbered(message: Any, context: RequestContext) -> Any:
    numbers: dict[str, str] = context.state.setdefault("task numbers", {})
    message = copy.deepcopy(message)
    found = message.get("result") if not context.is_modern else None
    for each in (found, found.get("task")) if isinstance(found, dict) else ():
        if isinstance(each, dict) and "taskId" in each:
            number = numbers.setdefault(each["taskId"], f"task-{len(numbers) + 1}")
            each["taskId"] = number
        related = each.get("_meta", {}).get(RELATED) if isinstance(each, dict) else None
        if related is not None:
            related["taskId"] = numbers[related["taskId"]]
    return message


def _with_others(found: Json, context: RequestContext) -> None:
    """Add the tasks of other sessions to a list, and note those of this one."""
    made: dict[str, Json] = context.state.setdefault("tasks of sessions", {}).setdefault(
        context.session_id, {}
    )
    if "task" in found:
        made[found["task"]["taskId"]] = found["task"]
    if "tasks" in found:
        everybody = context.state["tasks of sessions"]
        others = [
            each
            for session, mine in everybody.items()
            if session != context.session_id
            for each in mine.values()
        ]
        found["tasks"] += others


async def _first_page(call: Call) -> None:
    """Take a cursor that was never given out for none."""
    response = await call.capture()
    if any("error" in message for message in response.messages):
        response = await call.capture(with_params(call.context, cursor=None))
    await answer(call, response)


async def _cancelled_again(call: Call) -> None:
    """Describe a task that has ended when it is cancelled."""
    response = await call.capture()
    if any("ended" in message.get("error", {}).get("message", "") for message in response.messages):
        response = await call.capture(as_method(call.context, "tasks/get"))
    await answer(call, response)


async def _only_said(call: Call) -> None:
    """Say that a task is cancelled, and let its work run on."""
    response = await call.capture(as_method(call.context, "tasks/get"))
    for message in response.messages:
        if "result" in message and not has_ended(message["result"]):
            call.state.setdefault("said to be cancelled", set()).add(message["result"]["taskId"])
            message["result"]["status"] = "cancelled"
            await call.answer(200, (), message)
            return
    await call.forward()


def _hidden(message: Any, context: RequestContext) -> Any:
    """Hide that tasks work which are said to be cancelled."""
    said = context.state.get("said to be cancelled", ())
    related = (message.get("params") or {}).get("_meta", {}).get(RELATED, {}).get("taskId")
    if related in said:
        return None
    found = message.get("result", {})
    if GET(context) and found.get("taskId") in said:
        return {**message, "result": {**found, "status": "cancelled"}}
    return message


def _revived(found: Json, context: RequestContext) -> None:
    """Let a cancelled task be completed in the end."""
    if found.get("status") == "cancelled":
        now = anyio.current_time()
        if now > context.state.setdefault("cancelled at", now) + 0.05:
            found["status"] = "completed"


async def _as_stream(call: Call) -> None:
    """Answer a poll with an event stream."""
    response = await call.capture()
    event = b"event: message\ndata: " + response.body + b"\n\n"
    await call.answer(response.status, (("content-type", "text/event-stream"),), event)


def _is_batch(found: Json, context: RequestContext) -> bool:
    return of_tool("run_batch")(with_params(context, taskId=found["taskId"]))


def _is_made(context: RequestContext) -> bool:
    return of_tool()(context)


def _stamped(name: str, value: object) -> Layer:
    return task(is_old("tasks/get", "tasks/list"), **{name: value})


def _on(selected: Any, run: Any) -> Layer:
    return when(selected, handle(run))


FAULTS = (
    old(
        "undeclared",
        "capability-declared",
        "tasks/get is served and tasks are not declared",
        combine(undeclared, when(augmented(), without_task)),
    ),
    old(
        "param-refused",
        "undeclared-ignored",
        "tools/list with a task parameter is refused",
        refuse(lambda c: is_old("tools/list")(c) and "task" in c.params, INVALID_PARAMS),
    ),
    old(
        "undeclared-call-refused",
        "undeclared-ignored",
        "without the capability, a call that asks for a task is refused",
        combine(
            undeclared,
            refuse(is_old(*ALL), METHOD_NOT_FOUND, "Method not found"),
            refuse(augmented(), METHOD_NOT_FOUND, "Tasks are not supported"),
        ),
    ),
    old(
        "list-of-all",
        "no-list-without-identity",
        "tasks/list shows the tasks of all sessions",
        results(is_old("tasks/list", "tools/call"), _with_others),
    ),
    old(
        "required-runs-plainly",
        "tool-required-plain-refused",
        "a tool that runs as a task only is served without one",
        when(_is_plain_batch, rewrite_request_body(lambda c: with_params(c, name="run_job").body)),
    ),
    old(
        "forbidden-runs",
        "tool-forbidden-refused",
        "a tool without task support is served when a task is asked for",
        when(lambda c: augmented()(c) and c.params.get("name") not in TASK_SUPPORT, without_task),
    ),
    # -- making
    old(
        "served-at-once",
        "create-result",
        "a call that asks for a task gets its result",
        when(augmented("run_job"), without_task),
    ),
    old(
        "task-with-content",
        "create-result",
        "a new task comes with content",
        result(augmented("run_batch"), lambda r: r.update(content=[])),
    ),
    old(
        "created-late",
        "create-prompt",
        "a task is answered when its work is done",
        _on(augmented(), _after_its_work),
    ),
    old("id-number", "id-string", "the id of a task is a number", task(augmented("run_batch"), taskId=7)),
    old("ids-all-numbers", "id-string", "the ids of all tasks are numbers", task(augmented(), taskId=7)),
    old(
        "id-twice",
        "id-unique",
        "short tasks have the same id",
        results(augmented("count_ticks"), _same_ids),
    ),
    old(
        "ids-count",
        "unguessable-ids",
        "without sessions, the ids of tasks are counted",
        combine(rewrite_message(_numbered), _on(is_old(*ALL), _counted)),
        modes=("stateless",),
    ),
    old(
        "begins-otherwise",
        "initial-working",
        "a new task is input_required",
        task(augmented("run_batch"), status="input_required"),
    ),
    # -- moving
    old(
        "odd-status",
        "valid-transitions",
        "a task is running",
        result(GET, lambda r: r.update(status="running") if r["status"] == "working" else None),
    ),
    old("ends-twice", "terminal-final", "a completed task fails later", results(of_tool("run_batch"), _flip)),
    old(
        "works-while-asking",
        "input-required-status",
        "a task that waits for an answer is working",
        result(GET, lambda r: r.update(status="working") if r["status"] == "input_required" else None),
    ),
    old(
        "fails-silently",
        "failed-status-message",
        "a failed task has no statusMessage",
        result(GET, lambda r: r.pop("statusMessage") if r["status"] == "failed" else None),
    ),
    old(
        "error-completed",
        "failed-status-message",
        "a task whose result reports an error is completed",
        result(
            lambda c: GET(c) and of_tool("run_job", outcome="error")(c),
            lambda r: r.update(status="completed") if has_ended(r) else None,
        ),
    ),
    # -- describing
    old("created-at-number", "created-at", "createdAt is a number", _stamped("createdAt", 1764041400)),
    old("created-at-odd", "created-at", "createdAt is no ISO 8601", _stamped("createdAt", "25.11.2025")),
    old(
        "created-at-missing",
        "created-at",
        "a list has no createdAt",
        task(is_old("tasks/list"), createdAt=None),
    ),
    old(
        "updated-at-missing",
        "last-updated-at",
        "a cancelled task has no lastUpdatedAt",
        task(is_old("tasks/cancel"), lastUpdatedAt=None),
    ),
    old(
        "updated-at-odd",
        "last-updated-at",
        "lastUpdatedAt names a month that there is not",
        _stamped("lastUpdatedAt", "2025-13-25T10:30:00Z"),
    ),
    old("ttl-missing", "ttl-in-get", "a poll does not say how long the task is kept", task(GET, ttl=None)),
    old("ttl-text", "ttl-in-get", "the ttl is a text", task(GET, ttl="60s")),
    old("polls-as-streams", "no-sse-for-get", "polls are answered with event streams", _on(GET, _as_stream)),
    # -- listing
    old(
        "list-lacks-one",
        "list-complete",
        "tasks/list leaves a task out",
        results(
            is_old("tasks/list"),
            lambda r, c: r.update(tasks=[each for each in r["tasks"] if not _is_batch(each, c)]),
        ),
    ),
    old(
        "list-ends-early",
        "list-next-cursor",
        "the first page has no nextCursor",
        result(is_old("tasks/list"), lambda r: r.pop("nextCursor", None)),
    ),
    # -- cancelling
    old(
        "cancels-ended",
        "cancel-terminal-32602",
        "the cancellation of a task that has ended gets a result",
        _on(is_old("tasks/cancel"), _cancelled_again),
    ),
    old(
        "cancel-only-said",
        "cancel-stops",
        "the work of a cancelled task runs on",
        combine(rewrite_message(_hidden), _on(is_old("tasks/cancel"), _only_said)),
    ),
    old(
        "cancels-later",
        "cancel-before-reply",
        "a task is working in the answer to its cancellation",
        task(is_old("tasks/cancel"), status="working"),
    ),
    old("cancel-forgotten", "cancel-sticks", "a cancelled task is completed", results(GET, _revived)),
    # -- refusing
    old(
        "unknown-get",
        "unknown-id-32602",
        "a poll of an unknown task gets -32001",
        errors(GET, code=-32001),
    ),
    old(
        "unknown-result",
        "unknown-id-32602",
        "the result of an unknown task gets an internal error",
        combine(
            errors(lambda c: is_old("tasks/result")(c) and not _is_made(c), code=INTERNAL_ERROR),
            rewrite_message(remember_tasks),
        ),
    ),
    old(
        "unknown-cancel",
        "unknown-id-32602",
        "the cancellation of an unknown task gets -32000",
        combine(
            refuse(lambda c: is_old("tasks/cancel")(c) and not _is_made(c), -32000),
            rewrite_message(remember_tasks),
        ),
    ),
    old(
        "any-cursor",
        "invalid-cursor-32602",
        "any cursor is taken for the first page",
        _on(is_old("tasks/list"), _first_page),
    ),
    old("errors-without-message", "informative-errors", "errors have no message", errors(GET, message=" ")),
)
