"""The metadata documents of a server that asks for tokens, and what of it they name.

Documents are read without credentials. Only GET requests are sent, to the server and to the authorization
servers that it names; at 2025-03-26 an empty token request as well, which no server can grant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

from pytest_mcp_http import _well_known as well_known
from pytest_mcp_http._oauth import fetch
from pytest_mcp_http.assertions.authorization import bearer_challenge, is_safe_url, metadata_in
from pytest_mcp_http.client import VERSION_HEADER
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.suite._authorization import bearer, guard
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import Exchange, Request
from pytest_mcp_http.wire.headers import Headers

MAX_ISSUERS: Final = 3
FOREIGN: Final = "https://attacker.invalid/callback"
NO_PART: Final = "the server takes no part in the framework, see authorization.conform"

Json = dict[str, Any]


@dataclass(frozen=True)
class Document:
    """A place of metadata and what is there.

    Attributes:
        url: The place.
        exchange: What a GET without credentials got.
        standard: Whether clients look there.
    """

    url: str
    exchange: Exchange
    standard: bool = True

    @property
    def found(self) -> Json | None:
        """The document, or None."""
        return metadata_in(self.exchange)


@dataclass(frozen=True)
class Endpoints:
    """The default endpoints of an authorization server at the root of the host, as far as they are there."""

    authorize: Exchange
    token: Exchange
    register: Exchange
    control: Exchange

    def has(self, exchange: Exchange) -> bool:
        """Tell whether there is something at a place: nothing is what a made-up path gets."""
        gone = (None, 404, 410)
        return exchange.status not in gone and self.control.status in gone and (exchange.status or 0) < 500


def named_metadata(tour: Tour) -> str | None:
    """Return the `resource_metadata` of the challenge, if it is an absolute URL."""
    challenge = bearer_challenge(guard(tour).bare)
    found = "" if challenge is None else challenge.parameters.get("resource_metadata", "")
    parts = urlsplit(found) if found.isascii() and found.isprintable() and " " not in found else urlsplit("")
    return found if parts.scheme in ("http", "https") and parts.hostname else None


def resource_documents(tour: Tour) -> tuple[Document, ...]:
    """Return every place where the metadata of the server may be, the place that it names first."""

    def probe() -> tuple[Document, ...]:
        url, named = tour.target.url, named_metadata(tour)
        places = (*((named,) if named else ()), *well_known.resource_places(url))
        wrong = well_known.appended(url, well_known.RESOURCE)
        return tuple(
            Document(place, fetch(tour.wire, place), standard=place in places)
            for place in dict.fromkeys((*places, wrong))
        )

    bearer(tour)
    return tour.memo("resource metadata", probe)


def resource_document(tour: Tour) -> Document | None:
    """Return the first document of the server, wherever it is; None if there is none."""
    found = [each for each in resource_documents(tour) if each.found and "resource" in each.found]
    return next(iter(found), None)


def needs_resource_document(tour: Tour) -> Document:
    """Return the document of the server.

    Raises:
        NotApplicable: If the server takes no part in the framework.
        NotVerified: If it has none that can be read, which `authorization.prm-implemented` reports.
    """
    takes_part(tour)
    found = resource_document(tour)
    if found is None:
        raise NotVerified("the metadata of the server cannot be read")
    return found


def takes_part(tour: Tour) -> None:
    """Require that the server leads clients to an authorization server in some way.

    Raises:
        NotApplicable: If it does not, which is what `authorization.conform` judges.
    """
    if not follows(tour):
        raise NotApplicable(NO_PART)


def follows(tour: Tour) -> bool:
    """Tell whether there is any sign that the server leads clients to an authorization server."""
    if named_metadata(tour) or resource_document(tour) is not None:
        return True
    if any(each.exchange.status in (401, 403) for each in resource_documents(tour) if each.standard):
        # Something is there, and is kept from clients; a guard of all paths would keep that one as well.
        control = fetch(tour.wire, f"{well_known.origin(tour.target.url)}/.well-known/mcp-http-check")
        return control.status not in (401, 403)
    if tour.revision > "2025-03-26":
        return False
    if any(each.found is not None for each in host_documents(tour)):
        return True
    seen = endpoints(tour)
    return seen.has(seen.authorize) or seen.has(seen.token)


# -- the authorization server -------------------------------------------------------------------------------


def host_documents(tour: Tour) -> tuple[Document, ...]:
    """Return where the metadata of an authorization server may be on the host of the MCP server."""

    def probe() -> tuple[Document, ...]:
        url = tour.target.url
        root = well_known.at_root(url, well_known.SERVER)
        below = (well_known.inserted(url, well_known.SERVER), well_known.appended(url, well_known.SERVER))
        version = (VERSION_HEADER, tour.revision)
        return tuple(
            Document(place, fetch(tour.wire, place, version), standard=place == root)
            for place in dict.fromkeys((root, *below))
        )

    bearer(tour)
    return tour.memo("authorization server metadata", probe)


def host_metadata(tour: Tour) -> Json | None:
    """Return the metadata at the root of the host, or None."""
    return next((each.found for each in host_documents(tour) if each.standard), None)


def endpoints(tour: Tour) -> Endpoints:
    """Return what is at the default endpoints of 2025-03-26; no client is registered."""

    def probe() -> Endpoints:
        base = well_known.origin(tour.target.url)
        form = (("Content-Type", "application/x-www-form-urlencoded"), ("User-Agent", "pytest-mcp-http"))
        token = tour.wire.send(Request("POST", f"{base}/token", Headers(form), b""))
        authorize, register, control = (
            fetch(tour.wire, f"{base}/{path}") for path in ("authorize", "register", "mcp-http-check-nothing")
        )
        return Endpoints(authorize, token, register, control)

    return tour.memo("default endpoints", probe)


def authorization_endpoint(tour: Tour) -> str:
    """Return where users are asked for their consent, at 2025-03-26.

    Raises:
        NotApplicable: If the host of the server names no such place.
    """
    metadata = host_metadata(tour)
    found = str((metadata or {}).get("authorization_endpoint") or "")
    if metadata is None:
        seen = endpoints(tour)
        found = f"{well_known.origin(tour.target.url)}/authorize" if seen.has(seen.authorize) else ""
    if not is_safe_url(found) or not found.isascii() or not found.isprintable():
        raise NotApplicable("the host of the server names no authorization endpoint that may be asked")
    return found


def asked_with_foreign_redirect(tour: Tour) -> Exchange:
    """Ask for a code for a client that does not exist, to be sent to a host that is not ours."""
    place = authorization_endpoint(tour)
    query = urlencode(
        {
            "response_type": "code",
            "client_id": "mcp-http-check-no-such-client",
            "redirect_uri": FOREIGN,
            "state": "mcp-http-check",
            "code_challenge": "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
            "code_challenge_method": "S256",
        }
    )
    return fetch(tour.wire, f"{place}{'&' if urlsplit(place).query else '?'}{query}")


def issuers(tour: Tour) -> list[str]:
    """Return the first authorization servers that the server names.

    Raises:
        NotApplicable: If it names none.
    """
    document = resource_document(tour)
    named = (document.found or {}).get("authorization_servers") if document is not None else None
    found = [url for url in named if isinstance(url, str)] if isinstance(named, list) else []
    if not found:
        raise NotApplicable("the server names no authorization server")
    return found[:MAX_ISSUERS]


def issuer_documents(tour: Tour, issuer: str) -> list[Exchange]:
    """Return what is at each place of the metadata of an authorization server."""
    return [fetch(tour.wire, place) for place in well_known.server_places(issuer)]


def endpoint_urls(metadata: Mapping[str, Any]) -> dict[str, str]:
    """Return the endpoints that metadata name, by member."""
    return {
        name: value
        for name, value in metadata.items()
        if name.endswith("_endpoint") and isinstance(value, str)
    }
