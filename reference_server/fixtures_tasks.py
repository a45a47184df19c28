"""The tools of the official conformance suite that run as tasks, and one that never does."""

from __future__ import annotations

import json
from typing import Any, Final

import anyio

from reference_server._tool import Caller, Parameter, Tool, ToolError
from reference_server.questions import form
from reference_server.task_tools import JobRefused

PAUSE_SECONDS: Final = 0.05
"""How long a job works before it ends."""


async def _greet(name: str) -> str:
    return f"Hello, {name}!"


async def _compute(seconds: int = 0, label: str = "") -> str:
    await anyio.sleep(seconds)
    return json.dumps({"seconds": seconds, "label": label}, ensure_ascii=False)


async def _fail() -> str:
    await anyio.sleep(PAUSE_SECONDS)
    raise ToolError("The job fails whenever it is started")


async def _refuse() -> str:
    await anyio.sleep(PAUSE_SECONDS)
    raise JobRefused("The job is refused whenever it is started")


def _agreed(answer: dict[str, Any]) -> bool:
    return answer["action"] == "accept" and answer["content"]["confirm"] is True


_CONFIRM: Final = form(
    "Do you confirm?",
    {"type": "object", "properties": {"confirm": {"type": "boolean"}}, "required": ["confirm"]},
)
_NAME: Final = form(
    "What is your name?",
    {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]},
)


async def _delete(filename: str, *, caller: Caller) -> str:
    done = _agreed(await caller.ask(_CONFIRM))
    return json.dumps({"filename": filename, "deleted": done}, ensure_ascii=False)


async def _ask_two(*, caller: Caller) -> str:
    return json.dumps(await caller.asker.ask_all({"name": _NAME, "confirm": _CONFIRM}), ensure_ascii=False)


async def _greet_the_user(*, caller: Caller) -> str:
    answers = await caller.asker.ask_all({"user_name": _NAME})
    return await _greet(str(answers["user_name"].get("content", {}).get("name", "nobody")))


TASK_FIXTURES: Final = (
    Tool("greet", "Greet somebody.", _greet, {"name": Parameter("string", "Whom.")}),
    Tool(
        "slow_compute",
        "Work for some seconds.",
        _compute,
        {
            "seconds": Parameter("integer", "How long.", bounds={"minimum": 0, "maximum": 60}, optional=True),
            "label": Parameter("string", "Any text.", optional=True),
        },
    ),
    Tool("failing_job", "Fail after a while.", _fail),
    Tool("protocol_error_job", "End with a JSON-RPC error after a while.", _refuse),
    Tool(
        "confirm_delete",
        "Ask the user, and delete nothing.",
        _delete,
        {"filename": Parameter("string", "Name of a file that does not exist.")},
        wants_caller=True,
    ),
    Tool("multi_input", "Ask the user two things at once.", _ask_two, wants_caller=True),
    Tool("test_tool_with_task", "Ask the user, then work.", _greet_the_user, wants_caller=True),
)
