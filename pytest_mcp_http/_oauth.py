"""Logs in to the authorization server that an MCP server names, and gets new tokens when they run out.

Discovery is ours, since it goes through the wire and its limits; token requests are those of Authlib. No
message shows a secret.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Final
from urllib.parse import urlsplit

from pytest_mcp_http import _diagnosis as diagnosis
from pytest_mcp_http import _well_known as well_known
from pytest_mcp_http._login import Login
from pytest_mcp_http._option_values import mask_url
from pytest_mcp_http.assertions.authorization import bearer_challenge, metadata_in
from pytest_mcp_http.client import McpClient
from pytest_mcp_http.errors import TargetError
from pytest_mcp_http.spec.revisions import HANDSHAKE_REVISIONS
from pytest_mcp_http.wire.exchange import Exchange, Request
from pytest_mcp_http.wire.headers import Headers
from pytest_mcp_http.wire.http import HttpWire

EARLY: Final = 30.0
"""How long before its end a token is replaced, in seconds; a short-lived one after two thirds of its life."""


@dataclass(frozen=True)
class LoggedIn:
    """A login that worked.

    Attributes:
        login: How it was made.
        resource: What the token was asked for.
        token_endpoint: Where tokens come from.
        scope: The scopes that were asked for, or None.
        access_token: The token.
        expires_in: Seconds for which it is valid, as the authorization server says; None if it does not say.
        issued_at: When it was fetched, in seconds since the epoch.
    """

    login: Login
    resource: str
    token_endpoint: str
    scope: str | None
    access_token: str = field(repr=False)
    expires_in: float | None
    issued_at: float

    @property
    def stale(self) -> bool:
        """Whether the token is to be replaced now."""
        if self.expires_in is None:
            return False
        early = min(EARLY, self.expires_in / 3)
        return time.time() > self.issued_at + self.expires_in - early

    def to_json(self) -> dict[str, Any]:
        """Return it as plain JSON values, secrets included: for the workers of pytest-xdist only."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> LoggedIn:
        """Read what `to_json` returned."""
        return cls(**{**value, "login": Login(**value["login"])})


def log_in(login: Login, wire: HttpWire, url: str, headers: tuple[tuple[str, str], ...] = ()) -> LoggedIn:
    """Get a token for an MCP server, as its metadata say where.

    Args:
        login: How to log in.
        wire: Where metadata are read.
        url: The MCP endpoint.
        headers: Header lines of requests to the endpoint, without credentials of the login.

    Raises:
        TargetError: If there is no token; the message is the whole diagnosis.
    """
    challenged = _challenged(wire, url, headers)
    scope = login.scope
    issuer, resource = url, url
    metadata = _resource_metadata(wire, url, challenged)
    if metadata is not None:
        issuer = _issuer(metadata, login, url)
        resource = str(metadata.get("resource") or url)
        if well_known.origin(resource).lower() != well_known.origin(url).lower():
            # A token for it would be one for somebody else, and is not to be sent here.
            # https://www.rfc-editor.org/rfc/rfc9728#section-3.3
            raise _error(
                url, "the metadata of the server are those of another server", f"resource {resource!r}"
            )
        scope = scope or challenged.get("scope") or _joined(metadata.get("scopes_supported"))
        places = well_known.server_places(issuer)
    else:
        # At 2025-03-26 the metadata are those of the host of the MCP server.
        places = (well_known.at_root(url, well_known.SERVER),)
    server = _server_metadata(wire, places, issuer if metadata is not None else None, url)
    named = login.issuer
    if named is not None and str(server.get("issuer")).rstrip("/") != named.rstrip("/"):
        raise _error(url, f"the server names another authorization server than issuer={mask_url(named)}", "")
    endpoint = str(server.get("token_endpoint") or "")
    if not well_known.is_safe(endpoint):
        raise _error(
            url,
            "the authorization server names no token endpoint with TLS, and secrets are sent to no other",
            f"token_endpoint {endpoint[:200]!r}",
        )
    return renewed(LoggedIn(login, resource, endpoint, scope, "", None, 0.0), wire)


