"""What sessions that nobody uses do to the others. Part of a run with `--mcp-flood` only, all notes."""

from __future__ import annotations

from typing import Final

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.errors import NotVerified
from pytest_mcp_http.suite._flood import REFUSALS, flood_of, is_slower
from pytest_mcp_http.suite._requirement import requirement
from pytest_mcp_http.tour import Tour

MUCH_MEMORY: Final = 256 * 1024
"""Bytes that one session may take; a million sessions of this size take 256 GB."""

SERVED: Final = ("a result", *(f"HTTP {status}" for status in REFUSALS))


@requirement("flood.survived")
def test_server_outlives_a_flood(mcp_tour: Tour) -> None:
    flood = flood_of(mcp_tour)
    number = len(flood.opened.ids)
    if flood.opened.failures:
        failure = flood.opened.failures[0]
        violated(f"after {number} sessions, initialize got {failure.summary}", SERVED, failure)
    newcomer = flood.newcomer
    if newcomer.result is None and newcomer.status not in REFUSALS:
        actual = f"with {number} abandoned sessions, a new client got {newcomer.summary}"
        violated(actual, SERVED, newcomer)


@requirement("flood.latency")
def test_abandoned_sessions_slow_nobody_down(mcp_tour: Tour) -> None:
    flood = flood_of(mcp_tour)
    if is_slower(flood):
        violated(
            f"with {len(flood.opened.ids)} abandoned sessions, {mcp_tour.dialect.plain} takes "
            f"{flood.after * 1000:.1f} ms, {flood.after / flood.before:.1f} times as long as before "
            f"({flood.before * 1000:.1f} ms)",
            "about the same time",
            flood.first,
        )


@requirement("flood.first-session")
def test_session_in_use_outlives_a_flood(mcp_tour: Tour) -> None:
    flood = flood_of(mcp_tour)
    if flood.first.result is None:
        actual = f"after {len(flood.opened.ids)} further sessions, a session in use got {flood.first.summary}"
        violated(actual, "a result; new sessions are refused, or idle ones ended", flood.first)


@requirement("flood.memory")
def test_abandoned_session_takes_little_memory(mcp_tour: Tour) -> None:
    flood = flood_of(mcp_tour)
    if isinstance(flood.memory, NotVerified):
        raise flood.memory
    if flood.memory > MUCH_MEMORY:
        actual = f"{len(flood.opened.ids)} abandoned sessions take {flood.memory / 1024:.0f} KiB each"
        violated(actual, f"at most {MUCH_MEMORY // 1024} KiB each", flood.newcomer)
