"""Legal ways to make tasks, to ask for input and to end, in which servers differ."""

from __future__ import annotations

from typing import Any

from reference_server._calls import Call
from reference_server._context import MODERN_REVISIONS, Layer, RequestContext
from reference_server._jsonrpc import INVALID_PARAMS, INVALID_REQUEST, error_message
from reference_server._layers import (
    handle,
    push_to_get_streams,
    rewrite_events,
    when,
)
from reference_server._sse import EventBlock
from reference_server.corrections_modern import CAPABILITIES_KEY
from reference_server.faults._tasks import (
    RELATED,
    REVISION,
    Json,
    answer,
    augmented,
    calls,
    declares,
    is_new,
    is_old,
    refuse,
    result,
    results,
    with_params,
)
from reference_server.variants import Variant

DESCRIBED = is_old("tools/call", "tasks/get", "tasks/list", "tasks/cancel")


def _silent(block: EventBlock, context: RequestContext) -> EventBlock | None:
    """Drop what is only good to know."""
    quiet = '"notifications/tasks/status"' in (block.data or "") or RELATED in (block.data or "")
    return None if quiet and '"method":"notifications/' in (block.data or "") else block


async def _ask_beside(call: Call) -> None:
    """Send what a task asks for on the GET stream, and not on that of its result."""

    async def send(message: Any) -> None:
        body = message.get("body", b"")
        if b'"method":"elicitation/create"' in body:
            await push_to_get_streams(call.context.facts, body, session_id=call.context.session_id)
            message = {**message, "body": b""}
        await call.send(message)

    await call.forward(send=send)


async def _whole_list(call: Call) -> None:
    """List all tasks on one page."""
    response = await call.capture()
    found = response.messages
    while found and found[0].get("result", {}).get("nextCursor"):
        more = await call.capture(with_params(call.context, cursor=found[0]["result"].pop("nextCursor")))
        page = more.messages[0]["result"]
        found[0]["result"] = {**page, "tasks": found[0]["result"]["tasks"] + page["tasks"]}
    if found and "result" in found[0]:
        await call.answer(200, (), found[0])
    else:
        await answer(call, response)


async def _forget(call: Call) -> None:
    """Forget a task as soon as it is cancelled."""
    gone = call.state.setdefault("forgotten tasks", set())
    if call.context.params.get("taskId") in gone:
        refusal = error_message(INVALID_PARAMS, "Task not found", request_id=call.context.rpc_id)
        await call.answer(200, (), refusal)
        return
    response = await call.capture()
    if call.context.rpc_method == "tasks/cancel":
        gone |= {message["result"]["taskId"] for message in response.messages if "result" in message}
    await answer(call, response)


def _named(found: Json, context: RequestContext) -> None:
    """Name the task in the metadata of the answer that hands it out as well."""
    if "task" in found:
        found["_meta"] = {
            RELATED: {"taskId": found["task"]["taskId"]},
            "io.modelcontextprotocol/model-immediate-response": "The work has begun.",
        }


def _described(found: Json) -> list[Json]:
    """Return the tasks that a result describes."""
    return [each for each in found.get("tasks", [found.get("task", found)]) if "taskId" in each]


def _kept_for_good(found: Json) -> None:
    for each in _described(found):
        each["ttl"] = None
        each.pop("pollInterval", None)
        if each["status"] != "failed":
            each.pop("statusMessage", None)


def _other_clock(found: Json) -> None:
    for each in _described(found):
        for name in ("createdAt", "lastUpdatedAt"):
            each[name] = each[name].replace("Z", "+00:00")


async def _acknowledged(call: Call) -> None:
    """Acknowledge what is meant for unknown tasks."""
    response = await call.capture()
    if any(message.get("error", {}).get("code") == INVALID_PARAMS for message in response.messages):
        done = {"jsonrpc": "2.0", "id": call.context.rpc_id, "result": {"resultType": "complete"}}
        await call.answer(200, (), done)
    else:
        await answer(call, response)


async def _undeclared(call: Call) -> None:
    """Serve calls at once, although the client takes tasks."""
    declared = call.context.meta[CAPABILITIES_KEY]
    kept = {name: value for name, value in declared.items() if name != "extensions"}
    await call.forward(with_params(call.context, _meta={**call.context.meta, CAPABILITIES_KEY: kept}))


def _bare(found: Json) -> None:
    """Hand out a task without what is optional."""
    if found.get("resultType") == "task":
        found.update(ttlMs=None)
        found.pop("pollIntervalMs", None)
        found.pop("statusMessage", None)


def old(name: str, summary: str, layer: Layer, mode: str = "stateful") -> Variant:
    """Make a variant of the experimental feature."""
    return Variant(name, (mode,), summary=summary, layer=layer, revisions=(REVISION,))


def new(name: str, summary: str, layer: Layer) -> Variant:
    """Make a variant of the extension."""
    return Variant(name, ("stateless",), summary=summary, layer=layer, revisions=MODERN_REVISIONS)


VARIANTS = (
    old(
        "tasks-only",
        "all tool calls have to ask for a task; servers that declare tasks may require that",
        refuse(
            lambda c: is_old("tools/call")(c) and "task" not in c.params and "name" in c.params,
            INVALID_REQUEST,
            "Task augmentation required",
        ),
    ),
    old(
        "tasks-kept-for-good",
        "tasks have null for ttl, and neither pollInterval nor statusMessage, which are optional",
        result(DESCRIBED, _kept_for_good),
    ),
    old(
        "tasks-silent",
        "tasks send no status and no progress; both are optional",
        rewrite_events(_silent),
    ),
    old(
        "tasks-ask-beside",
        "a task asks on the GET stream; messages may come on any stream",
        when(is_old("tasks/result"), handle(_ask_beside)),
    ),
    old(
        "tasks-on-one-page",
        "tasks/list has one page only",
        when(lambda c: is_old("tasks/list")(c) and "cursor" not in c.params, handle(_whole_list)),
    ),
    old(
        "tasks-forgotten",
        "a cancelled task is deleted at once",
        when(is_old("tasks/get", "tasks/result", "tasks/cancel"), handle(_forget)),
    ),
    old(
        "tasks-named-twice",
        "the answer that hands out a task has related-task metadata and words for the model",
        results(augmented(), _named),
    ),
    old(
        "tasks-with-offsets",
        "timestamps have +00:00 in place of Z",
        result(DESCRIBED, _other_clock),
    ),
    new(
        "tasks-optional",
        "calls are served at once, although the client takes tasks; the server decides",
        when(lambda c: calls("run_job", "count_ticks")(c) and declares(c), handle(_undeclared)),
    ),
    new(
        "tasks-never",
        "no call becomes a task, although the extension is advertised",
        when(lambda c: calls()(c) and c.is_modern and declares(c), handle(_undeclared)),
    ),
    new(
        "tasks-acknowledge-unknown",
        "updates and cancellations of unknown tasks are acknowledged; an error is only recommended",
        when(lambda c: is_new("tasks/update", "tasks/cancel")(c) and declares(c), handle(_acknowledged)),
    ),
    new(
        "tasks-for-good",
        "a new task has null for ttlMs and neither pollIntervalMs nor statusMessage",
        result(is_new("tools/call"), _bare),
    ),
)