def renewed(logged_in: LoggedIn, wire: HttpWire) -> LoggedIn:
    """Return a login with a new token.

    Raises:
        TargetError: If the authorization server gives none.
    """
    import httpx
    from authlib.common.errors import AuthlibBaseError
    from authlib.integrations.httpx_client import OAuth2Client

    state, login = logged_in, logged_in.login
    verify: dict[str, Any] = {} if wire.context is None else {"verify": wire.context}
    options = {**verify, "timeout": wire.limits.total, "trust_env": False}
    extra = {"resource": state.resource, **({"scope": state.scope} if state.scope else {})}
    method = "none" if login.client_secret is None else "client_secret_basic"
    try:
        with OAuth2Client(
            login.client_id, login.client_secret, token_endpoint_auth_method=method, **options
        ) as client:
            if login.grant == "refresh-token":
                token = client.refresh_token(state.token_endpoint, refresh_token=login.refresh_token, **extra)
            else:
                token = client.fetch_token(state.token_endpoint, grant_type="client_credentials", **extra)
    except AuthlibBaseError as error:
        told = f"{error.error}: {error.description}" if error.description else str(error.error)
        raise _refused(state, _safe(told, login), _ADVICE.get(str(error.error), "")) from None
    except httpx.HTTPError as error:
        raise _refused(state, _safe(f"{type(error).__name__}: {error}", login), "") from None
    except ValueError:
        raise _refused(state, "no JSON", "") from None
    access = token.get("access_token")
    if not isinstance(access, str) or not access.isascii() or not access.isprintable() or not access:
        raise _refused(state, "an answer without a usable access_token", "")
    expires = token.get("expires_in")
    seconds = None if isinstance(expires, bool) or not isinstance(expires, (int, float)) else float(expires)
    rotated = token.get("refresh_token")
    if login.grant == "refresh-token" and isinstance(rotated, str) and rotated:
        login = replace(login, refresh_token=rotated)
    return replace(state, login=login, access_token=access, expires_in=seconds, issued_at=time.time())


_ADVICE: Final = {
    "invalid_client": "check client_id and the variable of client_secret",
    "unauthorized_client": "let the client use this grant at the authorization server",
    "invalid_grant": "get a new refresh token: this one has expired, or was used before",
    "invalid_scope": "give scope='A B' with scopes that the client may ask for",
    "invalid_target": "register the MCP server as a resource at the authorization server",
}


def _safe(text: str, login: Login) -> str:
    secrets = [value for value in (login.client_secret, login.refresh_token) if value is not None]
    return diagnosis.without_secrets(" ".join(text.split())[:300], secrets)


# -- discovery ----------------------------------------------------------------------------------------------


def _challenged(wire: HttpWire, url: str, headers: tuple[tuple[str, str], ...]) -> Mapping[str, str]:
    """Ask the server for anything without a token, and return the parameters of its challenge."""
    revision = HANDSHAKE_REVISIONS[-1]
    client = McpClient(url, revision, wire, headers=headers)
    exchange = client.initialize()
    client.close()
    if not exchange.answered:
        # Not there yet, or never: the same message as without a login.
        raise diagnosis.of_answer(exchange, revision) or TargetError(exchange.summary)
    challenge = bearer_challenge(exchange)
    return {} if challenge is None else challenge.parameters


def fetch(wire: HttpWire, url: str, *headers: tuple[str, str], secret: bool = False) -> Exchange:
    """GET a metadata document, by default without any credentials.

    Args:
        wire: Where the request is sent.
        url: The document.
        headers: More header lines.
        secret: Whether their values are secret.
    """
    lines = (("Accept", "application/json"), ("User-Agent", "pytest-mcp-http"), *headers)
    secrets = frozenset(name.lower() for name, _ in headers) if secret else frozenset()
    return wire.send(Request("GET", url, Headers(lines), secrets=secrets))


