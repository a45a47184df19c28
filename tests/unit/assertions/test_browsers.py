from __future__ import annotations

from typing import Any

import pytest

from pytest_mcp_http.assertions import (
    RequirementViolated,
    assert_credentials_allowed_properly,
    assert_exposed,
    assert_one_allowed_origin,
    assert_preflight_allows_headers,
    assert_preflight_allows_method,
    assert_preflight_cached,
    assert_preflight_needs_no_token,
    assert_preflight_status,
    assert_readable_from,
)
from pytest_mcp_http.assertions.browsers import unsafe_names
from pytest_mcp_http.wire.exchange import Exchange, Request
from pytest_mcp_http.wire.headers import Headers

ORIGIN = "https://app.example.com"
ALLOW = "Access-Control-Allow-"


def answer(*lines: tuple[str, str], status: int = 204) -> Exchange:
    request = Request("OPTIONS", "http://127.0.0.1/mcp", Headers(()))
    return Exchange(request, status=status, headers=Headers(lines))


def breaks(judge: Any, *arguments: Any, match: str | None = None) -> None:
    with pytest.raises(RequirementViolated, match=match):
        judge(*arguments)


@pytest.mark.parametrize(
    ("lines", "names"),
    [
        ({"Accept": "application/json, text/event-stream", "Content-Type": "text/plain; charset=utf-8"}, ()),
        ({"Content-Type": "application/json"}, ("content-type",)),
        ({"Accept": 'text/html;q="1"'}, ("accept",)),
        ({"Accept": "a" * 129}, ("accept",)),
        ({"MCP-Protocol-Version": "1", "Authorization": "x"}, ("authorization", "mcp-protocol-version")),
        (
            {"User-Agent": "x", "Host": "h", "Origin": "o", "Sec-Fetch-Mode": "cors", "Content-Length": "1"},
            (),
        ),
    ],
)
def test_what_a_browser_asks_for(lines: dict[str, str], names: tuple[str, ...]) -> None:
    assert unsafe_names(Headers(lines.items())) == names


def test_status_of_a_preflight() -> None:
    for status in (200, 204):
        assert_preflight_status(answer(status=status))
    assert_preflight_status(answer(status=401))
    for status in (301, 307, 403, 404, 405, 500):
        breaks(assert_preflight_status, answer(status=status), match=f"HTTP {status}")
    assert_preflight_needs_no_token(answer(status=403))
    breaks(assert_preflight_needs_no_token, answer(status=401), match="401")


@pytest.mark.parametrize("value", ["*", ORIGIN])
def test_allowed_origins(value: str) -> None:
    assert_readable_from(answer((f"{ALLOW}Origin", value)), ORIGIN)


@pytest.mark.parametrize(
    "values",
    [(), (f"{ORIGIN}/",), ("https://APP.example.com",), ("null",), ("http://app.example.com",), ("",)],
)
def test_other_origins(values: tuple[str, ...]) -> None:
    breaks(assert_readable_from, answer(*((f"{ALLOW}Origin", value) for value in values)), ORIGIN)


def test_one_origin() -> None:
    assert_one_allowed_origin(answer())
    assert_one_allowed_origin(answer((f"{ALLOW}Origin", ORIGIN)))
    breaks(assert_one_allowed_origin, answer((f"{ALLOW}Origin", ORIGIN), (f"{ALLOW}Origin", "*")))
    breaks(assert_one_allowed_origin, answer((f"{ALLOW}Origin", f"{ORIGIN}, https://b.example")))


def test_methods() -> None:
    assert_preflight_allows_method(answer(), "POST")
    for value in ("DELETE", "GET, POST,DELETE", "*"):
        assert_preflight_allows_method(answer((f"{ALLOW}Methods", value)), "DELETE")
    for value in ("GET, POST", "delete"):
        breaks(assert_preflight_allows_method, answer((f"{ALLOW}Methods", value)), "DELETE")
    breaks(assert_preflight_allows_method, answer(), "DELETE", match="no Access-Control-Allow-Methods")


def test_headers() -> None:
    two = ["mcp-session-id", "content-type"]
    for value in ("Content-Type, MCP-SESSION-ID", "*", "content-type,mcp-session-id,x"):
        assert_preflight_allows_headers(answer((f"{ALLOW}Headers", value)), two)
    lines = ((f"{ALLOW}Headers", "content-type"), (f"{ALLOW}Headers", "mcp-session-id"))
    assert_preflight_allows_headers(answer(*lines), two)
    assert_preflight_allows_headers(answer(), [])
    breaks(
        assert_preflight_allows_headers, answer((f"{ALLOW}Headers", "content-type")), two, match="mcp-session"
    )


def test_a_wildcard_does_not_cover_authorization() -> None:
    assert_preflight_allows_headers(answer((f"{ALLOW}Headers", "*, Authorization")), ["authorization"])
    breaks(assert_preflight_allows_headers, answer((f"{ALLOW}Headers", "*")), ["authorization"])


def test_exposed_headers() -> None:
    for value in ("Mcp-Session-Id", "x, mcp-session-id", "*"):
        assert_exposed(answer(("Access-Control-Expose-Headers", value)), "Mcp-Session-Id")
    breaks(assert_exposed, answer(("Access-Control-Expose-Headers", "x")), "Mcp-Session-Id")
    breaks(assert_exposed, answer(), "Mcp-Session-Id", match="no Access-Control-Expose-Headers")


def test_credentials() -> None:
    allowed = (f"{ALLOW}Credentials", "true")
    assert_credentials_allowed_properly(answer())
    assert_credentials_allowed_properly(answer((f"{ALLOW}Origin", "*")))
    assert_credentials_allowed_properly(answer(allowed, (f"{ALLOW}Origin", ORIGIN)))
    breaks(assert_credentials_allowed_properly, answer((f"{ALLOW}Credentials", "True")))
    breaks(assert_credentials_allowed_properly, answer(allowed, (f"{ALLOW}Origin", "*")))
    breaks(assert_credentials_allowed_properly, answer(allowed, (f"{ALLOW}Headers", "a, *")))


def test_max_age() -> None:
    assert_preflight_cached(answer(("Access-Control-Max-Age", "600")))
    for value in ("0", "-1", "ten", "1.5", "\u0663"):
        breaks(assert_preflight_cached, answer(("Access-Control-Max-Age", value)))
    breaks(assert_preflight_cached, answer(), match="no Access-Control-Max-Age")
