"""Drive the client of `fastmcp` 4.x as `--mcp-client-command` asks: list, call, leave.

pytest --mcp-client-command "python scripts/field_clients/fastmcp_4.py {url}"
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import Any

from fastmcp import Client
from mcp import MCPError

MODE = "auto" if os.environ["MCP_CLIENT_REVISION"] >= "2026" else "legacy"


async def answer(message: str, response_type: Any, params: Any, context: Any) -> dict[str, str]:
    """Answer whatever the server asks the user."""
    return {"colour": "red"}


async def visit(called: set[str]) -> None:
    """List the tools, and call those that were not called before."""
    arguments = json.loads(os.environ["MCP_CLIENT_ARGUMENTS"])
    seconds = float(os.environ["MCP_CLIENT_TIMEOUT"])
    client = Client(sys.argv[1], mode=MODE, timeout=seconds, init_timeout=seconds, elicitation_handler=answer)
    async with client:
        for tool in await client.list_tools():
            if tool.name not in called:
                called.add(tool.name)
                try:
                    await client.call_tool(tool.name, arguments.get(tool.name, {}), raise_on_error=False)
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
