"""Version negotiation in `initialize`, and the `MCP-Protocol-Version` header."""

from __future__ import annotations

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.http import assert_no_server_error
from pytest_mcp_http.assertions.version import (
    assert_counter_offer,
    assert_negotiated,
    assert_version_refused,
)
from pytest_mcp_http.client import VERSION_HEADER
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.spec.revisions import HANDSHAKE_REVISIONS, header_revision
from pytest_mcp_http.suite._probes import needs_session, refused_by_others, served
from pytest_mcp_http.suite._requirement import requirement
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire import jsonrpc
from pytest_mcp_http.wire.exchange import End, Exchange
from pytest_mcp_http.wire.http import HttpWire

UNKNOWN_VERSIONS = ("1999-01-01", "2099-01-01")
"""Versions that no server speaks: older and newer than any."""

BAD_HEADER_VALUES = ("1999-01-01", "2099-01-01", "not-a-version")


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


@requirement("version.negotiate-same")
def test_supported_version_is_echoed(mcp_tour: Tour) -> None:
    assert_negotiated(mcp_tour.opening, mcp_tour.revision)
    for version, _ in counter_offers(mcp_tour):
        if version not in UNKNOWN_VERSIONS:
            # What a server offers unasked it supports, so it has to take it when asked.
            assert_negotiated(asked_for(mcp_tour, version), version)


@requirement("version.negotiate-other")
def test_unsupported_version_gets_a_counter_offer(mcp_tour: Tour) -> None:
    for version in UNKNOWN_VERSIONS:
        exchange = asked_for(mcp_tour, version)
        refused_by_others(exchange)
        assert_counter_offer(exchange, version)


@requirement("version.negotiate-latest")
def test_counter_offer_is_the_latest(mcp_tour: Tour) -> None:
    offers = counter_offers(mcp_tour)
    if not offers:
        raise NotVerified("the server made no counter-offer to a version that nobody speaks")
    latest = max(r for r in mcp_tour.target.facts.revisions if r in HANDSHAKE_REVISIONS)
    for version, exchange in offers:
        if version not in UNKNOWN_VERSIONS and version < latest:
            violated(
                f"a counter-offer of {version}", f"{latest}, the newest that the server speaks", exchange
            )


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


@requirement("version.respect-negotiated")
def test_negotiated_version_is_kept(mcp_tour: Tour) -> None:
    keeps_to_its_version(mcp_tour)


@requirement("version.respect-negotiated.must")
def test_negotiated_version_is_kept_must(mcp_tour: Tour) -> None:
    keeps_to_its_version(mcp_tour)


@requirement("version.header-unsupported-400")
def test_unsupported_header_is_400(mcp_tour: Tour) -> None:
    served(mcp_tour)
    for value in BAD_HEADER_VALUES:
        exchange = mcp_tour.client.request("ping", headers={VERSION_HEADER: value})
        refused_by_others(exchange)
        assert_version_refused(exchange, value)


@requirement("version.header-unsupported-400-get-delete")
def test_unsupported_header_is_400_on_get_and_delete(mcp_tour: Tour) -> None:
    served(mcp_tour)
    offered = False
    for method in ("GET", "DELETE"):
        # A session of its own: a server that ignores the header ends it.
        with mcp_tour.session() as client:
            bad = {VERSION_HEADER: BAD_HEADER_VALUES[0]}
            exchange = client.get(headers=bad) if method == "GET" else client.delete(headers=bad)
        refused_by_others(exchange)
        if exchange.status == 405:
            continue
        offered = True
        assert_version_refused(exchange, BAD_HEADER_VALUES[0])
    if not offered:
        raise NotApplicable("the server offers neither GET nor DELETE")


@requirement("version.header-absent-assume-2025-03-26")
def test_absent_header_means_the_first_revision(mcp_tour: Tour) -> None:
    if mcp_tour.session_id is not None:
        raise NotApplicable("the server can tell the version from the session")
    if HANDSHAKE_REVISIONS[0] not in mcp_tour.target.facts.revisions:
        raise NotApplicable(f"the server does not speak {HANDSHAKE_REVISIONS[0]}")
    served(mcp_tour)
    exchange = mcp_tour.client.request("ping", headers={VERSION_HEADER: None})
    refused_by_others(exchange)
    if exchange.result is None:
        violated(f"{exchange.summary}, without the header", "the request is served as 2025-03-26", exchange)


@requirement("version.header-absent-session-known")
def test_absent_header_in_a_session(mcp_tour: Tour) -> None:
    needs_session(mcp_tour)
    served(mcp_tour)
    exchange = mcp_tour.client.request("ping", headers={VERSION_HEADER: None})
    if exchange.result is None:
        violated(
            f"{exchange.summary}, without the header",
            "the version that the session negotiated holds",
            exchange,
        )


@requirement("version.header-on-initialize-mismatch")
def test_header_on_initialize_that_differs(mcp_tour: Tour) -> None:
    client = mcp_tour.new_client()
    exchange = client.initialize(headers={VERSION_HEADER: HANDSHAKE_REVISIONS[0]})
    client.close()
    assert_no_server_error(exchange, "the header is ignored, or HTTP 400")


@requirement("version.header-differs-from-negotiated")
def test_header_that_differs_from_the_negotiated_version(mcp_tour: Tour) -> None:
    others = [r for r in mcp_tour.target.facts.revisions if r != mcp_tour.revision and header_revision(r)]
    if not others:
        raise NotApplicable("the server speaks no other revision")
    served(mcp_tour)
    exchange = mcp_tour.client.request("ping", headers={VERSION_HEADER: others[-1]})
    assert_no_server_error(exchange, "the request is served, or HTTP 400")
