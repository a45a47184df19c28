"""Legal hints in unusual forms, and lists on several pages."""

from __future__ import annotations

from typing import Any

from reference_server._context import MODERN_REVISIONS, RequestContext
from reference_server._layers import rewrite_message
from reference_server.variants import Variant


def _other_hints(message: Any, context: RequestContext) -> Any:
    result = message.get("result")
    if not isinstance(result, dict) or "ttlMs" not in result:
        return message
    longest = 2.0**53 if context.rpc_method == "tools/list" else float(result["ttlMs"])
    return {**message, "result": {**result, "ttlMs": longest, "cacheScope": "private"}}


def _shorter_on_second(message: Any, context: RequestContext) -> Any:
    if "cursor" not in context.params or "ttlMs" not in message.get("result", {}):
        return message
    return {**message, "result": {**message["result"], "ttlMs": 1}}


VARIANTS = (
    Variant(
        "two-pages",
        summary="lists on two pages; the second may be kept for another time than the first",
        layer=rewrite_message(_shorter_on_second),
        options={"paged": "all"},
    ),
    Variant(
        "cache-hints-in-other-forms",
        ("stateless",),
        summary="cacheScope is private, and ttlMs is huge or has a fraction of zero; a number is a number",
        layer=rewrite_message(_other_hints),
        revisions=MODERN_REVISIONS,
    ),
)
