"""Where the SDK deviates from a revision: every refusal and repair, at every revision it concerns."""

from __future__ import annotations

import json
import socket
import threading
from typing import Any

import httpx
import pytest

REVISIONS = ("2025-03-26", "2025-06-18", "2025-11-25")
LATER = REVISIONS[1:]
PING = {"jsonrpc": "2.0", "id": "e-1", "method": "ping"}
NOTE = {"jsonrpc": "2.0", "method": "notifications/initialized"}


@pytest.fixture(params=["stateful", "stateless"])
def endpoint(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


def error_of(response: httpx.Response) -> Any:
    value = response.json()
    assert value["jsonrpc"] == "2.0"
    message = value["error"]["message"]
    assert len(message) < 300
    assert "\n" not in message
    return value


# --- the handshake ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("requested", "agreed"),
    [
        *((revision, revision) for revision in REVISIONS),
        *((other, "2025-11-25") for other in ("2024-11-05", "2026-07-28", "1999-01-01", "", "zzz")),
    ],
)
def test_versions_are_negotiated(endpoint: Any, rpc: Any, requested: str, agreed: str) -> None:
    [answer] = rpc.messages(endpoint.post(rpc.initialize(requested)))
    assert answer["result"]["protocolVersion"] == agreed
    assert answer["result"]["serverInfo"]["name"] == "pytest-mcp-http reference server"
    declared = {"completions", "logging", "tools", "prompts", "resources"}
    assert declared <= set(answer["result"]["capabilities"])


@pytest.mark.parametrize(
    "params",
    [
        None,
        {},
        {"protocolVersion": "2025-11-25"},
        {"protocolVersion": 5, "capabilities": {}, "clientInfo": {"name": "a", "version": "b"}},
        {"protocolVersion": "2025-11-25", "capabilities": None, "clientInfo": {"name": "a", "version": "b"}},
    ],
)
def test_a_malformed_initialize_opens_no_session(endpoint: Any, rpc: Any, params: object) -> None:
    response = endpoint.post(rpc.request("initialize", params, "e-1"))
    assert response.status_code == 400
    assert "mcp-session-id" not in response.headers
    assert error_of(response)["error"]["code"] == -32602
    assert response.json()["id"] == "e-1"


# --- messages ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("revision", REVISIONS)
@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"jsonrpc":', -32700),
        (b"", -32700),
        (b'{"jsonrpc":"2.0","id":1,"method":"\xff"}', -32700),
        (b'{"jsonrpc":"2.0","id":NaN,"method":"ping"}', -32700),
        (b"1", -32600),
        (b'"x"', -32600),
        (b"null", -32600),
        (b"{}", -32600),
        (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600),
        (b'{"jsonrpc":"2.0","id":{},"method":"ping"}', -32600),
        (b'{"jsonrpc":"2.0","id":true,"method":"ping"}', -32600),
        (b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', -32600),
        (b"[" * 3000 + b"]" * 3000, -32600),
    ],
)
def test_unreadable_messages_are_refused(endpoint: Any, revision: str, body: bytes, code: int) -> None:
    session = endpoint.initialize(revision)
    response = endpoint.post(body, session)
    assert response.status_code == 400
    value = error_of(response)
    assert value["error"]["code"] == code
    assert value.get("id", "absent") == ("absent" if revision == "2025-11-25" else None)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"jsonrpc": "1.0"}, -32600),
        ({"method": 5}, -32600),
        ({"result": {}}, -32600),
        ({"params": []}, -32602),
        ({"params": {"_meta": 1}}, -32602),
        ({"params": {"a": json.loads("[" * 150 + "]" * 150)}}, -32600),
        ({"params": {"a": "\ud800"}}, -32600),
    ],
)
def test_invalid_requests_get_an_error_with_their_id(
    endpoint: Any, change: dict[str, object], code: int
) -> None:
    response = endpoint.post({**PING, **change}, endpoint.initialize())
    assert response.status_code == 400
    assert error_of(response)["error"]["code"] == code
    assert response.json()["id"] == "e-1"


