"""Probes of protocol versions: offered, refused, mixed on one connection, of another era."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.discover import extensions_in
from pytest_mcp_http.assertions.jsonrpc import code_in
from pytest_mcp_http.assertions.refusals import is_refusal
from pytest_mcp_http.client import VERSION_HEADER, McpClient
from pytest_mcp_http.dialect import CLIENT_INFO
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.spec.error_codes import UNSUPPORTED_VERSION
from pytest_mcp_http.spec.revisions import HANDSHAKE_REVISIONS, header_revision
from pytest_mcp_http.suite._probes import refused_by_others
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.visit import LISTS
from pytest_mcp_http.wire import jsonrpc
from pytest_mcp_http.wire.exchange import End, Exchange
from pytest_mcp_http.wire.http import HttpWire

UNKNOWN_VERSIONS = ("1999-01-01", "2099-01-01")
"""Versions that no server speaks: older and newer than any."""

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_NEWCOMER = "pytest-mcp-http-newcomer"


# -- the handshake ------------------------------------------------------------------------------------------


def asked_for(tour: Tour, version: str) -> Exchange:
    """Return the answer to an `initialize` that asks for some version; the session is ended."""

    def probe() -> Exchange:
        client = tour.new_client()
        client.revision = version
        body = jsonrpc.request("initialize", client.initialize_params(), id=client.next_id())
        exchange = client.post(body, headers={VERSION_HEADER: None})
        client.session_id = exchange.headers.get("mcp-session-id") if exchange.ok else None
        client.revision = version_in(exchange) or tour.revision
        client.close()
        return exchange

    return tour.memo(f"initialize at {version}", probe)


def version_in(exchange: Exchange) -> str | None:
    """Return the version in an initialize result, if there is one."""
    result = exchange.result
    version = result.get("protocolVersion") if isinstance(result, dict) else None
    return version if isinstance(version, str) else None


def counter_offers(tour: Tour) -> list[tuple[str, Exchange]]:
    """Return each counter-offer with the exchange that made it."""
    exchanges = [asked_for(tour, version) for version in UNKNOWN_VERSIONS]
    return [(version, e) for e in exchanges if (version := version_in(e)) is not None]


def keeps_to_its_version(tour: Tour) -> None:
    """Judge that a client is still served at its revision after another one negotiated something else.

    Both use the same connection, as clients behind a gateway do. A client of 2025-03-26 sends no version
    header, since its revision has none.
    """
    others = [r for r in tour.target.facts.revisions if r != tour.revision and r in HANDSHAKE_REVISIONS]
    with (
        HttpWire(tour.wire.limits, tour.wire.context, keep_alive=True) as wire,
        tour.session(wire) as client,
    ):
        tour.require(client.request("ping"), "ping before the other handshake")
        other = tour.new_client(wire)
        other.revision = others[-1] if others else UNKNOWN_VERSIONS[0]
        body = jsonrpc.request("initialize", other.initialize_params(), id=other.next_id())
        answer = other.post(body, headers={VERSION_HEADER: None})
        other.session_id = answer.headers.get("mcp-session-id") if answer.ok else None
        exchange = client.request("ping")
        # From here on only the clean-up of the other session: it speaks what it negotiated.
        other.revision = version_in(answer) or tour.revision
        other.close()
        if exchange.end is End.RESET:
            raise NotVerified("the server does not keep connections")
        if exchange.result is None:
            sent = header_revision(tour.revision)
            violated(
                f"{exchange.summary}, to a client of {tour.revision} after another client negotiated "
                f"{version_in(answer) or 'nothing'} ({'header ' + sent if sent else 'no version header'})",
                f"the request is served: this client negotiated {tour.revision}",
                exchange,
            )


# -- the version of each request ----------------------------------------------------------------------------


def at_version(tour: Tour, version: str, method: str | None = None) -> Exchange:
    """Return the answer to a request that names another version in header and `_meta`.

    Args:
        tour: The tour.
        version: The version.
        method: Method of the request; default that of the plain request.
    """
    method = method or tour.dialect.plain
    return tour.memo(f"{method} at {version}", lambda: tour.new_client(declare=version).request(method))


def refused(tour: Tour, version: str) -> Exchange:
    """Return the refusal of a plain request at an unsupported version.

    Raises:
        NotVerified: If it is none, which `version.unsupported-400` reports.
    """
    exchange = at_version(tour, version)
    refused_by_others(exchange)
    if not is_refusal(exchange):
        raise NotVerified(f"a request at {version} is not refused: {exchange.summary}")
    return exchange


def refused_as_it_should_be(tour: Tour) -> Exchange:
    """Return the refusal of a plain request at a version that nobody speaks: a positive control.

    Raises:
        NotVerified: If it is not HTTP 400 with -32022, which has requirements of its own.
    """
    exchange = at_version(tour, UNKNOWN_VERSIONS[0])
    if exchange.status != 400 or code_in(exchange) != UNSUPPORTED_VERSION:
        raise NotVerified(f"{tour.dialect.plain} at {UNKNOWN_VERSIONS[0]} got {exchange.summary}")
    return exchange


def behind_a_refused_version(tour: Tour) -> Exchange:
    """Return what a good request gets on a connection on which one like it was served, and a version refused.

    Raises:
        NotVerified: If that was otherwise, or the server does not keep connections.
    """
    with HttpWire(tour.wire.limits, tour.wire.context, keep_alive=True) as wire:
        client, stranger = tour.new_client(wire), tour.new_client(wire, declare=UNKNOWN_VERSIONS[0])
        first = tour.require(client.plain(), f"{tour.dialect.plain} on a connection that is kept")
        second, third = stranger.plain(), client.plain()
    if End.RESET in (second.end, third.end) or any(map(_closes, (first, second))):
        raise NotVerified("the server does not keep connections")
    if second.result is not None:
        raise NotVerified("a version is served behind another one, see transport.no-connection-state")
    refused_by_others(third)
    return third


def _closes(exchange: Exchange) -> bool:
    return any("close" in value.lower() for value in exchange.headers.get_all("connection"))


def declared_lists(tour: Tour) -> dict[str, str]:
    """Return the list method of each declared capability that has one; a null declares nothing."""
    return {name: lists[0][0] for name, lists in LISTS.items() if tour.capabilities.get(name) is not None}


def served_lists(tour: Tour) -> list[str]:
    """Return the list methods of declared capabilities that were served during the visit."""
    methods = declared_lists(tour).values()
    return [m for m in methods if any(step.exchange.result is not None for step in tour.named(m))]


def refused_to_us(exchange: Exchange) -> None:
    """Stop judging the answer to a single method that access control may keep from us.

    Raises:
        NotVerified: If it does, or something else answered in place of the server.
    """
    refused_by_others(exchange)
    if exchange.status == 403:
        raise NotVerified(f"access is refused: {exchange.summary}")


def newcomer_lists(tour: Tour, *, after_discovery: bool) -> Exchange:
    """Return what a client that the server has not seen gets for a declared list, on a connection of its own.

    Args:
        tour: The tour.
        after_discovery: Whether it sends `server/discover` first, on the same connection.

    Raises:
        NotVerified: If the server declares no list, or the discovery fails.
    """
    methods = list(declared_lists(tour).values())
    if not methods:
        raise NotVerified("the server declares no list that could be asked for")

    def probe() -> Exchange:
        name = f"{_NEWCOMER}-{int(after_discovery)}"
        sent: Any = {
            "meta": {CLIENT_INFO: {"name": name, "version": "1"}},
            "headers": {"User-Agent": name},
        }
        with HttpWire(tour.wire.limits, tour.wire.context, keep_alive=True) as wire:
            client = tour.new_client(wire)
            if after_discovery:
                tour.require(client.request("server/discover", **sent), "server/discover by another client")
            return client.request(methods[0], **sent)

    return tour.memo(f"newcomer after discovery: {after_discovery}", probe)


# -- the other era ------------------------------------------------------------------------------------------


def legacy_initialize(tour: Tour) -> Exchange:
    """Return the answer to `initialize` as a client of the newest handshake revision sends it."""

    def probe() -> Exchange:
        target = tour.target
        client = McpClient(target.url, HANDSHAKE_REVISIONS[-1], tour.wire, headers=target.headers)
        exchange = client.initialize()
        client.close()
        return exchange

    return tour.memo("legacy initialize", probe)


def dated(versions: Iterable[str]) -> list[str]:
    """Return the versions that are dates, as all of the specification are, so that they have an order."""
    return [version for version in versions if _DATE.fullmatch(version)]


def earlier_versions(tour: Tour) -> list[str]:
    """Return the versions with a handshake that the server speaks or says that it does, oldest first."""
    facts = tour.target.facts
    named = dated((*facts.revisions, *facts.named))
    found = {version for version in named if version <= HANDSHAKE_REVISIONS[-1]}
    if not found and (offered := version_in(legacy_initialize(tour))) is not None:
        found = {offered}  # one that is not judged here
    return sorted(found)


def serves_clients_without_header(tour: Tour) -> bool:
    """Tell whether the server speaks a revision that has no version header yet."""
    return any(version <= HANDSHAKE_REVISIONS[0] for version in earlier_versions(tour))


def modern_only(tour: Tour) -> None:
    """Go on only if the server speaks no revision with a handshake.

    Raises:
        NotApplicable: If it does.
    """
    if earlier := earlier_versions(tour):
        raise NotApplicable(f"the server supports {earlier[-1]} too")


# -- extensions ---------------------------------------------------------------------------------------------


def declared_extensions(tour: Tour) -> dict[str, Any]:
    """Return the settings of each extension that the server declares.

    Raises:
        NotApplicable: If it declares none.
    """
    found = extensions_in(tour.capabilities)
    if not found:
        raise NotApplicable("the server declares no extension")
    return found
