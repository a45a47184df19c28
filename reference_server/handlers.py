"""The SDK server: capabilities, and handlers that serve tools, prompts and resources.

With `asking` and `subscriptions` the only module besides `engine` that speaks the SDK's types.
"""

from __future__ import annotations

from functools import cache, partial
from importlib.metadata import PackageNotFoundError, version
from typing import Any, Final

from mcp.server.caching import CacheableMethod, CacheHint
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.shared.exceptions import MCPError
from mcp_types import (
    BlobResourceContents,
    CallToolRequestParams,
    CallToolResult,
    DiscoverResult,
    GetPromptRequestParams,
    GetPromptResult,
    InputRequiredResult,
    ListPromptsResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    PaginatedRequestParams,
    Prompt,
    PromptArgument,
    PromptMessage,
    PromptsCapability,
    ReadResourceRequestParams,
    ReadResourceResult,
    RequestParams,
    Resource,
    ResourcesCapability,
    ResourceTemplate,
    ServerCapabilities,
    TextContent,
    TextResourceContents,
    Tool,
    ToolAnnotations,
    ToolsCapability,
)

from reference_server import asking, resources
from reference_server._context import MODERN_REVISIONS, Facts
from reference_server._jsonrpc import INVALID_PARAMS, RESOURCE_NOT_FOUND, one_line
from reference_server._tool import Caller
from reference_server.asking import StateProtection
from reference_server.prompts import PROMPTS
from reference_server.subscriptions import Listening
from reference_server.tools import TOOLS, call_tool

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
"""How long results may be kept, in the modern era: what `touch_resource` changes not at all."""

_Context = ServerRequestContext[Any, Any]


def package_version() -> str:
    """Return the version of the installed distribution, or 0 when it runs from a bare source tree."""
    try:
        return version(DISTRIBUTION)
    except PackageNotFoundError:
        return "0"


def build_server(facts: Facts, listening: Listening) -> Server[Any]:
    """Build the SDK server with all handlers; what has no handler is not declared as capability.

    Args:
        facts: What is true of the app.
        listening: Serves the subscriptions of the modern era.
    """
    handlers = _Handlers(facts, listening)
    server = Server[Any](
        SERVER_NAME,
        version=package_version(),
        instructions=INSTRUCTIONS,
        cache_hints=CACHE_HINTS,
        # The headers that mirror arguments are checked in front of the SDK, see `corrections_modern`.
        get_tool_input_schema=lambda _: None,
        on_list_tools=_list_tools,
        on_call_tool=handlers.call_tool,
        on_list_prompts=_list_prompts,
        on_get_prompt=_get_prompt,
        on_list_resources=handlers.list_resources,
        on_list_resource_templates=_list_resource_templates,
        on_read_resource=handlers.read_resource,
        on_subscriptions_listen=listening.serve,
    )
    server.add_request_handler("server/discover", RequestParams, handlers.discover)
    server.middleware.append(StateProtection(facts.state_seconds, SERVER_NAME))
    return server


