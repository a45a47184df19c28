"""A running reference server in a thread, and a small client that sends what it is told."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
import uvicorn

from reference_server._context import ASGIApp, Layer
from reference_server.app import ReferenceApp
from reference_server.serving import config, listen

LIMIT = 10.0
MODERN = "2026-07-28"


class _Server(uvicorn.Server):
    def __init__(self, settings: uvicorn.Config) -> None:
        super().__init__(settings)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


class Endpoint:
    """The endpoint of a running server, with plain HTTP requests to it."""

    def __init__(self, url: str, client: httpx.Client) -> None:
        self.url = url
        self.http = client

    def post(
        self, message: object, session: Mapping[str, str] | None = None, **headers: str
    ) -> httpx.Response:
        """POST a message, or bytes as they are; underscores in header names stand for hyphens."""
        lines = {"accept": "application/json, text/event-stream", "content-type": "application/json"}
        lines |= {**(session or {}), **{name.replace("_", "-"): value for name, value in headers.items()}}
        content = message if isinstance(message, bytes) else json.dumps(message)
        return self.http.post(self.url, content=content, headers=lines)

    def modern(self, method: str, params: Mapping[str, object] | None = None, **given: Any) -> httpx.Response:
        """POST a request of the modern era, see `modern`."""
        message, headers = modern(method, params, **given)
        return self.http.post(self.url, content=json.dumps(message), headers=headers)

    def modern_call(self, tool: str, arguments: Mapping[str, object], **given: Any) -> Any:
        """Call a tool in the modern era and return its JSON result."""
        answer = messages(self.modern("tools/call", {"name": tool, "arguments": arguments}, **given))[-1]
        return json.loads(answer["result"]["content"][0]["text"])

    def initialize(self, revision: str = "2025-11-25", **capabilities: object) -> dict[str, str]:
        """Open a session and return the headers that belong to it."""
        response = self.post(initialize(revision, **capabilities))
        assert response.status_code == 200
        agreed = messages(response)[0]["result"]["protocolVersion"]
        session = response.headers.get("mcp-session-id")
        return {"mcp-protocol-version": agreed, **({"mcp-session-id": session} if session else {})}

    def call(self, tool: str, arguments: Mapping[str, object], session: Mapping[str, str]) -> Any:
        """Call a tool and return its JSON result."""
        response = self.post(call(tool, arguments), session)
        return json.loads(messages(response)[-1]["result"]["content"][0]["text"])


def request(method: str, params: object = None, identity: object = 1) -> dict[str, Any]:
    """Build a request."""
    return {
        "jsonrpc": "2.0",
        "id": identity,
        "method": method,
        **({} if params is None else {"params": params}),
    }


def call(
    tool: str, arguments: Mapping[str, object], identity: object = 1, token: str | None = None
) -> dict[str, Any]:
    """Build a tool call."""
    meta = {"_meta": {"progressToken": token}} if token else {}
    return request("tools/call", {"name": tool, "arguments": dict(arguments), **meta}, identity)


def initialize(revision: str, identity: object = "init", **capabilities: object) -> dict[str, Any]:
    """Build an `initialize` request."""
    client = {"name": "tests", "version": "1"}
    params = {"protocolVersion": revision, "capabilities": capabilities, "clientInfo": client}
    return request("initialize", params, identity)


def modern(
    method: str,
    params: Mapping[str, object] | None = None,
    *,
    identity: object = 1,
    version: object = MODERN,
    capabilities: object = None,
    meta: Mapping[str, object] | None = None,
    headers: Mapping[str, str | None] | None = None,
) -> tuple[dict[str, Any], dict[str, str]]:
    """Build a request of the modern era and its headers; `headers` change them, None leaves one out."""
    prefix = "io.modelcontextprotocol/"
    own = {f"{prefix}protocolVersion": version, f"{prefix}clientCapabilities": capabilities or {}}
    lines: dict[str, str | None] = {
        "accept": "application/json, text/event-stream",
        "content-type": "application/json",
        "mcp-protocol-version": str(version),
        "mcp-method": method,
    }
    name = (params or {}).get({"resources/read": "uri"}.get(method, "name"))
    if isinstance(name, str):
        lines["mcp-name"] = name
    message = request(method, {**(params or {}), "_meta": {**own, **(meta or {})}}, identity)
    return message, {k: v for k, v in {**lines, **(headers or {})}.items() if v is not None}


def blocks(text: str) -> list[dict[str, str]]:
    """Take an event stream apart into its blocks."""
    found = [block.split("\n") for block in text.split("\n\n") if block]
    return [{name: value for name, _, value in (line.partition(": ") for line in lines)} for lines in found]


def messages(response: httpx.Response) -> list[Any]:
    """Return the JSON-RPC messages of a response."""
    if response.headers["content-type"].startswith("text/event-stream"):
        return [json.loads(block["data"]) for block in blocks(response.text) if block.get("data")]
    value = response.json()
    return value if isinstance(value, list) else [value]


@contextlib.contextmanager
def running(app: ASGIApp) -> Iterator[Endpoint]:
    """Run an app in a thread."""
    listener = listen("127.0.0.1", 0)
    server = _Server(config(app))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        assert server.ready.wait(LIMIT)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"
        with httpx.Client(timeout=LIMIT, trust_env=False) as client:
            yield Endpoint(url, client)
    finally:
        server.should_exit = True
        thread.join(LIMIT)
        listener.close()
        assert not thread.is_alive()


Serve = Callable[..., Endpoint]


@pytest.fixture(scope="session")
def rpc() -> SimpleNamespace:
    """The functions of this file that build requests and read answers."""
    return SimpleNamespace(
        request=request,
        call=call,
        initialize=initialize,
        modern=modern,
        blocks=blocks,
        messages=messages,
        running=running,
    )


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Start servers that end with the test."""
    with contextlib.ExitStack() as stack:

        def start(mode: str = "stateful", *layers: Layer, **options: Any) -> Endpoint:
            return stack.enter_context(running(ReferenceApp(mode, list(layers), "/mcp", **options)))

        yield start


@pytest.fixture(scope="module")
def stateful() -> Iterator[Endpoint]:
    """A stateful server that answers with event streams."""
    with running(ReferenceApp("stateful", [], "/mcp")) as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def stateless() -> Iterator[Endpoint]:
    """A stateless server that answers with event streams."""
    with running(ReferenceApp("stateless", [], "/mcp")) as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def resumable() -> Iterator[Endpoint]:
    """A stateful server that keeps its events."""
    with running(ReferenceApp("stateful", [], "/mcp", resumable=True)) as endpoint:
        yield endpoint
