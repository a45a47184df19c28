"""Faults of what lies between a server and its users: redirects, connections, bodies, buffers."""

from __future__ import annotations

import zlib
from typing import Any, Final

import anyio

from reference_server._calls import header_lines, response_start, without_header
from reference_server._context import CLOSE_CONNECTION, Layer, Message, RequestContext
from reference_server._layers import Call, EventBlock, answer_instead, handle
from reference_server._sse import BlockSplitter
from reference_server.faults import Fault

MIB: Final = 1024 * 1024
SLOW_SECONDS: Final = 0.2
HELD_SECONDS: Final = 5.0
PACED_TOOL: Final = "count_ticks"


def passing(inner: Any) -> Any:
    """Change nothing: an option of the server makes the fault."""
    return inner


async def close_after(call: Call) -> None:
    """End the connection after each response, without a word."""
    close = call.scope["state"][CLOSE_CONNECTION]

    async def send(message: Message) -> None:
        await call.send(message)
        if message["type"] == "http.response.body" and not message.get("more_body", False):
            close()

    await call.forward(send=send)


async def wait_for_others(call: Call) -> None:
    """Serve nothing while the body of another request is not complete."""
    with anyio.move_on_after(HELD_SECONDS):
        while call.context.facts.unread:
            await anyio.sleep(0.02)
    await call.forward()


def is_paced_call(context: RequestContext) -> bool:
    """Select calls of the tool that reports progress at a pace that can be asked for."""
    return context.rpc_method == "tools/call" and context.params.get("name") == PACED_TOOL


def takes_gzip(context: RequestContext) -> bool:
    """Select requests of clients that read gzip."""
    return "gzip" in (context.header("accept-encoding") or "")


async def in_one_lump(call: Call) -> None:
    """Hold the progress of a call back until its response is there."""
    if not is_paced_call(call.context):
        await call.forward()
        return
    splitter = BlockSplitter()
    held: list[bytes] = []

    async def send(message: Message) -> None:
        if message["type"] != "http.response.body":
            await call.send(message)
            return
        last = not message.get("more_body", False)
        for raw in splitter.feed(message.get("body", b"")):
            held.append(raw)
            if '"notifications/progress"' in (EventBlock.parse(raw).data or ""):
                continue
            last_block, held[:] = b"".join(held), []
            await call.send({"type": "http.response.body", "body": last_block, "more_body": True})
        if last:
            rest = b"".join(held) + splitter.close()
            await call.send({"type": "http.response.body", "body": rest, "more_body": False})

    await call.forward(send=send)


def compressed(*, flush: bool) -> Layer:
    """Compress the event streams of clients that read gzip.

    Args:
        flush: Send what is there with each block; else only when the compressor sends something by itself.
    """

    async def run(call: Call) -> None:
        if not takes_gzip(call.context) or call.context.stays_open:
            await call.forward()
            return
        packer = zlib.compressobj(wbits=31)
        is_stream = False

        async def send(message: Message) -> None:
            nonlocal is_stream
            if message["type"] == "http.response.start":
                lines = header_lines(message)
                is_stream = dict(lines).get("content-type", "").startswith("text/event-stream")
                if is_stream:
                    lines = (*without_header(lines, "content-length"), ("content-encoding", "gzip"))
                    message = response_start(message["status"], lines)
                await call.send(message)
            elif not is_stream:
                await call.send(message)
            else:
                more = message.get("more_body", False)
                body = packer.compress(message.get("body", b""))
                body += packer.flush() if not more else packer.flush(zlib.Z_SYNC_FLUSH) if flush else b""
                await call.send({"type": "http.response.body", "body": body, "more_body": more})

        await call.forward(send=send)

    return handle(run)


def fault(id: str, summary: str, layer: Layer = passing, **more: Any) -> Fault:
    """Make a fault of the requirement that its id begins with."""
    return Fault(
        f"deployment.{id}", (f"deployment.{more.pop('breaks', id)}",), summary=summary, layer=layer, **more
    )


FAULTS: Final = (
    fault(
        "slash-twin",
        "the path with another slash at its end is redirected",
        options={"twin": ""},
    ),
    fault(
        "redirect-elsewhere",
        "the path with another slash at its end is redirected to another scheme and host",
        breaks="redirect-same-origin",
        options={"twin": "http://internal.invalid:8080"},
    ),
    fault(
        "persistent-connection",
        "connections end after each response without notice",
        handle(close_after),
    ),
    fault(
        "large-message-500",
        "a message of more than 1 MiB makes the server fail",
        answer_instead(lambda c: len(c.body) > MIB, 500, [("content-type", "text/html")], "<h1>Oh no</h1>"),
        breaks="large-message",
    ),
    fault(
        "slow-body-408",
        "a body that takes a fifth of a second is given up",
        answer_instead(lambda c: c.body_seconds > SLOW_SECONDS and len(c.body) < MIB // 64, 408),
        breaks="slow-body",
    ),
    fault(
        "unfinished-body-blocks",
        "nothing is served while the body of a request is not complete",
        handle(wait_for_others),
        breaks="unfinished-body",
    ),
    fault(
        "one-lump",
        "progress is held back until the call is over",
        handle(in_one_lump),
        breaks="gradual-delivery",
    ),
    fault(
        "compressed-lump",
        "compressed streams are sent once the compressor has enough",
        compressed(flush=False),
        breaks="compressed-delivery",
    ),
)
