"""Faults of the version that each request carries in its header and in `_meta`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reference_server._context import (
    HANDSHAKE_REVISIONS,
    MODERN_REVISIONS,
    VERSION_HEADER,
    VERSION_KEY,
    ASGIApp,
    Layer,
    Receive,
    RequestContext,
    Scope,
    Send,
    context_of,
    scope_with,
)
from reference_server._jsonrpc import INVALID_PARAMS, INVALID_REQUEST, encode, error_message
from reference_server._layers import answer_instead, rewrite_response_start
from reference_server.faults import Fault
from reference_server.faults.discover import MODERN, ONE, named_in_error
from reference_server.faults.version import ByConnection

SERVED = MODERN_REVISIONS[-1]
Test = Callable[[RequestContext], bool]


def in_meta(context: RequestContext) -> str | None:
    """Return the version that `_meta` names, if it is a text."""
    stated = context.meta.get(VERSION_KEY)
    return stated if isinstance(stated, str) else None


def is_unsupported(context: RequestContext) -> bool:
    """Select requests at a version, the same in both places, that the server does not serve."""
    stated = in_meta(context)
    same = stated is not None and context.header(VERSION_HEADER) == stated
    return context.is_request and context.is_modern and same and stated != SERVED


def is_headerless(context: RequestContext) -> bool:
    """Select modern requests without the version header."""
    return context.is_request and in_meta(context) is not None and context.header(VERSION_HEADER) is None


def is_mismatch(context: RequestContext) -> bool:
    """Select requests whose header names another version than `_meta`."""
    header, stated = context.header(VERSION_HEADER), in_meta(context)
    return context.is_request and None not in (header, stated) and header != stated


def is_plain(context: RequestContext) -> bool:
    """Select the discovery, whatever version it names."""
    return context.is_request and context.rpc_method == "server/discover"


def both(one: Test, other: Test) -> Test:
    """Select what two tests select."""
    return lambda context: one(context) and other(context)


def naming(test: Test, version: Callable[[RequestContext], str | None]) -> Layer:
    """Let the server inside see another version, in header and `_meta`, of selected requests."""

    def build(inner: ASGIApp) -> ASGIApp:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            context = context_of(scope)
            if test(context):
                context = named(context, version(context))
            await inner(scope_with(scope, context), receive, send)

        return app

    return build


def named(context: RequestContext, version: str | None) -> RequestContext:
    """Return a request that names a version in both places."""
    meta = {**context.meta, VERSION_KEY: version}
    message = {**context.value, "params": {**context.params, "_meta": meta}}
    return context.changed(body=encode(message)).with_header(VERSION_HEADER, version)


def as_served(test: Test) -> Layer:
    """Serve selected requests as if they named the version that is served."""
    return naming(test, lambda _: SERVED)


def with_status(test: Test, status: int) -> Layer:
    """Refuse selected requests with another HTTP status."""
    return rewrite_response_start(lambda old, lines, c: (status if test(c) and old >= 400 else old, lines))


def with_error(test: Test, code: int, text: str = "Refused") -> Layer:
    """Refuse selected requests with another JSON-RPC error."""
    return answer_instead(test, 400, body=lambda c: error_message(code, text, request_id=c.rpc_id))


def poisoned_connections(inner: ASGIApp) -> ASGIApp:
    """Refuse everything on a connection after a version that is not served."""
    refusing = with_error(lambda _: True, INVALID_REQUEST)(inner)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        context = context_of(scope)
        poisoned: ByConnection = context.state.setdefault("poisoned", ByConnection())
        app = refusing if poisoned.get(scope) else inner
        if is_unsupported(context):
            poisoned.put(scope, True)
        await app(scope, receive, send)

    return app


def fault(id: str, requirement: str, summary: str, layer: Layer, **options: Any) -> Fault:
    """Make a fault; the era has no modes."""
    return Fault(f"version.{id}", (f"version.{requirement}",), ONE, summary=summary, layer=layer, **options)


FAULTS = (
    fault(
        "headerless-served",
        "header-required",
        "a request without the version header is served",
        naming(is_headerless, in_meta),
        options=MODERN,
    ),
    fault(
        "headerless-bare",
        "header-required",
        "a request without the version header is refused without saying why",
        answer_instead(is_headerless, 400),
        options=MODERN,
    ),
    fault(
        "headerless-404",
        "header-required",
        "a request without the version header gets HTTP 404",
        with_status(is_headerless, 404),
        options=MODERN,
    ),
    fault(
        "headerless-crashes",
        "header-absent-legacy",
        "a request with _meta, but without the version header makes the server fail",
        answer_instead(is_headerless, 500),
    ),
    fault(
        "meta-not-compared",
        "header-meta-mismatch",
        "the version in _meta is not looked at",
        naming(both(is_mismatch, lambda c: c.header(VERSION_HEADER) == SERVED), lambda _: SERVED),
    ),
    fault(
        "header-not-compared",
        "header-meta-mismatch",
        "the version header is not looked at",
        naming(both(is_mismatch, lambda c: in_meta(c) == SERVED), lambda _: SERVED),
    ),
    fault(
        "mismatch-other-code",
        "header-meta-mismatch",
        "a header that differs from _meta is refused as wrong params",
        with_error(is_mismatch, INVALID_PARAMS),
    ),
    fault(
        "mismatch-200",
        "header-meta-mismatch",
        "a header that differs from _meta is refused with HTTP 200",
        with_status(is_mismatch, 200),
    ),
    fault(
        "unsupported-served",
        "unsupported-400",
        "server/discover is served at any version",
        as_served(both(is_unsupported, is_plain)),
    ),
    fault(
        "unsupported-newer-served",
        "unsupported-400",
        "newer versions are taken for the newest that is served",
        as_served(both(is_unsupported, lambda c: (in_meta(c) or "") > SERVED)),
    ),
    fault(
        "unsupported-404",
        "unsupported-400",
        "a version that is not served gets HTTP 404",
        with_status(is_unsupported, 404),
    ),
    fault(
        "unsupported-200",
        "unsupported-400",
        "a version that is not served is refused with HTTP 200",
        with_status(is_unsupported, 200),
    ),
    fault(
        "unsupported-other-code",
        "unsupported-code",
        "a version that is not served is refused as wrong params",
        with_error(is_unsupported, INVALID_PARAMS),
    ),
    fault(
        "unsupported-bare",
        "unsupported-code",
        "a version that is not served is refused without saying why",
        answer_instead(is_unsupported, 400),
    ),
    fault(
        "unsupported-names-none",
        "unsupported-data",
        "the error that refuses a version lists no version",
        named_in_error(lambda data: data.update(supported=[])),
    ),
    fault(
        "unsupported-names-text",
        "unsupported-data",
        "the error that refuses a version has the supported ones as one text",
        named_in_error(lambda data: data.update(supported=", ".join(data["supported"]))),
    ),
    fault(
        "unsupported-names-no-request",
        "unsupported-data",
        "the error that refuses a version does not say which one",
        named_in_error(lambda data: data.pop("requested")),
    ),
    fault(
        "unsupported-names-another",
        "unsupported-data",
        "the error that refuses a version names the served one as the requested one",
        named_in_error(lambda data: data.update(requested=SERVED)),
    ),
    fault(
        "unsupported-list-served",
        "unsupported-any-method",
        "lists are served at any version",
        as_served(both(is_unsupported, lambda c: str(c.rpc_method).endswith("/list"))),
    ),
    fault(
        "unsupported-list-other-code",
        "unsupported-any-method",
        "a version that is not served is another error to prompts/list",
        with_error(both(is_unsupported, lambda c: c.rpc_method == "prompts/list"), INVALID_REQUEST),
    ),
    fault(
        "unsupported-method-crashes",
        "unsupported-any-method",
        "an unknown method at a version that is not served makes the server fail",
        answer_instead(both(is_unsupported, lambda c: "no-such" in str(c.rpc_method)), 500),
    ),
    fault(
        "known-served",
        "known-but-unserved",
        "requests at an earlier revision are served by the rules of this one",
        as_served(both(is_unsupported, lambda c: in_meta(c) in HANDSHAKE_REVISIONS)),
        options=MODERN,
    ),
    fault(
        "known-other-code",
        "known-but-unserved",
        "requests at an earlier revision are refused for want of a session",
        with_error(
            both(is_unsupported, lambda c: in_meta(c) in HANDSHAKE_REVISIONS), INVALID_REQUEST, "No session"
        ),
        options=MODERN,
    ),
    fault(
        "connection-poisoned",
        "per-request",
        "after a version that is not served, nothing is served on the connection",
        poisoned_connections,
    ),
)