@pytest.mark.parametrize(
    "body",
    [{**NOTE, "jsonrpc": "1.0"}, {"jsonrpc": "2.0", "id": "x", "result": 1}, {"jsonrpc": "2.0", "error": 1}],
)
def test_refused_notifications_and_responses_get_an_error_without_id(endpoint: Any, body: object) -> None:
    response = endpoint.post(body, endpoint.initialize())
    assert response.status_code == 400
    assert "id" not in error_of(response)


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("tools/call", {}, -32602),
        ("tools/call", None, -32602),
        ("tools/call", {"name": "nöpe"}, -32602),
        ("tools/list", {"cursor": "x"}, -32602),
        ("resources/read", {"uri": 5}, -32602),
        ("resources/read", {"uri": "reference://none"}, -32002),
        ("prompts/get", {}, -32602),
        ("prompts/get", {"name": "none"}, -32602),
        ("prompts/get", {"name": "review_text"}, -32602),
        ("vendor/none", None, -32601),
        ("server/discover", None, -32601),
        ("logging/setLevel", {}, -32602),
        ("completion/complete", None, -32602),
        ("notifications/initialized", None, -32601),
    ],
)
@pytest.mark.parametrize("revision", REVISIONS)
def test_requests_that_cannot_be_served(
    endpoint: Any, rpc: Any, method: str, params: object, code: int, revision: str
) -> None:
    session = endpoint.initialize(revision)
    [answer] = rpc.messages(endpoint.post(rpc.request(method, params, "e-1"), session))
    assert answer["error"]["code"] == code
    assert answer["id"] == "e-1"
    assert "data" not in answer["error"] or answer["error"]["data"]


@pytest.mark.parametrize("identity", [0, -1, 2**53 - 1, 10**30, "", "1", "ü", "7:8", "a\nb"])
def test_ids_come_back_unchanged(endpoint: Any, rpc: Any, identity: object) -> None:
    [answer] = rpc.messages(endpoint.post(rpc.request("ping", {}, identity), endpoint.initialize()))
    assert answer == {"jsonrpc": "2.0", "id": identity, "result": {}}
    assert type(answer["id"]) is type(identity)


@pytest.mark.parametrize("revision", REVISIONS)
@pytest.mark.parametrize(
    "message",
    [
        NOTE,
        {"jsonrpc": "2.0", "method": "notifications/vendor-x", "params": {"a": 1}},
        {"jsonrpc": "2.0", "method": "notifications/cancelled"},
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": [1]}},
        {"jsonrpc": "2.0", "id": "never-asked", "result": {}},
        {"jsonrpc": "2.0", "id": 1, "error": {"code": 1, "message": "no"}},
    ],
)
def test_notifications_and_responses_get_202(endpoint: Any, message: object, revision: str) -> None:
    response = endpoint.post(message, endpoint.initialize(revision))
    assert (response.status_code, response.content) == (202, b"")
    assert "content-type" not in response.headers


def test_large_bodies_are_refused(endpoint: Any, rpc: Any) -> None:
    session = endpoint.initialize()
    assert endpoint.post(rpc.request("ping", {"a": "x" * 10_000_000}), session).status_code == 413
    assert endpoint.post(PING, session).status_code == 200


@pytest.mark.parametrize(
    ("content_type", "status"),
    [("Application/JSON; charset=utf-8", 200), ("text/plain", 415), ("application/jsonx", 415), ("", 415)],
)
def test_content_types(endpoint: Any, content_type: str, status: int) -> None:
    response = endpoint.post(PING, endpoint.initialize(), content_type=content_type)
    assert response.status_code == status


def test_errors_of_the_sdk_carry_the_id(endpoint: Any) -> None:
    response = endpoint.post(PING, endpoint.initialize(), accept="application/json")
    assert response.status_code == 406
    assert error_of(response)["id"] == "e-1"


def test_a_cancelled_request_gets_no_response(stateful: Any, rpc: Any) -> None:
    session = stateful.initialize()
    message = rpc.call("count_slowly", {"steps": 100, "milliseconds": 100}, "slow", "t")
    headers = {**session, "accept": "application/json, text/event-stream"}
    with stateful.http.stream("POST", stateful.url, json=message, headers=headers) as response:
        chunks = response.iter_text()
        next(chunks)
        cancel = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "slow"}}
        assert stateful.post(cancel, session).status_code == 202
        rest = "".join(chunks)
    assert "error" not in rest
    assert "result" not in rest


