"""Faults of lists: another order each time, other items on a connection that was used before."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

from reference_server._context import ASGIApp, Layer, Receive, RequestContext, Scope, Send, context_of
from reference_server._layers import rewrite_message
from reference_server.faults import Fault

MEMBERS = {"tools": "tools/list", "prompts": "prompts/list", "resources": "resources/list"}


def changed_list(member: str, change: Callable[[list[Any], RequestContext], list[Any]]) -> Layer:
    """Change the items of a list in the modern era."""

    def changed(message: Any, context: RequestContext) -> Any:
        if context.rpc_method != MEMBERS[member] or not context.is_modern or "result" not in message:
            return message
        items = change(message["result"][member], context)
        return {**message, "result": {**message["result"], member: items}}

    return rewrite_message(changed)


def rotating(member: str) -> Layer:
    """Begin a list with another item each time."""
    starts = itertools.count(1)

    def rotate(items: list[Any], _: RequestContext) -> list[Any]:
        start = next(starts) % len(items)
        return items[start:] + items[:start]

    return changed_list(member, rotate)


def shrinking(member: str, *, after: str) -> Layer:
    """Leave the last item out once a connection carried a request of some method before.

    Args:
        member: The list.
        after: Method of that request.
    """

    def build(inner: ASGIApp) -> ASGIApp:
        used: set[tuple[str, int]] = set()

        def shrink(items: list[Any], context: RequestContext) -> list[Any]:
            return items[:-1] if context.state.pop("shrink", False) else items

        shrunk = changed_list(member, shrink)(inner)

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            context = context_of(scope)
            connection = tuple(scope.get("client") or ("", 0))
            asked = context.is_modern and context.rpc_method == MEMBERS[member]
            context.state["shrink"] = asked and connection in used
            await shrunk(scope, receive, send)
            if context.rpc_method == after:
                used.add(connection)

        return app

    return build


FAULTS = (
    Fault(
        "tools.order-varies",
        ("tools.list-deterministic-order",),
        ("stateless",),
        summary="the list of tools begins with another tool each time",
        layer=rotating("tools"),
    ),
    Fault(
        "tools.fewer-on-used-connection",
        ("tools.list-not-per-connection",),
        ("stateless",),
        summary="a connection that listed tools before gets fewer",
        layer=shrinking("tools", after="tools/list"),
    ),
    Fault(
        "tools.fewer-after-call",
        ("tools.list-not-per-connection",),
        ("stateless",),
        summary="a call changes the list of tools of its connection",
        layer=shrinking("tools", after="tools/call"),
    ),
    Fault(
        "prompts.fewer-on-used-connection",
        ("prompts.list-not-per-connection",),
        ("stateless",),
        summary="a connection that listed prompts before gets fewer",
        layer=shrinking("prompts", after="prompts/list"),
    ),
    Fault(
        "resources.fewer-after-read",
        ("resources.list-not-per-connection",),
        ("stateless",),
        summary="a read changes the list of resources of its connection",
        layer=shrinking("resources", after="resources/read"),
    ),
)
