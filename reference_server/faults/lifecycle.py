"""Faults of the handshake, of declared capabilities, and of ping."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio

from reference_server._context import HANDSHAKE_REVISIONS, SESSION_HEADER, Layer, RequestContext
from reference_server._jsonrpc import INVALID_PARAMS, INVALID_REQUEST, METHOD_NOT_FOUND, encode
from reference_server._layers import (
    Call,
    EventBlock,
    Response,
    answer_instead,
    combine,
    handle,
    rewrite_events,
    rewrite_message,
    tee,
)
from reference_server.faults import Fault

Json = dict[str, Any]
STREAMED = {"json_response": False}
PLAIN_TEXT = (("content-type", "text/plain; charset=utf-8"),)
SLOW = 1.2
"""Seconds by which the slow ping is late."""

ROOTS_REQUEST = {"jsonrpc": "2.0", "id": "server-1", "method": "roots/list"}


def initialize_result(change: Callable[[Json], Json]) -> Layer:
    """Change the result of `initialize`."""

    def changed(message: Any, context: RequestContext) -> Any:
        if context.is_initialize and isinstance(message, dict) and isinstance(message.get("result"), dict):
            return {**message, "result": change(message["result"])}
        return message

    return rewrite_message(changed)


def without(name: str) -> Layer:
    """Leave a member out of the result of `initialize`."""
    return initialize_result(lambda result: {k: v for k, v in result.items() if k != name})


def member(name: str, value: object) -> Layer:
    """Set a member of the result of `initialize`."""
    return initialize_result(lambda result: {**result, name: value})


def capability(name: str, value: object) -> Layer:
    """Set a declared capability."""
    return initialize_result(lambda r: {**r, "capabilities": {**r["capabilities"], name: value}})


def without_capability(name: str) -> Layer:
    """Leave a capability undeclared."""
    return initialize_result(
        lambda r: {**r, "capabilities": {k: v for k, v in r["capabilities"].items() if k != name}}
    )


def ping_result(**members: object) -> Layer:
    """Set members of the result of ping."""

    def changed(message: Any, context: RequestContext) -> Any:
        if context.rpc_method == "ping" and isinstance(message, dict) and "result" in message:
            return {**message, "result": {**message["result"], **members}}
        return message

    return rewrite_message(changed)


def error(code: int, message: str) -> Callable[[RequestContext], Json]:
    """Return a body with an error that has the id of the request."""
    return lambda c: {"jsonrpc": "2.0", "id": c.rpc_id, "error": {"code": code, "message": message}}


def is_call_of(
    method: str, test: Callable[[RequestContext], bool] = lambda c: True
) -> Callable[[RequestContext], bool]:
    """Select requests of a method in a session that is not wrong, or without one."""
    return lambda c: c.is_request and c.rpc_method == method and _is_live(c) and test(c)


def _is_live(context: RequestContext) -> bool:
    return context.revision is not None and context.header("origin") is None


def is_early(context: RequestContext) -> bool:
    """Select requests without a session id."""
    return context.is_request and context.header(SESSION_HEADER) is None


def is_malformed(test: Callable[[Any], bool]) -> Callable[[RequestContext], bool]:
    """Select `initialize` requests for whose params a test holds."""
    return lambda c: c.is_initialize and test(c.value.get("params"))


def initialized_sessions(context: RequestContext) -> set[str | None]:
    """Return the sessions in which `notifications/initialized` came in."""
    found: set[str | None] = context.state.setdefault("initialized", set())
    return found


async def _note_initialized(call: Call) -> None:
    if call.context.rpc_method == "notifications/initialized":
        initialized_sessions(call.context).add(call.context.session_id)
    elif call.context.is_initialize:
        clients: dict[str, bool] = call.state.setdefault("roots", {})

        async def send(message: Any) -> None:
            for name, value in message.get("headers", ()) if message["type"] == "http.response.start" else ():
                if name == SESSION_HEADER.encode():
                    clients[value.decode()] = "roots" in (call.context.params.get("capabilities") or {})
            await call.send(message)

        await call.forward(send=send)
        return
    await call.forward()


def early_question(context: RequestContext) -> bytes:
    """Return a request for the roots of a client that did not say that it is ready; nothing for others."""
    early = context.session_id not in initialized_sessions(context)
    has_roots = context.state.get("roots", {}).get(context.session_id)
    return event(ROOTS_REQUEST) if context.method == "GET" and early and has_roots else b""


def event(message: Json) -> bytes:
    """Return a message as an event."""
    return EventBlock((("data", encode(message).decode()),)).encode()


def asks_within_initialize(message: Any, context: RequestContext) -> Any:
    """Ask a client with roots for them ahead of the result of `initialize`."""
    has_roots = context.is_initialize and "roots" in (context.params.get("capabilities") or {})
    return [ROOTS_REQUEST, message] if has_roots else message


def ahead(method: str, notification: Json) -> Layer:
    """Send a notification ahead of the results of a method."""

    def changed(message: Any, context: RequestContext) -> Any:
        wanted = context.rpc_method == method and isinstance(message, dict) and "result" in message
        return [notification, message] if wanted else message

    return rewrite_message(changed)


async def _slow_ping(call: Call) -> None:
    # Only while a GET stream is open, as if the two shared a worker: a session that just opens and pings is
    # quick.
    streams = call.context.facts.get_streams
    if call.context.rpc_method == "ping" and (call.context.session_id or "") in streams:
        await anyio.sleep(SLOW)
    await call.forward()


def refused_but_taken(response: Response, context: RequestContext) -> Response:
    """Refuse what the server inside accepted."""
    if response.status != 202:
        return response
    return Response(400, PLAIN_TEXT, b"Already initialized")


def batch_has_initialize(context: RequestContext) -> bool:
    """Select batches with `initialize` in them."""
    return context.is_batch and any(
        isinstance(m, dict) and m.get("method") == "initialize" for m in context.members
    )


def batch_results(context: RequestContext) -> Any:
    """Answer every request of a batch with an empty result."""
    return [{"jsonrpc": "2.0", "id": m["id"], "result": {}} for m in context.members]


FAULTS = (
    Fault(
        "lifecycle.no-server-info",
        ("lifecycle.initialize-result",),
        summary="The result of initialize has no serverInfo.",
        layer=without("serverInfo"),
    ),
    Fault(
        "lifecycle.server-info-text",
        ("lifecycle.initialize-result",),
        summary="serverInfo is the name of the server instead of an object.",
        layer=member("serverInfo", "reference"),
    ),
    Fault(
        "lifecycle.no-capabilities",
        ("lifecycle.initialize-result",),
        summary="The result of initialize has no capabilities.",
        layer=without("capabilities"),
    ),
    Fault(
        "lifecycle.capabilities-array",
        ("lifecycle.initialize-result",),
        summary="The capabilities are an array, as some languages encode an empty map.",
        layer=member("capabilities", []),
    ),
    Fault(
        "lifecycle.list-before-initialize",
        ("lifecycle.initialize-first",),
        ("stateful",),
        summary="resources/list is served before any initialize.",
        layer=answer_instead(
            lambda c: is_early(c) and c.rpc_method == "resources/list" and c.header("origin") is None,
            200,
            body=lambda c: {"jsonrpc": "2.0", "id": c.rpc_id, "result": {"resources": []}},
        ),
    ),
    Fault(
        "lifecycle.initialized-refused",
        ("lifecycle.initialized-accepted",),
        summary="notifications/initialized is refused, although the handshake is right.",
        layer=tee(lambda c: c.rpc_method == "notifications/initialized" and _is_live(c), refused_but_taken),
    ),
    Fault(
        "lifecycle.asks-on-get",
        ("lifecycle.no-requests-before-initialized",),
        ("stateful",),
        summary="The server asks for roots as soon as a GET stream opens, before initialized.",
        layer=combine(
            handle(_note_initialized), rewrite_events(lambda block, _: block, before=early_question)
        ),
    ),
    Fault(
        "lifecycle.asks-within-initialize",
        ("lifecycle.no-requests-before-initialized",),
        summary="The server asks for roots ahead of the result of initialize.",
        layer=rewrite_message(asks_within_initialize),
        options=STREAMED,
    ),
    Fault(
        "lifecycle.list-changed-undeclared",
        ("lifecycle.undeclared-notifications-absent",),
        summary="Changed tools are announced, although listChanged is not declared.",
        layer=combine(
            capability("tools", {}),
            ahead("tools/list", {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}),
        ),
        options=STREAMED,
    ),
    Fault(
        "lifecycle.logging-not-served",
        ("lifecycle.capability-method-agreement",),
        summary="logging is declared, but logging/setLevel is an unknown method.",
        layer=answer_instead(
            is_call_of("logging/setLevel"), 200, body=error(METHOD_NOT_FOUND, "Method not found")
        ),
    ),
    Fault(
        "lifecycle.completions-not-served",
        ("lifecycle.capability-method-agreement",),
        summary="completions is declared, but completion/complete is an unknown method.",
        layer=answer_instead(
            is_call_of("completion/complete"), 200, body=error(METHOD_NOT_FOUND, "Method not found")
        ),
    ),
    Fault(
        "lifecycle.prompts-not-served",
        ("lifecycle.capability-method-agreement",),
        summary="prompts is declared, but prompts/list is an unknown method.",
        layer=answer_instead(
            is_call_of("prompts/list"), 200, body=error(METHOD_NOT_FOUND, "Method not found")
        ),
    ),
    Fault(
        "lifecycle.resources-undeclared",
        ("lifecycle.capability-method-agreement", "resources.capability-declared"),
        summary="Resources are listed, although the capability is not declared.",
        layer=without_capability("resources"),
        revisions=HANDSHAKE_REVISIONS,
    ),
    Fault(
        "lifecycle.capability-true",
        ("lifecycle.operation-capability-shape",),
        summary="The capability prompts is true instead of an object.",
        layer=capability("prompts", True),
    ),
    Fault(
        "lifecycle.list-changed-text",
        ("lifecycle.operation-capability-shape",),
        summary="listChanged is a string.",
        layer=capability("prompts", {"listChanged": "false"}),
    ),
    Fault(
        "lifecycle.capability-null",
        ("lifecycle.operation-capability-shape",),
        summary="Capabilities that the server lacks are null.",
        layer=capability("experimental", None),
    ),
    Fault(
        "lifecycle.experimental-flag",
        ("lifecycle.operation-capability-shape",),
        summary="An experimental capability is true instead of an object.",
        layer=capability("experimental", {"example.com/feature": True}),
    ),
    Fault(
        "lifecycle.ping-says-pong",
        ("lifecycle.ping-empty-result",),
        summary="The result of ping has members.",
        layer=ping_result(status="ok"),
    ),
    Fault(
        "lifecycle.ping-slow",
        ("lifecycle.ping-empty-result",),
        ("stateful",),
        summary="Pings wait for a worker that an open GET stream keeps busy.",
        layer=handle(_slow_ping),
    ),
    Fault(
        "lifecycle.ping-unknown",
        ("lifecycle.ping-empty-result",),
        summary="ping is an unknown method.",
        layer=answer_instead(is_call_of("ping"), 200, body=error(METHOD_NOT_FOUND, "Method not found")),
    ),
    Fault(
        "lifecycle.ping-meta-refused",
        ("lifecycle.ping-without-capabilities",),
        summary="ping is refused if it has _meta alone.",
        layer=answer_instead(
            is_call_of("ping", lambda c: c.params == {"_meta": {}}),
            200,
            body=error(INVALID_PARAMS, "Invalid params"),
        ),
    ),
    Fault(
        "lifecycle.ping-params-refused",
        ("lifecycle.ping-without-capabilities",),
        summary="ping is refused if it has params.",
        layer=answer_instead(
            is_call_of("ping", lambda c: c.value.get("params") == {}),
            200,
            body=error(INVALID_PARAMS, "No params"),
        ),
    ),
    Fault(
        "lifecycle.initialize-crash",
        ("lifecycle.error-cases-prepared",),
        summary="An initialize without params crashes the server.",
        layer=answer_instead(
            is_malformed(lambda params: params is None), 500, PLAIN_TEXT, "Internal Server Error"
        ),
    ),
    Fault(
        "lifecycle.initialize-null-crash",
        ("lifecycle.error-cases-prepared",),
        summary="An initialize whose capabilities are null crashes the server.",
        layer=answer_instead(
            is_malformed(lambda p: isinstance(p, dict) and p.get("capabilities", 0) is None),
            500,
            body=error(-32603, "Internal error"),
        ),
    ),
    Fault(
        "lifecycle.initialize-swallowed",
        ("lifecycle.error-cases-prepared",),
        summary="An initialize whose version is a number gets 200 without a body.",
        layer=answer_instead(
            is_malformed(lambda p: isinstance(p, dict) and isinstance(p.get("protocolVersion"), int)), 200
        ),
    ),
    Fault(
        "lifecycle.early-ping-refused",
        ("lifecycle.ping-before-initialized",),
        ("stateful",),
        summary="ping is refused before initialized came in.",
        layer=combine(
            handle(_note_initialized),
            answer_instead(
                is_call_of("ping", lambda c: c.session_id not in initialized_sessions(c)),
                200,
                body=error(INVALID_REQUEST, "Not initialized"),
            ),
        ),
    ),
    Fault(
        "lifecycle.second-initialize-crash",
        ("lifecycle.second-initialize",),
        ("stateful",),
        summary="A second initialize in a session crashes the server.",
        layer=answer_instead(lambda c: c.is_initialize and c.session is not None, 500, PLAIN_TEXT, "Oops"),
    ),
    Fault(
        "lifecycle.initialize-batch-served",
        ("lifecycle.initialize-not-in-batch",),
        summary="A batch with initialize is served.",
        layer=answer_instead(batch_has_initialize, 200, body=batch_results),
    ),
    Fault(
        "lifecycle.unknown-capability-refused",
        ("lifecycle.initialize-unknown-client-fields",),
        summary="An unknown client capability fails validation.",
        layer=answer_instead(
            is_malformed(lambda p: isinstance(p, dict) and "x-unknown" in (p.get("capabilities") or {})),
            400,
            body=error(INVALID_PARAMS, "Unknown capability"),
        ),
    ),
)
