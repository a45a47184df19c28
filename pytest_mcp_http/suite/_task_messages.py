"""Judging what tasks of 2025-11-25 say on streams: their progress, their status, what they ask for."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.tasks import related_task, task_status
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.suite._task_seen import Observed, Run
from pytest_mcp_http.wire import jsonrpc
from pytest_mcp_http.wire.exchange import Exchange, Received

PROGRESS: Final = "notifications/progress"
SILENCE: Final = 0.15
"""Seconds without a byte after which a stream has brought all that was on its way."""

STATUS: Final = "notifications/tasks/status"


def notifications(seen: Observed, method: str) -> Iterator[tuple[Received, dict[str, Any], Exchange]]:
    """Yield the notifications of a method: on the GET stream and on those of `tasks/result`."""
    streams = [run.early.exchange for run in seen.runs if run.early is not None]
    for exchange in [*([seen.beside] if seen.beside is not None else []), *streams]:
        for received in exchange.received:
            message = received.message
            if message.method == method and isinstance(message.params, dict):
                yield received, message.params, exchange


def progress(seen: Observed) -> list[tuple[Received, dict[str, Any], Exchange]]:
    """Return the progress notifications of the session.

    Raises:
        NotVerified: If there is none.
    """
    found = list(notifications(seen, PROGRESS))
    if not found:
        raise NotVerified("no task reported progress on a stream that was open")
    return found


def judge_tokens(seen: Observed) -> None:
    """Judge that progress carries the token of the request that made the task."""
    tokens = [run.token for run in seen.made]
    for _, params, exchange in progress(seen):
        token, owner = params.get("progressToken"), related_task(params)
        own = [run.token for run in seen.made if owner is not None and run.task_id == owner]
        if token not in (own or tokens):
            violated(
                f"progress of a task with the token {token!r}",
                "the progressToken of the request that made the task",
                exchange,
            )


def judge_end_of_progress(seen: Observed) -> None:
    """Judge that a task reports no progress once it has ended.

    Progress counts as late if the stream was silent in between, or brought progress of a task before it that
    was only made after the end: what a slow stream still brings was sent earlier.
    """
    first = {run.token for run in seen.runs}
    later = {run.token for run in seen.made} - first
    ends = {run.token: run.ended_at - seen.opened_at for run in seen.made if run.ended_at is not None}
    overtaken = False
    for received, params, exchange in progress(seen):
        token = params.get("progressToken")
        if exchange is not seen.beside or not isinstance(token, str):
            continue
        overtaken = overtaken or token in later
        late = received.at - ends.get(token, received.at)
        sent_late = overtaken and token in first
        if late > seen.late and (sent_late or _silence(exchange, ends[token], received.at) > SILENCE):
            violated(
                f"progress of a task {late:.2f} s after it had ended",
                "no progress after completed, failed or cancelled",
                exchange,
            )


def _silence(exchange: Exchange, since: float, until: float) -> float:
    """Return the longest time without a byte between two moments of an exchange, in seconds."""
    times = [since, *(chunk.at for chunk in exchange.chunks if since < chunk.at < until), until]
    return max(later - earlier for earlier, later in pairwise(times))


def judge_relation(seen: Observed) -> None:
    """Judge that notifications of a task say which task they belong to."""
    # Where ids are not unique, nothing can be related to them.
    tokens = {run.token: run.task_id for run in seen.made if seen.ids.count(str(run.task_id)) == 1}
    for _, params, exchange in progress(seen):
        token = params.get("progressToken")
        wanted = tokens.get(token) if isinstance(token, str) else None
        if wanted is not None and related_task(params) != wanted:
            violated(
                f"progress of the task {wanted!r} with {related_task(params)!r} as related task",
                "the id of the task in _meta",
                exchange,
            )


def asked(seen: Observed) -> list[tuple[Run, jsonrpc.Message, Exchange]]:
    """Return what tasks asked the client for, each with the poll while it waited.

    Raises:
        NotVerified: If no task asked for anything.
    """
    found = [(run, message, poll) for run in seen.runs for message, poll in run.asked]
    if not found:
        raise NotVerified("no tool of the role task asked the client for anything")
    return found


def judge_asking_status(seen: Observed) -> None:
    """Judge that a task which waits for the client says so, and goes on when it was answered."""
    for run, message, poll in asked(seen):
        if task_status(poll) != "input_required":
            violated(
                f"a task that is {task_status(poll)!r} while {message.method} waits for its answer",
                "input_required",
                poll,
            )
        if run.status == "input_required":
            violated("a task that stays input_required after it was answered", "working", run.polls[-1][1])


def judge_question_relation(seen: Observed) -> None:
    """Judge that what a task asks for names the task."""
    for run, message, _ in asked(seen):
        if related_task(message.params) != run.task_id:
            assert run.early is not None
            violated(
                f"{message.method} with {related_task(message.params)!r} as related task",
                f"the taskId {run.task_id!r} in _meta",
                run.early.exchange,
            )


def judge_question_augmentation(seen: Observed) -> None:
    """Judge that our client, which declares no tasks, is asked for none."""
    for run, message, _ in asked(seen):
        if isinstance(message.params, dict) and "task" in message.params:
            assert run.early is not None
            violated(
                f"{message.method} asks for a task, of a client that declares none",
                "a request without task",
                run.early.exchange,
            )


def judge_status_notifications(seen: Observed) -> None:
    """Judge that notifications which describe a task have no related-task metadata.

    Raises:
        NotApplicable: If there is none.
    """
    found = list(notifications(seen, STATUS))
    if not found:
        raise NotApplicable("the server sent no notifications/tasks/status")
    for _, params, exchange in found:
        if related_task(params) is not None:
            violated(f"{STATUS} with a related task in _meta", "one without it", exchange)
