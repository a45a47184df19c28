"""What belongs to a session: isolation, bounds, and that all is freed when it ends."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import anyio
import pytest

from reference_server._context import Facts, context_of
from reference_server._layers import handle
from reference_server.events import GET_STREAM, SessionEvents
from reference_server.sessions import Session, SessionTable, TransactionError, Transactions


def test_transactions_belong_to_one_session(stateful: Any) -> None:
    first, second = stateful.initialize(), stateful.initialize()
    assert stateful.call("start_transaction", {"session_id": "t"}, first) == {
        "transaction": "started",
        "session": "t",
    }
    assert stateful.call("add_operation", {"session_id": "t", "operation": "a"}, first) == {
        "queued": "a",
        "total_operations": 1,
    }
    foreign = {"session_id": "t", "operation": "b"}
    assert stateful.call("add_operation", foreign, second) == {"error": "No active transaction"}
    stateful.call("start_transaction", {"session_id": "t"}, second)
    assert stateful.call("add_operation", foreign, second)["total_operations"] == 1
    assert stateful.call("add_operation", foreign, first)["total_operations"] == 2


def test_the_name_of_another_session_gives_no_access(stateful: Any) -> None:
    first, second = stateful.initialize(), stateful.initialize()
    name = {"session_id": first["mcp-session-id"]}
    stateful.call("start_transaction", name, first)
    assert "error" in stateful.call("add_operation", {**name, "operation": "x"}, second)


def test_transactions_need_a_session(stateless: Any) -> None:
    assert "stateless" in stateless.call("start_transaction", {"session_id": "t"}, {})["error"]


def test_transactions_are_bounded() -> None:
    store = Transactions(max_transactions=2, max_operations=1)
    store.start("a")
    store.start("b")
    with pytest.raises(TransactionError, match="limit 2"):
        store.start("c")
    assert store.add("a", "x") == 1
    with pytest.raises(TransactionError, match="limit 1"):
        store.add("a", "y")
    store.start("a")
    assert store.add("a", "z") == 1


def test_running_requests_are_bounded() -> None:
    session = Session("2025-11-25")
    for number in range(3000):
        session.remember_request(str(number), "name")
    assert len(session.running) == 1000
    assert "2999" in session.running


def test_a_full_table_names_the_least_recently_used() -> None:
    table = SessionTable(max_sessions=2)
    table.add("a", Session("2025-11-25"))
    table.add("b", Session("2025-11-25"))
    assert table.get("a") is not None
    assert table.full
    assert table.oldest == "b"


class _Watch:
    """A layer that hands out the facts of the running app."""

    facts: Facts

    def __call__(self, inner: Any) -> Any:
        async def run(call: Any) -> None:
            self.facts = call.context.facts
            await call.forward()

        return handle(run)(inner)


def test_an_ended_session_is_freed(serve: Any, rpc: Any) -> None:
    watch = _Watch()
    endpoint = serve("stateful", watch, resumable=True)
    kept = endpoint.initialize()
    session = endpoint.initialize()
    endpoint.call("start_transaction", {"session_id": "t"}, session)
    found = watch.facts.sessions.get(session["mcp-session-id"])
    assert found is not None
    assert (len(found.transactions), len(found.events)) == (1, 2)
    assert endpoint.http.delete(endpoint.url, headers=session).status_code == 200
    assert (len(found.transactions), len(found.events), len(found.running)) == (0, 0, 0)
    assert len(watch.facts.sessions) == 1
    assert endpoint.post(rpc.request("ping"), session).status_code == 404
    assert endpoint.post(rpc.request("ping"), kept).status_code == 200


def test_the_oldest_session_ends_when_there_are_too_many(serve: Any, rpc: Any) -> None:
    watch = _Watch()
    endpoint = serve("stateful", watch)
    first = endpoint.initialize()
    watch.facts.sessions.max_sessions = 2
    second, third = endpoint.initialize(), endpoint.initialize()
    assert endpoint.post(rpc.request("ping"), first).status_code == 404
    for session in (second, third):
        assert endpoint.post(rpc.request("ping"), session).status_code == 200


def test_equal_looking_ids_in_flight_get_their_own_answers(stateful: Any, rpc: Any) -> None:
    session = stateful.initialize()
    answers: dict[str, list[Any]] = {}

    def go(identity: object) -> None:
        message = rpc.call("count_slowly", {"steps": 4, "milliseconds": 25}, identity, repr(identity))
        answers[repr(identity)] = rpc.messages(stateful.post(message, session))

    threads = [threading.Thread(target=go, args=(identity,)) for identity in (1, "1", "_GET_stream")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    for identity in (1, "1", "_GET_stream"):
        *progress, last = answers[repr(identity)]
        assert last["id"] == identity
        assert type(last["id"]) is type(identity)
        assert {message["params"]["progressToken"] for message in progress} == {repr(identity)}


def test_events_are_unique_and_bounded() -> None:
    async def scenario() -> None:
        events = SessionEvents(max_streams=2, max_events=3)
        ids = [await events.store(stream, "m") for stream in ("a", "b", "a", "a", "a", GET_STREAM)]
        assert len(set(ids)) == len(ids)
        assert await events.stream_of(ids[0]) is None
        assert await events.stream_of(ids[1]) == "b"
        assert await events.stream_of("a-1") is None
        assert await events.stream_of("") is None

    anyio.run(scenario)


def test_following_replays_one_stream_and_ends_with_it() -> None:
    events = SessionEvents()
    got: list[object] = []

    async def deliver(event_id: str, message: object) -> None:
        got.append(message)

    async def scenario() -> None:
        first = await events.store("a", None)
        await events.store("b", "foreign")
        second = await events.store("a", "one")
        with anyio.fail_after(5):
            async with anyio.create_task_group() as group:
                group.start_soon(events.follow, first, deliver)
                await anyio.wait_all_tasks_blocked()
                await events.store("a", "two")
                await anyio.wait_all_tasks_blocked()
                await events.store("a", "three", final=True)
            await events.follow(second, deliver)
            await events.follow("unknown-1", deliver)

    anyio.run(scenario)
    assert got == ["one", "two", "three", "two", "three"]


def _stream(response: Any, rpc: Any) -> Iterator[dict[str, str]]:
    text = ""
    for chunk in response.iter_text():
        text += chunk
        while "\n\n" in text:
            block, text = text.split("\n\n", 1)
            yield rpc.blocks(block + "\n\n")[0]


def test_a_dropped_stream_is_resumed_without_gap(resumable: Any, rpc: Any) -> None:
    session = resumable.initialize()
    message = rpc.call("count_slowly", {"steps": 6, "milliseconds": 40}, "slow", "mine")
    headers = {**session, "accept": "application/json, text/event-stream"}
    with resumable.http.stream("POST", resumable.url, json=message, headers=headers) as response:
        stream = _stream(response, rpc)
        prime, first = next(stream), next(stream)
    assert prime["data"] == ""
    resume = {**session, "accept": "text/event-stream", "last-event-id": first["id"]}
    rest = resumable.http.get(resumable.url, headers=resume)
    got = rpc.messages(rest)
    assert [m["params"]["progress"] for m in got[:-1]] == [2, 3, 4, 5, 6]
    assert got[-1]["id"] == "slow"
    ids = [block["id"] for block in rpc.blocks(rest.text)]
    assert len({*ids, prime["id"], first["id"]}) == len(ids) + 2
    other = {**resume, "mcp-session-id": resumable.initialize()["mcp-session-id"]}
    assert resumable.http.get(resumable.url, headers=other).status_code == 400


@pytest.mark.parametrize("revision", ["2025-03-26", "2025-06-18"])
def test_older_revisions_get_no_empty_events(resumable: Any, rpc: Any, revision: str) -> None:
    session = resumable.initialize(revision)
    newest = {**session, "mcp-protocol-version": "2025-11-25"}
    for headers in (session, newest):
        found = rpc.blocks(resumable.post(rpc.request("ping"), headers).text)
        assert [bool(block["data"]) for block in found] == [True]
        assert found[0]["id"]


def test_each_stream_of_the_newest_revision_is_primed(resumable: Any, rpc: Any) -> None:
    session = resumable.initialize()
    del session["mcp-protocol-version"]
    posted = rpc.blocks(resumable.post(rpc.request("ping"), session).text)
    headers = {**session, "accept": "text/event-stream"}
    with resumable.http.stream("GET", resumable.url, headers=headers) as response:
        primed = next(_stream(response, rpc))
    for block in (posted[0], primed):
        assert block["id"]
        assert block["data"] == ""


def test_a_resumed_stream_takes_over_from_an_open_one(resumable: Any, rpc: Any) -> None:
    session = resumable.initialize()
    message = rpc.call("count_slowly", {"steps": 5, "milliseconds": 60}, "slow", "mine")
    headers = {**session, "accept": "application/json, text/event-stream"}
    with resumable.http.stream("POST", resumable.url, json=message, headers=headers) as response:
        stream = _stream(response, rpc)
        seen = [next(stream), next(stream)]
        resume = {**session, "accept": "text/event-stream", "last-event-id": seen[-1]["id"]}
        resumed = rpc.blocks(resumable.http.get(resumable.url, headers=resume).text)
        seen += list(stream)
    ids = [block["id"] for block in [*seen, *resumed]]
    assert len(ids) == len(set(ids)) == 7


def test_a_get_stream_can_be_opened_again_at_once(stateful: Any) -> None:
    session = {**stateful.initialize(), "accept": "text/event-stream"}
    for _ in range(10):
        with stateful.http.stream("GET", stateful.url, headers=session) as response:
            assert response.status_code == 200


def test_deleting_a_session_ends_its_streams(resumable: Any) -> None:
    session = resumable.initialize()
    headers = {**session, "accept": "text/event-stream"}
    with resumable.http.stream("GET", resumable.url, headers=headers) as response:
        assert resumable.http.delete(resumable.url, headers=session).status_code == 200
        assert b"".join(response.iter_raw()).startswith(b"id: ")


def test_a_lost_connection_cancels_nothing_in_stateless_mode(serve: Any, rpc: Any) -> None:
    finished = threading.Event()

    def watch(inner: Any) -> Any:
        async def app(scope: Any, receive: Any, send: Any) -> None:
            async def noted(message: Any) -> None:
                if b'"counted' in message.get("body", b"").replace(b"\\", b""):
                    finished.set()
                await send(message)

            assert context_of(scope).facts.mode == "stateless"
            await inner(scope, receive, noted)

        return app

    endpoint = serve("stateless", watch)
    message = rpc.call("count_slowly", {"steps": 5, "milliseconds": 40}, token="t")
    headers = {"accept": "application/json, text/event-stream"}
    with endpoint.http.stream("POST", endpoint.url, json=message, headers=headers) as response:
        next(response.iter_text())
    assert finished.wait(10)
