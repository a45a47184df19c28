"""Users that open a session and call tools, for Locust to run by the thousand.

A user subclasses one of them, names a tool or writes tasks, and scales out with Locust's own workers.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from itertools import count
from typing import Any, ClassVar, Final

import gevent
from gevent.event import Event
from locust import constant, events
from locust.contrib.fasthttp import FastHttpUser
from locust.exception import StopUser

from pytest_mcp_http.load import messages
from pytest_mcp_http.spec.revisions import HANDSHAKE_REVISIONS, MODERN_REVISIONS, era_of

NONCE: Final = "mcp-load-"
"""What every nonce begins with."""


LATEST: Final = 60.0
"""Seconds after the last user was started until calls begin, whoever has not connected by then."""


class _Gate:
    """Opens once all users of this process were started, and each has connected or failed to."""

    def __init__(self) -> None:
        self.opened = Event()
        self._connecting = 0
        self._complete = False
        self._timer: gevent.Greenlet | None = None
        events.test_start.add_listener(self._close)
        events.spawning_complete.add_listener(self._spawned)

    def expect(self) -> None:
        """Wait for one more user: from when it is made, as a user may run long after it was started."""
        self._connecting += 1

    def arrived(self) -> None:
        """Wait for one user less."""
        self._connecting -= 1
        self._look()

    def _close(self, **_: object) -> None:
        if self._timer is not None:
            self._timer.kill()
        self._complete = False
        self._connecting = 0
        self.opened.clear()

    def _spawned(self, **_: object) -> None:
        self._complete = True
        # A user of somebody's own may fail before it connects.
        self._timer = gevent.spawn_later(LATEST, self.opened.set)
        self._look()

    def _look(self) -> None:
        if self._complete and not self._connecting:
            self.opened.set()


GATE: Final = _Gate()


class McpUser(FastHttpUser):
    """A client of an MCP server: connects, does the tasks of its class, and leaves.

    `host` is the URL of the endpoint, with its path. A subclass has at least one method with `@task`, which
    sends something by `call`, `call_tool` or `request`. Attributes are set on the class.

    Attributes:
        revision: The revision to speak.
        tool: Name of the tool to call; without one, the cheapest request of the revision is sent.
        arguments: Its arguments. A text in them may hold `$NONCE`, which is new for each call; an answer that
            has the nonce of another call in it is counted as cross-talk.
        call_limit: Calls after which the user leaves; 0 for no limit. With a limit, no call is sent before
            each user of the process has connected, or failed to, or a minute has passed.
        headers: Header lines of every request. They are never shown.
    """

    abstract = True
    wait_time = constant(0)
    insecure = False
    network_timeout = 30.0
    connection_timeout = 10.0
    max_redirects = 0

    revision: ClassVar[str]
    tool: ClassVar[str] = ""
    arguments: ClassVar[Mapping[str, Any]] = {}
    call_limit: ClassVar[int] = 0
    headers: ClassVar[Mapping[str, str]] = {}

    def __init__(self, environment: Any) -> None:
        super().__init__(environment)
        self.session: str | None = None
        self.connected = False
        self._ids = count(1)
        self._calls = 0
        GATE.expect()

    def on_start(self) -> None:
        """Connect."""
        try:
            self.connected = self.open()
        finally:
            GATE.arrived()
        if self.call_limit:
            GATE.opened.wait()

    def on_stop(self) -> None:
        """End the session, if there is one."""
        if self.session is not None:
            with self.client.request(
                "DELETE",
                "",
                name="DELETE",
                headers={**self.headers, messages.SESSION_HEADER: self.session},
                catch_response=True,
            ) as response:
                # 405: the server does not let clients end sessions. 404: it has ended this one.
                if response.status_code in (404, 405):
                    response.success()
            self.session = None

    def call(self) -> None:
        """Send one call, as a task does; after the last one, leave."""
        if not self.connected:
            raise StopUser
        if self.tool:
            self.call_tool(self.tool, self.arguments)
        else:
            self.request("ping" if era_of(self.revision) == "handshake" else "server/discover")
        self._calls += 1
        if self._calls == self.call_limit:
            raise StopUser

    def open(self) -> bool:
        """Send the request with which a client of the revision begins; return whether it was served."""
        if era_of(self.revision) == "modern":
            return self.request("server/discover") is not None
        params = {"protocolVersion": self.revision, "capabilities": {}, "clientInfo": dict(messages.INFO)}
        if self.request("initialize", params) is None:
            return False
        body, lines = messages.request_of(self.revision, self.session, "notifications/initialized", {}, None)
        name = "notifications/initialized"
        self.client.request("POST", "", name=name, data=body, headers={**self.headers, **lines})
        return True

    def call_tool(self, tool: str, arguments: Mapping[str, Any]) -> object:
        """Call a tool.

        Args:
            tool: Its name.
            arguments: Its arguments; `$NONCE` in their texts is replaced.

        Returns:
            The result, or None if there was an error, which is counted by its kind.
        """
        nonce = f"{NONCE}{secrets.token_hex(8)}"
        text = json.dumps(dict(arguments))
        echoes = "$NONCE" in text
        params = {"name": tool, "arguments": json.loads(text.replace("$NONCE", nonce))}
        return self.request("tools/call", params, name=f"tools/call {tool}", nonce=nonce if echoes else None)

    def request(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        name: str = "",
        nonce: str | None = None,
    ) -> object:
        """Send a request and read its answer to the end.

        Args:
            method: JSON-RPC method.
            params: Its params.
            name: How Locust counts it; default the method.
            nonce: A text that the answer may have, while it must not have that of another request.

        Returns:
            The result, or None if there was an error, which is counted by its kind.
        """
        id = next(self._ids)
        body, lines = messages.request_of(self.revision, self.session, method, params or {}, id)
        with self.client.request(
            "POST", "", name=name or method, data=body, headers={**self.headers, **lines}, catch_response=True
        ) as response:
            kind, result = self._read(response, id, nonce)
            if kind is not None:
                response.failure(kind)
            elif method == "initialize":
                self.session = response.headers.get(messages.SESSION_HEADER)
        return result

    def _read(self, response: Any, id: object, nonce: str | None) -> tuple[str | None, object]:
        if response.status_code == 0:
            return f"no answer: {type(response.error).__name__}", None
        if not 200 <= response.status_code < 300:
            return f"HTTP {response.status_code}", None
        text = response.text or ""
        try:
            answer = messages.response_in(text, response.headers.get("content-type", ""), id)
        except ValueError:
            return messages.NOT_JSON, None
        if nonce is not None and messages.foreign_nonce(text, nonce, NONCE):
            return messages.CROSS_TALK, None
        kind = messages.kind_of(answer)
        return kind, answer["result"] if kind is None and answer is not None else None


class HandshakeUser(McpUser):
    """A user of the revisions with handshake, who has a session if the server assigns one."""

    abstract = True
    revision: ClassVar[str] = HANDSHAKE_REVISIONS[-1]


class ModernUser(McpUser):
    """A user of the revisions without handshake and session."""

    abstract = True
    revision: ClassVar[str] = MODERN_REVISIONS[-1]
