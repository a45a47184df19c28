"""Everything a request has to pass before the SDK sees it: one check per rule, in order.

What both eras share and what the handshake era asks for; `corrections_modern` has the rest.

The SDK deviates from the revisions in each of these points, or its error lacks the request's id. Sections are
those of 2025-11-25 unless another revision is named. What has to be mended behind the SDK is in `engine`.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import Final

from mcp_types import methods as sdk_methods
from pydantic import ValidationError

from reference_server import batches, corrections_modern, cors, task_polls
from reference_server._calls import Payload, respond
from reference_server._context import (
    HANDSHAKE_REVISIONS,
    SESSION_HEADER,
    VERSION_HEADER,
    ASGIApp,
    Receive,
    RequestContext,
    Scope,
    Send,
    context_of,
)
from reference_server._jsonrpc import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    UNREADABLE,
    Refusal,
    check_message,
    check_portable,
    error_message,
    parse,
)
from reference_server.authorization import authorized

_LOOPBACK_HOSTS: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})
_LOOPBACK_ADDRESS: Final = re.compile(r"127\.\d+\.\d+\.\d+|::1|localhost")
_LOOPBACK_ORIGIN: Final = re.compile(r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?")

VERBS: Final = {"stateful": ("GET", "POST", "DELETE"), "stateless": ("POST",)}

SERVED_METHODS: Final = frozenset(
    {
        "initialize",
        "ping",
        "tools/list",
        "tools/call",
        "prompts/list",
        "prompts/get",
        "completion/complete",
        "resources/list",
        "resources/templates/list",
        "resources/read",
        "logging/setLevel",
    }
)

SESSION_METHODS: Final = frozenset({"resources/subscribe", "resources/unsubscribe"})
"""What is served in sessions only, since it needs a stream of the client's own."""


def check_host(context: RequestContext) -> None:
    """On loopback, take loopback names as Host only: a rebound name would be its own origin.

    Section: basic/transports#security-warning.
    """
    if context.server_host is None or not _LOOPBACK_ADDRESS.fullmatch(context.server_host):
        return
    names = [re.sub(r":\d{1,5}\Z", "", value).lower() for value in context.header_values("host")]
    if len(names) != 1 or names[0] not in _LOOPBACK_HOSTS:
        raise Refusal(403, INVALID_REQUEST, "The Host is not allowed", anonymous=True)


def check_origin(context: RequestContext) -> None:
    """Take no Origin, the own, an allowed or a loopback origin, whatever the verb (#security-warning).

    The SDK compares prefixes, answers plain text, and checks nothing unless it is told to.
    """
    own = f"{context.scheme}://{context.header('host')}"
    for origin in context.header_values("origin"):
        if origin not in (own, *context.facts.origins) and not _LOOPBACK_ORIGIN.fullmatch(origin):
            raise Refusal(403, INVALID_REQUEST, "The Origin is not allowed", anonymous=True)


def check_verb(context: RequestContext) -> None:
    """Refuse verbs that are not offered with 405 and Allow; stateless mode has no stream and no session."""
    accepted = VERBS[context.facts.mode]
    if context.method not in accepted:
        allow = ("allow", ", ".join(accepted))
        raise Refusal(405, INVALID_REQUEST, "The HTTP method is not offered here", headers=(allow,))


def check_version_header(context: RequestContext) -> None:
    """Refuse revisions that are not served with 400 on every verb (#protocol-version-header).

    The SDK takes any value it does not know for a request of the modern era.
    """
    for stated in context.header_values(VERSION_HEADER):
        if stated not in HANDSHAKE_REVISIONS:
            supported = ", ".join(HANDSHAKE_REVISIONS)
            raise Refusal(
                400,
                INVALID_REQUEST,
                f"The {VERSION_HEADER} is not supported; supported: {supported}",
                data={"supported": list(HANDSHAKE_REVISIONS), "requested": stated[:100]},
            )


def check_body(context: RequestContext) -> None:
    """Refuse bodies that are no JSON with 415, 413 or 400 and -32700 (#sending-messages-to-the-server)."""
    if context.method != "POST":
        return
    essence = (context.header("content-type") or "").partition(";")[0].strip().lower()
    if essence != "application/json":
        raise Refusal(415, INVALID_REQUEST, "The Content-Type must be application/json")
    if context.too_large:
        raise Refusal(413, INVALID_REQUEST, "The body is too large")
    check_portable(parse(context.body))


def check_shape(context: RequestContext) -> None:
    """Refuse what is no JSON-RPC message with -32600; the SDK answers -32602 (basic#messages)."""
    if context.method != "POST":
        return
    if context.is_batch:
        raise Refusal(400, INVALID_REQUEST, f"Revision {context.revision or 'unknown'} has no batches")
    check_message(context.value)


def check_initialize(context: RequestContext) -> None:
    """Refuse a malformed `initialize`, for which the SDK opens a session (basic/lifecycle#initialization)."""
    if not context.is_initialize:
        return
    try:
        sdk_methods.validate_client_request(
            "initialize", context.revision or HANDSHAKE_REVISIONS[-1], context.params
        )
    except ValidationError:
        raise Refusal(
            400, INVALID_PARAMS, "initialize needs protocolVersion, capabilities and clientInfo"
        ) from None


