"""Legal metadata in unusual places and forms."""

from __future__ import annotations

from typing import Any

from reference_server._context import RequestContext
from reference_server._layers import rewrite_message
from reference_server.variants import Variant

_KEYS: dict[str, Any] = {
    "rank": 1,
    "a.b_c-d": {"_internal": "values are free"},
    "com.example/": None,
    "com.example.mcp/rank": 0.5,
    "org.example-3.api/x": [],
    "io.modelcontextprotocol/related-task": {"taskId": "none"},
}


def _decorated(message: Any, context: RequestContext) -> Any:
    result = message.get("result")
    if not isinstance(result, dict) or context.rpc_method in ("ping", "logging/setLevel"):
        return message
    result = {**result, "_meta": {**result.get("_meta", {}), **_KEYS}}
    if context.rpc_method == "tools/list":
        # An argument of a tool may have any name.
        schema = {"type": "object", "properties": {"_meta": {"_internal": True, "type": "object"}}}
        result["tools"] = [{**tool, "inputSchema": schema, "_meta": _KEYS} for tool in result["tools"]]
    if context.rpc_method == "resources/read":
        result["contents"] = [{**content, "_meta": _KEYS} for content in result["contents"]]
    return {**message, "result": result}


VARIANTS = (
    Variant(
        "vendor-metadata",
        summary="_meta keys with and without prefix on results, tools and contents, as the grammar allows",
        layer=rewrite_message(_decorated),
    ),
)
