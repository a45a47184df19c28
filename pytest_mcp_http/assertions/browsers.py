"""Assertions on what a browser lets a page of another origin do: preflights, and reading answers.

The client in the page is taken to send no cookies, as those of the official SDKs.

Source: https://fetch.spec.whatwg.org/#http-cors-protocol
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from pytest_mcp_http.assertions._base import Judged, as_exchange, judges, violated
from pytest_mcp_http.wire.exchange import Exchange
from pytest_mcp_http.wire.headers import Headers

__tracebackhide__ = True  # a failure is about the response, not about this code

ALLOW_ORIGIN: Final = "Access-Control-Allow-Origin"
ALLOW_METHODS: Final = "Access-Control-Allow-Methods"
ALLOW_HEADERS: Final = "Access-Control-Allow-Headers"
ALLOW_CREDENTIALS: Final = "Access-Control-Allow-Credentials"
EXPOSE_HEADERS: Final = "Access-Control-Expose-Headers"
MAX_AGE: Final = "Access-Control-Max-Age"

SAFE_METHODS: Final = frozenset({"GET", "HEAD", "POST"})
"""Methods that a preflight need not allow (https://fetch.spec.whatwg.org/#cors-safelisted-method)."""

SAFE_TYPES: Final = frozenset({"application/x-www-form-urlencoded", "multipart/form-data", "text/plain"})
SAFE_NAMES: Final = frozenset({"accept", "accept-language", "content-language"})
NO_WILDCARD: Final = frozenset({"authorization"})
"""Names that `*` does not cover (https://fetch.spec.whatwg.org/#cors-non-wildcard-request-header-name)."""

OF_THE_BROWSER: Final = frozenset({"host", "content-length", "connection", "origin", "user-agent"})
"""Header lines that the browser sets itself."""

_UNSAFE: Final = frozenset('"():<>?@[\\]{}\x7f') | frozenset(map(chr, range(0x20))) - {"\t"}
_LONGEST: Final = 128


def unsafe_names(headers: Headers) -> tuple[str, ...]:
    """Return the names of header lines for which a browser asks in a preflight, in lower case, sorted.

    Args:
        headers: The header lines that a page wants to send.

    Source: https://fetch.spec.whatwg.org/#cors-unsafe-request-header-names
    """
    found = {name.lower() for name, value in headers if not _is_safe(name.lower(), value)}
    return tuple(sorted(name for name in found - OF_THE_BROWSER if not name.startswith("sec-")))


def _is_safe(name: str, value: str) -> bool:
    if len(value) > _LONGEST or _UNSAFE & set(value):
        return False
    return name in SAFE_NAMES or (
        name == "content-type" and value.partition(";")[0].strip().lower() in SAFE_TYPES
    )


@judges("browsers.preflight-not-authenticated")
def assert_preflight_needs_no_token(response: Judged) -> Exchange:
    """Assert that a preflight is not asked for a token, which browsers never send with it.

    Args:
        response: The answer to the preflight.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If it is 401.

    Source: https://fetch.spec.whatwg.org/#cors-preflight-fetch
    """
    exchange = as_exchange(response)
    if exchange.status == 401:
        actual = f"{exchange.summary}, to a preflight"
        violated(actual, "HTTP 204, as a browser sends no token with a preflight", exchange)
    return exchange


@judges("browsers.preflight-status")
def assert_preflight_status(response: Judged) -> Exchange:
    """Assert that a preflight gets a 2xx status; 401 has an assertion of its own.

    Args:
        response: The answer to the preflight.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: For any other status, a redirect among them.

    Source: https://fetch.spec.whatwg.org/#cors-preflight-fetch
    """
    exchange = as_exchange(response)
    if not exchange.ok and exchange.status != 401:
        violated(f"{exchange.summary}, to a preflight", "HTTP 204 or another 2xx", exchange)
    return exchange


@judges("browsers.preflight-origin", "browsers.response-origin")
def assert_readable_from(response: Judged, origin: str) -> Exchange:
    """Assert that a page of an origin may read a response.

    Args:
        response: The response to a request from that page.
        origin: The origin, such as `https://app.example.com`.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If `Access-Control-Allow-Origin` is absent, or names another origin.

    Source: https://fetch.spec.whatwg.org/#cors-check
    """
    exchange = as_exchange(response)
    values = exchange.headers.get_all(ALLOW_ORIGIN)
    if ", ".join(values) not in ("*", origin):
        got = f"{ALLOW_ORIGIN}: {', '.join(values)}" if values else f"no {ALLOW_ORIGIN}"
        expected = (f"{ALLOW_ORIGIN}: {origin}", f"{ALLOW_ORIGIN}: *")
        violated(f"{exchange.summary}, with {got}: the page cannot read it", expected, exchange)
    return exchange


@judges("browsers.one-allowed-origin")
def assert_one_allowed_origin(response: Judged) -> Exchange:
    """Assert that a response names at most one origin; browsers refuse a list, and a line given twice.

    Args:
        response: The response to a preflight or to a request.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If `Access-Control-Allow-Origin` has several values.

    Source: https://fetch.spec.whatwg.org/#cors-check
    """
    exchange = as_exchange(response)
    if names_several_origins(exchange):
        values = ", ".join(exchange.headers.get_all(ALLOW_ORIGIN))
        actual = f"{ALLOW_ORIGIN} has several values, {values}, which browsers take for none"
        violated(actual, f"one {ALLOW_ORIGIN} line with one origin", exchange)
    return exchange


def names_several_origins(exchange: Exchange) -> bool:
    """Tell whether `Access-Control-Allow-Origin` has several values."""
    values = exchange.headers.get_all(ALLOW_ORIGIN)
    return len(values) > 1 or any("," in value for value in values)


@judges("browsers.preflight-methods")
def assert_preflight_allows_method(response: Judged, method: str) -> Exchange:
    """Assert that a preflight allows a method.

    Args:
        response: The answer to the preflight.
        method: The method, in capitals; browsers ask for no leave to send GET, HEAD and POST.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If `Access-Control-Allow-Methods` has neither it nor `*`.

    Source: https://fetch.spec.whatwg.org/#cors-preflight-fetch
    """
    exchange = as_exchange(response)
    allowed = _listed(exchange, ALLOW_METHODS)
    if method not in SAFE_METHODS and not {method, "*"} & set(allowed):
        got = f"{ALLOW_METHODS}: {', '.join(allowed)}" if allowed else f"no {ALLOW_METHODS}"
        violated(f"{got}, to a preflight for {method}", f"{ALLOW_METHODS} with {method}", exchange)
    return exchange


@judges(
    "browsers.preflight-authorization",
    "browsers.preflight-headers",
    "browsers.preflight-mirrored-headers",
    "browsers.preflight-resumption-header",
    "browsers.preflight-session-header",
)
def assert_preflight_allows_headers(response: Judged, names: Iterable[str]) -> Exchange:
    """Assert that a preflight allows header lines.

    Args:
        response: The answer to the preflight.
        names: Names of the header lines, in any letter case.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If `Access-Control-Allow-Headers` has not all of them. `*` covers all but
            `Authorization`.

    Source: https://fetch.spec.whatwg.org/#cors-preflight-fetch
    """
    exchange = as_exchange(response)
    allowed = {name.lower() for name in _listed(exchange, ALLOW_HEADERS)}
    missing = [name for name in names if not _covers(allowed, name.lower())]
    if missing:
        lines = ", ".join(exchange.headers.get_all(ALLOW_HEADERS))
        got = f"{ALLOW_HEADERS}: {lines}" if lines else f"no {ALLOW_HEADERS}"
        expected = f"{ALLOW_HEADERS} with {', '.join(missing)}"
        violated(f"{got}, so that a page cannot send {', '.join(missing)}", expected, exchange)
    return exchange


def _covers(allowed: Collection[str], name: str) -> bool:
    return name in allowed or ("*" in allowed and name not in NO_WILDCARD)


@judges("browsers.expose-session-id", "browsers.expose-www-authenticate")
def assert_exposed(response: Judged, name: str) -> Exchange:
    """Assert that a page may read a header line of a response.

    Args:
        response: The response that has the header line; what a preflight exposes does not matter.
        name: Name of the header line.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If `Access-Control-Expose-Headers` has neither it nor `*`.

    Source: https://fetch.spec.whatwg.org/#cors-safelisted-response-header-name
    """
    exchange = as_exchange(response)
    exposed = {found.lower() for found in _listed(exchange, EXPOSE_HEADERS)}
    if not {name.lower(), "*"} & exposed:
        lines = ", ".join(exchange.headers.get_all(EXPOSE_HEADERS))
        got = f"{EXPOSE_HEADERS}: {lines}" if lines else f"no {EXPOSE_HEADERS}"
        expected = f"{EXPOSE_HEADERS} with {name}"
        violated(f"{exchange.summary}, with {got}: the page cannot read {name}", expected, exchange)
    return exchange


@judges("browsers.credentials")
def assert_credentials_allowed_properly(response: Judged) -> Exchange:
    """Assert that a response which allows credentials does so in the one way that browsers take.

    Args:
        response: The response to a preflight or to a request.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If `Access-Control-Allow-Credentials` is not the word `true`, or goes with a
            wildcard, which does not count then.

    Source: https://fetch.spec.whatwg.org/#cors-check
    """
    exchange = as_exchange(response)
    value = exchange.headers.get(ALLOW_CREDENTIALS)
    if value is not None and value != "true":
        violated(f"{ALLOW_CREDENTIALS}: {value}", f"{ALLOW_CREDENTIALS}: true, or no such line", exchange)
    wild = [name for name in (ALLOW_ORIGIN, ALLOW_HEADERS) if "*" in _listed(exchange, name)]
    if value is not None and wild:
        actual = f"{ALLOW_CREDENTIALS}: true with {wild[0]}: *, which counts for nothing then"
        violated(actual, f"{wild[0]} by name, or no {ALLOW_CREDENTIALS}", exchange)
    return exchange


@judges("browsers.max-age")
def assert_preflight_cached(response: Judged) -> Exchange:
    """Assert that browsers may keep the answer to a preflight for a while.

    Args:
        response: The answer to the preflight.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If `Access-Control-Max-Age` is absent, no number or zero. Browsers then ask again
            after five seconds, or each time.

    Source: https://fetch.spec.whatwg.org/#http-access-control-max-age
    """
    exchange = as_exchange(response)
    value = exchange.headers.get(MAX_AGE)
    if value is None or not value.isascii() or not value.isdigit() or int(value) == 0:
        got = f"{MAX_AGE}: {value}" if value is not None else f"no {MAX_AGE}"
        actual = f"{got}: a browser sends a preflight ahead of almost every request"
        violated(actual, f"{MAX_AGE} with some seconds", exchange)
    return exchange


def _listed(exchange: Exchange, name: str) -> list[str]:
    """Return the members of a list header, of all its lines."""
    return [
        part for line in exchange.headers.get_all(name) for part in map(str.strip, line.split(",")) if part
    ]
