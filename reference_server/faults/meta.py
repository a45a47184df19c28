"""Faults of `_meta`: keys that break the grammar, prefixes of others, metadata that is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reference_server._context import ASGIApp, Layer, RequestContext
from reference_server._jsonrpc import INVALID_PARAMS, error_message
from reference_server._layers import answer_instead, rewrite_message
from reference_server.faults import Fault
from reference_server.faults.incomplete import CLIENT_KEY
from reference_server.faults.schema import result_of

OWN_PREFIX = "io.modelcontextprotocol/"
SERVER_KEY = f"{OWN_PREFIX}serverInfo"


def with_key(key: str) -> Any:
    """Build a layer that gives a tool one more `_meta` key."""
    return result_of("tools/list", lambda r: r["tools"][0].setdefault("_meta", {}).update({key: 1}))


def has_vendor_meta(context: RequestContext) -> bool:
    """Select requests with a `_meta` key of some vendor."""
    vendors = [key for key in context.meta if "/" in key and not key.startswith(OWN_PREFIX)]
    return context.is_request and bool(vendors)


def has_trace_context(context: RequestContext) -> bool:
    """Select requests that carry trace context."""
    return context.is_request and "traceparent" in context.meta


def with_meta_of(method: str, **members: Any) -> Layer:
    """Set members of the `_meta` of the results of a method."""
    return result_of(method, lambda r: r.setdefault("_meta", {}).update(members))


def nameless(method: str) -> Layer:
    """Leave the name of the server out of the results of a method."""
    return result_of(method, lambda r: r["_meta"].pop(SERVER_KEY))


def fewer_tools(select: Callable[[dict[str, Any]], bool]) -> Layer:
    """Hide the last tool from clients whose `clientInfo` is selected; it is empty where there is none."""

    def changed(message: Any, context: RequestContext) -> Any:
        hidden = context.is_modern and select(context.meta.get(CLIENT_KEY, {}))
        if not hidden or context.rpc_method != "tools/list" or "result" not in message:
            return message
        result = message["result"]
        return {**message, "result": {**result, "tools": result["tools"][:-1]}}

    return rewrite_message(changed)


def modern_fault(id: str, requirement: str, summary: str, layer: Layer) -> Fault:
    """Make a fault of a requirement that only the modern era has."""
    return Fault(f"meta.{id}", (requirement,), ("stateless",), summary=summary, layer=layer)


def key_fault(id: str, requirement: str, key: str) -> Fault:
    """Make a fault of one key."""
    return Fault(f"meta.{id}", (requirement,), summary=f"a tool has the _meta key {key}", layer=with_key(key))


def _content(inner: ASGIApp) -> ASGIApp:
    return result_of("resources/read", lambda r: r["contents"][0].update(_meta={"cached at": 0}))(inner)


FAULTS = (
    key_fault("key-underscore", "meta.key-format", "_internal"),
    key_fault("key-empty-label", "meta.key-format", "com..example/rank"),
    key_fault("key-label-digit", "meta.key-format", "com.1example/rank"),
    key_fault("key-ends-with-dash", "meta.key-format", "com.example/rank-"),
    Fault(
        "meta.key-two-slashes",
        ("meta.key-format",),
        summary="a result has a _meta key with two slashes",
        layer=with_meta_of("resources/list", **{"com.example/two/parts": 1}),
    ),
    Fault(
        "meta.key-space",
        ("meta.key-format",),
        summary="the content of a resource has a _meta key with a space",
        layer=_content,
    ),
    key_fault("reserved-inner-label", "meta.reserved-prefix.2025-06-18", "com.example.mcp.tools/rank"),
    key_fault("reserved-second-label", "meta.reserved-prefix", "io.modelcontextprotocol/rank"),
    key_fault("reserved-second-label-short", "meta.reserved-prefix", "dev.mcp/rank"),
    key_fault("domain-forward", "meta.reverse-dns", "example.com/rank"),
    key_fault("prefix-one-word", "meta.reverse-dns", "example/rank"),
    Fault(
        "meta.vendor-keys-refused",
        ("meta.unknown-keys-tolerated",),
        summary="a request with vendor metadata is refused",
        layer=answer_instead(
            has_vendor_meta,
            400,
            body=lambda c: error_message(INVALID_PARAMS, "Unknown _meta key", request_id=c.rpc_id),
        ),
    ),
    modern_fault(
        "client-nameless-fewer-tools",
        "meta.client-info-not-behavioural",
        "A client that does not say who it is sees fewer tools.",
        fewer_tools(lambda info: not info),
    ),
    modern_fault(
        "client-named-fewer-tools",
        "meta.client-info-not-behavioural",
        "A client whose name says that it acts by itself sees fewer tools.",
        fewer_tools(lambda info: "agent" in info.get("name", "")),
    ),
    modern_fault(
        "server-info-missing",
        "meta.server-info-every-result",
        "Lists of prompts do not name the server.",
        nameless("prompts/list"),
    ),
    modern_fault(
        "server-info-missing-in-contents",
        "meta.server-info-every-result",
        "What is read of a resource does not name the server.",
        nameless("resources/read"),
    ),
    modern_fault(
        "trace-parent-short",
        "meta.trace-context-format",
        "A result carries a trace id where a traceparent is due.",
        with_meta_of("prompts/list", traceparent="0af7651916cd43dd8448eb211c80319c"),
    ),
    modern_fault(
        "trace-state-object",
        "meta.trace-context-format",
        "A result carries a tracestate that is an object.",
        with_meta_of("prompts/list", tracestate={"example": "1"}),
    ),
    modern_fault(
        "trace-baggage-blanks",
        "meta.trace-context-format",
        "A result carries baggage with blanks that are not encoded.",
        with_meta_of("tools/list", baggage="user=a person"),
    ),
    modern_fault(
        "trace-context-refused",
        "meta.trace-context-accepted",
        "A request with trace context is refused for keys without prefix.",
        answer_instead(
            has_trace_context,
            400,
            body=lambda c: error_message(INVALID_PARAMS, "Keys need a prefix", request_id=c.rpc_id),
        ),
    ),
)
