"""Tools that run as tasks, and which of all tools can."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Final

import anyio

from reference_server._tool import Caller, Parameter, Tool, ToolError

STEPS: Final = 3
"""How often a job reports progress."""

JOB_REFUSED: Final = -32010
"""JSON-RPC error of a job that is to end with one."""

TASK_SUPPORT: Final[Mapping[str, str]] = {
    "ask_back": "optional",
    "count_ticks": "optional",
    "run_job": "optional",
    "run_batch": "required",
    # Those of the official suite, see `fixtures_tasks`.
    "slow_compute": "optional",
    "protocol_error_job": "optional",
    "confirm_delete": "optional",
    "multi_input": "optional",
    "failing_job": "required",
    "test_tool_with_task": "required",
}
"""The tools that can run as tasks, and whether they have to."""

ASKING_FIRST: Final = frozenset({"test_tool_with_task"})
"""The tools that ask the client before a task begins, at 2026-07-28; others ask in the course of it."""


class JobRefused(Exception):  # noqa: N818 - it is what was asked for
    """A job that ends with a JSON-RPC error; the message is for the caller."""


async def run_job(outcome: str = "done", milliseconds: int = 40, *, caller: Caller) -> str:
    """Work for a while and report progress; then return a text, or fail in the way that is asked for."""
    for step in range(1, STEPS + 1):
        await anyio.sleep(milliseconds / 1000 / STEPS)
        await caller.report(step, STEPS, f"Step {step} of {STEPS}")
    if outcome == "refused":
        raise JobRefused("The job was refused")
    if outcome == "error":
        raise ToolError("The job failed")
    return json.dumps({"job": outcome})


async def run_batch(milliseconds: int = 40, *, caller: Caller) -> str:
    """Work for a while; too long for any other call than one that runs as a task."""
    return await run_job("done", milliseconds, caller=caller)


_MILLISECONDS: Final = Parameter(
    "integer", "How long to work.", bounds={"minimum": 0, "maximum": 10_000}, optional=True
)

TASK_TOOLS: Final = (
    Tool(
        "run_job",
        "Run a simulated job. It can run as a task.",
        run_job,
        {
            "outcome": Parameter(
                "string", "How it ends: done, error or refused.", "done", choices=("done", "error", "refused")
            ),
            "milliseconds": _MILLISECONDS,
        },
        read_only=False,
        wants_caller=True,
    ),
    Tool(
        "run_batch",
        "Run a simulated batch. It always runs as a task.",
        run_batch,
        {"milliseconds": _MILLISECONDS},
        read_only=False,
        wants_caller=True,
    ),
)
