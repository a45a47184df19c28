"""Faults that show only while several requests are in flight: answers that cross, and clients that wait."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

import anyio

from reference_server._context import (
    HANDSHAKE_REVISIONS,
    REVISIONS,
    SESSION_HEADER,
    RequestContext,
)
from reference_server._jsonrpc import INTERNAL_ERROR, encode, error_message
from reference_server._layers import Call, Response, handle
from reference_server.faults import Fault

BOTH: Final = ("stateful", "stateless")
STATEFUL: Final = ("stateful",)

ECHO: Final = "echo_text"
SLOW: Final = "count_ticks"

OVERLAP_SECONDS: Final = 0.05
"""How long a request waits for another one to get mixed up with."""

FEW: Final = 8
"""So many at once are served; the probes of other chapters stay below it."""

FEW_SLOW: Final = 5
"""So many slow calls at once hold up the rest; the probes of other chapters stay below it."""


@dataclass
class _Waiting:
    """The first of two requests that get mixed up."""

    context: RequestContext
    own: Response
    other: Response | None = None
    met: anyio.Event = field(default_factory=anyio.Event)


def _is_call(context: RequestContext, tool: str) -> bool:
    return context.rpc_method == "tools/call" and context.params.get("name") == tool


def swapped(mixes: Callable[[RequestContext, RequestContext], bool]) -> Callable[[Call], Awaitable[None]]:
    """Give two calls of the echo tool that are in flight at once each other's result.

    Args:
        mixes: Tells which two are mixed up.
    """

    async def run(call: Call) -> None:
        context = call.context
        if not _is_call(context, ECHO):
            await call.forward()
            return
        own = await call.capture()
        waiting: list[_Waiting] = call.state.setdefault("swapped", [])
        first = next((each for each in waiting if mixes(each.context, context)), None)
        if first is not None:
            waiting.remove(first)
            first.other = own
            first.met.set()
            await _answer(call, first.own)
            return
        mine = _Waiting(context, own)
        waiting.append(mine)
        with anyio.move_on_after(OVERLAP_SECONDS):
            await mine.met.wait()
        if mine in waiting:
            waiting.remove(mine)
        await _answer(call, mine.other or own)

    return run


async def _answer(call: Call, response: Response) -> None:
    """Send a result under the id of the request that is answered."""
    messages = [{**m, "id": call.context.rpc_id} for m in response.messages if "result" in m]
    if messages:
        await call.answer(200, (), messages[0])
    else:
        await call.answer(response.status, response.headers, response.body)


def _same_id(one: RequestContext, other: RequestContext) -> bool:
    return encode(one.rpc_id) == encode(other.rpc_id)


def of_other_clients(one: RequestContext, other: RequestContext) -> bool:
    """Mix up requests with one id, in different sessions as far as there are sessions."""
    return _same_id(one, other) and (one.session_id is None or one.session_id != other.session_id)


def of_one_client(one: RequestContext, other: RequestContext) -> bool:
    """Mix up requests with different ids, in one session as far as there are sessions."""
    return not _same_id(one, other) and one.session_id == other.session_id


def of_one_id(one: RequestContext, other: RequestContext) -> bool:
    """Mix up requests with one id in one session."""
    return _same_id(one, other) and one.session_id is not None and one.session_id == other.session_id


async def unanswered_twin(call: Call) -> None:
    """Let the first of two requests with one id in one session wait for ever."""
    context = call.context
    running: Counter[tuple[str | None, bytes]] = call.state.setdefault("twins", Counter())
    key = (context.session_id, encode(context.rpc_id)) if _is_call(context, ECHO) else None
    if key is None or context.session_id is None:
        await call.forward()
        return
    running[key] += 1
    twin = running[key] > 1
    try:
        await anyio.sleep(OVERLAP_SECONDS)
        if running[key] > 1 and not twin:
            await call.gone()
            return
        await call.forward()
    finally:
        running[key] -= 1


async def shared_session(call: Call) -> None:
    """Give clients that connect while several others do the session of the first of them."""
    if not call.context.is_initialize:
        await call.forward()
        return
    opening: list[str] = call.state.setdefault("opening", [])
    running = call.state["opening-now"] = call.state.get("opening-now", 0) + 1
    try:
        response = await call.capture()
        own = dict(response.headers).get(SESSION_HEADER, "")
        opening.append(own)
        await anyio.sleep(OVERLAP_SECONDS)
        id = opening[0] if running > FEW / 2 else own
        lines = [(name, id if name == SESSION_HEADER else value) for name, value in response.headers]
        await call.answer(response.status, lines, response.body)
    finally:
        call.state["opening-now"] -= 1
        if not call.state["opening-now"]:
            opening.clear()


async def few_openings(call: Call) -> None:
    """Fail clients that connect while some others do."""
    if not call.context.is_opening:
        await call.forward()
        return
    running = call.state["few-openings"] = call.state.get("few-openings", 0) + 1
    try:
        await anyio.sleep(OVERLAP_SECONDS)
        if running > FEW:
            body = error_message(INTERNAL_ERROR, "Too many at once", request_id=call.context.rpc_id)
            await call.answer(500, (), body)
        else:
            await call.forward()
    finally:
        call.state["few-openings"] -= 1


async def few_workers(call: Call) -> None:
    """Serve requests with a fixed number of workers, and let each open stream keep one."""
    streams = call.state.setdefault("streams", [0])
    if not call.context.stays_open:
        while call.context.is_request and streams[0] > FEW:
            await anyio.sleep(OVERLAP_SECONDS / 5)
        await call.forward()
        return
    streams[0] += 1
    try:
        await call.forward()
    finally:
        streams[0] -= 1


async def slow_calls_block(call: Call) -> None:
    """Serve nothing else while some slow calls run, like a program that waits in its only thread."""
    running: list[anyio.Event] = call.state.setdefault("slow", [])
    if not _is_call(call.context, SLOW):
        while call.context.is_plain and len(running) >= FEW_SLOW:
            await running[0].wait()
        await call.forward()
        return
    over = anyio.Event()
    running.append(over)
    try:
        await call.forward()
    finally:
        running.remove(over)
        over.set()


async def slow_calls_queue(call: Call) -> None:
    """Let slow calls beyond the first few run one by one."""
    if not _is_call(call.context, SLOW):
        await call.forward()
        return
    lock: anyio.Lock = call.state.setdefault("queue", anyio.Lock())
    running = call.state["queued"] = call.state.get("queued", 0) + 1
    try:
        if running < FEW_SLOW:
            await call.forward()
        else:
            async with lock:
                await call.forward()
    finally:
        call.state["queued"] -= 1


def fault(
    name: str,
    requirement: str,
    summary: str,
    run: Callable[[Call], Awaitable[None]],
    modes: tuple[str, ...] = BOTH,
    revisions: tuple[str, ...] = REVISIONS,
) -> Fault:
    """Make a fault that breaks one requirement."""
    return Fault(
        f"isolation.{name}",
        (f"isolation.{requirement}",),
        modes,
        summary=summary,
        layer=handle(run),
        revisions=revisions,
    )


FAULTS = (
    fault(
        "answers-cross",
        "cross-talk",
        "clients that use the same id at the same time get each other's results",
        swapped(of_other_clients),
    ),
    fault(
        "requests-cross",
        "one-client",
        "two requests that one client has in flight get each other's results",
        swapped(of_one_client),
    ),
    fault(
        "twins-cross",
        "duplicate-ids",
        "two requests with one id in one session get each other's results",
        swapped(of_one_id),
        STATEFUL,
        HANDSHAKE_REVISIONS,
    ),
    fault(
        "twin-unanswered",
        "duplicate-ids",
        "of two requests with one id in one session, the first gets no answer",
        unanswered_twin,
        STATEFUL,
        HANDSHAKE_REVISIONS,
    ),
    fault(
        "session-shared",
        "session-ids",
        "clients that connect at the same moment get the same session",
        shared_session,
        STATEFUL,
        HANDSHAKE_REVISIONS,
    ),
    fault(
        "few-openings",
        "many-clients",
        "clients that connect while eight others do get 500",
        few_openings,
    ),
    fault(
        "streams-hold-workers",
        "open-streams",
        "requests wait while more than eight streams are open",
        few_workers,
        STATEFUL,
    ),
    fault(
        "slow-calls-block",
        "slow-calls",
        "plain requests wait while five slow calls run",
        slow_calls_block,
    ),
    fault(
        "slow-calls-queue",
        "slow-calls",
        "slow calls run one by one",
        slow_calls_queue,
    ),
)
