"""What the tests of replicas share: replicas that run, and a client that goes to the one that it is told."""

from __future__ import annotations

import contextlib
import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from reference_server.scale import Scale, Scaled, available, scaled

LIMIT = 15.0
ACCEPT = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
MODERN = "2026-07-28"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reason = available()
    if reason is None:
        try:
            import mcp.server.mcpserver  # noqa: F401
        except ImportError:
            reason = "the reference server needs mcp 2.x"
    for item in items:
        if reason is not None and "needs_nothing" not in item.keywords and "scaled" in item.path.parts:
            item.add_marker(pytest.mark.skip(reason=reason))


class Client:
    """Sends plain requests to the URL that it is given for each."""

    def __init__(self) -> None:
        self.http = httpx.Client(timeout=LIMIT, trust_env=False)
        self._ids = itertools.count(1)

    def message(self, method: str, **params: Any) -> dict[str, Any]:
        return {"jsonrpc": "2.0", "id": next(self._ids), "method": method, "params": params}

    def post(
        self, url: str, message: dict[str, Any], session: dict[str, str] | None = None
    ) -> httpx.Response:
        return self.http.post(url, json=message, headers={**ACCEPT, **(session or {})})

    def initialize(self, url: str, revision: str = "2025-11-25", **capabilities: Any) -> dict[str, str]:
        """Open a session and return the headers that belong to it."""
        opened = self.post(
            url,
            self.message(
                "initialize",
                protocolVersion=revision,
                capabilities=capabilities,
                clientInfo={"name": "tests", "version": "1"},
            ),
        )
        assert opened.status_code == 200, opened.text
        session = {"mcp-session-id": opened.headers["mcp-session-id"], "mcp-protocol-version": revision}
        told = self.post(url, {"jsonrpc": "2.0", "method": "notifications/initialized"}, session)
        assert told.status_code == 202
        return session

    def call(self, url: str, session: dict[str, str], tool: str, **arguments: Any) -> Any:
        """Call a tool and return its JSON result."""
        answer = self.post(url, self.message("tools/call", name=tool, arguments=arguments), session)
        return result_of(answer)

    def modern(self, url: str, method: str, capabilities: Any = None, **params: Any) -> httpx.Response:
        """Send a request of the modern era."""
        prefix = "io.modelcontextprotocol/"
        meta = {f"{prefix}protocolVersion": MODERN, f"{prefix}clientCapabilities": capabilities or {}}
        headers = {**ACCEPT, "mcp-protocol-version": MODERN, "mcp-method": method}
        if "name" in params:
            headers["mcp-name"] = params["name"]
        return self.http.post(url, json=self.message(method, **params, _meta=meta), headers=headers)

    @contextlib.contextmanager
    def stream(
        self, method: str, url: str, session: dict[str, str], message: Any = None, **headers: str
    ) -> Iterator[Iterator[dict[str, str]]]:
        """Open a stream and give its blocks, as they come."""
        lines = {**ACCEPT, **session, **{name.replace("_", "-"): value for name, value in headers.items()}}
        with self.http.stream(method, url, json=message, headers=lines) as response:
            assert response.status_code == 200, response.read()
            yield blocks(response)


def blocks(response: httpx.Response) -> Iterator[dict[str, str]]:
    text = ""
    for chunk in response.iter_text():
        text += chunk
        while "\n\n" in text:
            block, _, text = text.partition("\n\n")
            fields = dict(line.partition(": ")[::2] for line in block.split("\n") if not line.startswith(":"))
            if fields:
                yield fields


def messages(response: httpx.Response) -> list[Any]:
    if response.headers["content-type"].startswith("text/event-stream"):
        lines = response.text.split("\n")
        return [json.loads(line[6:]) for line in lines if line.startswith("data: ") and line[6:]]
    return [response.json()]


def result_of(response: httpx.Response) -> Any:
    """Return the JSON text of the result of a tool."""
    assert response.status_code == 200, response.text
    return json.loads(messages(response)[-1]["result"]["content"][0]["text"])


@pytest.fixture
def client() -> Iterator[Client]:
    found = Client()
    with found.http:
        yield found


@pytest.fixture
def replicas() -> Iterator[Callable[..., Scaled]]:
    """Run replicas for the length of a test."""
    with contextlib.ExitStack() as stack:
        yield lambda **options: stack.enter_context(scaled(Scale(**options)))


@pytest.fixture(scope="package")
def shared() -> Iterator[Scaled]:
    """Three replicas that share their sessions and keep events; no test may kill one."""
    with scaled(Scale(mode="shared", arguments=("--resumable",))) as found:
        yield found
