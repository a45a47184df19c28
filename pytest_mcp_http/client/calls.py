"""Calls that return a value and raise for everything else; every error carries its exchange.

Coroutines over `Opening`; `McpClient` and `AsyncMcpClient` offer them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

from pytest_mcp_http.answering import MAX_ROUNDS, input_requests, retry_params
from pytest_mcp_http.client.callbacks import shaped
from pytest_mcp_http.client.judging import asked, failure, result_of
from pytest_mcp_http.client.opening import Opening
from pytest_mcp_http.client.reading import Reader
from pytest_mcp_http.client.results import (
    Completion,
    Content,
    LogMessage,
    Progress,
    Prompt,
    PromptMessage,
    PromptResult,
    Resource,
    ResourceContents,
    ResourceResult,
    ResourceTemplate,
    Result,
    Tool,
    ToolResult,
)
from pytest_mcp_http.client.speaker import HeaderChanges
from pytest_mcp_http.client.stream import MessageStream
from pytest_mcp_http.errors import (
    JsonRpcError,
    MalformedResultError,
    UnansweredError,
)
from pytest_mcp_http.spec.error_codes import HEADER_MISMATCH
from pytest_mcp_http.wire import jsonrpc
from pytest_mcp_http.wire.http import Limits

MAX_PAGES: Final = 1000
"""Pages of one list; a server that never ends must not hold us."""

BESIDE_SECONDS: Final = 1.0
"""How long a call waits for the head of the stream beside it."""


_T = TypeVar("_T")
OnProgress = Callable[[Progress], object]
OnLog = Callable[[LogMessage], object]


@dataclass
class _Watch:
    """What is told while a call is served, and who wants to know."""

    on_progress: OnProgress | None
    on_log: OnLog | None
    progress: list[Progress] = field(default_factory=list)
    logs: list[LogMessage] = field(default_factory=list)


class Calls(Opening):
    """Call what a server offers."""

    _beside: MessageStream | None = None

    # -- the end --------------------------------------------------------------------------------------------

    async def leave(self) -> None:
        """Close, even if the task is being cancelled."""
        await self.io.settle(self.close)

    async def close(self) -> None:
        """End the session, if there is one that we have not tried to end yet, and close what is open."""
        speaker = self.speaker
        try:
            await super().close()
        finally:
            for stream in speaker.open_streams:
                if stream.ends_with_client:
                    await stream.close()
            self._beside = None
            if speaker.owns_wire:
                speaker.wire.close()

    # -- any request ----------------------------------------------------------------------------------------

    async def call(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        on_progress: OnProgress | None = None,
        on_log: OnLog | None = None,
        headers: HeaderChanges | None = None,
        limits: Limits | None = None,
    ) -> Result:
        """Send a request, answer what the server asks for by the callbacks, and return the result.

        A stream that ends before the response is resumed at the handshake revisions, if its events have ids.

        Args:
            method: Its method.
            params: Its params, if it has some.
            on_progress: Asks for progress, and gets each notification of it.
            on_log: Gets each log message that comes with the call; `set_log_level` says which are sent.
            headers: Header lines to set, or to leave out (None), by name.
            limits: Limits of each exchange; a stream that is resumed has `total` seconds in all.

        Raises:
            CallError: If no result came.
            RuntimeError: If the client is not connected.
        """
        return (await self._call(method, params, _Watch(on_progress, on_log), headers, limits))[0]

    async def _call(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        watch: _Watch | None = None,
        headers: HeaderChanges | None = None,
        limits: Limits | None = None,
    ) -> tuple[Result, Reader]:
        """Return the result of a call, and a reader of it."""
        self._require_open()
        watch = watch or _Watch(None, None)
        members: Mapping[str, Any] | jsonrpc.Absent = jsonrpc.ABSENT if params is None else dict(params)
        for _ in range(MAX_ROUNDS + 1):
            stream = await self._ask(method, members, watch, headers, limits)
            exchange = stream.exchange
            result = result_of(exchange, stream.sent)
            kind = result.optional_text("resultType") or "complete"
            if kind == "complete":
                raw = result.mapping()
                return Result(raw, exchange, tuple(watch.progress), tuple(watch.logs)), result
            if kind != "input_required" or self.speaker.dialect.sessions:
                raise result.child("resultType").fail("complete")
            responses = await self._responses(result)
            # Without inputRequests nothing is asked for, and the state alone goes back.
            _, members = retry_params(exchange, responses)
        raise UnansweredError(f"{asked(exchange)}: the server asked back {MAX_ROUNDS + 1} times", exchange)

    async def _ask(
        self,
        method: str,
        params: Mapping[str, Any] | jsonrpc.Absent,
        watch: _Watch,
        headers: HeaderChanges | None,
        limits: Limits | None,
    ) -> MessageStream:
        """Send a request and take what comes until there is a response."""
        beside = await self._listen_beside()
        id = self.speaker.next_id()
        meta = {"progressToken": id} if watch.on_progress is not None else {}
        body = self.speaker.message(method, params, id=id, meta=meta)
        stream = MessageStream(
            self,
            lambda: self.speaker.build("POST", body, headers),
            limits=limits,
            resumes=True,
            await_head=False,
            pulled=beside is None,
        )
        try:
            await stream.open()
            await self._take_all(stream, beside, watch)
            if stream.response is None:
                raise failure(stream.exchange, stream.sent)
        except BaseException:
            await self.io.settle(stream.abandon)
            raise
        self.speaker.learn_tools(await stream.finish())
        return stream

    async def _take_all(self, stream: MessageStream, beside: MessageStream | None, watch: _Watch) -> None:
        while stream.response is None:
            message = stream.poll()
            if message is None and beside is not None:
                message = beside.poll()
            if message is not None:
                await self._take(message, stream, watch)
            elif not stream.over:
                await stream.more(lambda: beside is not None and beside.fresh)
            elif not await stream.go_on():
                stream.opened.check()
                return

    async def _take(self, message: jsonrpc.Message, stream: MessageStream, watch: _Watch) -> None:
        if message.kind is jsonrpc.Kind.INVALID:
            codes = ", ".join(finding.code for finding in message.findings)
            raise MalformedResultError(
                f"{asked(stream.exchange, stream.sent)}: a message that is no JSON-RPC ({codes})",
                stream.exchange,
            )
        if message.kind is jsonrpc.Kind.REQUEST:
            await self.answer(message)
        elif message.kind is jsonrpc.Kind.NOTIFICATION:
            await self._tell(message, stream, watch)

    async def _tell(self, message: jsonrpc.Message, stream: MessageStream, watch: _Watch) -> None:
        reader = Reader(message.params, "params", str(message.method), stream.exchange)
        if message.method == "notifications/progress" and watch.on_progress is not None:
            sent = stream.sent.params if stream.sent is not None else {}
            if jsonrpc.same_id(reader.child("progressToken").raw, sent["_meta"]["progressToken"]):
                watch.progress.append(Progress.read(reader))
                await self.io.call(watch.on_progress, watch.progress[-1])
        elif message.method == "notifications/message":
            watch.logs.append(LogMessage.read(reader))
            if watch.on_log is not None:
                await self.io.call(watch.on_log, watch.logs[-1])

    # -- what the server asks for ---------------------------------------------------------------------------

    async def _responses(self, result: Reader) -> dict[str, object]:
        """Return the answers to what an `input_required` result asks for."""
        wanted = input_requests(result.exchange) or {}
        if not wanted and not result.has("requestState"):
            raise result.fail("inputRequests or requestState")
        found: dict[str, object] = {}
        for key, each in wanted.items():
            request = result.at(each, f"result.inputRequests.{key}")
            method = request.child("method").text()
            function = self.speaker.callbacks.function(method)
            if function is None:
                raise UnansweredError(
                    f"{result.what}: the server asks for {method}, for which the client has no callback",
                    result.exchange,
                )
            params = request.optional_mapping("params") or {}
            found[key] = shaped(method, await self.io.call(function, params))
        return found

    async def _listen_beside(self) -> MessageStream | None:
        """Return the stream on which a server may ask while a call is served, if there is one.

        Only a client with callbacks has it, and only at a handshake revision.
        """
        speaker = self.speaker
        if not speaker.callbacks or not speaker.dialect.sessions:
            return None
        if self._beside is None:
            self._beside = await self._open_beside(None)
        elif not self._beside.alive and self._beside.exchange.ok and self._beside.exchange.is_sse:
            # Ended by the server, which may do so at any time.
            await self._beside.close()
            self._beside = await self._open_beside(self._beside.last_event_id)
        return self._beside

    async def _open_beside(self, last_id: str | None) -> MessageStream:
        headers = {"Last-Event-ID": last_id}
        stream = MessageStream(
            self, lambda: self.speaker.build("GET", None, headers), limits=None, await_head=False
        )
        stream.ends_with_client = True
        await stream.open()
        # Some servers send the head only with the first event.
        await stream.wait(lambda exchange: exchange.answered, BESIDE_SECONDS)
        return stream

    # -- streams --------------------------------------------------------------------------------------------

    def stream(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        id: object = None,
        meta: Mapping[str, object] | None = None,
        headers: HeaderChanges | None = None,
        limits: Limits | None = None,
        resume: bool = True,
    ) -> MessageStream:
        """Give the messages that a request brings, one by one as they come in, the response last.

        The request is sent when the first message is asked for, or when the stream is entered as a context
        manager. What the server asks for meanwhile is given too, and answered by its callback if it has one.

        Args:
            method: Its method.
            params: Its params, if it has some.
            id: Its id; default a fresh integer.
            meta: Changes to `_meta`, for example `{"progressToken": 1}`.
            headers: Header lines to set, or to leave out (None), by name.
            limits: Limits of the stream.
            resume: Whether to resume a stream that ends without response, where its revision has that and its
                events have ids; then an end without response is an error. If False it just ends, and
                `MessageStream.resume` goes on.
        """
        members: Mapping[str, Any] | jsonrpc.Absent = jsonrpc.ABSENT if params is None else dict(params)
        body = self.speaker.message(
            method, members, id=self.speaker.next_id() if id is None else id, meta=meta or {}
        )
        stream = MessageStream(
            self,
            lambda: self.speaker.build("POST", body, headers),
            limits=limits,
            resumes=resume,
            await_head=False,
        )
        stream.ends_with_client = True
        return stream

    # -- what servers offer ---------------------------------------------------------------------------------

    async def ping(self) -> Result:
        """Make sure that the server answers: by `ping`, or `server/discover` from 2026-07-28 on.

        Raises:
            CallError: If no result came.
        """
        return await self.call(self.speaker.dialect.plain)

    async def list_tools(self) -> tuple[Tool, ...]:
        """List the tools, of all pages.

        Raises:
            CallError: If a page did not come, or is malformed.
        """
        return await self._list("tools/list", "tools", Tool.read)

    async def list_resources(self) -> tuple[Resource, ...]:
        """List the resources, of all pages.

        Raises:
            CallError: If a page did not come, or is malformed.
        """
        return await self._list("resources/list", "resources", Resource.read)

    async def list_resource_templates(self) -> tuple[ResourceTemplate, ...]:
        """List the templates of resources, of all pages.

        Raises:
            CallError: If a page did not come, or is malformed.
        """
        return await self._list("resources/templates/list", "resourceTemplates", ResourceTemplate.read)

    async def list_prompts(self) -> tuple[Prompt, ...]:
        """List the prompts, of all pages.

        Raises:
            CallError: If a page did not come, or is malformed.
        """
        return await self._list("prompts/list", "prompts", Prompt.read)

    async def _list(self, method: str, member: str, read: Callable[[Reader], _T]) -> tuple[_T, ...]:
        """Walk the pages of a list.

        Source: https://modelcontextprotocol.io/specification/2025-11-25/server/utilities/pagination
        """
        found: list[_T] = []
        seen: set[str] = set()
        params: dict[str, Any] | None = None
        while True:
            _, reader = await self._call(method, params)
            found += reader.each(member, read)
            cursor = reader.optional_text("nextCursor")
            if cursor is None:
                return tuple(found)
            if cursor in seen or len(seen) >= MAX_PAGES:
                raise reader.child("nextCursor").fail(f"a new cursor, and at most {MAX_PAGES} pages")
            seen.add(cursor)
            params = {"cursor": cursor}

    async def call_tool(
        self,
        name: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        on_progress: OnProgress | None = None,
        on_log: OnLog | None = None,
        headers: HeaderChanges | None = None,
        limits: Limits | None = None,
    ) -> ToolResult:
        """Call a tool.

        A server of 2026-07-28 may refuse arguments that are not repeated in headers. Then the tools are
        listed, which says what is to be repeated, and the tool is called once more.

        Args:
            name: Its name.
            arguments: Its arguments.
            on_progress: Asks for progress, and gets each notification of it.
            on_log: Gets each log message that comes with the call; `set_log_level` says which are sent.
            headers: Header lines to set, or to leave out (None), by name.
            limits: Limits of each exchange; a stream that is resumed has `total` seconds in all.

        Returns:
            What it returned; `is_error` says whether the tool failed.

        Raises:
            CallError: If no result came, or a malformed one.

        Source: https://modelcontextprotocol.io/specification/2025-11-25/server/tools#calling-tools and
            https://modelcontextprotocol.io/specification/2026-07-28/server/tools#calling-tools
        """
        params = {"name": name, "arguments": dict(arguments or {})}
        watch = _Watch(on_progress, on_log)
        try:
            result, reader = await self._call("tools/call", params, watch, headers, limits)
        except JsonRpcError as error:
            if error.code != HEADER_MISMATCH or name in self.speaker.schemas:
                raise
            await self.list_tools()
            result, reader = await self._call("tools/call", params, watch, headers, limits)
        return ToolResult(
            result.raw,
            result.exchange,
            result.progress,
            result.logs,
            reader.each("content", Content.read),
            self._structured(reader),
            reader.optional("isError", Reader.boolean) or False,
        )

    def _structured(self, reader: Reader) -> object:
        if not reader.has("structuredContent"):
            return None
        value = reader.child("structuredContent")
        # From 2026-07-28 on any value is allowed.
        return value.raw if self.speaker.dialect.per_request else value.mapping()

    async def read_resource(self, uri: str) -> ResourceResult:
        """Read a resource.

        Args:
            uri: Its URI.

        Raises:
            CallError: If no result came, or a malformed one.
        """
        result, reader = await self._call("resources/read", {"uri": uri})
        contents = reader.each("contents", ResourceContents.read)
        return ResourceResult(result.raw, result.exchange, result.progress, result.logs, contents)

    async def get_prompt(self, name: str, arguments: Mapping[str, str] | None = None) -> PromptResult:
        """Get a prompt.

        Args:
            name: Its name.
            arguments: Its arguments.

        Raises:
            CallError: If no result came, or a malformed one.
        """
        params = {"name": name, "arguments": dict(arguments or {})}
        result, reader = await self._call("prompts/get", params)
        return PromptResult(
            result.raw,
            result.exchange,
            result.progress,
            result.logs,
            reader.optional_text("description"),
            reader.each("messages", PromptMessage.read),
        )

    async def complete(
        self,
        argument: str,
        value: str,
        *,
        prompt: str | None = None,
        resource: str | None = None,
        context: Mapping[str, str] | None = None,
    ) -> Completion:
        """Complete an argument of a prompt, or of a template of resources.

        Args:
            argument: Its name.
            value: What was typed so far.
            prompt: Name of the prompt.
            resource: The template, if it is not a prompt.
            context: Arguments that are already known.

        Raises:
            CallError: If no result came, or a malformed one.
            ValueError: Unless exactly one of `prompt` and `resource` is given.

        Source: https://modelcontextprotocol.io/specification/2025-11-25/server/utilities/completion
        """
        if (prompt is None) == (resource is None):
            raise ValueError("give either prompt or resource")
        ref = {"type": "ref/prompt", "name": prompt}
        if prompt is None:
            ref = {"type": "ref/resource", "uri": resource}
        params: dict[str, Any] = {"ref": ref, "argument": {"name": argument, "value": value}}
        if context is not None:
            params["context"] = {"arguments": dict(context)}
        result, whole = await self._call("completion/complete", params)
        reader = whole.child("completion")
        return Completion(
            result.raw,
            result.exchange,
            result.progress,
            result.logs,
            reader.each("values", Reader.text),
            reader.optional("total", Reader.integer),
            reader.optional("hasMore", Reader.boolean) or False,
        )

    async def set_log_level(self, level: str) -> None:
        """Ask for log messages of a level and above: by a request, or with each request from 2026-07-28 on.

        Args:
            level: For example `info`.

        Raises:
            CallError: If the server refuses it.

        Source: https://modelcontextprotocol.io/specification/2025-11-25/server/utilities/logging and
            https://modelcontextprotocol.io/specification/2026-07-28/server/utilities/logging
        """
        if self.speaker.dialect.sessions:
            await self.call("logging/setLevel", {"level": level})
        else:
            self.speaker.log_level = level

    async def subscribe(self, uri: str) -> Result:
        """Ask to be told when a resource changes, at a handshake revision; `listen` gives what is told.

        Args:
            uri: URI of the resource.

        Raises:
            CallError: If the server refuses it.
            ValueError: From 2026-07-28 on, where `listen` names the resources.
        """
        self._require_subscriptions()
        return await self.call("resources/subscribe", {"uri": uri})

    async def unsubscribe(self, uri: str) -> Result:
        """Ask not to be told any more when a resource changes, at a handshake revision.

        Args:
            uri: URI of the resource.

        Raises:
            CallError: If the server refuses it.
            ValueError: From 2026-07-28 on, where a stream is closed instead.
        """
        self._require_subscriptions()
        return await self.call("resources/unsubscribe", {"uri": uri})

    def _require_subscriptions(self) -> None:
        if not self.speaker.dialect.sessions:
            raise ValueError(
                f"there is no resources/subscribe at {self.speaker.revision}: "
                'listen(notifications={"resourceSubscriptions": [uri]}) tells of resources'
            )
