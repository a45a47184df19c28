"""A tool that logs while it works."""

from __future__ import annotations

import json
from typing import Final

import anyio

from reference_server._tool import Caller, LogLevel, Tool

STEPS: Final[tuple[tuple[LogLevel, str], ...]] = (
    ("debug", "Reading the settings"),
    ("info", "The work has begun"),
    ("notice", "A default was used"),
    ("warning", "The disk is nearly full"),
    ("error", "A file could not be read"),
    ("critical", "A part is not available"),
    ("alert", "The disk is full"),
    ("emergency", "Nothing works"),
)
"""What is logged: a message of each level, the least severe first."""

PAUSE_SECONDS: Final = 0.002


async def log_each_level(*, caller: Caller) -> str:
    """Log one simulated message of each level, with a short pause before each."""
    for number, (level, text) in enumerate(STEPS, 1):
        await anyio.sleep(PAUSE_SECONDS)
        await caller.log(level, {"message": text, "step": number})
    return json.dumps({"logged": len(STEPS)})


LOG_TOOLS: Final = (
    Tool(
        "log_each_level",
        "Log one simulated message of each level, from debug to emergency.",
        log_each_level,
        wants_caller=True,
    ),
)
