"""Faults of version negotiation and of the version header."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reference_server._context import (
    HANDSHAKE_REVISIONS,
    ON_SHUTDOWN,
    VERSION_HEADER,
    ASGIApp,
    Layer,
    Receive,
    RequestContext,
    Scope,
    Send,
    context_of,
)
from reference_server._layers import answer_instead, rewrite_message, rewrite_request_headers, when
from reference_server.faults import Fault

BOTH = ("stateless", "stateful")
WITH_HEADER = HANDSHAKE_REVISIONS[1:]


def asks_for_unknown(context: RequestContext) -> bool:
    """Select an initialize at a version that this server does not speak."""
    version = context.params.get("protocolVersion")
    return context.is_initialize and isinstance(version, str) and version not in HANDSHAKE_REVISIONS


def has_unknown_header(context: RequestContext) -> bool:
    """Select requests whose version header names no revision of this server."""
    value = context.header(VERSION_HEADER)
    return value is not None and value not in HANDSHAKE_REVISIONS


def offers(version: Callable[[RequestContext], str]) -> Layer:
    """Answer an initialize at an unknown version with a version of choice."""

    def change(message: Any, context: RequestContext) -> Any:
        if not asks_for_unknown(context) or "result" not in message:
            return message
        return {**message, "result": {**message["result"], "protocolVersion": version(context)}}

    return rewrite_message(change)


def without_version_header(select: Callable[[RequestContext], bool]) -> Layer:
    """Let the server inside overlook the version header of selected requests."""
    strip = rewrite_request_headers(lambda lines, _: [line for line in lines if line[0] != VERSION_HEADER])
    return when(select, strip)


class ByConnection:
    """What a layer remembers of each connection; ports are used again, so they tell none apart."""

    def __init__(self) -> None:
        self._values: dict[int, tuple[object, Any]] = {}

    def get(self, scope: Scope) -> Any:
        """Return what was put for the connection of a request, or None."""
        return self._values.get(id(self._mark(scope)), (None, None))[1]

    def put(self, scope: Scope, value: object) -> None:
        """Remember a value for the connection of a request."""
        mark = self._mark(scope)
        self._values[id(mark)] = (mark, value)  # keeping the mark keeps its identity from being used again

    @staticmethod
    def _mark(scope: Scope) -> object:
        return scope["state"][ON_SHUTDOWN]  # one set for each connection


def last_handshake_rules(headers_sent: bool) -> Layer:
    """Let the last handshake on a connection decide which version all its requests have to speak.

    Args:
        headers_sent: Refuse requests whose header names another version; else those without the header.
    """

    def build(inner: ASGIApp) -> ASGIApp:
        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            context = context_of(scope)
            versions: ByConnection = context.state.setdefault("connections", ByConnection())
            if context.is_initialize:
                asked = context.params.get("protocolVersion")
                versions.put(scope, asked if asked in HANDSHAKE_REVISIONS else HANDSHAKE_REVISIONS[-1])
            elif context.is_request and versions.get(scope) not in (None, HANDSHAKE_REVISIONS[0]):
                sent = context.header(VERSION_HEADER)
                if (sent is not None) == headers_sent and sent != versions.get(scope):
                    await answer_instead(lambda _: True, 400)(inner)(scope, receive, send)
                    return
            await inner(scope, receive, send)

        return app

    return build


def _differs(context: RequestContext) -> bool:
    sent = context.header(VERSION_HEADER)
    session = context.session
    return bool(sent in HANDSHAKE_REVISIONS and session and context.revision and sent != session.revision)


FAULTS = (
    Fault(
        "version.offers-what-it-refuses",
        ("version.negotiate-same",),
        BOTH,
        summary="the version of its counter-offer is not accepted when asked for",
        layer=offers(
            lambda c: (
                HANDSHAKE_REVISIONS[-1] if c.params.get("protocolVersion") == "2026-01-01" else "2026-01-01"
            )
        ),
    ),
    Fault(
        "version.unknown-echoed",
        ("version.negotiate-other",),
        BOTH,
        summary="any requested version is echoed",
        layer=offers(lambda c: str(c.params.get("protocolVersion"))),
    ),
    Fault(
        "version.unknown-refused-bare",
        ("version.negotiate-other",),
        BOTH,
        summary="an unknown version is refused at HTTP level, without an offer",
        layer=answer_instead(asks_for_unknown, 400),
    ),
    Fault(
        "version.unknown-crashes",
        ("version.negotiate-other",),
        BOTH,
        summary="an unknown version makes the server fail",
        layer=answer_instead(asks_for_unknown, 500),
    ),
    Fault(
        "version.offers-oldest",
        ("version.negotiate-latest",),
        BOTH,
        summary="the counter-offer is the oldest version",
        layer=offers(lambda _: HANDSHAKE_REVISIONS[0]),
    ),
    Fault(
        "version.connection-forgets-headerless",
        ("version.respect-negotiated",),
        BOTH,
        summary="after another handshake on the connection, clients without version header are refused",
        layer=last_handshake_rules(headers_sent=False),
    ),
    Fault(
        "version.connection-switches",
        ("version.respect-negotiated.must",),
        BOTH,
        summary="the last handshake on a connection decides the version of all its clients",
        layer=last_handshake_rules(headers_sent=True),
    ),
    Fault(
        "version.header-ignored",
        ("version.header-unsupported-400",),
        BOTH,
        summary="the version header of a POST is not looked at",
        layer=without_version_header(lambda c: c.method == "POST" and has_unknown_header(c)),
    ),
    Fault(
        "version.header-malformed-taken",
        ("version.header-unsupported-400",),
        BOTH,
        summary="a version header that is no date is taken for no header",
        layer=without_version_header(
            lambda c: c.method == "POST" and not (c.header(VERSION_HEADER) or "0")[0].isdigit()
        ),
    ),
    Fault(
        "version.header-404",
        ("version.header-unsupported-400",),
        BOTH,
        summary="an unsupported version header on a POST gets 404",
        layer=answer_instead(lambda c: c.method == "POST" and has_unknown_header(c), 404),
    ),
    Fault(
        "version.header-ignored-on-get",
        ("version.header-unsupported-400-get-delete",),
        ("stateful",),
        summary="the version header of a GET is not looked at",
        layer=without_version_header(lambda c: c.method == "GET" and has_unknown_header(c)),
    ),
    Fault(
        "version.header-ignored-on-delete",
        ("version.header-unsupported-400-get-delete",),
        ("stateful",),
        summary="the version header of a DELETE is not looked at",
        layer=without_version_header(lambda c: c.method == "DELETE" and has_unknown_header(c)),
    ),
    Fault(
        "version.header-demanded",
        ("version.header-absent-assume-2025-03-26",),
        ("stateless",),
        summary="a request without the version header is refused",
        layer=answer_instead(
            lambda c: c.is_request and not c.is_initialize and not c.header(VERSION_HEADER), 400
        ),
        revisions=WITH_HEADER,
    ),
    Fault(
        "version.header-demanded-in-session",
        ("version.header-absent-session-known",),
        ("stateful",),
        summary="a request without the version header is refused, although the session tells the version",
        layer=answer_instead(
            lambda c: c.is_request and not c.header(VERSION_HEADER) and c.session is not None, 400
        ),
        revisions=WITH_HEADER,
    ),
    Fault(
        "version.header-on-initialize-crashes",
        ("version.header-on-initialize-mismatch",),
        BOTH,
        summary="a version header on initialize makes the server fail",
        layer=answer_instead(lambda c: c.is_initialize and c.header(VERSION_HEADER) is not None, 500),
    ),
    Fault(
        "version.header-other-crashes",
        ("version.header-differs-from-negotiated",),
        ("stateful",),
        summary="a header with another version than the session's makes the server fail",
        layer=answer_instead(_differs, 500),
    ),
)
