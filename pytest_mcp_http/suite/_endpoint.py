"""Probes of the transport chapter: bare GET, odd messages, requests in flight at once, cut connections."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from pytest_mcp_http.client import SESSION_HEADER, VERSION_HEADER, McpClient
from pytest_mcp_http.errors import NotVerified
from pytest_mcp_http.suite._probes import served
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.visit import UNKNOWN_METHOD
from pytest_mcp_http.wire import jsonrpc
from pytest_mcp_http.wire.exchange import Exchange, Request
from pytest_mcp_http.wire.headers import Headers
from pytest_mcp_http.wire.http import SHORT_LINGER, OpenStream
from pytest_mcp_http.wire.raw import request_bytes, send_raw

FIRST_EVENT = 0.2
"""Seconds to wait for the first event of a GET stream, for the old transport sends it at once."""

QUIET = 0.08
"""Seconds that a GET stream has to stay open to count as live."""

CLIENTS, CALLS = 3, 4
"""Clients at once, and requests in flight of each."""

NEVER_ASKED = "mcp-http-check-never-asked"
ROOTS_CHANGED = "notifications/roots/list_changed"
UNKNOWN_SESSION = "mcp-http-check-no-such-session"

MEMBERS: Mapping[str, str] = {
    "tools/list": "tools",
    "prompts/list": "prompts",
    "resources/list": "resources",
    "resources/templates/list": "resourceTemplates",
}
"""The member that tells the result of a list from all others."""


def bare_get(tour: Tour) -> Exchange:
    """Return what a GET without session id and version got, with its first event if it opened a stream."""

    def probe() -> Exchange:
        with tour.new_client().listen(headers={VERSION_HEADER: None}) as stream:
            if stream.exchange.is_sse:
                stream.wait(lambda e: bool(e.events), FIRST_EVENT)
            return stream.close()

    return tour.memo("bare-get", probe)


def client_responses(tour: Tour) -> list[Exchange]:
    """Return what a result and an error got that answer no request of the server."""

    def probe() -> list[Exchange]:
        served(tour)
        answers: tuple[dict[str, object], ...] = (
            {"result": {}},
            {"error": {"code": -32601, "message": "Method not found"}},
        )
        return [tour.client.post({"jsonrpc": "2.0", "id": NEVER_ASKED, **answer}) for answer in answers]

    return tour.memo("client-responses", probe)


def odd_messages(tour: Tour) -> list[Exchange]:
    """Return what notifications and responses got that a server has reason to refuse."""

    def probe() -> list[Exchange]:
        served(tour)
        client = tour.client
        # With an id it might as well be a broken request, whose error may come with any status.
        found = [client.post({"jsonrpc": "1.0", "method": ROOTS_CHANGED})]
        if tour.session_id is not None:
            headers = {SESSION_HEADER: UNKNOWN_SESSION}
            response = {"jsonrpc": "2.0", "id": NEVER_ASKED, "result": {}}
            found += [client.notify(ROOTS_CHANGED, headers=headers), client.post(response, headers=headers)]
        return found

    return tour.memo("odd-messages", probe)


def with_accept(request: Request, *values: str) -> Request:
    """Return a request with these `Accept` lines instead of its own."""
    lines = [line for line in request.headers.lines if line[0].lower() != "accept"]
    return replace(request, headers=Headers([*lines, *(("Accept", value) for value in values)]))


# -- requests in flight at once --------------------------------------------------------------------------


@dataclass(frozen=True)
class Call:
    """One of several requests in flight: its method, its id, and what it got."""

    method: str
    id: int
    exchange: Exchange


def fits(method: str, exchange: Exchange) -> bool:
    """Tell whether the first response of an exchange can be the answer to a method."""
    if method == UNKNOWN_METHOD:
        return exchange.error is not None
    result = exchange.result
    if not isinstance(result, dict):
        return False
    if method in MEMBERS:
        return MEMBERS[method] in result
    return not any(member in result for member in MEMBERS.values())


def calls_at_once(tour: Tour) -> list[Call]:
    """Send several requests of several clients at the same moment; the clients use the same ids.

    The methods are those that were answered one by one before, in an order that differs by client.

    Raises:
        NotVerified: If sessions cannot be opened, or too few methods are answered.
    """

    def probe() -> list[Call]:
        named = {UNKNOWN_METHOD: "unknown method"}
        wanted = (UNKNOWN_METHOD, "ping", *MEMBERS)
        methods = [m for m in wanted if any(fits(m, s.exchange) for s in tour.named(named.get(m, m)))]
        if len(methods) < 2:
            raise NotVerified("fewer than two methods were answered one by one")
        clients = [tour.new_client().connect() for _ in range(CLIENTS)]
        if any(client.negotiated is None for client in clients):
            raise NotVerified("a second or third client could not connect")
        start = threading.Barrier(CLIENTS * CALLS)

        def send(client: McpClient, method: str, id: int) -> Call:
            start.wait(10.0)
            return Call(method, id, client.request(method, id=id))

        with ThreadPoolExecutor(CLIENTS * CALLS) as pool:
            sent = [
                pool.submit(send, client, methods[(number + call) % len(methods)], 1000 + call)
                for number, client in enumerate(clients)
                for call in range(CALLS)
            ]
            return [each.result() for each in sent]

    return tour.memo("calls-at-once", probe)


# -- connections that we cut -----------------------------------------------------------------------------


def ping_alone(tour: Tour, client: McpClient) -> Exchange:
    """Send a ping on a connection of its own."""
    request = client.build("POST", jsonrpc.request("ping", id=client.next_id()))
    limits = replace(tour.wire.limits, linger=SHORT_LINGER)
    return send_raw(request, limits=limits, context=tour.wire.context)


def cut_connections(tour: Tour, client: McpClient) -> Iterator[str]:
    """Reset connections at four points of an exchange; give where each was cut."""
    request = client.build("POST", jsonrpc.request("ping", id=client.next_id()))
    sent = request_bytes(request)
    body_at = sent.index(b"\r\n\r\n") + 4
    limits, context = tour.wire.limits, tour.wire.context
    for where, part in (
        ("after the request head", sent[:body_at]),
        ("in the request body", sent[: (body_at + len(sent)) // 2]),
        ("before the response", sent),
    ):
        send_raw(request, (part,), read=False, reset=True, limits=limits, context=context)
        yield where
    short = replace(limits, first_byte=QUIET, total=QUIET)
    send_raw(client.build("GET"), reset=True, limits=short, context=context)
    yield "in the response"


# -- GET streams -----------------------------------------------------------------------------------------


def is_live(stream: OpenStream) -> bool:
    """Tell whether a GET stream is open, and still is a moment later."""
    if stream.exchange.status != 200 or not stream.exchange.is_sse:
        return False
    stream.wait(lambda e: False, QUIET)
    return stream.alive
