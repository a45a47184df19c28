"""Faults of session ids: how they look, when they are asked for, what an ended session still answers."""

from __future__ import annotations

import secrets
from collections.abc import Callable

import anyio

from reference_server._context import (
    HANDSHAKE_REVISIONS,
    RAW_NAMES,
    SESSION_HEADER,
    VERSION_HEADER,
    ASGIApp,
    HeaderLines,
    Layer,
    Receive,
    RequestContext,
    Scope,
    Send,
)
from reference_server._layers import (
    Call,
    Response,
    answer_instead,
    combine,
    handle,
    rewrite_request_headers,
    rewrite_response_start,
    tee,
)
from reference_server.faults import Fault

STATEFUL = ("stateful",)


def renamed_ids(outside: Callable[[str], str]) -> Layer:
    """Show clients other session ids than the server inside uses.

    Args:
        outside: Gives the id to show for an id of the server inside.
    """

    def show(status: int, lines: HeaderLines, context: RequestContext) -> tuple[int, HeaderLines]:
        names = context.state.setdefault("renamed-ids", {})
        shown = []
        for name, value in lines:
            if name == SESSION_HEADER:
                known = next((out for out, inner in names.items() if inner == value), None)
                if known is None:
                    known = outside(value)
                    names[known] = value
                value = known
            shown.append((name, value))
        return status, tuple(shown)

    def read(lines: HeaderLines, context: RequestContext) -> HeaderLines:
        names = context.state.setdefault("renamed-ids", {})
        return tuple((n, names.get(v, v)) if n == SESSION_HEADER else (n, v) for n, v in lines)

    return combine(rewrite_response_start(show), rewrite_request_headers(read))


def lacks_id(method: str) -> Callable[[RequestContext], bool]:
    """Select requests of an HTTP method that should carry a session id and do not."""
    return lambda c: c.method == method and c.header(SESSION_HEADER) is None and not c.is_initialize


def is_good_delete(context: RequestContext) -> bool:
    """Select a DELETE of a live session in which nothing else is wrong."""
    version = context.header(VERSION_HEADER)
    right = context.session is not None and (version is None or version in HANDSHAKE_REVISIONS)
    return context.method == "DELETE" and right and context.header("origin") is None


def was_ended(context: RequestContext) -> bool:
    """Tell whether the session of a request was ended by DELETE."""
    return context.session_id in context.state.get("ended", ())


def ended_sessions(select: Callable[[RequestContext], bool], status: int, body: object = None) -> Layer:
    """Answer selected requests of an ended session with something else than 404.

    Args:
        select: Selects among requests with the id of an ended session.
        status: Status to answer.
        body: JSON value, bytes, or a function of the context.
    """

    async def run(call: Call) -> None:
        context = call.context
        if was_ended(context) and select(context):
            headers = (
                [("content-type", "text/event-stream")] if status == 200 and context.method == "GET" else []
            )
            await call.answer(status, headers, body(context) if callable(body) else body)  # type: ignore[arg-type]
            return
        if context.method == "DELETE" and context.session_id is not None:
            response = await call.capture()
            if response.status < 300:
                context.state.setdefault("ended", set()).add(context.session_id)
            await call.answer(response.status, response.headers, response.body)
            return
        await call.forward()

    return handle(run)


def unknown_sessions(status: int) -> Layer:
    """Answer requests with an id that was never issued with a status of choice; ended ones keep their 404."""

    def note(code: int, lines: HeaderLines, context: RequestContext) -> tuple[int, HeaderLines]:
        context.state.setdefault("issued", set()).update(v for n, v in lines if n == SESSION_HEADER)
        return code, lines

    def never_issued(context: RequestContext) -> bool:
        id = context.header(SESSION_HEADER)
        return id is not None and id not in context.state.get("issued", ())

    return combine(answer_instead(never_issued, status), rewrite_response_start(note))


def case_sensitive_header(inner: ASGIApp) -> ASGIApp:
    """Find the session header only where it is spelt `Mcp-Session-Id`."""

    def misspelt(scope: Scope) -> bool:
        names = scope.get("state", {}).get(RAW_NAMES, ())
        return any(name.lower() == SESSION_HEADER and name != "Mcp-Session-Id" for name in names)

    stripped = rewrite_request_headers(
        lambda lines, _: [line for line in lines if line[0] != SESSION_HEADER]
    )(inner)

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await (stripped if misspelt(scope) else inner)(scope, receive, send)

    return app


def one_handshake_at_a_time() -> Layer:
    """Refuse an `initialize` that comes in while another is being served."""

    async def run(call: Call) -> None:
        if not call.context.is_initialize:
            await call.forward()
            return
        state = call.context.state
        if state.get("handshake"):
            await call.answer(409, (), {"jsonrpc": "2.0", "id": call.context.rpc_id, "error": _BUSY})
            return
        state["handshake"] = True
        try:
            # Long enough for a second client that comes at the same time.
            await anyio.sleep(0.03)
            await call.forward()
        finally:
            state["handshake"] = False

    return handle(run)


_BUSY = {"code": -32000, "message": "Server is already initializing"}
_PONG = {"jsonrpc": "2.0", "result": {}}


def _pong(context: RequestContext) -> object:
    return {**_PONG, "id": context.rpc_id}


def _late_id(status: int, lines: HeaderLines, context: RequestContext) -> tuple[int, HeaderLines]:
    late = context.rpc_method == "tools/list"
    return status, (*lines, (SESSION_HEADER, secrets.token_hex(16))) if late else lines


