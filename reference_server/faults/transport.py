"""Faults of the endpoint: what GET gets, how messages are accepted or refused, what a JSON body holds."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from reference_server._calls import without_header
from reference_server._context import (
    HANDSHAKE_REVISIONS,
    REVISIONS,
    VERSION_HEADER,
    HeaderLines,
    Layer,
    RequestContext,
)
from reference_server._jsonrpc import encode
from reference_server._layers import (
    Call,
    EventBlock,
    Response,
    answer_instead,
    handle,
    rewrite_body,
    rewrite_events,
    rewrite_response_start,
    tee,
    when,
)
from reference_server.faults import Fault

BOTH: Final = ("stateless", "stateful")
STATEFUL: Final = ("stateful",)
STATELESS: Final = ("stateless",)
JSON_ONLY: Final = {"json_response": True}
CLIENT_NOTIFICATIONS: Final = frozenset(
    {
        "notifications/initialized",
        "notifications/cancelled",
        "notifications/progress",
        "notifications/roots/list_changed",
    }
)
SSE_TYPE: Final = ("content-type", "text/event-stream")
JSON_TYPE: Final = ("content-type", "application/json")


def asks_for_progress(context: RequestContext) -> bool:
    """Tell whether this is a single request with a progress token."""
    meta = context.params.get("_meta")
    return context.is_request and isinstance(meta, dict) and "progressToken" in meta


def is_good_get(context: RequestContext) -> bool:
    """Tell whether this is a GET for a new stream with nothing wrong, in a live session if there are any."""
    stateful = context.facts.mode == "stateful"
    version = context.header(VERSION_HEADER)
    served = (context.session.revision,) if context.session else () if stateful else HANDSHAKE_REVISIONS
    return (
        context.method == "GET"
        and (not stateful or context.session is not None)
        and (version is None or version in served)
        and "text/event-stream" in (context.header("accept") or "")
        and context.header("origin") is None
        and context.header("last-event-id") is None
    )


def is_defined_notification(context: RequestContext) -> bool:
    """Tell whether this is a notification that the specification defines for clients."""
    return context.is_notification and context.rpc_method in CLIENT_NOTIFICATIONS


def accepted(predicate: Callable[[RequestContext], bool], answer: Response) -> Layer:
    """Answer something else where the server inside accepts a message with 202."""

    def change(response: Response, context: RequestContext) -> Response:
        return answer if response.status == 202 else response

    return tee(predicate, change)


def is_unacceptable(context: RequestContext) -> bool:
    """Tell whether this is a notification with another JSON-RPC version, or at a version nobody speaks."""
    unspoken = context.header(VERSION_HEADER) == "1999-01-01"
    return context.is_notification and (unspoken or context.value.get("jsonrpc") != "2.0")


def refused(change: Callable[[Response], Response]) -> Layer:
    """Change how a notification that is not accepted is refused."""

    def changed(response: Response, context: RequestContext) -> Response:
        return change(response) if response.status == 400 else response

    return tee(is_unacceptable, changed)


def with_foreign_id(response: Response) -> Response:
    """Put an id into the error of a refusal."""
    return replace(response, body=encode({**json.loads(response.body), "id": "server-error"}))


def relabelled(value: str | None) -> Layer:
    """Label the JSON answers to requests otherwise, or not at all."""

    def change(status: int, lines: HeaderLines, context: RequestContext) -> tuple[int, HeaderLines]:
        if status != 200 or not context.is_request or JSON_TYPE not in lines:
            return status, lines
        rest = without_header(lines, "content-type")
        return status, rest if value is None else (*rest, ("content-type", value))

    return rewrite_response_start(change)


def stream_as_json(status: int, lines: HeaderLines, context: RequestContext) -> tuple[int, HeaderLines]:
    """Label a stream with progress as JSON."""
    if asks_for_progress(context) and status == 200:
        lines = (*without_header(lines, "content-type"), JSON_TYPE)
    return status, lines


def wrapped(predicate: Callable[[RequestContext], bool]) -> Layer:
    """Put the result of a request into an array."""

    def change(body: bytes, context: RequestContext) -> bytes:
        if context.is_request and predicate(context) and b'"result":' in body:
            return b"[" + body + b"]"
        return body

    return rewrite_body(change)


def with_progress_line(body: bytes, context: RequestContext) -> bytes:
    """Put a progress notification on a line of its own before the response."""
    if not asks_for_progress(context):
        return body
    params = {"progressToken": context.params["_meta"]["progressToken"], "progress": 1}
    note = {"jsonrpc": "2.0", "method": "notifications/progress", "params": params}
    return encode(note) + b"\n" + body + b"\n"


async def latin1_params(call: Call) -> None:
    """Read the texts of method and params as Latin-1, and the header that repeats one of them as well."""
    context = call.context
    mirrored = any(name.startswith("mcp-param-") for name, _ in context.headers)
    if not context.is_request or context.body.isascii() or mirrored:
        await call.forward()
        return
    value = dict(context.value)
    for member in ("method", "params"):
        if member in value:
            value[member] = json.loads(encode(value[member]).decode("latin-1"))
    if "progressToken" in context.meta:  # whose text the chapter progress judges
        value["params"]["_meta"]["progressToken"] = context.meta["progressToken"]
    context = context.changed(body=encode(value))
    name = context.params.get("name", context.params.get("uri"))
    if context.header("mcp-name") is not None and isinstance(name, str):
        text = base64.b64encode(name.encode()).decode()
        context = context.with_header("mcp-name", f"=?base64?{text}?=")
    await call.forward(context)


def latin1_errors(body: bytes, context: RequestContext) -> bytes:
    """Write error texts in Latin-1."""
    return body.decode().encode("latin-1", "replace") if b'"error":' in body else body


def split_at_unicode_lines(block: EventBlock, context: RequestContext) -> bytes:
    """Write an event whose data is split wherever Unicode ends a line."""
    parts = (block.data or "").splitlines()
    return block.with_data("\n".join(parts)).encode() if len(parts) > 1 else block.encode()


def allow(value: str | None) -> Layer:
    """Change the Allow header of 405."""

    def change(status: int, lines: HeaderLines, context: RequestContext) -> tuple[int, HeaderLines]:
        if status == 405:
            lines = without_header(lines, "allow") + ((("allow", value),) if value else ())
        return status, lines

    return rewrite_response_start(change)


def fault(
    name: str,
    requirement: str,
    summary: str,
    layer: Layer,
    modes: tuple[str, ...] = BOTH,
    options: Mapping[str, bool] | None = None,
    revisions: tuple[str, ...] = REVISIONS,
) -> Fault:
    """Build a fault of this chapter that breaks one requirement."""
    return Fault(
        f"transport.{name}",
        (f"transport.{requirement}",),
        modes,
        summary=summary,
        layer=layer,
        options=options or {},
        revisions=revisions,
    )


def get_instead(status: int, lines: tuple[tuple[str, str], ...] = (), body: Any = None) -> Layer:
    """Answer every good GET otherwise."""
    return answer_instead(is_good_get, status, lines, body)


FAULTS = (
    fault(
        "get-not-implemented",
        "endpoint-post-get",
        "GET gets 501",
        get_instead(501),
        STATELESS,
    ),
    fault("get-json", "get-sse-or-405", "GET gets a JSON object", get_instead(200, body={"status": "ok"})),
    fault(
        "get-page",
        "get-sse-or-405",
        "GET gets a page for people",
        get_instead(200, (("content-type", "text/html"),), "<!doctype html><title>MCP</title>"),
    ),
    fault("get-404", "get-sse-or-405", "GET gets 404", get_instead(404)),
    fault("get-400", "get-sse-or-405", "GET gets 400", get_instead(400)),
    fault("get-500", "get-sse-or-405", "GET fails in a session", get_instead(500), STATEFUL),
    fault("no-allow", "allow-header-on-405", "a 405 has no Allow header", allow(None)),
    fault("allow-without-post", "allow-header-on-405", "Allow does not list POST", allow("GET, HEAD")),
    fault(
        "notification-200-null",
        "notification-202-empty",
        "an accepted notification gets 200 with null",
        accepted(is_defined_notification, Response(200, (JSON_TYPE,), b"null")),
    ),
    fault(
        "notification-204",
        "notification-202-empty",
        "an accepted notification gets 204",
        accepted(is_defined_notification, Response(204)),
    ),
    fault(
        "notification-202-text",
        "notification-202-empty",
        "an accepted notification gets 202 with a text",
        accepted(is_defined_notification, Response(202, (("content-type", "text/plain"),), b"Accepted")),
    ),
    fault(
        "notification-stream",
        "notification-202-empty",
        "an accepted notification gets an event stream",
        accepted(is_defined_notification, Response(200, (SSE_TYPE,), b": done\n\n")),
    ),
    fault(
        "response-204",
        "response-202-empty",
        "an accepted response gets 204",
        accepted(lambda c: c.is_response, Response(204)),
    ),
    fault(
        "response-200-empty-object",
        "response-202-empty",
        "an accepted response gets 200 with an empty object",
        accepted(lambda c: c.is_response, Response(200, (JSON_TYPE,), b"{}")),
    ),
    fault(
        "refusal-200",
        "unaccepted-message-http-error",
        "a notification that is refused gets 200 with an error in the body",
        refused(lambda response: replace(response, status=200)),
    ),
    fault(
        "refusal-202",
        "unaccepted-message-http-error",
        "a notification that is refused gets 202 with an error in the body",
        refused(lambda response: replace(response, status=202)),
    ),
    fault(
        "refusal-with-id",
        "notification-error-body",
        "the error for a malformed notification has an id",
        refused(with_foreign_id),
    ),
    fault(
        "refusal-no-error",
        "notification-error-body",
        "the body for a malformed notification is JSON, but no error",
        refused(lambda response: replace(response, body=b'{"detail":"Bad Request"}')),
    ),
    fault(
        "json-as-text",
        "request-content-type",
        "JSON answers are labelled text/plain",
        relabelled("text/plain; charset=utf-8"),
        options=JSON_ONLY,
    ),
    fault(
        "json-unlabelled",
        "request-content-type",
        "JSON answers have no Content-Type",
        relabelled(None),
        options=JSON_ONLY,
    ),
    fault(
        "stream-as-json",
        "request-content-type",
        "event streams with progress are labelled application/json",
        rewrite_response_start(stream_as_json),
    ),
    fault(
        "json-as-stream",
        "request-content-type",
        "JSON answers to requests that ask for progress are labelled text/event-stream",
        when(asks_for_progress, relabelled("text/event-stream")),
        options=JSON_ONLY,
    ),
    fault(
        "json-array",
        "json-single-object",
        "results come in an array, although the revision has no batches",
        wrapped(lambda c: c.revision != HANDSHAKE_REVISIONS[0]),
        options=JSON_ONLY,
    ),
    fault(
        "json-array-2025-03-26",
        "json-single-object.2025-03-26",
        "the result of a single request comes in an array",
        wrapped(lambda c: c.revision == HANDSHAKE_REVISIONS[0]),
        options=JSON_ONLY,
    ),
    Fault(
        "transport.json-lines",
        ("transport.json-single-object", "transport.json-single-object.2025-03-26"),
        summary="progress and result come as two lines of JSON in one body",
        layer=rewrite_body(with_progress_line),
        options=JSON_ONLY,
    ),
    fault("latin1-params", "utf8", "texts in params are read as Latin-1", handle(latin1_params)),
    fault(
        "latin1-errors",
        "utf8",
        "error texts are written in Latin-1",
        rewrite_body(latin1_errors),
        options=JSON_ONLY,
    ),
    fault(
        "unicode-lines",
        "utf8",
        "events are split at U+2028, U+2029 and U+0085",
        rewrite_events(split_at_unicode_lines),
    ),
)
