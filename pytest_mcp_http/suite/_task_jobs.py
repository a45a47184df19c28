"""The tools that can run as tasks, and what a server declares of tasks."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from pytest_mcp_http._roles import Role, missing
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.suite._tool_calls import callable_if_any, callable_tools, listed_tools
from pytest_mcp_http.tour import Tour

MAX_JOBS: Final = 6
"""Tools that are run as tasks, at most."""

_PLACEHOLDERS: Final = re.compile(r"\$(MS|N)\b")

Json = dict[str, Any]


@dataclass(frozen=True)
class Job:
    """A tool that may be called and can run as a task.

    Attributes:
        tool: Its name.
        params: Makes the params of a call, from values of placeholders.
        support: Its `taskSupport`.
        counts: Whether we say how many ticks a call takes.
        lasts: Whether we say how long a call takes, or each of its ticks.
    """

    tool: str
    params: Callable[..., Json]
    support: object
    counts: bool = False
    lasts: bool = False

    def timed(self, key: str, ticks: int, tick: float) -> Json:
        """Return the params of a call that takes so many ticks, each of so many seconds."""
        seconds = tick if self.counts else ticks * tick
        return self.params(key=key, n=ticks, ms=max(1, round(seconds * 1000)))


def needs_task_calls(tour: Tour) -> None:
    """Require that the server lets tool calls run as tasks.

    Raises:
        NotApplicable: If it does not declare that.
    """
    if not declares(tour, "requests", "tools", "call"):
        raise NotApplicable("the server does not declare tasks.requests.tools.call")


def needs_tasks(tour: Tour, *path: str) -> None:
    """Require that the server declares tasks, or a part of them.

    Raises:
        NotApplicable: If it does not.
    """
    if not declares(tour, *path):
        raise NotApplicable(f"the server does not declare {'.'.join(('tasks', *path))}")


def declares(tour: Tour, *path: str) -> bool:
    """Tell whether the server declares tasks, or a part of them."""
    found: object = tour.capabilities.get("tasks")
    for name in path:
        found = found.get(name) if isinstance(found, dict) else None
    return isinstance(found, dict)


def support_of(tool: Mapping[str, Any]) -> object:
    """Return what a listed tool says of running as a task; None if it says nothing."""
    execution = tool.get("execution")
    return execution.get("taskSupport") if isinstance(execution, dict) else None


def jobs(tour: Tour) -> list[Job]:
    """Return the tools that may be called and say that they can run as a task.

    Raises:
        NotApplicable: If the server does not let tool calls run as tasks.
        NotVerified: If there is no such tool, or it may not be called.
    """
    needs_task_calls(tour)
    listed = listed_tools(tour)
    able = {name for name, tool in listed.items() if support_of(tool) in ("optional", "required")}
    if not able:
        raise NotVerified("no listed tool has the execution.taskSupport optional or required")
    found = [_of_role(role, support_of(listed[role.tool])) for role in _task_roles(tour) if role.tool in able]
    if not found:
        found = [
            Job(tool.name, partial(_made_up, tool.name, tool.arguments), support_of(tool.listed))
            for tool in callable_if_any(tour)
            if tool.name in able
        ]
    if not found:
        names = ", ".join(sorted(able)[:3])
        raise NotVerified(f"none of the tools that run as tasks may be called ({names}): {missing('task')}")
    return found[:MAX_JOBS]


def any_jobs(tour: Tour) -> list[Job]:
    """Return the tools of the role `task`, else those that may be called; which run as tasks is seen then.

    Raises:
        NotVerified: If there is none.
    """
    found = [_of_role(role, None) for role in _task_roles(tour)]
    if not found:
        found = [
            Job(tool.name, partial(_made_up, tool.name, tool.arguments), None)
            for tool in callable_tools(tour)
        ]
    return found[:MAX_JOBS]


def _of_role(role: Role, support: object) -> Job:
    found = set(_PLACEHOLDERS.findall(role.template))
    return Job(role.tool, role.params, support, counts="N" in found, lasts="MS" in found)


def _task_roles(tour: Tour) -> tuple[Role, ...]:
    try:
        return tour.roles("task")
    except NotVerified:
        if tour.target.call_tools == "none":
            raise
        return ()


def _made_up(name: str, arguments: Mapping[str, Any], **_: object) -> Json:
    return {"name": name, "arguments": dict(arguments)}
