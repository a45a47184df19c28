"""Faults that show only when many sessions are abandoned."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

import anyio

from reference_server._context import HANDSHAKE_REVISIONS
from reference_server._jsonrpc import INTERNAL_ERROR, error_message
from reference_server._layers import Call, handle
from reference_server.faults import Fault

MANY: Final = 100
"""Sessions that make a flood; the probes of other chapters stay below it."""

LEAK: Final = 1024 * 1024
"""Bytes that each session takes."""


async def fall_over(call: Call) -> None:
    """Fail to open a session when there are many."""
    if call.context.is_initialize and len(call.context.facts.sessions) >= MANY:
        body = error_message(INTERNAL_ERROR, "Out of memory", request_id=call.context.rpc_id)
        await call.answer(500, (), body)
        return
    await call.forward()


async def search_sessions(call: Call) -> None:
    """Take longer for each session that there is."""
    excess = len(call.context.facts.sessions) - MANY
    if call.context.is_plain and excess > 0:
        await anyio.sleep(excess / 1000)
    await call.forward()


async def end_oldest(call: Call) -> None:
    """End the session that was not used for longest when there are many."""
    call.context.facts.sessions.max_sessions = MANY
    await call.forward()


async def leak(call: Call) -> None:
    """Keep a large buffer for each session for ever."""
    if call.context.is_initialize:
        call.state.setdefault("leak", []).append(b"x" * LEAK)
    await call.forward()


def fault(name: str, requirement: str, summary: str, run: Callable[[Call], Awaitable[None]]) -> Fault:
    """Make a fault that breaks one requirement."""
    return Fault(
        f"flood.{name}",
        (f"flood.{requirement}",),
        ("stateful",),
        summary=summary,
        layer=handle(run),
        revisions=HANDSHAKE_REVISIONS,
        rig="flood",
    )


FAULTS = (
    fault("falls-over", "survived", "initialize gets 500 while there are a hundred sessions", fall_over),
    fault("slows-down", "latency", "ping takes a millisecond longer for each session", search_sessions),
    fault("ends-oldest", "first-session", "the hundred-first session ends the oldest one", end_oldest),
    fault("leaks", "memory", "a mebibyte is kept for each session that was ever opened", leak),
)
