from __future__ import annotations

from typing import Any

import pytest

from pytest_mcp_http.assertions.elicitation_urls import (
    assert_elicited_urls_https,
    assert_elicited_urls_not_preauthenticated,
    assert_elicited_urls_valid,
    assert_elicited_urls_without_personal_data,
    elicited_urls,
)
from pytest_mcp_http.errors import RequirementViolated


@pytest.fixture(params=["request", "demand"])
def visit(request: pytest.FixtureRequest, reply: Any) -> Any:
    """Return what makes a response that asks for a visit to a URL."""

    def make(url: Any) -> Any:
        params = {"mode": "url", "message": "m", "url": url}
        if request.param == "demand":
            error = {"code": -32042, "message": "m", "data": {"elicitations": [params, 5]}}
            return reply({"jsonrpc": "2.0", "id": 1, "error": error})
        message = {"jsonrpc": "2.0", "id": 1, "method": "elicitation/create", "params": params}
        return reply(message, stream=True)

    return make


def test_what_is_no_text_is_no_url(visit: Any) -> None:
    assert elicited_urls(visit("https://a.b/"))[0][1] == "https://a.b/"
    assert not elicited_urls(visit(5))


@pytest.mark.parametrize(
    "url", ["https://a.b/", "http://[::1]:80/a?b#c", "myapp://x", "mailto:a@b.c", "HTTPS://A"]
)
def test_valid(visit: Any, url: str) -> None:
    assert_elicited_urls_valid(visit(url))


@pytest.mark.parametrize(
    "url", ["", "/a", "a.b", "https://", "https:///a", "https://a b/", "https://a:x/", "://a"]
)
def test_invalid(visit: Any, url: str) -> None:
    with pytest.raises(RequirementViolated):
        assert_elicited_urls_valid(visit(url))


@pytest.mark.parametrize(
    "url",
    ["https://a.b/", "http://localhost:1/", "http://127.0.0.2/", "http://[::1]/", "myapp://x", "http://["],
)
def test_https_or_local(visit: Any, url: str) -> None:
    assert_elicited_urls_https(visit(url))


@pytest.mark.parametrize("development", [True, False])
def test_http(visit: Any, development: bool) -> None:
    with pytest.raises(RequirementViolated) as caught:
        assert_elicited_urls_https(visit("HTTP://a.b/"), development=development)
    assert caught.value.note is development


@pytest.mark.parametrize(
    "url", ["https://a.b/?state=eyJhIjoxfQ.e30.x", "https://anna@a.b/", "https://a.b/@anna", "https://["]
)
def test_without_personal_data(visit: Any, url: str) -> None:
    assert_elicited_urls_without_personal_data(visit(url), ["Bearer token-1", "x"])


@pytest.mark.parametrize(
    ("url", "note"),
    [
        ("https://a.b/?t=token-1", False),
        ("https://anna:pw@a.b/", False),
        ("https://a.b/?login=anna@a.b", True),
        ("https://a.b/anna%40a.b", True),
    ],
)
def test_with_personal_data(visit: Any, url: str, note: bool) -> None:
    with pytest.raises(RequirementViolated) as caught:
        assert_elicited_urls_without_personal_data(visit(url), ["Bearer token-1"])
    assert caught.value.note is note
    assert "token-1" not in str(caught.value)


@pytest.mark.parametrize("url", ["https://a.b/?token=1&state=2", "https://a.b/?access_token=", "https://["])
def test_not_preauthenticated(visit: Any, url: str) -> None:
    assert_elicited_urls_not_preauthenticated(visit(url))


@pytest.mark.parametrize(
    "url", ["https://a.b/?access_token=1", "https://a.b/#id_token=1", "https://a.b/?a=1&X-Amz-Signature=1"]
)
def test_preauthenticated(visit: Any, url: str) -> None:
    with pytest.raises(RequirementViolated):
        assert_elicited_urls_not_preauthenticated(visit(url))
