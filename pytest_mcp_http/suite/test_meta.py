"""`_meta`: how its keys look, what each request and each result has in it, and what depends on it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.capabilities import assert_missing_capability, assert_required_capabilities
from pytest_mcp_http.assertions.http import assert_status
from pytest_mcp_http.assertions.meta import (
    assert_meta_keys_valid,
    assert_meta_prefixes_free,
    assert_meta_prefixes_reverse_dns,
    meta_keys,
)
from pytest_mcp_http.assertions.results import assert_server_info
from pytest_mcp_http.assertions.trace import assert_trace_context, trace_keys
from pytest_mcp_http.dialect import CLIENT_INFO
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.suite._client_info import same_for_every_client
from pytest_mcp_http.suite._incomplete import (
    MISTYPED,
    NO_CAPABILITIES,
    NO_META,
    NO_VERSION,
    Build,
    everywhere,
    incomplete,
    is_refused_for_it,
    judge_missing,
    judge_mistyped,
    judge_status,
)
from pytest_mcp_http.suite._judging import gravest
from pytest_mcp_http.suite._probes import refused_by_others, served
from pytest_mcp_http.suite._recorded import results
from pytest_mcp_http.suite._requirement import requirement
from pytest_mcp_http.suite._undeclared import judge_memory, refusals, undeclared
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import Exchange
from pytest_mcp_http.wire.jsonrpc import ABSENT

VENDOR_META = {"com.example/conformance-check": {"a": 1}}

TRACE_CONTEXT = {
    "traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "tracestate": "example=00f067aa0ba902b7",
    "baggage": "check=conformance",
}


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
    served_with(mcp_tour, VENDOR_META)


def served_with(tour: Tour, meta: Mapping[str, object]) -> None:
    """Judge that a plain request is served also with changes to its `_meta`."""
    served(tour)
    exchange = tour.client.plain(meta=meta)
    refused_by_others(exchange)
    if exchange.result is None:
        changes = {key: "absent" if value is ABSENT else value for key, value in meta.items()}
        violated(f"{exchange.summary}, with _meta {changes}", "the request is served", exchange)


@requirement("meta.required-protocol-version")
def test_request_without_version_is_refused(mcp_tour: Tour) -> None:
    refused_without(mcp_tour, NO_VERSION)


@requirement("meta.required-client-capabilities")
def test_request_without_capabilities_is_refused(mcp_tour: Tour) -> None:
    refused_without(mcp_tour, NO_CAPABILITIES)


@requirement("meta.required-meta")
def test_request_without_meta_is_refused(mcp_tour: Tour) -> None:
    refused_without(mcp_tour, NO_META)


def refused_without(tour: Tour, bodies: Mapping[str, Build]) -> None:
    """Judge that plain requests which lack something required are refused."""
    gravest(partial(judge_missing, tour, answer) for answer in incomplete(tour, bodies))


@requirement("meta.required-http-400")
def test_incomplete_request_is_400(mcp_tour: Tour) -> None:
    answers = [
        answer for bodies in (NO_META, NO_VERSION, NO_CAPABILITIES) for answer in incomplete(mcp_tour, bodies)
    ]
    refused = [answer for answer in answers if is_refused_for_it(answer.exchange)]
    if not refused:
        raise NotVerified("no request was refused for what it lacks")
    gravest(partial(judge_status, mcp_tour, answer) for answer in refused)


@requirement("meta.required-every-method")
def test_every_method_needs_meta(mcp_tour: Tour) -> None:
    if not any(is_refused_for_it(answer.exchange) for answer in incomplete(mcp_tour, NO_META)):
        raise NotVerified("not even server/discover is refused without _meta, see meta.required-meta")
    gravest(partial(judge_missing, mcp_tour, answer) for answer in everywhere(mcp_tour))


@requirement("meta.wrong-types")
def test_fields_of_wrong_type_are_refused(mcp_tour: Tour) -> None:
    gravest(partial(judge_mistyped, mcp_tour, answer) for answer in incomplete(mcp_tour, MISTYPED))


@requirement("meta.client-info-optional")
def test_client_info_is_optional(mcp_tour: Tour) -> None:
    served_with(mcp_tour, {CLIENT_INFO: ABSENT})


@requirement("meta.client-info-not-behavioural")
def test_client_info_changes_nothing(mcp_tour: Tour) -> None:
    same_for_every_client(mcp_tour)


@requirement("meta.server-info-every-result")
def test_results_name_the_server(mcp_tour: Tour) -> None:
    if mcp_tour.dialect.info_in(mcp_tour.opening.result) is None:
        raise NotVerified("server/discover does not name the server either, see discover.server-info")
    for exchange in results(mcp_tour):
        assert_server_info(exchange)


@requirement("meta.trace-context-format")
def test_trace_context_has_its_format(mcp_tour: Tour) -> None:
    found = [exchange for exchange in mcp_tour.exchanges if trace_keys(exchange)]
    if not found:
        raise NotApplicable("no message of the visit has trace context")
    for exchange in found:
        assert_trace_context(exchange)


@requirement("meta.trace-context-accepted")
def test_trace_context_is_tolerated(mcp_tour: Tour) -> None:
    served_with(mcp_tour, TRACE_CONTEXT)


@requirement("meta.missing-capability-code")
def test_missing_capability_has_its_code(mcp_tour: Tour) -> None:
    calls = undeclared(mcp_tour)
    gravest(partial(assert_missing_capability, call.exchange) for call in calls)


@requirement("meta.missing-capability-data")
def test_missing_capability_is_named(mcp_tour: Tour) -> None:
    for exchange in refusals(mcp_tour):
        assert_required_capabilities(exchange)


@requirement("meta.missing-capability-http-400")
def test_missing_capability_is_400(mcp_tour: Tour) -> None:
    for exchange in refusals(mcp_tour):
        assert_status(exchange, 400)


@requirement("meta.capabilities-not-remembered")
def test_capabilities_are_not_remembered(mcp_tour: Tour) -> None:
    judge_memory(mcp_tour)
