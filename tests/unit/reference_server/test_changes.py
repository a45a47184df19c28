"""Changes of lists and resources: what is listed, what is announced, and to which session."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

LIMIT = 10.0
GREETING = "reference://greeting"
LISTS = {"tools": "name", "prompts": "name", "resources": "uri"}


@contextlib.contextmanager
def get_stream(server: Any, session: dict[str, str]) -> Iterator[Iterator[Any]]:
    """Open the GET stream of a session and give its messages one by one."""
    with (
        httpx.Client(timeout=LIMIT, trust_env=False) as client,
        client.stream("GET", server.url, headers={**session, "accept": "text/event-stream"}) as response,
    ):
        assert response.status_code == 200
        lines = response.iter_lines()
        yield (json.loads(line[6:]) for line in lines if line.startswith("data: ") and line[6:])


@pytest.fixture(params=[{}, {"json_response": True}, {"resumable": True}], ids=["sse", "json", "resumable"])
def server(request: pytest.FixtureRequest, serve: Any) -> Any:
    return serve("stateful", **request.param)


@pytest.fixture
def opened(rpc: Any) -> Any:
    def make(server: Any, revision: str = "2025-11-25") -> dict[str, str]:
        session: dict[str, str] = server.initialize(revision)
        initialized = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        assert server.post(initialized, session).status_code == 202
        return session

    return make


def listed(rpc: Any, server: Any, session: Any, kind: str) -> list[str]:
    found: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        result = rpc.messages(server.post(rpc.request(f"{kind}/list", cursor), session))[-1]["result"]
        found += [item[LISTS[kind]] for item in result[kind]]
        if "nextCursor" not in result:
            return found
        cursor = {"cursor": result["nextCursor"]}


@pytest.mark.parametrize("kind", LISTS)
def test_changed_lists_are_announced_to_every_session(rpc: Any, server: Any, opened: Any, kind: str) -> None:
    first, second = opened(server), opened(server, "2025-03-26")
    before = listed(rpc, server, first, kind)
    changed = {"jsonrpc": "2.0", "method": f"notifications/{kind}/list_changed"}
    with get_stream(server, first) as one, get_stream(server, second) as other:
        assert server.call("toggle_item", {"kind": kind}, first) == {"kind": kind, "listed": True}
        assert next(one) == next(other) == changed
        [extra] = set(listed(rpc, server, second, kind)) - set(before)
        assert "extra" in extra
        assert server.modern_call("toggle_item", {"kind": kind}) == {"kind": kind, "listed": False}
        assert next(one) == next(other) == changed
    assert listed(rpc, server, first, kind) == before


def test_what_is_listed_at_times_works(rpc: Any, serve: Any) -> None:
    server = serve("stateless")

    def answer(method: str, **params: object) -> Any:
        return rpc.messages(server.post(rpc.request(method, params)))[-1]

    requests: list[tuple[str, dict[str, Any]]] = [
        ("tools/call", {"name": "extra_tool", "arguments": {}}),
        ("prompts/get", {"name": "extra_prompt"}),
        ("resources/read", {"uri": "reference://extra"}),
    ]
    assert all("error" in answer(method, **params) for method, params in requests)
    for kind in LISTS:
        server.call("toggle_item", {"kind": kind}, {})
    assert all("result" in answer(method, **params) for method, params in requests)


def test_updates_go_to_those_who_subscribed(rpc: Any, server: Any, opened: Any) -> None:
    first, second = opened(server), opened(server)
    updated = {"jsonrpc": "2.0", "method": "notifications/resources/updated", "params": {"uri": GREETING}}

    def ask(method: str, session: Any) -> Any:
        return rpc.messages(server.post(rpc.request(f"resources/{method}", {"uri": GREETING}), session))[-1]

    with get_stream(server, first) as one, get_stream(server, second) as other:
        assert ask("subscribe", first)["result"] == {}
        server.call("touch_resource", {"uri": GREETING}, second)
        assert next(one) == updated
        assert ask("unsubscribe", first)["result"] == {}
        assert ask("subscribe", second)["result"] == {}
        server.call("touch_resource", {"uri": GREETING}, first)
        assert next(other) == updated
        # What comes next on both is the same: the first got no second update, the second had got no first.
        server.call("toggle_item", {"kind": "tools"}, first)
        assert next(one) == next(other) == {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}


def test_a_client_that_does_not_read_holds_up_nobody_for_long(server: Any, opened: Any) -> None:
    session = opened(server)
    with get_stream(server, session) as stream:
        for _ in range(50):
            server.call("toggle_item", {"kind": "tools"}, session)
        assert [next(stream)["method"] for _ in range(50)] == ["notifications/tools/list_changed"] * 50


def test_sessions_that_are_not_initialized_or_gone_are_told_nothing(server: Any, opened: Any) -> None:
    early, gone, session = server.initialize(), opened(server), opened(server)
    assert server.http.delete(server.url, headers=gone).status_code == 200
    with get_stream(server, early) as stream, get_stream(server, session) as other:
        server.call("toggle_item", {"kind": "tools"}, session)
        assert next(other)["method"] == "notifications/tools/list_changed"
        assert (
            server.post({"jsonrpc": "2.0", "method": "notifications/initialized"}, early).status_code == 202
        )
        server.call("toggle_item", {"kind": "prompts"}, session)
        assert next(stream)["method"] == "notifications/prompts/list_changed"


def test_unknown_resources_cannot_be_subscribed_to(rpc: Any, stateful: Any, stateless: Any) -> None:
    session = stateful.initialize()
    request = rpc.request("resources/subscribe", {"uri": "reference://none"})
    assert rpc.messages(stateful.post(request, session))[-1]["error"]["code"] == -32002
    broken = rpc.request("resources/subscribe", {"uri": "reference://broken"})
    assert rpc.messages(stateful.post(broken, session))[-1]["result"] == {}
    assert rpc.messages(stateless.post(request))[-1]["error"]["code"] == -32601
    assert stateful.modern("resources/subscribe", {"uri": GREETING}).status_code == 404


@pytest.mark.parametrize(("mode", "true"), [("stateful", True), ("stateless", False)])
def test_what_a_handshake_declares(rpc: Any, serve: Any, mode: str, true: bool) -> None:
    declared = rpc.messages(serve(mode).post(rpc.initialize("2025-11-25")))[0]["result"]["capabilities"]
    assert declared["resources"] == {"listChanged": true, "subscribe": true}
    assert declared["tools"]["listChanged"] is declared["prompts"]["listChanged"] is true


def test_broken_resource(rpc: Any, stateless: Any) -> None:
    request = rpc.request("resources/read", {"uri": "reference://broken"})
    assert rpc.messages(stateless.post(request))[-1]["error"]["code"] == -32603
    modern = stateless.modern("resources/read", {"uri": "reference://broken"})
    assert rpc.messages(modern)[-1]["error"]["code"] == -32603
