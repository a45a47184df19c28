"""Cancellation: what closing a stream does, what a late cancel does not, and what servers may cancel."""

from __future__ import annotations

from contextlib import suppress

from pytest_mcp_http.assertions.cancellation import (
    CANCELLED,
    assert_cancel_harmless,
    assert_cancel_ignored,
    assert_cancel_obeyed,
    assert_cancels_own_requests,
    assert_cancels_subscriptions_only,
    assert_left_alone,
    assert_served_after_cancel,
    assert_silent_about,
    assert_work_stopped,
    cancels_in,
)
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.suite._late_cancels import late_cancel, malformed_cancels
from pytest_mcp_http.suite._probes import needs_session, refused_by_others, served
from pytest_mcp_http.suite._requirement import requirement
from pytest_mcp_http.suite._subscriptions import together
from pytest_mcp_http.suite._timeouts import with_unanswered_requests
from pytest_mcp_http.suite._tool_calls import tool_calls
from pytest_mcp_http.suite._two_sessions import with_two_sessions
from pytest_mcp_http.suite._witness import two_calls, with_two_calls
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import Exchange

# From outside, "is treated as cancelled" and "its work stops" look the same: a server that does nothing of
# the kind lets the work run on. The first is a MUST, but a tool that cannot be stopped does not break it, so
# what is seen is judged by the second.


@requirement("cancellation.disconnect-stops-work")
def test_closing_the_stream_stops_the_work(mcp_tour: Tour) -> None:
    calls = two_calls(mcp_tour)
    assert_work_stopped(calls.dropped, calls.counted, calls.whole)


@requirement("cancellation.disconnect-no-more-messages")
def test_closed_request_sends_nothing_on_other_streams(mcp_tour: Tour) -> None:
    calls = two_calls(mcp_tour)
    closed = calls.dropped.request.message
    assert closed is not None
    assert_silent_about(calls.left, closed, after=calls.seen)


@requirement("cancellation.disconnect-scoped")
def test_closing_a_stream_leaves_other_requests_alone(mcp_tour: Tour) -> None:
    calls = two_calls(mcp_tour)
    assert_left_alone(calls.left, calls.left_counted, calls.whole)


@requirement("cancellation.request-stopped")
def test_cancelled_request_stops(mcp_tour: Tour) -> None:
    needs_session(mcp_tour)
    calls = two_calls(mcp_tour)
    if calls.cancelled is None:
        raise NotVerified("a third slow call beside two others did not run when it was to be cancelled")
    refused_by_others(calls.cancelled.notification)
    if not calls.cancelled.notification.ok:
        raise NotVerified(f"{CANCELLED} got {calls.cancelled.notification.summary}")
    assert_cancel_obeyed(calls.cancelled.call, calls.cancelled.counted, calls.whole)


@requirement("cancellation.server-cancelled-only-listen")
def test_server_cancels_subscriptions_only(mcp_tour: Tour) -> None:
    pair = together(mcp_tour)
    own = [each for each in (pair.first, pair.second) if each is not None]
    assert_cancels_subscriptions_only([*mcp_tour.exchanges, *own, *with_two_calls(mcp_tour)])


@requirement("cancellation.race-handled")
def test_late_cancel_does_no_harm(mcp_tour: Tour) -> None:
    late = late_cancel(mcp_tour)
    for answer in late.cancels:
        refused_by_others(answer)
        assert_cancel_harmless(answer)
    for what, answer in late.later:
        refused_by_others(answer)
        assert_served_after_cancel(answer, what)


@requirement("cancellation.unknown-id-ignored")
def test_cancel_of_what_does_not_run_is_ignored(mcp_tour: Tour) -> None:
    unknown = _cancels_of_the_visit(mcp_tour)
    # A server that fails at the cancel of an answered request does not handle the race.
    answered = [answer for answer in late_cancel(mcp_tour).cancels if (answer.status or 500) < 500]
    for answer in (*unknown, *answered):
        refused_by_others(answer)
        assert_cancel_ignored(answer)


@requirement("cancellation.malformed-ignored")
def test_malformed_cancel_is_ignored(mcp_tour: Tour) -> None:
    for answer in malformed_cancels(mcp_tour):
        refused_by_others(answer)
        assert_cancel_harmless(answer)
    assert_served_after_cancel(mcp_tour.client.plain(), "after malformed cancels")


@requirement("cancellation.notification-on-http")
def test_cancelling_by_notification_does_no_harm(mcp_tour: Tour) -> None:
    served(mcp_tour)
    for answer in _cancels_of_the_visit(mcp_tour):
        refused_by_others(answer)
        assert_cancel_harmless(answer)


@requirement("cancellation.own-requests-only")
def test_server_cancels_its_own_requests_only(mcp_tour: Tour) -> None:
    received = [
        *mcp_tour.exchanges,
        *with_two_sessions(mcp_tour),
        *with_unanswered_requests(mcp_tour),
    ]
    with suppress(NotVerified):
        received += [call.exchange for call in tool_calls(mcp_tour)]
    if not cancels_in(received, mcp_tour.revision):
        raise NotApplicable("the server cancelled nothing")
    assert_cancels_own_requests(received, mcp_tour.revision)


def _cancels_of_the_visit(tour: Tour) -> list[Exchange]:
    """Return what a cancel got that names an id which was never used."""
    found = [step.exchange for step in tour.named(CANCELLED)]
    if not found:
        raise NotVerified("the visit ended before a request could be cancelled")
    return found