# --- batches ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("json_response", [True, False])
@pytest.mark.parametrize("mode", ["stateful", "stateless"])
def test_batches(serve: Any, rpc: Any, mode: str, json_response: bool) -> None:
    endpoint = serve(mode, json_response=json_response)
    session = endpoint.initialize("2025-03-26")
    del session["mcp-protocol-version"]
    unknown = rpc.request("vendor/none", None, "b")
    answer = endpoint.post([PING, NOTE, unknown, 1, {"jsonrpc": "2.0", "id": 9, "method": "ping"}], session)
    found = {json.dumps(message["id"]): message for message in rpc.messages(answer)}
    assert answer.status_code == 200
    assert len(rpc.messages(answer)) == 4
    assert found['"e-1"']["result"] == found["9"]["result"] == {}
    assert found['"b"']["error"]["code"] == -32601
    assert found["null"]["error"]["code"] == -32600
    for body in ([NOTE, NOTE], [{"jsonrpc": "2.0", "id": 1, "result": {}}]):
        accepted = endpoint.post(body, session)
        assert (accepted.status_code, accepted.content) == (202, b"")
    empty = endpoint.post([], session)
    assert (empty.status_code, error_of(empty)["error"]["code"]) == (400, -32600)
    invalid = endpoint.post([1, 2], session)
    assert [message["error"]["code"] for message in rpc.messages(invalid)] == [-32600, -32600]
    opened = endpoint.post([rpc.initialize("2025-03-26"), PING])
    assert (opened.status_code, error_of(opened)["error"]["code"]) == (400, -32600)


def test_progress_of_batch_members_is_streamed(stateful: Any, rpc: Any) -> None:
    batch = [PING, rpc.call("count_slowly", {"steps": 2, "milliseconds": 1}, 2, "t")]
    found = rpc.messages(stateful.post(batch, stateful.initialize("2025-03-26")))
    assert sum("method" in message for message in found) == 2
    assert {message["id"] for message in found if "id" in message} == {"e-1", 2}


@pytest.mark.parametrize("revision", LATER)
def test_later_revisions_have_no_batches(endpoint: Any, revision: str) -> None:
    response = endpoint.post([PING, PING], endpoint.initialize(revision))
    assert (response.status_code, error_of(response)["error"]["code"]) == (400, -32600)


def test_the_session_decides_about_batches(stateful: Any) -> None:
    session = stateful.initialize("2025-11-25")
    assert stateful.post([PING], {**session, "mcp-protocol-version": "2025-03-26"}).status_code == 400
    assert stateful.post([PING]).status_code == 400
    assert stateful.post([PING], mcp_session_id="none").status_code == 400
    assert stateful.post([PING], stateful.initialize("2025-03-26")).status_code == 200


# --- sessions, verbs and headers --------------------------------------------------------------------------


def test_missing_unknown_and_ended_sessions(stateful: Any, rpc: Any) -> None:
    ended = stateful.initialize()
    assert stateful.http.delete(stateful.url, headers=ended).status_code == 200
    for session, status in (({}, 400), ({"mcp-session-id": "0" * 32}, 404), (ended, 404)):
        refused = stateful.post(PING, session)
        assert (refused.status_code, error_of(refused)["id"]) == (status, "e-1")
        silent = stateful.post(NOTE, session)
        assert silent.status_code == status
        assert "id" not in error_of(silent)
        stream = {**session, "accept": "text/event-stream"}
        assert stateful.http.get(stateful.url, headers=stream).status_code == status
        assert stateful.http.delete(stateful.url, headers=session).status_code == status
    again = stateful.post(rpc.initialize("2025-11-25"), stateful.initialize())
    assert (again.status_code, error_of(again)["error"]["code"]) == (400, -32600)


@pytest.mark.parametrize("mode", ["stateful", "stateless"])
def test_verbs_that_are_not_offered(request: pytest.FixtureRequest, mode: str) -> None:
    endpoint = request.getfixturevalue(mode)
    session = endpoint.initialize()
    offered = {"stateful": "GET, POST, DELETE", "stateless": "POST"}[mode]
    refused = ["PUT", "PATCH", "OPTIONS", "HEAD", "BREW", *(["GET", "DELETE"] if mode == "stateless" else [])]
    for verb in refused:
        response = endpoint.http.request(verb, endpoint.url, headers=session)
        assert (response.status_code, response.headers["allow"]) == (405, offered)


@pytest.mark.parametrize("stated", ["1999-01-01", "2024-11-05", "garbage", ""])
def test_versions_that_are_not_served(stateful: Any, stateless: Any, stated: str) -> None:
    assert_version_refused(stateful, stateless, stated)


@pytest.mark.parametrize("stated", ["2026-07-28", "2099-01-01"])
def test_a_server_of_the_handshake_era_serves_no_later_version(serve: Any, stated: str) -> None:
    assert_version_refused(serve("stateful", era="handshake"), serve("stateless", era="handshake"), stated)


