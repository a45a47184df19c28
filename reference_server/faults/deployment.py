"""Faults of what lies between a server and its users: redirects, connections, bodies, buffers."""

from __future__ import annotations

import zlib
from typing import Any, Final

import anyio

from reference_server._calls import header_lines, response_start, without_header
from reference_server._context import (
    CLOSE_CONNECTION,
    HeaderLines,
    Layer,
    Message,
    RequestContext,
)
from reference_server._layers import (
    Call,
    EventBlock,
    answer_instead,
    handle,
    rewrite_events,
    rewrite_response_start,
)
from reference_server._sse import BlockSplitter
from reference_server.faults import Fault

MIB: Final = 1024 * 1024
SLOW_SECONDS: Final = 0.2
HELD_SECONDS: Final = 5.0
IDLE_SECONDS: Final = 1.0
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


# -- what a proxy does, see the rig proxy: behind it the same server runs without the fault ----------------


def without_cache_control(
    status: int, lines: HeaderLines, context: RequestContext
) -> tuple[int, HeaderLines]:
    """Take out what the server says on caching."""
    return status, tuple(line for line in lines if line[0] != "cache-control")


def other_cache_control(status: int, lines: HeaderLines, context: RequestContext) -> tuple[int, HeaderLines]:
    """Say something else on caching than the server."""
    return status, tuple((n, "private, max-age=60") if n == "cache-control" else (n, v) for n, v in lines)


def twice_cache_control(status: int, lines: HeaderLines, context: RequestContext) -> tuple[int, HeaderLines]:
    """Send what the server says on caching twice."""
    return status, (*lines, *(line for line in lines if line[0] == "cache-control"))


# -- silence, see the rig idle -----------------------------------------------------------------------------


async def end_after_a_while(call: Call) -> None:
    """End streams that stay open after a second, as a proxy does whose patience is over."""
    if not call.context.stays_open:
        await call.forward()
        return
    started = False

    async def send(message: Message) -> None:
        nonlocal started
        started = started or message["type"] == "http.response.start"
        await call.send(message)

    with anyio.move_on_after(IDLE_SECONDS):
        await call.forward(send=send)
        return
    if started:
        await call.send({"type": "http.response.body", "body": b"", "more_body": False})


def keeping_alive(seconds: float) -> Layer:
    """Send a comment on event streams whenever so many seconds have passed."""

    async def run(call: Call) -> None:
        lock = anyio.Lock()
        is_stream = over = False

        async def send(message: Message) -> None:
            nonlocal is_stream, over
            if message["type"] == "http.response.start":
                is_stream = (
                    dict(header_lines(message)).get("content-type", "").startswith("text/event-stream")
                )
            async with lock:
                over = over or (
                    message["type"] == "http.response.body" and not message.get("more_body", False)
                )
                await call.send(message)

        async def tick() -> None:
            while True:
                await anyio.sleep(seconds)
                async with lock:
                    if is_stream and not over:
                        await call.send({"type": "http.response.body", "body": b": \n\n", "more_body": True})

        async with anyio.create_task_group() as group:
            group.start_soon(tick)
            await call.forward(send=send)
            group.cancel_scope.cancel()

    return handle(run)


def without_comments(block: EventBlock, context: RequestContext) -> EventBlock | None:
    """Leave out blocks that are nothing but comments."""
    return block if any(name for name, _ in block.fields) else None


async def give_up_long_calls(call: Call) -> None:
    """Answer a call that takes longer than a second with 504, as a gateway does."""
    if not is_paced_call(call.context):
        await call.forward()
        return
    arguments = call.context.params.get("arguments") or {}
    if arguments.get("ticks", 0) * arguments.get("milliseconds", 0) <= IDLE_SECONDS * 1000:
        await call.forward()
        return
    await anyio.sleep(IDLE_SECONDS)
    await call.answer(504, [("content-type", "text/html")], "<h1>Gateway Timeout</h1>")


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
    fault(
        "proxy-drops-header",
        "a proxy takes a header of the server out",
        rewrite_response_start(without_cache_control),
        breaks="proxy-headers-kept",
        rig="proxy",
    ),
    fault(
        "proxy-changes-header",
        "a proxy changes a header of the server",
        rewrite_response_start(other_cache_control),
        breaks="proxy-headers-kept",
        rig="proxy",
    ),
    fault(
        "proxy-doubles-header",
        "a proxy sends a header of the server twice",
        rewrite_response_start(twice_cache_control),
        breaks="proxy-headers-once",
        rig="proxy",
    ),
    fault(
        "proxy-answers-options",
        "a proxy answers OPTIONS in the place of the server",
        answer_instead(lambda c: c.method == "OPTIONS", 204),
        breaks="proxy-same-answer",
        rig="proxy",
    ),
    fault(
        "proxy-redirects",
        "a proxy redirects what is no JSON",
        answer_instead(lambda c: c.body == b"{", 307, [("location", "/login")]),
        breaks="proxy-same-answer",
        rig="proxy",
    ),
    fault(
        "proxy-buffers",
        "a proxy holds progress back until the call is over",
        handle(in_one_lump),
        breaks="proxy-gradual-delivery",
        rig="proxy",
    ),
    fault(
        "proxy-compresses",
        "a proxy compresses streams, and sends them once its compressor has enough",
        compressed(flush=False),
        breaks="proxy-gradual-delivery",
        rig="proxy",
    ),
    fault(
        "proxy-limits-bodies",
        "a proxy refuses messages of more than 1 MiB",
        answer_instead(lambda c: len(c.body) > MIB, 413, [("content-type", "text/html")], "<h1>413</h1>"),
        breaks="proxy-large-message",
        rig="proxy",
    ),
    fault(
        "idle-stream-cut",
        "streams that stay open are ended after a second",
        handle(end_after_a_while),
        breaks="idle-stream",
        rig="idle",
    ),
    fault(
        "no-keep-alive",
        "nothing is sent on a stream while there is no message",
        rewrite_events(without_comments),
        breaks="keep-alive",
        rig="idle",
    ),
    fault(
        "idle-call-504",
        "a call of more than a second is given up with 504",
        handle(give_up_long_calls),
        breaks="idle-call",
        rig="idle",
    ),
)
