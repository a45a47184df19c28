"""Assertions on tasks of 2025-11-25: what they say of themselves, how they move, and how they end.

Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/tasks
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from pytest_mcp_http.assertions._base import Judged, as_exchange, judges, violated
from pytest_mcp_http.assertions.jsonrpc import code_in
from pytest_mcp_http.assertions.session import assert_session_ids_unique, assert_session_ids_unpredictable
from pytest_mcp_http.errors import RequirementViolated
from pytest_mcp_http.spec.error_codes import INVALID_PARAMS
from pytest_mcp_http.wire.exchange import Exchange

__tracebackhide__ = True  # a failure is about the response, not about this code

RELATED_TASK: Final = "io.modelcontextprotocol/related-task"

TERMINAL: Final = ("completed", "failed", "cancelled")
STATUSES: Final = ("working", "input_required", *TERMINAL)

_TIMESTAMP: Final = re.compile(
    r"\d{4}-?(?:(?P<month>\d\d)-?(?P<day>\d\d)|\d{3}|W\d\d-?\d)"
    r"(?:[Tt ]\d\d(?::?\d\d(?::?\d\d(?:[.,]\d+)?)?)?(?P<offset>[Zz]|[+-]\d\d(?::?\d\d)?)?)?"
)


def tasks_in(response: Judged) -> list[Mapping[str, Any]]:
    """Return the tasks that a response describes: a new one, one that was asked for, or those of a list.

    Args:
        response: The response to a task-augmented request, `tasks/get`, `tasks/cancel` or `tasks/list`.
    """
    result = as_exchange(response).result
    if not isinstance(result, dict):
        return []
    if isinstance(result.get("tasks"), list):
        return [task for task in result["tasks"] if isinstance(task, dict)]
    task = result.get("task", result)
    return [task] if isinstance(task, dict) and "taskId" in task else []


def task_status(response: Judged) -> object:
    """Return the status of the task that a response describes, or None if it describes no single one.

    Args:
        response: The response to a task-augmented request, `tasks/get` or `tasks/cancel`.
    """
    found = tasks_in(response)
    return found[0].get("status") if len(found) == 1 else None


def related_task(meta_holder: object) -> object:
    """Return the id of the task that a message is related to, or None.

    Args:
        meta_holder: What may have `_meta`: params or a result.
    """
    meta = meta_holder.get("_meta") if isinstance(meta_holder, dict) else None
    related = meta.get(RELATED_TASK) if isinstance(meta, dict) else None
    return related.get("taskId") if isinstance(related, dict) else None


@judges("tasks.create-result")
def assert_task_created(response: Judged) -> Exchange:
    """Assert that a task-augmented request which was accepted got a task, and nothing of its result.

    Args:
        response: The response.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If the result has no object `task`, or `content` beside it.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/tasks#result-retrieval
    """
    exchange = as_exchange(response)
    result = exchange.result
    expected = ["a result with task (an object) and without content", "a JSON-RPC error"]
    if result is not None and not (isinstance(result, dict) and isinstance(result.get("task"), dict)):
        violated("a result without a task, to a request that asked for one", expected, exchange)
    if isinstance(result, dict) and "content" in result:
        violated("a result with a task and with content", expected, exchange)
    return exchange


@judges("tasks.id-string")
def assert_task_id(response: Judged) -> Exchange:
    """Assert that the id of a task is a string.

    Args:
        response: The response that describes the task.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If it is another value, or missing.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/tasks#task-id-requirements
    """
    exchange = as_exchange(response)
    result = exchange.result
    task = result.get("task", result) if isinstance(result, dict) else None
    is_task = isinstance(result, dict) and ("task" in result or "taskId" in result)
    if is_task and isinstance(task, dict) and not isinstance(task.get("taskId"), str):
        violated(f"the taskId {task.get('taskId')!r}", "a string", exchange)
    return exchange


@judges("tasks.created-at", "tasks.last-updated-at")
def assert_task_timestamp(response: Judged, member: str) -> Exchange:
    """Assert that each task in a response has a timestamp by ISO 8601.

    Args:
        response: The response that describes tasks.
        member: `createdAt` or `lastUpdatedAt`.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If it is missing or no such timestamp; as a note if it has no offset from UTC.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/tasks#ttl-and-resource-management
    """
    exchange = as_exchange(response)
    for task in tasks_in(exchange):
        value = task.get(member)
        found = _TIMESTAMP.fullmatch(value) if isinstance(value, str) else None
        expected = f"{member}: a timestamp by ISO 8601, such as 2025-11-25T10:30:00Z"
        if found is None or not _is_date(found):
            shown = f"the {member} {value!r}" if member in task else f"a task without {member}"
            violated(shown, expected, exchange)
        if found["offset"] is None:
            violated(f"the {member} {value!r}, without an offset from UTC", expected, exchange, note=True)
    return exchange


def _is_date(found: re.Match[str]) -> bool:
    return found["month"] is None or (1 <= int(found["month"]) <= 12 and 1 <= int(found["day"]) <= 31)


@judges("tasks.ttl-in-get")
def assert_task_ttl(response: Judged) -> Exchange:
    """Assert that the answer to `tasks/get` says how long the task is kept.

    Args:
        response: The response.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If `ttl` is neither a number nor null, or missing.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/tasks#ttl-and-resource-management
    """
    exchange = as_exchange(response)
    for task in tasks_in(exchange):
        ttl = task.get("ttl", "")
        if isinstance(ttl, bool) or not (ttl is None or isinstance(ttl, (int, float))):
            shown = f"the ttl {ttl!r}" if "ttl" in task else "a task without ttl"
            violated(shown, ["ttl: a number of milliseconds", "ttl: null, for unlimited"], exchange)
    return exchange


@judges("tasks.valid-transitions")
def assert_task_transitions(responses: Sequence[Judged]) -> None:
    """Assert that a task had only statuses that there are.

    Polls may miss any status, and from each that is not terminal all others can be reached.

    Args:
        responses: What describes the task, in the order in which it was sent.

    Raises:
        RequirementViolated: For a status that there is not.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/tasks#task-status-lifecycle
    """
    for response in responses:
        for task in tasks_in(response):
            status = task.get("status")
            if not isinstance(status, str) or status not in STATUSES:
                expected = f"one of {', '.join(STATUSES)}"
                violated(f"a task with the status {status!r}", expected, as_exchange(response))


@judges("tasks.cancel-sticks")
def assert_task_final(responses: Sequence[Judged]) -> None:
    """Assert that a task which has ended keeps its status; it may be gone.

    Args:
        responses: What describes the task, in the order in which it was sent.

    Raises:
        RequirementViolated: If another status follows a terminal one.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/tasks#task-status-lifecycle
    """
    ended: object = None
    for response in responses:
        status = task_status(response)
        if ended is not None and status not in (None, ended):
            violated(f"a task that was {ended} is {status} later", f"{ended} for good", as_exchange(response))
        if isinstance(status, str) and status in TERMINAL:
            ended = status


@judges("tasks.unguessable-ids")
def assert_task_ids_unguessable(ids: Sequence[str]) -> None:
    """Assert that ids of tasks vary in enough places, and do not follow from one another.

    Args:
        ids: At least three ids, in the order in which the tasks were made, in quick succession.

    Raises:
        RequirementViolated: If they can be guessed.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/tasks#task-isolation-and-access-control
    """
    try:
        assert_session_ids_unique(ids)
        assert_session_ids_unpredictable(ids)
    except RequirementViolated as error:
        violated(error.actual, "task ids that nobody can guess, since whoever knows one may use it", None)


@judges("tasks.no-related-meta-in-get")
def assert_no_related_task(response: Judged) -> Exchange:
    """Assert that a result which names its task already has no related-task metadata.

    Args:
        response: The response to `tasks/get`, `tasks/list` or `tasks/cancel`.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If it has.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/tasks#related-task-metadata
    """
    exchange = as_exchange(response)
    result = exchange.result
    meta = result.get("_meta") if isinstance(result, dict) else None
    if isinstance(meta, dict) and RELATED_TASK in meta:
        violated(f"a result with {RELATED_TASK} in _meta", "a result without it", exchange)
    return exchange


@judges("tasks.result-related-meta")
def assert_result_related(response: Judged, task_id: str) -> Exchange:
    """Assert that the result of a task names the task in its metadata.

    Args:
        response: The response to `tasks/result`. An error is not judged.
        task_id: Id of the task.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If it names another task, or none.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/tasks#related-task-metadata
    """
    exchange = as_exchange(response)
    found = related_task(exchange.result)
    if exchange.result is not None and found != task_id:
        shown = "no related task" if found is None else f"the related task {found!r}"
        violated(f"a result with {shown}", f"{RELATED_TASK} with taskId {task_id!r} in _meta", exchange)
    return exchange


@judges("tasks.cancel-terminal-32602", "tasks.invalid-cursor-32602", "tasks.unknown-id-32602")
def assert_task_params_refused(response: Judged, what: str) -> Exchange:
    """Assert that a request of tasks got the error for invalid params.

    Args:
        response: The response.
        what: What is wrong with the request.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If it got another error, a result or no answer.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/tasks#protocol-errors
    """
    exchange = as_exchange(response)
    if code_in(exchange) != INVALID_PARAMS:
        violated(f"{exchange.summary}, to {what}", f"JSON-RPC error {INVALID_PARAMS}", exchange)
    return exchange
