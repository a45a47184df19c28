"""What servers ask users for, in both eras; a part of the chapter mrtr."""

from __future__ import annotations

from collections.abc import Mapping

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.elicitation import (
    assert_demanded_elicitations,
    assert_elicitation_modes,
    assert_elicitation_params,
    assert_form_schemas,
    assert_no_links_in_forms,
    elicitation_ids,
)
from pytest_mcp_http.assertions.elicitation_urls import (
    assert_elicited_urls_https,
    assert_elicited_urls_valid,
)
from pytest_mcp_http.assertions.input_requests import assert_url_elicitations, url_elicitations
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.suite._conversations import (
    COMPLETE,
    ELICIT,
    asking_for,
    called,
    forms,
    is_form,
    judge_undeclared,
    restricted,
    talk,
    talks,
)
from pytest_mcp_http.suite._elicited import completions, demanding, ids_of, opened, told_elsewhere
from pytest_mcp_http.suite._odd_answers import judge_declined_forms, judge_wrong_forms
from pytest_mcp_http.suite._requirement import requirement
from pytest_mcp_http.tour import Tour

FORM_ONLY: Mapping[str, object] = {"elicitation": {}}
URL_ONLY: Mapping[str, object] = {"elicitation": {"url": {}}}

MORE_VISITS = 3
"""Visits to a URL that are asked for again, to compare ids."""


@requirement("mrtr.elicit-capability")
def test_only_clients_that_declared_elicitation_are_asked(mcp_tour: Tour) -> None:
    judge_undeclared(mcp_tour, ELICIT)


@requirement("mrtr.elicit-mode-supported")
def test_only_declared_modes_are_used(mcp_tour: Tour) -> None:
    asking_for(mcp_tour, ELICIT)
    for capabilities in (FORM_ONLY, URL_ONLY):
        for exchange in restricted(mcp_tour, capabilities):
            assert_elicitation_modes(exchange, capabilities)


@requirement("mrtr.elicit-required-params")
def test_elicitations_have_message_and_mode(mcp_tour: Tour) -> None:
    asking_for(mcp_tour, ELICIT)
    for exchange in talks(mcp_tour).exchanges:
        assert_elicitation_params(exchange)


@requirement("mrtr.elicit-form-schema")
def test_forms_are_flat_objects(mcp_tour: Tour) -> None:
    judge_forms(mcp_tour)


@requirement("mrtr.elicit-form-schema.2025-06-18")
def test_forms_of_the_first_revision_are_flat_objects(mcp_tour: Tour) -> None:
    judge_forms(mcp_tour)


def judge_forms(tour: Tour) -> None:
    """Judge the schemas of all forms."""
    forms(tour)
    for exchange in talks(tour).exchanges:
        assert_form_schemas(exchange, tour.revision)


@requirement("mrtr.elicit-url-params.2025-11-25")
def test_visits_to_a_url_have_an_id(mcp_tour: Tour) -> None:
    found = [exchange for exchange in talks(mcp_tour).exchanges if url_elicitations(exchange)]
    if not found:
        raise NotApplicable("no tool of the role ask asks the user to open a URL")
    for exchange in found:
        assert_url_elicitations(exchange, mcp_tour.revision)


@requirement("mrtr.elicit-id-unique")
def test_ids_of_elicitations_are_unique(mcp_tour: Tour) -> None:
    found = opened(mcp_tour)
    ids = [id for exchange in found for id in elicitation_ids(exchange)]
    if not ids:
        raise NotVerified("no elicitation has an id")
    for each in called(mcp_tour).all:
        if any(not is_form(params) for params in each.requests(ELICIT)):
            for _ in range(MORE_VISITS):
                again = talk(mcp_tour, each.params, lambda *_: {"action": "decline"})
                ids += [id for exchange in again.exchanges for id in elicitation_ids(exchange)]
    twice = [id for number, id in enumerate(ids) if id in ids[:number]]
    if twice:
        violated(f"two elicitations have the id {twice[0]!r}", "an id of its own for each", found[0])


@requirement("mrtr.elicit-url-valid")
def test_urls_are_valid(mcp_tour: Tour) -> None:
    for exchange in opened(mcp_tour):
        assert_elicited_urls_valid(exchange)


@requirement("mrtr.elicit-url-https")
def test_urls_are_https(mcp_tour: Tour) -> None:
    for exchange in opened(mcp_tour):
        assert_elicited_urls_https(exchange, development=mcp_tour.target.loopback)


@requirement("mrtr.elicit-no-url-in-form")
def test_forms_hold_no_links(mcp_tour: Tour) -> None:
    forms(mcp_tour)
    for exchange in talks(mcp_tour).exchanges:
        assert_no_links_in_forms(exchange)


@requirement("mrtr.elicit-complete-id")
def test_completions_name_an_elicitation(mcp_tour: Tour) -> None:
    known = ids_of(mcp_tour)
    for exchange, params in completions(mcp_tour):
        if params.get("elicitationId") not in known:
            told = repr(params["elicitationId"]) if "elicitationId" in params else "no elicitationId"
            violated(
                f"{COMPLETE} with {told}",
                f"the elicitationId of an elicitation: {', '.join(map(repr, known))}",
                exchange,
            )


@requirement("mrtr.elicit-complete-recipient")
def test_completions_go_to_the_client_that_was_asked(mcp_tour: Tour) -> None:
    completions(mcp_tour)
    foreign = told_elsewhere(mcp_tour)
    for message in foreign.messages:
        if message.method == COMPLETE:
            violated(
                f"{COMPLETE} on the stream of another session", "only to the client that was asked", foreign
            )


@requirement("mrtr.elicit-32042-data")
def test_demanded_elicitations_are_visits_to_a_url(mcp_tour: Tour) -> None:
    for exchange in demanding(mcp_tour):
        assert_demanded_elicitations(exchange)


@requirement("mrtr.elicit-validate-received")
def test_forms_are_validated(mcp_tour: Tour) -> None:
    judge_wrong_forms(mcp_tour, forms(mcp_tour))


@requirement("mrtr.elicit-success-not-assumed")
def test_users_who_decline_make_a_difference(mcp_tour: Tour) -> None:
    judge_declined_forms(mcp_tour, forms(mcp_tour))
