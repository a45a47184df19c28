"""Judging what was seen of tasks at 2025-11-25, where it takes more than one message to do so."""

from __future__ import annotations

from functools import partial
from typing import Final
from uuid import uuid4

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.jsonrpc import code_in, error_in
from pytest_mcp_http.assertions.mrtr import Outcome, outcome_of
from pytest_mcp_http.assertions.tasks import TERMINAL, assert_task_final, task_status, tasks_in
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.spec.error_codes import INVALID_PARAMS, METHOD_NOT_FOUND
from pytest_mcp_http.spec.messages import validate_result
from pytest_mcp_http.suite._judging import gravest
from pytest_mcp_http.suite._probes import declared, refused_by_others
from pytest_mcp_http.suite._task_jobs import declares, needs_tasks
from pytest_mcp_http.suite._task_seen import Observed, Run
from pytest_mcp_http.suite._tasks import TICKS, observed
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import Exchange

MIN_CREATE_SECONDS: Final = 0.02
"""Shortest extra time of an answer from which it counts as having waited for the work."""


# -- unknown tasks ----------------------------------------------------------------------------------------


def unknown_tasks(tour: Tour) -> dict[str, Exchange]:
    """Return what each method got that names a task which nobody made, by method.

    Raises:
        NotApplicable: If the server does not declare tasks.
    """
    needs_tasks(tour)

    def probe() -> dict[str, Exchange]:
        methods = ["tasks/get"]
        if declares(tour, "requests"):
            methods.append("tasks/result")
        if declares(tour, "cancel"):
            methods.append("tasks/cancel")
        with tour.session() as client:
            found = {method: client.request(method, {"taskId": str(uuid4())}) for method in methods}
            if declares(tour, "list"):
                found["tasks/list"] = client.request("tasks/list", {"cursor": f"mcp-http-check {uuid4()}"})
        return found

    found = tour.memo("unknown-tasks", probe)
    for exchange in found.values():
        refused_by_others(exchange)
    return found


def judge_declaration(tour: Tour) -> None:
    """Judge that a server which knows what a task is says so."""
    if declares(tour):
        return
    declared(tour)
    unknown = tour.named("unknown method")
    control = code_in(unknown[0].exchange) if unknown else None
    exchange = tour.client.request("tasks/get", {"taskId": str(uuid4())})
    refused_by_others(exchange)
    code = code_in(exchange)
    if code == METHOD_NOT_FOUND or (code == control and exchange.error is not None):
        return
    if tasks_in(exchange) or (code == INVALID_PARAMS and control == METHOD_NOT_FOUND):
        violated(
            f"{exchange.summary}, to tasks/get of a server that does not declare tasks",
            [f"JSON-RPC error {METHOD_NOT_FOUND}", "capabilities.tasks, in the answer to initialize"],
            exchange,
        )
    raise NotVerified(f"whether the server knows tasks cannot be told: tasks/get got {exchange.summary}")


# -- who may use a task -----------------------------------------------------------------------------------


def needs_anonymity(tour: Tour) -> None:
    """Require that the requests here carry nothing by which a server could tell who sends them.

    Raises:
        NotApplicable: If header lines were given, which may hold credentials.
    """
    if tour.target.headers:
        raise NotApplicable("the requests carry header lines that may tell the server who sends them")


def judge_list_of_others(tour: Tour) -> None:
    """Judge that a server which cannot tell clients apart offers no list of all tasks."""
    needs_tasks(tour, "list")
    needs_anonymity(tour)
    expected = ["no tasks.list capability", "a list that holds the tasks of the client alone"]
    if tour.session_id is None:
        violated("tasks.list is declared to clients that nothing tells apart", expected, tour.opening)
    seen = observed(tour)
    if seen.foreign_list is None:
        raise NotVerified("no task could be polled")
    if any(task.get("taskId") in seen.ids for task in tasks_in(seen.foreign_list)):
        violated("tasks/list shows the tasks of another session", expected, seen.foreign_list)


