"""Faults of the process that serves: how it ends, and what it leaves behind. See the rig command."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Awaitable, Callable
from typing import Final

import anyio

from reference_server._context import CLOSE_CONNECTION, ON_SHUTDOWN
from reference_server._layers import Call, handle
from reference_server.faults import Fault

LINGER_SECONDS: Final = 20.0
"""How long what is left behind goes on; longer than a server is given to end."""


async def never_end(call: Call) -> None:
    """Start a thread that outlives the server by far."""
    if "never-ending" not in call.state:
        call.state["never-ending"] = thread = threading.Thread(target=time.sleep, args=(LINGER_SECONDS,))
        thread.start()
    await call.forward()


async def cut_at_shutdown(call: Call) -> None:
    """Close the connections of open streams as soon as the server is told to end."""
    on_shutdown = call.scope["state"][ON_SHUTDOWN]
    close = call.scope["state"][CLOSE_CONNECTION]
    on_shutdown.add(close)
    try:
        await call.forward()
    finally:
        on_shutdown.discard(close)


def _cry() -> None:
    try:
        raise RuntimeError("the event loop is closed")
    except RuntimeError:
        traceback.print_exc()


async def cry_at_shutdown(call: Call) -> None:
    """Write a traceback if the server is told to end while a stream is open."""
    on_shutdown = call.scope["state"][ON_SHUTDOWN]
    on_shutdown.add(_cry)
    try:
        await call.forward()
    finally:
        on_shutdown.discard(_cry)


async def leave_process(call: Call) -> None:
    """Start a process for each plain request, and never wait for it."""
    if call.context.is_plain:
        left = call.state.setdefault("processes", [])
        left.append(await anyio.open_process(["sleep", f"{LINGER_SECONDS:g}"]))
    await call.forward()


def fault(id: str, breaks: str, summary: str, run: Callable[[Call], Awaitable[None]]) -> Fault:
    """Make a fault of a process."""
    return Fault(
        f"deployment.{id}", (f"deployment.{breaks}",), summary=summary, layer=handle(run), rig="command"
    )


FAULTS: Final = (
    fault(
        "shutdown-hangs",
        "shutdown-in-time",
        "a thread keeps the process from ending",
        never_end,
    ),
    fault(
        "shutdown-cuts-streams",
        "shutdown-streams",
        "streams are cut when the server is told to end",
        cut_at_shutdown,
    ),
    fault(
        "shutdown-traceback",
        "shutdown-quiet",
        "a traceback is written when the server is told to end",
        cry_at_shutdown,
    ),
    fault(
        "process-per-request",
        "no-process-per-request",
        "each request starts a process that stays",
        leave_process,
    ),
)
