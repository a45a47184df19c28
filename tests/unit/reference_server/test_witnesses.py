"""Tools that show what the server does: mirrored headers, cancellation, changed resources, handles."""

from __future__ import annotations

import base64
import contextlib
import json
import threading
import time
from typing import Any

import anyio
import httpx
import pytest

from reference_server import witness_tools
from reference_server.memory import Memory
from reference_server.sessions import Transactions
from reference_server.store import EmbeddedStore

LIMIT = 5.0
KEY = "k"


def sentinel(text: str) -> str:
    return f"=?base64?{base64.b64encode(text.encode()).decode()}?="


# --- headers that mirror arguments ------------------------------------------------------------------------


def route(server: Any, arguments: dict[str, object], **headers: str) -> httpx.Response:
    lines = {f"mcp-param-{name.replace('_', '-')}": value for name, value in headers.items()}
    response = server.modern("tools/call", {"name": "route_query", "arguments": arguments}, headers=lines)
    assert isinstance(response, httpx.Response)
    return response


@pytest.mark.parametrize(
    ("arguments", "headers"),
    [
        ({"region": "eu"}, {"region": "eu"}),
        ({"region": "eu"}, {"region": sentinel("eu")}),
        ({"region": "ü ✓"}, {"region": sentinel("ü ✓")}),
        ({"region": " eu"}, {"region": sentinel(" eu")}),
        ({"region": ""}, {"region": ""}),
        ({"region": "=?BASE64?ZXU=?="}, {"region": "=?BASE64?ZXU=?="}),
        ({"region": "=?base64?ZXU="}, {"region": "=?base64?ZXU="}),
        ({"region": "=?base64?ZXU=?="}, {"region": sentinel("=?base64?ZXU=?=")}),
        ({"region": "eu", "priority": 42}, {"region": "eu", "priority": "42"}),
        ({"region": "eu", "priority": 42}, {"region": "eu", "priority": "42.0"}),
        ({"region": "eu", "priority": -7}, {"region": "eu", "priority": "-7"}),
        ({"region": "eu", "priority": 2**53 - 1}, {"region": "eu", "priority": "9007199254740991"}),
        ({"region": "eu", "priority": None, "dry_run": None, "options": None}, {"region": "eu"}),
        ({"region": "eu", "dry_run": True}, {"region": "eu", "dry_run": "true"}),
        ({"region": "eu", "dry_run": False}, {"region": "eu", "dry_run": "false"}),
        ({"region": "eu", "options": {}}, {"region": "eu"}),
        ({"region": "eu", "options": {"tenant": None}}, {"region": "eu"}),
        ({"region": "eu", "options": {"tenant": "a b"}}, {"region": "eu", "tenant": "a b"}),
        ({"region": "eu"}, {"region": "eu", "nope": "x"}),
    ],
)
def test_headers_that_mirror_arguments(
    stateless: Any, rpc: Any, arguments: dict[str, object], headers: dict[str, str]
) -> None:
    [answer] = rpc.messages(route(stateless, arguments, **headers))
    assert not answer["result"]["isError"]
    assert json.loads(answer["result"]["content"][0]["text"]) == arguments


FULL = {"region": "eu", "priority": 42, "dry_run": True, "options": {"tenant": "a"}}
MIRRORED = {"region": "eu", "priority": "42", "dry_run": "true", "tenant": "a"}


