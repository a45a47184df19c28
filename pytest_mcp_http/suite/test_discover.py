"""What a server says of itself in `server/discover`, and whether it is true."""

from __future__ import annotations

from typing import Any

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.caching import (
    assert_cache_hints,
    assert_cache_scope_valid,
    assert_ttl_valid,
)
from pytest_mcp_http.assertions.discover import (
    COMPLETE,
    assert_declared_method_served,
    assert_discovered,
    assert_discovery_complete,
    assert_server_identified,
    assert_supported_versions,
    assert_versions_agree,
    supported_versions,
)
from pytest_mcp_http.assertions.jsonrpc import code_in
from pytest_mcp_http.assertions.lifecycle import assert_method_offered
from pytest_mcp_http.assertions.schema import assert_messages_valid
from pytest_mcp_http.assertions.version import supported_in_error
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.spec.error_codes import INVALID_PARAMS, METHOD_NOT_FOUND
from pytest_mcp_http.spec.revisions import HANDSHAKE_REVISIONS, REVISIONS
from pytest_mcp_http.suite._lists import OWN_CHAPTERS
from pytest_mcp_http.suite._ownership import owner_of
from pytest_mcp_http.suite._probes import refused_by_others, served
from pytest_mcp_http.suite._requirement import requirement
from pytest_mcp_http.suite._versions import (
    UNKNOWN_VERSIONS,
    at_version,
    dated,
    declared_lists,
    earlier_versions,
    newcomer_lists,
    refused_to_us,
)
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.visit import UNKNOWN_NAME
from pytest_mcp_http.wire.exchange import Exchange

UNKNOWN_PARAM = {"x-conformance-check": True}

MOST_VERSIONS = 3
"""Versions newer than any judged here that are tried; a server may list many."""


def discovery(tour: Tour) -> Exchange:
    """Return the discovery of the visit.

    Raises:
        NotVerified: If it failed, which `discover.implemented` reports.
    """
    if not isinstance(tour.opening.result, dict):
        raise NotVerified(f"server/discover got {tour.opening.summary}")
    return tour.opening


def member(tour: Tour, name: str) -> Any:
    """Return a member of the result of the discovery, or None."""
    result = discovery(tour).result
    return result.get(name) if isinstance(result, dict) else None


def demands_params(tour: Tour) -> bool:
    """Tell whether the discovery of the visit was refused for its params, which hold nothing but `_meta`."""
    return code_in(tour.opening) == INVALID_PARAMS


# -- the result -------------------------------------------------------------------------------------------


@requirement("discover.implemented")
def test_discovery_is_served(mcp_tour: Tour) -> None:
    refused_by_others(mcp_tour.opening)
    if demands_params(mcp_tour):
        raise NotVerified("server/discover is there, and wants further params")
    assert_discovered(mcp_tour.opening)


@requirement("discover.no-extra-params")
def test_discovery_needs_no_params(mcp_tour: Tour) -> None:
    expected = "server/discover without params other than _meta is served"
    if demands_params(mcp_tour):
        violated(f"{mcp_tour.opening.summary}, to server/discover", expected, mcp_tour.opening)
    discovery(mcp_tour)
    exchange = mcp_tour.client.request("server/discover", UNKNOWN_PARAM)
    refused_by_others(exchange)
    if exchange.result is None:
        violated(
            f"{exchange.summary}, to server/discover with an unknown param",
            "a param that the server does not know is ignored",
            exchange,
            note=True,
        )


@requirement("discover.supported-versions")
def test_own_version_is_listed(mcp_tour: Tour) -> None:
    assert_supported_versions(discovery(mcp_tour), mcp_tour.revision)


@requirement("discover.capabilities-object")
def test_capabilities_have_their_shape(mcp_tour: Tour) -> None:
    assert_messages_valid(
        discovery(mcp_tour),
        mcp_tour.revision,
        counts=lambda method, violation: owner_of(method, violation) == "discover.capabilities-object",
    )


