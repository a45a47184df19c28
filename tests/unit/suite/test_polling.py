from __future__ import annotations

import math

import pytest

from pytest_mcp_http.suite._polling import MAX_POLL_SECONDS, POLL_SECONDS, pause_after, poll_all


@pytest.mark.parametrize(
    ("wanted", "seconds"), [(500, 0.5), (1, POLL_SECONDS), (-5, POLL_SECONDS), (1e9, MAX_POLL_SECONDS)]
)
def test_a_task_says_when_it_is_polled_again(wanted: object, seconds: float) -> None:
    assert pause_after(7, wanted) == seconds


@pytest.mark.parametrize("wanted", [None, True, "500", []])
def test_without_a_word_of_the_task_pauses_grow(wanted: object) -> None:
    pauses = [pause_after(polls, wanted) for polls in (0, 1, 10, 100, 10_000)]
    assert pauses == sorted(pauses)
    assert pauses[0] == POLL_SECONDS
    assert pauses[-1] == MAX_POLL_SECONDS


def test_each_is_polled_until_it_wants_no_more() -> None:
    polled: list[int] = []
    rounds = 0

    def poll(index: int) -> float | None:
        polled.append(index)
        return 0.0 if polled.count(index) <= index else None

    def between() -> None:
        nonlocal rounds
        rounds += 1

    poll_all(3, poll, 10.0, between)
    assert [polled.count(index) for index in range(3)] == [1, 2, 3]
    assert rounds == 3


def test_the_time_of_polling_has_a_limit() -> None:
    polls = 0

    def poll(_: int) -> float:
        nonlocal polls
        polls += 1
        return math.inf

    poll_all(2, poll, 0.05)
    assert polls == 2
