"""A tool that gives out handles: the keys under which other tools count."""

from __future__ import annotations

import secrets
from typing import Final

from reference_server._result import ToolResult, structured_result
from reference_server._tool import Tool


async def new_key() -> ToolResult:
    """Return a key that nobody has yet and nobody can guess."""
    return structured_result({"key": secrets.token_urlsafe(18)})


HANDLE_TOOLS: Final = (
    Tool(
        "new_key",
        "Return a new key to count ticks under. Counts are forgotten when the server ends.",
        new_key,
        output={"type": "object", "properties": {"key": {"type": "string"}}, "required": ["key"]},
    ),
)
