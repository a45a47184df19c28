"""One recorded visit per revision that uses each method the server declares.

Most checks judge the tour and send nothing themselves. Nothing here calls a tool, and everything that is
opened is closed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from pytest_mcp_http._roles import (
    OFFICIAL_ROLES,
    REFERENCE_NAME,
    REFERENCE_ROLES,
    Role,
    missing,
)
from pytest_mcp_http.client import McpClient
from pytest_mcp_http.errors import NotVerified
from pytest_mcp_http.visit import Step, Visit
from pytest_mcp_http.wire.exchange import Exchange
from pytest_mcp_http.wire.http import HttpWire

if TYPE_CHECKING:
    from pytest_mcp_http._target import Target

Value = TypeVar("Value")


class Tour:
    """A recorded visit at one revision, and the means to open more sessions at it.

    Args:
        target: The server.
        revision: The revision to speak.
        wire: Where requests are sent; closed by the owner.

    Attributes:
        client: The client of the visit.
        dialect: What sets the era of the revision apart.
        remarks: Lines that checks tell beside their verdicts, by the title of their section in the reports.
    """

    def __init__(self, target: Target, revision: str, wire: HttpWire) -> None:
        self.target = target
        self.revision = revision
        self.wire = wire
        self._memo: dict[str, Any] = {}
        self._clients: list[McpClient] = []
        self._wires: list[HttpWire] = []
        self.remarks: dict[str, list[str]] = {}
        self.client = self.new_client()
        self.dialect = self.client.dialect
        self._visit = Visit(self.client)
        self._visit.go()

    # -- what was seen --------------------------------------------------------------------------------------

    @property
    def steps(self) -> tuple[Step, ...]:
        """Every exchange of the visit, in order."""
        return tuple(self._visit.steps)

    @property
    def stream(self) -> Exchange | None:
        """The stream that was held open during the visit, or its refusal: a GET or `subscriptions/listen`."""
        return self._visit.stream

    @property
    def get(self) -> Exchange | None:
        """The GET stream, or its refusal; None in an era without."""
        return self.stream if self.dialect.sessions else None

    @property
    def listening(self) -> Exchange | None:
        """The `subscriptions/listen` stream, or its refusal; None in an era without."""
        return None if self.dialect.sessions else self.stream

    @property
    def held_up(self) -> Exchange | None:
        """The request that got no answer while the stream was open, if there was one."""
        return self._visit.held_up

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """Every exchange of the visit, the stream last."""
        return tuple(step.exchange for step in self.steps) + ((self.stream,) if self.stream else ())

    @property
    def opening(self) -> Exchange:
        """The exchange with which the visit began: `initialize` or `server/discover`."""
        return self.steps[0].exchange

    @property
    def session_id(self) -> str | None:
        """The session id of the visit, or None."""
        return self.client.session_id

    @property
    def capabilities(self) -> Mapping[str, Any]:
        """The capabilities that the server declared; empty when it declared none or no object."""
        return self._visit.capabilities

    @property
    def seen(self) -> tuple[Exchange, ...]:
        """Every exchange at the revision of the tour so far: those of the visit, and of probes since."""
        clients = [client for client in self._clients if client.declare is None]
        return tuple(exchange for client in clients for exchange in client.exchanges)

    def named(self, *names: str) -> tuple[Step, ...]:
        """Return the steps with one of these names."""
        return tuple(step for step in self.steps if step.name in names)

    def items(self, method: str, member: str) -> list[dict[str, Any]]:
        """Return the items of a list, of all pages, as far as they are objects."""
        return self._visit.items(method, member)

    def completable(self) -> list[tuple[dict[str, str], str]]:
        """Return what completions can be asked for: references, each with the name of an argument."""
        return self._visit.completable()

    # -- more sessions --------------------------------------------------------------------------------------

    def new_client(
        self,
        wire: HttpWire | None = None,
        capabilities: Mapping[str, object] | None = None,
        *,
        declare: str | None = None,
        url: str | None = None,
    ) -> McpClient:
        """Return a client of this revision that has sent nothing yet; its session ends with the tour.

        Args:
            wire: Where it sends; default the wire of the tour.
            capabilities: What it declares.
            declare: Version that it names in place of the revision.
            url: Another address of the server that it sends to.
        """
        client = McpClient(
            url or self.target.url,
            self.revision,
            wire or self._wire_to(url),
            headers=self.target.headers,
            capabilities=capabilities,
            declare=declare,
        )
        return self.add_client(client)

    def add_client(self, client: McpClient) -> McpClient:
        """Keep a client that was made elsewhere, so that its session ends with the tour."""
        self._clients.append(client)
        return client

    def beside(self, client: McpClient, url: str) -> McpClient:
        """Return a client that sends to another address what a client would send, in the same session.

        The session does not end with it.

        Args:
            client: Whose session it uses, and what it declares.
            url: Another address of the server.
        """
        other = self.new_client(capabilities=client.capabilities, url=url)
        other.session_id, other.negotiated = client.session_id, client.negotiated
        other.terminated = True
        other.schemas.update(client.schemas)
        return other

    def _wire_to(self, url: str | None) -> HttpWire:
        """Return a wire for an address: TLS settings are not read for http."""
        if url is None or url.partition(":")[0] == self.target.url.partition(":")[0]:
            return self.wire

        def make() -> HttpWire:
            self._wires.append(self.target.open_wire(url))
            return self._wires[-1]

        return self.memo(f"wire for {url.partition(':')[0]}", make)

    @contextmanager
    def session(self, wire: HttpWire | None = None, *, url: str | None = None) -> Iterator[McpClient]:
        """Give a client that may send requests at once, and end its session afterwards.

        An era without sessions needs no handshake; there the client has sent nothing yet.

        Args:
            wire: Where it sends; default the wire of the tour.
            url: Another address of the server that it sends to.

        Raises:
            NotVerified: If the handshake does not succeed.
        """
        client = self.new_client(wire, url=url)
        if self.dialect.sessions:
            exchange = client.initialize()
            if exchange.result is None:
                raise NotVerified(f"no session could be opened: initialize got {exchange.summary}")
            client.initialized()
        try:
            yield client
        finally:
            client.close()

    # -- tools that may be called ---------------------------------------------------------------------------

    def roles(self, name: str) -> tuple[Role, ...]:
        """Return the listed tools that have a role.

        They are those that the user names for it, else those of the reference server, else those that the
        official conformance suite asks for.

        Args:
            name: A role, see `_roles.ROLES`.

        Raises:
            NotVerified: If no tool has it, or no tool may be called; the reason is what the user can change.
        """
        if self.target.call_tools == "none":
            raise NotVerified("--mcp-call-tools none lets no tool be called")
        listed = [tool.get("name") for tool in self.items("tools/list", "tools")]
        known = [role for role in self.target.roles if role.name == name]
        if not known and self.target.facts.server_name == REFERENCE_NAME:
            known = [role for role in REFERENCE_ROLES if role.name == name]
        if not known:
            known = [role for role in OFFICIAL_ROLES if role.name == name and role.tool in listed]
        found = tuple(role for role in known if role.tool in listed)
        if not known:
            raise NotVerified(missing(name))
        if not found:
            raise NotVerified(f"the tool {known[0].tool} of the role {name} is not listed")
        return found

    # -- controls and probes --------------------------------------------------------------------------------

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
        for wire in self._wires:
            wire.close()
