"""Drive the client of the Python SDK `mcp` 2.x as `--mcp-client-command` asks: list, call, leave.

pytest --mcp-client-command "python scripts/field_clients/sdk_2.py {url}"
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

import mcp

MODE = "auto" if os.environ["MCP_CLIENT_REVISION"] >= "2026" else "legacy"


async def answer(context: Any, params: Any) -> mcp.types.ElicitResult:
    """Answer whatever the server asks the user."""
    return mcp.types.ElicitResult(action="accept", content={"colour": "red"})


async def visit(called: set[str]) -> None:
    """List the tools, and call those that were not called before."""
    arguments = json.loads(os.environ["MCP_CLIENT_ARGUMENTS"])
    seconds = float(os.environ["MCP_CLIENT_TIMEOUT"])
    client = mcp.Client(sys.argv[1], mode=MODE, read_timeout_seconds=seconds, elicitation_callback=answer)
    async with client:
        cursor, names = None, []
        while True:
            page = await client.list_tools(cursor=cursor)
            names += [tool.name for tool in page.tools]
            cursor = page.next_cursor
            if cursor is None:
                break
        for name in names:
            if name not in called:
                called.add(name)
                try:
                    await client.call_tool(name, arguments.get(name, {}))
                except mcp.MCPError as error:
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
