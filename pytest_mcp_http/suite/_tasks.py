"""One small set of tasks at 2025-11-25, made in one session, that all checks of the chapter judge.

Every tool that may run as a task does so once, all of them at the same time; each is polled until it ends,
its questions are answered, and its result is fetched twice: at once, and when it has ended. Then one more is
cancelled, and some short ones are made to be counted.
"""

from __future__ import annotations

import secrets
import time
from contextlib import ExitStack
from typing import Any, Final

from pytest_mcp_http.assertions.jsonrpc import code_in
from pytest_mcp_http.assertions.tasks import RELATED_TASK, TERMINAL, related_task, task_status, tasks_in
from pytest_mcp_http.client import McpStream
from pytest_mcp_http.errors import NotVerified
from pytest_mcp_http.spec.error_codes import INVALID_REQUEST, METHOD_NOT_FOUND
from pytest_mcp_http.suite._answers import answer
from pytest_mcp_http.suite._asking import EVERYTHING
from pytest_mcp_http.suite._lists import pages_of
from pytest_mcp_http.suite._polling import pause_after, poll_all
from pytest_mcp_http.suite._probes import refused_by_others
from pytest_mcp_http.suite._task_jobs import Job, Json, declares, jobs, needs_tasks
from pytest_mcp_http.suite._task_seen import Cancelled, Listing, Observed, Run
from pytest_mcp_http.suite._witness import ticks_told
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire import jsonrpc
from pytest_mcp_http.wire.exchange import Exchange
from pytest_mcp_http.wire.http import OpenStream

TTL_MS: Final = 60_000
"""How long the tasks are asked to be kept."""

TICKS: Final = 3
"""Ticks that a task is asked for, where its role counts some."""

LONG_TICKS: Final = 10
"""The same for the task that is cancelled."""

TICK_SECONDS: Final = 0.015
"""How long a tick is to take; more over a slow network."""

MAX_TICK_SECONDS: Final = 0.5

TASK_SECONDS: Final = 15.0
"""How long tasks may take before they are given up."""

STUCK_SECONDS: Final = 2.0
"""How long a task may need input without asking for any."""

CROWD: Final = 8
"""Short tasks that are made to compare their ids, and to fill more than one page of the list."""

QUIET_SECONDS: Final = 0.1
"""How long after the end of a task its result may still be on its way."""

WATCHED: Final = 1.8
"""How much longer than what counts as late is watched for late progress."""

MAX_PAGES: Final = 20
MAX_UNLISTED: Final = 3

_UNANSWERABLE: Final = {"action": "decline"}


def observed(tour: Tour) -> Observed:
    """Return what was seen of the tasks of one session.

    Raises:
        NotApplicable: If the server does not let tool calls run as tasks.
        NotVerified: If no tool can be run as a task, or none got a task.
    """
    return tour.memo("tasks", lambda: _Session(tour).observe())


def cancelled_task(tour: Tour) -> Cancelled:
    """Return the task that was cancelled.

    Raises:
        NotApplicable: If the server does not let tool calls run as tasks, or tasks be cancelled.
        NotVerified: If no task could be cancelled while it ran.
    """
    needs_tasks(tour, "cancel")
    seen = observed(tour)
    found = seen.cancelled
    if found is None and seen.no_task is not None:
        raise NotVerified(f"no second task could be made: a request for one got {seen.no_task.summary}")
    if found is None:
        raise NotVerified("no tool that runs as a task lets us say how long it takes: $MS in its arguments")
    if found.reply.result is None:
        raise NotVerified(f"tasks/cancel of a task that worked got {found.reply.summary}")
    return found


