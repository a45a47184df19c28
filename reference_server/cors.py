"""Lets pages of allowed origins use the server from a browser, by the CORS protocol of the Fetch standard.

Other origins get nothing of it: `corrections.check_origin` refuses those that are not local, and the others
get no leave. See https://fetch.spec.whatwg.org/#http-cors-protocol.
"""

from __future__ import annotations

import re
from typing import Final

from reference_server._calls import header_lines, respond, response_start
from reference_server._context import (
    SESSION_HEADER,
    VERSION_HEADER,
    ASGIApp,
    Message,
    Receive,
    RequestContext,
    Scope,
    Send,
    context_of,
)

ORIGIN: Final = re.compile(r"https?://([A-Za-z0-9.-]+|\[[0-9a-f:]+\])(:\d{1,5})?")

REQUEST_HEADERS: Final = (
    "authorization",
    "content-type",
    "last-event-id",
    "mcp-method",
    "mcp-name",
    VERSION_HEADER,
    SESSION_HEADER,
)
"""The header lines that clients send, beside those that mirror arguments of tools."""

MIRRORED: Final = re.compile(r"mcp-param-[a-z0-9!#$%&'*+.^_`|~-]+")

RESPONSE_HEADERS: Final = (SESSION_HEADER, "www-authenticate")
"""The header lines that clients have to read."""

MAX_AGE_SECONDS: Final = 7200
"""How long a browser may keep the answer to a preflight: as long as any of them does."""

METHODS: Final = "GET, POST, DELETE"


def allowed_origin(context: RequestContext) -> str | None:
    """Return the origin of a request, if pages of it may use the server."""
    origin = context.header("origin")
    return origin if origin in context.facts.origins else None


def preflights(inner: ASGIApp) -> ASGIApp:
    """Answer preflights of allowed origins; they carry no token, no session and no version."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        context = context_of(scope)
        asks = context.header("access-control-request-method") is not None
        if context.method != "OPTIONS" or not asks or allowed_origin(context) is None:
            await inner(scope, receive, send)
            return
        wanted = (context.header("access-control-request-headers") or "").lower().split(",")
        mirrored = [name.strip() for name in wanted if MIRRORED.fullmatch(name.strip())]
        lines = [
            ("access-control-allow-methods", METHODS),
            ("access-control-allow-headers", ", ".join((*REQUEST_HEADERS, *mirrored))),
            ("access-control-max-age", str(MAX_AGE_SECONDS)),
        ]
        await respond(send, 204, lines)

    return app


def with_leave(inner: ASGIApp) -> ASGIApp:
    """Let pages of allowed origins read every answer, refusals as well."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        context = context_of(scope)
        origin = allowed_origin(context)

        async def leave(message: Message) -> None:
            if message["type"] == "http.response.start" and context.facts.origins:
                lines = [*header_lines(message), ("vary", "Origin")]
                if origin is not None:
                    lines.append(("access-control-allow-origin", origin))
                    lines.append(("access-control-expose-headers", ", ".join(RESPONSE_HEADERS)))
                message = response_start(message["status"], lines)
            await send(message)

        await inner(scope, receive, leave)

    return app
