"""Tasks as the extension of 2026-07-28 has them: the server decides, the client polls and answers.

Any call of a tool that can run as a task becomes one if the client declares the extension. There are no
sessions, so a task belongs to its principal, or on an open server
to whoever knows its id (SEP-2663).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any, Final

import anyio
from mcp.server.context import CallNext, HandlerResult, ServerMiddleware, ServerRequestContext
from mcp.server.session import ServerSession
from mcp.shared.exceptions import MCPError
from mcp_types import GetTaskRequestParams, ServerNotification
from pydantic import ValidationError

from reference_server._context import MODERN_REVISIONS, Facts
from reference_server._jsonrpc import INTERNAL_ERROR, INVALID_PARAMS, MISSING_CLIENT_CAPABILITY
from reference_server.principals import owner
from reference_server.task_store import Failure, Json, Task, TaskStore
from reference_server.task_tools import ASKING_FIRST, TASK_SUPPORT

EXTENSION: Final = "io.modelcontextprotocol/tasks"
METHODS: Final = frozenset({"tasks/get", "tasks/update", "tasks/cancel"})

ANSWER_SECONDS: Final = 30.0
"""How long a task waits for what it asked the client."""

_Context = ServerRequestContext[Any, Any]


class UpdateParams(GetTaskRequestParams):
    """Parameters of `tasks/update`."""

    input_responses: dict[str, Any]


class _MuteSession(ServerSession):
    """Keeps to itself what the request behind a task would say: its stream is gone, and tasks have none."""

    def __init__(self, inner: ServerSession) -> None:
        super().__init__(inner._request_outbound, inner._connection)

    async def report_progress(
        self, progress: float, total: float | None = None, message: str | None = None
    ) -> None:
        """Report nothing."""

    async def _notify(self, notification: ServerNotification, *, request_scoped: bool) -> None:
        """Send nothing."""


class TasksExtension(ServerMiddleware[Any]):
    """Makes and serves tasks at 2026-07-28.

    Args:
        facts: What is true of the app.
    """

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._stores: dict[str | None, TaskStore] = {}

    @property
    def _tasks(self) -> TaskStore:
        """The tasks of the principal, or of all clients."""
        return self._stores.setdefault(owner(), TaskStore())

    async def __call__(self, ctx: _Context, call_next: CallNext) -> HandlerResult:
        """Declare the extension, turn calls into tasks, and refuse clients that have to declare it first."""
        if ctx.protocol_version not in MODERN_REVISIONS:
            return await call_next(ctx)
        params = ctx.params or {}
        if ctx.method == "server/discover":
            return _advertised(await call_next(ctx))
        if _declares(ctx):
            support = TASK_SUPPORT.get(str(params.get("name"))) if ctx.method == "tools/call" else None
            answers = bool({"inputResponses", "requestState"} & params.keys())
            # What answers a question of the call itself goes on as the call began.
            begins = support is not None and answers == (params["name"] in ASKING_FIRST)
            return self._begin(ctx, call_next) if begins else await call_next(ctx)
        if ctx.method in METHODS or _needs_task(ctx.method, params):
            raise MCPError(
                code=MISSING_CLIENT_CAPABILITY,
                message=f"The client must declare the extension {EXTENSION}",
                data={"requiredCapabilities": {"extensions": {EXTENSION: {}}}},
            )
        return await call_next(ctx)

    def _begin(self, context: _Context, call_next: CallNext) -> Json:
        task = self._tasks.add(Task(id=self._facts.new_task_id()))
        work = partial(_work, task, call_next, replace(context, session=_MuteSession(context.session)))
        assert self._facts.background is not None
        self._facts.background.start_soon(partial(task.run, work, errors_fail=False))
        return {"resultType": "task", **described(task)}

    # -- methods ------------------------------------------------------------------------------------------

    def _find(self, task_id: str) -> Task:
        found = self._tasks.get(task_id)
        if found is None:
            raise MCPError(code=INVALID_PARAMS, message="There is no such task, or it has expired")
        return found

    async def get(self, _: _Context, params: GetTaskRequestParams) -> Json:
        """Say how a task stands, with what it asks for, its result or its error."""
        task = self._find(params.task_id)
        found = described(task)
        if task.status == "input_required":
            found["inputRequests"] = dict(task.questions)
        elif task.status == "completed":
            found["result"] = task.outcome
        elif task.status == "failed" and isinstance(task.outcome, Failure):
            found["error"] = task.outcome.error()
        return found

    async def update(self, _: _Context, params: UpdateParams) -> Json:
        """Take answers to what a task asked for; others are ignored."""
        task = self._find(params.task_id)
        for key, answer in params.input_responses.items():
            if key in task.questions and not task.ended:
                task.answers[key] = answer
                del task.questions[key]
        task.notify()
        return {}

    async def cancel(self, _: _Context, params: GetTaskRequestParams) -> Json:
        """Cancel a task; one that has ended is left as it is."""
        self._find(params.task_id).cancel()
        return {}


async def _work(task: Task, call_next: CallNext, context: _Context) -> Json | Failure:
    """Serve the request behind a task, asking the client as often as it needs something."""
    params: Mapping[str, Any] = context.params or {}
    rounds = count(1)
    while True:
        outcome = await outcome_of(call_next, replace(context, params=params))
        if isinstance(outcome, Failure) or outcome.get("resultType") != "input_required":
            return outcome
        number = next(rounds)
        # No key stands for two questions in the life of a task.
        keys = {f"{key}-{number}": key for key in outcome.get("inputRequests", {})}
        task.questions.update({key: outcome["inputRequests"][name] for key, name in keys.items()})
        task.move("input_required", "The client has to answer")
        try:
            with anyio.fail_after(ANSWER_SECONDS):
                await task.until(lambda: not task.questions)
        except TimeoutError:
            return Failure(INTERNAL_ERROR, "The client did not answer")
        task.move("working", "The work goes on")
        answers = {name: task.answers[key] for key, name in keys.items()}
        params = {**params, "inputResponses": answers, "requestState": outcome.get("requestState")}


async def outcome_of(call_next: CallNext, context: _Context) -> Json | Failure:
    """Return what a request gets: its result, or the error in which it ends."""
    try:
        result = await call_next(context)
    except MCPError as error:
        return Failure(error.error.code, error.error.message, error.error.data)
    except ValidationError:
        return Failure(INVALID_PARAMS, "Invalid request parameters")
    assert isinstance(result, dict)
    return result


def described(task: Task) -> Json:
    """Return a task as the extension writes it."""
    return task.described("ttlMs", "pollIntervalMs")


def _declares(context: _Context) -> bool:
    capabilities = context.session.client_capabilities
    return capabilities is not None and EXTENSION in (capabilities.extensions or {})


def _needs_task(method: str, params: Mapping[str, Any]) -> bool:
    """Tell whether a request cannot be served without a task, or asks for news of one."""
    if method == "tools/call":
        return TASK_SUPPORT.get(str(params.get("name"))) == "required"
    wanted = params.get("notifications")
    return method == "subscriptions/listen" and isinstance(wanted, dict) and "taskIds" in wanted


def _advertised(result: HandlerResult) -> HandlerResult:
    assert isinstance(result, dict)
    capabilities = result["capabilities"]
    extensions = {**capabilities.get("extensions", {}), EXTENSION: {}}
    return {**result, "capabilities": {**capabilities, "extensions": extensions}}
