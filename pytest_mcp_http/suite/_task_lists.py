"""Judging `tasks/list` of 2025-11-25: that it is whole, and goes on while there are more."""

from __future__ import annotations

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.tasks import tasks_in
from pytest_mcp_http.errors import NotVerified
from pytest_mcp_http.suite._task_jobs import needs_tasks
from pytest_mcp_http.suite._task_seen import Listing
from pytest_mcp_http.suite._tasks import observed
from pytest_mcp_http.tour import Tour


def judge_small_list(tour: Tour) -> None:
    """Judge that a list of few tasks holds all of them that can be polled."""
    needs_tasks(tour, "list")
    found = observed(tour).small_list
    if found is None:
        raise NotVerified("no tasks were listed")
    _judge(found)


def judge_cursors(tour: Tour) -> None:
    """Judge that a list of many tasks has a cursor for more on each page but the last."""
    needs_tasks(tour, "list")
    seen = observed(tour)
    if seen.whole_list is None and seen.no_task is not None:
        raise NotVerified(f"no second task could be made: a request for one got {seen.no_task.summary}")
    if seen.whole_list is None or seen.small_list is None:
        raise NotVerified("no tool of the role task is completed without our input, so few tasks were made")
    if any(tasks_in(each) for each in seen.small_list.unlisted):
        raise NotVerified("tasks are missing in a short list as well, see tasks.list-complete")
    _judge(seen.whole_list)


def _judge(found: Listing) -> None:
    last = found.pages[-1]
    listed = sum(len(tasks_in(page)) for page in found.pages)
    for exchange in found.unlisted:
        for task in tasks_in(exchange):
            violated(
                f"{len(found.pages)} pages with {listed} tasks end without the task {task.get('taskId')!r},"
                " which tasks/get finds",
                ["a list with all tasks", "nextCursor on a page that others follow"],
                last,
            )