class _Handlers:
    """The handlers that need to know the app."""

    def __init__(self, facts: Facts, listening: Listening) -> None:
        self._facts = facts
        self._listening = listening

    async def discover(self, _: _Context, params: RequestParams | None) -> DiscoverResult:
        """Name what is served; the SDK declares lists that change, and no revision with a handshake."""
        return DiscoverResult(
            supported_versions=list(reversed(self._facts.revisions)),
            capabilities=ServerCapabilities(
                prompts=PromptsCapability(),
                resources=ResourcesCapability(subscribe=True),
                tools=ToolsCapability(),
            ),
            instructions=INSTRUCTIONS,
        )

    async def call_tool(
        self, context: _Context, params: CallToolRequestParams
    ) -> CallToolResult | InputRequiredResult:
        """Call a tool."""
        tool = TOOLS.get(params.name)
        if tool is None:
            raise MCPError(code=INVALID_PARAMS, message=f"Unknown tool: {one_line(params.name)}")
        caller = Caller(
            context.session.report_progress,
            self._facts.memory,
            self._listening.publish,
            partial(asking.ask, context),
        )
        try:
            text, failed = await call_tool(tool, params.arguments or {}, caller)
        except asking.InputNeeded as needed:
            return needed.result
        return CallToolResult(content=[TextContent(type="text", text=text)], is_error=failed)

    async def list_resources(self, _: _Context, params: PaginatedRequestParams | None) -> ListResourcesResult:
        """List the resources, with their size as it is now."""
        _refuse_cursor(params)
        return ListResourcesResult(
            resources=[
                Resource(
                    uri=resource.uri,
                    name=resource.name,
                    description=resource.description,
                    mime_type=resource.content.mime_type,
                    size=resource.current(self._facts.memory.changes).size,
                )
                for resource in resources.RESOURCES.values()
            ]
        )

    async def read_resource(self, context: _Context, params: ReadResourceRequestParams) -> ReadResourceResult:
        """Read a resource."""
        content = resources.read(params.uri, self._facts.memory.changes)
        if content is None:
            modern = context.protocol_version in MODERN_REVISIONS
            code = INVALID_PARAMS if modern else RESOURCE_NOT_FOUND
            raise MCPError(code=code, message="Resource not found", data={"uri": params.uri})
        if content.text is not None:
            text = TextResourceContents(uri=params.uri, mime_type=content.mime_type, text=content.text)
            return ReadResourceResult(contents=[text])
        blob = BlobResourceContents(uri=params.uri, mime_type=content.mime_type, blob=content.blob)
        return ReadResourceResult(contents=[blob])


def _refuse_cursor(params: PaginatedRequestParams | None) -> None:
    """Refuse every cursor: all lists fit on one page, so none was ever given out."""
    if params is not None and params.cursor is not None:
        raise MCPError(code=INVALID_PARAMS, message="Unknown cursor")


async def _list_tools(_: _Context, params: PaginatedRequestParams | None) -> ListToolsResult:
    _refuse_cursor(params)
    return ListToolsResult(tools=_tools())


@cache
def _tools() -> list[Tool]:
    """Return the tools as the SDK wants them, made once."""
    return [
        Tool(
            name=tool.name,
            description=tool.description,
            input_schema=tool.input_schema(),
            annotations=ToolAnnotations(read_only_hint=True)
            if tool.read_only
            else ToolAnnotations(read_only_hint=False, destructive_hint=False),
            _meta=VENDOR_META,
        )
        for tool in TOOLS.values()
    ]


async def _list_prompts(_: _Context, params: PaginatedRequestParams | None) -> ListPromptsResult:
    _refuse_cursor(params)
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
            for prompt in PROMPTS.values()
        ]
    )


async def _get_prompt(_: _Context, params: GetPromptRequestParams) -> GetPromptResult:
    prompt = PROMPTS.get(params.name)
    if prompt is None:
        raise MCPError(code=INVALID_PARAMS, message=f"Unknown prompt: {one_line(params.name)}")
    arguments = params.arguments or {}
    if missing := prompt.missing(arguments):
        raise MCPError(code=INVALID_PARAMS, message=f"Missing prompt arguments: {', '.join(missing)}")
    message = PromptMessage(role="user", content=TextContent(type="text", text=prompt.render(arguments)))
    return GetPromptResult(description=prompt.description, messages=[message])


async def _list_resource_templates(
    _: _Context, params: PaginatedRequestParams | None
) -> ListResourceTemplatesResult:
    _refuse_cursor(params)
    template = ResourceTemplate(
        uri_template=resources.TEMPLATE_URI,
        name=resources.TEMPLATE_NAME,
        description=resources.TEMPLATE_DESCRIPTION,
        mime_type="application/json",
    )
    return ListResourceTemplatesResult(resource_templates=[template])
