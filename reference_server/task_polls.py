"""Tasks on the wire of 2025-11-25: the methods that are served, and the form of answers to polls."""

from __future__ import annotations

from typing import Final

from reference_server._calls import Call, handle, without_header
from reference_server._context import ASGIApp, Facts, RequestContext

REVISION: Final = "2025-11-25"
METHODS: Final = frozenset({"tasks/get", "tasks/result", "tasks/cancel"})
LIST: Final = "tasks/list"


def serves(context: RequestContext) -> bool:
    """Tell whether a request of the handshake era is one of tasks that is served.

    Without sessions and tokens nothing tells clients apart, so there is no list
    (basic/utilities/tasks#task-isolation-and-access-control).
    """
    if context.revision != REVISION:
        return False
    return context.rpc_method in METHODS or (context.rpc_method == LIST and lists(context.facts))


def lists(facts: Facts) -> bool:
    """Tell whether tasks are listed: those of the session, or those of the principal."""
    return facts.mode == "stateful" or facts.authorization is not None


def answered_with_json(inner: ASGIApp) -> ASGIApp:
    """Answer polls with JSON; the SDK opens an event stream (basic/utilities/tasks#input-required-status)."""

    async def run(call: Call) -> None:
        context = call.context
        if context.is_modern or context.rpc_method != "tasks/get" or not context.is_request:
            await call.forward()
            return
        response = await call.capture()
        messages = response.messages
        if response.status == 200 and messages:
            headers = without_header(response.headers, "content-type")
            await call.answer(200, headers, messages[-1])
        else:
            await call.answer(response.status, response.headers, response.body)

    return handle(run)(inner)
