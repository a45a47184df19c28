"""Faults of the modern era that keep what only earlier revisions have: GET, sessions, resumption, methods."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Final

from reference_server._context import MODERN_REVISIONS, SESSION_HEADER, HeaderLines, Layer, RequestContext
from reference_server._jsonrpc import INVALID_PARAMS, METHOD_NOT_FOUND, encode
from reference_server._layers import Response, answer_instead, rewrite_response_start, tee
from reference_server.faults import Fault
from reference_server.faults.transport import SSE_TYPE
from reference_server.faults.transport_behaviour import ENDPOINT_EVENT

NO_OTHER_ERA: Final = {"era": "modern"}


def is_verb(method: str) -> Callable[[RequestContext], bool]:
    """Select requests of an HTTP method, but for those of web pages."""
    return lambda context: context.method == method and context.header("origin") is None


def answers(method: str, status: int, **members: object) -> Layer:
    """Answer a method that is gone otherwise than one that never was."""

    def change(response: Response, context: RequestContext) -> Response:
        if response.status != 404:
            return response
        body = encode({"jsonrpc": "2.0", "id": context.rpc_id, **members})
        return Response(status, (("content-type", "application/json"),), body)

    return tee(lambda c: c.is_modern and c.rpc_method == method, change)


def minted(status: int, lines: HeaderLines, context: RequestContext) -> tuple[int, HeaderLines]:
    """Assign a session id in the answer to `server/discover`."""
    mints = context.is_modern and context.rpc_method == "server/discover"
    return status, (*lines, (SESSION_HEADER, secrets.token_hex(16))) if mints else lines


def echoed(status: int, lines: HeaderLines, context: RequestContext) -> tuple[int, HeaderLines]:
    """Repeat the session id of a request."""
    echoes = context.is_modern and context.session_id is not None
    return status, (*lines, (SESSION_HEADER, context.session_id or "")) if echoes else lines


def in_unknown_session(context: RequestContext) -> bool:
    """Select requests of the modern era with the id of a session that there is not."""
    known = context.facts.sessions.get(context.session_id)
    return context.is_modern and context.is_request and context.session_id is not None and known is None


def resumes(context: RequestContext) -> bool:
    """Select requests of the modern era with the header of a client that resumes a stream."""
    return context.is_modern and context.is_request and context.header("last-event-id") is not None


def fault(
    id: str,
    requirement: str,
    summary: str,
    layer: Layer,
    options: Mapping[str, bool | str] | None = None,
) -> Fault:
    """Make a fault that breaks one requirement."""
    return Fault(
        id,
        (requirement,),
        ("stateless",),
        summary=summary,
        layer=layer,
        options=options or {},
        revisions=MODERN_REVISIONS,
    )


FAULTS = (
    fault(
        "transport.get-stream-modern",
        "transport.get-405-modern-only",
        "GET opens a stream, although no revision has one",
        answer_instead(is_verb("GET"), 200, [SSE_TYPE], b": open\n\n"),
        NO_OTHER_ERA,
    ),
    fault(
        "transport.get-404-modern",
        "transport.get-405-modern-only",
        "GET gets 404",
        answer_instead(is_verb("GET"), 404),
        NO_OTHER_ERA,
    ),
    fault(
        "transport.legacy-endpoint-modern",
        "transport.legacy-sse-not-adopted",
        "GET opens a stream of the old transport, and no revision has any other",
        answer_instead(is_verb("GET"), 200, [SSE_TYPE], ENDPOINT_EVENT),
        NO_OTHER_ERA,
    ),
    fault(
        "transport.delete-200-modern",
        "transport.delete-405-modern-only",
        "DELETE gets 200, although there are no sessions",
        answer_instead(is_verb("DELETE"), 200),
        NO_OTHER_ERA,
    ),
    fault(
        "transport.delete-404-modern",
        "transport.delete-405-modern-only",
        "DELETE with the id of a session gets 404, as if there were others",
        answer_instead(lambda c: is_verb("DELETE")(c) and c.session_id is not None, 404),
        NO_OTHER_ERA,
    ),
    fault(
        "transport.response-500",
        "transport.client-response-refused",
        "a response of the client makes the server fail",
        answer_instead(lambda c: c.is_response, 500, [("content-type", "text/plain")], "Oops"),
        NO_OTHER_ERA,
    ),
    fault(
        "session.modern-minted",
        "session.modern-not-minted",
        "the answer to server/discover assigns a session id",
        rewrite_response_start(minted),
    ),
    fault(
        "session.modern-echoed",
        "session.modern-not-minted",
        "a session id that a request carries comes back",
        rewrite_response_start(echoed),
    ),
    fault(
        "session.modern-404",
        "session.modern-header-ignored",
        "a request of a revision without sessions gets 404 for the session id that it carries",
        answer_instead(in_unknown_session, 404),
    ),
    fault(
        "resumability.resumes-nothing",
        "resumability.last-event-id-ignored",
        "a request with Last-Event-ID gets a stream with what was missed: nothing",
        answer_instead(resumes, 200, [SSE_TYPE], b": resumed\n\n"),
        NO_OTHER_ERA,
    ),
    fault(
        "resumability.header-refused",
        "resumability.last-event-id-ignored",
        "a request with Last-Event-ID gets 400, as streams cannot be resumed",
        answer_instead(resumes, 400),
        NO_OTHER_ERA,
    ),
    fault(
        "lifecycle.ping-still-served",
        "lifecycle.removed-methods-404",
        "ping is answered as earlier revisions have it",
        answers("ping", 200, result={}),
    ),
    fault(
        "lifecycle.set-level-200",
        "lifecycle.removed-methods-404",
        "the error for logging/setLevel, which is gone, comes with HTTP 200",
        answers("logging/setLevel", 200, error={"code": METHOD_NOT_FOUND, "message": "Method not found"}),
    ),
    fault(
        "lifecycle.subscribe-checks-params",
        "lifecycle.removed-methods-404",
        "the params of resources/subscribe are looked at, although the method is gone",
        answers("resources/subscribe", 400, error={"code": INVALID_PARAMS, "message": "No such resource"}),
    ),
)
