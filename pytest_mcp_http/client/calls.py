"""Calls that return a value and raise for everything else; every error carries its exchange.

Coroutines over `Calling`; `McpClient` and `AsyncMcpClient` offer them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeVar

from pytest_mcp_http.client.calling import Calling, OnLog, OnProgress, Watch
from pytest_mcp_http.client.reading import Reader
from pytest_mcp_http.client.results import (
    Completion,
    Content,
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
from pytest_mcp_http.errors import (
    JsonRpcError,
)
from pytest_mcp_http.spec.error_codes import HEADER_MISMATCH
from pytest_mcp_http.wire.http import Limits

MAX_PAGES: Final = 1000
"""Pages of one list; a server that never ends must not hold us."""

_T = TypeVar("_T")


class Calls(Calling):
    """Call what a server offers."""

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
        watch = Watch(on_progress, on_log)
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
