"""A second process of a server that the run started by a command: what it leaves behind, and how it ends.

The process that is judged by all other checks is let alone.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final

from pytest_mcp_http._launch import CommandServer, start_command, wait_until_ready
from pytest_mcp_http._options import Settings
from pytest_mcp_http.client import McpClient
from pytest_mcp_http.dialect import ALL_CHANGES
from pytest_mcp_http.errors import NotVerified, TargetError
from pytest_mcp_http.suite._endpoint import plain_request
from pytest_mcp_http.suite._streams import ACKNOWLEDGED
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import Exchange
from pytest_mcp_http.wire.open_streams import OpenStream
from pytest_mcp_http.wire.raw import request_bytes, send_raw

END_SECONDS: Final = 5.0
"""Seconds that a server may take to end: container runtimes kill after 10."""

CALL_TICKS: Final = 20
CALL_MS: Final = 100
"""What the call is asked for that is open when the server is told to end."""

REQUESTS: Final = 12
"""Requests after which the processes are counted; half as many are reset in between."""

SETTLE_SECONDS: Final = 1.0
"""Seconds that processes may take to end after the requests."""

LAST_BYTES: Final = 1.0
"""Seconds that what was sent last may take to come in."""

CRASHES: Final = ("Traceback (most recent call last)", "Uncaught ", "Unhandled", "panic: ", "fatal error: ")
"""How lines begin with which runtimes report a crash."""


@dataclass(frozen=True)
class Shutdown:
    """How a server ended that was told to, with streams open.

    Attributes:
        ended: How the process ended; None if it had to be killed.
        stream: The stream for what no request asked for; None if the server offers none.
        call: A call that was running; None if no tool is named for it.
        output: What the server wrote since.
        before: How many processes it had after its first request; 0 where that cannot be told.
        after: How many after many requests, some of which were reset.
    """

    ended: str | None
    stream: Exchange | None
    call: Exchange | None
    output: str
    before: int
    after: int

    @property
    def open(self) -> str:
        """What was open, in words."""
        found = [name for name in ("stream", "call") if getattr(self, name) is not None]
        return " and ".join(f"a {name}" for name in found) or "nothing"


@contextmanager
def second_process(tour: Tour) -> Iterator[tuple[CommandServer, McpClient]]:
    """Start the command of the target once more, and connect to it.

    Raises:
        NotVerified: If the target was started by no command, or cannot be started a second time.
    """
    command = tour.target.command
    if command is None:
        raise NotVerified(
            "no process is started to be ended: --mcp-shutdown is for the server of --mcp-command, "
            "and the fixture mcp_target gives another"
        )
    settings = Settings(command=command.line, path=command.path, headers=tour.target.headers)
    try:
        server = start_command(settings)
    except TargetError as error:
        raise NotVerified(f"it cannot be started once more: {_first(error)}") from None
    try:
        url = wait_until_ready(server, command.startup_timeout, lambda found: found)
        client = McpClient(url, tour.revision, tour.wire, headers=tour.target.headers)
        client.schemas.update(tour.client.schemas)
        tour.require(client.open(), f"{client.dialect.opening} at a second process")
        if client.dialect.sessions:
            client.initialized()
        yield server, client
    except TargetError as error:
        raise NotVerified(f"it cannot be started once more: {_first(error)}") from None
    finally:
        server.close()


def _first(error: TargetError) -> str:
    return str(error).partition("\n")[0]


def shutdown(tour: Tour) -> Shutdown:
    """Send a second process many requests, and tell it to end while a stream and a call are open."""

    def probe() -> Shutdown:
        with second_process(tour) as (server, client):
            counts = _processes(tour, server, client)
            stream = _listen(client)
            call = _call(tour, client)
            for each in (stream, call):
                if each is not None:
                    each.wait(lambda exchange: exchange.answered, ACKNOWLEDGED)
            before = server.written()
            ended = server.ask_to_end(END_SECONDS)
            found = [_closed(each) for each in (stream, call)]
            return Shutdown(ended, found[0], found[1], server.log(before), *counts)

    return tour.memo("shutdown", probe)


def _listen(client: McpClient) -> OpenStream:
    body = client.message("subscriptions/listen", {"notifications": dict(ALL_CHANGES)})
    request = client.build("GET") if client.dialect.sessions else client.build("POST", body)
    return client.wire.open(request, await_head=False)


def _call(tour: Tour, client: McpClient) -> OpenStream | None:
    with suppress(NotVerified):
        params = tour.roles("slow")[0].params(n=CALL_TICKS, ms=CALL_MS)
        return client.wire.open(client.build("POST", client.message("tools/call", params)), await_head=False)
    return None


def _closed(stream: OpenStream | None) -> Exchange | None:
    """Return what came on a stream, if it was one."""
    if stream is None:
        return None
    stream.wait(lambda exchange: False, LAST_BYTES)
    exchange = stream.close()
    return exchange if exchange.ok and exchange.is_sse else None


def _processes(tour: Tour, server: CommandServer, client: McpClient) -> tuple[int, int]:
    """Return how many processes a server has after one request, and after many of them."""
    client.plain()
    before = server.members()
    for number in range(REQUESTS):
        tour.require(client.plain(), f"{client.dialect.plain} at a second process")
        if number % 2:
            request = plain_request(client)
            cut = (request_bytes(request)[:-2],)
            send_raw(request, cut, read=False, reset=True, limits=client.wire.limits)
    deadline = time.monotonic() + SETTLE_SECONDS
    while server.members() > before and time.monotonic() < deadline:
        time.sleep(0.05)
    return before, server.members()
