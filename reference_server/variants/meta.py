"""Legal metadata in unusual places and forms."""

from __future__ import annotations

from typing import Any

from reference_server._context import MODERN_REVISIONS, VERSION_KEY, RequestContext
from reference_server._jsonrpc import HEADER_MISMATCH, error_message
from reference_server._layers import answer_instead, rewrite_message
from reference_server.variants import Variant

_KEYS: dict[str, Any] = {
    "rank": 1,
    "a.b_c-d": {"_internal": "values are free"},
    "com.example/": None,
    "com.example.mcp/rank": 0.5,
    "org.example-3.api/x": [],
}
_RELATED = {"io.modelcontextprotocol/related-task": {"taskId": "none"}}


def _decorated(message: Any, context: RequestContext) -> Any:
    result = message.get("result")
    if not isinstance(result, dict) or context.rpc_method in ("ping", "logging/setLevel"):
        return message
    # On the results of tasks the reserved key has a meaning.
    related = {} if (context.rpc_method or "").startswith("tasks/") else _RELATED
    result = {**result, "_meta": {**result.get("_meta", {}), **_KEYS, **related}}
    if context.rpc_method == "tools/list":
        # An argument of a tool may have any name.
        schema = {"type": "object", "properties": {"_meta": {"_internal": True, "type": "object"}}}
        result["tools"] = [{**tool, "inputSchema": schema, "_meta": _KEYS} for tool in result["tools"]]
    if context.rpc_method == "resources/read":
        result["contents"] = [{**content, "_meta": _KEYS} for content in result["contents"]]
    return {**message, "result": result}


_TRACE: dict[str, Any] = {
    "traceparent": "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00-later",
    "tracestate": "rojo=00f067aa0ba902b7, tenant@vendor=a b:c,",
    "baggage": "user%20id=a%20person;secret;level = 1 , empty=",
}


def _traced(message: Any, context: RequestContext) -> Any:
    result = message.get("result")
    if not isinstance(result, dict):
        return message
    return {**message, "result": {**result, "_meta": {**result.get("_meta", {}), **_TRACE}}}


def _states_no_version(context: RequestContext) -> bool:
    """Select modern requests; `initialize`, whose refusal is to name the versions, is none."""
    modern = context.is_request and context.is_modern and context.rpc_method != "initialize"
    return modern and not isinstance(context.meta.get(VERSION_KEY), str)


VARIANTS = (
    Variant(
        "vendor-metadata",
        summary="_meta keys with and without prefix on results, tools and contents, as the grammar allows",
        layer=rewrite_message(_decorated),
    ),
    Variant(
        "trace-context",
        modes=("stateless",),
        summary="Results carry trace context, in forms that the W3C allows.",
        layer=rewrite_message(_traced),
        revisions=MODERN_REVISIONS,
    ),
    Variant(
        "version-missing-is-mismatch",
        modes=("stateless",),
        summary="The version header is compared with _meta first, so that a version missing there differs.",
        layer=answer_instead(
            _states_no_version,
            400,
            body=lambda c: error_message(HEADER_MISMATCH, "Header and _meta differ", request_id=c.rpc_id),
        ),
        options={"era": "modern"},
        revisions=MODERN_REVISIONS,
    ),
    Variant(
        "version-missing-is-legacy",
        modes=("stateless",),
        summary="Beside the handshake era, what states no version in _meta is refused as from its clients.",
        layer=answer_instead(
            _states_no_version,
            400,
            body=lambda c: error_message(-32000, "Unsupported protocol version", request_id=c.rpc_id),
        ),
        revisions=MODERN_REVISIONS,
    ),
)
