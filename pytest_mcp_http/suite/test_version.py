"""Version negotiation: in `initialize`, in the `MCP-Protocol-Version` header, and with each request."""

from __future__ import annotations

from functools import partial

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.discover import (
    assert_core_result_type,
    assert_extension_ids,
    assert_extension_settings,
)
from pytest_mcp_http.assertions.http import assert_no_server_error
from pytest_mcp_http.assertions.jsonrpc import code_in
from pytest_mcp_http.assertions.version import (
    assert_counter_offer,
    assert_legacy_initialize_refused,
    assert_negotiated,
    assert_unsupported_version_400,
    assert_unsupported_version_code,
    assert_unsupported_version_data,
    assert_version_header_refused,
    assert_version_refused,
    assert_version_unsupported,
    assert_versions_named,
)
from pytest_mcp_http.client import VERSION_HEADER
from pytest_mcp_http.dialect import PROTOCOL_VERSION
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.spec.error_codes import METHOD_NOT_FOUND, UNSUPPORTED_VERSION
from pytest_mcp_http.spec.revisions import HANDSHAKE_REVISIONS, header_revision
from pytest_mcp_http.suite._judging import gravest
from pytest_mcp_http.suite._probes import needs_session, refused_by_others, served
from pytest_mcp_http.suite._requirement import requirement
from pytest_mcp_http.suite._versions import (
    UNKNOWN_VERSIONS,
    asked_for,
    at_version,
    behind_a_refused_version,
    counter_offers,
    declared_extensions,
    earlier_versions,
    keeps_to_its_version,
    legacy_initialize,
    modern_only,
    newcomer_lists,
    refused,
    refused_as_it_should_be,
    refused_to_us,
    served_lists,
    serves_clients_without_header,
)
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.visit import UNKNOWN_METHOD
from pytest_mcp_http.wire.exchange import Exchange

BAD_HEADER_VALUES = ("1999-01-01", "2099-01-01", "not-a-version")


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
    spoken = [r for r in HANDSHAKE_REVISIONS if r in mcp_tour.target.facts.revisions]
    others = [r for r in spoken if r != mcp_tour.revision and header_revision(r)]
    if not others:
        raise NotApplicable("the server speaks no other revision with a handshake and the header")
    served(mcp_tour)
    exchange = mcp_tour.client.request("ping", headers={VERSION_HEADER: others[-1]})
    assert_no_server_error(exchange, "the request is served, or HTTP 400")


# -- the version of each request, from 2026-07-28 on --------------------------------------------------------


def without_header(tour: Tour) -> Exchange:
    """Return the answer to a plain request that names its version in `_meta` alone."""
    served(tour)
    exchange = tour.client.plain(headers={VERSION_HEADER: None})
    refused_by_others(exchange)
    return exchange


@requirement("version.header-required")
def test_request_without_header_is_refused(mcp_tour: Tour) -> None:
    if serves_clients_without_header(mcp_tour):
        raise NotApplicable(f"the server serves clients of {HANDSHAKE_REVISIONS[0]}, which send no header")
    assert_version_header_refused(without_header(mcp_tour), f"without {VERSION_HEADER}")


@requirement("version.header-absent-legacy")
def test_request_without_header_is_handled(mcp_tour: Tour) -> None:
    if not serves_clients_without_header(mcp_tour):
        raise NotApplicable(f"the server serves no clients of {HANDSHAKE_REVISIONS[0]}")
    assert_no_server_error(
        without_header(mcp_tour), (f"what a client of {HANDSHAKE_REVISIONS[0]} gets", "HTTP 400")
    )


@requirement("version.header-meta-mismatch")
def test_header_that_differs_from_meta_is_refused(mcp_tour: Tour) -> None:
    served(mcp_tour)
    strange = UNKNOWN_VERSIONS[0]

    def judge(in_header: str, in_meta: str) -> None:
        exchange = mcp_tour.client.plain(
            headers={VERSION_HEADER: in_header}, meta={PROTOCOL_VERSION: in_meta}
        )
        refused_by_others(exchange)
        # One of the two is no version of the server either, and no sentence says which error comes first.
        assert_version_header_refused(
            exchange, f"with {in_header} in the header and {in_meta} in _meta", also=(UNSUPPORTED_VERSION,)
        )

    # A header of a handshake revision may bring the request under the rules of that one.
    own = mcp_tour.revision
    pairs = ((own, HANDSHAKE_REVISIONS[-1]), (own, strange), (strange, own))
    gravest(partial(judge, *pair) for pair in pairs)


@requirement("version.unsupported-400")
def test_unsupported_version_is_400(mcp_tour: Tour) -> None:
    served(mcp_tour)
    for version in UNKNOWN_VERSIONS:
        exchange = at_version(mcp_tour, version)
        refused_by_others(exchange)
        assert_unsupported_version_400(exchange, version)