def _changing_id(status: int, lines: HeaderLines, context: RequestContext) -> tuple[int, HeaderLines]:
    if context.rpc_method != "ping":
        return status, lines
    return status, tuple((n, secrets.token_hex(16)) if n == SESSION_HEADER else (n, v) for n, v in lines)


def _refused(response: Response, context: RequestContext) -> Response:
    return Response(405, (("allow", "GET, POST"),), b"")


def fault(id: str, requirement: str, summary: str, layer: Layer, modes: tuple[str, ...] = STATEFUL) -> Fault:
    """Make a fault that breaks one requirement."""
    return Fault(id, (requirement,), modes, summary=summary, layer=layer)


FAULTS = (
    fault(
        "session.id-with-space",
        "session.id-visible-ascii",
        "session ids contain a space",
        renamed_ids(lambda id: f"{id[:8]} {id[8:]}"),
    ),
    fault(
        "session.id-not-ascii",
        "session.id-visible-ascii",
        "session ids contain a letter that is not ASCII",
        renamed_ids(lambda id: f"{id}\u00e9"),
    ),
    fault(
        "session.id-short",
        "session.id-unique",
        "session ids are eight random digits",
        renamed_ids(lambda _: f"{secrets.randbelow(10**8):08}"),
    ),
    fault(
        "session.id-late",
        "session.id-on-initialize",
        "a session id first comes with a later answer",
        rewrite_response_start(_late_id),
        ("stateless",),
    ),
    fault(
        "session.id-changes",
        "session.id-stable",
        "the answer to ping carries another session id",
        rewrite_response_start(_changing_id),
    ),
    fault(
        "session.missing-id-404",
        "session.missing-id-400",
        "a POST without session id gets 404",
        answer_instead(lacks_id("POST"), 404),
    ),
    fault(
        "session.missing-id-500",
        "session.missing-id-400",
        "a POST without session id makes the server fail",
        answer_instead(lacks_id("POST"), 500),
    ),
    fault(
        "session.missing-id-get-404",
        "session.missing-id-400-get",
        "a GET without session id gets 404",
        answer_instead(lacks_id("GET"), 404),
    ),
    fault(
        "session.missing-id-get-stream",
        "session.missing-id-400-get",
        "a GET without session id opens a stream on which nothing can come",
        answer_instead(lacks_id("GET"), 200, [("content-type", "text/event-stream")], b": open\n\n"),
    ),
    fault(
        "session.missing-id-delete-200",
        "session.missing-id-400-get",
        "a DELETE without session id gets 200",
        answer_instead(lacks_id("DELETE"), 200),
    ),
    fault(
        "session.ended-400",
        "session.terminated-404",
        "a request in an ended session gets 400",
        ended_sessions(lambda c: c.is_request, 400),
    ),
    fault(
        "session.ended-served",
        "session.terminated-404",
        "a request in an ended session is served",
        ended_sessions(lambda c: c.is_request, 200, _pong),
    ),
    fault(
        "session.ended-get-400",
        "session.terminated-404-get",
        "a GET in an ended session gets 400",
        ended_sessions(lambda c: c.method == "GET", 400),
    ),
    fault(
        "session.ended-get-stream",
        "session.terminated-404-get",
        "a GET in an ended session opens a stream",
        ended_sessions(lambda c: c.method == "GET", 200, b": open\n\n"),
    ),
    fault(
        "session.ended-notification-202",
        "session.terminated-404-notification",
        "a notification in an ended session is accepted",
        ended_sessions(lambda c: c.is_notification, 202),
    ),
    fault(
        "session.ended-delete-200",
        "session.terminated-404-delete",
        "a second DELETE gets 200",
        ended_sessions(lambda c: c.method == "DELETE", 200),
    ),
    fault(
        "session.ended-delete-405",
        "session.terminated-404-delete",
        "a second DELETE gets 405 although the first was accepted",
        ended_sessions(lambda c: c.method == "DELETE", 405),
    ),
    Fault(
        "session.delete-ignored",
        (
            "session.terminated-404",
            "session.terminated-404-get",
            "session.terminated-404-notification",
            "session.terminated-404-delete",
        ),
        STATEFUL,
        summary="DELETE gets 200 but the session lives on",
        layer=answer_instead(is_good_delete, 200),
    ),
    fault(
        "session.unknown-400",
        "session.unknown-id-404",
        "an id that was never issued gets 400",
        unknown_sessions(400),
    ),
    fault(
        "session.unknown-401",
        "session.unknown-id-not-auth-error",
        "an id that was never issued gets 401",
        unknown_sessions(401),
    ),
    fault(
        "session.unknown-503",
        "session.unknown-id-not-auth-error",
        "an id that was never issued gets 503",
        unknown_sessions(503),
    ),
    fault(
        "session.delete-403",
        "session.delete-accepted-or-405",
        "DELETE of a live session gets 403",
        answer_instead(is_good_delete, 403),
    ),
    fault(
        "session.delete-405-ends",
        "session.delete-405-keeps-session",
        "DELETE gets 405 but ends the session",
        tee(is_good_delete, _refused),
    ),
    fault(
        "session.list-needs-id",
        "session.not-required-when-unassigned",
        "prompts/list asks for a session id that was never assigned",
        answer_instead(lambda c: c.rpc_method == "prompts/list", 400),
        ("stateless",),
    ),
    fault(
        "session.header-case",
        "session.header-name-case-insensitive",
        "the session header is found in one spelling only",
        case_sensitive_header,
    ),
    fault(
        "session.handshakes-collide",
        "session.initialize-without-id",
        "an initialize is refused while another is being served",
        one_handshake_at_a_time(),
        ("stateless", "stateful"),
    ),
)
