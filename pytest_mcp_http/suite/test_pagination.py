"""Pagination: cursors, and walks over all pages of a list."""

from __future__ import annotations

from functools import partial

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.pagination import (
    assert_cursor_handled,
    assert_cursor_refused,
    assert_same_page,
    assert_walk_ends,
)
from pytest_mcp_http.errors import NotVerified
from pytest_mcp_http.suite._cursors import again, list_methods, odd_cursors, unknown_cursors, walks
from pytest_mcp_http.suite._judging import gravest
from pytest_mcp_http.suite._replicas import named, second_pages
from pytest_mcp_http.suite._requirement import requirement
from pytest_mcp_http.suite._shapes import judge_shapes
from pytest_mcp_http.tour import Tour


@requirement("pagination.invalid-cursor-32602")
def test_invalid_cursor_is_refused(mcp_tour: Tour) -> None:
    for exchange in unknown_cursors(mcp_tour):
        assert_cursor_refused(exchange)


@requirement("pagination.invalid-cursor-graceful")
def test_odd_cursors_do_no_harm(mcp_tour: Tour) -> None:
    for what, exchange in odd_cursors(mcp_tour):
        assert_cursor_handled(exchange, what)


@requirement("pagination.stable-cursor")
def test_cursor_leads_to_the_same_page_again(mcp_tour: Tour) -> None:
    found = list(again(mcp_tour))
    if not found:
        raise NotVerified("no cursor led to a second page")
    gravest(
        partial(assert_same_page, repeated.exchange, repeated.items, before.items)
        for before, repeated in found
    )


@requirement("pagination.next-cursor-string")
def test_next_cursors_are_strings(mcp_tour: Tour) -> None:
    methods = list_methods(mcp_tour)
    found = [step.exchange for step in mcp_tour.steps if step.method in methods]
    judge_shapes(mcp_tour, "pagination.next-cursor-string", found)


@requirement("pagination.walk-terminates")
def test_walk_over_all_pages_ends(mcp_tour: Tour) -> None:
    for pages in walks(mcp_tour):
        cursors = [page.next for page in pages if page.next is not None]
        assert_walk_ends(pages[-1].exchange, cursors, [page.items for page in pages])
        if pages[-1].exchange.result is None:
            raise NotVerified(f"a page of {pages[-1].method} got {pages[-1].exchange.summary}")
        if pages[-1].next is not None:
            raise NotVerified(f"{pages[-1].method} has more than the {len(pages)} pages that we followed")


@requirement("pagination.cursor-cross-replica")
def test_cursor_works_at_every_replica(mcp_tour: Tour) -> None:
    for url, exchange, same in second_pages(mcp_tour):
        if not same:
            what = exchange.summary if exchange.result is None else "another page"
            actual = f"{what}, at {named(url)}, for a cursor of another one"
            violated(actual, "the page that follows, as where the cursor is from", exchange)
