"""What a server asks of those without a token, and requests with tokens of all kinds.

The request that is sent with other credentials is the first that is refused without any: the opening, or else
a list of the server.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from pytest_mcp_http._login import lacking
from pytest_mcp_http._oauth import RenewingWire
from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.security import is_served
from pytest_mcp_http.client import HeaderChanges, McpClient
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.report.masking import ALWAYS_SECRET, MADE_UP_TOKEN
from pytest_mcp_http.suite._probes import needs_session
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.visit import LISTS
from pytest_mcp_http.wire.exchange import Exchange

NOT_OPEN: Final = "the server serves everything without credentials"

HeaderLines = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Guard:
    """The first request that a server refuses without credentials.

    Attributes:
        method: Its JSON-RPC method.
        bare: What it got.
        client: The client that sent it, which has a session if the opening is open to all.
    """

    method: str
    bare: Exchange
    client: McpClient


def credentials(tour: Tour) -> frozenset[str]:
    """Return the lower-case names of the headers that carry the credentials of the user."""
    target = tour.target
    given = {name.lower() for name, _ in target.headers}
    known = {name.lower() for name, _ in target.second_headers} | (given & ALWAYS_SECRET)
    return frozenset(known or given)


def without_credentials(tour: Tour) -> HeaderLines:
    """Return the header lines of the user that carry no credentials."""
    return tuple(line for line in tour.target.headers if line[0].lower() not in credentials(tour))


def stripped(tour: Tour) -> HeaderChanges:
    """Return the changes that take the credentials out of a request."""
    return dict.fromkeys(credentials(tour))


def list_methods(tour: Tour) -> list[str]:
    """Return the first list of each declared kind."""
    return [LISTS[name][0][0] for name in LISTS if name in tour.capabilities]


def guard(tour: Tour) -> Guard:
    """Return the first request that is refused without credentials.

    Raises:
        NotApplicable: If the server serves everything without.
        NotVerified: If the server did not answer, or does not serve the same with credentials.
    """

    def probe() -> Guard:
        tour.require(tour.opening, f"{tour.dialect.opening} with the credentials")
        client = McpClient(tour.target.url, tour.revision, tour.wire, headers=without_credentials(tour))
        first = client.open()
        if not first.answered:
            raise NotVerified(f"{tour.dialect.opening} without credentials got {first.summary}")
        if first.result is None:
            return _seen(tour, Guard(tour.dialect.opening, first, client))
        if tour.dialect.sessions:
            client.initialized()
        for method in list_methods(tour):
            exchange = client.request(method)
            if exchange.answered and exchange.result is None:
                return _seen(tour, Guard(method, exchange, client))
        client.close()
        raise NotApplicable(NOT_OPEN)

    return tour.memo("guard", probe)


def _seen(tour: Tour, found: Guard) -> Guard:
    if not credentials(tour) & ALWAYS_SECRET and found.bare.status not in (401, 403):
        raise NotVerified(f"{found.method} without the headers of the user got {found.bare.summary}")
    unlimited(found.bare)
    return found


def bearer(tour: Tour) -> str:
    """Return the bearer token of the first user.

    Raises:
        NotApplicable: If the server is open, or its credentials are of another kind.
        NotVerified: If the server asks for a token and none is given.
    """
    found = guard(tour)
    if not tour.target.headers:
        raise NotVerified(
            f"{found.method} asks for credentials: add --mcp-header 'Authorization: Bearer env:TOKEN'"
        )
    token = token_of(tour.target.headers)
    if token is None:
        raise NotApplicable("the credentials of the user are no bearer token")
    return tour.wire.token() if isinstance(tour.wire, RenewingWire) else token


def token_of(lines: HeaderLines) -> str | None:
    """Return the bearer token in some header lines, or None."""
    for name, value in lines:
        scheme, _, token = value.strip().partition(" ")
        if name.lower() == "authorization" and scheme.lower() == "bearer":
            return token.strip()
    return None


def given_token(tour: Tour, kind: str) -> str:
    """Return a token that the user gave for single checks.

    Raises:
        NotVerified: If there is none of the kind.
    """
    bearer(tour)
    if kind not in tour.target.tokens:
        raise NotVerified(lacking(kind))
    return tour.target.tokens[kind]


def lines_with(tour: Tour, token: str) -> HeaderLines:
    """Return the header lines of the user with another bearer token."""
    others = tuple(line for line in tour.target.headers if line[0].lower() != "authorization")
    return (*others, ("Authorization", f"Bearer {token}"))


def attempt(tour: Tour, authorization: str, name: str) -> Exchange:
    """Return what the guarded request gets with some `Authorization`; sent once for each name."""

    def probe() -> Exchange:
        found = guard(tour)
        changes = {"Authorization": authorization}
        if found.method != tour.dialect.opening:
            return unlimited(found.client.request(found.method, headers=changes))
        lines = tuple(line for line in tour.target.headers if line[0].lower() != "authorization")
        client = McpClient(
            tour.target.url, tour.revision, tour.wire, headers=(*lines, ("Authorization", authorization))
        )
        exchange = client.open()
        client.close()
        return unlimited(exchange)

    bearer(tour)
    return tour.memo(f"attempt with {name}", probe)


def with_made_up_token(tour: Tour) -> Exchange:
    """Return what the guarded request gets with a token that was made up."""
    return attempt(tour, f"Bearer {MADE_UP_TOKEN}", "a made-up token")


def refused_401(tour: Tour) -> Exchange:
    """Return the 401 that the guarded request gets without a token.

    Raises:
        NotVerified: If it gets another status, which `authorization.missing-token-401` reports.
    """
    bearer(tour)
    found = guard(tour).bare
    if found.status != 401:
        raise NotVerified(f"no 401: {guard(tour).method} without a token got {found.summary}")
    return found


def unlimited(exchange: Exchange) -> Exchange:
    """Return an exchange that no rate limit answered.

    Raises:
        NotVerified: If one did.
    """
    if exchange.status == 429:
        raise NotVerified(f"a rate limit answered first: {exchange.summary}")
    return exchange


def judge_not_served(exchange: Exchange, what: str, expected: str = "HTTP 401") -> None:
    """Judge that something was not served.

    Raises:
        RequirementViolated: If it was.
        NotVerified: If a rate limit answered.
    """
    unlimited(exchange)
    if is_served(exchange):
        violated(f"{exchange.summary}, for {what}", expected, exchange)


# -- in a live session --------------------------------------------------------------------------------------


def in_session(tour: Tour, send: Callable[[McpClient], Exchange], method: str) -> Exchange:
    """Send something in a live session of the first user whose plain request is served.

    Raises:
        NotApplicable: If the server assigns no session id.
        NotVerified: If nothing is served there.
    """
    needs_session(tour)
    with tour.session() as client:
        tour.require(client.request(method), f"{method} with the credentials in the session")
        return send(client)


# -- what a token says --------------------------------------------------------------------------------------


def claims_of(token: str) -> dict[str, Any] | None:
    """Return the claims of a JWT, unverified; None if it is none that can be read."""
    parts = token.split(".")
    if len(parts) != 3:
        return None
    found = [_json(part) for part in parts[:2]]
    return found[1] if all(isinstance(part, dict) for part in found) else None


def _json(part: str) -> Any:
    try:
        return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    except (ValueError, RecursionError):
        return None


def scopes_of(token: str) -> frozenset[str] | None:
    """Return the scopes of a JWT; None if it says nothing of any."""
    claims = claims_of(token) or {}
    found = claims.get("scope", claims.get("scp"))
    if isinstance(found, str):
        return frozenset(found.split())
    return frozenset(map(str, found)) if isinstance(found, list) else None


def altered(token: str) -> dict[str, str]:
    """Return tokens that look like a valid one, by what was done to it."""
    head, dot, signature = token.rpartition(".")
    if claims_of(token) is None:
        # In the middle: the end of a text may carry bits that mean nothing.
        at = len(token) // 2
        return {"a token with one other character": token[:at] + _other(token[at]) + token[at + 1 :]}
    at = len(signature) // 2
    changed = signature[:at] + _other(signature[at : at + 1]) + signature[at + 1 :]
    none = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').decode().rstrip("=")
    return {
        "a token with another signature": head + dot + changed,
        'a token without signature and with the algorithm "none"': f"{none}.{head.partition('.')[2]}.",
    }


def _other(character: str) -> str:
    return "A" if character != "A" else "B"


def with_query(url: str, token: str) -> str:
    """Return the URL of the endpoint with a token in its query."""
    return f"{url}{'&' if urlsplit(url).query else '?'}access_token={token}"
