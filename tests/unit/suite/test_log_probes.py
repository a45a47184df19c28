"""The probes of a tool that logs and of one that reports progress, at the bundled reference server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from pytest_mcp_http._options import Settings
from pytest_mcp_http._roles import parse
from pytest_mcp_http._target import open_target
from pytest_mcp_http.assertions.logging import LEVELS, level_of, log_messages
from pytest_mcp_http.assertions.progress import progress_on
from pytest_mcp_http.errors import NotApplicable, NotVerified, RequirementViolated
from pytest_mcp_http.report.curl import curl
from pytest_mcp_http.report.transcript import transcript
from pytest_mcp_http.suite._logs import credentials, levels_set, logs, with_logs
from pytest_mcp_http.suite._progress import reports, with_progress
from pytest_mcp_http.suite.test_logging import test_log_messages_hold_no_credentials as judge_credentials
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import Exchange

SECRET = "s3cret-token-of-the-user"


@contextmanager
def tour_of(
    url: str, revision: str, *roles: str, headers: tuple[tuple[str, str], ...] = ()
) -> Iterator[Tour]:
    settings = Settings(url=url, roles=tuple(map(parse, roles)), headers=headers)
    with open_target(settings) as running, running.target.open_wire() as wire:
        tour = Tour(running.target, revision, wire)
        try:
            yield tour
        finally:
            tour.close()


def levels(exchange: Exchange | None) -> list[object]:
    assert exchange is not None
    return [level_of(message) for message in log_messages(exchange)]


def test_session_is_asked_for_two_levels(stateful_url: str) -> None:
    with tour_of(stateful_url, "2025-06-18") as tour:
        found = logs(tour)
        assert levels(found.everything) == list(LEVELS)
        assert levels(found.severe) == list(LEVELS[4:])
        assert levels(found.beside) == []
        assert (found.silent, found.bystander) == (None, None)
        assert sorted(level for level, _ in levels_set(tour)) == sorted(LEVELS)
        assert levels_set(tour)[-1][0] == "info"


def test_requests_ask_for_levels(reference: Callable[..., str]) -> None:
    with tour_of(reference(mode="stateless"), "2026-07-28") as tour:
        found = logs(tour)
        assert levels(found.everything) == list(LEVELS)
        assert levels(found.severe) == list(LEVELS[4:])
        assert (levels(found.silent), levels(found.bystander), levels(found.beside)) == ([], [], [])


def test_credentials_of_the_user_go_along_with_ours(reference: Callable[..., str]) -> None:
    headers = (("Authorization", f"Bearer {SECRET}"), ("Cookie", "sid=0123456789"), ("X-Tenant", "everybody"))
    with tour_of(reference(mode="stateless"), "2026-07-28", headers=headers) as tour:
        found = logs(tour)
        sent = found.everything.request.headers.get("cookie")
        assert sent == f"sid=0123456789; mcp_http_check={found.cookie}"
        assert {SECRET, "0123456789", found.cookie} <= set(credentials(tour))
        assert "everybody" not in credentials(tour)
        assert found.cookie not in repr(found)


def test_leaked_credentials_are_masked_in_the_report(reference: Callable[..., str]) -> None:
    headers = (("Authorization", f"Bearer {SECRET}"),)
    url = reference(mode="stateful", faults=("logging.headers-logged",))
    with tour_of(url, "2026-07-28", headers=headers) as tour:
        found = logs(tour)
        with pytest.raises(RequirementViolated) as caught:
            judge_credentials(tour)
        assert SECRET.encode() in found.everything.body
        assert found.cookie.encode() in found.everything.body
        shown = f"{caught.value}\n{transcript(found.everything)}\n{curl(found.everything.request)}"
        assert SECRET not in shown
        assert found.cookie not in shown


@pytest.mark.parametrize("revision", ["2025-11-25", "2026-07-28"])
def test_progress_is_asked_for_with_all_kinds_of_tokens(stateful_url: str, revision: str) -> None:
    with tour_of(stateful_url, revision) as tour:
        found = with_progress(tour)
        assert found.tokens == [7, "mcp-http-check-ü", 0, "42"]
        assert [len(progress_on(call)) for call in found.calls] == [3, 3, 3, 3]
        assert progress_on(found.silent) == []
        assert found.beside is not None
        assert progress_on(found.beside) == []


def test_slow_tool_stands_in_for_one_that_reports_progress(modern_url: str) -> None:
    slow = 'slow = count_ticks {"key": "$KEY", "ticks": $N, "milliseconds": $MS}'
    with tour_of(modern_url, "2026-07-28", slow, "progress = nowhere") as tour:
        assert reports(tour).tool == "count_ticks"


@pytest.mark.parametrize(
    ("roles", "reason"),
    [(("log = health_check",), "health_check logged nothing"), (("log = nowhere",), "is not listed")],
)
def test_tools_that_do_not_log_are_told(stateful_url: str, roles: tuple[str], reason: str) -> None:
    with tour_of(stateful_url, "2025-11-25", *roles) as tour, pytest.raises(NotVerified, match=reason):
        with_logs(tour)


def test_nothing_is_logged_beside_json(reference: Callable[..., str]) -> None:
    with tour_of(reference(mode="stateless", json_response=True), "2026-07-28") as tour:
        for probe in (with_logs, with_progress):
            with pytest.raises(NotApplicable, match="answers with JSON"):
                probe(tour)


def test_server_without_logging_has_nothing_to_judge(modern_url: str) -> None:
    with tour_of(modern_url, "2026-07-28") as tour:
        for probe in (with_logs, levels_set):
            with pytest.raises(NotApplicable, match="does not declare logging"):
                probe(tour)
