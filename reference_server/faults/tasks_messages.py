"""Faults of what tasks of 2025-11-25 say and what they end with: results, metadata, progress, questions."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

import anyio

from reference_server._calls import Call
from reference_server._context import RequestContext
from reference_server._jsonrpc import INTERNAL_ERROR, INVALID_PARAMS, encode, error_message
from reference_server._layers import (
    after_response,
    combine,
    handle,
    push_to_get_streams,
    rewrite_message,
    when,
)
from reference_server.faults._tasks import (
    RELATED,
    Json,
    answer,
    as_method,
    errors,
    has_ended,
    is_old,
    of_tool,
    old,
    remember_tasks,
    result,
    results,
    said,
    with_params,
)

PROGRESS: Final = "notifications/progress"
GET: Final = is_old("tasks/get")
RESULT: Final = is_old("tasks/result")

LATE: Final = (0.0, 0.15, 0.25)
"""Seconds before each report of progress that comes after the end of a task."""


async def _hurried(call: Call) -> None:
    """Refuse to wait for a task at first; one that asks for something is waited for."""
    task_id = call.context.params.get("taskId")
    hurried = call.state.setdefault("hurried tasks", set())
    made = task_id in call.state.get("made tasks", ())
    if made and not of_tool("ask_back")(call.context) and task_id not in hurried:
        hurried.add(task_id)
        refusal = error_message(INVALID_PARAMS, "The task works", request_id=call.context.rpc_id)
        await call.answer(200, (), refusal)
    else:
        await call.forward()


async def _described(call: Call) -> None:
    """Wait for the end of a task and describe it."""
    response = await call.capture()
    if of_tool("count_ticks")(call.context):
        response = await call.capture(as_method(call.context, "tasks/get"))
        for message in response.messages:
            _related(message["result"], call.context)
            await call.answer(200, (), message)
            return
    await answer(call, response)


async def _by_metadata(call: Call) -> None:
    """Take the related task for the one that is meant."""
    meant = call.context.meta.get(RELATED, {}).get("taskId")
    context = with_params(call.context, taskId=meant) if meant else call.context
    await call.forward(context)


def _unrelated(params: Json) -> None:
    params.get("_meta", {}).pop(RELATED, None)


def _related(found: Json, context: RequestContext) -> None:
    found["_meta"] = {RELATED: {"taskId": context.params.get("taskId", "-")}}


def _question(message: Any, context: RequestContext, *, related: bool, augmented: bool) -> Any:
    """Change what a task asks for: leave out the task it is related to, or ask for a task."""
    if "method" not in message or "id" not in message or not RESULT(context):
        return message
    params = dict(message["params"])
    if not related:
        params.pop("_meta", None)
    if augmented:
        params["task"] = {"ttl": 60_000}
    return {**message, "params": params}


def _renamed(params: Json) -> None:
    if RELATED in params.get("_meta", {}):
        params["progressToken"] = params["_meta"][RELATED]["taskId"]


async def _reports_on(call: Call) -> None:
    """Report progress of a task that has ended, once for each."""
    made = call.state.get("made tasks", {}).get(call.context.params.get("taskId"))
    reported = call.state.setdefault("reported tasks", set())
    background = call.context.facts.background
    task_id = call.context.params.get("taskId")
    if not GET(call.context) or made is None or task_id in reported or background is None:
        return
    if task_id in call.state.get("ended tasks", ()):
        reported.add(task_id)
        params = {
            "progressToken": made.meta.get("progressToken"),
            "progress": 100,
            "_meta": {RELATED: {"taskId": task_id}},
        }
        background.start_soon(partial(_push_late, call, params))


async def _push_late(call: Call, params: Json) -> None:
    for number, seconds in enumerate(LATE):
        await anyio.sleep(seconds)
        message = {"jsonrpc": "2.0", "method": PROGRESS, "params": {**params, "progress": 100 + number}}
        block = b"event: message\ndata: " + encode(message) + b"\n\n"
        await push_to_get_streams(call.context.facts, block, session_id=call.context.session_id)


def _noted(found: Json, context: RequestContext) -> None:
    if has_ended(found):
        context.state.setdefault("ended tasks", set()).add(found["taskId"])


FAULTS = (
    # -- results
    old(
        "result-describes",
        "result-final",
        "tasks/result describes the task",
        combine(rewrite_message(remember_tasks), when(RESULT, handle(_described))),
    ),
    old(
        "result-wrapped",
        "result-final",
        "tasks/result wraps the result of the call",
        result(RESULT, lambda r: r.update(result={"content": r.pop("content", [])})),
    ),
    old(
        "result-without-error",
        "result-final",
        "tasks/result does not say that the tool reported an error",
        result(RESULT, lambda r: r.update(isError=False)),
    ),
    old(
        "result-not-ready",
        "result-blocks",
        "tasks/result is refused the first time, as if the task worked still",
        combine(rewrite_message(remember_tasks), when(RESULT, handle(_hurried))),
    ),
    old(
        "result-other-error",
        "result-error-same",
        "tasks/result turns the error of the call into an internal one",
        combine(
            errors(
                lambda c: RESULT(c) and of_tool("run_job", outcome="refused")(c),
                code=INTERNAL_ERROR,
            ),
            rewrite_message(remember_tasks),
        ),
    ),
    old(
        "result-unrelated",
        "result-related-meta",
        "tasks/result does not name the task",
        result(RESULT, _unrelated),
    ),
    # -- metadata
    old("progress-unrelated", "related-task-meta", "progress names no task", said(PROGRESS, _unrelated)),
    old(
        "metadata-wins",
        "param-is-truth",
        "a poll is answered for the related task",
        when(GET, handle(_by_metadata)),
    ),
    old("poll-related", "no-related-meta-in-get", "a poll names the related task", results(GET, _related)),
    old(
        "list-related",
        "no-related-meta-in-get",
        "a list names a related task",
        results(is_old("tasks/list"), _related),
    ),
    old(
        "cancel-related",
        "no-related-meta-in-get",
        "the answer to a cancellation names the related task",
        results(is_old("tasks/cancel"), _related),
    ),
    old(
        "status-related",
        "status-notification-meta",
        "a status notification names the related task",
        said(
            "notifications/tasks/status",
            lambda p: p.update(_meta={RELATED: {"taskId": p["taskId"]}}),
        ),
    ),
    # -- questions
    old(
        "question-unrelated",
        "input-request-related",
        "what a task asks for names no task",
        rewrite_message(partial(_question, related=False, augmented=False)),
    ),
    old(
        "question-as-task",
        "requestor-gated",
        "a client that declares no tasks is asked for one",
        rewrite_message(partial(_question, related=True, augmented=True)),
    ),
    # -- progress
    old(
        "progress-token-changes",
        "progress.task-token-kept",
        "the progress of a task carries the id of the task for a token",
        said(PROGRESS, _renamed),
    ),
    old(
        "progress-goes-on",
        "progress.task-stops-at-terminal",
        "progress is reported after the end of a task",
        combine(after_response(_reports_on), results(GET, _noted)),
    ),
)
