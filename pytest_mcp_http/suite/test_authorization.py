"""Servers that ask for a token: what is refused, how, and where clients learn how to get one."""

from __future__ import annotations

from urllib.parse import urlsplit

from pytest_mcp_http import _well_known as well_known
from pytest_mcp_http._oauth import fetch
from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.authorization import (
    assert_authorization_servers_named,
    assert_bearer_challenge,
    assert_challenge_error,
    assert_resource_matches,
    assert_resource_metadata,
    assert_scope_challenge,
    assert_token_demanded,
    assert_token_refused,
    bearer_challenge,
    is_safe_url,
    metadata_in,
    scopes_in,
)
from pytest_mcp_http.assertions.jsonrpc import code_in
from pytest_mcp_http.client import McpClient
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.suite._auth_metadata import (
    FOREIGN,
    asked_with_foreign_redirect,
    endpoint_urls,
    endpoints,
    follows,
    host_documents,
    host_metadata,
    issuer_documents,
    issuers,
    named_metadata,
    needs_resource_document,
    resource_document,
    resource_documents,
    takes_part,
)
from pytest_mcp_http.suite._authorization import (
    MADE_UP,
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
    scopes_of,
    stripped,
    token_of,
    with_made_up_token,
    with_query,
    without_credentials,
)
from pytest_mcp_http.suite._principals import forbidden, scope_refusal
from pytest_mcp_http.suite._probes import needs_session, served
from pytest_mcp_http.suite._requirement import requirement
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.visit import UNKNOWN_METHOD
from pytest_mcp_http.wire.exchange import Exchange

