"""Calls of a tool that logs, at all levels and at the severe ones, and what else asks for a log level.

Each call is sent once for all checks. The first carries a cookie and an address of nobody, which are new each
time: a server that writes its request headers into log messages is found out by them.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from pytest_mcp_http._roles import Role
from pytest_mcp_http.assertions.logging import LEVELS, is_below, log_messages
from pytest_mcp_http.client import McpClient, McpStream
from pytest_mcp_http.dialect import META_PREFIX
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.suite._probes import refused_by_others
from pytest_mcp_http.suite._streams import opened_beside
from pytest_mcp_http.suite._tool_calls import tool_calls
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import Exchange

LOG_LEVEL: Final = f"{META_PREFIX}logLevel"
"""Member of `_meta` that asks for log messages, from 2026-07-28 on."""

SET_LEVEL: Final = "logging/setLevel"

SEVERE: Final = "error"
"""The level that leaves out less severe messages."""

UNKNOWN_LEVELS: Final = ("loud", "INFO", 5)

MIN_CREDENTIAL: Final = 8
"""Shortest credential that is looked for, in characters: a shorter one may be there by chance."""

MAX_WAITS: Final = 20
"""How often a stream is watched for more; one that never rests must not hold us."""

_SECRET_NAME: Final = re.compile("auth|cookie|key|token|secret", re.IGNORECASE)

QUIET: Final = 0.05
"""Seconds without a message after which a stream that brought some has no more on the way."""


Call = Callable[[Mapping[str, object]], Exchange]
"""Calls the tool with changes to `_meta`."""


@dataclass(frozen=True)
class Logs:
    """What the calls of a tool that logs got.

    Attributes:
        tool: Its name.
        everything: The call that asked for messages of all levels.
        severe: The call that asked for severe ones; None if the server takes no level.
        silent: From 2026-07-28 on, a call that asked for none, which was the first.
        bystander: From 2026-07-28 on, a call that asked for none, while `everything` ran.
        overlap: Whether the two did run at once.
        beside: The GET stream, or that of a subscription, that was open meanwhile; None without.
        before_severe: How many messages had come on it when the severe level was set.
        cookie: The value of the cookie that `everything` carried.
        address: The address that it carried.
    """

    tool: str
    everything: Exchange
    severe: Exchange | None = None
    silent: Exchange | None = None
    bystander: Exchange | None = None
    overlap: bool = False
    beside: Exchange | None = None
    before_severe: int = 0
    cookie: str = field(default="", repr=False)
    address: str = ""

    @property
    def streams(self) -> list[Exchange]:
        """All answers, and the stream beside them."""
        found = (self.silent, self.everything, self.bystander, self.severe, self.beside)
        return [each for each in found if each is not None]


def logs(tour: Tour) -> Logs:
    """Return what the calls got.

    Raises:
        NotVerified: If no tool is named for it, or its call fails.
    """

    def probe() -> Logs:
        role = tour.roles("log")[0]
        with tour.session() as client:
            client.schemas.update(tour.client.schemas)
            with opened_beside(tour, client) as stream:
                watch = _Watch(tour, client, role, stream)
                return watch.in_session() if tour.dialect.sessions else watch.by_request()

    return tour.memo("logs", probe)


def with_logs(tour: Tour) -> Logs:
    """Return the calls of a tool that did log something when it was asked for everything.

    Raises:
        NotApplicable: If the server does not log, or answers with JSON, beside which there are no messages.
        NotVerified: If no tool is named for it, or the tool logged nothing.
    """
    try:
        found = logs(tour)
    except NotVerified:
        if "logging" not in tour.capabilities:
            raise NotApplicable("the server does not declare logging, and sent no log message") from None
        raise
    if not any(log_messages(stream) for stream in found.streams):
        if "logging" not in tour.capabilities:
            raise NotApplicable("the server does not declare logging, and sent no log message")
        if found.everything.is_json:
            raise NotApplicable("the server answers with JSON, and sends no log messages")
        raise NotVerified(f"the tool {found.tool} logged nothing")
    return found


def seen(tour: Tour) -> list[Exchange]:
    """Return all that may hold log messages: the visit, calls of tools, and those of the tool that logs.

    Raises:
        NotApplicable: If there is no log message, and the server declares no logging.
        NotVerified: If there is none although it does.
    """
    found = unasked(tour)
    with suppress(NotVerified):
        found += logs(tour).streams
    if not any(log_messages(exchange) for exchange in found):
        with_logs(tour)
    return found


def unasked(tour: Tour) -> list[Exchange]:
    """Return what requests got that asked for no log messages: the visit, and calls of tools."""
    found = list(tour.exchanges)
    with suppress(NotVerified):
        found += [call.exchange for call in tool_calls(tour)]
    return found


def credentials(tour: Tour) -> list[str]:
    """Return what was sent as credentials: those of the user, and the cookie of nobody."""
    found = []
    for name, value in tour.target.headers:
        if _SECRET_NAME.search(name):
            # Of a cookie its values, of "Bearer x" what follows the scheme.
            parts = [pair.partition("=")[2] for pair in value.split(";")] if "=" in value else []
            found += [value, value.rpartition(" ")[2], *parts]
    with suppress(NotVerified):
        found.append(logs(tour).cookie)
    return [value for value in found if len(value) >= MIN_CREDENTIAL]


class _Watch:
    """One run of the probe."""

    def __init__(self, tour: Tour, client: McpClient, role: Role, stream: McpStream | None) -> None:
        self._tour = tour
        self._client = client
        self._role = role
        self._stream = stream
        self._cookie = f"mcp-http-check-{secrets.token_hex(8)}"
        self._address = f"mcp-http-check-{secrets.token_hex(4)}@example.invalid"

    def in_session(self) -> Logs:
        """Call the tool at the level of the session, as the handshake revisions have it."""
        levels = "logging" in self._tour.capabilities
        if levels:
            self._client.request(SET_LEVEL, {"level": LEVELS[0]})
        everything = self._everything({})
        severe, before = None, self._came()
        if levels and self._client.request(SET_LEVEL, {"level": SEVERE}).result is not None:
            severe = self._call({})
        return Logs(
            self._role.tool,
            everything,
            severe,
            beside=self._beside(),
            before_severe=before,
            cookie=self._cookie,
            address=self._address,
        )

    def by_request(self) -> Logs:
        """Call the tool at the level of each request."""
        silent = self._call({})
        refused_by_others(silent)
        self._tour.require(silent, f"a call of the tool {self._role.tool}")
        with ThreadPoolExecutor(2) as pool:
            asking = pool.submit(self._timed, self._everything, {LOG_LEVEL: LEVELS[0]})
            other = pool.submit(self._timed, self._call, {})
            (everything, *first), (bystander, *second) = asking.result(), other.result()
        before = self._came()
        severe = self._call({LOG_LEVEL: SEVERE})
        return Logs(
            self._role.tool,
            everything,
            severe,
            silent,
            bystander,
            max(first[0], second[0]) < min(first[1], second[1]),
            self._beside(),
            before,
            self._cookie,
            self._address,
        )

    def _call(self, meta: Mapping[str, object], headers: Mapping[str, str] | None = None) -> Exchange:
        return self._client.request("tools/call", self._role.params(), meta=meta, headers=headers)

    def _everything(self, meta: Mapping[str, object]) -> Exchange:
        given = [value for name, value in self._client.base_headers if name.lower() == "cookie"]
        cookies = "; ".join([*given, f"mcp_http_check={self._cookie}"])
        exchange = self._call(meta, {"Cookie": cookies, "From": self._address})
        refused_by_others(exchange)
        return self._tour.require(exchange, f"a call of the tool {self._role.tool}")

    def _timed(
        self, call: Callable[[Mapping[str, object]], Exchange], meta: Mapping[str, object]
    ) -> tuple[Exchange, float, float]:
        began = time.monotonic()
        exchange = call(meta)
        return exchange, began, time.monotonic()

    def _came(self) -> int:
        """Return how many messages came on the stream beside, once there are no more on the way."""
        if self._stream is None or not log_messages(self._stream.exchange):
            return 0
        count = 0
        for _ in range(MAX_WAITS):
            count = len(self._stream.exchange.messages)
            if not self._stream.wait(partial(_holds_more, count), QUIET):
                break
        return count

    def _beside(self) -> Exchange | None:
        return self._stream.close() if self._stream is not None else None


def _holds_more(count: int, exchange: Exchange) -> bool:
    return len(exchange.messages) > count


def levels_set(tour: Tour) -> list[tuple[str, Exchange]]:
    """Set each level in turn; return the levels with the answers, that of the visit first.

    Raises:
        NotApplicable: If the server does not declare logging.
        NotVerified: If the visit set no level.
    """
    if "logging" not in tour.capabilities:
        raise NotApplicable("the server does not declare logging")

    def probe() -> list[tuple[str, Exchange]]:
        steps = tour.named(SET_LEVEL)
        if not steps:
            raise NotVerified("the visit ended before a level could be set")
        first = steps[0].exchange
        refused_by_others(first)
        sent = first.request.message
        done = sent.params["level"] if sent is not None and isinstance(sent.params, dict) else ""
        # What a server keeps for all clients is left at a level that is usual.
        others = sorted(set(LEVELS) - {done}, key=lambda level: level == "info")
        return [
            (str(done), first),
            *((level, tour.client.request(SET_LEVEL, {"level": level})) for level in others),
        ]

    return tour.memo("levels-set", probe)


def taken_levels(tour: Tour) -> Logs:
    """Return the calls of a tool that logs less severe messages too, at a server that keeps a level.

    Raises:
        NotApplicable: If the server does not log, or answers with JSON.
        NotVerified: If no tool is named for it, it logs nothing that could be left out, or no level is taken.
    """
    found = with_logs(tour)
    messages = [message for stream in found.streams for message in log_messages(stream)]
    if not any(is_below(message, SEVERE) for message in messages):
        raise NotVerified(f"the tool {found.tool} logs nothing below the level {SEVERE}")
    if found.severe is None or found.severe.result is None:
        raise NotVerified(f"the level {SEVERE} could not be asked for")
    return found
