"""When the events of a call arrive that reports progress at a known pace, plain and compressed."""

from __future__ import annotations

import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

from pytest_mcp_http._roles import Role
from pytest_mcp_http.client import McpClient
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.suite._probes import refused_by_others
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire import jsonrpc
from pytest_mcp_http.wire.exchange import Exchange
from pytest_mcp_http.wire.sse import EventStreamParser

TICKS: Final = 4
"""Reports of progress that are asked for."""

PACES: Final = (0.04, 0.25)
"""Seconds between two reports; the second is for when the events came in one lump at the first.

A pause of this machine can be longer than a call, and says nothing about the server.
"""

PATIENCE: Final = 5.0
"""Seconds that a call may take beyond what it was asked for."""

PROGRESS: Final = "notifications/progress"


@dataclass(frozen=True)
class Arrival:
    """When the reports of progress of one call arrived.

    Attributes:
        exchange: The call.
        coding: Its content coding, in lower case; empty for none.
        times: Arrival of each report, in seconds since the call was sent.
        pace: Seconds between two reports, as the tool was asked for.
    """

    exchange: Exchange
    coding: str
    times: tuple[float, ...]
    pace: float

    @property
    def spread(self) -> float:
        """Seconds from the first to the last report."""
        return self.times[-1] - self.times[0] if self.times else 0.0

    @property
    def wanted(self) -> float:
        """Shortest spread of reports that arrive as they are made: half of what it should be."""
        return (len(self.times) - 1) * self.pace / 2

    @property
    def lumped(self) -> bool:
        """Whether the reports arrived closer to each other than they were made."""
        return self.spread < self.wanted


def paced_role(tour: Tour) -> Role:
    """Return a tool that reports progress at a pace that can be asked for.

    Raises:
        NotVerified: If none is named.
    """
    found = [role for role in tour.roles("slow") if "$MS" in role.template and "$N" in role.template]
    if not found:
        raise NotVerified("the tool of the role slow takes no $N and $MS, so its pace is not known")
    return found[0]


def arrivals(tour: Tour) -> tuple[Arrival, Arrival]:
    """Call the tool as clients do, and as one that takes gzip, at once.

    Raises:
        NotApplicable: If the server answers with JSON.
        NotVerified: If no tool is named for it, or it reports no progress.
    """

    def probe() -> tuple[Arrival, Arrival]:
        role = paced_role(tour)
        for pace in PACES:
            # Past the proxy, where that is known: what the proxy holds back is another finding.
            with tour.session(url=tour.target.direct) as client, ThreadPoolExecutor(2) as pool:
                client.schemas.update(tour.client.schemas)
                plain = pool.submit(arrival, client, role, pace)
                packed = pool.submit(arrival, client, role, pace, "gzip")
                found = plain.result(), packed.result()
            if not any(each.lumped for each in found):
                break
        return found

    return tour.memo("arrivals", probe)


def arrival(client: McpClient, role: Role, pace: float, coding: str = "identity") -> Arrival:
    """Call a tool of the role slow and see when its reports arrive.

    Args:
        client: Who calls.
        role: The tool.
        pace: Seconds between two reports.
        coding: The content coding to accept; gzip is the one that can be read here.

    Raises:
        NotApplicable: If the server answers with JSON.
        NotVerified: If the call fails or reports no progress.
    """
    params = role.params(n=TICKS, ms=round(pace * 1000))
    message = client.message("tools/call", params, meta={"progressToken": f"mcp-http-check-{coding}"})
    request = client.build("POST", message, {"Accept-Encoding": coding})
    seconds = TICKS * pace * 2 + PATIENCE
    # Straight over the wire: what looks at all exchanges cannot read what is compressed.
    exchange = client.wire.send(
        request, limits=replace(client.wire.limits, first_byte=seconds, total=seconds)
    )
    refused_by_others(exchange)
    used = (exchange.headers.get("content-encoding") or "").strip().lower()
    if exchange.is_json:
        raise NotApplicable("the server answers calls with JSON, beside which no progress is reported")
    if used not in ("", "identity", "gzip", "x-gzip"):
        raise NotVerified(f"the server compresses with {used!r}, which was not asked for")
    times = reports(exchange, packed="gzip" in used)
    if len(times) < 2:
        raise NotVerified(f"the tool {role.tool} reported no progress several times: {exchange.summary}")
    return Arrival(exchange, used.replace("identity", ""), times, pace)


def reports(exchange: Exchange, *, packed: bool) -> tuple[float, ...]:
    """Return when each report of progress arrived, in seconds since the request was sent.

    Args:
        exchange: An exchange with an event stream.
        packed: Whether it is compressed with gzip; what cannot be unpacked brings nothing.
    """
    parser = EventStreamParser()
    unpack = zlib.decompressobj(wbits=31)
    times: list[float] = []
    for chunk in exchange.chunks:
        try:
            data = unpack.decompress(chunk.data) if packed else chunk.data
        except zlib.error:
            break
        for event in parser.feed(data):
            message = jsonrpc.decode(event.data.encode("utf-8", "replace")) if event.data else None
            if message is not None and message.method == PROGRESS:
                times.append(chunk.at)
    return tuple(times)
