"""Tasks of the extension at 2026-07-28: one small set that all checks of the chapter judge.

A client that declares the extension calls every tool that may be called for it, polls what became a task, and
answers what it asks for. The same calls are made by a client that declares everything else.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import uuid4

from pytest_mcp_http.assertions.tasks import TERMINAL, task_status
from pytest_mcp_http.client import McpClient
from pytest_mcp_http.dialect import META_PREFIX
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.suite._answers import answer
from pytest_mcp_http.suite._asking import EVERYTHING
from pytest_mcp_http.suite._polling import pause_after, poll_all
from pytest_mcp_http.suite._probes import refused_by_others
from pytest_mcp_http.suite._task_jobs import Job, Json, any_jobs
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import Exchange
from pytest_mcp_http.wire.mirror import NAME_HEADER, encode_value

EXTENSION: Final = f"{META_PREFIX}tasks"
METHODS: Final = ("tasks/get", "tasks/update", "tasks/cancel")

TICKS: Final = 2
TICK_SECONDS: Final = 0.01
"""How long a task is to take, where its role lets us say."""

TASK_SECONDS: Final = 15.0
"""How long tasks may take before they are given up."""

LOST_POLLS: Final = 5
"""Polls without a task after which there is none."""


@dataclass
class Handled:
    """One call of a tool by a client that declares the extension, and what became of it.

    Attributes:
        job: What was called.
        created: What the call got.
        polls: What `tasks/get` got, in order; the first was sent at once.
        updates: What `tasks/update` got.
        plain: What the same call got from a client that does not declare the extension.
    """

    job: Job
    created: Exchange
    polls: list[Exchange] = field(default_factory=list)
    updates: list[Exchange] = field(default_factory=list)
    plain: Exchange | None = None

    @property
    def task_id(self) -> str | None:
        """The id of the task that the call became, or None."""
        found = task_result(self.created)
        return found["taskId"] if found is not None else None

    @property
    def last(self) -> Mapping[str, Any]:
        """The last description of the task."""
        found = [each.result for each in self.polls if task_status(each) is not None]
        return found[-1] if found and isinstance(found[-1], dict) else {}

    @property
    def ended(self) -> bool:
        """Whether it was seen to have ended."""
        return self.last.get("status") in TERMINAL


@dataclass
class Handling:
    """What was seen of all calls.

    Attributes:
        client: The client that declares the extension.
        calls: The calls that became tasks.
        others: Those that did not.
        listening: The stream that asked for news of the tasks.
        cancelled: What `tasks/cancel` got.
        misnamed: What `tasks/get` got with another task in `Mcp-Name`.
    """

    client: McpClient
    calls: list[Handled] = field(default_factory=list)
    others: list[Handled] = field(default_factory=list)
    listening: Exchange | None = None
    cancelled: list[Exchange] = field(default_factory=list)
    misnamed: Exchange | None = None


def needs_extension(tour: Tour) -> None:
    """Require that the server advertises the extension.

    Raises:
        NotApplicable: If it does not.
    """
    if not advertises(tour):
        raise NotApplicable(f"the server does not advertise the extension {EXTENSION}")


def advertises(tour: Tour) -> bool:
    """Tell whether the server advertises the extension."""
    extensions = tour.capabilities.get("extensions")
    return isinstance(extensions, dict) and isinstance(extensions.get(EXTENSION), dict)


def declaring(tour: Tour, *, extension: bool = True) -> McpClient:
    """Return a client that can do everything, and perhaps declares the extension."""
    extensions: Json = {"extensions": {EXTENSION: {}}} if extension else {}
    client = tour.new_client(capabilities={**EVERYTHING, **extensions})
    client.schemas.update(tour.client.schemas)
    return client


def on_task(client: McpClient, method: str, task_id: str, **params: object) -> Exchange:
    """Send a request of a task, which has to name the task in a header as well."""
    return client.request(method, {"taskId": task_id, **params}, headers={NAME_HEADER: encode_value(task_id)})


def task_result(exchange: Exchange) -> Json | None:
    """Return a result that hands out a task, be it by its type or only by what it holds; else None."""
    result = exchange.result
    if not isinstance(result, dict) or not isinstance(result.get("taskId"), str):
        return None
    return result if result.get("resultType") == "task" or "content" not in result else None


def handled(tour: Tour) -> Handling:
    """Return what was seen of tasks.

    Raises:
        NotApplicable: If the server does not advertise the extension.
        NotVerified: If no tool may be called for it.
    """
    needs_extension(tour)
    return tour.memo("tasks-extension", lambda: _observe(tour))


def tasks(tour: Tour) -> list[Handled]:
    """Return the calls that became tasks.

    Raises:
        NotVerified: If none did.
    """
    seen = handled(tour)
    if not seen.calls:
        raise NotVerified(f"no call became a task: {seen.others[0].created.summary}")
    return seen.calls


def unknown_tasks(tour: Tour, *, extension: bool) -> dict[str, Exchange]:
    """Return what each method got that names a task which nobody made, by method."""
    needs_extension(tour)

    def probe() -> dict[str, Exchange]:
        client = declaring(tour, extension=extension)
        more: Json = {"tasks/update": {"inputResponses": {}}}
        return {method: on_task(client, method, str(uuid4()), **more.get(method, {})) for method in METHODS}

    found = tour.memo(f"unknown-tasks-{extension}", probe)
    for exchange in found.values():
        refused_by_others(exchange)
    return found


def _observe(tour: Tour) -> Handling:
    seen = Handling(declaring(tour))
    plain = declaring(tour, extension=False)
    for job in any_jobs(tour):
        key = f"mcp-http-check-{secrets.token_hex(6)}"
        # A server that would tell of a task what it must not is given every occasion.
        meta = {"progressToken": key, f"{META_PREFIX}logLevel": "debug"}
        created = seen.client.request("tools/call", job.timed(key, TICKS, TICK_SECONDS), meta=meta)
        refused_by_others(created)
        call = Handled(job, created)
        if call.task_id is not None:
            call.polls.append(on_task(seen.client, "tasks/get", call.task_id))
        (seen.others if call.task_id is None else seen.calls).append(call)
    ids = [call.task_id for call in seen.calls if call.task_id is not None]
    with ExitStack() as stack:
        stream = stack.enter_context(seen.client.listen(notifications={"taskIds": ids})) if ids else None
        _watch(seen)
        for call in (*seen.calls, *seen.others):
            key = f"mcp-http-check-{secrets.token_hex(6)}"
            call.plain = plain.request("tools/call", call.job.timed(key, 1, 0.0))
        if ids:
            seen.misnamed = seen.client.request(
                "tasks/get", {"taskId": ids[0]}, headers={NAME_HEADER: str(uuid4())}
            )
        # One that has ended, for the form of the answer; and those that would run on.
        over = [call for call in seen.calls if call.ended][:1]
        for call in (*over, *(each for each in seen.calls if not each.ended)):
            assert call.task_id is not None
            seen.cancelled.append(on_task(seen.client, "tasks/cancel", call.task_id))
        seen.listening = stream.close() if stream is not None else None
    return seen


def _watch(seen: Handling) -> None:
    """Poll all tasks until they have ended, and answer what they ask for."""

    def poll(index: int) -> float | None:
        call = seen.calls[index]
        assert call.task_id is not None
        _answer(seen.client, call)
        call.polls.append(on_task(seen.client, "tasks/get", call.task_id))
        lost = all(task_status(each) is None for each in call.polls[-LOST_POLLS:])
        if call.ended or (lost and len(call.polls) >= LOST_POLLS):
            return None
        return pause_after(len(call.polls), call.last.get("pollIntervalMs"))

    poll_all(len(seen.calls), poll, TASK_SECONDS)


def _answer(client: McpClient, call: Handled) -> None:
    """Answer what a task asks for now; a user who is needed declines."""
    asked = call.last.get("inputRequests")
    if call.last.get("status") != "input_required" or not isinstance(asked, dict):
        return
    responses = {
        key: answer(request) or {"action": "decline"}
        for key, request in asked.items()
        if isinstance(request, dict)
    }
    assert call.task_id is not None
    call.updates.append(on_task(client, "tasks/update", call.task_id, inputResponses=responses))
