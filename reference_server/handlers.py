"""The SDK server: capabilities, and handlers that serve tools, prompts and resources.

With `asking` and `subscriptions` the only module besides `engine` that speaks the SDK's types.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from mcp.server.caching import CacheableMethod, CacheHint
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import NotificationOptions, Server
from mcp.server.models import InitializationOptions
from mcp.shared.exceptions import MCPError
from mcp_types import (
    Annotations,
    BlobResourceContents,
    CallToolRequestParams,
    CallToolResult,
    CompletionsCapability,
    DiscoverResult,
    EmptyResult,
    GetPromptRequestParams,
    GetPromptResult,
    InputRequiredResult,
    ListPromptsResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    LoggingCapability,
    NotificationParams,
    PaginatedRequestParams,
    Prompt,
    PromptArgument,
    PromptsCapability,
    ReadResourceRequestParams,
    ReadResourceResult,
    RequestParams,
    Resource,
    ResourcesCapability,
    ResourceTemplate,
    ServerCapabilities,
    SetLevelRequestParams,
    SubscribeRequestParams,
    TextResourceContents,
    Tool,
    ToolAnnotations,
    ToolsCapability,
    UnsubscribeRequestParams,
)

from reference_server import asking, completion, logs, tasks
from reference_server._context import MODERN_REVISIONS, Facts
from reference_server._jsonrpc import INTERNAL_ERROR, INVALID_PARAMS, RESOURCE_NOT_FOUND, one_line
from reference_server._result import STRUCTURED_SINCE
from reference_server._tool import Caller, ToolError, no_stream, nobody_reads
from reference_server._tool import Tool as ListedTool
from reference_server.asking import StateProtection
from reference_server.offers import Offers
from reference_server.paging import ItemT, UnknownCursor, page
from reference_server.prompts import PromptError
from reference_server.resources import BackendError
from reference_server.sessions import current_session
from reference_server.subscriptions import Listening
from reference_server.tools import call_tool

SERVER_NAME: Final = "pytest-mcp-http reference server"
DISTRIBUTION: Final = "pytest-mcp-http"
INSTRUCTIONS: Final = "Remote tool server accessible over HTTP. All results are simulated."
VENDOR_META: Final = {"com.example.reference-server/simulated": True}
"""Metadata of every tool, so that what is said of `_meta` keys has something to hold for."""

_STABLE: Final = CacheHint(ttl_ms=60_000, scope="public")
_CHANGING: Final = CacheHint(ttl_ms=0, scope="public")
CACHE_HINTS: Final[dict[CacheableMethod, CacheHint]] = {
    "server/discover": _STABLE,
    "tools/list": _STABLE,
    "prompts/list": _STABLE,
    "resources/templates/list": _STABLE,
    "resources/list": _CHANGING,
    "resources/read": _CHANGING,
}
"""How long results may be kept, in the modern era: what changes unannounced not at all."""

_Context = ServerRequestContext[Any, Any]


def _cache_hints(facts: Facts) -> dict[CacheableMethod, CacheHint]:
    """Return how long results may be kept, and by whom: what depends on the principal by nobody else."""
    if facts.authorization is None:
        return CACHE_HINTS
    return {
        method: hint if method == "server/discover" else replace(hint, scope="private")
        for method, hint in CACHE_HINTS.items()
    }


def package_version() -> str:
    """Return the version of the installed distribution, or 0 when it runs from a bare source tree."""
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return "0"


class _Server(Server[Any]):
    """The SDK's server, which in a handshake declares lists that change only if it is told so."""

    changing = False

    def create_initialization_options(
        self, notification_options: NotificationOptions | None = None, *args: Any, **kwargs: Any
    ) -> InitializationOptions:
        """Return what `initialize` tells."""
        changing = NotificationOptions(self.changing, self.changing, self.changing)
        return super().create_initialization_options(notification_options or changing, *args, **kwargs)


