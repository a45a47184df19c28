"""What is made of a token, and which headers carry one."""

from __future__ import annotations

import base64
import json
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_mcp_http.suite._authorization import (
    altered,
    claims_of,
    credentials,
    scopes_of,
    stripped,
    token_of,
    with_query,
    without_credentials,
)


def jwt(claims: object, header: object = None) -> str:
    parts = [json.dumps(part).encode() for part in (header or {"alg": "ES256"}, claims)]
    return ".".join(
        [*(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts), "c2lnbmF0dXJl"]
    )


def tour(*headers: tuple[str, str], second: tuple[tuple[str, str], ...] = ()) -> Any:
    return SimpleNamespace(target=SimpleNamespace(headers=headers, second_headers=second))


AUTHORIZATION, TENANT, KEY = ("Authorization", "Bearer abc"), ("X-Tenant", "1"), ("X-Key", "k")


@pytest.mark.parametrize(
    ("headers", "second", "names"),
    [
        ((), (), set()),
        ((AUTHORIZATION, TENANT), (), {"authorization"}),
        ((TENANT, KEY), (), {"x-tenant", "x-key"}),
        ((TENANT, KEY), (("X-Key", "l"),), {"x-key"}),
        ((AUTHORIZATION, KEY), (("x-key", "l"),), {"authorization", "x-key"}),
    ],
)
def test_headers_that_carry_credentials(headers: Any, second: Any, names: set[str]) -> None:
    given = tour(*headers, second=second)
    assert credentials(given) == names
    assert stripped(given) == dict.fromkeys(names)
    assert {name.lower() for name, _ in without_credentials(given)} == {n.lower() for n, _ in headers} - names


@pytest.mark.parametrize(
    ("value", "token"), [("Bearer abc", "abc"), ("bearer  abc ", "abc"), ("Basic abc", None), ("abc", None)]
)
def test_bearer_tokens(value: str, token: str | None) -> None:
    assert token_of((TENANT, ("authorization", value))) == token


def test_claims() -> None:
    assert claims_of(jwt({"sub": "a"})) == {"sub": "a"}
    assert claims_of(jwt({"sub": "ä" * 5})) == {"sub": "ä" * 5}
    for other in ("abc", "a.b.c", jwt([]), jwt({}, []), "é.é.é", f"{jwt({})}.x"):
        assert claims_of(other) is None


@pytest.mark.parametrize(
    ("claims", "scopes"),
    [({"scope": "a b"}, {"a", "b"}), ({"scp": ["a", "b"]}, {"a", "b"}), ({}, None), ({"scope": 1}, None)],
)
def test_scopes(claims: object, scopes: set[str] | None) -> None:
    assert scopes_of(jwt(claims)) == scopes


def test_altered_jwt() -> None:
    token = jwt({"sub": "a"})
    changed, none = altered(token).values()
    assert changed.rpartition(".")[0] == token.rpartition(".")[0]
    assert changed != token
    assert len(changed) == len(token)
    assert claims_of(none) == {"sub": "a"}
    assert none.endswith(".")
    assert base64.urlsafe_b64decode(none.partition(".")[0] + "==").startswith(b'{"alg":"none"')


@pytest.mark.parametrize("token", ["a", "A", "opaque-token-of-some-server"])
def test_altered_opaque_token(token: str) -> None:
    (other,) = altered(token).values()
    assert other != token
    assert len(other) == len(token)


def test_token_in_the_query() -> None:
    assert with_query("http://h/mcp", "t") == "http://h/mcp?access_token=t"
    assert with_query("http://h/mcp?a=1", "t") == "http://h/mcp?a=1&access_token=t"
