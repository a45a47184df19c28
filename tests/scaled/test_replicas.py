"""Sessions that every replica serves: what a client sees whose requests reach another replica each time."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable
from typing import Any

from reference_server.scale import Scaled
from tests.scaled.conftest import Client, messages, result_of

LIMIT = 10.0


def until(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < limit, "it did not happen in time"
        time.sleep(0.05)


def test_a_session_goes_on_at_every_replica(shared: Scaled, client: Client) -> None:
    first, second, third = shared.replica_urls
    session = client.initialize(first)
    assert client.call(second, session, "start_transaction", session_id="t")["transaction"] == "started"
    for total, url in enumerate((third, first, second, shared.url), 1):
        added = client.call(url, session, "add_operation", session_id="t", operation="x")
        assert added["total_operations"] == total


def test_what_ends_at_one_replica_has_ended_everywhere(shared: Scaled, client: Client) -> None:
    first, second, third = shared.replica_urls
    session = client.initialize(first)
    with client.stream("GET", second, session) as stream:
        assert next(stream)["data"] == ""  # the priming event
        assert client.http.delete(third, headers=session).status_code == 200
        assert list(stream) == []
    for url in shared.replica_urls:
        assert client.post(url, client.message("ping"), session).status_code == 404
        assert client.http.delete(url, headers=session).status_code == 404


def test_a_client_is_asked_at_one_replica_and_answers_at_another(shared: Scaled, client: Client) -> None:
    first, second, third = shared.replica_urls
    session = client.initialize(first, elicitation={})
    call = client.message("tools/call", name="ask_back", arguments={"kind": "elicitation"})
    with client.stream("POST", second, session, call) as stream:
        found = (json.loads(block["data"]) for block in stream if block.get("data"))
        asked = next(message for message in found if message.get("method") == "elicitation/create")
        result = {"action": "accept", "content": {"text": "mine"}}
        answer = {"jsonrpc": "2.0", "id": asked["id"], "result": result}
        assert client.post(third, answer, session).status_code == 202
        done = next(message for message in found if message.get("id") == call["id"])
    assert json.loads(done["result"]["content"][0]["text"])["answer"] == result


def test_a_call_is_cancelled_through_another_replica(shared: Scaled, client: Client) -> None:
    first, second, third = shared.replica_urls
    session = client.initialize(first)
    arguments = {"key": "cancelled", "ticks": 100, "milliseconds": 200}
    call = client.message("tools/call", name="count_ticks", arguments=arguments)
    with client.stream("POST", second, session, call) as stream:
        next(stream)
        until(lambda: client.call(third, session, "read_ticks", key="cancelled")["ticks"] > 0)
        cancel = {"method": "notifications/cancelled", "params": {"requestId": call["id"]}}
        assert client.post(third, {"jsonrpc": "2.0", **cancel}, session).status_code == 202
        until(lambda: not client.call(first, session, "read_ticks", key="cancelled")["running"])
        assert all("result" not in block.get("data", "") for block in stream)


def test_missed_events_are_replayed_by_another_replica(shared: Scaled, client: Client) -> None:
    first, second, third = shared.replica_urls
    session = client.initialize(first)
    call = client.message(
        "tools/call",
        name="count_slowly",
        arguments={"steps": 6, "milliseconds": 40},
        _meta={"progressToken": "p"},
    )
    with client.stream("POST", second, session, call) as stream:
        seen = [next(stream), next(stream)]
    with client.stream("GET", third, session, last_event_id=seen[-1]["id"]) as stream:
        seen += list(stream)
    ids = [block["id"] for block in seen]
    assert len(set(ids)) == len(ids)
    got = [json.loads(block["data"]) for block in seen if block["data"]]
    assert [message["params"]["progress"] for message in got[:-1]] == [1, 2, 3, 4, 5, 6]
    assert got[-1]["id"] == call["id"]


def test_other_sessions_events_are_not_replayed(shared: Scaled, client: Client) -> None:
    first, second, _ = shared.replica_urls
    mine, other = client.initialize(first), client.initialize(second)
    with client.stream("GET", first, mine) as stream:
        primed = next(stream)["id"]
    headers = {"accept": "text/event-stream", "last-event-id": primed}
    assert client.http.get(second, headers={**other, **headers}).status_code == 400


def test_changes_reach_streams_at_other_replicas(shared: Scaled, client: Client) -> None:
    first, second, third = shared.replica_urls
    session, other = client.initialize(first), client.initialize(second)
    uri = "reference://greeting"
    assert client.post(third, client.message("resources/subscribe", uri=uri), session).status_code == 200
    with client.stream("GET", second, session) as stream:
        next(stream)
        client.call(third, other, "toggle_item", kind="tools")
        client.call(first, other, "touch_resource", uri=uri)
        found = [json.loads(block["data"])["method"] for block in itertools.islice(stream, 2)]
    assert sorted(found) == ["notifications/resources/updated", "notifications/tools/list_changed"]
    listed = [
        "extra_tool" in [tool["name"] for tool in messages(answer)[-1]["result"]["tools"]]
        for answer in (client.post(url, client.message("tools/list"), session) for url in shared.replica_urls)
    ]
    client.call(second, other, "toggle_item", kind="tools")
    assert listed == [True, True, True]


def test_changes_reach_subscriptions_of_the_modern_era(shared: Scaled, client: Client) -> None:
    first, second, _ = shared.replica_urls
    wanted = {"toolsListChanged": True}
    prefix = "io.modelcontextprotocol/"
    meta = {f"{prefix}protocolVersion": "2026-07-28", f"{prefix}clientCapabilities": {}}
    listen = client.message("subscriptions/listen", notifications=wanted, _meta=meta)
    headers = {"mcp-protocol-version": "2026-07-28", "mcp-method": "subscriptions/listen"}
    with client.stream("POST", first, headers, listen) as stream:
        assert "acknowledged" in next(stream)["data"]
        for _ in range(2):
            answer = client.modern(second, "tools/call", name="toggle_item", arguments={"kind": "tools"})
            assert answer.status_code == 200
        assert [json.loads(next(stream)["data"])["method"] for _ in range(2)] == [
            "notifications/tools/list_changed"
        ] * 2


def test_a_request_state_is_valid_at_every_replica(shared: Scaled, client: Client) -> None:
    first, second, third = shared.replica_urls
    declared = {"elicitation": {"form": {}}}
    call = {"name": "ask_back", "arguments": {"kind": "elicitation", "once": True}}
    [asked] = messages(client.modern(first, "tools/call", declared, **call))
    state = asked["result"]["requestState"]
    [key] = asked["result"]["inputRequests"]
    answers = {key: {"action": "accept", "content": {"text": "mine"}}}
    again = {**call, "inputResponses": answers, "requestState": state}
    assert result_of(client.modern(second, "tools/call", declared, **again))["outcome"] == "accept"
    [refused] = messages(client.modern(third, "tools/call", declared, **again))
    assert refused["error"]["code"] == -32602, "it was to be taken once only"


def test_transactions_of_the_modern_era_are_at_every_replica(shared: Scaled, client: Client) -> None:
    first, second, third = shared.replica_urls

    def call(url: str, tool: str, **arguments: str) -> Any:
        return result_of(client.modern(url, "tools/call", name=tool, arguments=arguments))

    call(first, "start_transaction", session_id="handle")
    for total, url in enumerate((second, third, first), 1):
        assert call(url, "add_operation", session_id="handle", operation="x")["total_operations"] == total


def test_a_task_is_followed_from_other_replicas(shared: Scaled, client: Client) -> None:
    first, second, third = shared.replica_urls
    session = client.initialize(first)
    begun = client.post(
        second,
        client.message("tools/call", name="run_job", arguments={"milliseconds": 50}, task={"ttl": 60_000}),
        session,
    )
    task = messages(begun)[-1]["result"]["task"]["taskId"]
    [waited] = messages(client.post(third, client.message("tasks/result", taskId=task), session))[-1:]
    assert "result" in waited
    [polled] = messages(client.post(first, client.message("tasks/get", taskId=task), session))
    assert polled["result"]["status"] == "completed"


def test_a_session_expires_in_the_store(replicas: Callable[..., Scaled], client: Client) -> None:
    running = replicas(mode="shared", replicas=2, arguments=("--session-seconds", "3"))
    first, second = running.replica_urls
    used, forgotten = client.initialize(first), client.initialize(first)
    listening = client.initialize(first)
    with client.stream("GET", second, listening):
        for _ in range(18):
            time.sleep(0.25)
            assert client.post(second, client.message("ping"), used).status_code == 200
        for url in running.replica_urls:
            assert client.post(url, client.message("ping"), forgotten).status_code == 404
            assert client.post(url, client.message("ping"), listening).status_code == 200


def test_a_store_that_is_gone_is_told_at_once(replicas: Callable[..., Scaled], client: Client) -> None:
    running = replicas(mode="shared", replicas=2)
    session = client.initialize(running.url)
    running.kill_store()
    for message, headers in ((client.message("ping"), session), (client.message("ping"), {})):
        began = time.monotonic()
        answer = client.post(running.url, message, headers)
        assert time.monotonic() - began < LIMIT
        assert answer.status_code == 503
        assert answer.headers["retry-after"] == "1"
        assert answer.json()["error"]["code"] == -32603
        assert answer.json()["id"] == message["id"]
    assert "the store ended" in "".join(running.news())
