"""The client of the OpenAI Agents SDK against replicas behind nginx: a token, a cached list, a session."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from reference_server.scale import Scaled

mcp = pytest.importorskip("agents.mcp", reason="openai-agents is not installed")
try:
    import httpx2 as httpx  # what the SDK of version 2 uses
except ImportError:
    import httpx

TOKEN = "a-token-for-the-test"
SECONDS = 60


class Seen:
    """Counts the requests of a client by method, and looks at their token."""

    def __init__(self) -> None:
        self.methods: Counter[str] = Counter()
        self.tokens: set[str | None] = set()

    def client(self, headers: Any = None, timeout: Any = None, auth: Any = None) -> httpx.AsyncClient:
        async def note(request: httpx.Request) -> None:
            self.tokens.add(request.headers.get("authorization"))
            if request.method == "POST":
                self.methods[json.loads(await request.aread()).get("method", "response")] += 1

        hooks = {"request": [note]}
        return httpx.AsyncClient(
            headers=headers, timeout=timeout, auth=auth, event_hooks=hooks, trust_env=False
        )


@pytest.mark.parametrize("mode", ["shared", "stateful", "stateless"])
@pytest.mark.parametrize("json_response", [False, True], ids=["sse", "json"])
def test_agents_work_across_replicas(replicas: Callable[..., Scaled], mode: str, json_response: bool) -> None:
    running = replicas(mode=mode, arguments=("--json-response",) * json_response)
    seen = Seen()

    async def work() -> None:
        async with mcp.MCPServerStreamableHttp(
            params={
                "url": running.url,
                "headers": {"Authorization": f"Bearer {TOKEN}"},
                "httpx_client_factory": seen.client,
            },
            cache_tools_list=True,
        ) as server:

            async def call(name: str, **arguments: Any) -> Any:
                result = await server.call_tool(name, arguments)
                return json.loads(result.content[0].text)

            for _ in range(4):
                names = [tool.name for tool in await server.list_tools()]
                assert "analyze_text" in names
                assert "extra_tool" not in names
            once = seen.methods["tools/list"]
            for _ in range(6):
                assert (await call("health_check"))["status"] == "healthy"
            if mode != "stateless":
                await call("start_transaction", session_id="t")
                for total in range(1, 7):
                    added = await call("add_operation", session_id="t", operation="x")
                    assert added["total_operations"] == total
            # A cached list stays as it was; who changes it has to say so.
            assert (await call("toggle_item", kind="tools"))["listed"]
            assert "extra_tool" not in [tool.name for tool in await server.list_tools()]
            assert seen.methods["tools/list"] == once
            server.invalidate_tools_cache()
            assert "extra_tool" in [tool.name for tool in await server.list_tools()]
            assert seen.methods["tools/list"] > once

    asyncio.run(asyncio.wait_for(work(), SECONDS))
    assert seen.tokens == {f"Bearer {TOKEN}"}
