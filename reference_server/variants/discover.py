"""Discoveries that say little, or much."""

from __future__ import annotations

from typing import Any

from reference_server._context import HANDSHAKE_REVISIONS, MODERN_REVISIONS, RequestContext
from reference_server._jsonrpc import METHOD_NOT_FOUND, encode, error_message
from reference_server._layers import answer_instead, combine, rewrite_request_body, when
from reference_server.faults.discover import discovery, named_in_error
from reference_server.variants import Variant

ONE = ("stateless",)


NO_CAPABILITY = ("server/discover", "subscriptions/listen")


def is_undeclared(context: RequestContext) -> bool:
    """Select requests of capabilities that are right in what is looked at before the method."""
    live = context.is_modern and context.revision is not None and context.header("origin") is None
    return context.is_request and live and context.rpc_method not in NO_CAPABILITY


def _without_filter(context: RequestContext) -> bytes:
    return encode({**context.value, "params": {**context.params, "notifications": {}}})


subscribes_to_nothing = when(
    lambda context: context.is_modern and isinstance(context.params.get("notifications"), dict),
    rewrite_request_body(_without_filter),
)
"""Serve subscriptions as a server without features does, which has nothing to tell."""


def _with_extensions(result: dict[str, Any]) -> None:
    result["capabilities"]["extensions"] = {
        "com.example/paging": {},
        "io.modelcontextprotocol/ui": {"mimeTypes": ["text/html;profile=mcp-app"]},
        "org.example-3.api/": {"nothing": None},
    }
    result["capabilities"]["x-example"] = True
    result["x-example"] = [None]


def _with_older_versions(value: dict[str, Any], member: str) -> None:
    value[member] = ["2024-11-05", *HANDSHAKE_REVISIONS, *MODERN_REVISIONS, "DRAFT-next"]


def _bare(result: dict[str, Any]) -> None:
    result["capabilities"] = {}
    del result["instructions"]
    result.update(ttlMs=0, cacheScope="private")


VARIANTS = (
    Variant(
        "discovers-extensions",
        ONE,
        summary="Extensions with and without settings, and members that no revision names, are declared.",
        layer=discovery(_with_extensions),
        revisions=MODERN_REVISIONS,
    ),
    Variant(
        "discovers-older-versions",
        ONE,
        summary="Versions are listed that are older than this transport, or no dates.",
        layer=combine(
            discovery(lambda result: _with_older_versions(result, "supportedVersions")),
            named_in_error(lambda data: _with_older_versions(data, "supported")),
        ),
        revisions=MODERN_REVISIONS,
    ),
    Variant(
        "discovers-nothing",
        ONE,
        summary="No capability is declared, so that no method but the discovery is served.",
        layer=combine(
            discovery(_bare),
            subscribes_to_nothing,
            answer_instead(
                is_undeclared,
                404,
                body=lambda c: error_message(METHOD_NOT_FOUND, "Method not found", request_id=c.rpc_id),
            ),
        ),
        revisions=MODERN_REVISIONS,
    ),
)
