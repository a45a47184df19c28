"""The item of each list that `toggle_item` adds and takes away again, so that lists change."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

from reference_server._tool import Caller, Parameter, Tool
from reference_server.memory import Memory
from reference_server.prompts import PROMPTS, Prompt, text_message
from reference_server.resources import RESOURCES, Content, Resource

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
    caller.memory.extras ^= {kind}
    await caller.announce(kind)
    return json.dumps({"kind": kind, "listed": kind in caller.memory.extras})


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


def listed_tools(tools: Mapping[str, Tool], memory: Memory) -> Mapping[str, Tool]:
    """Return the tools that are listed now."""
    return {**tools, EXTRA_TOOL.name: EXTRA_TOOL} if "tools" in memory.extras else tools


def listed_prompts(memory: Memory) -> Mapping[str, Prompt]:
    """Return the prompts that are listed now."""
    return {**PROMPTS, EXTRA_PROMPT.name: EXTRA_PROMPT} if "prompts" in memory.extras else PROMPTS


def listed_resources(memory: Memory) -> Mapping[str, Resource]:
    """Return the resources that are listed now."""
    return {**RESOURCES, EXTRA_RESOURCE.uri: EXTRA_RESOURCE} if "resources" in memory.extras else RESOURCES
