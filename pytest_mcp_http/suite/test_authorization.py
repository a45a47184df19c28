"""Servers that ask for a token: what is refused without a valid one, and what the refusal says."""

from __future__ import annotations

from urllib.parse import urlsplit

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.authorization import (
    assert_bearer_challenge,
    assert_challenge_error,
    assert_token_demanded,
    assert_token_refused,
    bearer_challenge,
    scopes_in,
)
from pytest_mcp_http.assertions.jsonrpc import code_in
from pytest_mcp_http.client import McpClient
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.report.masking import MADE_UP_TOKEN
from pytest_mcp_http.suite._auth_metadata import follows, resource_document, takes_part
from pytest_mcp_http.suite._authorization import (
    altered,
    attempt,
    bearer,
    claims_of,
    given_token,
    guard,
    in_session,
    judge_not_served,
    list_methods,
    refused_401,
    stripped,
    token_of,
    with_made_up_token,
    with_query,
    without_credentials,
)
from pytest_mcp_http.suite._probes import needs_session, served
from pytest_mcp_http.suite._requirement import requirement
from pytest_mcp_http.suite.test_authorization_metadata import *  # noqa: F403 - these two are parts of the chapter
from pytest_mcp_http.suite.test_authorization_scopes import *  # noqa: F403
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.visit import UNKNOWN_METHOD
from pytest_mcp_http.wire.exchange import Exchange

PROCESSED = (-32601, -32602, -32002)
"""Codes of errors that only the processing of a message gives."""


def challenge_of(tour: Tour, exchange: Exchange) -> Exchange:
    """Return a 401 with a Bearer challenge.

    Raises:
        NotVerified: If it has none, which `authorization.error-response-form` reports.
    """
    if bearer_challenge(exchange) is None:
        raise NotVerified("no Bearer challenge can be read")
    return exchange


def ends_sessions(tour: Tour) -> bool:
    """Tell whether the first user can end a session."""
    with tour.session() as client:
        return client.delete().ok


# -- without a valid token ----------------------------------------------------------------------------------


@requirement("authorization.conform")
def test_server_takes_part_in_the_framework(mcp_tour: Tour) -> None:
    found = guard(mcp_tour)
    if token_of(mcp_tour.target.headers) is None and mcp_tour.target.headers:
        violated(
            f"{found.bare.summary}, and credentials that are no bearer token",
            "bearer tokens of an authorization server that the server names",
            found.bare,
        )
    refused_401(mcp_tour)
    if not follows(mcp_tour):
        violated(
            "a 401 that does not lead to an authorization server",
            "metadata of the server, or at 2025-03-26 of its authorization server, where clients look",
            found.bare,
        )


@requirement("authorization.missing-token-401")
def test_request_without_token_is_401(mcp_tour: Tour) -> None:
    bearer(mcp_tour)
    found = guard(mcp_tour)
    assert_token_demanded(found.bare, found.method)


@requirement("authorization.missing-token-401-get-delete")
def test_get_and_delete_without_token_are_401(mcp_tour: Tour) -> None:
    bearer(mcp_tour)
    streams = mcp_tour.get is not None and mcp_tour.get.ok
    ends = mcp_tour.session_id is not None and ends_sessions(mcp_tour)
    if not streams and not ends:
        raise NotApplicable("the server offers neither GET nor DELETE")
    lacking = stripped(mcp_tour)
    with mcp_tour.session() as client:
        if streams:
            assert_token_demanded(client.get(headers=lacking), "GET")
        if ends:
            assert_token_demanded(client.send(client.build("DELETE", None, lacking)), "DELETE")


@requirement("authorization.every-request")
def test_session_does_not_stand_in_for_the_token(mcp_tour: Tour) -> None:
    bearer(mcp_tour)
    needs_session(mcp_tour)
    method = next(iter(list_methods(mcp_tour)), "ping")
    exchange = in_session(mcp_tour, lambda c: c.request(method, headers=stripped(mcp_tour)), method)
    assert_token_demanded(exchange, f"{method} in a live session")


@requirement("authorization.invalid-token-401")
def test_made_up_token_is_401(mcp_tour: Tour) -> None:
    assert_token_refused(with_made_up_token(mcp_tour), "a token that was made up")


@requirement("authorization.expired-token-401")
def test_expired_token_is_401(mcp_tour: Tour) -> None:
    token = given_token(mcp_tour, "expired")
    assert_token_refused(attempt(mcp_tour, f"Bearer {token}", "expired"), "a token that has expired")


@requirement("authorization.audience")
def test_token_for_another_audience_is_401(mcp_tour: Tour) -> None:
    token = given_token(mcp_tour, "other-audience")
    exchange = attempt(mcp_tour, f"Bearer {token}", "other audience")
    assert_token_refused(exchange, "a token that was issued for another server")


@requirement("authorization.validate-token")
def test_altered_tokens_are_refused(mcp_tour: Tour) -> None:
    for what, token in altered(bearer(mcp_tour)).items():
        judge_not_served(attempt(mcp_tour, f"Bearer {token}", what), what)