def check_session(context: RequestContext) -> None:
    """Refuse a missing session id with 400, a dead one with 404, on any verb (#session-management)."""
    if context.facts.mode == "stateless":
        return
    if context.session_id is None:
        if not context.is_initialize:
            raise Refusal(400, INVALID_REQUEST, f"The {SESSION_HEADER} header is missing")
    elif context.session is None or context.session.owner != _name(context):
        raise Refusal(404, INVALID_REQUEST, "The session does not exist or has ended")
    elif context.is_initialize:
        raise Refusal(400, INVALID_REQUEST, "The session is initialized already")


def _name(context: RequestContext) -> str | None:
    return None if context.principal is None else context.principal.name


def check_method(context: RequestContext) -> None:
    """Refuse methods that are not served with -32601; the SDK looks at the params of known ones first."""
    served = SERVED_METHODS | SESSION_METHODS if context.facts.mode == "stateful" else SERVED_METHODS
    known = context.rpc_method in served or task_polls.serves(context)
    if context.is_request and not known:
        raise Refusal(200, METHOD_NOT_FOUND, "Method not found")


async def check_resumption(context: RequestContext) -> None:
    """Refuse an event id that cannot be resumed from.

    The SDK answers with a stream that ends at once (basic/transports#resumability-and-redelivery).
    """
    event_id = context.header("last-event-id")
    if context.method != "GET" or not context.facts.resumable or event_id is None or context.session is None:
        return
    if await context.session.events.stream_of(event_id) is None:
        raise Refusal(400, INVALID_REQUEST, "There is no such event to resume from")


Check = Callable[[RequestContext], Awaitable[None] | None]

COMMON_CHECKS: Final[tuple[Check, ...]] = (check_host, check_origin)
"""What every HTTP request has to pass, whatever its era."""

REQUEST_CHECKS: Final[tuple[Check, ...]] = (
    check_verb,
    check_version_header,
    check_body,
)
"""What every HTTP request of the handshake era has to pass."""

MESSAGE_CHECKS: Final[tuple[Check, ...]] = (
    check_shape,
    check_initialize,
    check_session,
    check_method,
    check_resumption,
)
"""What every single message has to pass, also inside a batch, and what GET and DELETE have to pass."""


MODERN_CHECKS: Final[tuple[Check, ...]] = (
    corrections_modern.check_verb,
    check_body,
    corrections_modern.check_shape,
)
"""What every HTTP request of the modern era has to pass."""


def corrected(engine: ASGIApp) -> ASGIApp:
    """Put the checks in front of the SDK, and answer refusals in one form."""
    single = refusing(_checked(MESSAGE_CHECKS, engine))
    modern_request = _checked(corrections_modern.REQUEST_CHECKS, engine)

    async def serve_message(scope: Scope, receive: Receive, send: Send) -> None:
        context = context_of(scope)
        if context.method == "POST" and context.is_batch and context.revision == batches.REVISION:
            check_session(context)
            await batches.serve(single, scope, receive, send)
        else:
            await single(scope, receive, send)

    async def serve_modern_message(scope: Scope, receive: Receive, send: Send) -> None:
        if context_of(scope).is_notification:
            await respond(send, 202)
        else:
            await modern_request(scope, receive, send)

    handshake = _checked(REQUEST_CHECKS, serve_message)
    modern = _checked(MODERN_CHECKS, serve_modern_message)

    async def serve_era(scope: Scope, receive: Receive, send: Send) -> None:
        await (modern if context_of(scope).is_modern else handshake)(scope, receive, send)

    return cors.with_leave(refusing(_checked(COMMON_CHECKS, cors.preflights(authorized(serve_era)))))


def _checked(checks: tuple[Check, ...], inner: ASGIApp) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        for check in checks:
            pending = check(context_of(scope))
            if pending is not None:
                await pending
        await inner(scope, receive, send)

    return app


def refusing(inner: ASGIApp) -> ASGIApp:
    """Answer refusals in one form."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await inner(scope, receive, send)
        except Refusal as refusal:
            await respond(send, refusal.status, refusal.headers, _refusal_body(context_of(scope), refusal))

    return app


def _refusal_body(context: RequestContext, refusal: Refusal) -> Payload:
    """Return the error body: with the id of the request, or without one where there is none to name.

    An id that cannot be read is null by JSON-RPC and up to 2025-06-18, and absent from 2025-11-25 on.
    """
    request_id = context.rpc_id
    message, data = refusal.message, refusal.data
    anonymous = (
        refusal.anonymous or context.method != "POST" or context.is_notification or context.is_response
    )
    if context.is_modern:
        message, data = corrections_modern.named_versions(context, refusal)
    if anonymous:
        request_id = UNREADABLE
    elif request_id is UNREADABLE and not context.is_modern and context.revision != HANDSHAKE_REVISIONS[-1]:
        request_id = None
    return error_message(refusal.code, message, data=data, request_id=request_id)
