"""Many clients at once: whose answer is whose, and who has to wait for whom."""

from __future__ import annotations

from collections.abc import Sequence

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.isolation import assert_own_answer, assert_session_ids_differ
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.suite._crowd import Asked, Slow, asked, crowd_of, measure_slow_calls, slow_calls
from pytest_mcp_http.suite._probes import needs_session
from pytest_mcp_http.suite._requirement import requirement
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import End, Exchange

BUSY = (429, 503)
"""Statuses by which a server says honestly that it does not take more."""

WAIT_SHARE = 0.5
"""Part of the time of slow calls that a plain request may take beside them."""

QUEUE_SHARE = 0.4
"""Part of the time that slow calls take one by one, which they may take at once."""

BUSY_FACTOR = 4
"""Times that a plain request may take as long as alone; on a busy machine everything takes longer."""


def judge_payloads(answers: Sequence[Asked]) -> None:
    """Judge that no answer holds what another request sent."""
    nonces = {each.nonce for each in answers}
    for each in answers:
        assert_own_answer(each.exchange, nonces - {each.nonce})


def failed(exchanges: Sequence[Exchange], *also: int) -> list[Exchange]:
    """Return the exchanges that brought neither a result nor an honest refusal."""
    return [each for each in exchanges if each.result is None and each.status not in (401, *BUSY, *also)]


@requirement("isolation.cross-talk")
def test_answers_do_not_cross_between_clients(mcp_tour: Tour) -> None:
    judge_payloads(asked(crowd_of(mcp_tour).across))


@requirement("isolation.one-client")
def test_answers_do_not_cross_between_requests_of_a_client(mcp_tour: Tour) -> None:
    judge_payloads(asked(crowd_of(mcp_tour).within))


@requirement("isolation.duplicate-ids")
def test_answers_do_not_cross_between_equal_ids(mcp_tour: Tour) -> None:
    found = crowd_of(mcp_tour).doubled
    if isinstance(found, NotVerified):
        raise found
    judge_payloads(found)
    for each in found:
        if each.exchange.status is None or each.exchange.end is End.TIMEOUT:
            expected = "an answer, or a refusal of the second one"
            actual = f"two requests at once with the same id: one got {each.exchange.summary}"
            violated(actual, expected, each.exchange)


@requirement("isolation.session-ids")
def test_clients_at_once_get_sessions_of_their_own(mcp_tour: Tour) -> None:
    needs_session(mcp_tour)
    assert_session_ids_differ(crowd_of(mcp_tour).openings)


@requirement("isolation.many-clients")
def test_many_clients_can_connect(mcp_tour: Tour) -> None:
    crowd = crowd_of(mcp_tour)
    opening = mcp_tour.dialect.opening
    expected = ("a result", *(f"HTTP {status}" for status in BUSY))
    if lost := failed(crowd.openings):
        actual = f"{len(lost)} of {len(crowd.openings)} clients that connected at once could not"
        violated(f"{actual}: {opening} got {lost[0].summary}", expected, lost[0])
    # A server may end sessions when it likes, and then says 404.
    if lost := failed(crowd.alive, 404):
        actual = f"{len(lost)} of {len(crowd.alive)} connected clients were not served"
        violated(f"{actual}: {lost[0].summary}", (*expected, "HTTP 404, if the session has ended"), lost[0])


@requirement("isolation.open-streams")
def test_open_streams_hold_up_no_requests(mcp_tour: Tour) -> None:
    crowd = crowd_of(mcp_tour)
    if mcp_tour.held_up is not None:
        raise NotVerified("one open stream holds up requests: see transport.concurrent-post-streams")
    if not crowd.streams:
        raise NotApplicable("the server opens no stream for what no request asked for")
    if lost := failed(crowd.beside, 404):
        actual = f"while {crowd.streams} streams were open, {len(lost)} of {len(crowd.beside)} requests"
        violated(f"{actual} got no result: {lost[0].summary}", "results, as without streams", lost[0])


@requirement("isolation.slow-calls")
def test_slow_calls_hold_up_no_others(mcp_tour: Tour) -> None:
    found = slow_calls(mcp_tour)
    if _one_by_one(found) or _blocked(found):
        # A pause of this machine may look the same; only what happens twice is told.
        found = measure_slow_calls(mcp_tour)
    actual = f"one slow call takes {found.alone:.2f} s alone"
    if _blocked(found):
        plain = f"a plain request takes {found.plain_alone:.3f} s alone, and took {found.plain:.2f} s"
        violated(
            f"{actual}; while {found.calls} ran, {plain}",
            "about the same time: calls of other clients do not matter",
            found.slowest,
        )
    if _one_by_one(found):
        violated(
            f"{actual}; {found.calls} of several clients at once took {found.together:.2f} s",
            "about the same time: calls of several clients run at the same time",
            found.slowest,
        )


def _blocked(found: Slow) -> bool:
    """Tell whether one plain request waited for most of the time that the slow calls took together."""
    return found.plain > max(found.together * WAIT_SHARE, BUSY_FACTOR * found.plain_alone)


def _one_by_one(found: Slow) -> bool:
    """Tell whether the calls took as long as one by one, and not for the work of passing them on."""
    passing_on = 2 * found.calls * found.plain_alone
    return found.together > max(found.alone * found.calls * QUEUE_SHARE, found.alone + passing_on)
