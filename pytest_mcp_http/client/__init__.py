"""Clients of an MCP server that speak one revision, of either era, and keep every exchange."""

from __future__ import annotations

from pytest_mcp_http.client.results import (
    Completion,
    Content,
    Implementation,
    LogMessage,
    Progress,
    Prompt,
    PromptArgument,
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
from pytest_mcp_http.client.speaker import (
    IMPLEMENTATION,
    SESSION_HEADER,
    VERSION_HEADER,
    HeaderChanges,
    MetaChanges,
)
from pytest_mcp_http.client.twins import AsyncMcpClient, AsyncMcpStream, McpClient, McpStream

__all__ = [
    "IMPLEMENTATION",
    "SESSION_HEADER",
    "VERSION_HEADER",
    "AsyncMcpClient",
    "AsyncMcpStream",
    "Completion",
    "Content",
    "HeaderChanges",
    "Implementation",
    "LogMessage",
    "McpClient",
    "McpStream",
    "MetaChanges",
    "Progress",
    "Prompt",
    "PromptArgument",
    "PromptMessage",
    "PromptResult",
    "Resource",
    "ResourceContents",
    "ResourceResult",
    "ResourceTemplate",
    "Result",
    "Tool",
    "ToolResult",
]
