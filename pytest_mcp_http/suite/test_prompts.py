"""Prompts: their list, their messages, and what becomes of names and arguments that are wrong."""

from __future__ import annotations

from functools import partial

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.changes import assert_list_change_announced
from pytest_mcp_http.assertions.content import assert_embedded_resources, assert_media_encoded
from pytest_mcp_http.assertions.failures import assert_internal_error, failed_inside
from pytest_mcp_http.assertions.jsonrpc import code_in
from pytest_mcp_http.assertions.lifecycle import assert_nothing_offered
from pytest_mcp_http.assertions.lists import assert_same_items
from pytest_mcp_http.assertions.mrtr import is_input_required
from pytest_mcp_http.assertions.refusals import is_refusal
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.spec.error_codes import INVALID_PARAMS, METHOD_NOT_FOUND
from pytest_mcp_http.suite._changes import changed_list
from pytest_mcp_http.suite._gated import judge_gated
from pytest_mcp_http.suite._invalid_params import judge_invalid_params
from pytest_mcp_http.suite._judging import gravest
from pytest_mcp_http.suite._lists import listings
from pytest_mcp_http.suite._malformed import Answer
from pytest_mcp_http.suite._probes import refused_by_others
from pytest_mcp_http.suite._prompts import (
    WrongArgument,
    fetched,
    listed_prompts,
    offers_prompts,
    owned_elsewhere,
    rendered,
    undeclared_list,
    with_blocks,
    with_wrong_arguments,
    without_arguments,
)
from pytest_mcp_http.suite._requirement import requirement
from pytest_mcp_http.suite._shapes import judge_shapes
from pytest_mcp_http.tour import Tour

# -- capability -------------------------------------------------------------------------------------------


def judge_declared(tour: Tour) -> None:
    """Judge that a server which lists prompts declares them."""
    if offers_prompts(tour):
        listed_prompts(tour)
        return
    exchange = undeclared_list(tour)
    assert_nothing_offered(exchange, "prompts", "prompts")
    raise NotApplicable("the server offers no prompts")


@requirement("prompts.capability-declared")
def test_prompts_are_declared(mcp_tour: Tour) -> None:
    judge_declared(mcp_tour)


@requirement("prompts.capability-declared.discover")
def test_prompts_are_declared_in_discovery(mcp_tour: Tour) -> None:
    judge_declared(mcp_tour)


@requirement("prompts.respect-negotiation")
def test_undeclared_prompts_are_refused(mcp_tour: Tour) -> None:
    exchange = undeclared_list(mcp_tour)
    result = exchange.result
    if isinstance(result, dict) and result.get("prompts"):
        raise NotVerified("the server has prompts, and does not declare them")
    lenient = isinstance(result, dict) or is_refusal(exchange)
    if mcp_tour.dialect.sessions and lenient and code_in(exchange) != METHOD_NOT_FOUND:
        # Only from 2026-07-28 on it is said of a method that it does not exist without its capability.
        expected = f"JSON-RPC error {METHOD_NOT_FOUND}, as prompts are not declared"
        violated(f"{exchange.summary}, to prompts/list", expected, exchange, note=True)
    judge_gated(mcp_tour, "prompts/list", exchange)


# -- list -------------------------------------------------------------------------------------------------


def judge_listed(tour: Tour, id: str) -> None:
    """Judge that the list of declared prompts is answered, and its shape as far as a requirement owns it."""
    if not offers_prompts(tour):
        raise NotApplicable("the server declares no prompts")
    steps = tour.named("prompts/list")
    if not steps:
        raise NotVerified("the visit ended before it came to prompts/list")
    exchange = steps[0].exchange
    refused_by_others(exchange)
    if exchange.result is None and not owned_elsewhere(tour, exchange):
        violated(f"{exchange.summary}, to prompts/list", "a result with the array prompts", exchange)
    judge_shapes(tour, id)
    tour.require(exchange, "prompts/list")


@requirement("prompts.list-answered")
def test_prompts_are_listed(mcp_tour: Tour) -> None:
    judge_listed(mcp_tour, "prompts.list-answered")


@requirement("prompts.list-answered.legacy")
def test_listed_prompts_have_names(mcp_tour: Tour) -> None:
    judge_listed(mcp_tour, "prompts.list-answered.legacy")


