"""Tasks as 2025-11-25 has them: the client asks for one, polls it, and fetches its result.

The SDK knows the types and dispatches nothing of it. The request behind a task runs through the SDK like any
other, so that its result is what the request would have got. A task belongs to the session that made it; in
stateless mode whoever knows its id may use it, and there is no list (basic/utilities/tasks).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final, TypeVar

import anyio
from mcp.server.context import CallNext, HandlerResult, ServerMiddleware, ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.session import ServerSession
from mcp.shared.dispatcher import ProgressFnT
from mcp.shared.exceptions import MCPError, NoBackChannelError
from mcp.shared.message import ServerMessageMetadata
from mcp_types import (
    GetTaskPayloadRequestParams,
    GetTaskRequestParams,
    PaginatedRequestParams,
    ProgressNotification,
    ProgressNotificationParams,
    RequestParams,
    ServerNotification,
    ServerRequest,
    TaskStatusNotification,
    TaskStatusNotificationParams,
)
from pydantic import BaseModel, ValidationError

from reference_server._context import Facts
from reference_server._jsonrpc import INTERNAL_ERROR, INVALID_PARAMS, METHOD_NOT_FOUND
from reference_server.offers import Offers
from reference_server.principals import owner
from reference_server.sessions import current_session
from reference_server.task_polls import REVISION, lists
from reference_server.task_store import Failure, Json, Task, TaskStore, requested_ttl
from reference_server.task_tools import JOB_REFUSED, TASK_SUPPORT, JobRefused
from reference_server.tasks_extension import TasksExtension, UpdateParams, outcome_of

RELATED_KEY: Final = "io.modelcontextprotocol/related-task"

ANSWER_SECONDS: Final = 30.0
"""How long a task waits for somebody who carries its question to the client."""

ResultT = TypeVar("ResultT", bound=BaseModel)
_Context = ServerRequestContext[Any, Any]


def install(server: Server[Any], facts: Facts) -> None:
    """Let a server serve tasks in both eras.

    Args:
        server: The SDK server; its middleware so far runs again for each part of a request behind a task.
        facts: What is true of the app.
    """
    tasks, extension = Tasks(facts), TasksExtension(facts)
    server.middleware[:0] = [tasks, extension, refuse_jobs]
    for method, params_type, old, new in (
        ("tasks/get", GetTaskRequestParams, tasks.get, extension.get),
        ("tasks/cancel", GetTaskRequestParams, tasks.cancel, extension.cancel),
    ):
        server.add_request_handler(method, params_type, partial(_by_era, old, new))
    server.add_request_handler("tasks/result", GetTaskPayloadRequestParams, tasks.result)
    server.add_request_handler("tasks/list", PaginatedRequestParams, tasks.list)
    server.add_request_handler("tasks/update", UpdateParams, extension.update)


async def _by_era(
    old: Callable[[_Context, Any], Awaitable[Json]],
    new: Callable[[_Context, Any], Awaitable[Json]],
    context: _Context,
    params: Any,
) -> Json:
    return await (old if context.protocol_version == REVISION else new)(context, params)


async def refuse_jobs(ctx: _Context, call_next: CallNext) -> HandlerResult:
    """Answer with a JSON-RPC error what a tool refuses."""
    try:
        return await call_next(ctx)
    except JobRefused as error:
        raise MCPError(code=JOB_REFUSED, message=str(error)) from None


@dataclass(eq=False)
class _SessionTask(Task):
    """A task whose client can be asked on the stream of whoever waits for its result."""

    carried: list[Callable[[_Context], Awaitable[None]]] = field(default_factory=list)

    async def ask(self, send: Callable[[_Context], Awaitable[ResultT]]) -> ResultT:
        """Have a request sent to the client, and return its result."""
        done = anyio.Event()
        answers: list[ResultT] = []
        errors: list[Exception] = []

        async def carry(context: _Context) -> None:
            try:
                answers.append(await send(context))
            except (MCPError, ValidationError) as error:
                errors.append(error)
            finally:
                done.set()

        self.carried.append(carry)
        self.move("input_required", "The client has to answer")
        try:
            with anyio.fail_after(ANSWER_SECONDS):
                await done.wait()
        except TimeoutError:
            raise MCPError(code=INTERNAL_ERROR, message="Nobody fetched the result of the task") from None
        finally:
            self.move("working", "The work goes on")
        if errors:
            raise errors[0]
        return answers[0]


class _TaskSession(ServerSession):
    """Sends what the request behind a task has to say: marked, and on the streams that are still there."""

    def __init__(self, context: _Context, task: _SessionTask) -> None:
        inner = context.session
        super().__init__(inner._request_outbound, inner._connection)
        self._task = task
        self._token = (context.meta or {}).get("progress_token")
        self._can_ask = inner.can_send_request

    async def send_request(
        self,
        request: ServerRequest,
        result_type: type[ResultT],
        request_read_timeout_seconds: float | None = None,
        metadata: ServerMessageMetadata | None = None,
        progress_callback: ProgressFnT | None = None,
    ) -> ResultT:
        """Send a request on the stream of `tasks/result`."""
        if not self._can_ask:
            raise NoBackChannelError(request.method)
        marked = self._marked(request)

        async def send(context: _Context) -> ResultT:
            return await context.session.send_request(
                marked,
                result_type,
                request_read_timeout_seconds,
                ServerMessageMetadata(related_request_id=context.request_id),
                progress_callback,
            )

        return await self._task.ask(send)

    async def report_progress(
        self, progress: float, total: float | None = None, message: str | None = None
    ) -> None:
        """Report progress under the token of the request behind the task."""
        if self._token is not None:
            params = ProgressNotificationParams(
                progress_token=self._token, progress=progress, total=total, message=message
            )
            await self.send_notification(ProgressNotification(params=params))

    async def _notify(self, notification: ServerNotification, *, request_scoped: bool) -> None:
        if not self._task.ended:
            await super()._notify(self._marked(notification), request_scoped=False)

    def _marked(self, message: Any) -> Any:
        """Return a message with the metadata that relates it to the task."""
        params = message.params or RequestParams()
        meta = {**(params.meta or {}), RELATED_KEY: {"taskId": self._task.id}}
        return message.model_copy(update={"params": params.model_copy(update={"meta": meta})})


class Tasks(ServerMiddleware[Any]):
    """Makes and serves tasks at 2025-11-25.

    Args:
        facts: What is true of the app.
    """

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._offers = Offers(facts.memory, facts.fixtures)
        self._shared: dict[str | None, TaskStore] = {}

    async def __call__(self, ctx: _Context, call_next: CallNext) -> HandlerResult:
        """Declare tasks, and turn a call into one if the client asks for it."""
        if ctx.method == "initialize":
            return self._declared(await call_next(ctx))
        if ctx.protocol_version != REVISION:
            return await call_next(ctx)
        if ctx.method == "tools/list":
            return _with_support(await call_next(ctx))
        params = ctx.params or {}
        if ctx.method != "tools/call" or not isinstance(params.get("task", {}), dict):
            return await call_next(ctx)
        support = TASK_SUPPORT.get(str(params.get("name")))
        if "task" in params and support is None and params.get("name") in self._offers.tools:
            raise MCPError(code=METHOD_NOT_FOUND, message="This tool cannot run as a task")
        if "task" not in params and support == "required":
            raise MCPError(code=METHOD_NOT_FOUND, message="This tool runs as a task only")
        if "task" not in params or support is None:
            return await call_next(ctx)
        return {"task": described(self._begin(ctx, call_next))}

    def _begin(self, context: _Context, call_next: CallNext) -> Task:
        task = _SessionTask(
            ttl=requested_ttl((context.params or {}).get("task")), id=self._facts.new_task_id()
        )
        self._store.add(task)
        session = _TaskSession(context, task)
        work = partial(outcome_of, call_next, replace(context, session=session))
        assert self._facts.background is not None

        async def run() -> None:
            await task.run(work, errors_fail=True)
            await tell(context.session, task)

        self._facts.background.start_soon(run)
        return task

    @property
    def _store(self) -> TaskStore:
        """The tasks of the session; where there are none, those of the principal, or of all clients."""
        session = current_session.get()
        return self._shared.setdefault(owner(), TaskStore()) if session is None else session.tasks

    def _declared(self, result: HandlerResult) -> HandlerResult:
        if not isinstance(result, dict) or result.get("protocolVersion") != REVISION:
            return result
        declared: Json = {"cancel": {}, "requests": {"tools": {"call": {}}}}
        if lists(self._facts):
            declared["list"] = {}
        return {**result, "capabilities": {**result["capabilities"], "tasks": declared}}

    # -- methods ------------------------------------------------------------------------------------------

    def _find(self, task_id: str) -> Task:
        found = self._store.get(task_id)
        if found is None:
            raise MCPError(code=INVALID_PARAMS, message="There is no such task, or it has expired")
        return found

    async def get(self, _: _Context, params: GetTaskRequestParams) -> Json:
        """Say how a task stands."""
        return described(self._find(params.task_id))

    async def cancel(self, context: _Context, params: GetTaskRequestParams) -> Json:
        """Cancel a task that has not ended."""
        task = self._find(params.task_id)
        if not task.cancel():
            raise MCPError(code=INVALID_PARAMS, message=f"The task has ended already, as {task.status}")
        await tell(context.session, task)
        return described(task)

    async def list(self, _: _Context, params: PaginatedRequestParams) -> Json:
        """List the tasks of the session, page by page."""
        try:
            tasks, following = self._store.page(params.cursor)
        except ValueError:
            raise MCPError(code=INVALID_PARAMS, message="Unknown cursor") from None
        return {
            "tasks": [described(task) for task in tasks],
            **({"nextCursor": following} if following else {}),
        }

    async def result(self, context: _Context, params: GetTaskPayloadRequestParams) -> Json:
        """Wait for the end of a task, carry its questions meanwhile, and return what its request got."""
        task = self._find(params.task_id)
        assert isinstance(task, _SessionTask)
        carried = task.carried
        while not task.ended:
            await task.until(lambda: task.ended or bool(carried))
            if carried and not task.ended:
                await carried.pop(0)(context)
        if not isinstance(task.outcome, dict):
            failure = task.outcome or Failure(INTERNAL_ERROR, "The task has no result")
            raise MCPError(code=failure.code, message=failure.message, data=failure.data)
        meta = {**(task.outcome.get("_meta") or {}), RELATED_KEY: {"taskId": task.id}}
        return {**task.outcome, "_meta": meta}


async def tell(session: ServerSession, task: Task) -> None:
    """Announce on the GET stream how a task stands."""
    params = TaskStatusNotificationParams.model_validate(described(task))
    await session.send_notification(TaskStatusNotification(params=params))  # type: ignore[arg-type]


def described(task: Task) -> Json:
    """Return a task as this revision writes it."""
    return task.described("ttl", "pollInterval")


def _with_support(result: HandlerResult) -> HandlerResult:
    """Say of each listed tool whether it can run as a task."""
    if not isinstance(result, dict) or "tools" not in result:
        return result
    tools = [
        {**tool, "execution": {"taskSupport": TASK_SUPPORT[tool["name"]]}}
        if tool["name"] in TASK_SUPPORT
        else tool
        for tool in result["tools"]
    ]
    return {**result, "tools": tools}
