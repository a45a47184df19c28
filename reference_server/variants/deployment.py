"""Legal but unusual ways to be deployed: another path beside, compression, connections that end."""

from __future__ import annotations

import secrets
from typing import Final

import anyio

from reference_server._context import ASGIApp, HeaderLines, Message, Receive, RequestContext, Scope, Send
from reference_server._layers import answer_instead, rewrite_response_start
from reference_server.faults.deployment import MIB, compressed, keeping_alive, passing
from reference_server.variants import Variant

LATE_SECONDS: Final = 0.03
"""How long a body lets its reader wait."""


def says_close(status: int, lines: HeaderLines, context: RequestContext) -> tuple[int, HeaderLines]:
    """End each connection after its response, and say so."""
    return status, (*lines, ("connection", "close"))


def polite(status: int, lines: HeaderLines, context: RequestContext) -> tuple[int, HeaderLines]:
    """Add what proxies add."""
    own = (
        ("via", "1.1 proxy"),
        ("server", "proxy"),
        ("x-request-id", secrets.token_hex(8)),
        ("vary", "accept"),
    )
    return status, (*lines, *own)


def late_bodies(inner: ASGIApp) -> ASGIApp:
    """Let the first byte of each body wait for a moment, when the head is out already."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def delayed(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.body" and not begun:
                begun = True
                await anyio.sleep(LATE_SECONDS)
            await send(message)

        await inner(scope, receive, delayed)

    return app


VARIANTS: Final = (
    Variant(
        "deployment.both-paths",
        summary="the path with another slash at its end is the endpoint as well",
        layer=passing,
        options={"twin": "served"},
    ),
    Variant(
        "deployment.compressed",
        summary="event streams are compressed for clients that read gzip, and each event is sent at once",
        layer=compressed(flush=True),
    ),
    Variant(
        "deployment.says-close",
        summary="each connection ends after its response, which says so",
        layer=rewrite_response_start(says_close),
    ),
    Variant(
        "deployment.small-bodies",
        summary="messages of more than 1 MiB are refused with 413",
        layer=answer_instead(lambda c: len(c.body) > MIB, 413),
    ),
    Variant(
        "deployment.keep-alive",
        summary="a comment is sent on streams several times a second",
        layer=keeping_alive(0.15),
    ),
    Variant(
        "deployment.polite-proxy",
        summary="a proxy adds headers of its own, and an id to each response",
        layer=rewrite_response_start(polite),
        rig="proxy",
    ),
    Variant(
        "deployment.late-bodies",
        summary="a proxy passes the head of an answer on a moment before its body",
        layer=late_bodies,
        rig="proxy",
    ),
)
