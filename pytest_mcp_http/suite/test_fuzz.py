"""Properties of a server: what holds for valid requests with one node changed, whatever the node holds.

Part of a run with `--mcp-fuzz` only. Each judges a requirement that checks of its own chapter judge as well.
"""

from __future__ import annotations

import pytest

from pytest_mcp_http._run import run_of
from pytest_mcp_http.fuzz import Plan
from pytest_mcp_http.suite._requirement import requirement
from pytest_mcp_http.tour import Tour


@pytest.fixture(scope="session")
def mcp_fuzz(pytestconfig: pytest.Config) -> Plan:
    """Give how many requests are sent, and which."""
    plan = run_of(pytestconfig).plan
    assert plan is not None  # or nothing here is collected
    return plan


def judge(tour: Tour, plan: Plan, oracle: str) -> None:
    """Judge one property by the oracle of a name."""
    # Not with the module, which is also imported to list what there is, with the extra or without.
    from pytest_mcp_http.fuzz import campaign, oracles

    campaign.judge(tour, plan, getattr(oracles, oracle))


@requirement("transport.base-protocol-support")
def test_requests_are_answered(mcp_tour: Tour, mcp_fuzz: Plan) -> None:
    judge(mcp_tour, mcp_fuzz, "answered")


@requirement("transport.base-protocol-support")
def test_server_answers_afterwards(mcp_tour: Tour, mcp_fuzz: Plan) -> None:
    judge(mcp_tour, mcp_fuzz, "survived")


@requirement("transport.request-content-type")
def test_answers_are_json_or_stream(mcp_tour: Tour, mcp_fuzz: Plan) -> None:
    judge(mcp_tour, mcp_fuzz, "content_type")


@requirement("transport.utf8")
def test_answers_are_utf8(mcp_tour: Tour, mcp_fuzz: Plan) -> None:
    judge(mcp_tour, mcp_fuzz, "utf8")


@requirement("jsonrpc.version-2-0")
def test_answers_have_version(mcp_tour: Tour, mcp_fuzz: Plan) -> None:
    judge(mcp_tour, mcp_fuzz, "version")


@requirement("jsonrpc.result-xor-error")
def test_answers_have_result_or_error(mcp_tour: Tour, mcp_fuzz: Plan) -> None:
    judge(mcp_tour, mcp_fuzz, "result_xor_error")


@requirement("jsonrpc.error-code-and-message")
def test_errors_have_code_and_message(mcp_tour: Tour, mcp_fuzz: Plan) -> None:
    judge(mcp_tour, mcp_fuzz, "error_shape")


@requirement("jsonrpc.error-code-integer")
def test_error_codes_are_integers(mcp_tour: Tour, mcp_fuzz: Plan) -> None:
    judge(mcp_tour, mcp_fuzz, "error_code")


@requirement("jsonrpc.response-id-matches")
def test_results_have_the_id_of_the_request(mcp_tour: Tour, mcp_fuzz: Plan) -> None:
    judge(mcp_tour, mcp_fuzz, "result_id")


@requirement("jsonrpc.error-id-matches")
def test_errors_have_the_id_of_the_request(mcp_tour: Tour, mcp_fuzz: Plan) -> None:
    judge(mcp_tour, mcp_fuzz, "error_id")


@requirement("jsonrpc.error-id-matches.unless-unreadable")
def test_errors_have_the_id_if_it_was_readable(mcp_tour: Tour, mcp_fuzz: Plan) -> None:
    judge(mcp_tour, mcp_fuzz, "error_id")


@requirement("jsonrpc.invalid-request")
def test_what_is_no_message_is_an_invalid_request(mcp_tour: Tour, mcp_fuzz: Plan) -> None:
    judge(mcp_tour, mcp_fuzz, "malformed_refused")


@requirement("jsonrpc.invalid-params")
def test_wrong_params_are_refused(mcp_tour: Tour, mcp_fuzz: Plan) -> None:
    judge(mcp_tour, mcp_fuzz, "params_refused")


@requirement("tools.validate-inputs")
def test_invalid_arguments_are_never_served(mcp_tour: Tour, mcp_fuzz: Plan) -> None:
    judge(mcp_tour, mcp_fuzz, "arguments_refused")


@requirement("tools.input-validation-is-error")
def test_invalid_arguments_are_a_tool_error(mcp_tour: Tour, mcp_fuzz: Plan) -> None:
    judge(mcp_tour, mcp_fuzz, "arguments_tool_error")
