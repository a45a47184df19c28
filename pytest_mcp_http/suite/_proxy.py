"""The same exchanges through a proxy and past it, for the checks that say which hop changed what."""

from __future__ import annotations

from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from typing import Final

from pytest_mcp_http.client import McpClient
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.suite._arrival import PACES, Arrival, arrival, paced_role
from pytest_mcp_http.suite._deployment import SIZES, send_large
from pytest_mcp_http.suite._hops import Difference, Pair, grouped, header_differences, other_outcomes, outcome
from pytest_mcp_http.suite._probes import refused_by_others
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.visit import LISTS, UNKNOWN_METHOD
from pytest_mcp_http.wire.exchange import Exchange

SECTION: Final = "Past the proxy"
"""Title of the lines about it in the reports."""

HEAD_SECONDS: Final = 2.0
"""Seconds that a stream may take to begin, or a refusal to arrive."""

MANY: Final = 4
"""How many of the requests that show a difference are named."""


@dataclass(frozen=True)
class Comparison:
    """What the proxy made of the exchanges.

    Attributes:
        pairs: The same requests through the proxy and past it.
        headers: What became of the headers.
        outcomes: The requests that got something else.
        delivery: A call that reports progress, through and past; None if there is no tool for it.
        large: Large messages by their size in bytes, through and past.
    """

    pairs: tuple[Pair, ...]
    headers: tuple[Difference, ...]
    outcomes: tuple[Pair, ...]
    delivery: tuple[Arrival, Arrival] | None
    large: tuple[tuple[int, Exchange, Exchange], ...]

    @property
    def slowed(self) -> bool:
        """Whether events that came one by one came in one lump through the proxy."""
        return self.delivery is not None and self.delivery[0].lumped and not self.delivery[1].lumped

    @property
    def refused_sizes(self) -> list[tuple[int, Exchange, Exchange]]:
        """The large messages that got something else through the proxy."""
        return [each for each in self.large if outcome(each[1]) != outcome(each[2])]

    def lines(self) -> list[str]:
        """Return each difference in one line, those that may be legal included."""
        found = []
        for line, seen in grouped(self.headers).items():
            more = f" and {len(seen) - MANY} more" if len(seen) > MANY else ""
            found.append(f"header {line}: {', '.join(seen[:MANY])}{more}")
        others = [(pair.what, pair.through, pair.direct) for pair in self.outcomes]
        others += [(f"a message of {size:,} bytes", one, other) for size, one, other in self.refused_sizes]
        found += [f"{what} gets {outcome(one)} and past it {outcome(other)}" for what, one, other in others]
        if self.delivery is not None:
            through_call, direct_call = self.delivery
            found.append(
                f"{len(direct_call.times)} reports of progress come within {through_call.spread:.3f} s "
                f"and past it within {direct_call.spread:.3f} s"
            )
            if through_call.coding != direct_call.coding:
                coded = through_call.coding or "nothing"
                found.append(
                    f"streams are compressed with {coded}, past it {direct_call.coding or 'nothing'}"
                )
        return found


def direct(tour: Tour) -> str:
    """Return the URL past the proxy.

    Raises:
        NotVerified: If the user names none.
    """
    if tour.target.direct is None:
        raise NotVerified(
            "no address past a proxy is known: --mcp-direct is for the server of --mcp-url, "
            "and the fixture mcp_target gives another"
        )
    return tour.target.direct


def comparison(tour: Tour) -> Comparison:
    """Send the same through the proxy and past it, and note the differences for the reports."""

    def probe() -> Comparison:
        url = direct(tour)
        pairs = _pairs(tour, url)
        others = tuple(other_outcomes(pairs))
        # Another answer has other headers, and is a finding of its own.
        same = [pair for pair in pairs if pair not in others]
        found = Comparison(
            pairs,
            tuple(each for pair in same for each in header_differences(pair)),
            others,
            _delivery(tour, url),
            _large(tour, url),
        )
        tour.remarks[SECTION] = found.lines()
        return found

    return tour.memo("proxy-comparison", probe)


def _pairs(tour: Tour, url: str) -> tuple[Pair, ...]:
    through = _play(tour, None)
    past, again = _play(tour, url), _play(tour, url)
    names = [name for name in through if name in past and name in again]
    for name in names:
        refused_by_others(through[name])
    return tuple(Pair(name, through[name], past[name], again[name]) for name in names)


def _play(tour: Tour, url: str | None) -> dict[str, Exchange]:
    """Send one request of each kind to an address, none of which can run anything."""
    client = tour.new_client(url=url)
    found = {client.dialect.opening: client.open()}
    if found[client.dialect.opening].result is None:
        raise NotVerified(f"{client.dialect.opening} got {found[client.dialect.opening].summary}")
    if client.dialect.sessions:
        found["notifications/initialized"] = client.initialized()
    found[f"a second {client.dialect.plain}" if client.dialect.plain in found else "ping"] = client.plain()
    for capability, methods in LISTS.items():
        if capability in tour.capabilities:
            found |= {method: client.request(method) for method, _ in methods}
    found["an unknown method"] = client.request(UNKNOWN_METHOD)
    found["a body that is no JSON"] = client.post(b"{")
    found["OPTIONS"] = client.wire.send(client.build("OPTIONS", headers=_preflight(client)))
    with client.listen(limits=replace(client.wire.limits, first_byte=HEAD_SECONDS)) as stream:
        # What is no stream is waited for to its end: a body may come a moment after its head.
        stream.wait(lambda exchange: _begun(exchange, quiet=client.dialect.sessions), HEAD_SECONDS)
        found["GET" if client.dialect.sessions else "subscriptions/listen"] = stream.close()
    if client.dialect.sessions:
        found["DELETE"] = client.delete()
    client.close()
    return found


def _begun(exchange: Exchange, *, quiet: bool) -> bool:
    """Tell whether a stream is open as far as can be seen: a quiet one has its head only."""
    return exchange.ok and exchange.is_sse and (quiet or bool(exchange.messages))


def _preflight(client: McpClient) -> dict[str, str | None]:
    """Return the headers with which a browser asks before it sends a request of ours."""
    names = ("content-type", "mcp-protocol-version", "mcp-session-id")
    return {
        "Origin": "http://localhost",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": ",".join(names),
        # A browser sends no credentials with it.
        **{name: None for name, _ in client.base_headers},
        "Mcp-Session-Id": None,
    }


def _delivery(tour: Tour, url: str) -> tuple[Arrival, Arrival] | None:
    """Call a tool that reports progress through the proxy and past it; once more if either came in a lump."""
    with suppress(NotApplicable, NotVerified):
        role = paced_role(tour)
        for pace in PACES:
            with ExitStack() as stack:
                clients = [stack.enter_context(tour.session(url=each)) for each in (None, url)]
                for client in clients:
                    client.schemas.update(tour.client.schemas)
                found = arrival(clients[0], role, pace, "gzip"), arrival(clients[1], role, pace, "gzip")
            if not any(each.lumped for each in found):
                break
        return found
    return None


def _large(tour: Tour, url: str) -> tuple[tuple[int, Exchange, Exchange], ...]:
    with tour.session() as client, tour.session(url=url) as past:
        return tuple((size, send_large(client, size), send_large(past, size)) for size in SIZES)
