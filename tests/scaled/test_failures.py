"""What a client loses when a replica is killed while it works: counted, in each mode."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from reference_server.scale import Scaled
from tests.scaled.conftest import Client

CLIENTS = 6
BEFORE, AFTER = 10, 25
"""How many calls each client makes before the kill and after it."""


@dataclass
class Story:
    """What one client saw.

    Attributes:
        outcomes: How often each outcome was seen: `ok`, an HTTP status, or the name of an error.
        after: The outcomes of calls that began after the kill, in order.
    """

    home: str
    outcomes: Counter[str] = field(default_factory=Counter)
    after: list[str] = field(default_factory=list)


def outcome_of(client: Client, url: str, session: dict[str, str]) -> str:
    arguments = {"steps": 2, "milliseconds": 15}
    message = client.message("tools/call", name="count_slowly", arguments=arguments)
    try:
        answer = client.post(url, message, session)
    except httpx.HTTPError as error:
        return type(error).__name__
    if answer.status_code == 200:
        return "ok" if "counted" in answer.text else "cut"
    return str(answer.status_code)


def run(running: Scaled, *, sessions: bool) -> list[Story]:
    """Let clients work, kill the first replica meanwhile, and return what each client saw."""
    killed = [float("inf")]

    def work(_: int) -> Story:
        client = Client()
        with client.http:
            session = client.initialize(running.url) if sessions else {}
            story = Story(session.get("mcp-session-id", "").partition("-")[0])
            while len(story.after) < AFTER:
                began = time.monotonic()
                outcome = outcome_of(client, running.url, session)
                story.outcomes[outcome] += 1
                if began > killed[0]:
                    story.after.append(outcome)
            return story

    with ThreadPoolExecutor(CLIENTS) as pool:
        stories = [pool.submit(work, number) for number in range(CLIENTS)]
        time.sleep(1.0)
        running.kill(1)
        killed[0] = time.monotonic()
        return [story.result(60) for story in stories]


@pytest.mark.parametrize("mode", ["shared", "stateless"])
def test_only_what_was_in_flight_is_lost(
    replicas: Callable[..., Scaled], record_property: Callable[[str, Any], None], mode: str
) -> None:
    stories = run(replicas(mode=mode), sessions=mode == "shared")
    total = sum((story.outcomes for story in stories), Counter())
    record_property("outcomes", dict(total))
    # One call of each client can be in flight when the replica goes. What begins right after can still reach
    # it through another replica that has not noticed.
    for story in stories:
        assert sum(count for outcome, count in story.outcomes.items() if outcome != "ok") <= 2, stories
        assert story.after[-5:] == ["ok"] * 5, stories
    assert set(total) <= {"ok", "cut", "502", "503", "504", "RemoteProtocolError"}, total


def test_sticky_sessions_of_the_replica_are_lost_with_404(
    replicas: Callable[..., Scaled], client: Client
) -> None:
    running = replicas(mode="stateful")
    stories = run(running, sessions=True)
    assert {story.home for story in stories} == {"r1", "r2", "r3"}, "sessions are spread"
    for story in stories:
        if story.home == "r1":
            assert story.after[-5:] == ["404"] * 5, stories
        else:
            assert set(story.outcomes) == {"ok"}, stories
    # What a client does then: it begins anew, at a replica that is there.
    session = client.initialize(running.url)
    assert outcome_of(client, running.url, session) == "ok"


def test_a_rolling_update_loses_no_session(replicas: Callable[..., Scaled], client: Client) -> None:
    running = replicas(mode="shared")
    sessions = [client.initialize(url) for url in running.replica_urls]
    for session in sessions:
        client.call(running.url, session, "start_transaction", session_id="t")
    assert running.end(1) == 0
    assert running.end(2) == 0
    for session in sessions:
        added = client.call(running.url, session, "add_operation", session_id="t", operation="x")
        assert added["total_operations"] == 1
    assert [line.partition(";")[0] for line in running.news()] == [
        "replica r1 ended with status 0",
        "replica r2 ended with status 0",
    ]


def test_what_the_client_chose_goes_on_with_the_session(
    replicas: Callable[..., Scaled], client: Client
) -> None:
    running = replicas(mode="shared", replicas=2, arguments=("--resumable",))
    first, second = running.replica_urls
    session = client.initialize(first, elicitation={})
    uri = "reference://greeting"
    assert client.post(first, client.message("logging/setLevel", level="alert"), session).status_code == 200
    assert client.post(first, client.message("resources/subscribe", uri=uri), session).status_code == 200
    with client.stream("GET", first, session) as stream:
        seen = next(stream)["id"]
    running.kill(1)
    with client.stream("GET", second, session, last_event_id=seen) as stream:
        client.call(second, session, "touch_resource", uri=uri)
        assert uri in next(stream)["data"]
    logged = client.post(second, client.message("tools/call", name="log_each_level", arguments={}), session)
    levels = [level for level in ("critical", "alert", "emergency") if f'"level":"{level}"' in logged.text]
    assert levels == ["alert", "emergency"]
    asking = client.message("tools/call", name="ask_back", arguments={"kind": "elicitation"})
    with client.stream("POST", second, session, asking) as stream:
        assert any("elicitation/create" in block.get("data", "") for block in stream), "it may be asked still"


def test_a_task_is_lost_with_its_replica(replicas: Callable[..., Scaled], client: Client) -> None:
    running = replicas(mode="shared", replicas=2)
    first, second = running.replica_urls
    session = client.initialize(first)
    begun = client.post(
        first,
        client.message("tools/call", name="run_job", arguments={"milliseconds": 5000}, task={"ttl": 60_000}),
        session,
    )
    task = begun.text.partition('"taskId":"')[2].partition('"')[0]
    assert task
    running.kill(1)
    polled = client.post(second, client.message("tasks/get", taskId=task), session)
    assert polled.json()["error"]["code"] == -32602