def _resource_metadata(wire: HttpWire, url: str, challenged: Mapping[str, str]) -> dict[str, Any] | None:
    named = challenged.get("resource_metadata", "")
    places = (*((named,) if _is_http(named) else ()), *well_known.resource_places(url))
    for place in dict.fromkeys(places):
        found = metadata_in(fetch(wire, place))
        if found is not None and isinstance(found.get("authorization_servers"), list):
            return found
    return None


def _issuer(metadata: Mapping[str, Any], login: Login, url: str) -> str:
    named = [each for each in metadata["authorization_servers"] if isinstance(each, str) and _is_http(each)]
    if not named:
        raise _error(url, "the metadata of the server name no authorization server", "")
    wished = [each for each in named if login.issuer and each.rstrip("/") == login.issuer.rstrip("/")]
    return (wished or named)[0]


def _server_metadata(wire: HttpWire, places: tuple[str, ...], issuer: str | None, url: str) -> dict[str, Any]:
    seen: list[str] = []
    for place in places:
        exchange = fetch(wire, place)
        found = metadata_in(exchange)
        if found is not None and (issuer is None or str(found.get("issuer")) == issuer):
            return found
        seen.append(
            f"GET {mask_url(place)}: {exchange.summary if found is None else 'it names another issuer'}"
        )
    what = "its authorization server cannot be reached, or serves no metadata"
    if issuer is None:
        what = "it has no metadata that lead to an authorization server"
    raise _error(url, what, "\n        ".join(seen))


def _is_http(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in ("http", "https") and bool(parts.hostname) and url.isascii() and url.isprintable()
        )
    except ValueError:
        return False


def _joined(scopes: object) -> str | None:
    if not isinstance(scopes, list):
        return None
    return " ".join(scope for scope in scopes if isinstance(scope, str)) or None


def _error(url: str, headline: str, got: str) -> TargetError:
    lines = [f"The login to the MCP server at {mask_url(url)} failed: {headline}."]
    if got:
        lines.append(f"  got:  {got}")
    lines.append("  do:   look at the server's authorization, or give a token with --mcp-header instead")
    return TargetError("\n".join(lines))


def _refused(state: LoggedIn, got: str, advice: str) -> TargetError:
    return TargetError(
        f"The login to the MCP server failed: the authorization server gave no token.\n"
        f"  sent: POST {mask_url(state.token_endpoint)} "
        f"({state.login.grant}, client {state.login.client_id})\n"
        f"  got:  {got}\n"
        f"  do:   {advice or 'read the log of the authorization server'}"
    )


# -- renewal ------------------------------------------------------------------------------------------------


class RenewingWire(HttpWire):
    """A wire that puts a new token in the place of one that is about to run out.

    Args:
        logged_in: The login of the run.
        wire: Limits and TLS settings; what it holds open stays with it.
    """

    def __init__(self, logged_in: LoggedIn, wire: HttpWire) -> None:
        super().__init__(wire.limits, wire.context)
        self._first = f"Bearer {logged_in.access_token}"
        self._state = logged_in
        self._lock = threading.Lock()
        self._tried = 0.0

    def outgoing(self, request: Request) -> Request:
        """Return a request with the token that is valid now, if it carries that of the login."""
        if self._first not in request.headers.get_all("authorization"):
            return request
        with self._lock:
            if self._state.stale and time.monotonic() > self._tried + 1.0:
                self._tried = time.monotonic()
                try:
                    self._state = renewed(self._state, self)
                except TargetError:
                    # The old one is sent; what the server says to that is an outcome like any other.
                    return request
            token = f"Bearer {self._state.access_token}"
        lines = [
            (name, token if name.lower() == "authorization" and value == self._first else value)
            for name, value in request.headers
        ]
        return replace(request, headers=Headers(lines))
