"""The bundled scripts: what happens to clients in the field, one thing per script."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from pytest_mcp_http.mock.answers import CUT, Pause, sse_event
from pytest_mcp_http.mock.script import (
    ANSWER,
    END,
    LOG,
    PING,
    PRIME,
    PROGRESS,
    Retry,
    Script,
    Turn,
    challenge,
    input_required,
    later,
    lose_session,
    never,
    on,
    refuse,
    result,
    stream,
)
from pytest_mcp_http.spec.error_codes import HEADER_MISMATCH, UNSUPPORTED_VERSION
from pytest_mcp_http.spec.revisions import HANDSHAKE_REVISIONS, MODERN_REVISIONS

RETRY_MILLISECONDS: Final = 1500
"""The reconnection time that the script `resume` sets: longer than what clients use by themselves."""

UNKNOWN_VERSION: Final = "1999-12-31"
"""A version that no client supports."""

UNSUPPORTED: Final = "2099-12-31"
"""The only version that the script `other-version` says that it supports."""

STATE: Final = " {opaque}=\u00e9+/%20== "
"""A `requestState` that shows whoever parses or trims it."""

_STRING: Final = {"type": "string"}

ANNOTATED: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": {
        "region": {"type": "string", "x-mcp-header": "Region"},
        "count": {"type": "integer", "x-mcp-header": "Count"},
        "urgent": {"type": "boolean", "x-mcp-header": "Urgent"},
        "title": {"type": "string", "x-mcp-header": "Title"},
        "padded": {"type": "string", "x-mcp-header": "Padded"},
        "literal": {"type": "string", "x-mcp-header": "Literal"},
        "skipped": {"type": "string", "x-mcp-header": "Skipped"},
        "nested": {
            "type": "object",
            "properties": {"zone": {"type": "string", "x-mcp-header": "Zone"}},
        },
    },
}
"""A schema whose properties are repeated in headers."""

_MIRRORED: Final = {
    "region": "us-west1",
    "count": -7,
    "urgent": True,
    "title": "Grüße, 世界",
    "padded": " padded ",
    "literal": "=?base64?literal?=",
    "nested": {"zone": "b"},
}

_BAD: Final[Mapping[str, Mapping[str, Any]]] = {
    "empty_header": {"type": "object", "properties": {"a": {**_STRING, "x-mcp-header": ""}}},
    "header_with_space": {"type": "object", "properties": {"a": {**_STRING, "x-mcp-header": "My Region"}}},
    "header_of_number": {"type": "object", "properties": {"a": {"type": "number", "x-mcp-header": "A"}}},
    "header_twice": {
        "type": "object",
        "properties": {"a": {**_STRING, "x-mcp-header": "Same"}, "b": {**_STRING, "x-mcp-header": "SAME"}},
    },
}


def _named(tool: str) -> dict[str, Any]:
    return {"name": tool, "inputSchema": {"type": "object"}}


def _foreign(turn: Turn) -> bytes:
    """Write a response to a request that nobody made, which offers a tool that does not exist."""
    trap = {"tools": [_named("trap")], "resultType": "complete", "ttlMs": 0, "cacheScope": "private"}
    return sse_event({"jsonrpc": "2.0", "id": "nobody-asked", "result": trap})


def _with_foreign_response(turn: Turn) -> Any:
    return stream(_foreign(turn), ANSWER)(turn)


def _annotate_later(plain: dict[str, Any], turn: Turn) -> dict[str, Any]:
    """Show the schema without annotations to the first request, and with them to later ones."""
    if turn.count > 1:
        return plain
    bare = {"type": "object", "properties": {"region": _STRING}}
    return {**plain, "tools": [{**tool, "inputSchema": bare} for tool in plain["tools"]]}


_FORM: Final = {
    "answer": {
        "method": "elicitation/create",
        "params": {
            "mode": "form",
            "message": "Which colour?",
            "requestedSchema": {"type": "object", "properties": {"colour": _STRING}},
        },
    }
}

_SCRIPTS: Final = (
    Script("json", "Every answer is one JSON body.", judges=("client.stream.reads-json",)),
    Script("sse", "Every answer is an event stream.", sse=True, judges=("client.stream.reads-sse",)),
    Script(
        "plain",
        "Nothing unusual happens, and the client ends in its own time.",
        revisions=HANDSHAKE_REVISIONS,
        judges=("client.session.delete",),
    ),
    Script(
        "notification-first",
        "A log message comes before the list of tools, and progress before the result of a call.",
        (
            on("tools/list", stream(LOG, PROGRESS, ANSWER), times=None),
            on("tools/call", stream(PROGRESS, PROGRESS, ANSWER), times=None),
        ),
        judges=("client.stream.notifications-first",),
    ),
    Script(
        "crlf",
        "The lines of the event stream end with CR LF.",
        (on("tools/list", stream(ANSWER, line_end="\r\n"), times=None),),
        judges=("client.stream.line-ends",),
    ),
    Script(
        "data-lines",
        "The list of tools is spread over several data lines of one event.",
        (on("tools/list", stream(ANSWER, data_lines=True), times=None),),
        judges=("client.stream.data-lines",),
    ),
    Script(
        "comments",
        "Comments and unknown fields surround the list of tools.",
        (on("tools/list", stream(b": hello\n\n", b"x-unknown: 1\n:\n", ANSWER, b":\r\n"), times=None),),
        judges=("client.stream.comments",),
    ),
    Script(
        "slow-bytes",
        "The list of tools comes byte by byte.",
        (on("tools/list", stream(ANSWER, byte_pause=0.0005), times=None),),
        judges=("client.stream.any-pieces",),
    ),
    Script(
        "foreign-response",
        "A response to a request that nobody made comes before the list of tools.",
        (on("tools/list", _with_foreign_response, times=None),),
        judges=("client.jsonrpc.matches-ids",),
    ),
    Script(
        "pages",
        "The list of tools has two pages, with a cursor that is no number.",
        page=1,
        judges=("client.pagination.opaque-cursor",),
    ),
    Script(
        "slow-initialize",
        "The answer to initialize takes half a second.",
        (on("initialize", later(0.5)),),
        revisions=HANDSHAKE_REVISIONS,
    ),
    Script(
        "no-session",
        "No session id is assigned.",
        revisions=HANDSHAKE_REVISIONS,
        sessions=False,
    ),
    Script(
        "session-lost",
        "The first call of a tool finds that the session has ended.",
        (on("tools/call", lose_session()),),
        revisions=HANDSHAKE_REVISIONS,
        judges=("client.session.reinitialize-after-404", "client.session.initialize-without-id"),
    ),
    Script(
        "primed",
        "Streams begin with an event that has an id and no data.",
        (on("tools/list", stream(PRIME, ANSWER, ids=True), times=None),),
        revisions=HANDSHAKE_REVISIONS[-1:],
        judges=("client.stream.priming-event",),
    ),
    Script(
        "cut",
        "The connection breaks after the second event of the first call, before its result.",
        (on("tools/call", stream(LOG, LOG, Pause(0.3), CUT, ids=True)),),
        revisions=HANDSHAKE_REVISIONS,
        judges=("client.stream.reconnects", "client.stream.last-event-id"),
    ),
    Script(
        "resume",
        "The server sets a reconnection time, and ends the stream of the first call before its result.",
        (on("tools/call", stream(PRIME, LOG, Retry(RETRY_MILLISECONDS), END, ids=True)),),
        revisions=HANDSHAKE_REVISIONS[-1:],
        judges=("client.stream.reconnects", "client.stream.last-event-id", "client.stream.retry"),
    ),
    Script(
        "server-ping",
        "The server pings the client on the stream of tools/list.",
        (on("tools/list", stream(PING, ANSWER), times=None),),
        judges=("client.lifecycle.answers-ping",),
    ),
    Script(
        "accepted-late",
        "The notification that the client is ready is answered after three seconds.",
        (on("notifications/initialized", later(3.0), times=None),),
        revisions=HANDSHAKE_REVISIONS,
    ),
    Script(
        "call-unanswered",
        "The first call is never answered.",
        (on("tools/call", never()),),
        judges=("client.cancellation.on-timeout",),
    ),
    Script(
        "initialize-unanswered",
        "The first initialize is never answered.",
        (on("initialize", never()),),
        revisions=HANDSHAKE_REVISIONS,
        judges=("client.cancellation.not-initialize",),
    ),
    Script(
        "unknown-version",
        "The server answers initialize with a version that no client supports.",
        (on("initialize", result(lambda r, _: {**r, "protocolVersion": UNKNOWN_VERSION}), times=None),),
        revisions=HANDSHAKE_REVISIONS,
        judges=("client.version.disconnects",),
    ),
    Script(
        "unauthorized",
        "The first request is refused with 401 and a challenge.",
        (on("initialize", challenge()), on("server/discover", challenge()), on("tools/list", challenge())),
        judges=("client.auth.challenge-url",),
    ),
    Script(
        "other-version",
        "Every request is refused, since the server only supports a version of the future.",
        tuple(
            on(
                method,
                refuse(
                    400,
                    code=UNSUPPORTED_VERSION,
                    text="Unsupported protocol version",
                    data={"supported": [UNSUPPORTED], "requested": MODERN_REVISIONS[-1]},
                ),
                times=None,
            )
            for method in ("server/discover", "tools/list", "tools/call")
        ),
        revisions=MODERN_REVISIONS,
        judges=("client.version.no-fallback",),
    ),
    Script(
        "annotated",
        "A tool has arguments that are repeated in headers.",
        tools={"mirror": ANNOTATED},
        arguments={"mirror": _MIRRORED},
        revisions=MODERN_REVISIONS,
        judges=("client.headers.param", "client.headers.encoding", "client.headers.param-omitted"),
    ),
    Script(
        "bad-annotations",
        "Among the tools are some whose annotations of headers are not allowed.",
        tools={"good": {"type": "object", "properties": {"text": _STRING}}, **_BAD},
        arguments={"good": {"text": "a"}, **{name: {} for name in _BAD}},
        revisions=MODERN_REVISIONS,
        judges=("client.headers.rejects-tools",),
    ),
    Script(
        "schema-changed",
        "A call is refused because a header is missing that the list did not ask for at first.",
        (
            on("tools/list", result(_annotate_later), times=None),
            on("tools/call", refuse(400, code=HEADER_MISMATCH, text="Mcp-Param-Region is missing")),
        ),
        tools={"mirror": {"type": "object", "properties": {"region": {**_STRING, "x-mcp-header": "Region"}}}},
        arguments={"mirror": {"region": "us-west1"}},
        revisions=MODERN_REVISIONS,
        judges=("client.headers.lists-again",),
    ),
    Script(
        "input-required",
        "The first call needs input, and is answered when it is tried again with a state.",
        (on("tools/call", input_required(_FORM, state=STATE)),),
        revisions=MODERN_REVISIONS,
        judges=("client.mrtr.state", "client.mrtr.new-id", "client.mrtr.responses", "client.mrtr.only-retry"),
    ),
    Script(
        "input-without-state",
        "The first call needs input, without a state.",
        (on("tools/call", input_required(_FORM)),),
        revisions=MODERN_REVISIONS,
        judges=("client.mrtr.no-state",),
    ),
)

SCRIPTS: Final[Mapping[str, Script]] = MappingProxyType({script.name: script for script in _SCRIPTS})
"""Every bundled script by its name."""


def script_named(name: str) -> Script:
    """Return a bundled script.

    Raises:
        ValueError: If there is none with this name.
    """
    if name not in SCRIPTS:
        raise ValueError(f"unknown script {name!r}; known are {', '.join(SCRIPTS)}")
    return SCRIPTS[name]
