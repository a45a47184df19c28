"""Probes of what lies between a server and its users: redirects, connections, large and slow bodies."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urljoin, urlsplit, urlunsplit

from pytest_mcp_http.client import McpClient
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.suite._endpoint import plain_request
from pytest_mcp_http.suite._probes import refused_by_others, served
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.visit import UNKNOWN_METHOD
from pytest_mcp_http.wire.exchange import Exchange, Request
from pytest_mcp_http.wire.http import SHORT_LINGER
from pytest_mcp_http.wire.raw import Pause, RawConnection, request_bytes, send_raw

MIB: Final = 1024 * 1024

SIZES: Final = (64 * 1024, MIB - 1, MIB + 1, 4 * MIB)
"""Bytes of a message: small, on either side of the limit that proxies have by default, and large."""

DRIPS: Final = 8
"""Pieces in which the body of a slow request is sent."""

DRIP_SECONDS: Final = 0.05
"""Pause before each of them."""

BESIDE_SECONDS: Final = 3.0
"""Longest time that a request is waited for while another one is half sent."""

CONNECTIONS: Final = 3
"""Connections that have to end without a word after their first response, until that is no accident."""

REDIRECTS: Final = (301, 302, 303, 307, 308)


# -- redirects ----------------------------------------------------------------------------------------------


def twin_of(url: str) -> str:
    """Return a URL whose path has another slash at its end, or one less."""
    parts = urlsplit(url)
    path = parts.path.rstrip("/") if parts.path.endswith("/") else f"{parts.path}/"
    return urlunsplit(parts._replace(path=path or "/"))


def twin(tour: Tour) -> Exchange:
    """Return what a plain request to the path with another slash at its end got.

    Raises:
        NotApplicable: If the path is empty, which has no such twin.
    """

    def probe() -> Exchange:
        if urlsplit(tour.target.url).path.strip("/") == "":
            raise NotApplicable("the path of the endpoint is /, which is the same without its slash")
        served(tour)
        request = replace(plain_request(tour.client), url=twin_of(tour.target.url))
        # Not over the client: what answers there is not the server that is judged.
        exchange = tour.wire.send(request)
        refused_by_others(exchange)
        return exchange

    return tour.memo("slash-twin", probe)


def leads_elsewhere(exchange: Exchange) -> bool:
    """Tell whether a redirect names another scheme or host than the request went to."""
    location = exchange.headers.get("location")
    if exchange.status not in REDIRECTS or location is None:
        return False
    here, there = (urlsplit(url) for url in (exchange.request.url, urljoin(exchange.request.url, location)))
    return (here.scheme, here.netloc.lower()) != (there.scheme, there.netloc.lower())


# -- connections --------------------------------------------------------------------------------------------


def two_on_one_connection(tour: Tour) -> tuple[Exchange, Exchange] | None:
    """Send two plain requests one after the other on one connection.

    Returns:
        What both got; None if the response to the first says that the connection ends, or cannot be followed
        by another one.
    """
    limits = replace(tour.wire.limits, linger=SHORT_LINGER)
    with tour.session() as client:
        request = plain_request(client)
        try:
            connection = RawConnection(request, limits=limits, context=tour.wire.context)
        except OSError as error:
            raise NotVerified(f"no connection could be made: {error}") from None
        with connection:
            first = tour.require(connection.exchange(request), f"{tour.dialect.plain} on a new connection")
            if not connection.reusable:
                return None
            return first, connection.exchange(plain_request(client))


# -- bodies -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Bodies:
    """What requests with unusual bodies got.

    Attributes:
        large: By the size of the message in bytes.
        slow: One whose body came in pieces.
        beside: A plain request that was sent while another one was half sent.
        unfinished: What the half request got until then, if anything.
        after: A plain request after that.
    """

    large: tuple[tuple[int, Exchange], ...]
    slow: Exchange
    beside: Exchange
    unfinished: Exchange
    after: Exchange


def bodies(tour: Tour) -> Bodies:
    """Send large, slow and unfinished bodies, all at once, since most of that is waiting.

    Raises:
        NotVerified: If a plain request is not served, or authentication or a rate limit answered.
    """

    def probe() -> Bodies:
        served(tour)
        # Past the proxy, where that is known: what the proxy refuses is another finding.
        with (
            tour.session() as client,
            tour.session(url=tour.target.direct) as past,
            ThreadPoolExecutor(2) as pool,
        ):
            slow = pool.submit(_drip, tour, plain_request(client))
            halves = pool.submit(_half, tour, client)
            large = tuple((size, send_large(past, size)) for size in SIZES)
            beside, unfinished = halves.result()
            found = Bodies(large, slow.result(), beside, unfinished, client.plain())
        for exchange in (found.slow, found.beside, found.after):
            refused_by_others(exchange)
        tour.require(found.after, f"{tour.dialect.plain} afterwards")
        return found

    return tour.memo("unusual-bodies", probe)


def send_large(client: McpClient, size: int) -> Exchange:
    """Send a request of so many bytes, of a method that nobody serves, so that it can do nothing."""
    message = client.message(UNKNOWN_METHOD, {"padding": ""})
    bare = len(client.build("POST", message).body)
    message["params"]["padding"] = "x" * (size - bare)
    # Straight over the wire: what is kept for the checks that look at all exchanges need not hold this.
    # The time to send it counts as well.
    limits = replace(client.wire.limits, first_byte=client.wire.limits.total)
    return client.wire.send(client.build("POST", message), limits=limits)


def _drip(tour: Tour, request: Request) -> Exchange:
    sent = request_bytes(request)
    body_at = sent.index(b"\r\n\r\n") + 4
    step = max(1, (len(sent) - body_at) // DRIPS)
    parts: list[bytes | Pause] = [sent[:body_at]]
    for start in range(body_at, len(sent), step):
        parts += [Pause(DRIP_SECONDS), sent[start : start + step]]
    limits = replace(tour.wire.limits, linger=SHORT_LINGER)
    return send_raw(request, parts, limits=limits, context=tour.wire.context)


def _half(tour: Tour, client: McpClient) -> tuple[Exchange, Exchange]:
    """Send half a request and, before the connection is ended, another one; return what both got."""
    request = plain_request(client)
    sent = request_bytes(request)
    half = sent[: (sent.index(b"\r\n\r\n") + 4 + len(sent)) // 2]
    brief = replace(tour.wire.limits, first_byte=DRIP_SECONDS, total=DRIP_SECONDS)
    try:
        connection = RawConnection(request, limits=brief, context=tour.wire.context)
    except OSError as error:
        raise NotVerified(f"no connection could be made: {error}") from None
    with connection:
        connection.exchange(request, (half,), read=False)
        seconds = min(BESIDE_SECONDS, tour.wire.limits.head)
        beside = client.plain(limits=replace(tour.wire.limits, first_byte=seconds, total=seconds))
        return beside, connection.exchange(request, ())


def odd_sizes(found: Bodies) -> Iterator[tuple[int, Exchange]]:
    """Yield the large messages that got neither a response nor a refusal, by their size in bytes."""
    for size, exchange in found.large:
        refused = exchange.status is not None and 400 <= exchange.status < 500
        if exchange.response is None and not refused:
            yield size, exchange
