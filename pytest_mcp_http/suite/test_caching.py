"""How long and by whom a result may be kept: `ttlMs` and `cacheScope`."""

from __future__ import annotations

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.caching import (
    HINTS,
    assert_cache_hints,
    assert_cache_scope_valid,
    assert_no_cache_hints,
    assert_one_cache_scope,
    assert_ttl_valid,
    cacheable_result,
)
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.suite._asking import interim_results
from pytest_mcp_http.suite._bound_to_user import judge_public_answers
from pytest_mcp_http.suite._principals import other_users, prompt_attempts
from pytest_mcp_http.suite._requirement import requirement
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.visit import LISTS
from pytest_mcp_http.wire.exchange import Exchange

LIST_METHODS = tuple(method for methods in LISTS.values() for method, _ in methods)
READ = "resources/read"


def complete(tour: Tour, *names: str) -> list[Exchange]:
    """Return the complete results of the steps of the visit with some names."""
    return [step.exchange for step in tour.named(*names) if cacheable_result(step.exchange) is not None]


def next_page(method: str) -> str:
    """Return the name of the steps that fetched further pages of a list."""
    return f"{method} (next page)"


def judge_hints(tour: Tour, method: str, capability: str) -> None:
    """Judge the results of one method; of a list the first page.

    Raises:
        NotApplicable: If the server does not offer it.
        NotVerified: If it gave no complete result.
    """
    if capability not in tour.capabilities:
        raise NotApplicable(f"the server does not declare {capability}")
    if method == READ and not tour.named(READ):
        raise NotApplicable("the server lists no resource")
    found = complete(tour, method)
    if not found:
        raise NotVerified(f"no request for {method} got a complete result")
    for exchange in found:
        assert_cache_hints(exchange)


def with_hint(tour: Tour, hint: str) -> list[Exchange]:
    """Return the complete results that have a hint: of all pages of all lists, and of resources.

    Raises:
        NotVerified: If there is none.
    """
    names = (*LIST_METHODS, *map(next_page, LIST_METHODS), READ)
    found = [each for each in complete(tour, *names) if hint in (cacheable_result(each) or {})]
    if not found:
        raise NotVerified(f"no complete result of a list or a resource has {hint}")
    return found


def paged(tour: Tour) -> list[tuple[list[Exchange], list[Exchange]]]:
    """Return, of each list with several pages, the first page and the others, as far as they are complete.

    Raises:
        NotApplicable: If no list has a second page.
        NotVerified: If no second page could be fetched.
    """
    if not tour.named(*map(next_page, LIST_METHODS)):
        raise NotApplicable("no list has a second page")
    found = [(complete(tour, method), complete(tour, next_page(method))) for method in LIST_METHODS]
    if not any(others for _, others in found):
        raise NotVerified("no request for a second page got a complete result")
    return found


@requirement("caching.hints-tools-list")
def test_tools_have_hints(mcp_tour: Tour) -> None:
    judge_hints(mcp_tour, "tools/list", "tools")


@requirement("caching.hints-prompts-list")
def test_prompts_have_hints(mcp_tour: Tour) -> None:
    judge_hints(mcp_tour, "prompts/list", "prompts")


@requirement("caching.hints-resources-list")
def test_resources_have_hints(mcp_tour: Tour) -> None:
    judge_hints(mcp_tour, "resources/list", "resources")


@requirement("caching.hints-templates-list")
def test_templates_have_hints(mcp_tour: Tour) -> None:
    judge_hints(mcp_tour, "resources/templates/list", "resources")


@requirement("caching.hints-resources-read")
def test_contents_have_hints(mcp_tour: Tour) -> None:
    judge_hints(mcp_tour, READ, "resources")


@requirement("caching.ttl-non-negative")
def test_ttl_is_a_non_negative_integer(mcp_tour: Tour) -> None:
    for exchange in with_hint(mcp_tour, HINTS[0]):
        assert_ttl_valid(exchange)


@requirement("caching.scope-values")
def test_scope_is_public_or_private(mcp_tour: Tour) -> None:
    for exchange in with_hint(mcp_tour, HINTS[1]):
        assert_cache_scope_valid(exchange)


@requirement("caching.scope-same-on-pages")
def test_pages_have_one_scope(mcp_tour: Tour) -> None:
    for first, others in paged(mcp_tour):
        assert_one_cache_scope([*first, *others])


@requirement("caching.hints-every-page")
def test_every_page_has_hints(mcp_tour: Tour) -> None:
    for _, others in paged(mcp_tour):
        for page in others:
            assert_cache_hints(page)


@requirement("caching.none-on-input-required")
def test_interim_results_have_no_hints(mcp_tour: Tour) -> None:
    for exchange in interim_results(mcp_tour):
        assert_no_cache_hints(exchange)


@requirement("caching.public-not-user-specific")
def test_public_results_are_the_same_for_all(mcp_tour: Tour) -> None:
    judge_public_answers(mcp_tour)


@requirement("caching.no-reliance-on-scope")
def test_what_is_hidden_is_refused(mcp_tour: Tour) -> None:
    # Tools and resources have requirements of their own.
    for attempt in prompt_attempts(mcp_tour, other_users(mcp_tour)):
        if attempt.exchange.result is not None:
            violated(
                f"{attempt.exchange.summary}, for {attempt.what} with {attempt.other}",
                "a refusal: the prompt is listed to the first user alone",
                attempt.exchange,
            )
