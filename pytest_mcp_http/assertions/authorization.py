"""Assertions on authorization: what is refused without a valid token, what challenges say, the metadata.

Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/authorization
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from pytest_mcp_http import _well_known as well_known
from pytest_mcp_http.assertions._base import Judged, as_exchange, judges, violated
from pytest_mcp_http.wire.challenge import Challenge, parse_challenges
from pytest_mcp_http.wire.exchange import JSON_TYPE, Exchange

__tracebackhide__ = True  # a failure is about the response, not about this code

LOOPBACK: Final = ("localhost", "127.0.0.1", "[::1]")


def bearer_challenge(response: Judged) -> Challenge | None:
    """Return the Bearer challenge of a response, or None if it has none that can be read.

    Args:
        response: The response.
    """
    exchange = as_exchange(response)
    found = parse_challenges(exchange.headers.get_all("www-authenticate")) or ()
    return next((challenge for challenge in found if challenge.scheme == "bearer"), None)


def metadata_in(response: Judged) -> dict[str, Any] | None:
    """Return the JSON object of a metadata document that was served, or None.

    Args:
        response: The response to the GET of the document.
    """
    exchange = as_exchange(response)
    if exchange.status != 200:
        return None
    try:
        found = json.loads(exchange.body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def is_safe_url(url: object) -> bool:
    """Tell whether something is a URL with TLS, or one on this machine.

    Args:
        url: What stands where a URL is expected.
    """
    return well_known.is_safe(str(url))


@judges("authorization.missing-token-401")
def assert_token_demanded(response: Judged, what: str = "a request") -> Exchange:
    """Assert that a request without a token was refused with 401.

    Args:
        response: The response.
        what: What was sent, for the message.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If it got anything else.
    """
    exchange = as_exchange(response)
    if exchange.status != 401:
        violated(f"{exchange.summary}, for {what} without a token", "HTTP 401", exchange)
    return exchange


@judges("authorization.invalid-token-401", "authorization.expired-token-401", "authorization.audience")
def assert_token_refused(response: Judged, what: str = "a token that is not valid") -> Exchange:
    """Assert that a request with a token that is not valid was refused with 401.

    Args:
        response: The response.
        what: Which token was sent, for the message.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If it got anything else.
    """
    exchange = as_exchange(response)
    if exchange.status != 401:
        violated(f"{exchange.summary}, with {what}", "HTTP 401", exchange)
    return exchange


@judges("authorization.error-response-form")
def assert_bearer_challenge(response: Judged) -> Exchange:
    """Assert that a 401 has a `WWW-Authenticate` header with a Bearer challenge that can be read.

    Args:
        response: The response with status 401.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If it has none.

    Source: https://www.rfc-editor.org/rfc/rfc9110#section-15.5.2
    """
    exchange = as_exchange(response)
    values = exchange.headers.get_all("www-authenticate")
    expected = "WWW-Authenticate: Bearer, perhaps with parameters"
    if not values:
        violated("a 401 without WWW-Authenticate", expected, exchange)
    if parse_challenges(values) is None:
        violated(f"WWW-Authenticate: {values[0][:200]!r}, which cannot be read", expected, exchange)
    if bearer_challenge(exchange) is None:
        violated(f"WWW-Authenticate: {values[0][:200]!r}, without Bearer", expected, exchange)
    return exchange


@judges("authorization.challenge-error-code")
def assert_challenge_error(response: Judged, error: str | None) -> Exchange:
    """Assert that a Bearer challenge has a certain `error`, or none.

    Args:
        response: The response with the challenge.
        error: `invalid_token` for a token that is not valid, None for a request without a token.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If it has another one, or there is no challenge.

    Source: https://www.rfc-editor.org/rfc/rfc6750#section-3
    """
    exchange = as_exchange(response)
    challenge = bearer_challenge(exchange)
    expected = "no error, since no token was sent" if error is None else f'error="{error}"'
    if challenge is None:
        violated("no Bearer challenge", expected, exchange)
    found = challenge.parameters.get("error")
    if found != error:
        violated("no error" if found is None else f"error={found[:80]!r}", expected, exchange)
    return exchange


@judges("authorization.insufficient-scope-challenge")
def assert_scope_challenge(response: Judged) -> Exchange:
    """Assert that a 403 for a token with too few scopes says which scopes are needed, and where to get them.

    Args:
        response: The response with status 403.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If its Bearer challenge lacks `error="insufficient_scope"`, `scope` or
            `resource_metadata`.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/authorization#runtime-insufficient-scope-errors
    """
    exchange = as_exchange(response)
    expected = 'WWW-Authenticate: Bearer with error="insufficient_scope", scope and resource_metadata'
    challenge = bearer_challenge(exchange)
    if challenge is None:
        violated("HTTP 403 without a Bearer challenge", expected, exchange)
    given = challenge.parameters
    if given.get("error") != "insufficient_scope":
        violated(f"a challenge with the error {given.get('error')!r}", expected, exchange)
    for name in ("scope", "resource_metadata"):
        if not given.get(name, "").strip():
            violated(f"a challenge without {name}", expected, exchange)
    return exchange


@judges("authorization.prm-implemented")
def assert_resource_metadata(response: Judged) -> dict[str, Any]:
    """Assert that the metadata of a protected resource were served: 200, JSON, an object with `resource`.

    Args:
        response: The response to the GET of the document.

    Returns:
        The document.

    Raises:
        RequirementViolated: If it is anything else.

    Source: https://www.rfc-editor.org/rfc/rfc9728#section-3.2
    """
    exchange = as_exchange(response)
    expected = "HTTP 200 with application/json, a JSON object with the member resource"
    found = metadata_in(exchange)
    if found is None:
        violated(f"{exchange.summary}, for the metadata of the server", expected, exchange)
    if exchange.essence != JSON_TYPE:
        violated(f"metadata of the media type {exchange.essence}", expected, exchange)
    if not isinstance(found.get("resource"), str):
        violated("metadata without the member resource", expected, exchange)
    return found


@judges("authorization.prm-authorization-servers")
def assert_authorization_servers_named(response: Judged) -> list[str]:
    """Assert that the metadata of a protected resource name at least one authorization server.

    Args:
        response: The response to the GET of the document.

    Returns:
        The issuer URLs.

    Raises:
        RequirementViolated: If `authorization_servers` is no array of URLs with at least one.
    """
    exchange = as_exchange(response)
    named = (metadata_in(exchange) or {}).get("authorization_servers")
    if (
        not isinstance(named, list)
        or not named
        or not all(isinstance(url, str) and urlsplit(url).scheme and urlsplit(url).netloc for url in named)
    ):
        expected = "an array of URLs with at least one"
        violated(f"authorization_servers is {str(named)[:200]}", expected, exchange)
    return list(named)


@judges("authorization.prm-resource-matches")
def assert_resource_matches(response: Judged, url: str) -> Exchange:
    """Assert that the metadata of a protected resource are those of the server that they were asked from.

    Args:
        response: The response to the GET of the document.
        url: The MCP endpoint.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If `resource` is neither that URL nor one above it on the same host.

    Source: https://www.rfc-editor.org/rfc/rfc9728#section-3.3
    """
    exchange = as_exchange(response)
    resource = (metadata_in(exchange) or {}).get("resource")
    if not isinstance(resource, str) or not _covers(resource, url):
        wanted = url.partition("?")[0]
        violated(f"resource is {str(resource)[:200]!r}", f"{wanted}, or a URL above it", exchange)
    return exchange


def _covers(resource: str, url: str) -> bool:
    try:
        above, below = urlsplit(resource), urlsplit(url)
        places = [(each.scheme.lower(), _host(each.hostname), each.port) for each in (above, below)]
    except ValueError:
        return False
    path = above.path.rstrip("/")
    return places[0] == places[1] and (below.path == path or f"{below.path}/".startswith(f"{path}/"))


def _host(name: str | None) -> str:
    """Return a host name to compare; the names of this machine are one."""
    found = (name or "").lower()
    return "localhost" if f"[{found}]" in LOOPBACK or found in LOOPBACK else found


def scopes_in(challenge: Challenge | None) -> frozenset[str]:
    """Return the scopes that a challenge names.

    Args:
        challenge: A Bearer challenge, or None.
    """
    parameters: Mapping[str, str] = {} if challenge is None else challenge.parameters
    return frozenset(parameters.get("scope", "").split())