def anonymous_ids(tour: Tour) -> list[str]:
    """Return ids of tasks that whoever knows them can use, in the order in which they were made.

    Raises:
        NotApplicable: If a task belongs to a session or to credentials.
        NotVerified: If there are too few.
    """
    needs_anonymity(tour)
    seen = observed(tour)
    if seen.foreign_get is None:
        raise NotVerified("no task could be polled")
    if not tasks_in(seen.foreign_get):
        raise NotApplicable("tasks of one session cannot be used in another")
    ids = [run.task_id for run in seen.crowd if run.task_id is not None]
    if len(ids) < 3:
        raise NotVerified("too few tasks could be made to compare their ids")
    return ids


# -- what tasks say ---------------------------------------------------------------------------------------


def described(seen: Observed, *, new: bool = True) -> list[Exchange]:
    """Return what polled, listed and cancelled tasks, and what made them if `new` is wanted as well."""
    found = [exchange for run in seen.made for exchange in run.described[0 if new else 1 :]]
    if seen.cancelled is not None:
        found += [seen.cancelled.reply, *seen.cancelled.after]
    for listing in (seen.small_list, seen.whole_list):
        found += listing.pages if listing is not None else []
    return found


def polled(seen: Observed) -> list[Exchange]:
    """Return what `tasks/get` got.

    Raises:
        NotVerified: If no poll got a task.
    """
    found = [exchange for run in seen.made for _, exchange in run.polls if tasks_in(exchange)]
    if not found:
        raise NotVerified("no poll got a task")
    return found


def ended(seen: Observed, *statuses: str) -> list[Run]:
    """Return the tasks that ended, with one of some statuses.

    Raises:
        NotVerified: If none did.
    """
    found = [run for run in seen.runs if run.ended and (not statuses or run.status in statuses)]
    if not found:
        raise NotVerified(f"no task was seen to be {' or '.join(statuses) or 'over'}")
    return found


def is_gone(exchange: Exchange) -> bool:
    """Tell whether a poll says that there is no such task, as it may be once its time is over."""
    return code_in(exchange) == INVALID_PARAMS


def judge_final(seen: Observed) -> None:
    """Judge that tasks which have ended keep their status. That of cancelled ones is judged elsewhere."""
    runs = ended(seen)
    gravest(partial(assert_task_final, run.described) for run in runs)


def judge_unique_ids(seen: Observed) -> None:
    """Judge that no two tasks have the same id."""
    ids: set[str] = set()
    for run in seen.made:
        if run.task_id in ids:
            violated(f"a second task with the taskId {run.task_id!r}", "an id of its own", run.created)
        ids |= {run.task_id} if run.task_id is not None else set()


def judge_failed(seen: Observed) -> None:
    """Judge that a task whose request failed says so, and why.

    Raises:
        NotVerified: If no request failed.
    """
    failed = [run for run in ended(seen) if run.status == "failed" or run.reports_error]
    if not failed:
        raise NotVerified("no tool of the role task fails")
    for run in failed:
        last = run.last
        if run.status != "failed":
            violated(f"a task that is {run.status!r}, with a result that reports an error", "failed", last)
        if not any(str(task.get("statusMessage") or "").strip() for task in tasks_in(last)):
            violated("a failed task without statusMessage", "a statusMessage that says why", last)


def judge_swapped(seen: Observed) -> None:
    """Judge that the parameter names the task, whatever the metadata says.

    Raises:
        NotVerified: If there were not two tasks.
    """
    if seen.swapped is None:
        raise NotVerified("it takes two tasks")
    sent = seen.swapped.request.message
    wanted = sent.params.get("taskId") if sent is not None and isinstance(sent.params, dict) else None
    found = [task.get("taskId") for task in tasks_in(seen.swapped)]
    if found != [wanted]:
        violated(
            f"{found or seen.swapped.summary}, to tasks/get whose metadata names another task",
            f"the task that the parameter names, {wanted!r}",
            seen.swapped,
        )


