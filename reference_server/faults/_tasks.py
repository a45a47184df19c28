"""What faults and variants of tasks are made of: requests of tasks, and what they get."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any, Final

from reference_server._calls import Call, Response
from reference_server._context import HANDSHAKE_REVISIONS, Layer, RequestContext
from reference_server._jsonrpc import encode, error_message
from reference_server._layers import Predicate, answer_instead, rewrite_message
from reference_server.corrections_modern import CAPABILITIES_KEY
from reference_server.faults import Fault
from reference_server.task_store import TERMINAL

Json = dict[str, Any]

EXTENSION: Final = "io.modelcontextprotocol/tasks"
RELATED: Final = "io.modelcontextprotocol/related-task"
REVISION: Final = HANDSHAKE_REVISIONS[-1]


# -- selecting --------------------------------------------------------------------------------------------


def is_old(*methods: str) -> Predicate:
    """Select requests of 2025-11-25 with some methods."""
    return lambda c: c.rpc_method in methods and not c.is_modern and c.revision == REVISION


def is_new(*methods: str) -> Predicate:
    """Select requests of the modern era with some methods."""
    return lambda c: c.rpc_method in methods and c.is_modern


def augmented(*tools: str, **arguments: object) -> Predicate:
    """Select calls of some tools, or of all, that ask for a task."""
    called = calls(*tools, **arguments)
    return lambda c: is_old("tools/call")(c) and "task" in c.params and called(c)


def calls(*tools: str, **arguments: object) -> Predicate:
    """Select calls of some tools, or of all, perhaps with some arguments."""

    def selected(context: RequestContext) -> bool:
        if context.rpc_method != "tools/call" or (tools and context.params.get("name") not in tools):
            return False
        given = context.params.get("arguments")
        return isinstance(given, dict) and arguments.items() <= given.items()

    return selected


def of_tool(*tools: str, **arguments: object) -> Callable[[RequestContext], bool]:
    """Select requests of tasks that were made by calls of some tools; needs `remember_tasks`."""

    def selected(context: RequestContext) -> bool:
        found = context.state.get("made tasks", {}).get(context.params.get("taskId"))
        return found is not None and calls(*tools, **arguments)(found)

    return selected


def declares(context: RequestContext) -> bool:
    """Tell whether a client declares the extension."""
    extensions = context.meta.get(CAPABILITIES_KEY, {}).get("extensions", {})
    return EXTENSION in extensions


# -- changing ---------------------------------------------------------------------------------------------


def remember_tasks(message: Any, context: RequestContext) -> Any:
    """Note which call made a task."""
    result = message.get("result", {})
    if context.rpc_method == "tools/call" and isinstance(result, dict):
        made = result.get("task", result)
        if "taskId" in made:
            context.state.setdefault("made tasks", {})[made["taskId"]] = context
    return message


def results(selected: Predicate, change: Callable[[Json, RequestContext], object]) -> Layer:
    """Change a copy of the results of some requests."""

    def changed(message: Any, context: RequestContext) -> Any:
        remember_tasks(message, context)
        if "result" not in message or not selected(context):
            return message
        message = copy.deepcopy(message)
        change(message["result"], context)
        return message

    return rewrite_message(changed)


def result(selected: Predicate, change: Callable[[Json], object]) -> Layer:
    """Change a copy of the results of some requests, without a look at the request."""
    return results(selected, lambda found, _: change(found))


def task(selected: Predicate, **members: object) -> Layer:
    """Set members of the tasks in the results of some requests; None removes one."""

    def change(found: Json) -> None:
        for each in found.get("tasks", [found.get("task", found)]):
            for name, value in members.items():
                if value is None:
                    each.pop(name, None)
                else:
                    each[name] = value

    return result(selected, change)


def errors(selected: Predicate, *, only: int | None = None, **members: object) -> Layer:
    """Set members of the errors that some requests get, or only of those with a code."""

    def changed(message: Any, context: RequestContext) -> Any:
        if "error" not in message or not selected(context):
            return message
        if only is not None and message["error"]["code"] != only:
            return message
        return {**message, "error": {**message["error"], **members}}

    return rewrite_message(changed)


def said(method: str, change: Callable[[Json], object]) -> Layer:
    """Change a copy of the params of what the server says by a method."""

    def changed(message: Any, context: RequestContext) -> Any:
        if message.get("method") != method or context.is_modern:
            return message
        message = copy.deepcopy(message)
        change(message["params"])
        return message

    return rewrite_message(changed)


def refuse(selected: Predicate, code: int, message: str = "Refused", status: int = 200) -> Layer:
    """Answer some requests with a JSON-RPC error."""
    return answer_instead(selected, status, body=lambda c: error_message(code, message, request_id=c.rpc_id))


def with_params(context: RequestContext, **members: object) -> RequestContext:
    """Return a request whose params have these members, or lack them (None)."""
    params = {**context.params, **members}
    kept = {name: value for name, value in params.items() if value is not None}
    return context.changed(body=encode({**context.value, "params": kept}))


def as_method(context: RequestContext, method: str) -> RequestContext:
    """Return a request with another method and the same params."""
    return context.changed(body=encode({**context.value, "method": method}))


def declaring(context: RequestContext) -> RequestContext:
    """Return a request of a client that declares the extension."""
    capabilities = {**context.meta.get(CAPABILITIES_KEY, {}), "extensions": {EXTENSION: {}}}
    return with_params(context, _meta={**context.meta, CAPABILITIES_KEY: capabilities})


async def answer(call: Call, response: Response) -> None:
    """Answer with a response of the server inside."""
    await call.answer(response.status, response.headers, response.body)


def has_ended(found: Mapping[str, Any]) -> bool:
    """Tell whether a description of a task says that it has ended."""
    return found.get("status") in TERMINAL


def old(
    id: str,
    requirement: str,
    summary: str,
    layer: Layer,
    *,
    modes: tuple[str, ...] = ("stateful",),
    options: Mapping[str, bool | str] | None = None,
) -> Fault:
    """Make a fault of the experimental feature."""
    return Fault(
        f"tasks.{id}",
        (requirement if "." in requirement else f"tasks.{requirement}",),
        modes,
        summary=summary,
        layer=layer,
        options=options or {},
        revisions=(REVISION,),
    )


def new(id: str, requirement: str, summary: str, layer: Layer) -> Fault:
    """Make a fault of the extension."""
    return Fault(f"tasks.{id}", (f"tasks.{requirement}",), ("stateless",), summary=summary, layer=layer)