def build_server(facts: Facts, listening: Listening) -> Server[Any]:
    """Build the SDK server with all handlers; what has no handler is not declared as capability.

    Args:
        facts: What is true of the app.
        listening: Serves the subscriptions of the modern era.
    """
    handlers = _Handlers(facts, listening)
    server = _Server(
        SERVER_NAME,
        version=package_version(),
        instructions=INSTRUCTIONS,
        cache_hints=_cache_hints(facts),
        # The headers that mirror arguments are checked in front of the SDK, see `corrections_modern`.
        get_tool_input_schema=lambda _: None,
        on_list_tools=handlers.list_tools,
        on_call_tool=handlers.call_tool,
        on_list_prompts=handlers.list_prompts,
        on_get_prompt=handlers.get_prompt,
        on_completion=partial(completion.complete, Offers(facts.memory, facts.fixtures)),
        on_list_resources=handlers.list_resources,
        on_list_resource_templates=handlers.list_resource_templates,
        on_read_resource=handlers.read_resource,
        on_subscriptions_listen=listening.serve,
    )
    server.add_request_handler("server/discover", RequestParams, handlers.discover)
    if facts.logs:
        server.add_request_handler("logging/setLevel", SetLevelRequestParams, logs.set_level)
    if facts.mode == "stateful":
        # Without a session there is no stream on which a client of the handshake era could be told.
        server.changing = True
        server.add_request_handler("resources/subscribe", SubscribeRequestParams, handlers.subscribe)
        server.add_request_handler("resources/unsubscribe", UnsubscribeRequestParams, handlers.unsubscribe)
        server.add_notification_handler("notifications/initialized", NotificationParams, handlers.initialized)
    server.middleware.append(StateProtection(facts.state_seconds, SERVER_NAME, facts.state_key))
    tasks.install(server, facts)
    return server