def judge_prompt(seen: Observed) -> None:
    """Judge that a task is answered before its work is done: the answer takes no longer for longer work."""
    short = [run.created.ended_at for run in seen.crowd]
    runs = [run for run in seen.runs if run.task_id is not None and run.job.lasts]
    if not runs or not short:
        raise NotVerified("no tool that runs as a task lets us say how long it takes: $MS in its arguments")
    usual = sorted(short)[len(short) // 2]
    # One slow answer is no proof: a server that waits for the work does so each time.
    fastest = min(runs, key=lambda run: run.created.ended_at)
    extra, work = fastest.created.ended_at - usual, seen.tick * TICKS
    if extra > max(0.5 * work, MIN_CREATE_SECONDS):
        violated(
            f"a task of {work * 1000:.0f} ms is answered {extra * 1000:.0f} ms later than a short one",
            "an answer as soon as the task is accepted",
            fastest.created,
        )


# -- results ----------------------------------------------------------------------------------------------


def judge_result(run: Run, revision: str) -> None:
    """Judge that the result of a task is one of its request."""
    found = run.result
    assert found is not None
    refused_by_others(found)
    if found.error is not None:
        if run.status == "completed":
            violated(f"{found.summary}, for a task that was completed", "the result of the call", found)
        return
    wrong = validate_result("tools/call", revision, found.result)
    if found.result is None or wrong:
        shown = f"{wrong[0].path}: {wrong[0].message}" if wrong else found.summary
        violated(f"tasks/result got no result of a tool call: {shown}", "what the call would have got", found)
    plain = run.plain
    if plain is None or outcome_of(plain) not in (Outcome.COMPLETED, Outcome.FAILED):
        return
    if outcome_of(plain) is not outcome_of(found):
        violated(
            f"{outcome_of(found).value}, where the same call got {outcome_of(plain).value}",
            "what the call would have got",
            found,
        )
    lost = _members(plain.result) - _members(found.result)
    if lost:
        violated(f"a result without {', '.join(sorted(lost))}", "what the call would have got", found)


def _members(result: object) -> set[str]:
    return {"content", "structuredContent"} & result.keys() if isinstance(result, dict) else set()


def judge_error(run: Run) -> None:
    """Judge that a task whose request ends with a JSON-RPC error has that error for its result."""
    assert run.plain is not None
    assert run.result is not None
    wanted, found = error_in(run.plain) or {}, error_in(run.result)
    if found is None or found.get("code") != wanted.get("code"):
        violated(
            f"{run.result.summary}, from tasks/result",
            f"JSON-RPC error {wanted.get('code')}, as the same call got",
            run.result,
        )


def refused_runs(seen: Observed) -> list[Run]:
    """Return the tasks whose request ends with a JSON-RPC error without a task.

    Raises:
        NotVerified: If there is none.
    """
    found = [
        run
        for run in seen.runs
        if run.result is not None and run.plain is not None and code_in(run.plain) is not None
    ]
    if not found:
        raise NotVerified("no call of a tool of the role task gets a JSON-RPC error")
    return found


def judge_blocking(run: Run) -> None:
    """Judge that `tasks/result` did not answer while the task worked."""
    if run.hurried is not None:
        assert run.early is not None
        violated(
            f"tasks/result got {run.early.exchange.summary} while the task was {task_status(run.hurried)}",
            "no answer before the task is completed, failed or cancelled",
            run.early.exchange,
        )


def judge_waiting(run: Run) -> None:
    """Judge that `tasks/result` was not refused at first, for a task that has a result later.

    A poll may come too late to see a short task work, but good params that are refused were not waited for.
    """
    early, late = run.early, run.result
    if early is None:
        return
    if code_in(early.exchange) == INVALID_PARAMS and late is not None and late.result is not None:
        violated(
            f"tasks/result got {early.exchange.summary} at first, and the result once the task had ended",
            "no answer before the task is completed, failed or cancelled",
            early.exchange,
        )


def worked(seen: Observed) -> list[Run]:
    """Return the tasks that were seen at work after their result was asked for.

    Raises:
        NotVerified: If none was.
    """
    found = [
        run for run in seen.runs if any(task_status(each) not in (None, *TERMINAL) for _, each in run.polls)
    ]
    if not found:
        raise NotVerified("every task had ended before it was polled")
    return found
