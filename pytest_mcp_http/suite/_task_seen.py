"""What was seen of tasks at 2025-11-25: of each of them, and of the session that made them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from pytest_mcp_http.assertions.tasks import task_status, tasks_in
from pytest_mcp_http.client import McpClient
from pytest_mcp_http.suite._task_jobs import Job, Json
from pytest_mcp_http.wire import jsonrpc
from pytest_mcp_http.wire.exchange import Exchange
from pytest_mcp_http.wire.http import OpenStream

LATE_SECONDS: Final = 0.25
LATE_TICKS: Final = 4
"""How long after the end of a task progress may still be on its way; more over a slow network."""


@dataclass
class Run:
    """One task, and what was seen of it.

    Attributes:
        job: What runs.
        params: The params of the call.
        token: The progress token of the call.
        created: What the call got.
        early: The `tasks/result` that was sent at once, as long as it comes in.
        polls: What `tasks/get` got, in order, each with the time when it was sent.
        asked: What the task asked the client for, each with the poll while it waited for the answer.
        hurried: A poll that saw the task work although its result had come before.
        ended_at: When we knew that it had ended.
        result: What `tasks/result` got after its end.
        plain: What the same call got without a task, if it was compared.
    """

    job: Job
    params: Json
    token: str
    created: Exchange
    early: OpenStream | None = None
    polls: list[tuple[float, Exchange]] = field(default_factory=list)
    asked: list[tuple[jsonrpc.Message, Exchange]] = field(default_factory=list)
    hurried: Exchange | None = None
    ended_at: float | None = None
    result: Exchange | None = None
    plain: Exchange | None = None

    @property
    def task_id(self) -> str | None:
        """The id of the task, or None if there is none or it is no string."""
        found = next((task.get("taskId") for task in tasks_in(self.created)), None)
        return found if isinstance(found, str) else None

    @property
    def described(self) -> list[Exchange]:
        """Everything that describes the task, in order."""
        return [self.created, *(exchange for _, exchange in self.polls)]

    @property
    def last(self) -> Exchange:
        """The last that described the task."""
        return [each for each in self.described if task_status(each) is not None][-1]

    @property
    def reports_error(self) -> bool:
        """Whether its result reports an error."""
        result = self.result.result if self.result is not None else None
        return isinstance(result, dict) and result.get("isError") is True

    @property
    def status(self) -> object:
        """The last status that was seen."""
        found = [status for each in self.described if (status := task_status(each)) is not None]
        return found[-1] if found else None

    @property
    def ended(self) -> bool:
        """Whether it was seen to have ended."""
        return self.ended_at is not None


@dataclass
class Cancelled:
    """A task that was cancelled while it ran.

    Attributes:
        run: The task.
        reply: What `tasks/cancel` got.
        after: What `tasks/get` got at once, and when the task would have ended by itself.
        counted_before: Ticks that a witness tells before; None without one.
        counted: Ticks that it tells in the end; None without one.
    """

    run: Run
    reply: Exchange
    after: list[Exchange]
    counted_before: int | None = None
    counted: int | None = None


@dataclass
class Listing:
    """A walk over all pages of `tasks/list`.

    Attributes:
        pages: What each request got.
        unlisted: What `tasks/get` gets for tasks of ours that are on none of them.
    """

    pages: list[Exchange]
    unlisted: list[Exchange]


@dataclass
class Observed:
    """What was seen in the session.

    Attributes:
        client: Whose session it is.
        tick: Seconds that a tick was to take.
        runs: The tasks of all tools.
        crowd: Short tasks, in the order in which they were made.
        opened_at: When the GET stream was opened.
        beside: The GET stream, or its refusal; open until the end.
        small_list: The list before there was a crowd; None if it is not declared.
        whole_list: The list with all tasks; None if there was no crowd.
        swapped: What `tasks/get` got for the first task when its metadata named the second.
        refused_cancel: What the cancellation of a task got that had ended.
        cancelled: The task that was cancelled; None if none lasted long enough.
        foreign_get: What `tasks/get` got for the first task in another session of ours.
        foreign_list: The first page of `tasks/list` there.
        no_task: What a later request for a task got that got none, if one did.
    """

    client: McpClient
    tick: float
    runs: list[Run] = field(default_factory=list)
    crowd: list[Run] = field(default_factory=list)
    opened_at: float = 0.0
    beside: Exchange | None = None
    small_list: Listing | None = None
    whole_list: Listing | None = None
    swapped: Exchange | None = None
    refused_cancel: Exchange | None = None
    cancelled: Cancelled | None = None
    foreign_get: Exchange | None = None
    foreign_list: Exchange | None = None
    no_task: Exchange | None = None

    @property
    def late(self) -> float:
        """Seconds after the end of a task from which a message was sent after it, and is not only slow."""
        return max(LATE_SECONDS, LATE_TICKS * self.tick)

    @property
    def made(self) -> list[Run]:
        """All tasks of the session."""
        return [*self.runs, *self.crowd, *([self.cancelled.run] if self.cancelled else [])]

    @property
    def ids(self) -> list[str]:
        """The ids of all tasks of the session."""
        return [run.task_id for run in self.made if run.task_id is not None]
