"""What the server remembers per MCP session: revision, transactions, events, connections, running requests.

Everything hangs on the session, so ending a session frees it all. Knows nothing of HTTP or of the SDK.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypeVar

import anyio

from reference_server._tool import LogLevel
from reference_server.events import Events, SessionEvents
from reference_server.task_store import TaskStore

MAX_SESSIONS: Final = 1000
MAX_TRANSACTIONS: Final = 100
MAX_OPERATIONS: Final = 1000
MAX_RUNNING: Final = 1000


T = TypeVar("T")


class TransactionError(ValueError):
    """A transaction call that cannot be served; the message is for the caller."""


@dataclass(slots=True)
class Transactions:
    """The open transactions of one session, by name.

    Args:
        max_transactions: How many transactions one session may hold open.
        max_operations: How many operations one transaction may hold.
        drop_oldest: Whether the oldest transaction gives way to a new one, instead of refusing it.
    """

    max_transactions: int = MAX_TRANSACTIONS
    max_operations: int = MAX_OPERATIONS
    drop_oldest: bool = False
    operations: dict[str, list[str]] = field(default_factory=dict)
    """What each open transaction holds, oldest transaction first."""

    def __len__(self) -> int:
        return len(self.operations)

    def start(self, name: str) -> None:
        """Open the transaction `name`, or open it anew without operations.

        Raises:
            TransactionError: If the session holds too many transactions.
        """
        if name not in self.operations and len(self.operations) >= self.max_transactions:
            if not self.drop_oldest:
                raise TransactionError(f"Too many transactions (limit {self.max_transactions})")
            del self.operations[next(iter(self.operations))]
        self.operations[name] = []

    def add(self, name: str, operation: str) -> int:
        """Queue an operation and return how many the transaction holds now.

        Raises:
            TransactionError: If the transaction is not open or is full.
        """
        operations = self.operations.get(name)
        if operations is None:
            raise TransactionError("No active transaction")
        if len(operations) >= self.max_operations:
            raise TransactionError(f"Too many operations (limit {self.max_operations})")
        operations.append(operation)
        return len(operations)


@dataclass(slots=True, eq=False)
class Connection:
    """One open connection that carries a stream.

    Args:
        give_way: Set to make it end, because its session ended or a newer connection carries the stream.
        gone: Set when it has ended.
    """

    give_way: anyio.Event = field(default_factory=anyio.Event)
    gone: anyio.Event = field(default_factory=anyio.Event)


class Vault(Protocol):
    """Keeps outside of the process what a session needs to go on in another one."""

    async def keep(self, session: Session) -> None:
        """Keep what its client chose."""

    async def transact(self, change: Callable[[Transactions], T]) -> T:
        """Change its transactions, while nobody else does."""

    async def forget(self) -> None:
        """Keep nothing of it any longer."""


@dataclass(slots=True)
class Session:
    """One MCP session.

    Args:
        revision: The protocol revision that was agreed on.
        owner: The name of the principal that opened it; None on a server that is open to all.
    """

    revision: str
    transactions: Transactions = field(default_factory=Transactions)
    events: Events = field(default_factory=SessionEvents)
    sdk_id: str = ""
    """The id by which the SDK in this process knows it, which clients need not know."""
    vault: Vault | None = None
    """Where it is kept beside this process; None for a session that ends with it."""
    tasks: TaskStore = field(default_factory=TaskStore)
    connections: dict[str, Connection] = field(default_factory=dict)
    """The connection of each stream that has one."""
    running: OrderedDict[str, str] = field(default_factory=OrderedDict)
    """The name of each recent request inside the server, by its JSON-encoded id; the oldest are dropped."""
    log_level: LogLevel = "debug"
    """The lowest level of the log messages that the client wants."""
    subscribed: set[str] = field(default_factory=set)
    """The URIs of the resources whose updates the client asked for."""
    notify: Callable[[Any], Awaitable[None]] | None = None
    """Sends a notification on the GET stream; None before the client is initialized."""
    owner: str | None = None

    async def keep(self) -> None:
        """Keep what the client chose, where other replicas find it."""
        if self.vault is not None:
            await self.vault.keep(self)

    async def transact(self, change: Callable[[Transactions], T]) -> T:
        """Return what a change of the transactions returns.

        Raises:
            TransactionError: If the change does.
        """
        return change(self.transactions) if self.vault is None else await self.vault.transact(change)

    def remember_request(self, key: str, name: str) -> None:
        """Note under which name the request with this JSON-encoded id runs inside the server."""
        self.running[key] = name
        self.running.move_to_end(key)
        while len(self.running) > MAX_RUNNING:
            self.running.popitem(last=False)

    def close(self) -> None:
        """End the streams and free what was kept; timers of the HTTP server may hold the shell longer."""
        for connection in self.connections.values():
            connection.give_way.set()
        self.tasks.close()
        self.transactions = Transactions()
        self.events = SessionEvents()
        self.running.clear()
        self.subscribed.clear()
        self.notify = None


class SessionTable:
    """The live sessions by id, least recently used first.

    Args:
        max_sessions: How many sessions are kept; the owner ends the `oldest` one when the table is `full`.
    """

    def __init__(self, max_sessions: int = MAX_SESSIONS) -> None:
        self.max_sessions = max_sessions
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    def __len__(self) -> int:
        return len(self._sessions)

    def __iter__(self) -> Iterator[Session]:
        return iter(list(self._sessions.values()))

    @property
    def ids(self) -> list[str]:
        """The ids of all sessions."""
        return list(self._sessions)

    @property
    def full(self) -> bool:
        """Whether a new session needs the oldest one to end."""
        return len(self._sessions) >= self.max_sessions

    @property
    def oldest(self) -> str:
        """The id of the least recently used session."""
        return next(iter(self._sessions))

    def add(self, session_id: str, session: Session) -> None:
        """Remember a session that was just opened."""
        self._sessions[session_id] = session

    def get(self, session_id: str | None) -> Session | None:
        """Return a live session and mark it as used, or None if the id is unknown or ended."""
        if session_id is None or session_id not in self._sessions:
            return None
        self._sessions.move_to_end(session_id)
        return self._sessions[session_id]

    def peek(self, session_id: str) -> Session | None:
        """Return a live session without marking it as used."""
        return self._sessions.get(session_id)

    def end(self, session_id: str | None) -> None:
        """Forget a session and all that belongs to it, and end its streams."""
        session = self._sessions.pop(session_id, None) if session_id is not None else None
        if session is not None:
            session.close()


current_session: ContextVar[Session | None] = ContextVar("current_session", default=None)
"""The session of the request that is being served; None in stateless mode.

Requests of the modern era share one, of which only the transactions are used: their names are handles then.
"""
