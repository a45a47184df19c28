"""What servers ask the client's model for, and its roots, in both eras; a part of the chapter mrtr."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.input_requests import assert_no_deprecated_requests
from pytest_mcp_http.assertions.sampling import (
    assert_sampling_context_declared,
    assert_sampling_tools_declared,
    assert_tool_results_alone,
    assert_tool_uses_answered,
)
from pytest_mcp_http.suite._conversations import (
    ROOTS,
    SAMPLE,
    asking_for,
    judge_undeclared,
    restricted,
    talks,
)
from pytest_mcp_http.suite._odd_answers import (
    after_tool_use,
    judge_malformed_samples,
    judge_retention,
    judge_roots,
)
from pytest_mcp_http.suite._requirement import requirement
from pytest_mcp_http.tour import Tour

PLAIN: Mapping[str, object] = {"sampling": {}}


@requirement("mrtr.sampling-capability")
def test_only_clients_that_declared_sampling_are_asked(mcp_tour: Tour) -> None:
    judge_undeclared(mcp_tour, SAMPLE)


@requirement("mrtr.sampling-tools-gated")
def test_tools_are_for_clients_that_declared_them(mcp_tour: Tour) -> None:
    asking_for(mcp_tour, SAMPLE)
    for exchange in restricted(mcp_tour, PLAIN):
        assert_sampling_tools_declared(exchange, PLAIN)


@requirement("mrtr.sampling-context-gated")
def test_context_is_for_clients_that_declared_it(mcp_tour: Tour) -> None:
    asking_for(mcp_tour, SAMPLE)
    for exchange in restricted(mcp_tour, PLAIN):
        assert_sampling_context_declared(exchange, PLAIN)


@requirement("mrtr.sampling-tool-result-only")
def test_tool_results_stand_alone(mcp_tour: Tour) -> None:
    for exchange in after_tool_use(mcp_tour):
        assert_tool_results_alone(exchange)


@requirement("mrtr.sampling-tool-balance")
def test_tool_uses_are_answered(mcp_tour: Tour) -> None:
    for exchange in after_tool_use(mcp_tour):
        assert_tool_uses_answered(exchange)


@requirement("mrtr.sampling-no-retention")
def test_messages_are_not_kept(mcp_tour: Tour) -> None:
    judge_retention(mcp_tour)


@requirement("mrtr.sampling-validate")
def test_sampled_messages_are_validated(mcp_tour: Tour) -> None:
    judge_malformed_samples(mcp_tour)


@requirement("mrtr.sampling-request-related")
def test_requests_come_with_the_call_that_causes_them(mcp_tour: Tour) -> None:
    for each in talks(mcp_tour).all:
        for asked in each.asked:
            if not asked.related and asked.request.get("method") != "ping":
                violated(
                    f"{asked.request.get('method')} on another stream than that of the call which causes it",
                    "on the stream of the call",
                    each.exchange,
                )


@requirement("mrtr.roots-capability")
def test_only_clients_that_declared_roots_are_asked(mcp_tour: Tour) -> None:
    judge_undeclared(mcp_tour, ROOTS)


@requirement("mrtr.roots-handling")
def test_odd_roots_are_handled(mcp_tour: Tour) -> None:
    judge_roots(mcp_tour)


@requirement("mrtr.deprecated-not-adopted")
def test_deprecated_requests_are_left_out(mcp_tour: Tour) -> None:
    for exchange in talks(mcp_tour).exchanges:
        assert_no_deprecated_requests(exchange)
