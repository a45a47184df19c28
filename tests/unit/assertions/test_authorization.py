from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from pytest_mcp_http.assertions.authorization import (
    assert_authorization_servers_named,
    assert_bearer_challenge,
    assert_challenge_error,
    assert_resource_matches,
    assert_resource_metadata,
    assert_scope_challenge,
    assert_token_demanded,
    assert_token_refused,
    is_safe_url,
)
from pytest_mcp_http.errors import RequirementViolated
from pytest_mcp_http.wire.headers import Headers

METADATA = {"resource": "https://h/mcp", "authorization_servers": ["https://as.example"]}
URL = "https://h:8443/a/mcp?key=1"


def challenged(reply: Any, *values: str, status: int = 401) -> Any:
    lines = [("WWW-Authenticate", value) for value in values]
    return replace(reply(status=status), headers=Headers(lines))


class TestStatus:
    @pytest.mark.parametrize("judge", [assert_token_demanded, assert_token_refused])
    def test_401_alone_is_good(self, reply: Any, judge: Any) -> None:
        judge(reply(status=401))
        for status in (200, 202, 400, 403, 404, 500, None):
            with pytest.raises(RequirementViolated) as caught:
                judge(reply(status=status))
            assert caught.value.expected == ("HTTP 401",)


class TestChallenge:
    @pytest.mark.parametrize("value", ["Bearer", 'bearer realm="x"', 'Basic realm="x", Bearer'])
    def test_good(self, reply: Any, value: str) -> None:
        assert_bearer_challenge(challenged(reply, value))

    @pytest.mark.parametrize("values", [(), ("Basic",), ('Bearer realm="x',), ("Bearer", '"')])
    def test_bad(self, reply: Any, values: tuple[str, ...]) -> None:
        with pytest.raises(RequirementViolated, match="WWW-Authenticate"):
            assert_bearer_challenge(challenged(reply, *values))

    def test_error(self, reply: Any) -> None:
        bare, bad = challenged(reply, "Bearer scope=a"), challenged(reply, 'Bearer error="invalid_token"')
        assert_challenge_error(bare, None)
        assert_challenge_error(bad, "invalid_token")
        for exchange, error in ((bare, "invalid_token"), (bad, None), (reply(status=401), None)):
            with pytest.raises(RequirementViolated):
                assert_challenge_error(exchange, error)

    def test_scope(self, reply: Any) -> None:
        whole = 'error="insufficient_scope", scope="a b", resource_metadata="https://h/x"'
        assert_scope_challenge(challenged(reply, f"Bearer {whole}", status=403))
        for part in whole.split(", "):
            rest = ", ".join(each for each in whole.split(", ") if each != part)
            with pytest.raises(RequirementViolated):
                assert_scope_challenge(challenged(reply, f"Bearer {rest}", status=403))
        with pytest.raises(RequirementViolated):
            assert_scope_challenge(challenged(reply, status=403))


class TestMetadata:
    def test_good(self, reply: Any) -> None:
        assert assert_resource_metadata(reply(METADATA)) == METADATA
        assert assert_authorization_servers_named(reply(METADATA)) == ["https://as.example"]

    @pytest.mark.parametrize(("body", "status"), [(b"<html>", 200), ([], 200), ({}, 200), (METADATA, 404)])
    def test_bad_document(self, reply: Any, body: Any, status: int) -> None:
        with pytest.raises(RequirementViolated):
            assert_resource_metadata(reply(body, status=status))

    def test_json_of_another_media_type(self, reply: Any) -> None:
        with pytest.raises(RequirementViolated, match="text/html"):
            assert_resource_metadata(reply(b'{"resource": "https://h"}'))

    @pytest.mark.parametrize("named", [None, [], "https://as.example", ["as.example"], [1]])
    def test_no_authorization_server(self, reply: Any, named: object) -> None:
        with pytest.raises(RequirementViolated):
            assert_authorization_servers_named(reply({"authorization_servers": named}))

    @pytest.mark.parametrize(
        "resource",
        [
            "https://h:8443/a/mcp",
            "HTTPS://H:8443/a/mcp",
            "https://h:8443/a/",
            "https://h:8443/a",
            "https://h:8443",
        ],
    )
    def test_own_resource(self, reply: Any, resource: str) -> None:
        assert_resource_matches(reply({"resource": resource}), URL)

    @pytest.mark.parametrize(
        "resource",
        [
            "http://h:8443/a/mcp",
            "https://h/a/mcp",
            "https://g:8443/a/mcp",
            "https://h:8443/a/mc",
            "h:8443/a",
            1,
            "//[",
        ],
    )
    def test_resource_of_another(self, reply: Any, resource: object) -> None:
        with pytest.raises(RequirementViolated):
            assert_resource_matches(reply({"resource": resource}), URL)

    def test_names_of_this_machine_are_one(self, reply: Any) -> None:
        assert_resource_matches(reply({"resource": "http://localhost:1/mcp"}), "http://127.0.0.1:1/mcp")


@pytest.mark.parametrize(
    ("url", "safe"),
    [
        ("https://h/", True),
        ("http://127.0.0.1:1/x", True),
        ("http://localhost/", True),
        ("http://[::1]:1/", True),
        ("http://h/", False),
        ("http://127.example.com/", False),
        ("ftp://localhost/", False),
        ("https://", False),
        ("http://[", False),
        (None, False),
    ],
)
def test_safe_urls(url: object, safe: bool) -> None:
    assert is_safe_url(url) is safe
