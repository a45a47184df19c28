"""Faults of pages: cursors that are read wrongly, or lead nowhere."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any, Final

from reference_server._context import Layer, RequestContext
from reference_server._jsonrpc import INTERNAL_ERROR, encode, error_message
from reference_server._layers import Call, answer_instead, combine, handle, rewrite_message
from reference_server.faults import Fault

STATELESS: Final = ("stateless",)
LISTS: Final = {
    "tools/list": "tools",
    "prompts/list": "prompts",
    "resources/list": "resources",
    "resources/templates/list": "resourceTemplates",
}
"""The member that holds the items, by method."""


def lists(cursors: Callable[[Any], bool]) -> Callable[[RequestContext], bool]:
    """Select requests for a page of a list."""
    return lambda c: (
        c.is_request
        and c.revision is not None
        and c.rpc_method in LISTS
        and "cursor" in c.params
        and cursors(c.params["cursor"])
    )


def is_invented(cursor: object) -> bool:
    """Select the cursor of the check that none was given out for."""
    return isinstance(cursor, str) and cursor.startswith("mcp-http-check")


def without_cursor(context: RequestContext) -> RequestContext:
    """Return a request for the first page."""
    params = {name: value for name, value in context.params.items() if name != "cursor"}
    return context.changed(body=encode({**context.value, "params": params}))


async def first_page_instead(call: Call) -> None:
    """Take a cursor that is unknown for none."""
    invented = lists(is_invented)(call.context)
    await call.forward(without_cursor(call.context) if invented else call.context)


def pages(change: Callable[[dict[str, Any], RequestContext], object]) -> Layer:
    """Change pages of lists."""

    def changed(message: Any, context: RequestContext) -> Any:
        if context.rpc_method not in LISTS or "result" not in message:
            return message
        result = dict(message["result"])
        change(result, context)
        return {**message, "result": result}

    return rewrite_message(changed)


async def once(call: Call) -> None:
    """Take each cursor once: it stands for one of the server inside, under a name of its own."""
    known: dict[str, str] = call.state.setdefault("cursors", {})
    cursor = call.context.params.get("cursor")
    context = call.context
    if lists(lambda cursor: isinstance(cursor, str))(context):
        params = {**context.params, "cursor": known.pop(str(cursor), cursor)}
        context = context.changed(body=encode({**context.value, "params": params}))
    await call.forward(context)


def renamed(result: dict[str, Any], context: RequestContext) -> None:
    """Give out a cursor under a new name."""
    if "nextCursor" in result:
        name = secrets.token_hex(8)
        context.state.setdefault("cursors", {})[name] = result["nextCursor"]
        result["nextCursor"] = name


def refused(cursors: Callable[[Any], bool], code: int, status: int) -> Layer:
    """Refuse some cursors."""
    return answer_instead(
        lists(cursors), status, body=lambda c: error_message(code, "No", request_id=c.rpc_id)
    )


def fault(name: str, requirement: str, summary: str, layer: Layer) -> Fault:
    """Build a fault of this chapter that breaks one requirement."""
    return Fault(
        f"pagination.{name}", (f"pagination.{requirement}",), STATELESS, summary=summary, layer=layer
    )


FAULTS = (
    fault(
        "cursor-ignored",
        "invalid-cursor-32602",
        "an unknown cursor gets the first page",
        handle(first_page_instead),
    ),
    fault(
        "cursor-as-failure",
        "invalid-cursor-32602",
        "an unknown cursor is an internal error",
        refused(is_invented, INTERNAL_ERROR, 200),
    ),
    fault(
        "number-fails",
        "invalid-cursor-graceful",
        "a cursor that is a number gets HTTP 500",
        refused(lambda cursor: isinstance(cursor, int), INTERNAL_ERROR, 500),
    ),
    fault(
        "long-cursor-fails",
        "invalid-cursor-graceful",
        "a long cursor gets HTTP 500",
        answer_instead(lists(lambda cursor: len(str(cursor)) > 4096), 500, body="Internal Server Error"),
    ),
    fault(
        "non-ascii-fails",
        "invalid-cursor-graceful",
        "a cursor beyond ASCII gets an empty response",
        answer_instead(lists(lambda cursor: not str(cursor).isascii()), 200),
    ),
    fault(
        "cursor-once",
        "stable-cursor",
        "a cursor leads to its page once",
        combine(pages(renamed), handle(once)),
    ),
    fault(
        "null-cursor",
        "next-cursor-string",
        "nextCursor of the last page is null",
        pages(lambda result, context: result.setdefault("nextCursor", None)),
    ),
    fault(
        "cursor-number",
        "next-cursor-string",
        "nextCursor is a number",
        pages(lambda result, context: result.update(nextCursor=1) if "nextCursor" in result else None),
    ),
    fault(
        "cursor-circle",
        "walk-terminates",
        "the last page leads to itself",
        pages(
            lambda result, context: (
                result.update(nextCursor=context.params["cursor"]) if "cursor" in context.params else None
            )
        ),
    ),
    fault(
        "pages-overlap",
        "walk-terminates",
        "the first page has an item of the second, too",
        pages(
            lambda result, context: (
                result.update(
                    resources=[
                        *result["resources"],
                        {"uri": "file:///reference/notes/today.txt", "name": "today.txt"},
                    ]
                )
                if context.rpc_method == "resources/list" and "nextCursor" in result
                else None
            )
        ),
    ),
)
