"""Keys of `_meta`: how they look, and which prefixes are free."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.meta import (
    assert_meta_keys_valid,
    assert_meta_prefixes_free,
    assert_meta_prefixes_reverse_dns,
    meta_keys,
)
from pytest_mcp_http.errors import NotApplicable
from pytest_mcp_http.suite._probes import refused_by_others, served
from pytest_mcp_http.suite._requirement import requirement
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import Exchange

VENDOR_META = {"com.example/conformance-check": {"a": 1}}


def with_meta(tour: Tour) -> Iterator[Exchange]:
    """Yield the exchanges of the tour whose messages have `_meta` keys.

    Raises:
        NotApplicable: If there is none.
    """
    found = [exchange for exchange in tour.exchanges if meta_keys(exchange)]
    if not found:
        raise NotApplicable("no message of the visit has a _meta key")
    yield from found


@requirement("meta.key-format")
def test_keys_follow_the_grammar(mcp_tour: Tour) -> None:
    for exchange in with_meta(mcp_tour):
        assert_meta_keys_valid(exchange)


@requirement("meta.reserved-prefix.2025-06-18")
def test_prefixes_before_a_label_are_free(mcp_tour: Tour) -> None:
    for exchange in with_meta(mcp_tour):
        assert_meta_prefixes_free(exchange, mcp_tour.revision)


@requirement("meta.reserved-prefix")
def test_prefixes_by_second_label_are_free(mcp_tour: Tour) -> None:
    for exchange in with_meta(mcp_tour):
        assert_meta_prefixes_free(exchange, mcp_tour.revision)


@requirement("meta.reverse-dns")
def test_prefixes_are_reverse_dns(mcp_tour: Tour) -> None:
    for exchange in with_meta(mcp_tour):
        assert_meta_prefixes_reverse_dns(exchange, mcp_tour.revision)


@requirement("meta.unknown-keys-tolerated")
def test_vendor_metadata_is_tolerated(mcp_tour: Tour) -> None:
    served(mcp_tour)
    exchange = mcp_tour.client.request("ping", {"_meta": VENDOR_META})
    refused_by_others(exchange)
    if exchange.result is None:
        violated(
            f"{exchange.summary}, for a ping with _meta {VENDOR_META}", "the request is served", exchange
        )
