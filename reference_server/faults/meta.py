"""Faults of `_meta`: keys that break the grammar, prefixes of others, metadata that is refused."""

from __future__ import annotations

from typing import Any

from reference_server._context import ASGIApp, RequestContext
from reference_server._jsonrpc import INVALID_PARAMS, error_message
from reference_server._layers import answer_instead
from reference_server.faults import Fault
from reference_server.faults.schema import result_of


def with_key(key: str) -> Any:
    """Build a layer that gives a tool one more `_meta` key."""
    return result_of("tools/list", lambda r: r["tools"][0].setdefault("_meta", {}).update({key: 1}))


def has_vendor_meta(context: RequestContext) -> bool:
    """Select requests with a `_meta` key of some vendor."""
    meta = context.params.get("_meta")
    return context.is_request and isinstance(meta, dict) and bool(meta.keys() - {"progressToken"})


def key_fault(id: str, requirement: str, key: str) -> Fault:
    """Make a fault of one key."""
    return Fault(f"meta.{id}", (requirement,), summary=f"a tool has the _meta key {key}", layer=with_key(key))


def _whole_result(inner: ASGIApp) -> ASGIApp:
    return result_of("resources/list", lambda r: r.update(_meta={"com.example/two/parts": 1}))(inner)


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
        layer=_whole_result,
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
)
