"""Faults of the meta chapter in requests whose `_meta` lacks what 2026-07-28 requires."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reference_server._context import MODERN_REVISIONS, VERSION_HEADER, VERSION_KEY, Layer, RequestContext
from reference_server._jsonrpc import INVALID_PARAMS, INVALID_REQUEST, encode, error_message
from reference_server._layers import answer_instead, rewrite_request_body, rewrite_response_start, when
from reference_server.corrections_modern import CAPABILITIES_KEY
from reference_server.faults import Fault

MODES = ("stateless",)
MODERN = {"era": "modern"}
CLIENT_KEY = "io.modelcontextprotocol/clientInfo"


def is_modern_request(context: RequestContext) -> bool:
    """Select the requests of the era that needs `_meta`."""
    return context.is_request and context.is_modern


def has_no_meta(context: RequestContext) -> bool:
    """Select requests without `_meta`, or with an empty one."""
    return is_modern_request(context) and context.params.get("_meta", {}) == {}


def lacks(key: str) -> Callable[[RequestContext], bool]:
    """Select requests that have a `_meta` without one key."""
    return lambda c: is_modern_request(c) and bool(c.meta) and key not in c.meta


def has(key: str, *types: type) -> Callable[[RequestContext], bool]:
    """Select requests whose `_meta` has a value of some type at a key."""
    return lambda c: is_modern_request(c) and key in c.meta and type(c.meta[key]) in types


def of(*methods: str) -> Callable[[RequestContext], bool]:
    """Select requests of some methods that have no `_meta`."""
    return lambda c: has_no_meta(c) and c.rpc_method in methods


def filled(select: Callable[[RequestContext], bool]) -> Layer:
    """Serve requests as if they had said what they lack."""

    def change(context: RequestContext) -> bytes:
        meta = {
            **context.meta,
            VERSION_KEY: context.header(VERSION_HEADER),
            CAPABILITIES_KEY: {},
        }
        return encode({**context.value, "params": {**context.params, "_meta": meta}})

    return when(select, rewrite_request_body(change))


def refused(select: Callable[[RequestContext], bool], status: int, code: int, message: str) -> Layer:
    """Refuse the selected requests."""
    return answer_instead(select, status, body=lambda c: error_message(code, message, request_id=c.rpc_id))


def with_status(status: int) -> Layer:
    """Give refusals for what `_meta` lacks another HTTP status."""

    def lacking(context: RequestContext) -> bool:
        return is_modern_request(context) and not {VERSION_KEY, CAPABILITIES_KEY} <= context.meta.keys()

    return when(
        lacking, rewrite_response_start(lambda found, lines, _: (status if found == 400 else found, lines))
    )


def fault(id: str, requirement: str, summary: str, layer: Layer, **options: Any) -> Fault:
    """Make a fault that breaks one requirement."""
    return Fault(f"meta.{id}", (requirement,), MODES, summary=summary, layer=layer, options=options)


FAULTS = (
    fault(
        "version-from-header",
        "meta.required-protocol-version",
        "The version of a request is taken from its header alone.",
        filled(lacks(VERSION_KEY)),
    ),
    fault(
        "version-missing-invalid-request",
        "meta.required-protocol-version",
        "A request without protocolVersion gets -32600.",
        refused(lacks(VERSION_KEY), 400, INVALID_REQUEST, "Which version?"),
        era="modern",
    ),
    fault(
        "capabilities-optional",
        "meta.required-client-capabilities",
        "A request without clientCapabilities is taken for one of a client that has none.",
        filled(lacks(CAPABILITIES_KEY)),
    ),
    fault(
        "capabilities-header-mismatch",
        "meta.required-client-capabilities",
        "A request without clientCapabilities gets the error for headers that differ.",
        refused(lacks(CAPABILITIES_KEY), 400, -32020, "Headers and _meta differ"),
    ),
    fault(
        "discover-without-meta",
        "meta.required-meta",
        "server/discover is served without _meta, like a health check.",
        filled(of("server/discover")),
    ),
    fault(
        "discover-without-params",
        "meta.required-meta",
        "A request without params crashes the server.",
        answer_instead(lambda c: of("server/discover")(c) and "params" not in c.value, 500),
    ),
    Fault(
        "jsonrpc.incomplete-id-null",
        ("jsonrpc.error-id-matches.unless-unreadable",),
        MODES,
        summary="A request without _meta is refused with the id null.",
        layer=answer_instead(
            of("server/discover"),
            400,
            body=lambda c: error_message(INVALID_PARAMS, "_meta is missing", request_id=None),
        ),
        revisions=MODERN_REVISIONS,
    ),
    fault(
        "incomplete-200",
        "meta.required-http-400",
        "Requests that lack something in _meta are refused with 200.",
        with_status(200),
    ),
    fault(
        "incomplete-422",
        "meta.required-http-400",
        "Requests that lack something in _meta are refused with 422, as by a validator.",
        with_status(422),
    ),
    fault(
        "lists-without-meta",
        "meta.required-every-method",
        "Lists are served without _meta.",
        filled(of("tools/list", "prompts/list")),
    ),
    fault(
        "listen-without-meta",
        "meta.required-every-method",
        "Subscriptions are opened without _meta.",
        filled(of("subscriptions/listen")),
    ),
    fault(
        "call-without-meta",
        "meta.required-every-method",
        "A tool is looked up before _meta, and its absence is a result.",
        answer_instead(
            of("tools/call"),
            200,
            body=lambda c: {
                "jsonrpc": "2.0",
                "id": c.rpc_id,
                "result": {
                    "resultType": "complete",
                    "isError": True,
                    "content": [{"type": "text", "text": "No such tool"}],
                },
            },
        ),
    ),
    fault(
        "capabilities-array-taken",
        "meta.wrong-types",
        "clientCapabilities that are an array are taken for none.",
        filled(has(CAPABILITIES_KEY, list)),
    ),
    fault(
        "capabilities-null-crash",
        "meta.wrong-types",
        "clientCapabilities that are null crash the server.",
        answer_instead(has(CAPABILITIES_KEY, type(None)), 500),
    ),
    fault(
        "version-number-taken",
        "meta.wrong-types",
        "A protocolVersion that is a number is ignored.",
        filled(has(VERSION_KEY, int)),
    ),
    fault(
        "client-info-needed",
        "meta.client-info-optional",
        "Requests that do not say which client sent them are refused.",
        refused(lacks(CLIENT_KEY), 400, INVALID_PARAMS, "Which client?"),
    ),
)