class _Handlers:
    """The handlers that need to know the app."""

    def __init__(self, facts: Facts, listening: Listening) -> None:
        self._facts = facts
        self._listening = listening
        self._offers = Offers(facts.memory, facts.fixtures)

    async def discover(self, _: _Context, params: RequestParams | None) -> DiscoverResult:
        """Name what is served; the SDK names no revision with a handshake."""
        return DiscoverResult(
            supported_versions=list(reversed(self._facts.revisions)),
            capabilities=ServerCapabilities(
                completions=CompletionsCapability(),
                logging=LoggingCapability() if self._facts.logs else None,
                prompts=PromptsCapability(list_changed=True),
                resources=ResourcesCapability(subscribe=True, list_changed=True),
                tools=ToolsCapability(list_changed=True),
            ),
            instructions=INSTRUCTIONS,
        )

    async def call_tool(
        self, context: _Context, params: CallToolRequestParams
    ) -> CallToolResult | InputRequiredResult:
        """Call a tool."""
        tool = self._offers.tools.get(params.name)
        if tool is None:
            raise MCPError(code=INVALID_PARAMS, message=f"Unknown tool: {one_line(params.name)}")
        caller = Caller(
            context.session.report_progress,
            self._facts.memory,
            self._listening.publish,
            asking.Asking(context, self._facts.memory),
            self._listening.announce,
            partial(logs.log, context) if self._facts.logs else nobody_reads,
            context.close_sse_stream or no_stream,
        )
        try:
            result = await call_tool(tool, params.arguments or {}, caller)
        except asking.InputNeeded as needed:
            return needed.result
        return CallToolResult.model_validate(result.at(context.protocol_version), by_name=False)

    async def list_resources(self, _: _Context, params: PaginatedRequestParams | None) -> ListResourcesResult:
        """List the resources, with their size as it is now."""
        changes = self._facts.memory.changes
        items, cursor = self._page("resources", self._offers.resources.values(), params)
        return ListResourcesResult(
            resources=[
                Resource(
                    uri=resource.uri,
                    name=resource.name,
                    description=resource.description,
                    mime_type=resource.content.mime_type,
                    size=None if resource.broken else resource.current(changes).size,
                    annotations=Annotations(**resource.annotations) if resource.annotations else None,
                )
                for resource in items
            ],
            next_cursor=cursor,
        )

    async def read_resource(self, context: _Context, params: ReadResourceRequestParams) -> ReadResourceResult:
        """Read a resource."""
        try:
            content = self._offers.read(params.uri)
        except BackendError:
            raise MCPError(code=INTERNAL_ERROR, message="The resource cannot be read") from None
        if content is None:
            raise _not_found(context, params.uri)
        if content.text is not None:
            text = TextResourceContents(uri=params.uri, mime_type=content.mime_type, text=content.text)
            return ReadResourceResult(contents=[text])
        blob = BlobResourceContents(uri=params.uri, mime_type=content.mime_type, blob=content.blob)
        return ReadResourceResult(contents=[blob])

    async def subscribe(self, context: _Context, params: SubscribeRequestParams) -> EmptyResult:
        """Tell a session of the updates of a resource from now on."""
        if not self._offers.has(params.uri):
            raise _not_found(context, params.uri)
        session = current_session.get()
        if session is not None:
            session.subscribed.add(params.uri)
            await session.keep()
        return EmptyResult()

    async def unsubscribe(self, _: _Context, params: UnsubscribeRequestParams) -> EmptyResult:
        """Tell a session no more of the updates of a resource."""
        session = current_session.get()
        if session is not None:
            session.subscribed.discard(params.uri)
            await session.keep()
        return EmptyResult()

    async def initialized(self, context: _Context, _: NotificationParams | None) -> None:
        """Keep the way to the GET stream of a session."""
        session = current_session.get()
        if session is not None:
            session.notify = context.session.send_notification
            await session.keep()

    async def list_tools(self, context: _Context, params: PaginatedRequestParams | None) -> ListToolsResult:
        """List the tools."""
        revision = context.protocol_version
        tools = [_sdk_tool(tool, revision) for tool in self._offers.tools.values()]
        items, cursor = self._page("tools", tools, params)
        return ListToolsResult(tools=items, next_cursor=cursor)

    async def list_prompts(self, _: _Context, params: PaginatedRequestParams | None) -> ListPromptsResult:
        """List the prompts."""
        items, cursor = self._page("prompts", self._offers.prompts.values(), params)
        return ListPromptsResult(
            prompts=[
                Prompt(
                    name=prompt.name,
                    description=prompt.description,
                    arguments=[
                        PromptArgument(name=name, description=description, required=required)
                        for name, (description, required) in prompt.arguments.items()
                    ],
                )
                for prompt in items
            ],
            next_cursor=cursor,
        )

    async def get_prompt(
        self, context: _Context, params: GetPromptRequestParams
    ) -> GetPromptResult | InputRequiredResult:
        """Fill in a prompt."""
        prompt = self._offers.prompts.get(params.name)
        if prompt is None:
            raise MCPError(code=INVALID_PARAMS, message=f"Unknown prompt: {one_line(params.name)}")
        arguments = params.arguments or {}
        try:
            if prompt.form is not None:
                name, form = prompt.form
                answers = await asking.Asking(context, self._facts.memory).ask_all({name: form}, keep=False)
                arguments = {**arguments, **answers[name].get("content", {})}
            messages = prompt.messages(arguments, context.protocol_version)
        except asking.InputNeeded as needed:
            return needed.result
        except (PromptError, ToolError) as error:
            raise MCPError(code=INVALID_PARAMS, message=str(error)) from None
        return GetPromptResult.model_validate(
            {"description": prompt.description, "messages": messages}, by_name=False
        )

    async def list_resource_templates(
        self, _: _Context, params: PaginatedRequestParams | None
    ) -> ListResourceTemplatesResult:
        """List the templates of resources."""
        templates = [
            ResourceTemplate(
                uri_template=template.uri,
                name=template.name,
                description=template.description,
                mime_type="application/json",
            )
            for template in self._offers.templates
        ]
        items, cursor = self._page("resourceTemplates", templates, params)
        return ListResourceTemplatesResult(resource_templates=items, next_cursor=cursor)

    def _page(
        self, name: str, items: Iterable[ItemT], params: PaginatedRequestParams | None
    ) -> tuple[list[ItemT], str | None]:
        """Return the page of a list that was asked for, and the cursor of the next."""
        cursor = params.cursor if params is not None else None
        try:
            return page(name, list(items), cursor, paged=self._facts.paged)
        except UnknownCursor:
            raise MCPError(code=INVALID_PARAMS, message="Unknown cursor") from None


def _not_found(context: _Context, uri: str) -> MCPError:
    """Return the error for a resource that does not exist, whose code depends on the era."""
    modern = context.protocol_version in MODERN_REVISIONS
    code = INVALID_PARAMS if modern else RESOURCE_NOT_FOUND
    return MCPError(code=code, message="Resource not found", data={"uri": uri})


def _sdk_tool(tool: ListedTool, revision: str) -> Tool:
    """Return a tool as the SDK wants it, without what came after a revision."""
    structured = revision >= STRUCTURED_SINCE
    return Tool(
        name=tool.name,
        title=tool.title if structured else None,
        description=tool.description,
        input_schema=tool.input_schema(),
        output_schema=dict(tool.output) if tool.output and structured else None,
        annotations=ToolAnnotations(read_only_hint=True)
        if tool.read_only
        else ToolAnnotations(read_only_hint=False, destructive_hint=False),
        _meta=VENDOR_META,
    )
