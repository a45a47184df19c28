"""Legal but unusual ways to frame streams, to deliver bytes, and to answer GET and notifications."""

from __future__ import annotations

import json
import secrets
from typing import Final

import anyio

from reference_server._calls import without_header
from reference_server._context import (
    HANDSHAKE_REVISIONS,
    MODERN_REVISIONS,
    ASGIApp,
    HeaderLines,
    Layer,
    Message,
    Receive,
    RequestContext,
    Scope,
    Send,
)
from reference_server._jsonrpc import INVALID_REQUEST, error_message
from reference_server._layers import (
    Call,
    EventBlock,
    answer_instead,
    combine,
    handle,
    rewrite_events,
    rewrite_response_start,
)
from reference_server.variants import Variant

STATEFUL: Final = ("stateful",)
JSON_ONLY: Final = {"json_response": True}
SLOW_SECONDS: Final = 0.03
NO_GET: Final = answer_instead(lambda c: c.method == "GET", 405, [("Allow", "POST, DELETE")])


def indented(block: EventBlock, context: RequestContext) -> EventBlock:
    """Write messages over several lines."""
    return block.with_data(json.dumps(json.loads(block.data), indent=1)) if block.data else block


def terse(block: EventBlock, context: RequestContext) -> bytes:
    """Write fields without the space after the colon."""
    return "".join(f"{name}:{value}\n" for name, value in block.fields).encode() + b"\n"


def numbered(block: EventBlock, context: RequestContext) -> EventBlock:
    """Give every event an id."""
    return block.with_field("id", secrets.token_hex(8))


def priming_event(context: RequestContext) -> bytes:
    """Return an event with an id and empty data, at the revision that knows it."""
    if context.revision != HANDSHAKE_REVISIONS[-1]:
        return b""
    return numbered(EventBlock((("data", ""),)), context).encode()


def with_comments(block: EventBlock, context: RequestContext) -> tuple[bytes, EventBlock, bytes]:
    """Put comments around an event."""
    return b": keep-alive\n\n", EventBlock((("", "in the event"), *block.fields)), b":\n\n"


def byte_by_byte(inner: ASGIApp) -> ASGIApp:
    """Send bodies one byte at a time."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async def split(message: Message) -> None:
            body = message.get("body", b"")
            for i in range(len(body) - 1):
                await send({"type": "http.response.body", "body": body[i : i + 1], "more_body": True})
            await send({**message, "body": body[-1:]} if body else message)

        await inner(scope, receive, split)

    return app


async def slowly(call: Call) -> None:
    """Let every response wait a little."""
    await anyio.sleep(SLOW_SECONDS)
    await call.forward()


def odd_headers(inner: ASGIApp) -> ASGIApp:
    """Spell the names of response headers oddly, and add some."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async def spelt(message: Message) -> None:
            if message["type"] == "http.response.start":
                lines = [(name.upper(), value) for name, value in message["headers"]]
                extra = [(b"X-pOwered-By", b"curiosity"), (b"vary", b"Accept"), (b"Vary", b"Origin")]
                message = {**message, "headers": lines + extra}
            await send(message)

        await inner(scope, receive, spelt)

    return app


def with_charset(status: int, lines: HeaderLines, context: RequestContext) -> tuple[int, HeaderLines]:
    """Add the charset to the media types."""
    found = dict(lines).get("content-type")
    if found in ("text/event-stream", "application/json"):
        lines = (*without_header(lines, "content-type"), ("content-type", f"{found}; charset=utf-8"))
    return status, lines


def with_upper_case_types(
    status: int, lines: HeaderLines, context: RequestContext
) -> tuple[int, HeaderLines]:
    """Write the media types in upper case."""
    return status, tuple((n, v.upper() if n == "content-type" else v) for n, v in lines)


async def refuse_roots(call: Call) -> None:
    """Refuse the notification that the list of roots changed, since no client declared roots."""
    response = await call.capture() if call.context.rpc_method == ROOTS_CHANGED else None
    if response is None:
        await call.forward()
    elif response.status == 202:
        await call.answer(400, (), error_message(INVALID_REQUEST, "The client declared no roots"))
    else:
        await call.answer(response.status, response.headers, response.body)


ROOTS_CHANGED: Final = "notifications/roots/list_changed"


def without_keep_alive(status: int, lines: HeaderLines, context: RequestContext) -> tuple[int, HeaderLines]:
    """End the connection after each response."""
    return status, (*lines, ("connection", "close"))


def framing(name: str, summary: str, layer: Layer) -> Variant:
    """Build a variant of how event streams are written."""
    return Variant(f"sse-{name}", summary=summary, layer=layer)


VARIANTS = (
    framing(
        "crlf",
        "lines of streams end with CR LF",
        rewrite_events(lambda block, _: block.encode("\r\n")),
    ),
    framing("comments", "comments stand between events and inside them", rewrite_events(with_comments)),
    framing("multi-line-data", "messages are written over several data lines", rewrite_events(indented)),
    framing("no-space", "no space follows the colon of a field", rewrite_events(terse)),
    framing(
        "no-event-field",
        "events have no event field, which means the type message",
        rewrite_events(lambda block, _: block.with_field("event", None)),
    ),
    framing(
        "primed",
        "streams begin with a priming event where the revision knows it, and all events have ids",
        rewrite_events(numbered, before=priming_event),
    ),
    framing(
        "retry",
        "streams begin with a retry field",
        rewrite_events(lambda block, _: block, before=lambda _: b"retry: 3000\n\n"),
    ),
    framing(
        "heartbeat-events",
        "streams begin with an event of a type of its own that carries no message",
        rewrite_events(lambda block, _: block, before=lambda _: b"event: heartbeat\ndata: 1\n\n"),
    ),
    Variant("byte-by-byte", summary="bodies arrive one byte at a time", layer=byte_by_byte),
    Variant("slow-responses", summary="every response waits a little", layer=handle(slowly)),
    Variant(
        "odd-header-case", summary="response headers are spelt oddly, with more of them", layer=odd_headers
    ),
    Variant(
        "charset",
        summary="media types of responses name the charset",
        layer=rewrite_response_start(with_charset),
    ),
    Variant(
        "upper-case-types",
        summary="media types of responses are in upper case",
        layer=rewrite_response_start(with_upper_case_types),
    ),
    Variant(
        "json-only",
        summary="answers are JSON only, as the server may choose",
        layer=combine(),
        options=JSON_ONLY,
    ),
    Variant(
        "json-only-no-get",
        STATEFUL,
        summary="sessions without event streams: answers are JSON only, GET gets 405",
        layer=NO_GET,
        options=JSON_ONLY,
    ),
    Variant("no-get", STATEFUL, summary="sessions, but GET gets 405", layer=NO_GET),
    Variant(
        "roots-refused",
        summary="a notification that the client has no business to send gets 400",
        layer=handle(refuse_roots),
    ),
    Variant(
        "connections-end",
        summary="each connection ends with its first response",
        layer=rewrite_response_start(without_keep_alive),
    ),
    Variant(
        "responses-taken",
        ("stateless",),
        summary="a response, which clients have no business to send, gets 202",
        layer=answer_instead(lambda c: c.is_response and c.header("origin") is None, 202),
        revisions=MODERN_REVISIONS,
    ),
)