@pytest.mark.parametrize(
    ("arguments", "headers"),
    [
        *((FULL, {k: v for k, v in MIRRORED.items() if k != missing}) for missing in MIRRORED),
        *((FULL, {**MIRRORED, name: "other"}) for name in MIRRORED),
        (FULL, {**MIRRORED, "region": "EU"}),
        (FULL, {**MIRRORED, "region": sentinel("us")}),
        (FULL, {**MIRRORED, "region": "=?base64?ZXU?="}),
        (FULL, {**MIRRORED, "region": "=?base64?*?="}),
        (FULL, {**MIRRORED, "region": "=?base64?/w==?="}),
        (FULL, {**MIRRORED, "priority": "42.5"}),
        (FULL, {**MIRRORED, "priority": "4.2e1"}),
        (FULL, {**MIRRORED, "dry_run": "True"}),
        (FULL, {**MIRRORED, "dry_run": "false"}),
        ({"region": "eu"}, {"region": "eu", "priority": "1"}),
        ({"region": "eu", "options": {"tenant": None}}, {"region": "eu", "tenant": "null"}),
        ({}, {"region": "eu"}),
    ],
)
def test_headers_that_do_not_are_refused(
    stateless: Any, arguments: dict[str, object], headers: dict[str, str]
) -> None:
    response = route(stateless, arguments, **headers)
    assert (response.status_code, response.json()["error"]["code"]) == (400, -32020)
    assert response.json()["id"] == 1


def test_wrong_arguments_are_for_the_tool_to_refuse(stateless: Any, rpc: Any) -> None:
    for arguments, headers in (
        ({}, {}),
        ({"region": 5}, {"region": "5"}),
        ({"region": {}}, {}),
        ({"region": "eu", "options": {"other": 1}}, {"region": "eu"}),
        ({"region": "eu", "dry_run": 1}, {"region": "eu", "dry_run": "1"}),
    ):
        [answer] = rpc.messages(route(stateless, arguments, **headers))
        assert answer["result"]["isError"]


def test_other_characters_and_lines_are_refused(stateless: Any, rpc: Any) -> None:
    message, headers = rpc.modern("tools/call", {"name": "route_query", "arguments": {"region": "ü"}})
    for extra in (
        [(b"Mcp-Param-Region", b"\xfc")],
        [(b"Mcp-Param-Region", sentinel("ü").encode())] * 2,
    ):
        lines = [(name.encode(), value.encode()) for name, value in headers.items()] + extra
        response = stateless.http.post(stateless.url, json=message, headers=lines)
        assert (response.status_code, response.json()["error"]["code"]) == (400, -32020)


def test_the_handshake_era_mirrors_nothing(stateful: Any) -> None:
    assert stateful.call("route_query", FULL, stateful.initialize()) == FULL


def test_the_schema_tells_what_is_mirrored(stateless: Any, rpc: Any) -> None:
    [answer] = rpc.messages(stateless.modern("tools/list"))
    [schema] = [tool["inputSchema"] for tool in answer["result"]["tools"] if tool["name"] == "route_query"]
    assert schema["properties"]["region"]["x-mcp-header"] == "Region"
    assert schema["properties"]["options"]["properties"]["tenant"]["x-mcp-header"] == "Tenant"
    assert schema["required"] == ["region"]


# --- cancellation -----------------------------------------------------------------------------------------


def ticks(server: Any) -> Any:
    return server.modern_call("read_ticks", {"key": KEY})


def until_ticks(server: Any, wanted: int) -> None:
    end = time.monotonic() + LIMIT
    while ticks(server)["ticks"] < wanted:
        assert time.monotonic() < end
        time.sleep(0.01)


def leave(server: Any, message: Any, headers: dict[str, str]) -> None:
    """Send a request and go away once three ticks were counted."""
    with httpx.Client(timeout=LIMIT, trust_env=False) as client:

        def go() -> None:
            with contextlib.suppress(httpx.HTTPError):
                client.post(server.url, json=message, headers=headers)

        thread = threading.Thread(target=go)
        thread.start()
        until_ticks(server, 3)
        for connection in client._transport._pool.connections:  # type: ignore[attr-defined]
            stream = connection._connection._network_stream
            stream.get_extra_info("socket").shutdown(2)
        thread.join(LIMIT)


ARGUMENTS = {"key": KEY, "ticks": 100, "milliseconds": 10}


