"""Probes with an `Origin` header: each differs from a request that was served in this header only."""

from __future__ import annotations

from urllib.parse import urlsplit

from pytest_mcp_http.assertions.security import assert_origin_refused, is_served
from pytest_mcp_http.client import McpClient
from pytest_mcp_http.errors import NotVerified
from pytest_mcp_http.suite._probes import refused_by_others
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import Exchange

HOSTILE = "https://attacker.invalid"
"""An origin that no server trusts: the name exists nowhere (RFC 2606)."""


def own_origin(tour: Tour) -> str:
    """Return the origin of the server itself."""
    parts = urlsplit(tour.target.url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def lookalikes(tour: Tour) -> tuple[str, ...]:
    """Return origins that a careless comparison takes for the server's own or for a loopback one."""
    parts = urlsplit(own_origin(tour))
    host = f"{parts.scheme}://{parts.hostname}"
    return (
        "http://localhost.attacker.invalid",
        "http://127.0.0.1.attacker.invalid",
        f"{host}.attacker.invalid" + (f":{parts.port}" if parts.port else ""),
        "http://attacker-localhost",
    )


def opening_from(tour: Tour, origin: str | None, *, host: str | None = None) -> Exchange:
    """Return the answer to the opening with some `Origin` (None: without) and perhaps another `Host`."""

    def probe() -> Exchange:
        client = tour.new_client()
        headers = {"Origin": origin} if host is None else {"Origin": origin, "Host": host}
        exchange = client.open(headers=headers)
        client.close()
        return exchange

    return tour.memo(f"opening from {origin} to {host}", probe)


def hostile_opening(tour: Tour) -> Exchange:
    """Return the answer to the opening from the hostile origin, after one without origin was served."""
    tour.require(opening_from(tour, None), f"{tour.dialect.opening} without Origin")
    exchange = opening_from(tour, HOSTILE)
    refused_by_others(exchange)
    return exchange


def judge_refusal(tour: Tour, exchange: Exchange, what: str) -> None:
    """Judge the answer to a request with an invalid `Origin`.

    Raises:
        RequirementViolated: If the server broke the rule of the revision.
        NotVerified: If that cannot be said: somebody else refused, or a server that is not local served it,
            which may allow every origin.
    """
    refused_by_others(exchange)
    if is_served(exchange) and not tour.target.loopback:
        raise NotVerified(f"{what} with Origin: {HOSTILE} is served; a public server may allow every origin")
    if tour.revision < "2025-11-25" and (exchange.status is None or exchange.status >= 500):
        raise NotVerified(f"the server failed instead of refusing: {exchange.summary}")
    assert_origin_refused(exchange, tour.revision, what)


def validates_origins(tour: Tour) -> None:
    """Stop where the server does not validate the origin of the opening at all.

    Raises:
        NotVerified: If it serves the hostile origin.
    """
    if is_served(hostile_opening(tour)):
        raise NotVerified(f"not validated at all: Origin: {HOSTILE} is served")


def open_stream(client: McpClient, origin: str | None) -> Exchange:
    """Send a GET with some `Origin`, and return the exchange as soon as there is a status."""
    return client.listen(headers={"Origin": origin}).close()