def assert_version_refused(stateful: Any, stateless: Any, stated: str) -> None:
    session = stateful.initialize()
    bad = {**session, "accept": "text/event-stream", "mcp-protocol-version": stated}
    for response in (
        stateful.post(PING, session, mcp_protocol_version=stated),
        stateful.post(NOTE, session, mcp_protocol_version=stated),
        stateful.http.get(stateful.url, headers=bad),
        stateful.http.delete(stateful.url, headers=bad),
        stateless.post(PING, mcp_protocol_version=stated),
    ):
        assert response.status_code == 400
        error = error_of(response)["error"]
        assert error["data"]["supported"] == list(REVISIONS)
    assert stateful.post(PING, session).status_code == 200


@pytest.mark.parametrize(
    "origin",
    [
        "https://attacker.invalid",
        "null",
        "",
        "http://localhost.attacker.invalid",
        "http://127.0.0.1.attacker.invalid",
        "http://localhost@attacker.invalid",
        "http://localhost:1:2",
        "http://localhost x",
        "ftp://localhost",
    ],
)
def test_foreign_origins_are_refused(stateful: Any, stateless: Any, rpc: Any, origin: str) -> None:
    session = stateful.initialize()
    bad = {**session, "origin": origin, "accept": "text/event-stream"}
    for response in (
        stateful.post(PING, session, origin=origin),
        stateful.post(NOTE, session, origin=origin),
        stateful.post(b"{", session, origin=origin, content_type="text/plain"),
        stateful.post(rpc.initialize("2025-11-25"), origin=origin),
        stateful.http.get(stateful.url, headers=bad),
        stateful.http.delete(stateful.url, headers=bad),
        stateful.http.put(stateful.url, headers=bad),
        stateless.http.get(stateless.url, headers=bad),
    ):
        assert response.status_code == 403
        assert "id" not in error_of(response)
    assert stateful.post(PING, session).status_code == 200


def test_own_and_loopback_origins_are_taken(endpoint: Any) -> None:
    own = endpoint.url.removesuffix("/mcp")
    for origin in (own, "http://localhost:3000", "https://localhost", "http://[::1]:5173"):
        assert endpoint.post(PING, endpoint.initialize(), origin=origin).status_code == 200


def test_foreign_hosts_are_refused_on_loopback(endpoint: Any) -> None:
    session = endpoint.initialize()
    for host in ("attacker.invalid", "127.0.0.1.attacker.invalid", "localhost:1:2"):
        origin = f"http://{host}"
        assert endpoint.post(PING, session, host=host, origin=origin).status_code == 403
    assert endpoint.post(PING, session, host="LOCALHOST:80").status_code == 200


def test_an_event_id_means_nothing_without_events(stateful: Any) -> None:
    headers = {**stateful.initialize(), "accept": "text/event-stream", "last-event-id": "made-up"}
    with stateful.http.stream("GET", stateful.url, headers=headers) as response:
        assert response.status_code == 200


def test_an_unknown_event_id_is_refused(resumable: Any) -> None:
    headers = {**resumable.initialize(), "accept": "text/event-stream", "last-event-id": "made-up"}
    assert resumable.http.get(resumable.url, headers=headers).status_code == 400


def test_a_session_that_ends_under_a_request_is_no_server_error(serve: Any, rpc: Any) -> None:
    endpoint = serve("stateful", json_response=True)
    session = endpoint.initialize()
    answers: list[httpx.Response] = []

    def go() -> None:
        message = rpc.call("count_slowly", {"steps": 100, "milliseconds": 100}, "e-1")
        answers.append(endpoint.post(message, session))

    thread = threading.Thread(target=go)
    thread.start()
    endpoint.post(PING, session)
    endpoint.http.delete(endpoint.url, headers=session)
    thread.join(10)
    assert answers[0].status_code == 404
    assert error_of(answers[0])["id"] == "e-1"


@pytest.mark.parametrize(
    "start",
    [
        b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 99\r\n\r\n{",
        b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\n",
    ],
)
def test_a_reset_in_the_middle_of_a_request_harms_nothing(endpoint: Any, start: bytes) -> None:
    session = endpoint.initialize()
    address = httpx.URL(endpoint.url)
    with socket.create_connection((address.host, address.port or 0), timeout=10) as connection:
        connection.sendall(start)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    assert endpoint.post(PING, session).status_code == 200


def test_other_paths_are_not_found(endpoint: Any) -> None:
    for suffix in ("/", "/x"):
        assert endpoint.http.post(endpoint.url + suffix, json=PING).status_code == 404
