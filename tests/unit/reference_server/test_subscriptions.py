"""Subscriptions: what is acknowledged and announced, to whom, and how streams end."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from mcp.server import _streamable_http_modern as sdk

from reference_server import subscriptions
from reference_server.app import ReferenceApp

LIMIT = 10.0
GREETING, OTHER = "reference://greeting", "reference://none"
SUBSCRIPTION = "io.modelcontextprotocol/subscriptionId"


class Stream:
    """An open stream: its headers, and its messages one by one."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self.lines = response.iter_lines()

    def next(self) -> Any:
        """Return the next message; None at the end of the stream."""
        line = next((line for line in self.lines if line.startswith("data: ")), None)
        return None if line is None else json.loads(line[6:])


@pytest.fixture(scope="module", params=[("stateful", False), ("stateless", False), ("stateless", True)])
def server(request: pytest.FixtureRequest, rpc: Any) -> Iterator[Any]:
    mode, json_response = request.param
    with rpc.running(ReferenceApp(mode, [], "/mcp", json_response=json_response)) as endpoint:
        yield endpoint


@pytest.fixture
def listen(rpc: Any) -> Any:
    @contextlib.contextmanager
    def opened(server: Any, wanted: object, identity: object = 1) -> Iterator[Stream]:
        message, headers = rpc.modern("subscriptions/listen", {"notifications": wanted}, identity=identity)
        with (
            httpx.Client(timeout=LIMIT, trust_env=False) as client,
            client.stream("POST", server.url, json=message, headers=headers) as response,
        ):
            assert response.status_code == 200
            yield Stream(response)

    return opened


def touch(server: Any) -> None:
    assert "changes" in server.modern_call("touch_resource", {"uri": GREETING})


def acknowledged(identity: object, honoured: object) -> Any:
    params = {"_meta": {SUBSCRIPTION: identity}, "notifications": honoured}
    return {"jsonrpc": "2.0", "method": "notifications/subscriptions/acknowledged", "params": params}


def updated(identity: object) -> Any:
    params = {"_meta": {SUBSCRIPTION: identity}, "uri": GREETING}
    return {"jsonrpc": "2.0", "method": "notifications/resources/updated", "params": params}


@pytest.mark.parametrize("identity", [0, 7, "", "süb"])
def test_an_update_reaches_those_who_asked_for_it(server: Any, listen: Any, identity: object) -> None:
    wanted = {"toolsListChanged": True, "promptsListChanged": False, "resourceSubscriptions": [GREETING]}
    tools = {"toolsListChanged": True}
    with listen(server, wanted, identity) as mine, listen(server, tools, 8) as other:
        assert mine.response.headers["content-type"] == "text/event-stream"
        assert mine.response.headers["x-accel-buffering"] == "no"
        assert "mcp-session-id" not in mine.response.headers
        assert mine.next() == acknowledged(identity, {**tools, "resourceSubscriptions": [GREETING]})
        assert other.next() == acknowledged(8, tools)
        touch(server)
        touch(server)
        assert mine.next() == mine.next() == updated(identity)
        # What `other` gets next is the end, when the server ends: nothing was sent to it in between.


@pytest.mark.parametrize(
    ("wanted", "honoured"),
    [
        ({}, {}),
        ({"resourceSubscriptions": []}, {}),
        ({"resourcesListChanged": True, "promptsListChanged": False}, {"resourcesListChanged": True}),
        ({"resourceSubscriptions": [OTHER, GREETING]}, {"resourceSubscriptions": [OTHER, GREETING]}),
        ({"vendorThings": True}, {}),
    ],
)
def test_what_is_honoured(stateless: Any, listen: Any, wanted: object, honoured: object) -> None:
    with listen(stateless, wanted) as stream:
        assert stream.next() == acknowledged(1, honoured)


@pytest.mark.parametrize(
    "wanted",
    [
        None,
        [],
        "x",
        {"toolsListChanged": "yes"},
        {"promptsListChanged": 1},
        {"resourcesListChanged": None},
        {"resourceSubscriptions": GREETING},
        {"resourceSubscriptions": [5]},
    ],
)
def test_malformed_filters_open_no_stream(stateless: Any, wanted: object) -> None:
    for params in ({"notifications": wanted}, {}):
        response = stateless.modern("subscriptions/listen", params)
        assert (response.status_code, response.json()["error"]["code"]) == (400, -32602)
        assert response.json()["id"] == 1


def test_ids_belong_to_their_stream(server: Any, listen: Any) -> None:
    wanted = {"resourceSubscriptions": [GREETING]}
    with listen(server, wanted, 1) as first, listen(server, wanted, 1) as second:
        assert first.next() == second.next() == acknowledged(1, wanted)
        touch(server)
        assert first.next() == second.next() == updated(1)


def test_who_leaves_frees_the_place(serve: Any, listen: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(subscriptions, "MAX_STREAMS", 2)
    server = serve("stateless")
    with listen(server, {}) as first, listen(server, {}) as second:
        assert first.next() == second.next() == acknowledged(1, {})
        refused = server.modern("subscriptions/listen", {"notifications": {}})
        assert refused.json()["error"]["code"] == -32603
    end = time.monotonic() + LIMIT
    while True:
        with listen(server, {}) as again:
            if again.response.headers["content-type"] == "text/event-stream":
                assert again.next() == acknowledged(1, {})
                return
        assert time.monotonic() < end


def test_quiet_streams_are_kept_alive(serve: Any, listen: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert sdk._SSE_PING_INTERVAL == 15
    monkeypatch.setattr(sdk, "_SSE_PING_INTERVAL", 0.02)
    with listen(serve("stateless"), {}) as stream:
        assert stream.next() == acknowledged(1, {})
        assert [line for line in (next(stream.lines) for _ in range(5)) if line] == [": ping", ": ping"]


@pytest.mark.parametrize("json_response", [False, True])
def test_streams_end_with_their_result(rpc: Any, listen: Any, json_response: bool) -> None:
    app = ReferenceApp("stateful", [], "/mcp", json_response=json_response)
    with contextlib.ExitStack() as streams:
        with rpc.running(app) as server:
            opened = {identity: streams.enter_context(listen(server, {}, identity)) for identity in (0, "b")}
            for identity, stream in opened.items():
                assert stream.next() == acknowledged(identity, {})
            begun = time.monotonic()
        assert time.monotonic() - begun < 1
        for identity, stream in opened.items():
            last = stream.next()
            assert last["id"] == identity
            assert last["result"]["resultType"] == "complete"
            assert last["result"]["_meta"][SUBSCRIPTION] == identity
            assert stream.next() is None


def test_progress_stays_on_its_own_stream(server: Any, listen: Any) -> None:
    with listen(server, {"resourceSubscriptions": [GREETING]}) as stream:
        stream.next()
        params = {"name": "count_slowly", "arguments": {"steps": 2, "milliseconds": 1}}
        assert server.modern("tools/call", params, meta={"progressToken": 1}).status_code == 200
        touch(server)
        assert stream.next() == updated(1)
