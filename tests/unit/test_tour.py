from __future__ import annotations

import pytest

from pytest_mcp_http._options import Settings
from pytest_mcp_http._target import Target, open_target
from pytest_mcp_http.errors import NotVerified
from pytest_mcp_http.tour import Tour


@pytest.fixture
def target(stateful_url: str) -> Target:
    with open_target(Settings(url=stateful_url)) as running:
        return running.target


def test_tour_visits_what_is_declared_and_calls_no_tool(target: Target) -> None:
    with target.open_wire() as wire:
        tour = Tour(target, "2025-11-25", wire)
        tour.close()
        methods = [step.method for step in tour.steps]
        after = tour.client.request("ping")
    assert {"initialize", "ping", "tools/list", "prompts/get", "resources/read"} <= set(methods)
    calls = [s.exchange.request.message for s in tour.steps if s.method == "tools/call"]
    assert all(call is not None and "name" not in call.params for call in calls)
    assert tour.get is not None
    assert tour.get.is_sse
    assert after.status == 404


def test_memo_keeps_what_a_probe_found_and_what_it_could_not_find(target: Target) -> None:
    with target.open_wire() as wire:
        tour = Tour(target, "2025-03-26", wire)
        made: list[int] = []

        def fail() -> None:
            made.append(1)
            raise NotVerified("nothing there")

        for _ in range(2):
            with pytest.raises(NotVerified):
                tour.memo("probe", fail)
        assert made == [1]
        tour.close()