@requirement("authorization.malformed-400")
def test_malformed_authorization_is_400(mcp_tour: Tour) -> None:
    for value in ("Bearer", f"Bearer {MADE_UP_TOKEN} {MADE_UP_TOKEN}"):
        exchange = attempt(mcp_tour, value, f"malformed {len(value)}")
        if exchange.status != 400:
            violated(
                f"{exchange.summary}, for Authorization: {value}",
                "HTTP 400",
                exchange,
                # Most libraries take what they cannot read for no token at all.
                note=exchange.status == 401,
            )


@requirement("authorization.token-not-in-query")
def test_token_in_the_query_is_refused(mcp_tour: Tour) -> None:
    token = bearer(mcp_tour)
    if not mcp_tour.target.loopback:
        # What stands in a URL is written to logs on its way.
        token = given_token(mcp_tour, "in-query")
    else:
        token = mcp_tour.target.tokens.get("in-query", token)
    client = McpClient(
        with_query(mcp_tour.target.url, token),
        mcp_tour.revision,
        mcp_tour.wire,
        headers=without_credentials(mcp_tour),
    )
    exchange = client.open()
    found = guard(mcp_tour)
    if found.method != mcp_tour.dialect.opening and exchange.result is not None:
        if mcp_tour.dialect.sessions:
            client.initialized()
        exchange = client.request(found.method)
    client.close()
    judge_not_served(exchange, f"{found.method} with the token in the query, and none in a header")


@requirement("authorization.validate-before-processing")
def test_token_is_validated_before_processing(mcp_tour: Tour) -> None:
    bearer(mcp_tour)
    served(mcp_tour)
    probes: tuple[tuple[str, str, dict[str, object]], ...] = (
        ("an unknown method", UNKNOWN_METHOD, {}),
        ("a call of no tool", "tools/call", {"arguments": {}}),
    )
    for what, method, params in probes:
        headers = {"Authorization": f"Bearer {MADE_UP_TOKEN}"}
        exchange = mcp_tour.client.request(method, params, headers=headers)
        refused = exchange.status in (401, 403)
        if exchange.result is not None or (code_in(exchange) in PROCESSED and not refused):
            violated(
                f"{exchange.summary}, for {what} with a token that was made up",
                "HTTP 401, and nothing that depends on the message",
                exchange,
            )


@requirement("authorization.token-lifetime")
def test_tokens_expire(mcp_tour: Tour) -> None:
    token = bearer(mcp_tour)
    login, claims = mcp_tour.target.login, claims_of(token)
    if login is not None and login.expires_in is not None:
        return
    if claims is None and login is None:
        raise NotVerified("the token is opaque: log in with --mcp-oauth, so that its lifetime is told")
    if claims is None or not isinstance(claims.get("exp"), (int, float)):
        violated(
            "a token that never expires",
            "expires_in in the token response, or exp in a JWT",
            mcp_tour.opening,
        )


# -- challenges ---------------------------------------------------------------------------------------------


@requirement("authorization.error-response-form")
def test_401_has_a_bearer_challenge(mcp_tour: Tour) -> None:
    assert_bearer_challenge(refused_401(mcp_tour))


@requirement("authorization.challenge-error-code")
def test_challenge_tells_a_bad_token_from_none(mcp_tour: Tour) -> None:
    assert_challenge_error(challenge_of(mcp_tour, refused_401(mcp_tour)), None)
    refused = with_made_up_token(mcp_tour)
    if refused.status != 401:
        raise NotVerified(f"a made-up token got {refused.summary}")
    assert_challenge_error(challenge_of(mcp_tour, refused), "invalid_token")


@requirement("authorization.www-authenticate-metadata")
def test_401_names_the_metadata(mcp_tour: Tour) -> None:
    refused = [refused_401(mcp_tour)]
    takes_part(mcp_tour)
    second = with_made_up_token(mcp_tour)
    refused += [second] if second.status == 401 else []
    for exchange in refused:
        challenge = bearer_challenge(challenge_of(mcp_tour, exchange))
        named = "" if challenge is None else challenge.parameters.get("resource_metadata", "")
        if urlsplit(named).scheme not in ("http", "https"):
            violated(
                f"a challenge with resource_metadata {named!r}" if named else "a challenge without it",
                "resource_metadata with the absolute URL of the metadata",
                exchange,
            )


@requirement("authorization.scope-in-challenge")
def test_401_names_scopes(mcp_tour: Tour) -> None:
    exchange = challenge_of(mcp_tour, refused_401(mcp_tour))
    takes_part(mcp_tour)
    if not scopes_in(bearer_challenge(exchange)):
        violated("a challenge without scope", 'scope="..." with the scopes that are needed', exchange)


@requirement("authorization.no-offline-access")
def test_offline_access_is_not_asked_for(mcp_tour: Tour) -> None:
    exchange = refused_401(mcp_tour)
    takes_part(mcp_tour)
    if "offline_access" in scopes_in(bearer_challenge(exchange)):
        violated("offline_access in the challenge", "scopes that the server needs", exchange)
    document = resource_document(mcp_tour)
    supported = (document.found or {}).get("scopes_supported") if document is not None else None
    if document is not None and isinstance(supported, list) and "offline_access" in supported:
        violated("offline_access in scopes_supported", "scopes that the server needs", document.exchange)