@requirement("prompts.list-not-per-connection")
def test_prompts_are_the_same_on_every_connection(mcp_tour: Tour) -> None:
    found = listings(mcp_tour, "prompts")
    for each in (found.first, found.later):
        assert_same_items(each.exchange, each.items, found.before.items, each.when)


# -- messages ---------------------------------------------------------------------------------------------


@requirement("prompts.get-messages")
def test_prompts_have_messages(mcp_tour: Tour) -> None:
    for exchange in fetched(mcp_tour):
        if code_in(exchange) == METHOD_NOT_FOUND:
            expected = "messages, as the prompt is listed"
            violated(f"{exchange.summary}, to prompts/get of a listed prompt", expected, exchange)
    judge_shapes(mcp_tour, "prompts.get-messages")
    rendered(mcp_tour)


@requirement("prompts.image-encoded")
def test_images_are_base64_with_a_type(mcp_tour: Tour) -> None:
    gravest(partial(assert_media_encoded, each, "image") for each in with_blocks(mcp_tour, "image"))


@requirement("prompts.audio-encoded")
def test_sounds_are_base64_with_a_type(mcp_tour: Tour) -> None:
    gravest(partial(assert_media_encoded, each, "audio") for each in with_blocks(mcp_tour, "audio"))


@requirement("prompts.embedded-resource-fields")
def test_embedded_resources_have_uri_and_type(mcp_tour: Tour) -> None:
    gravest(partial(assert_embedded_resources, each) for each in with_blocks(mcp_tour, "resource"))


# -- errors -----------------------------------------------------------------------------------------------


@requirement("prompts.unknown-name-32602")
def test_unknown_prompt_is_invalid(mcp_tour: Tour) -> None:
    if not offers_prompts(mcp_tour):
        raise NotApplicable("the server declares no prompts")
    steps = mcp_tour.named("prompts/get unknown")
    if not steps:
        raise NotVerified("the visit ended before it came to an unknown prompt")
    judge_invalid_params(mcp_tour, "an unknown prompt", steps[0].exchange)


@requirement("prompts.missing-argument-32602")
def test_missing_argument_is_invalid(mcp_tour: Tour) -> None:
    exchange = without_arguments(mcp_tour)
    if is_input_required(exchange):
        return  # from 2026-07-28 on a server may ask for what is missing
    judge_invalid_params(mcp_tour, "a missing argument", exchange)


@requirement("prompts.validate-arguments")
def test_arguments_are_validated(mcp_tour: Tour) -> None:
    gravest(partial(judge_validated, each) for each in with_wrong_arguments(mcp_tour))


def judge_validated(wrong: WrongArgument) -> None:
    """Judge what an argument got that is no string.

    Raises:
        NotVerified: If the server asks for input first, which it may from 2026-07-28 on.
    """
    exchange = Answer("prompts/get", wrong.exchange).coded()
    if is_input_required(exchange):
        raise NotVerified("the server asks for input before it renders the prompt")
    expected = [f"JSON-RPC error {INVALID_PARAMS}"]
    if not is_refusal(exchange):
        # A number can be written as a string, so a server that does so may have looked at it.
        lenient = isinstance(exchange.result, dict) and not isinstance(wrong.value, dict)
        violated(f"{exchange.summary}, with {wrong.what} as argument", expected, exchange, note=lenient)
    if code_in(exchange) not in (INVALID_PARAMS, None):
        violated(f"{exchange.summary}, with {wrong.what} as argument", expected, exchange, note=True)


@requirement("prompts.internal-error")
def test_failing_prompt_is_an_internal_error(mcp_tour: Tour) -> None:
    failed = [exchange for exchange in fetched(mcp_tour) if failed_inside(exchange)]
    if not failed:
        raise NotVerified("no prompt of the visit failed")
    gravest(partial(assert_internal_error, exchange) for exchange in failed)


@requirement("prompts.list-changed")
def test_changed_prompts_are_announced(mcp_tour: Tour) -> None:
    assert_list_change_announced(changed_list(mcp_tour, "prompts").heard, "prompts")


@requirement("prompts.list-changed.listen")
def test_changed_prompts_are_announced_to_listeners(mcp_tour: Tour) -> None:
    assert_list_change_announced(changed_list(mcp_tour, "prompts").heard[:1], "prompts")
