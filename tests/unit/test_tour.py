from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pytest_mcp_http._options import Settings
from pytest_mcp_http._roles import Role
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


def test_tour_of_the_modern_era_needs_no_session(reference: Callable[..., str]) -> None:
    with open_target(Settings(url=reference(mode="stateful"))) as running, running.target.open_wire() as wire:
        tour = Tour(running.target, "2026-07-28", wire)
        tour.close()
    names = [step.name for step in tour.steps]
    methods = {step.method for step in tour.steps}
    assert names[0] == "opening"
    assert methods >= {"server/discover", "tools/list", "prompts/get", "resources/read"}
    assert not methods & {"initialize", "ping", "logging/setLevel", "notifications/initialized"}
    assert tour.session_id is None
    assert tour.get is None
    assert tour.listening is tour.stream
    assert tour.listening is not None
    assert [message.method for message in tour.listening.messages] == [
        "notifications/subscriptions/acknowledged"
    ]
    assert tour.opening.result is not None
    assert {exchange.request.method for exchange in tour.client.log} == {"POST"}


def test_a_role_without_a_tool_is_not_verified_and_says_what_to_add(reference: Callable[..., str]) -> None:
    settings = Settings(url=reference(mode="stateless"))
    with open_target(settings) as running, running.target.open_wire() as wire:
        tour = Tour(running.target, "2026-07-28", wire)
        assert [role.tool for role in tour.roles("slow")] == ["count_ticks"]
        named = replace(running.target, roles=(Role("slow", "not_there"),))
        stranger = replace(named, facts=replace(named.facts, server_name="another server"))
        with pytest.raises(NotVerified, match="the tool not_there of the role slow is not listed"):
            Tour(named, "2026-07-28", wire).roles("slow")
        with pytest.raises(NotVerified, match="to the ini value mcp_roles"):
            Tour(stranger, "2026-07-28", wire).roles("witness")


class OddServer:
    """A modern server whose lists hold members of types that no schema has."""

    LISTS = (
        ("tools/list", {"tools": [{"name": ["unhashable"]}, {"name": {}}, 5]}),
        (
            "prompts/list",
            {"prompts": [{"name": "a", "arguments": True}, {"name": "b", "arguments": {"x": 1}}]},
        ),
        ("resources/list", {"resources": [{"uri": 5}, None]}),
    )

    def __call__(self, connection: Any) -> None:
        answers = dict(self.LISTS)
        while request := connection.read_request():
            sent = json.loads(request.partition(b"\r\n\r\n")[2])
            found = answers.get(sent["method"], {})
            if sent["method"] == "server/discover":
                capabilities: dict[str, object] = {"tools": {}, "prompts": {}, "resources": {}}
                found = {"supportedVersions": ["2026-07-28"], "capabilities": capabilities}
            result = {"resultType": "complete", **found}
            body = json.dumps({"jsonrpc": "2.0", "id": sent.get("id"), "result": result}).encode()
            connection.reply(body, b"Content-Type: application/json")


def test_members_of_odd_types_stop_no_visit(serve: Callable[[Any], Any]) -> None:
    settings = Settings(url=serve(OddServer()).url, revision=("2026-07-28",))
    with open_target(settings) as running, running.target.open_wire() as wire:
        tour = Tour(replace(running.target, roles=(Role("slow", "count"),)), "2026-07-28", wire)
        with pytest.raises(NotVerified, match="is not listed"):
            tour.roles("slow")
    assert {"prompts/get", "resources/templates/list"} <= {step.method for step in tour.steps}
