"""Drive `MCPServerStreamableHttp` of `openai-agents` as `--mcp-client-command` asks: list, call, leave.

pytest --mcp-client-command "python scripts/field_clients/openai_agents.py {url}"
"""

from __future__ import annotations

import asyncio
import json
import os
import sys

from agents.mcp import MCPServerStreamableHttp
from mcp import MCPError


async def visit(called: set[str]) -> None:
    """List the tools, and call those that were not called before."""
    arguments = json.loads(os.environ["MCP_CLIENT_ARGUMENTS"])
    seconds = float(os.environ["MCP_CLIENT_TIMEOUT"])
    async with MCPServerStreamableHttp(
        {"url": sys.argv[1]}, client_session_timeout_seconds=seconds
    ) as server:
        for tool in await server.list_tools():
            if tool.name not in called:
                called.add(tool.name)
                try:
                    await server.call_tool(tool.name, arguments.get(tool.name, {}))
                except MCPError as error:
                    print(f"{tool.name}: {error}")
                    if "ession" in str(error):
                        raise


async def main() -> None:
    """Visit, and connect once more if the connection is lost."""
    called: set[str] = set()
    if not await attempt(called):
        await attempt(called)


async def attempt(called: set[str]) -> bool:
    """Visit, and return whether the connection lasted."""
    try:
        await visit(called)
    except Exception as error:
        print(f"lost: {type(error).__name__}: {error}")
        return False
    return True


asyncio.run(main())
