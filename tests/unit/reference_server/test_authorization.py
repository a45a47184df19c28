"""Who is let in with which token, what a refusal says, and what belongs to whom."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from reference_server import create_app
from reference_server.principals import Principal, needed_scopes, parse_grant
from reference_server.tokens import canonical, metadata_places
from tests.authorization_server import Provider, running_provider

GRANTS = ("alice=alice-token", "bob/mcp:use=bob-token", "root/mcp:admin=root-token", "nobody/=nobody-token")


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with running_provider() as found:
        yield found


@pytest.fixture(scope="module", params=["stateful", "stateless"])
def guarded(request: pytest.FixtureRequest, rpc: Any, provider: Provider) -> Iterator[Any]:
    with rpc.running(create_app(mode=request.param, tokens=GRANTS, issuer=provider.url)) as endpoint:
        yield endpoint


def bearer(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


class TestGrants:
    def test_forms(self) -> None:
        both, use = frozenset({"mcp:use", "mcp:vault"}), frozenset({"mcp:use"})
        assert parse_grant("abc", {}) == ("abc", Principal("user", both))
        assert parse_grant("env:T", {"T": "a.b=\n"}) == ("a.b=", Principal("user", both))
        assert parse_grant("me@home=env:T", {"T": "abc"}) == ("abc", Principal("me@home", both))
        assert parse_grant("me/mcp:use=abc", {}) == ("abc", Principal("me", use))
        assert parse_grant("me/=abc", {}) == ("abc", Principal("me", frozenset()))

    @pytest.mark.parametrize(
        ("grant", "said"),
        [
            ("env:T", "'T' is empty or not set"),
            ("a b", "no bearer token"),
            ("me/all=abc", "scope 'all'"),
            ("", "no"),
        ],
    )
    def test_wrong_ones_are_not_shown(self, grant: str, said: str) -> None:
        with pytest.raises(ValueError, match=said) as caught:
            parse_grant(grant, {})
        assert "abc" not in str(caught.value)
        with pytest.raises(ValueError, match=said):
            create_app(mode="stateless", tokens=[grant])

    @pytest.mark.parametrize(
        "options", [{"issuer": "as.example"}, {"tokens": ["abc"], "resource": "h"}, {"resource": "http://h"}]
    )
    def test_wrong_urls(self, options: dict[str, Any]) -> None:
        with pytest.raises(ValueError, match="is not accepted"):
            create_app(mode="stateless", **options)

    def test_scopes_that_messages_need(self) -> None:
        def needs(method: str, **params: object) -> bool:
            return len(needed_scopes([{"method": method, "params": params}])) == 2

        assert needs("tools/call", name="read_vault")
        assert needs("resources/read", uri="reference://vault/audit")
        assert needs("completion/complete", ref={"type": "ref/resource", "uri": "reference://vault/{entry}"})
        assert needs("subscriptions/listen", notifications={"resourceSubscriptions": ["reference://vault"]})
        assert not needs("tools/call", name="echo_text")
        assert not needs("tools/list")
        assert needed_scopes([None, [], {"method": [], "params": {}}, {"params": 1}]) == ("mcp:use",)


class TestDoor:
    @pytest.mark.parametrize(
        ("headers", "status", "error"),
        [
            ({}, 401, None),
            ({"authorization": "Basic YTpi"}, 401, None),
            (bearer("no-such-token"), 401, "invalid_token"),
            ({"authorization": "Bearer"}, 400, "invalid_request"),
            ({"authorization": "Bearer a b"}, 400, "invalid_request"),
            (bearer("nobody-token"), 403, "insufficient_scope"),
            (bearer("alice-token"), 200, None),
            (bearer("root-token"), 200, None),
        ],
    )
    def test_status_and_challenge(
        self, guarded: Any, rpc: Any, headers: dict[str, str], status: int, error: str | None
    ) -> None:
        response = guarded.post(rpc.initialize("2025-11-25"), headers)
        assert response.status_code == status
        challenge = response.headers.get("www-authenticate", "")
        assert (f'error="{error}"' in challenge) if error else ("error" not in challenge)
        if status != 200:
            assert challenge.startswith("Bearer ")
            assert 'scope="mcp:use"' in challenge
            assert f'/.well-known/oauth-protected-resource{httpx.URL(guarded.url).path}"' in challenge

    def test_token_in_the_query_is_not_seen(self, guarded: Any, rpc: Any) -> None:
        response = guarded.http.post(
            f"{guarded.url}?access_token=alice-token", json=rpc.initialize("2025-11-25")
        )
        assert response.status_code == 401

    def test_preflight_needs_no_token(self, guarded: Any) -> None:
        assert guarded.http.options(guarded.url).status_code == 405

    def test_issued_tokens(self, guarded: Any, rpc: Any, provider: Provider) -> None:
        def status(*scopes: str, audience: str = guarded.url, **claims: Any) -> int:
            token = provider.token("carol", audience, *scopes, **claims)
            return guarded.post(rpc.initialize("2025-11-25"), bearer(token)).status_code  # type: ignore[no-any-return]

        assert status("mcp:use") == 200
        assert status("mcp:use", audience=guarded.url.replace("http", "HTTP") + "/") == 200
        assert status("mcp:use", scope=None, scp=["mcp:use"]) == 200
        assert status("mcp:vault") == 403
        assert status("mcp:use", audience="http://127.0.0.1:1/mcp") == 401
        assert status("mcp:use", iss="http://127.0.0.1:1") == 401
        assert status("mcp:use", lifetime=-60) == 401
        for missing in ("exp", "aud", "sub", "iss"):
            assert status("mcp:use", **{missing: None}) == 401

    def test_forged_tokens(self, guarded: Any, rpc: Any, provider: Provider) -> None:
        head, claims, signature = provider.token("carol", guarded.url, "mcp:use").split(".")
        none = "eyJhbGciOiJub25lIn0"
        for forged in (f"{head}.{claims}.{signature[::-1]}", f"{none}.{claims}.", f"{head}.{claims}."):
            response = guarded.post(rpc.initialize("2025-11-25"), bearer(forged))
            assert response.status_code == 401

    def test_an_issuer_that_is_not_there(self, rpc: Any) -> None:
        app = create_app(mode="stateless", issuer="http://127.0.0.1:9")
        with rpc.running(app) as endpoint:
            token = "eyJhbGciOiJFUzI1NiJ9.e30.c2ln"
            assert endpoint.post(rpc.request("ping"), bearer(token)).status_code == 503


class TestDocuments:
    def test_metadata(self, guarded: Any, provider: Provider) -> None:
        base = guarded.url.removesuffix("/mcp")
        for place in ("/.well-known/oauth-protected-resource", "/.well-known/oauth-protected-resource/mcp"):
            response = guarded.http.get(base + place)
            assert response.headers["access-control-allow-origin"] == "*"
            document = response.json()
            assert document["resource"] == guarded.url
            assert document["authorization_servers"] == [provider.url]
        document = guarded.http.get(f"{base}/.well-known/oauth-authorization-server").json()
        assert document["issuer"] == provider.url
        assert guarded.http.get(f"{base}/other").status_code == 404

    def test_fixed_tokens_lead_nowhere(self, rpc: Any) -> None:
        app = create_app(mode="stateless", tokens=["abc"])
        with rpc.running(app) as endpoint:
            response = endpoint.post(rpc.request("ping"))
            assert response.headers["www-authenticate"] == 'Bearer scope="mcp:use"'
            place = endpoint.url.replace("/mcp", "/.well-known/oauth-protected-resource")
            assert endpoint.http.get(place).status_code == 404

    def test_the_canonical_url_can_be_given(self, rpc: Any, provider: Provider) -> None:
        resource = "https://mcp.example/mcp"
        app = create_app(mode="stateless", issuer=provider.url, resource=resource)
        with rpc.running(app) as endpoint:
            token = provider.token("carol", resource, "mcp:use")
            assert endpoint.post(rpc.request("ping"), bearer(token)).status_code == 200
            assert (
                'resource_metadata="https://mcp.example/'
                in endpoint.post(rpc.request("ping")).headers["www-authenticate"]
            )

    def test_places(self) -> None:
        assert list(metadata_places("https://as.example")) == [
            "https://as.example/.well-known/oauth-authorization-server",
            "https://as.example/.well-known/openid-configuration",
        ]
        assert list(metadata_places("https://as.example/t/"))[-1] == (
            "https://as.example/t/.well-known/openid-configuration"
        )
        assert canonical("HTTPS://H:1/Path/") == "https://h:1/Path"


class TestWhoseItIs:
    def names(self, guarded: Any, rpc: Any, token: str) -> set[str]:
        response = guarded.modern("tools/list", headers=bearer(token))
        return {tool["name"] for tool in rpc.messages(response)[-1]["result"]["tools"]}

    def test_vault_is_listed_to_those_who_may_enter(self, guarded: Any, rpc: Any) -> None:
        assert "read_vault" in self.names(guarded, rpc, "alice-token")
        assert "read_vault" in self.names(guarded, rpc, "root-token")
        assert "read_vault" not in self.names(guarded, rpc, "bob-token")

    def test_vault_refuses_others_with_403(self, guarded: Any) -> None:
        params = {"name": "read_vault", "arguments": {}}
        refused = guarded.modern("tools/call", params, headers=bearer("bob-token"))
        assert refused.status_code == 403
        assert 'scope="mcp:use mcp:vault"' in refused.headers["www-authenticate"]
        assert guarded.modern("tools/call", params, headers=bearer("alice-token")).status_code == 200

    def test_keys(self, guarded: Any) -> None:
        key = guarded.modern_call("new_key", {}, headers=bearer("alice-token"))["key"]
        assert guarded.modern_call("check_key", {"key": key}, headers=bearer("alice-token")) == {"key": key}
        assert "error" in guarded.modern_call("check_key", {"key": key}, headers=bearer("bob-token"))

    def test_session(self, rpc: Any) -> None:
        with rpc.running(create_app(mode="stateful", tokens=GRANTS)) as endpoint:
            opened = endpoint.post(rpc.initialize("2025-11-25"), bearer("alice-token"))
            session = {
                "mcp-session-id": opened.headers["mcp-session-id"],
                "mcp-protocol-version": "2025-11-25",
            }
            ping = rpc.request("ping")
            assert endpoint.post(ping, {**session, **bearer("alice-token")}).status_code == 200
            assert endpoint.post(ping, {**session, **bearer("bob-token")}).status_code == 404
            assert endpoint.post(ping, session).status_code == 401


def test_command_line(provider: Provider) -> None:
    def run(*options: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "reference_server", "--mode", "stateless", "--port", "0", *options]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, env={"T": ""}, check=False)

    wrong = run("--token", "alice=env:T")
    assert wrong.returncode == 2
    assert "the environment variable 'T' is empty or not set" in wrong.stderr
    assert "--issuer" in run("--help").stdout
