"""What a browser sends for a client in a page of another origin: preflights, and the requests behind them.

The sets of header lines are those that our own client sends. A preflight is sent once for each of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from pytest_mcp_http.assertions.browsers import (
    names_several_origins,
    unsafe_names,
)
from pytest_mcp_http.client import SESSION_HEADER, McpClient
from pytest_mcp_http.errors import NotVerified
from pytest_mcp_http.suite._safe_tools import annotated_parameters
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.visit import UNKNOWN_METHOD
from pytest_mcp_http.wire.exchange import Exchange, Request
from pytest_mcp_http.wire.headers import Headers

SESSION_NAME: Final = SESSION_HEADER.lower()
AUTHORIZATION: Final = "authorization"
RESUMPTION: Final = "last-event-id"
MIRRORED: Final = "mcp-"
NOT_MIRRORED: Final = (SESSION_NAME, "mcp-protocol-version")
LAST_EVENT: Final = "mcp-http-check-1"

FETCH: Final[Mapping[str, str | None]] = {
    "Sec-Fetch-Site": "cross-site",
    "Sec-Fetch-Mode": "cors",
    "Sec-Fetch-Dest": "empty",
}
"""What browsers say of each request of a page."""


@dataclass(frozen=True)
class Preflight:
    """A preflight.

    Attributes:
        method: The method that the page wants to use.
        names: The names of the header lines that it asks for, in lower case.
        exchange: The preflight and its answer.
    """

    method: str
    names: tuple[str, ...]
    exchange: Exchange


@dataclass(frozen=True)
class Visit:
    """What a page did.

    Attributes:
        preflights: The preflights, one for each set of header lines.
        opening: The opening.
        answers: All requests with their answers, each with what it was.
        refused: A request without the token, if the user gave one.
    """

    preflights: tuple[Preflight, ...]
    opening: Exchange
    answers: tuple[tuple[str, Exchange], ...]
    refused: Exchange | None


def origin_of(tour: Tour) -> str:
    """Return the origin of the page."""
    origin = tour.target.browser
    assert origin is not None  # or nothing here is judged
    return origin


def visit_of(tour: Tour) -> Visit:
    """Return what a page of another origin did, at the revision of a tour."""
    return tour.memo("browser", lambda: _visit(tour))


def allowed(tour: Tour) -> list[Preflight]:
    """Return the preflights, all of which are answered so that a browser looks at what they allow.

    Raises:
        NotVerified: If one is not; the sentence names the requirement that says so.
    """
    for each in visit_of(tour).preflights:
        answer, id = each.exchange, None
        if answer.status == 401:
            id = "preflight-not-authenticated"
        elif not answer.ok:
            id = "preflight-status"
        elif not _passes(answer, origin_of(tour)):
            id = "one-allowed-origin" if names_several_origins(answer) else "preflight-origin"
        if id is not None:
            raise NotVerified(f"a preflight is refused: see browsers.{id}")
    return list(visit_of(tour).preflights)


def asking_for(tour: Tour, name: str, method: str | None = None) -> list[Preflight]:
    """Return the preflights that ask for a header line, perhaps of one method only."""
    return [
        each for each in allowed(tour) if name in each.names and (method is None or each.method == method)
    ]


def _passes(exchange: Exchange, origin: str) -> bool:
    return ", ".join(exchange.headers.get_all("access-control-allow-origin")) in ("*", origin)


def refused_for(tour: Tour, preflight: Preflight) -> list[str]:
    """Return the header lines for which a preflight may be refused, whose origin is allowed elsewhere.

    Some servers answer a preflight for a header line that they do not know as if they knew no CORS at all.
    """
    if "access-control-allow-origin" in preflight.exchange.headers:
        return []
    plain = Request("POST", tour.target.url, Headers([("Content-Type", "application/json")]))
    bare = tour.memo("browser-bare-preflight", lambda: _preflight(tour, plain, "a JSON body"))
    if not (bare.exchange.ok and _passes(bare.exchange, origin_of(tour))):
        return []
    return [name for name in preflight.names if name not in bare.names]


def is_mirrored(name: str) -> bool:
    """Tell whether a header line repeats a part of the body."""
    return name.startswith(MIRRORED) and name not in NOT_MIRRORED


def _visit(tour: Tour) -> Visit:
    headers = {"Origin": origin_of(tour), **FETCH}
    client = tour.new_client()
    client.schemas.update(tour.client.schemas)
    preflights = [_preflight(tour, client.build("POST", _opening(client)), "an opening")]
    opening = client.open(headers=headers)
    answers = [(tour.dialect.opening, opening)]
    preflights += [_preflight(tour, request, what) for what, request in _requests(tour, client)]
    if tour.dialect.sessions:
        answers.append(
            ("notifications/initialized", client.notify("notifications/initialized", headers=headers))
        )
    answers += [
        (tour.dialect.plain, client.plain(headers=headers)),
        ("an unknown method", client.request(UNKNOWN_METHOD, headers=headers)),
        ("a request with a broken body", client.post(b"{", headers=headers)),
    ]
    if tour.dialect.sessions:
        if tour.get is not None and tour.get.ok:
            answers.append(("GET", client.get(headers=headers)))
        if client.session_id is not None:
            answers += [
                ("DELETE", client.delete(headers=headers)),
                ("a request in an ended session", client.request("ping", headers=headers)),
            ]
    refused = None
    if _given(tour, AUTHORIZATION):
        refused = tour.new_client().open(headers={**headers, "Authorization": None})
    return Visit(tuple(dict.fromkeys(preflights)), opening, tuple(answers), refused)


def _given(tour: Tour, name: str) -> bool:
    return any(key.lower() == name for key, _ in tour.target.headers)


def _opening(client: McpClient) -> object:
    return client.message(client.dialect.opening)


def _requests(tour: Tour, client: McpClient) -> Iterator[tuple[str, Request]]:
    """Yield one request of each kind that differs from the others by method or header lines."""
    yield "a request", client.build("POST", client.message(client.dialect.plain))
    if client.dialect.sessions:
        yield "a GET", client.build("GET")
        yield "a GET that resumes", client.build("GET", headers={"Last-Event-ID": LAST_EVENT})
        yield "a DELETE", client.build("DELETE")
        return
    tools = [tool.get("name") for tool in tour.items("tools/list", "tools")]
    annotated = annotated_parameters(tour)
    for name in [*annotated, *tools][:1]:
        lines = {each.header: "1" for each in annotated.get(str(name), ())}
        body = client.message("tools/call", {"name": name, "arguments": {}})
        yield "a call", client.build("POST", body, lines)


def _preflight(tour: Tour, request: Request, what: str) -> Preflight:
    """Send the preflight of a request."""
    names = unsafe_names(request.headers)
    lines = {
        "Accept": "*/*",
        "Access-Control-Request-Method": request.method,
        "Access-Control-Request-Headers": ",".join(names),
        "Origin": origin_of(tour),
        **{name: str(value) for name, value in FETCH.items()},
    }
    exchange = tour.client.send(Request("OPTIONS", request.url, Headers(lines.items())))
    return Preflight(request.method, names, exchange)
