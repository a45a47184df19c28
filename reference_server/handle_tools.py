"""Tools that give out handles, which belong to whom they were given, and take them."""

from __future__ import annotations

import secrets
from typing import Final

from reference_server._result import ToolResult, structured_result
from reference_server._tool import Caller, Parameter, Tool, ToolError
from reference_server.principals import owner


async def new_key(*, caller: Caller) -> ToolResult:
    """Return a key that nobody has yet and nobody can guess."""
    key = secrets.token_urlsafe(18)
    await caller.memory.give_key(key, owner())
    return structured_result({"key": key})


async def check_key(key: str, *, caller: Caller) -> ToolResult:
    """Tell that a key was given to the caller; to others it is unknown."""
    if not await caller.memory.was_given(key, owner()):
        raise ToolError("Unknown key")
    return structured_result({"key": key})


_OUTPUT: Final = {"type": "object", "properties": {"key": {"type": "string"}}, "required": ["key"]}

HANDLE_TOOLS: Final = (
    Tool(
        "new_key",
        "Return a new key to count ticks under. Counts are forgotten when the server ends.",
        new_key,
        wants_caller=True,
        output=_OUTPUT,
    ),
    Tool(
        "check_key",
        "Tell whether a key was given out by new_key; only whom it was given to is told.",
        check_key,
        {"key": Parameter("string", "The key.")},
        wants_caller=True,
        output=_OUTPUT,
    ),
)