@pytest.mark.parametrize("token", [None, "t"])
@pytest.mark.parametrize("json_response", [False, True])
@pytest.mark.parametrize("mode", ["stateful", "stateless"])
def test_who_leaves_cancels_in_the_modern_era(
    serve: Any, rpc: Any, mode: str, json_response: bool, token: str | None
) -> None:
    server = serve(mode, json_response=json_response)
    meta = {"progressToken": token} if token else None
    leave(server, *rpc.modern("tools/call", {"name": "count_ticks", "arguments": ARGUMENTS}, meta=meta))
    end = time.monotonic() + LIMIT
    while ticks(server)["running"]:
        assert time.monotonic() < end
    counted = ticks(server)["ticks"]
    assert 3 <= counted < 100
    time.sleep(0.05)
    assert ticks(server)["ticks"] == counted


@pytest.mark.parametrize("mode", ["stateful", "stateless"])
def test_who_leaves_cancels_nothing_before(serve: Any, rpc: Any, mode: str) -> None:
    server = serve(mode)
    headers = {"accept": "application/json, text/event-stream", **server.initialize()}
    leave(server, rpc.call("count_ticks", {**ARGUMENTS, "ticks": 20}), headers)
    until_ticks(server, 20)
    assert ticks(server) == {"ticks": 20, "running": False}


def test_one_that_leaves_harms_no_other(serve: Any, rpc: Any) -> None:
    server = serve("stateless")
    done: list[Any] = []
    other = {**ARGUMENTS, "key": "other", "ticks": 50}
    thread = threading.Thread(target=lambda: done.append(server.modern_call("count_ticks", other)))
    thread.start()
    leave(server, *rpc.modern("tools/call", {"name": "count_ticks", "arguments": ARGUMENTS}))
    thread.join(LIMIT)
    assert done == [{"ticks": 50}]


def test_keys_are_bounded(stateless: Any) -> None:
    store = EmbeddedStore(max_keys=2)
    memory = Memory(store)

    async def scenario() -> list[int]:
        for key in "abac":
            await memory.count(key, ticks=1)
        return [(await memory.read_ticks(key)).counted for key in "abc"]

    assert anyio.run(scenario) == [2, 0, 1]
    assert len(store) == 2
    long = {"key": "x" * (witness_tools.MAX_KEY_CHARS + 1), "ticks": 1, "milliseconds": 0}
    assert "error" in stateless.modern_call("count_ticks", long)
    assert stateless.modern_call("read_ticks", {"key": "never"}) == {"ticks": 0, "running": False}


# --- resources and handles --------------------------------------------------------------------------------


def test_a_changed_resource_has_a_true_size(serve: Any, rpc: Any) -> None:
    server = serve("stateless")
    texts = set()
    for _ in range(3):
        [listed] = rpc.messages(server.modern("resources/list"))
        sizes = {item["uri"]: item["size"] for item in listed["result"]["resources"]}
        [read] = rpc.messages(server.modern("resources/read", {"uri": "reference://greeting"}))
        text = read["result"]["contents"][0]["text"]
        assert sizes["reference://greeting"] == len(text.encode())
        texts.add(text)
        server.modern_call("touch_resource", {"uri": "reference://greeting"})
    assert len(texts) == 3
    for uri in ("reference://pixel", "reference://units/kg", "reference://none"):
        assert "reference://greeting" in server.modern_call("touch_resource", {"uri": uri})["error"]


def test_transactions_are_named_by_their_handle_in_the_modern_era(serve: Any) -> None:
    server = serve("stateful")
    handle = {"session_id": "mine"}
    add = {**handle, "operation": "x"}
    assert "error" in server.modern_call("add_operation", add)
    server.modern_call("start_transaction", handle)
    for total, session in ((1, "bogus"), (2, None)):
        result = server.modern_call("add_operation", add, headers={"mcp-session-id": session})
        assert result["total_operations"] == total
    session = server.initialize()
    assert "error" in server.call("add_operation", add, session)


def test_transactions_need_a_stateful_server(stateless: Any) -> None:
    assert "stateless" in stateless.modern_call("start_transaction", {"session_id": "mine"})["error"]


def test_old_handles_give_way() -> None:
    transactions = Transactions(max_transactions=2, drop_oldest=True)
    for name in "abc":
        transactions.start(name)
    assert len(transactions) == 2
    assert transactions.add("c", "x") == 1
