"""Legal hints in unusual forms, and lists on several pages."""

from __future__ import annotations

import base64
from typing import Any, Final

from reference_server._context import MODERN_REVISIONS, Layer, RequestContext
from reference_server._jsonrpc import encode
from reference_server._layers import combine, rewrite_message, rewrite_request_body
from reference_server.variants import Variant

LISTS: Final = {
    "tools/list": "tools",
    "prompts/list": "prompts",
    "resources/list": "resources",
    "resources/templates/list": "resourceTemplates",
}
"""The member that holds the items, by method."""


def _cursor(method: str) -> str:
    """Return the cursor of the second page of a list; clients cannot tell what it means."""
    return base64.urlsafe_b64encode(f"second page of {method}".encode()).decode()


def _asks_for_second(context: RequestContext) -> bool:
    method = context.rpc_method or ""
    return context.is_request and method in LISTS and context.params.get("cursor") == _cursor(method)


def _whole_list(context: RequestContext) -> bytes | None:
    """Ask the server inside, whose lists are whole, without our cursor; it refuses all others."""
    if not _asks_for_second(context):
        return None
    params = {name: value for name, value in context.params.items() if name != "cursor"}
    return encode({**context.value, "params": params})


def _page(message: Any, context: RequestContext) -> Any:
    """Give one half of a list of at least two items, and from the first half the way to the second."""
    member = LISTS.get(context.rpc_method or "")
    if member is None or "result" not in message or len(message["result"][member]) < 2:
        return message
    items = message["result"][member]
    half = len(items) // 2
    if _asks_for_second(context):
        return {**message, "result": {**message["result"], member: items[half:]}}
    first = {**message["result"], member: items[:half], "nextCursor": _cursor(context.rpc_method or "")}
    return {**message, "result": first}


in_two_pages: Final[Layer] = combine(rewrite_message(_page), rewrite_request_body(_whole_list))
"""Gives lists of two or more items on two pages."""


def _other_hints(message: Any, context: RequestContext) -> Any:
    result = message.get("result")
    if not isinstance(result, dict) or "ttlMs" not in result:
        return message
    longest = 2.0**53 if context.rpc_method == "tools/list" else float(result["ttlMs"])
    return {**message, "result": {**result, "ttlMs": longest, "cacheScope": "private"}}


def _shorter_on_second(message: Any, context: RequestContext) -> Any:
    if not _asks_for_second(context) or "ttlMs" not in message.get("result", {}):
        return message
    return {**message, "result": {**message["result"], "ttlMs": 1}}


VARIANTS = (
    Variant(
        "two-pages",
        summary="lists on two pages; the second may be kept for another time than the first",
        layer=combine(rewrite_message(_shorter_on_second), in_two_pages),
    ),
    Variant(
        "cache-hints-in-other-forms",
        ("stateless",),
        summary="cacheScope is private, and ttlMs is huge or has a fraction of zero; a number is a number",
        layer=rewrite_message(_other_hints),
        revisions=MODERN_REVISIONS,
    ),
)
