"""Pages of allowed origins, and of others."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest

from reference_server import create_app

ORIGIN = "https://app.example.com"
PREFLIGHT = {"Origin": ORIGIN, "Access-Control-Request-Method": "POST"}
OPENING = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "t", "version": "1"},
    },
}
LINES = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
Reference = Callable[..., str]


@pytest.fixture
def url(reference: Reference) -> str:
    return reference(mode="stateful", origins=[ORIGIN])


def test_preflight_of_an_allowed_origin(url: str) -> None:
    asked = "content-type,mcp-param-region,x-other"
    answer = httpx.options(url, headers={**PREFLIGHT, "Access-Control-Request-Headers": asked})
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "DELETE" in answer.headers["access-control-allow-methods"]
    allowed = answer.headers["access-control-allow-headers"].split(", ")
    assert {"authorization", "mcp-session-id", "mcp-param-region"} <= set(allowed)
    assert "x-other" not in allowed
    assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize("origin", ["https://evil.example", f"{ORIGIN}.evil.example", "null"])
def test_another_origin_is_refused_as_ever(url: str, origin: str) -> None:
    for answer in (
        httpx.options(url, headers={**PREFLIGHT, "Origin": origin}),
        httpx.post(url, headers={**LINES, "Origin": origin}, json=OPENING),
    ):
        assert answer.status_code == 403
        assert "access-control-allow-origin" not in answer.headers


def test_a_local_origin_is_served_but_gets_no_leave(url: str) -> None:
    answer = httpx.post(url, headers={**LINES, "Origin": "http://localhost:1"}, json=OPENING)
    assert answer.status_code == 200
    assert "access-control-allow-origin" not in answer.headers
    assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize("body", ["{}", ""])
def test_refusals_can_be_read(url: str, body: str) -> None:
    answer = httpx.post(url, headers={**LINES, "Origin": ORIGIN}, content=body)
    assert answer.status_code == 400
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    assert "mcp-session-id" in answer.headers["access-control-expose-headers"]


def test_options_without_the_question_is_no_preflight(url: str) -> None:
    assert httpx.options(url, headers={"Origin": ORIGIN}).status_code == 405


def test_without_origins_nothing_is_different(reference: Reference) -> None:
    answer = httpx.options(reference(mode="stateful"), headers={**PREFLIGHT, "Origin": "http://localhost:1"})
    assert answer.status_code == 405
    assert "vary" not in answer.headers


@pytest.mark.parametrize("origin", ["*", "app.example.com", "https://app.example.com/", "file:///x", ""])
def test_odd_origins_are_told(origin: str) -> None:
    with pytest.raises(ValueError, match="is not accepted; accepted: http"):
        create_app(mode="stateful", origins=[origin])
