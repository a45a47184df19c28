"""Drive the client of the Python SDK `mcp` 1.x as `--mcp-client-command` asks: list, call, leave.

pytest --mcp-client-command "python scripts/field_clients/sdk_1.py {url}"
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from datetime import timedelta

from mcp import ClientSession, McpError
from mcp.client.streamable_http import streamablehttp_client


async def visit(called: set[str]) -> None:
    """List the tools, and call those that were not called before."""
    arguments = json.loads(os.environ["MCP_CLIENT_ARGUMENTS"])
    limit = timedelta(seconds=float(os.environ["MCP_CLIENT_TIMEOUT"]))
    async with (
        streamablehttp_client(sys.argv[1]) as (read, write, _),
        ClientSession(read, write, read_timeout_seconds=limit) as session,
    ):
        await session.initialize()
        names: list[str] = []
        cursor: str | None = None
        while True:
            page = await session.list_tools(cursor=cursor)
            names += [tool.name for tool in page.tools]
            cursor = page.nextCursor
            if cursor is None:
                break
        for name in names:
            if name not in called:
                called.add(name)
                try:
                    await session.call_tool(name, arguments.get(name, {}))
                except McpError as error:
                    print(f"{name}: {error}")
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
