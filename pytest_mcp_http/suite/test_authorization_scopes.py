"""Tokens with too few scopes: what is refused, and what the refusal names; a part of authorization."""

from __future__ import annotations

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.authorization import assert_scope_challenge, bearer_challenge, scopes_in
from pytest_mcp_http.errors import NotVerified
from pytest_mcp_http.suite._authorization import attempt, given_token, guard, scopes_of
from pytest_mcp_http.suite._principals import forbidden, scope_refusal
from pytest_mcp_http.suite._requirement import requirement
from pytest_mcp_http.tour import Tour


@requirement("authorization.insufficient-scope-403")
def test_missing_scope_is_403(mcp_tour: Tour) -> None:
    found = scope_refusal(mcp_tour)
    if found.exchange.status != 403:
        violated(
            f"{found.exchange.summary}, for {found.what} with fewer scopes than it needs",
            "HTTP 403",
            found.exchange,
            # A server may hide what is not for the user, and refuse it as unknown.
            note=found.exchange.ok,
        )


@requirement("authorization.insufficient-scope-challenge")
def test_403_says_which_scope_is_missing(mcp_tour: Tour) -> None:
    assert_scope_challenge(forbidden(mcp_tour).exchange)


@requirement("authorization.scopes-for-operation")
def test_403_names_a_scope_that_is_missing(mcp_tour: Tour) -> None:
    found = forbidden(mcp_tour)
    needed = scopes_in(bearer_challenge(found.exchange))
    had = scopes_of(given_token(mcp_tour, "less-scope"))
    if not needed or had is None:
        raise NotVerified(
            "the challenge or the token with fewer scopes does not say which scopes it is about"
        )
    if needed <= had:
        violated(
            f"the scopes {' '.join(sorted(needed))}, all of which the token has",
            "the scopes that are needed, one of which the token lacks",
            found.exchange,
        )


@requirement("authorization.scope-consistent")
def test_403_names_the_same_scopes_again(mcp_tour: Tour) -> None:
    found = forbidden(mcp_tour)
    first = scopes_in(bearer_challenge(found.exchange))
    if not first:
        raise NotVerified("the challenge names no scopes")
    again = found.again()
    second = scopes_in(bearer_challenge(again))
    if again.status == 403 and second != first:
        violated(
            f"{' '.join(sorted(second)) or 'no scope'} for what needed {' '.join(sorted(first))} before",
            "the same scopes for the same request",
            again,
        )


@requirement("authorization.scope-hierarchy")
def test_broader_scope_is_enough(mcp_tour: Tour) -> None:
    token = given_token(mcp_tour, "broad-scope")
    exchange = attempt(mcp_tour, f"Bearer {token}", "broad scope")
    if exchange.status == 403:
        violated(f"{exchange.summary}, with a broader scope alone", "the request is served", exchange)
    mcp_tour.require(exchange, f"{guard(mcp_tour).method} with the broader scope")