class _Session:
    """One run of the probe."""

    def __init__(self, tour: Tour) -> None:
        self._tour = tour
        self._jobs = jobs(tour)
        self._client = tour.new_client(capabilities=EVERYTHING)
        self._client.connect()
        if self._client.negotiated is None:
            raise NotVerified("no session could be opened for tasks")
        began = time.monotonic()
        tour.require(self._client.plain(), "a plain request in the session for tasks")
        trip = time.monotonic() - began
        self._tick = min(max(TICK_SECONDS, 3 * trip), MAX_TICK_SECONDS)
        self._answered: set[str] = set()

    def observe(self) -> Observed:
        seen = Observed(self._client, self._tick)
        with ExitStack() as stack:
            seen.opened_at = time.monotonic()
            beside = stack.enter_context(self._client.listen())
            for job in self._jobs:
                run = self._begin(job, TICKS, self._tick)
                seen.runs.append(run)
                if run.task_id is not None:
                    run.early = stack.enter_context(self._open_result(run))
            if all(run.created.result is None for run in seen.runs):
                first = seen.runs[0]
                raise NotVerified(f"no tool got a task: {first.job.tool} got {first.created.summary}")
            made = [run for run in seen.runs if run.task_id is not None]
            if made:
                self._live(seen, made, beside)
            seen.beside = beside.close()
        self._client.close()
        return seen

    def _live(self, seen: Observed, made: list[Run], beside: McpStream) -> None:
        """Follow the tasks to their end, and make some more."""
        self._watch(made, beside)
        if declares(self._tour, "list"):
            seen.small_list = self._list(seen)
        self._after(seen, made)
        seen.cancelled = self._cancel(seen, made)
        seen.crowd = self._gather(seen, made)
        if seen.crowd and declares(self._tour, "list"):
            seen.whole_list = self._list(seen)
        self._rest(seen, made)
        # Last: a server that mixes up its sessions may end more than this one.
        other = self._tour.new_client().connect()
        seen.foreign_get = other.request("tasks/get", {"taskId": made[0].task_id})
        if declares(self._tour, "list"):
            seen.foreign_list = other.request("tasks/list", {})
        other.close()

    # -- making -------------------------------------------------------------------------------------------

    def _begin(self, job: Job, ticks: int, tick: float) -> Run:
        key = f"mcp-http-check-{secrets.token_hex(6)}"
        params = job.timed(key, ticks, tick)
        asked = {**params, "task": {"ttl": TTL_MS}}
        exchange = self._client.request("tools/call", asked, meta={"progressToken": key})
        refused_by_others(exchange)
        return Run(job, params, key, exchange)

    def _open_result(self, run: Run) -> OpenStream:
        message = self._client.message("tasks/result", {"taskId": run.task_id})
        # A server that answers with JSON sends not even a head before the task has ended.
        return self._client.wire.open(self._client.build("POST", message), await_head=False)

    def _gather(self, seen: Observed, made: list[Run]) -> list[Run]:
        """Make many short tasks of the first tool that made one that was completed."""
        job = next((run.job for run in made if run.status == "completed" and not run.asked), None)
        if job is None:
            return []
        found = []
        for _ in range(CROWD):
            run = self._begin(job, 1, 0.0)
            if run.task_id is None:
                seen.no_task = run.created
                break  # a limit on tasks at the same time is legal
            found.append(run)
        return found

    # -- watching -----------------------------------------------------------------------------------------

    def _get(self, run: Run, meta: Json | None = None) -> Exchange:
        params: Json = {"taskId": run.task_id}
        if meta is not None:
            params["_meta"] = meta
        return self._client.request("tasks/get", params)

    def _poll(self, run: Run) -> Exchange:
        """Poll a task once, and note if its result came while it worked."""
        early = run.early.exchange.response if run.early is not None else None
        sent = time.monotonic()
        exchange = self._get(run)
        run.polls.append((sent, exchange))
        status = task_status(exchange)
        if early is not None and status in ("working", "input_required"):
            run.hurried = exchange
        if status in TERMINAL and run.ended_at is None:
            run.ended_at = time.monotonic()
        return exchange

    def _watch(self, made: list[Run], beside: McpStream) -> None:
        """Poll all tasks until they have ended, and answer what they ask for."""
        began = time.monotonic()

        def poll(index: int) -> float | None:
            run = made[index]
            exchange = self._poll(run)
            stuck = time.monotonic() > began + STUCK_SECONDS and not run.asked
            waits = task_status(exchange) == "input_required"
            if task_status(exchange) in (None, *TERMINAL) or (waits and stuck):
                return None
            wanted = next((task.get("pollInterval") for task in tasks_in(exchange)), None)
            return pause_after(len(run.polls), wanted)

        poll_all(len(made), poll, TASK_SECONDS, between=lambda: self._answer(made, beside))
        for run in made:
            if run.early is not None:
                run.early.wait(lambda exchange: exchange.response is not None, QUIET_SECONDS)

    def _answer(self, made: list[Run], beside: McpStream) -> None:
        """Answer the requests that came on any stream, and poll their task first."""
        streams = [(run, run.early.exchange) for run in made if run.early is not None]
        for run, exchange in [*streams, (None, beside.exchange)]:
            for request in exchange.requests:
                name = repr(request.id)
                if name in self._answered:
                    continue
                self._answered.add(name)
                owner = next((each for each in made if each.task_id == related_task(request.params)), run)
                if owner is not None and request.method != "ping":
                    owner.asked.append((request, self._poll(owner)))
                self._client.post({"jsonrpc": "2.0", "id": request.id, "result": _answer_to(request)})

    def _list(self, seen: Observed) -> Listing:
        """Walk over the list, and poll a few tasks that are not on it."""
        pages = list(pages_of(self._client, "tasks/list", MAX_PAGES))
        listed = [task.get("taskId") for page in pages for task in tasks_in(page)]
        lost = [run for run in seen.made if run.task_id is not None and run.task_id not in listed]
        return Listing(pages, [self._get(run) for run in lost[:MAX_UNLISTED]])

    # -- afterwards ---------------------------------------------------------------------------------------

    def _after(self, seen: Observed, made: list[Run]) -> None:
        """Do what can be done with tasks that have ended."""
        for run in made:
            if run.ended:
                run.result = self._client.request("tasks/result", {"taskId": run.task_id})
                if run.job.support == "optional" and not run.asked:
                    params = run.job.timed(secrets.token_hex(6), 1, 0.0)
                    plain = self._client.request("tools/call", params)
                    # Where all calls have to be tasks, a plain one says nothing of the task.
                    run.plain = None if code_in(plain) in (METHOD_NOT_FOUND, INVALID_REQUEST) else plain
        ended = next((run for run in made if run.ended), None)
        if ended is not None and declares(self._tour, "cancel"):
            seen.refused_cancel = self._client.request("tasks/cancel", {"taskId": ended.task_id})
        if len(made) > 1:
            seen.swapped = self._get(made[0], {RELATED_TASK: {"taskId": made[1].task_id}})

    def _cancel(self, seen: Observed, made: list[Run]) -> Cancelled | None:
        """Cancel a task that takes long; one whose ticks a witness counts if there is one."""
        if not declares(self._tour, "cancel"):
            return None
        lasting = [run.job for run in made if run.job.lasts and not run.asked]
        counted = _counted_job(self._tour, lasting)
        job = counted or next(iter(lasting), None)
        if job is None:
            return None
        run = self._begin(job, LONG_TICKS, self._tick)
        if run.task_id is None:
            seen.no_task = run.created
            return None
        self._poll(run)
        before = self._count(run) if counted is not None else None
        reply = self._client.request("tasks/cancel", {"taskId": run.task_id})
        run.ended_at = time.monotonic() if task_status(reply) == "cancelled" else None
        return Cancelled(run, reply, [self._get(run)], counted_before=before)

    def _count(self, run: Run) -> int | None:
        """Return the ticks of a task that a witness counts so far, or None if it tells none."""
        witness = self._tour.roles("witness")[0].params(key=run.token, n=1, ms=1)
        return ticks_told(self._client.request("tools/call", witness))

    def _rest(self, seen: Observed, made: list[Run]) -> None:
        """Wait until the cancelled task would have ended, and look at all tasks a last time."""
        found = seen.cancelled
        since = max((run.ended_at for run in made if run.ended_at is not None), default=0.0)
        until = since + WATCHED * seen.late
        if found is not None:
            until = max(until, found.run.polls[0][0] + (LONG_TICKS + 3) * self._tick)
        time.sleep(max(0.0, until - time.monotonic()))
        for run in made:
            if run.ended:
                self._poll(run)
            elif declares(self._tour, "cancel"):
                self._client.request("tasks/cancel", {"taskId": run.task_id})
        if found is not None:
            found.after.append(self._get(found.run))
            if found.counted_before is not None:
                found.counted = self._count(found.run)


def _counted_job(tour: Tour, lasting: list[Job]) -> Job | None:
    """Return the job whose ticks a witness counts, or None."""
    try:
        slow, _ = tour.roles("slow")[0], tour.roles("witness")[0]
    except NotVerified:
        return None
    return next((job for job in lasting if job.tool == slow.tool), None)


def _answer_to(request: jsonrpc.Message) -> Any:
    """Return the result with which a client answers a request of the server."""
    if request.method == "ping":
        return {}
    params = request.params if isinstance(request.params, dict) else {}
    found = answer({"method": request.method, "params": params})
    return _UNANSWERABLE if found is None else found
