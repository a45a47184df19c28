"""Polling several tasks beside each other, no more often than each of them wants."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

POLL_SECONDS: Final = 0.01
"""Shortest pause between two polls of a task."""

MAX_POLL_SECONDS: Final = 1.0
"""Longest pause that a task can make us wait."""

GROWTH: Final = 1.2
"""How much longer each pause is than the last, where a task says nothing of it."""


def pause_after(polls: int, wanted: object) -> float:
    """Return how many seconds to wait before a task is polled again.

    Args:
        polls: How often it was polled.
        wanted: The milliseconds that it asks for; what is no number counts as nothing.
    """
    if isinstance(wanted, bool) or not isinstance(wanted, (int, float)):
        return float(min(POLL_SECONDS * GROWTH ** min(polls, 100), MAX_POLL_SECONDS))
    return min(max(wanted / 1000, POLL_SECONDS), MAX_POLL_SECONDS)


def poll_all(
    count: int, poll: Callable[[int], float | None], seconds: float, between: Callable[[], None] | None = None
) -> None:
    """Poll several tasks, each when it is due, until none is left or the time is over.

    Args:
        count: How many there are.
        poll: Polls the one with this index; returns the seconds until it is due again, or None to leave it.
        seconds: How long all of it may take.
        between: What else is to be done, again and again.
    """
    deadline = time.monotonic() + seconds
    due = dict.fromkeys(range(count), 0.0)
    while due and time.monotonic() < deadline:
        for index in [index for index, at in due.items() if at <= time.monotonic()]:
            pause = poll(index)
            if pause is None:
                del due[index]
            else:
                due[index] = time.monotonic() + pause
        if between is not None:
            between()
        if due:
            time.sleep(max(0.0, min(POLL_SECONDS, min(due.values()) - time.monotonic())))
