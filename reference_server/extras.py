"""The item of each list that `toggle_item` adds and takes away again, so that lists change."""

from __future__ import annotations

import json
from typing import Final

from reference_server._tool import Caller, Parameter, Tool
from reference_server.prompts import Prompt, text_message
from reference_server.resources import Content, Resource

KINDS: Final = ("tools", "prompts", "resources")


async def _run_extra() -> str:
    return json.dumps({"extra": True})


EXTRA_TOOL: Final = Tool("extra_tool", "Do nothing. This tool is listed at times only.", _run_extra)
EXTRA_PROMPT: Final = Prompt(
    "extra_prompt",
    "Ask for nothing. This prompt is listed at times only.",
    lambda _: (text_message("Do nothing."),),
)
EXTRA_RESOURCE: Final = Resource(
    "reference://extra",
    "extra",
    "A text that is listed at times only.",
    Content("text/plain", text="Here for a while.\n"),
)


async def toggle_item(kind: str, *, caller: Caller) -> str:
    """Add an item to a list, or take it away if it is there, and announce the change."""
    listed = await caller.memory.toggle(kind)
    await caller.announce(kind)
    return json.dumps({"kind": kind, "listed": listed})


CHANGING_TOOLS: Final = (
    Tool(
        "toggle_item",
        "Add an item to a list of the server, or take it away again, and announce the change.",
        toggle_item,
        {"kind": Parameter("string", "Which list: tools, prompts or resources.", choices=KINDS)},
        read_only=False,
        wants_caller=True,
    ),
)
