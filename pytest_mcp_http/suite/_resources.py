"""Reads of resources: of those that are listed, of URIs that are none, and of paths that lead elsewhere.

Nothing but `resources/read` is sent, and every URI is listed, made of one that is, or one that nobody has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from pytest_mcp_http.assertions.resources import contents_in
from pytest_mcp_http.client import McpClient
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.suite._malformed import Answer
from pytest_mcp_http.suite._probes import declared, refused_by_others
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.visit import LISTS, UNKNOWN_URI
from pytest_mcp_http.wire.exchange import Exchange, Request
from pytest_mcp_http.wire.headers import Headers

MAX_READS: Final = 20
"""Listed resources that are read."""

MAX_FETCHES: Final = 3
"""Listed https:// resources that are fetched."""

LONG_URI: Final = f"{UNKNOWN_URI}/{'x' * 2**16}"

NO_URIS: Final = {"that is empty": "", "'not a uri'": "not a uri", "of 64 KiB": LONG_URI}
"""What no server has a resource for, by what is special about it."""

GATEWAY: Final = (502, 503, 504)
"""Statuses of what stands in front of a server."""

TRAVERSED: Final = "etc/hosts"
"""The file that the paths lead to: one that every system has, and that holds no secret."""

TRAVERSED_SIGN: Final = "localhost"
"""What that file holds everywhere."""

STEPS_UP: Final = {
    "../": "../" * 12,
    "%2e%2e/": "%2e%2e/" * 12,
    "..%2f": "..%2f" * 12,
}
"""Ways to write a path that leads up, by one step of it."""


@dataclass(frozen=True)
class Read:
    """A read of a resource, and what it got."""

    uri: str
    exchange: Exchange


def needs_resources(tour: Tour) -> None:
    """Stop where there is nothing to judge.

    Raises:
        NotApplicable: If the server declares no resources.
    """
    if "resources" not in tour.capabilities:
        raise NotApplicable("the server declares no resources")


def listed_uris(tour: Tour) -> list[str]:
    """Return the URIs of all listed resources.

    Raises:
        NotApplicable: If there is none.
    """
    needs_resources(tour)
    uris = [item.get("uri") for item in tour.items("resources/list", "resources")]
    found = [uri for uri in uris if isinstance(uri, str)]
    if not found:
        raise NotApplicable("the server lists no resource")
    return found


def undeclared_lists(tour: Tour) -> list[tuple[str, str, Exchange]]:
    """Return method, member and answer of the lists of resources of a server that declares none.

    Raises:
        NotVerified: If its capabilities cannot be read.
    """
    declared(tour)
    return [(method, member, tour.client.request(method)) for method, member in LISTS["resources"]]


def own_https_uris(tour: Tour) -> list[str]:
    """Return the listed https:// URIs at the host of the server; no other host is asked for anything.

    Raises:
        NotApplicable: If no such URI is listed.
        NotVerified: If all of them are at other hosts.
    """
    found = [uri for uri in listed_uris(tour) if uri.lower().startswith("https://")]
    if not found:
        raise NotApplicable("the server lists no https:// resource")
    own = urlsplit(tour.target.url).hostname
    here = [uri for uri in found if _host(uri) == own]
    if not here:
        raise NotVerified(f"the https:// resources are at other hosts than {own}, which are not asked")
    return here[:MAX_FETCHES]


def fetched(tour: Tour, uri: str) -> Exchange:
    """Return what a GET of a URI got, as anybody would send it."""
    return tour.wire.send(
        Request("GET", uri, Headers((("User-Agent", "pytest-mcp-http"), ("Accept", "*/*"))))
    )


def _host(uri: str) -> str | None:
    try:
        return urlsplit(uri).hostname
    except ValueError:
        return None


def reads(tour: Tour) -> list[Read]:
    """Return reads of the listed resources, each once; those of the visit are taken from there.

    Raises:
        NotApplicable: If there is no resource.
    """

    def probe() -> list[Read]:
        uris = list(dict.fromkeys(listed_uris(tour)))[:MAX_READS]
        seen = {}
        for step in tour.named("resources/read"):
            sent = step.exchange.request.message
            if sent is not None and isinstance(sent.params, dict):
                seen[sent.params.get("uri")] = step.exchange
        return [Read(uri, seen.get(uri) or read(tour.client, uri)) for uri in uris]

    return tour.memo("resources-read", probe)


def contents(tour: Tour) -> list[Exchange]:
    """Return the results of these reads.

    Raises:
        NotApplicable: If there is no resource.
        NotVerified: If none could be read.
    """
    found = [each.exchange for each in reads(tour) if each.exchange.result is not None]
    if not found:
        raise NotVerified(f"no listed resource could be read: {reads(tour)[0].exchange.summary}")
    return found


def read(client: McpClient, uri: str) -> Exchange:
    """Read one resource."""
    return client.request("resources/read", {"uri": uri})


def unknown(tour: Tour) -> Exchange:
    """Return the read of a URI that the server has no resource for.

    Raises:
        NotApplicable: If the server declares no resources.
        NotVerified: If something else answered, the error is malformed, or a template may cover the URI.
    """
    needs_resources(tour)
    [step] = tour.named("resources/read unknown")
    exchange = Answer(step.name, step.exchange).coded()
    if contents_in(exchange):
        for template in tour.items("resources/templates/list", "resourceTemplates"):
            pattern = template.get("uriTemplate")
            if isinstance(pattern, str) and UNKNOWN_URI.startswith(pattern.partition("{")[0]):
                raise NotVerified(f"the template {pattern!r} covers {UNKNOWN_URI}")
    return exchange


def no_uris(tour: Tour) -> dict[str, Exchange]:
    """Return reads of what no server can have a resource for, by what is special about it.

    Raises:
        NotApplicable: If the server declares no resources.
    """
    needs_resources(tour)
    return tour.memo(
        "resources-no-uris", lambda: {what: read(tour.client, uri) for what, uri in NO_URIS.items()}
    )


def settled(exchange: Exchange, *, large: bool) -> Exchange:
    """Return what the server itself made of a URI.

    Args:
        exchange: What it got.
        large: Whether the URI is so large that HTTP itself may not carry it in a header.

    Raises:
        NotVerified: If something in front of the server may have answered, or nothing did to a large URI.
    """
    refused_by_others(exchange)
    if exchange.status in GATEWAY:
        raise NotVerified(f"something in front of the server may have answered: {exchange.summary}")
    if large and exchange.status is None:
        raise NotVerified(f"a request of 64 KiB got {exchange.summary}")
    return exchange


def traversals(tour: Tour) -> dict[str, Exchange]:
    """Return reads of paths that lead out of the directory of a listed file, by how they are written.

    Raises:
        NotApplicable: If no file is listed.
        NotVerified: If the server offers the file at their end by itself.
    """
    files = [uri for uri in listed_uris(tour) if uri.startswith("file://")]
    if not files:
        raise NotApplicable("the server lists no file:// resource")
    if any(uri.endswith(f"/{TRAVERSED}") for uri in files):
        raise NotVerified(f"the server lists /{TRAVERSED} itself")

    def probe() -> dict[str, Exchange]:
        directory = files[0].rpartition("/")[0]
        return {step: read(tour.client, f"{directory}/{up}{TRAVERSED}") for step, up in STEPS_UP.items()}

    return tour.memo("resources-traversals", probe)
