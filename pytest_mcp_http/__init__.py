"""Conformance tests, fixtures and assertion helpers for MCP servers over Streamable HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_mcp_http._target import RunningTarget
    from pytest_mcp_http.client import AsyncMcpClient, McpClient, McpStream
    from pytest_mcp_http.errors import RequirementViolated
    from pytest_mcp_http.mock import MockServer
    from pytest_mcp_http.scripted_server import ScriptedServer
    from pytest_mcp_http.tour import Tour
    from pytest_mcp_http.wire.exchange import Exchange
    from pytest_mcp_http.wire.http import HttpWire

__all__ = [
    "AsyncMcpClient",
    "Exchange",
    "HttpWire",
    "McpClient",
    "McpStream",
    "MockServer",
    "RequirementViolated",
    "RunningTarget",
    "ScriptedServer",
    "Tour",
    "__version__",
]

__version__ = "0.1.0"

_HOMES = {
    "AsyncMcpClient": "client",
    "Exchange": "wire.exchange",
    "HttpWire": "wire.http",
    "McpClient": "client",
    "McpStream": "client",
    "MockServer": "mock",
    "RequirementViolated": "errors",
    "RunningTarget": "_target",
    "ScriptedServer": "scripted_server",
    "Tour": "tour",
}


def __getattr__(name: str) -> object:
    # On first use: a run that does not use the plugin imports none of them.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
