"""What a call of the client costs beside a bare httpx loop that sends the same request to the same server.

Run `python benchmarks/connection.py [ROUNDS]`. The ways take turns in one run, so the ratios depend little on
the machine; the median over the rounds counts. Like is compared with like: blocking or asynchronous, one
connection for each request or one that is kept. `--require 2.0` sets exit status 1 if a ratio is above.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from typing import Any, Final

import httpx

from pytest_mcp_http._options import Settings
from pytest_mcp_http._target import open_target
from pytest_mcp_http.client import AsyncMcpClient, McpClient
from pytest_mcp_http.wire.http import HttpWire

CALLS: Final = 20
"""Calls that are timed together."""

REVISION: Final = "2025-11-25"
PARAMS: Final[dict[str, Any]] = {"name": "echo_text", "arguments": {"text": "hello"}}
Way = Callable[[], Any]


class Bare:
    """Do by hand, over httpx, what the client does: send, read to the end, decode, compare ids."""

    def __init__(
        self, client: McpClient, stack: ExitStack, loop: asyncio.AbstractEventLoop, kept: bool
    ) -> None:
        limits = httpx.Limits() if kept else httpx.Limits(max_keepalive_connections=0)
        self.client = client
        self.headers = dict(client.build("POST", {}).headers)
        self.http = stack.enter_context(httpx.Client(limits=limits))
        self.other = httpx.AsyncClient(limits=limits)
        stack.callback(lambda: loop.run_until_complete(self.other.aclose()))

    def call(self) -> object:
        """Call the tool, blocking."""
        body = self.body()
        return self.result(body, self.http.post(self.client.url, headers=self.headers, json=body))

    async def call_async(self) -> object:
        """Call the tool, asynchronously."""
        body = self.body()
        return self.result(body, await self.other.post(self.client.url, headers=self.headers, json=body))

    def body(self) -> dict[str, Any]:
        """Return the request."""
        return {"jsonrpc": "2.0", "id": self.client.next_id(), "method": "tools/call", "params": PARAMS}

    def result(self, body: dict[str, Any], response: httpx.Response) -> object:
        """Return the result in a response."""
        text = response.text
        if response.headers["content-type"].startswith("text/event-stream"):
            text = next(line[5:] for line in text.splitlines() if line.startswith("data:"))
        message = json.loads(text)
        assert message["id"] == body["id"]
        return message["result"]


def ways(stack: ExitStack, url: str) -> dict[str, tuple[Way, str]]:
    """Return each way to make a call, and the way that it is compared with."""
    found: dict[str, tuple[Way, str]] = {}
    loop = asyncio.new_event_loop()
    stack.callback(loop.close)
    for name, kept in (("one each", False), ("kept", True)):
        wire = stack.enter_context(HttpWire(keep_alive=kept))
        client = stack.enter_context(McpClient(url, REVISION, wire))
        other = loop.run_until_complete(AsyncMcpClient(url, REVISION, wire).connect())
        stack.callback(lambda other=other: loop.run_until_complete(other.close()))
        bare = Bare(client, stack, loop, kept)
        plain, coroutines = f"httpx, {name}", f"httpx async, {name}"
        found[plain] = (bare.call, plain)
        found[f"request, {name}"] = (partial(client.request, "tools/call", PARAMS), plain)
        found[f"call_tool, {name}"] = (partial(client.call_tool, **PARAMS), plain)
        found[coroutines] = (lambda bare=bare: loop.run_until_complete(bare.call_async()), coroutines)
        found[f"async call_tool, {name}"] = (
            lambda other=other: loop.run_until_complete(other.call_tool(**PARAMS)),
            coroutines,
        )
    return found


def measure(url: str, rounds: int) -> dict[str, float]:
    """Return the milliseconds of one call by each way, and print them with their ratios."""
    with ExitStack() as stack:
        compared = ways(stack, url)
        times: dict[str, list[float]] = {name: [] for name in compared}
        for _ in range(rounds + 1):
            for name, (call, _base) in compared.items():
                started = time.perf_counter()
                for _ in range(CALLS):
                    call()
                times[name].append((time.perf_counter() - started) * 1000 / CALLS)
    medians = {name: statistics.median(found[1:]) for name, found in times.items()}  # the first one warms up
    ratios = {name: medians[name] / medians[base] for name, (_call, base) in compared.items()}
    for name, median in medians.items():
        print(f"  {name:26} {median:7.2f} ms {ratios[name]:7.2f}")
    return ratios


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare calls of the client with a bare httpx loop.")
    parser.add_argument("rounds", nargs="?", type=int, default=15)
    parser.add_argument("--require", type=float, default=float("inf"), help="highest ratio that is accepted")
    options = parser.parse_args()
    worst = 0.0
    for kind, extra in (("event stream", ()), ("JSON", ("json-response",))):
        print(f"{kind}: time of a call, ratio to httpx (median of {options.rounds} rounds of {CALLS} calls)")
        with open_target(
            Settings(reference="stateful", reference_options=("era=handshake", *extra))
        ) as running:
            ratios = measure(running.target.url, options.rounds)
        worst = max(worst, *ratios.values())
    return int(worst > options.require)


if __name__ == "__main__":
    sys.exit(main())
