"""A tool that asks the client, and gives up if no answer comes in time."""

from __future__ import annotations

import json
from typing import Final

import anyio

from reference_server._tool import Caller, Parameter, Tool, ToolError
from reference_server.questions import roots


async def ask_briefly(milliseconds: int, *, caller: Caller) -> str:
    """Ask the client for its roots, for a while; the SDK cancels the request that is given up."""
    with anyio.move_on_after(milliseconds / 1000):
        return json.dumps(await caller.ask(roots()), ensure_ascii=False)
    raise ToolError(f"The client did not answer within {milliseconds} ms")


ASK_BRIEFLY: Final = Tool(
    "ask_briefly",
    "Ask the client for its roots, and give up after a while.",
    ask_briefly,
    {
        "milliseconds": Parameter(
            "integer", "How long to wait for the answer.", bounds={"minimum": 1, "maximum": 10_000}
        )
    },
    read_only=False,
    wants_caller=True,
)
