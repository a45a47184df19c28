"""One recorded visit per revision that uses each method the server declares.

Most checks judge the tour and send nothing themselves. Nothing here calls a tool, and everything that is
opened is closed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_mcp_http.client import McpClient
from pytest_mcp_http.errors import NotVerified
from pytest_mcp_http.wire.exchange import End, Exchange
from pytest_mcp_http.wire.http import HttpWire

if TYPE_CHECKING:
    from pytest_mcp_http._target import Target

Value = TypeVar("Value")

MAX_PAGES = 10
"""Pages of one list that the tour follows; a server that never ends a list must not hold us."""

SAMPLES = 3
"""Prompts and resources of each kind that the tour fetches."""

LISTS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "tools": (("tools/list", "tools"),),
    "prompts": (("prompts/list", "prompts"),),
    "resources": (("resources/list", "resources"), ("resources/templates/list", "resourceTemplates")),
}
"""Capability -> its list methods, each with the member of the result that holds the items."""

UNKNOWN_METHOD = "mcp-http-check/no-such-method"
UNKNOWN_NAME = "mcp-http-check-no-such-name"


@dataclass(frozen=True)
class Step:
    """One exchange of the tour.

    Attributes:
        name: What it was: a method, or a method with what is special about it.
        method: JSON-RPC method, or the HTTP method for GET and DELETE.
        exchange: The exchange.
    """

    name: str
    method: str
    exchange: Exchange


class Tour:
    """A recorded visit at one revision, and the means to open more sessions at it.

    Args:
        target: The server.
        revision: The revision to speak.
        wire: Where requests are sent; closed by the owner.

    Attributes:
        client: The client of the visit.
        steps: Every exchange of the visit, in order.
        get: The GET stream that was held open during the visit, or the refusal.
        held_up: The request that got no answer while the GET stream was open, if there was one; the stream
            was then closed for the rest of the visit.
    """

    def __init__(self, target: Target, revision: str, wire: HttpWire) -> None:
        self.target = target
        self.revision = revision
        self.wire = wire
        self.steps: list[Step] = []
        self._memo: dict[str, Any] = {}
        self._clients: list[McpClient] = []
        self.client = self.new_client()
        self.get: Exchange | None = None
        self.held_up: Exchange | None = None
        self._visit()

    # -- what was seen --------------------------------------------------------------------------------------

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """Every exchange of the visit, the GET stream last."""
        return tuple(step.exchange for step in self.steps) + ((self.get,) if self.get else ())

    @property
    def initialize(self) -> Exchange:
        """The `initialize` exchange."""
        return self.steps[0].exchange

    @property
    def session_id(self) -> str | None:
        """The session id of the visit, or None."""
        return self.client.session_id

    @property
    def capabilities(self) -> Mapping[str, Any]:
        """The capabilities that the server declared; empty when it declared none or no object."""
        result = self.initialize.result
        found = result.get("capabilities") if isinstance(result, dict) else None
        return found if isinstance(found, dict) else {}

    def named(self, *names: str) -> tuple[Step, ...]:
        """Return the steps with one of these names."""
        return tuple(step for step in self.steps if step.name in names)

    def items(self, method: str, member: str) -> list[dict[str, Any]]:
        """Return the items of a list, of all pages, as far as they are objects."""
        found: list[dict[str, Any]] = []
        for step in self.steps:
            result = step.exchange.result
            if step.method == method and isinstance(result, dict) and isinstance(result.get(member), list):
                found += [item for item in result[member] if isinstance(item, dict)]
        return found

    # -- more sessions --------------------------------------------------------------------------------------

    def new_client(
        self, wire: HttpWire | None = None, capabilities: Mapping[str, object] | None = None
    ) -> McpClient:
        """Return a client of this revision that has sent nothing yet; its session ends with the tour."""
        client = McpClient(
            self.target.url,
            self.revision,
            wire or self.wire,
            headers=self.target.headers,
            capabilities=capabilities,
        )
        self._clients.append(client)
        return client

    @contextmanager
    def session(self, wire: HttpWire | None = None) -> Iterator[McpClient]:
        """Open a session of its own and close it afterwards.

        Raises:
            NotVerified: If the handshake does not succeed.
        """
        client = self.new_client(wire)
        exchange = client.initialize()
        if exchange.result is None:
            raise NotVerified(f"no session could be opened: initialize got {exchange.summary}")
        client.initialized()
        try:
            yield client
        finally:
            client.close()

    def require(self, exchange: Exchange, what: str) -> Exchange:
        """Return the exchange if it holds a result; it is the positive control of a probe.

        Raises:
            NotVerified: If it does not.
        """
        if exchange.result is None:
            raise NotVerified(f"the positive control failed: {what} got {exchange.summary}")
        return exchange

    def memo(self, key: str, make: Callable[[], Value]) -> Value:
        """Return what `make` returned the first time, for probes that several checks judge.

        An outcome that says that there is nothing to judge is kept as well.
        """
        if key not in self._memo:
            try:
                self._memo[key] = make()
            except Exception as error:
                self._memo[key] = error
        found = self._memo[key]
        if isinstance(found, Exception):
            raise found
        return found  # type: ignore[no-any-return]

    def close(self) -> None:
        """End every session that the tour opened."""
        for client in self._clients:
            client.close()

    # -- the visit ------------------------------------------------------------------------------------------

    def _add(self, name: str, method: str, exchange: Exchange) -> Exchange:
        self.steps.append(Step(name, method, exchange))
        return exchange

    def _request(
        self, method: str, params: dict[str, Any] | None = None, *, name: str = "", id: object = None
    ) -> Exchange:
        kwargs: dict[str, Any] = {} if id is None else {"id": id}
        if params is not None:
            kwargs["params"] = params
        return self._add(name or method, method, self.client.request(method, **kwargs))

    def _visit(self) -> None:
        if self._add("initialize", "initialize", self.client.initialize()).result is None:
            return
        self._add("notifications/initialized", "notifications/initialized", self.client.initialized())
        stream = self.client.listen(limits=replace(self.wire.limits, total=60.0))
        try:
            ping = self.client.request("ping")
            if stream.alive and ping.response is None and ping.end is End.TIMEOUT:
                self.held_up = ping
                stream.close()
                ping = self.client.request("ping")
            self._add("ping", "ping", ping)
            self._request("ping", {}, name="ping (string id)", id="ping-1")
            self._lists()
            self._fetches()
            self._errors()
            self._notifications()
        finally:
            self.get = stream.close()

    def _lists(self) -> None:
        for capability, methods in LISTS.items():
            if capability not in self.capabilities:
                continue
            for method, _ in methods:
                self._pages(method)
        if "logging" in self.capabilities:
            self._request("logging/setLevel", {"level": "warning"})

    def _pages(self, method: str) -> None:
        result = self._request(method).result
        seen: set[str] = set()
        while (
            isinstance(result, dict) and isinstance(result.get("nextCursor"), str) and len(seen) < MAX_PAGES
        ):
            cursor = result["nextCursor"]
            if cursor in seen:
                return
            seen.add(cursor)
            result = self._request(method, {"cursor": cursor}, name=f"{method} (next page)").result

    def _fetches(self) -> None:
        prompts = [
            prompt
            for prompt in self.items("prompts/list", "prompts")
            if not any(isinstance(a, dict) and a.get("required") for a in prompt.get("arguments") or ())
        ]
        for prompt in prompts[:SAMPLES]:
            if isinstance(prompt.get("name"), str):
                self._request("prompts/get", {"name": prompt["name"]})
        for resource in self.items("resources/list", "resources")[:SAMPLES]:
            if isinstance(resource.get("uri"), str):
                self._request("resources/read", {"uri": resource["uri"]})

    def _errors(self) -> None:
        self._request(UNKNOWN_METHOD, name="unknown method", id="e-1")
        if "tools" in self.capabilities:
            # No name at all: reaches the validation of the call and can run nothing.
            self._request("tools/call", {"arguments": {}}, name="tools/call without name", id="e-2")
        if "prompts" in self.capabilities:
            self._request("prompts/get", {"name": UNKNOWN_NAME}, name="prompts/get unknown", id="e-3")
        if "resources" in self.capabilities:
            self._request(
                "resources/read",
                {"uri": f"mcp-http-check://{UNKNOWN_NAME}"},
                name="resources/read unknown",
                id="e-4",
            )

    def _notifications(self) -> None:
        for method, params in (
            ("notifications/cancelled", {"requestId": "never-sent", "reason": "conformance check"}),
            ("notifications/roots/list_changed", None),
        ):
            kwargs: dict[str, Any] = {} if params is None else {"params": params}
            self._add(method, method, self.client.notify(method, **kwargs))
