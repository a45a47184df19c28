"""Resources: their list, what can be read and what cannot, and what is announced of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.changes import (
    UPDATED,
    assert_list_change_announced,
    assert_update_announced,
    assert_updates_asked_for,
    concerns,
)
from pytest_mcp_http.assertions.jsonrpc import code_in
from pytest_mcp_http.assertions.lists import assert_same_items
from pytest_mcp_http.assertions.resources import (
    RESOURCE_NOT_FOUND,
    annotations_in,
    assert_blobs_encoded,
    assert_last_modified,
    assert_no_empty_contents,
    assert_not_traversed,
    assert_resource_not_found,
    assert_resource_uris,
    assert_text_is_text,
    assert_text_or_blob,
    assert_unreadable_is_internal,
    assert_uri_refused,
    assert_uris_unique,
    contents_in,
)
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.spec.error_codes import INVALID_PARAMS, METHOD_NOT_FOUND
from pytest_mcp_http.suite._bound_to_user import judge_subscription
from pytest_mcp_http.suite._changes import announced_resources, changed_list, changed_resources, offers
from pytest_mcp_http.suite._judging import gravest
from pytest_mcp_http.suite._lists import listings
from pytest_mcp_http.suite._principals import other_users, resource_attempts
from pytest_mcp_http.suite._probes import refused_by_others
from pytest_mcp_http.suite._requirement import requirement
from pytest_mcp_http.suite._resources import (
    LONG_URI,
    NO_URIS,
    TRAVERSED_SIGN,
    contents,
    fetched,
    listed_uris,
    needs_resources,
    no_uris,
    own_https_uris,
    reads,
    settled,
    traversals,
    undeclared_lists,
    unknown,
)
from pytest_mcp_http.suite._shapes import judge_shapes
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import Exchange

RESERVED_CODES = range(-32099, -31999)
"""Codes whose meaning the specification gives, from 2026-07-28 on."""

MOVED_OR_GUARDED = (401, 403, 407, 429)
"""Statuses of what is there, for those who may see it."""


# -- the list ---------------------------------------------------------------------------------------------


@requirement("resources.capability-declared")
def test_server_with_resources_declares_them(mcp_tour: Tour) -> None:
    if "resources" in mcp_tour.capabilities:
        return
    for method, member, exchange in undeclared_lists(mcp_tour):
        result = exchange.result
        if isinstance(result, dict) and isinstance(result.get(member), list) and result[member]:
            actual = f"{method} gives {len(result[member])} items, and capabilities.resources is missing"
            violated(actual, ("capabilities.resources is declared", "there are no resources"), exchange)
    raise NotApplicable("the server has no resources")


@requirement("resources.list-answered")
def test_list_is_answered(mcp_tour: Tour) -> None:
    judge_list(mcp_tour, "resources.list-answered")


@requirement("resources.list-answered.legacy")
def test_list_is_answered_before_2026(mcp_tour: Tour) -> None:
    needs_resources(mcp_tour)
    for step in mcp_tour.named("resources/list"):
        refused_by_others(step.exchange)
        if step.exchange.result is None and code_in(step.exchange) != METHOD_NOT_FOUND:
            violated(f"resources/list got {step.exchange.summary}", "an array of resources", step.exchange)
    judge_list(mcp_tour, "resources.list-answered.legacy")


def judge_list(tour: Tour, id: str) -> None:
    """Judge the answers to `resources/list`; what is refused breaks the agreement of the capability."""
    needs_resources(tour)
    steps = tour.named("resources/list", "resources/list (next page)")
    answered = [step.exchange for step in steps if step.exchange.result is not None]
    if not answered:
        raise NotVerified(
            f"resources/list got {steps[0].exchange.summary}" if steps else "no list was asked for"
        )
    judge_shapes(tour, id, answered)


@requirement("resources.list-not-per-connection")
def test_resources_are_the_same_on_every_connection(mcp_tour: Tour) -> None:
    found = listings(mcp_tour, "resources")
    for each in (found.first, found.later):
        assert_same_items(each.exchange, each.items, found.before.items, each.when)


@requirement("resources.uri-rfc3986")
def test_uris_are_absolute(mcp_tour: Tour) -> None:
    listed_uris(mcp_tour)
    gravest(
        partial(assert_resource_uris, step.exchange)
        for step in mcp_tour.named("resources/list", "resources/list (next page)")
    )


@requirement("resources.uri-unique")
def test_each_resource_is_listed_once(mcp_tour: Tour) -> None:
    uris = listed_uris(mcp_tour)
    assert_uris_unique(mcp_tour.named("resources/list")[0].exchange, uris)


@requirement("resources.annotations-valid")
def test_annotations_are_valid(mcp_tour: Tour) -> None:
    methods = ("resources/list", "resources/templates/list", "prompts/get")
    found = [step.exchange for step in mcp_tour.steps if step.method in methods]
    found = [exchange for exchange in found if any(annotations_in(exchange.result))]
    if not found:
        raise NotApplicable("no resource, template or content has annotations")
    judge_shapes(mcp_tour, "resources.annotations-valid", found)
    for exchange in found:
        assert_last_modified(exchange)


@requirement("resources.https-only-when-fetchable")
def test_https_resources_can_be_fetched(mcp_tour: Tour) -> None:
    for uri in own_https_uris(mcp_tour):
        exchange = fetched(mcp_tour, uri)
        status = exchange.status
        if status is None or (status >= 400 and status not in MOVED_OR_GUARDED):
            expected = ("the client can load it directly", "another scheme")
            violated(f"a GET of {uri} got {exchange.summary}", expected, exchange)


# -- reading ----------------------------------------------------------------------------------------------


@requirement("resources.read-contents")
def test_reading_gives_contents(mcp_tour: Tour) -> None:
    found = contents(mcp_tour)
    judge_shapes(mcp_tour, "resources.read-contents", found)
    for exchange in found:
        assert_text_or_blob(exchange)


@requirement("resources.binary-encoded")
def test_blobs_are_base64(mcp_tour: Tour) -> None:
    found = [each for each in contents(mcp_tour) if any("blob" in item for item in contents_in(each) or ())]
    if not found:
        raise NotApplicable("no resource that was read has a blob")
    for exchange in found:
        assert_blobs_encoded(exchange)


@requirement("resources.text-only-if-text")
def test_texts_are_text(mcp_tour: Tour) -> None:
    found = [each for each in contents(mcp_tour) if any("text" in item for item in contents_in(each) or ())]
    if not found:
        raise NotApplicable("no resource that was read has a text")
    gravest(partial(assert_text_is_text, exchange) for exchange in found)


@requirement("resources.not-found-32002")
def test_unknown_resource_is_not_found(mcp_tour: Tour) -> None:
    assert_resource_not_found(unknown(mcp_tour), RESOURCE_NOT_FOUND)


@requirement("resources.not-found-32602")
def test_unknown_resource_is_an_invalid_param(mcp_tour: Tour) -> None:
    exchange = unknown(mcp_tour)
    if contents_in(exchange) == []:
        raise NotVerified("an empty array of contents came, see resources.not-found-no-empty-contents")
    if code_in(exchange) in RESERVED_CODES:
        raise NotVerified(f"the code {code_in(exchange)} came, which the chapter jsonrpc judges")
    assert_resource_not_found(exchange, INVALID_PARAMS)


@requirement("resources.not-found-no-empty-contents")
def test_unknown_resource_is_not_empty(mcp_tour: Tour) -> None:
    assert_no_empty_contents(unknown(mcp_tour))


@requirement("resources.internal-error")
def test_failure_is_an_internal_error(mcp_tour: Tour) -> None:
    failed = [each.exchange for each in reads(mcp_tour) if each.exchange.result is None]
    # A resource that is gone by now, or that this client may not read, is no failure.
    gone = (RESOURCE_NOT_FOUND, INVALID_PARAMS)
    found = [each for each in failed if code_in(each) not in gone and each.answered]
    if not found:
        raise NotVerified("no listed resource failed when it was read")
    judgements: list[Callable[[], object]] = []
    for exchange in found:
        refused_by_others(exchange)
        judgements.append(partial(assert_unreadable_is_internal, exchange))
    gravest(judgements)


@requirement("resources.validate-uris")
def test_uris_are_validated(mcp_tour: Tour) -> None:
    def judge(what: str, exchange: Exchange) -> None:
        # The long one could be somebody's: it may be served, if only by a template that covers everything.
        large = NO_URIS[what] == LONG_URI
        assert_uri_refused(settled(exchange, large=large), what, legal=large)

    gravest(partial(judge, what, exchange) for what, exchange in no_uris(mcp_tour).items())


@requirement("resources.no-path-traversal")
def test_paths_lead_nowhere_else(mcp_tour: Tour) -> None:
    judge_paths(mcp_tour)


@requirement("resources.no-path-traversal.legacy")
def test_paths_led_nowhere_else_before_2026(mcp_tour: Tour) -> None:
    judge_paths(mcp_tour)


def judge_paths(tour: Tour) -> None:
    """Judge reads of paths that lead out of the directory of a listed file."""
    for exchange in traversals(tour).values():
        refused_by_others(exchange)
        assert_not_traversed(exchange, TRAVERSED_SIGN)


# -- subscriptions ----------------------------------------------------------------------------------------


@requirement("resources.subscribe-answered")
def test_resources_can_be_subscribed_to(mcp_tour: Tour) -> None:
    if not offers(mcp_tour, "resources", "subscribe"):
        raise NotApplicable("the server does not declare resources.subscribe")
    uri = listed_uris(mcp_tour)[0]
    for method in ("resources/subscribe", "resources/unsubscribe"):
        exchange = mcp_tour.client.request(method, {"uri": uri})
        refused_by_others(exchange)
        if not isinstance(exchange.result, dict):
            violated(f"{method} of a listed resource got {exchange.summary}", "an empty result", exchange)


@requirement("resources.updated-only-subscribed")
def test_updates_go_to_subscribers_only(mcp_tour: Tour) -> None:
    found = announced_resources(mcp_tour)
    if mcp_tour.get is not None:
        assert_updates_asked_for(mcp_tour.get, ())
    for exchange in found.heard:
        assert_updates_asked_for(exchange, found.watched)
    if found.beside is None:
        raise NotVerified("there was no second client with a stream")
    assert_updates_asked_for(found.beside, found.beside_watched)


@requirement("resources.updated-on-change")
def test_changes_of_resources_are_announced(mcp_tour: Tour) -> None:
    found = changed_resources(mcp_tour)
    assert_update_announced(found.heard, found.updated)


@requirement("resources.unsubscribe-stops")
def test_no_update_comes_after_unsubscribing(mcp_tour: Tour) -> None:
    found = announced_resources(mcp_tour)
    if not found.updated_later:
        raise NotVerified("no resource changed after the client had unsubscribed")
    for uri in found.later:
        if concerns(uri, found.watched):
            violated(f"an update of {uri} after unsubscribing", f"no {UPDATED}", found.stream)


@requirement("resources.list-changed")
def test_changed_list_is_announced(mcp_tour: Tour) -> None:
    assert_list_change_announced(changed_list(mcp_tour, "resources").heard, "resources")


@requirement("resources.access-control")
def test_resources_have_access_control(mcp_tour: Tour) -> None:
    for attempt in resource_attempts(mcp_tour, other_users(mcp_tour)):
        if attempt.exchange.result is not None:
            violated(
                f"{attempt.exchange.summary}, for {attempt.what} with {attempt.other}",
                "a refusal: the resource is listed to the first user alone",
                attempt.exchange,
            )


@requirement("resources.permissions-checked")
def test_subscriptions_need_permission(mcp_tour: Tour) -> None:
    judge_subscription(mcp_tour)
