"""Completion: suggestions for arguments of prompts and resource templates."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.completion import (
    assert_completion_input_checked,
    assert_completion_limited,
    assert_completion_survives,
    completion_values,
)
from pytest_mcp_http.assertions.failures import assert_internal_error, failed_inside
from pytest_mcp_http.assertions.schema import assert_messages_valid
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.spec.messages import Violation
from pytest_mcp_http.suite._bound_to_user import judge_completions
from pytest_mcp_http.suite._completions import (
    METHOD,
    completed,
    completions,
    incomplete,
    long,
    malformed,
    offered,
    offers_completions,
    undeclared_completions,
    unknown_prompt,
)
from pytest_mcp_http.suite._gated import judge_gated
from pytest_mcp_http.suite._invalid_params import judge_invalid_params
from pytest_mcp_http.suite._judging import gravest
from pytest_mcp_http.suite._malformed import Answer
from pytest_mcp_http.suite._ownership import owner_of
from pytest_mcp_http.suite._requirement import requirement
from pytest_mcp_http.tour import Tour

# -- capability -------------------------------------------------------------------------------------------


@requirement("completion.capability-declared")
def test_completions_are_declared(mcp_tour: Tour) -> None:
    if offers_completions(mcp_tour):
        completed(mcp_tour)
        return
    for exchange in undeclared_completions(mcp_tour):
        if completion_values(exchange):
            expected = ("completions is declared", "an error", "no values")
            violated(f"{exchange.summary}, although completions is not declared", expected, exchange)
    raise NotApplicable("the server offers no completions")


@requirement("completion.unsupported-32601")
def test_undeclared_completion_is_an_unknown_method(mcp_tour: Tour) -> None:
    answers = undeclared_completions(mcp_tour)
    if any(completion_values(exchange) for exchange in answers):
        raise NotVerified("the server has completions, and does not declare them")
    gravest(partial(judge_gated, mcp_tour, METHOD, exchange) for exchange in answers)


# -- result -----------------------------------------------------------------------------------------------


@requirement("completion.result-shape")
def test_result_has_values(mcp_tour: Tour) -> None:
    for exchange in completed(mcp_tour):
        assert_messages_valid(exchange, mcp_tour.revision, counts=about_shape)


def about_shape(method: str, violation: Violation) -> bool:
    """Count what is wrong with a completion, but for the number of its values."""
    return owner_of(method, violation) == "completion.result-shape" and violation.rule != "maxItems"


@requirement("completion.max-100")
def test_result_has_a_hundred_values_at_most(mcp_tour: Tour) -> None:
    for exchange in completed(mcp_tour):
        assert_completion_limited(exchange)


# -- errors -----------------------------------------------------------------------------------------------


@requirement("completion.unknown-prompt-32602")
def test_unknown_prompt_is_invalid(mcp_tour: Tour) -> None:
    offered(mcp_tour)
    judge_invalid_params(mcp_tour, "a completion for an unknown prompt", unknown_prompt(mcp_tour))


@requirement("completion.missing-arguments-32602")
def test_missing_members_are_invalid(mcp_tour: Tour) -> None:
    gravest(
        partial(judge_invalid_params, mcp_tour, f"a completion {what}", exchange)
        for what, exchange in incomplete(mcp_tour).items()
    )


@requirement("completion.validate-inputs")
def test_inputs_are_validated(mcp_tour: Tour) -> None:
    judgements: list[Callable[[], object]] = [
        partial(assert_completion_input_checked, Answer(what, exchange).checked(), what)
        for what, exchange in malformed(mcp_tour).items()
    ]
    what = "a value of 100,000 characters"
    judgements.append(partial(assert_completion_survives, Answer(what, long(mcp_tour)).checked(), what))
    gravest(judgements)


@requirement("completion.internal-error")
def test_failing_completion_is_an_internal_error(mcp_tour: Tour) -> None:
    failed = [exchange for exchange in completions(mcp_tour) if failed_inside(exchange)]
    if not failed:
        raise NotVerified("no completion of the visit failed")
    gravest(partial(assert_internal_error, exchange) for exchange in failed)


@requirement("completion.access-control")
def test_suggestions_have_access_control(mcp_tour: Tour) -> None:
    judge_completions(mcp_tour)