@requirement("discover.result-type-complete")
def test_discovery_is_complete(mcp_tour: Tour) -> None:
    assert_discovery_complete(discovery(mcp_tour))


@requirement("discover.cache-hints")
def test_discovery_has_cache_hints(mcp_tour: Tour) -> None:
    kind = member(mcp_tour, "resultType")
    if kind not in (None, COMPLETE):
        raise NotVerified(f"a result of the type {kind!r} needs no caching hints")
    for judge in (assert_cache_hints, assert_ttl_valid, assert_cache_scope_valid):
        judge(discovery(mcp_tour))


@requirement("discover.server-info")
def test_server_says_who_it_is(mcp_tour: Tour) -> None:
    assert_server_identified(discovery(mcp_tour))


# -- whether it is true -----------------------------------------------------------------------------------


@requirement("discover.capabilities-match-handlers")
def test_declared_capabilities_are_served(mcp_tour: Tour) -> None:
    discovery(mcp_tour)
    # Templates are left out: no sentence wants a server without templates to know their list.
    methods = declared_lists(mcp_tour)
    completions = mcp_tour.capabilities.get("completions") is not None
    if not methods and not completions:
        raise NotApplicable("the server declares no capability that has a method")
    for name, method in methods.items():
        for step in mcp_tour.named(method):
            refused_to_us(step.exchange)
            if misses_a_session(step.exchange) and earlier_versions(mcp_tour):
                raise NotVerified(f"{method} is refused for another reason: {step.exchange.summary}")
            if name in OWN_CHAPTERS:
                assert_method_offered(step.exchange, name)
            else:
                assert_declared_method_served(step.exchange, method, name)
    if completions:
        params = {"ref": {"type": "ref/prompt", "name": UNKNOWN_NAME}, "argument": {"name": "x", "value": ""}}
        assert_method_offered(mcp_tour.client.request("completion/complete", params), "completions")


def misses_a_session(exchange: Exchange) -> bool:
    """Tell whether a server of both eras misses a session: `version.dual-era-modern-stateless`."""
    status = exchange.status
    return status is not None and 400 <= status < 500 and code_in(exchange) != METHOD_NOT_FOUND


@requirement("discover.optional-for-client")
def test_other_requests_may_come_first(mcp_tour: Tour) -> None:
    discovery(mcp_tour)
    exchange = newcomer_lists(mcp_tour, after_discovery=False)
    if exchange.result is not None:
        return
    refused_to_us(exchange)
    if not exchange.answered:
        raise NotVerified(f"the request of a new client got {exchange.summary}")
    mcp_tour.require(newcomer_lists(mcp_tour, after_discovery=True), "the same list after server/discover")
    violated(
        f"{exchange.summary}, to a client that did not send server/discover before",
        "the request is served, as it is after server/discover",
        exchange,
    )


@requirement("discover.versions-agree-with-error")
def test_discovery_and_error_list_the_same_versions(mcp_tour: Tour) -> None:
    listed = supported_versions(discovery(mcp_tour))
    exchange = at_version(mcp_tour, UNKNOWN_VERSIONS[0])
    in_error = supported_in_error(exchange)
    if not listed or not in_error:
        raise NotVerified("one of the two lists no versions")
    assert_versions_agree(exchange, listed, in_error)


@requirement("discover.each-version-served")
def test_listed_versions_are_served(mcp_tour: Tour) -> None:
    served(mcp_tour)
    listed = supported_versions(discovery(mcp_tour))
    for version in listed:
        if version in REVISIONS and version not in mcp_tour.target.facts.revisions:
            violated(
                f"{version} is listed, but not spoken", "every listed version is served", mcp_tour.opening
            )
    newer = [v for v in dated(listed) if v > HANDSHAKE_REVISIONS[-1] and v not in REVISIONS]
    for version in newer[:MOST_VERSIONS]:
        exchange = at_version(mcp_tour, version)
        refused_by_others(exchange)
        if exchange.result is None:
            violated(
                f"{exchange.summary}, at {version}, which is listed",
                "every listed version is served",
                exchange,
            )
