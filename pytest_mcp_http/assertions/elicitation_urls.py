"""Assertions on the URLs that users are asked to open; none of them is ever opened.

Source: https://modelcontextprotocol.io/specification/2025-11-25/client/elicitation#safe-url-handling
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from typing import Final
from urllib.parse import SplitResult, parse_qsl, urlsplit

from pytest_mcp_http.assertions._base import Judged, as_exchange, judges, violated
from pytest_mcp_http.assertions.elicitation import demanded_elicitations, elicitations
from pytest_mcp_http.wire.exchange import Exchange

__tracebackhide__ = True  # a failure is about the response, not about this code

SIGNED: Final = re.compile(
    "(access|id|auth|session)_token|session_?id|jsessionid|phpsessid|password|api_?key|x-(amz|goog)-signature",
    re.IGNORECASE,
)
"""Names of parameters whose value lets whoever opens the URL in."""

MIN_SECRET: Final = 6
"""Shortest credential that is looked for in URLs; a shorter one may stand there by chance."""

_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_EMAIL: Final = re.compile(r"[\w.+-]+(@|%40)[\w-]+\.[\w.-]+")


def elicited_urls(response: Judged) -> list[tuple[str, str]]:
    """Return the URLs that a response asks the user to open, each with its place."""
    exchange = as_exchange(response)
    found = [(place, params) for place, params in elicitations(exchange) if params.get("mode") == "url"]
    found += [(place, each) for place, each in demanded_elicitations(exchange) if isinstance(each, dict)]
    return [(place, params["url"]) for place, params in found if isinstance(params.get("url"), str)]


@judges("mrtr.elicit-url-valid")
def assert_elicited_urls_valid(response: Judged) -> Exchange:
    """Assert that each URL which the user is to open is one: absolute, with a host if it is a web page.

    Args:
        response: The response.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If one is not.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/client/elicitation#url-mode-elicitation-requests
    """
    exchange = as_exchange(response)
    for place, url in elicited_urls(exchange):
        if not _is_url(url):
            violated(f"{place} has the url {url!r}", "an absolute URL", exchange)
    return exchange


@judges("mrtr.elicit-url-https")
def assert_elicited_urls_https(response: Judged, *, development: bool = False) -> Exchange:
    """Assert that each URL which the user is to open is one of HTTPS.

    Args:
        response: The response. URLs of this machine are not judged.
        development: Whether the server runs in a development environment; a violation is a note then.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If one is of HTTP.
    """
    exchange = as_exchange(response)
    for place, url in elicited_urls(exchange):
        parts = _split(url)
        if parts is not None and parts.scheme.lower() == "http" and not _is_local(parts.hostname or ""):
            violated(f"{place} has the url {url!r}", "an https URL", exchange, note=development)
    return exchange


@judges("security.elicit-url-no-pii")
def assert_elicited_urls_without_personal_data(response: Judged, secrets: Iterable[str] = ()) -> Exchange:
    """Assert that no URL which the user is to open holds credentials, as far as that can be seen.

    Args:
        response: The response.
        secrets: The credentials that the client sent.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If one holds a credential, or a user with a password; as a note if it holds an
            email address, which may be that of the user.
    """
    exchange = as_exchange(response)
    words = [word for secret in secrets for word in secret.split() if len(word) >= MIN_SECRET]
    expected = "a URL without credentials and personal data of the user"
    for place, url in elicited_urls(exchange):
        parts = _split(url)
        if any(word in url for word in words):
            violated(f"{place} has a URL with a credential that the client sent", expected, exchange)
        if parts is not None and parts.password:
            violated(f"{place} has a URL with a user and a password", expected, exchange)
        if parts is not None and _EMAIL.search(f"{parts.path}?{parts.query}#{parts.fragment}"):
            violated(f"{place} has a URL with an email address", expected, exchange, note=True)
    return exchange


@judges("security.elicit-url-not-preauth")
def assert_elicited_urls_not_preauthenticated(response: Judged) -> Exchange:
    """Assert that no URL which the user is to open lets in whoever opens it, as far as that can be seen.

    Args:
        response: The response.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If one has a parameter such as `access_token`.
    """
    exchange = as_exchange(response)
    for place, url in elicited_urls(exchange):
        parts = _split(url)
        query = f"{parts.query}&{parts.fragment}" if parts is not None else ""
        for name, value in parse_qsl(query, max_num_fields=1000) if query.count("&") < 1000 else ():
            if value and SIGNED.fullmatch(name):
                violated(
                    f"{place} has a URL with the parameter {name!r}",
                    "a URL that gives access to nothing by itself",
                    exchange,
                )
    return exchange


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _is_url(url: str) -> bool:
    parts = _split(url)
    if parts is None or not _SCHEME.match(url) or any(c <= " " for c in url):
        return False
    return bool(parts.hostname) or parts.scheme.lower() not in ("http", "https")


def _is_local(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
