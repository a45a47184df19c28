"""Tools that show what the server does: cancel work, compare headers, announce changes, ask the client."""

from __future__ import annotations

import json
from typing import Any, Final

import anyio

from reference_server import resources
from reference_server._tool import Caller, Parameter, Tool, ToolError
from reference_server.asking_tool import ASK_BACK
from reference_server.impatient_tool import ASK_BRIEFLY

MAX_KEY_CHARS: Final = 200
SAFE_INTEGER: Final = 2**53 - 1


async def count_ticks(key: str, ticks: int, milliseconds: int, *, caller: Caller) -> str:
    """Count ticks under a key, each after a pause, and report progress; `read_ticks` tells how many."""
    if len(key) > MAX_KEY_CHARS:
        raise ToolError(f"Argument key must have at most {MAX_KEY_CHARS} characters")
    found = await caller.memory.count(key, calls=1)
    try:
        for tick in range(1, ticks + 1):
            await anyio.sleep(milliseconds / 1000)
            found = await caller.memory.count(key, ticks=1)
            await caller.report(tick, ticks, f"Tick {tick} of {ticks}")
    finally:
        with anyio.CancelScope(shield=True):
            await caller.memory.count(key, calls=-1)
    return json.dumps({"ticks": found.counted})


async def read_ticks(key: str, *, caller: Caller) -> str:
    """Tell how many ticks were counted under a key, and whether a call is still counting."""
    found = await caller.memory.read_ticks(key)
    return json.dumps({"ticks": found.counted, "running": found.counting > 0})


async def touch_resource(uri: str, *, caller: Caller) -> str:
    """Change the text of a listed resource and tell those who listen to it."""
    listed = resources.RESOURCES.get(uri)
    if listed is None or listed.content.text is None:
        texts = (each.uri for each in resources.RESOURCES.values() if each.content.text is not None)
        raise ToolError(f"Argument uri must be one of {', '.join(texts)}")
    changes = await caller.memory.touch(uri)
    await caller.publish(uri)
    return json.dumps({"uri": uri, "changes": changes})


async def route_query(region: str, **others: Any) -> str:
    """Return the arguments, which headers mirror."""
    return json.dumps({"region": region, **others}, ensure_ascii=False)


_KEY: Final = Parameter("string", "Name of the counter, shared by all callers.")

WITNESS_TOOLS: Final = (
    Tool(
        "count_ticks",
        "Count ticks under a key, with a pause before each, until the call is cancelled.",
        count_ticks,
        {
            "key": _KEY,
            "ticks": Parameter("integer", "How many ticks.", bounds={"minimum": 1, "maximum": 100}),
            "milliseconds": Parameter(
                "integer", "Pause before each tick.", bounds={"minimum": 0, "maximum": 1000}
            ),
        },
        wants_caller=True,
    ),
    Tool(
        "read_ticks",
        "Tell how many ticks were counted under a key, and whether a call is still counting.",
        read_ticks,
        {"key": _KEY},
        wants_caller=True,
    ),
    Tool(
        "touch_resource",
        "Change the text of a listed resource and announce it to its subscribers.",
        touch_resource,
        {"uri": Parameter("string", "URI of a listed resource with a text.")},
        read_only=False,
        wants_caller=True,
    ),
    Tool(
        "route_query",
        "Return the arguments. Over HTTP, headers mirror them.",
        route_query,
        {
            "region": Parameter("string", "Where to send the query.", header="Region"),
            "priority": Parameter(
                "integer",
                "How urgent it is.",
                bounds={"minimum": -SAFE_INTEGER, "maximum": SAFE_INTEGER},
                optional=True,
                header="Priority",
            ),
            "dry_run": Parameter("boolean", "Whether to plan only.", optional=True, header="Dry-Run"),
            "options": Parameter(
                "object",
                "More about the query.",
                optional=True,
                members={"tenant": Parameter("string", "Whose query it is.", optional=True, header="Tenant")},
            ),
        },
    ),
    ASK_BACK,
    ASK_BRIEFLY,
)
