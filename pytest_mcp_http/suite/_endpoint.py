"""Probes of the transport chapter: bare GET, odd messages, foreign text, requests in flight at once."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

from pytest_mcp_http.assertions.sse import LEGACY_TYPE
from pytest_mcp_http.client import SESSION_HEADER, VERSION_HEADER, HeaderChanges, McpClient
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.suite._probes import served
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.visit import UNKNOWN_METHOD, UNKNOWN_NAME, UNKNOWN_URI
from pytest_mcp_http.wire.exchange import JSON_TYPE, SSE_TYPE, Exchange, Request
from pytest_mcp_http.wire.headers import Headers

OLD_TRANSPORT = "GET opens a stream of the HTTP+SSE transport of 2024-11-05"

FIRST_EVENT = 0.2
"""Seconds to wait for the first event of a GET stream, for the old transport sends it at once."""

CLIENTS, CALLS = 3, 4
"""Clients at once, and requests in flight of each."""

NEVER_ASKED = "mcp-http-check-never-asked"
ROOTS_CHANGED = "notifications/roots/list_changed"
UNKNOWN_SESSION = "mcp-http-check-no-such-session"

UNSPOKEN: Final = "1999-01-01"
"""A version that no server speaks."""

FOREIGN_TEXT = "Grüße, 漢字, \U0001f600"
LINE_SEPARATORS = "a\u2028b\u2029c\u0085d"
"""Characters that careless readers take for line ends."""

SAME_ACCEPT = (
    (f"{SSE_TYPE}, {JSON_TYPE}",),
    (f"{JSON_TYPE},{SSE_TYPE}",),
    (f"{JSON_TYPE};q=0.9, {SSE_TYPE};q=0.8",),
    (f"{JSON_TYPE}; charset=utf-8, {SSE_TYPE}",),
    ("Application/JSON, Text/Event-Stream",),
    (JSON_TYPE, SSE_TYPE),
)
"""Ways to list both types, each a tuple of header lines, which RFC 9110 makes equal to ours."""

OTHER_ACCEPT = (("*/*",), (JSON_TYPE,), (SSE_TYPE,), ())
"""What clients send that they must not; any reaction is open."""

MEMBERS: Mapping[str, str] = {
    "tools/list": "tools",
    "prompts/list": "prompts",
    "resources/list": "resources",
    "resources/templates/list": "resourceTemplates",
}
"""The member that tells the result of a list from all others."""


def needs_one_era(tour: Tour) -> None:
    """Stop where a server has to serve what older clients send, since it speaks their revisions as well.

    Raises:
        NotApplicable: If it does.
    """
    if "handshake" in tour.target.facts.eras:
        raise NotApplicable("the server speaks earlier revisions as well")


def bare_get(tour: Tour) -> Exchange:
    """Return what a GET without session id and version got, with its first event if it opened a stream."""
    return tour.memo("bare-get", lambda: _get(tour, {VERSION_HEADER: None}))


def versioned_get(tour: Tour) -> Exchange:
    """Return what a GET without session id got that names the version, as `bare_get` does."""
    return tour.memo("versioned-get", lambda: _get(tour, {}))


def _get(tour: Tour, headers: HeaderChanges) -> Exchange:
    client = tour.new_client()
    with client.wire.open(client.build("GET", headers=headers)) as stream:
        if stream.exchange.is_sse:
            stream.wait(lambda e: bool(e.events), FIRST_EVENT)
        return stream.close()


def begins_old_transport(exchange: Exchange) -> bool:
    """Tell whether a stream begins as in the HTTP+SSE transport of 2024-11-05."""
    return any(event.type == LEGACY_TYPE for event in exchange.events[:1])


def foreign_calls(tour: Tour) -> list[tuple[str, dict[str, str]]]:
    """Return method and params of requests that have text beyond ASCII, and can do nothing."""
    name = f"{UNKNOWN_NAME} {FOREIGN_TEXT}"
    calls = {
        "prompts": ("prompts/get", {"name": name}),
        "tools": ("tools/call", {"name": name}),
        "resources": ("resources/read", {"uri": f"{UNKNOWN_URI}/{FOREIGN_TEXT}"}),
    }
    found = [call for capability, call in calls.items() if capability in tour.capabilities]
    # A method that is repeated in a header has to be ASCII.
    return found if tour.dialect.per_request else [(f"{UNKNOWN_METHOD}/{FOREIGN_TEXT}", {}), *found]


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
    """Return what messages got that a server has reason to refuse, one that is malformed first."""

    def probe() -> list[Exchange]:
        served(tour)
        client = tour.client
        found = [
            client.post({"jsonrpc": "1.0", "method": ROOTS_CHANGED}),
            client.notify(ROOTS_CHANGED, headers={VERSION_HEADER: UNSPOKEN}),
        ]
        if tour.session_id is not None:
            headers = {SESSION_HEADER: UNKNOWN_SESSION}
            response = {"jsonrpc": "2.0", "id": NEVER_ASKED, "result": {}}
            found += [client.notify(ROOTS_CHANGED, headers=headers), client.post(response, headers=headers)]
        return found

    return tour.memo("odd-messages", probe)


def plain_request(client: McpClient) -> Request:
    """Build the cheapest request that every server of the era serves."""
    return client.build("POST", client.message(client.dialect.plain))


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


def wrong_answer(call: Call, calls: Iterable[Call]) -> str | None:
    """Say what one of several requests in flight got instead of its answer, or return None if it got that.

    An id that comes back changed, but is nobody else's, is for `jsonrpc.response-id-matches`.
    """
    exchange = call.exchange
    if exchange.response is not None:
        id = exchange.response.id
        if str(id) in {str(other.id) for other in calls} - {str(call.id)}:
            return f"the response to the id {id}"
        if fits(call.method, exchange):
            return None
        for method, member in MEMBERS.items():
            if isinstance(exchange.result, dict) and member in exchange.result:
                return f"the result of {method}"
    return exchange.summary


def calls_at_once(tour: Tour) -> list[Call]:
    """Send several requests of several clients at the same moment; the clients use the same ids.

    The methods are those that were answered one by one before, in an order that differs by client.

    Raises:
        NotVerified: If sessions cannot be opened, or too few methods are answered.
    """

    def probe() -> list[Call]:
        plain = tour.dialect.plain
        named = {UNKNOWN_METHOD: "unknown method", plain: "plain"}
        wanted = (UNKNOWN_METHOD, plain, *MEMBERS)
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
