"""One way to write a test of both twins: blocking, over whichever client the test runs with."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import anyio.from_thread
import pytest

from pytest_mcp_http.client import AsyncMcpClient, AsyncMcpStream, McpClient
from pytest_mcp_http.wire import jsonrpc

Open = Callable[..., Any]


class Driven:
    """An asynchronous client or stream, used like its blocking twin: each coroutine runs in an event loop."""

    def __init__(self, portal: Any, twin: Any) -> None:
        self._portal = portal
        self.twin = twin

    def _run(self, function: Any, *args: Any, **kwargs: Any) -> Any:
        async def run() -> Any:
            value = function(*args, **kwargs)
            return await value if inspect.isawaitable(value) else value

        value = self._portal.call(run)
        return Driven(self._portal, value) if isinstance(value, AsyncMcpClient | AsyncMcpStream) else value

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.twin, name)
        return (lambda *args, **kwargs: self._run(value, *args, **kwargs)) if callable(value) else value

    def __enter__(self) -> Any:
        self._run(self.twin.__aenter__)
        return self

    def __exit__(self, *exc: object) -> None:
        self._run(self.twin.__aexit__, *exc)

    def __iter__(self) -> Any:
        return self

    def __next__(self) -> Any:
        try:
            return self._run(self.twin.__anext__)
        except StopAsyncIteration:
            raise StopIteration from None


@pytest.fixture(params=["blocking", "asyncio", "trio"])
def make(request: pytest.FixtureRequest) -> Iterator[Open]:
    """Make clients, blocking or asynchronous: `make(url, revision, **options)`."""
    if request.param == "blocking":
        yield McpClient
        return
    if request.param == "trio":
        pytest.importorskip("trio")
    with anyio.from_thread.start_blocking_portal(request.param) as portal:
        yield lambda *args, **options: Driven(portal, AsyncMcpClient(*args, **options))


@dataclass(frozen=True)
class Served:
    """A reference server, and the revision to speak with it."""

    url: str
    revision: str
    streams: bool

    @property
    def modern(self) -> bool:
        return self.revision == "2026-07-28"

    @property
    def can_tell(self) -> bool:
        """Whether the server can say anything before its response."""
        return self.streams

    @property
    def can_ask(self) -> bool:
        """Whether the server can ask back: with a stream, or in its result."""
        return self.streams or self.modern


@pytest.fixture(params=["2025-11-25-sse", "2025-11-25-json", "2026-07-28-sse", "2026-07-28-json"])
def served(request: pytest.FixtureRequest, stateful_url: str, json_url: str) -> Served:
    """A clean server, for each era and each kind of response."""
    revision, _, kind = request.param.rpartition("-")
    return Served(stateful_url if kind == "sse" else json_url, revision, kind == "sse")


@pytest.fixture
def client(make: Open, served: Served) -> Iterator[Any]:
    """A client that is connected to `served`."""
    with make(served.url, served.revision) as client:
        yield client


class Script:
    """Answers for a server written by hand, by method; what is not in it gets 202."""

    def __init__(self, revision: str, **answers: Callable[[Any, dict[str, Any]], object]) -> None:
        self.answers: dict[str, Callable[[Any, dict[str, Any]], object]] = {
            "initialize": self._initialize,
            "server/discover": self._discover,
            **{name.replace("_", "/"): answer for name, answer in answers.items()},
        }
        self.revision = revision
        self.seen: list[dict[str, Any]] = []

    def __call__(self, connection: Any) -> None:
        raw = connection.read_request()
        head, _, body = raw.partition(b"\r\n\r\n")
        http = head.split(b" ", 1)[0].decode()
        message = json.loads(body) if body else {}
        self.seen.append({"http": http, "head": head.decode(), **message})
        key = message.get("method", "answer") if http == "POST" else http
        answer = self.answers.get(key)
        if answer is None:
            connection.reply(status=b"202 Accepted")
        else:
            answer(connection, message)

    def _initialize(self, connection: Any, message: dict[str, Any]) -> None:
        result = {
            "protocolVersion": self.revision,
            "capabilities": {},
            "serverInfo": {"name": "script", "version": "1"},
        }
        reply(connection, message, result, b"Mcp-Session-Id: s-1")

    def _discover(self, connection: Any, message: dict[str, Any]) -> None:
        reply(connection, message, {"supportedVersions": [self.revision], "capabilities": {}})

    def methods(self) -> list[str]:
        """What was asked for so far: methods of messages, `answer` for responses, HTTP methods else."""
        return [
            each.get("method", "answer" if each["http"] == "POST" else each["http"]) for each in self.seen
        ]

    @staticmethod
    def stream(connection: Any, *messages: object) -> None:
        """Begin an event stream: with messages, or with bytes as they are."""
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        Script.send(connection, *messages)

    @staticmethod
    def send(connection: Any, *messages: object) -> None:
        for each in messages:
            data = each if isinstance(each, bytes) else b"data: " + jsonrpc.encode(each) + b"\n\n"
            connection.send(data)

    @staticmethod
    def result(message: dict[str, Any], result: object) -> dict[str, Any]:
        """Return the response to a request."""
        return {"jsonrpc": "2.0", "id": message["id"], "result": result}


def reply(connection: Any, message: dict[str, Any], result: object, *lines: bytes) -> None:
    """Answer a request with a result, as JSON."""
    connection.reply(
        jsonrpc.encode(Script.result(message, result)), b"Content-Type: application/json", *lines
    )


@pytest.fixture
def script() -> type[Script]:
    """What a server written by hand answers: `serve(script(revision, tools_call=answer))`."""
    return Script
