"""Tasks of both eras: what works on behind a request that was answered already, until it is looked up again.

Knows nothing of HTTP, of the SDK and of the names that an era gives to members.
"""

from __future__ import annotations

import base64
import binascii
import secrets
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any, Final

import anyio

from reference_server._jsonrpc import INTERNAL_ERROR

TERMINAL: Final = frozenset({"completed", "failed", "cancelled"})

DEFAULT_TTL_MS: Final = 60_000
MAX_TTL_MS: Final = 300_000
"""Longest time that a task is kept, counted from its creation."""

POLL_MS: Final = 10
"""Pause between two polls that clients are asked for; the tasks here are short."""

MAX_TASKS: Final = 200
"""Tasks that one store keeps; the oldest gives way, one that has ended first."""

PAGE: Final = 8
"""Tasks on one page of a list."""

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Failure:
    """A JSON-RPC error in which a task ended."""

    code: int
    message: str
    data: object = None

    def error(self) -> Json:
        """Return the error as JSON object."""
        return {
            "code": self.code,
            "message": self.message,
            **({} if self.data is None else {"data": self.data}),
        }


def new_task_id() -> str:
    """Return an id that nobody can guess."""
    return secrets.token_urlsafe(24)


@dataclass(eq=False)
class Task:
    """One task.

    Args:
        ttl: Milliseconds for which it is kept, from its creation.

    Attributes:
        status: One of the five statuses; nothing changes it once it is terminal.
        outcome: The result of the request as JSON object, or the error in which it ended; None before.
        questions: What the client is to answer now, by key.
        answers: What it has answered, by key.
    """

    ttl: int = DEFAULT_TTL_MS
    id: str = field(default_factory=new_task_id)
    status: str = "working"
    message: str = "The work has begun"
    outcome: Json | Failure | None = None
    questions: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, Any] = field(default_factory=dict)
    created: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    updated: datetime = field(default_factory=lambda: datetime.now(timezone.utc))
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    _changed: anyio.Event = field(default_factory=anyio.Event)

    @property
    def ended(self) -> bool:
        """Whether its status is terminal."""
        return self.status in TERMINAL

    @property
    def expired(self) -> bool:
        """Whether it need not be kept any longer."""
        return datetime.now(timezone.utc) > self.created + timedelta(milliseconds=self.ttl)

    def move(self, status: str, message: str, outcome: Json | Failure | None = None) -> bool:
        """Change its status, unless it has ended; return whether it was changed."""
        if self.ended:
            return False
        self.status, self.message, self.outcome = status, message, outcome
        self.updated = datetime.now(timezone.utc)
        self.notify()
        return True

    def cancel(self) -> bool:
        """Stop the work; return whether there was still any."""
        outcome = Failure(INTERNAL_ERROR, "The task was cancelled")
        found = self.move("cancelled", "The client cancelled the task", outcome)
        self.scope.cancel()
        return found

    def notify(self) -> None:
        """Wake those who wait for a change."""
        self._changed.set()
        self._changed = anyio.Event()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds that a change of the task makes true."""
        while not condition():
            await self._changed.wait()

    def described(self, ttl: str, poll: str) -> Json:
        """Return the task as JSON object.

        Args:
            ttl: What the era calls the time for which it is kept.
            poll: What the era calls the pause between two polls.
        """
        return {
            "taskId": self.id,
            "status": self.status,
            "statusMessage": self.message,
            "createdAt": _timestamp(self.created),
            "lastUpdatedAt": _timestamp(self.updated),
            ttl: self.ttl,
            poll: POLL_MS,
        }

    async def run(self, work: Callable[[], Awaitable[Json | Failure]], *, errors_fail: bool) -> None:
        """Do the work, unless the task is cancelled.

        Args:
            work: Returns the result of the request, or the error in which it ended.
            errors_fail: Whether a result that reports an error makes the task fail.
        """
        with self.scope:
            outcome = await work()
            if isinstance(outcome, Failure):
                self.move("failed", f"The request failed: {outcome.message}", outcome)
            elif errors_fail and outcome.get("isError"):
                self.move("failed", "The tool reported an error", outcome)
            else:
                self.move("completed", "The work is done", outcome)


def _timestamp(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class TaskStore:
    """The tasks of one session or of one app, oldest first."""

    def __init__(self, max_tasks: int = MAX_TASKS) -> None:
        self.max_tasks = max_tasks
        self._tasks: OrderedDict[str, Task] = OrderedDict()

    def __len__(self) -> int:
        return len(self._tasks)

    def add(self, task: Task) -> Task:
        """Keep a task; the oldest that has ended gives way, or else the oldest of all."""
        self._forget_expired()
        while len(self._tasks) >= self.max_tasks:
            oldest = next((each for each in self._tasks.values() if each.ended), None)
            self._drop(oldest or next(iter(self._tasks.values())))
        self._tasks[task.id] = task
        return task

    def get(self, task_id: str) -> Task | None:
        """Return a task that is kept, or None."""
        self._forget_expired()
        return self._tasks.get(task_id)

    def page(self, cursor: str | None) -> tuple[list[Task], str | None]:
        """Return one page of tasks, and the cursor of the next one if there is one.

        Raises:
            ValueError: If the cursor was not given out here.
        """
        self._forget_expired()
        tasks = list(self._tasks.values())
        start = 0 if cursor is None else _position(cursor)
        if start > len(tasks):
            raise _unknown(cursor)
        end = start + PAGE
        return tasks[start:end], _cursor(end) if end < len(tasks) else None

    def close(self) -> None:
        """Stop and forget all tasks."""
        for task in list(self._tasks.values()):
            self._drop(task)

    def _forget_expired(self) -> None:
        for task in [each for each in self._tasks.values() if each.expired]:
            self._drop(task)

    def _drop(self, task: Task) -> None:
        task.cancel()
        del self._tasks[task.id]


def _cursor(position: int) -> str:
    return base64.urlsafe_b64encode(f"tasks:{position}".encode()).decode()


def _position(cursor: str) -> int:
    try:
        prefix, _, position = base64.urlsafe_b64decode(cursor.encode()).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError) as error:
        raise _unknown(cursor) from error
    if prefix != "tasks" or not position.isdecimal():
        raise _unknown(cursor)
    return int(position)


def _unknown(cursor: str | None) -> ValueError:
    return ValueError(f"unknown cursor {cursor!r}")


def requested_ttl(asked: object) -> int:
    """Return for how long a task is kept whose client asked for a time.

    Args:
        asked: The `task` parameter of the request.
    """
    wanted = asked.get("ttl") if isinstance(asked, Mapping) else None
    if isinstance(wanted, bool) or not isinstance(wanted, (int, float)):
        return DEFAULT_TTL_MS
    return int(max(1, min(wanted, MAX_TTL_MS)))