@requirement("version.unsupported-code")
def test_unsupported_version_has_its_code(mcp_tour: Tour) -> None:
    served(mcp_tour)
    for version in UNKNOWN_VERSIONS:
        assert_unsupported_version_code(refused(mcp_tour, version), version)


@requirement("version.unsupported-data")
def test_unsupported_version_error_has_its_data(mcp_tour: Tour) -> None:
    served(mcp_tour)
    for version in UNKNOWN_VERSIONS:
        exchange = refused(mcp_tour, version)
        if code_in(exchange) != UNSUPPORTED_VERSION:
            raise NotVerified(f"the refusal of {version} is another error: {exchange.summary}")
        assert_unsupported_version_data(exchange, version, mcp_tour.revision)


@requirement("version.unsupported-any-method")
def test_unsupported_version_is_refused_by_every_method(mcp_tour: Tour) -> None:
    served(mcp_tour)
    refused_as_it_should_be(mcp_tour)
    version = UNKNOWN_VERSIONS[0]
    for method in (*served_lists(mcp_tour), UNKNOWN_METHOD):
        exchange = at_version(mcp_tour, version, method)
        refused_by_others(exchange)
        # Whether the method or the version is looked at first is open.
        also = {METHOD_NOT_FOUND: 404} if method == UNKNOWN_METHOD else {}
        assert_version_unsupported(exchange, f"{method} at {version}", also=also)


@requirement("version.known-but-unserved")
def test_known_version_that_is_not_served_is_refused(mcp_tour: Tour) -> None:
    modern_only(mcp_tour)
    served(mcp_tour)
    refused_as_it_should_be(mcp_tour)
    version = HANDSHAKE_REVISIONS[-1]
    exchange = at_version(mcp_tour, version)
    refused_by_others(exchange)
    assert_version_unsupported(exchange, f"{mcp_tour.dialect.plain} at {version}")


@requirement("version.per-request")
def test_version_is_judged_by_request(mcp_tour: Tour) -> None:
    refused_as_it_should_be(mcp_tour)
    third = behind_a_refused_version(mcp_tour)
    if third.result is None:
        violated(
            f"{third.summary}, to a request after one at {UNKNOWN_VERSIONS[0]} on the same connection",
            "the request is served",
            third,
        )


# -- clients of earlier revisions ---------------------------------------------------------------------------


@requirement("version.legacy-initialize-rejected")
def test_initialize_is_400_without_handshake(mcp_tour: Tour) -> None:
    modern_only(mcp_tour)
    exchange = legacy_initialize(mcp_tour)
    refused_by_others(exchange)
    assert_legacy_initialize_refused(exchange)


@requirement("version.legacy-initialize-diagnostic")
def test_refusal_of_initialize_names_the_versions(mcp_tour: Tour) -> None:
    modern_only(mcp_tour)
    exchange = legacy_initialize(mcp_tour)
    refused_by_others(exchange)
    if not exchange.answered or exchange.result is not None:
        raise NotVerified(f"initialize gets no error: {exchange.summary}")
    assert_versions_named(exchange, mcp_tour.revision)


@requirement("version.dual-era-modern-stateless")
def test_modern_request_needs_no_handshake(mcp_tour: Tour) -> None:
    if not earlier_versions(mcp_tour):
        raise NotApplicable("the server speaks no earlier revision")
    served(mcp_tour)
    exchange = newcomer_lists(mcp_tour, after_discovery=True)
    refused_to_us(exchange)
    wrong = exchange.status is not None and 400 <= exchange.status < 500
    if wrong and code_in(exchange) != METHOD_NOT_FOUND:
        violated(f"{exchange.summary}, to a request without session", "the request is served", exchange)
    if exchange.result is None:
        # A declared method that is missing or broken is discover.capabilities-match-handlers'.
        raise NotVerified(f"the request is refused for another reason: {exchange.summary}")


# -- extensions ---------------------------------------------------------------------------------------------


@requirement("version.extension-id-format")
def test_extension_ids_have_a_prefix(mcp_tour: Tour) -> None:
    assert_extension_ids(mcp_tour.opening, declared_extensions(mcp_tour))


@requirement("version.extension-settings-object")
def test_extension_settings_are_objects(mcp_tour: Tour) -> None:
    assert_extension_settings(mcp_tour.opening, declared_extensions(mcp_tour))


@requirement("version.extension-fallback")
def test_results_are_those_of_the_core(mcp_tour: Tour) -> None:
    declared_extensions(mcp_tour)
    for step in mcp_tour.steps:
        if step.method != mcp_tour.dialect.opening:
            assert_core_result_type(step.exchange)
    raise NotVerified("no request of the visit is known to use an extension")
