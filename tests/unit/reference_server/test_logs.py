"""Log messages: where they go, and which of them a client gets."""

from __future__ import annotations

from typing import Any

import pytest

LEVELS = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"]
LEVEL_KEY = "io.modelcontextprotocol/logLevel"


def logged(rpc: Any, response: Any) -> list[str]:
    """Return the levels of the log messages of a response, which ends with its result."""
    *before, last = rpc.messages(response)
    assert "result" in last
    assert all(message["method"] == "notifications/message" for message in before)
    return [message["params"]["level"] for message in before]


def set_level(server: Any, rpc: Any, session: Any, level: object) -> Any:
    response = server.post(rpc.request("logging/setLevel", {"level": level}), session)
    assert response.status_code == 200
    return rpc.messages(response)[0]


@pytest.mark.parametrize("revision", ["2025-03-26", "2025-06-18", "2025-11-25"])
def test_session_gets_what_it_wants(stateful: Any, rpc: Any, revision: str) -> None:
    first, other = stateful.initialize(revision), stateful.initialize(revision)
    call = rpc.call("log_each_level", {})
    assert logged(rpc, stateful.post(call, first)) == LEVELS
    assert set_level(stateful, rpc, first, "error")["result"] == {}
    assert logged(rpc, stateful.post(call, first)) == LEVELS[4:]
    assert logged(rpc, stateful.post(call, other)) == LEVELS


def test_without_session_everything_is_sent(stateless: Any, rpc: Any) -> None:
    session = stateless.initialize()
    assert set_level(stateless, rpc, session, "error")["result"] == {}
    assert logged(rpc, stateless.post(rpc.call("log_each_level", {}), session)) == LEVELS


@pytest.mark.parametrize("level", ["loud", "INFO", 5, None])
def test_unknown_levels_are_refused(stateful: Any, rpc: Any, level: object) -> None:
    assert set_level(stateful, rpc, stateful.initialize(), level)["error"]["code"] == -32602
    refused = stateful.modern("tools/list", meta={LEVEL_KEY: level if level is not None else []})
    assert refused.status_code == 400
    assert refused.json()["error"]["code"] == -32602


@pytest.mark.parametrize(
    ("level", "expected"), [(None, []), ("debug", LEVELS), ("error", LEVELS[4:]), ("emergency", LEVELS[7:])]
)
def test_modern_request_gets_what_it_wants(
    stateless: Any, rpc: Any, level: str | None, expected: list[str]
) -> None:
    meta = {} if level is None else {LEVEL_KEY: level}
    params = {"name": "log_each_level", "arguments": {}}
    assert logged(rpc, stateless.modern("tools/call", params, meta=meta)) == expected


def test_answers_in_json_have_no_messages(serve: Any, rpc: Any) -> None:
    server = serve("stateless", json_response=True)
    params = {"name": "log_each_level", "arguments": {}}
    assert logged(rpc, server.modern("tools/call", params, meta={LEVEL_KEY: "debug"})) == []
    assert logged(rpc, server.post(rpc.call("log_each_level", {}), server.initialize())) == []


def test_new_implementations_do_not_log(serve: Any, rpc: Any) -> None:
    dual, modern = serve("stateless"), serve("stateless", era="modern")
    [known], [new] = (rpc.messages(each.modern("server/discover")) for each in (dual, modern))
    assert known["result"]["capabilities"]["logging"] == {}
    assert "logging" not in new["result"]["capabilities"]
    params = {"name": "log_each_level", "arguments": {}}
    assert logged(rpc, modern.modern("tools/call", params, meta={LEVEL_KEY: "debug"})) == []
