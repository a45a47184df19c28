"""Variants of the handshake, of capabilities, and of ping."""

from __future__ import annotations

from typing import Any

from reference_server._context import HANDSHAKE_REVISIONS, SESSION_HEADER, VERSION_KEY, RequestContext
from reference_server._jsonrpc import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    RESOURCE_NOT_FOUND,
    encode,
    error_message,
)
from reference_server._layers import (
    EventBlock,
    Layer,
    Response,
    answer_instead,
    combine,
    rewrite_events,
    rewrite_message,
    tee,
)
from reference_server.faults.subscriptions import refused
from reference_server.variants import Variant

Json = dict[str, Any]
PING = {"jsonrpc": "2.0", "id": "server-ping-1", "method": "ping"}
CAPABILITIES = ("completions", "extensions", "logging", "prompts", "resources", "tasks", "tools")
NOT_FOUND = (INVALID_PARAMS, RESOURCE_NOT_FOUND)
TOOLS_CHANGED = {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}


def opens(context: RequestContext) -> bool:
    """Select the request whose result names the capabilities."""
    return context.is_initialize or (context.is_modern and context.is_plain)


def with_capabilities(**capabilities: Any) -> Layer:
    """Declare more capabilities; None leaves one out."""

    def changed(message: Any, context: RequestContext) -> Any:
        if not opens(context) or not isinstance(message, dict) or "result" not in message:
            return message
        found = {**message["result"]["capabilities"], **capabilities}
        kept = {name: value for name, value in found.items() if value is not None}
        return {**message, "result": {**message["result"], "capabilities": kept}}

    return rewrite_message(changed)


def is_undeclared_list(context: RequestContext) -> bool:
    """Select prompts/list in a session, or where there are no sessions."""
    return context.is_request and context.rpc_method == "prompts/list" and context.revision is not None


def before_initialize(context: RequestContext) -> bool:
    """Select requests without a session id."""
    early = context.is_request and not context.is_initialize and context.header(SESSION_HEADER) is None
    return early and context.header("origin") is None


def is_offered(context: RequestContext) -> bool:
    """Select requests of methods that need a capability."""
    plain = context.is_plain or context.is_initialize or context.rpc_method == "subscriptions/listen"
    return context.is_request and not plain


def unknown_method(response: Response, context: RequestContext) -> Response:
    """Refuse what the server inside serves as an unknown method."""
    missing = any(m.get("error", {}).get("code") in NOT_FOUND for m in response.messages)
    if response.status != 200 and not (missing and VERSION_KEY in context.meta):
        return response
    body = error_message(METHOD_NOT_FOUND, "Method not found", request_id=context.rpc_id)
    status = 404 if context.is_modern else 200
    return Response(status, (("content-type", "application/json"),), encode(body))


def ping_first(context: RequestContext) -> bytes:
    """Return a ping request for the beginning of a GET stream."""
    return EventBlock((("data", encode(PING).decode()),)).encode() if context.method == "GET" else b""


def ahead_of_tools(message: Any, context: RequestContext) -> Any:
    """Announce changed tools ahead of the list."""
    listed = context.rpc_method == "tools/list" and isinstance(message, dict) and "result" in message
    return [TOOLS_CHANGED, message] if listed else message


NO_CAPABILITIES = combine(
    tee(is_offered, unknown_method),
    refused(404, METHOD_NOT_FOUND),
    with_capabilities(**dict.fromkeys(CAPABILITIES)),
)

VARIANTS = (
    Variant(
        "vendor-capabilities",
        summary="Capabilities that no revision names are declared, with values of any type.",
        layer=with_capabilities(**{"x-example": True, "experimental": {"example.com/feature": {}}}),
    ),
    Variant(
        "empty-list-undeclared",
        summary="prompts is not declared, and prompts/list is an empty list: untidy, but nothing is offered.",
        layer=combine(
            answer_instead(
                is_undeclared_list,
                200,
                body=lambda c: {"jsonrpc": "2.0", "id": c.rpc_id, "result": {"prompts": []}},
            ),
            with_capabilities(prompts=None),
        ),
        # From 2026-07-28 on methods of an undeclared capability do not exist.
        revisions=HANDSHAKE_REVISIONS,
    ),
    Variant(
        "no-capabilities",
        summary="No capability is declared, and no method that needs one is offered.",
        layer=NO_CAPABILITIES,
    ),
    Variant(
        "early-request-error",
        ("stateful",),
        summary="A request before initialize gets a JSON-RPC error with HTTP 400.",
        layer=answer_instead(
            before_initialize,
            400,
            body=lambda c: {
                "jsonrpc": "2.0",
                "id": c.rpc_id,
                "error": {"code": INVALID_REQUEST, "message": "Initialize first"},
            },
        ),
        revisions=HANDSHAKE_REVISIONS,
    ),
    Variant(
        "pings-the-client",
        ("stateful",),
        summary="A GET stream begins with a ping from the server, which is allowed at any time.",
        layer=rewrite_events(lambda block, _: block, before=ping_first),
        revisions=HANDSHAKE_REVISIONS,
    ),
    Variant(
        "announces-tools",
        summary="listChanged is declared, and changed tools are announced on the stream of a request.",
        layer=combine(with_capabilities(tools={"listChanged": True}), rewrite_message(ahead_of_tools)),
        options={"json_response": False},
        revisions=HANDSHAKE_REVISIONS,  # later ones announce changes to those who listen for them only
    ),
)