BROWSER = "https://client.example"
"""The origin of a client in a browser."""

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
    for value in ("Bearer", f"Bearer {MADE_UP} {MADE_UP}"):
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
        headers = {"Authorization": f"Bearer {MADE_UP}"}
        exchange = mcp_tour.client.request(method, params, headers=headers)
        refused = exchange.status in (401, 403)
        if exchange.result is not None or (code_in(exchange) in PROCESSED and not refused):
            violated(
                f"{exchange.summary}, for {what} with a token that was made up",
                "HTTP 401, and nothing that depends on the message",
                exchange,
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


# -- too few scopes -----------------------------------------------------------------------------------------


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


# -- metadata of the server ---------------------------------------------------------------------------------


@requirement("authorization.prm-implemented")
def test_metadata_are_served(mcp_tour: Tour) -> None:
    takes_part(mcp_tour)
    found = resource_document(mcp_tour)
    if found is not None:
        assert_resource_metadata(found.exchange)
        return
    documents = [each for each in resource_documents(mcp_tour) if each.standard]
    for document in documents:
        own = well_known.origin(document.url) == well_known.origin(mcp_tour.target.url)
        if document.exchange.status in (401, 403) and own:
            kept = fetch(mcp_tour.wire, document.url, *mcp_tour.target.headers, secret=True)
            if metadata_in(kept) is not None:
                # They are there, only not for all: authorization.prm-public.
                assert_resource_metadata(kept)
                return
    assert_resource_metadata(documents[0].exchange)


@requirement("authorization.prm-public")
def test_metadata_are_public(mcp_tour: Tour) -> None:
    takes_part(mcp_tour)
    for document in resource_documents(mcp_tour):
        if document.standard and document.exchange.status in (401, 403):
            violated(
                f"{document.exchange.summary}, for metadata without a token",
                "HTTP 200: who needs a token cannot have one yet",
                document.exchange,
            )
    found = needs_resource_document(mcp_tour)
    exchange = fetch(mcp_tour.wire, found.url, ("Origin", BROWSER))
    if exchange.headers.get("access-control-allow-origin") not in ("*", BROWSER):
        violated(
            f"{exchange.summary}, without Access-Control-Allow-Origin for {BROWSER}",
            "Access-Control-Allow-Origin: *, for clients in browsers",
            exchange,
        )


@requirement("authorization.discovery-one-of")
def test_metadata_are_found_where_clients_look(mcp_tour: Tour) -> None:
    takes_part(mcp_tour)
    if named_metadata(mcp_tour) is not None:
        return
    documents = resource_documents(mcp_tour)
    if not any(document.standard and document.found is not None for document in documents):
        found = resource_document(mcp_tour) or documents[0]
        violated(
            f"metadata neither named in the 401 nor at {' or '.join(d.url for d in documents if d.standard)}",
            ["resource_metadata in the challenge", "the metadata at a well-known URI"],
            found.exchange,
        )


@requirement("authorization.prm-authorization-servers")
def test_metadata_name_authorization_servers(mcp_tour: Tour) -> None:
    assert_authorization_servers_named(needs_resource_document(mcp_tour).exchange)


@requirement("authorization.prm-resource-matches")
def test_metadata_are_those_of_the_server(mcp_tour: Tour) -> None:
    assert_resource_matches(needs_resource_document(mcp_tour).exchange, mcp_tour.target.url)


@requirement("authorization.canonical-uri-case")
def test_resource_is_in_canonical_form(mcp_tour: Tour) -> None:
    document = needs_resource_document(mcp_tour)
    resource = str((document.found or {}).get("resource"))
    start = resource[: len(well_known.origin(resource))]
    ours = urlsplit(mcp_tour.target.url).path
    if start != start.lower() or (resource.endswith("/") and not (len(ours) > 1 and ours.endswith("/"))):
        violated(
            f"resource is {resource[:200]!r}",
            "scheme and host in lower case, and no slash at the end that the endpoint does not have",
            document.exchange,
        )


@requirement("authorization.communication-security")
def test_metadata_name_urls_with_tls(mcp_tour: Tour) -> None:
    bearer(mcp_tour)
    if not is_safe_url(mcp_tour.target.url):
        violated("tokens go to an endpoint without TLS", "https, except on loopback", guard(mcp_tour).bare)
    takes_part(mcp_tour)
    document = needs_resource_document(mcp_tour)
    named = (document.found or {}).get("authorization_servers")
    for url in named if isinstance(named, list) else []:
        if not is_safe_url(url):
            violated(
                f"the authorization server {str(url)[:200]}",
                "https, except on loopback",
                document.exchange,
            )


@requirement("authorization.as-metadata-reachable")
def test_authorization_servers_have_metadata(mcp_tour: Tour) -> None:
    bearer(mcp_tour)
    for issuer in issuers(mcp_tour):
        if not is_safe_url(issuer):
            raise NotVerified(f"{issuer[:200]} has no TLS, and is not asked")
        seen = issuer_documents(mcp_tour, issuer)
        if not any((metadata_in(exchange) or {}).get("issuer") == issuer for exchange in seen):
            violated(
                f"no metadata of {issuer[:200]}: {seen[0].summary}",
                "metadata at a well-known URI that name this issuer",
                seen[0],
            )


# -- the server as its own authorization server, 2025-03-26 -------------------------------------------------


@requirement("authorization.as-metadata-root")
def test_host_has_authorization_server_metadata(mcp_tour: Tour) -> None:
    takes_part(mcp_tour)
    if host_metadata(mcp_tour) is None:
        if any(each.found is not None for each in host_documents(mcp_tour)):
            raise NotVerified("the metadata are elsewhere, see authorization.as-metadata-location")
        seen = endpoints(mcp_tour)
        if seen.has(seen.authorize) != seen.has(seen.token):
            raise NotVerified("not all default endpoints are there, see authorization.fallback-endpoints")
        root = host_documents(mcp_tour)[0]
        violated(f"{root.exchange.summary}, for {root.url}", "HTTP 200 with the metadata", root.exchange)


@requirement("authorization.as-metadata-location")
def test_authorization_server_metadata_are_at_the_root(mcp_tour: Tour) -> None:
    takes_part(mcp_tour)
    found = [each for each in host_documents(mcp_tour) if each.found is not None]
    if not found:
        raise NotApplicable("the host of the server serves no metadata of an authorization server")
    if not found[0].standard:
        root = host_documents(mcp_tour)[0].url
        violated(f"metadata at {found[0].url} only", f"the metadata at {root}", found[0].exchange)


@requirement("authorization.fallback-endpoints")
def test_default_endpoints_without_metadata(mcp_tour: Tour) -> None:
    takes_part(mcp_tour)
    if any(each.found is not None for each in host_documents(mcp_tour)):
        raise NotApplicable("the server has metadata, so its endpoints may be anywhere")
    seen = endpoints(mcp_tour)
    there = [seen.has(seen.authorize), seen.has(seen.token)]
    if not any(there):
        raise NotApplicable("the host of the server is no authorization server of 2025-03-26")
    if not all(there):
        missing, exchange = ("/token", seen.token) if there[0] else ("/authorize", seen.authorize)
        violated(f"{exchange.summary}, for {missing}", "endpoints at /authorize and /token", exchange)


@requirement("authorization.dcr")
def test_clients_can_register(mcp_tour: Tour) -> None:
    takes_part(mcp_tour)
    metadata, seen = host_metadata(mcp_tour), endpoints(mcp_tour)
    if metadata is not None:
        if not metadata.get("registration_endpoint"):
            root = host_documents(mcp_tour)[0].exchange
            violated("metadata without registration_endpoint", "an endpoint where clients register", root)
    elif not seen.has(seen.authorize):
        raise NotApplicable("the host of the server is no authorization server of 2025-03-26")
    elif not seen.has(seen.register):
        violated(
            f"{seen.register.summary}, for /register", "an endpoint where clients register", seen.register
        )


@requirement("authorization.as-https")
def test_authorization_endpoints_have_tls(mcp_tour: Tour) -> None:
    takes_part(mcp_tour)
    metadata = host_metadata(mcp_tour)
    if metadata is None:
        raise NotApplicable("the host of the server names no endpoints")
    for name, url in endpoint_urls(metadata).items():
        if not is_safe_url(url):
            root = host_documents(mcp_tour)[0].exchange
            violated(f"{name} is {url[:200]}", "https, except on loopback", root)


@requirement("authorization.redirect-uris")
def test_foreign_redirects_are_refused(mcp_tour: Tour) -> None:
    takes_part(mcp_tour)
    exchange = asked_with_foreign_redirect(mcp_tour)
    if not exchange.answered:
        raise NotVerified(f"the authorization endpoint got {exchange.summary}")
    location = exchange.headers.get("location") or ""
    if 300 <= (exchange.status or 0) < 400 and urlsplit(location).hostname == urlsplit(FOREIGN).hostname:
        violated(
            f"{exchange.summary} to {FOREIGN}, for a client that does not exist",
            "a refusal without a redirect to an address that no client registered",
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
