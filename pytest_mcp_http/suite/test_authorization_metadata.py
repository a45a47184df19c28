"""The metadata that lead clients to a token, and authorization servers; a part of authorization."""

from __future__ import annotations

from urllib.parse import urlsplit

from pytest_mcp_http import _well_known as well_known
from pytest_mcp_http._oauth import fetch
from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.authorization import (
    assert_authorization_servers_named,
    assert_resource_matches,
    assert_resource_metadata,
    is_safe_url,
    metadata_in,
)
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.suite._auth_metadata import (
    FOREIGN,
    asked_with_foreign_redirect,
    endpoint_urls,
    endpoints,
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
from pytest_mcp_http.suite._authorization import bearer, guard
from pytest_mcp_http.suite._requirement import requirement
from pytest_mcp_http.tour import Tour

BROWSER = "https://client.example"
"""The origin of a client in a browser."""


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
