"""The revision without handshake: which requests belong to it, what it refuses and how, what it answers."""

from __future__ import annotations

import base64
import json
import socket
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from reference_server.app import ReferenceApp
from reference_server.corrections_modern import SERVED_METHODS

PREFIX = "io.modelcontextprotocol/"
VERSION, CAPABILITIES = f"{PREFIX}protocolVersion", f"{PREFIX}clientCapabilities"
HANDSHAKE = ["2025-11-25", "2025-06-18", "2025-03-26"]
LISTS = ["tools/list", "prompts/list", "resources/list", "resources/templates/list"]


@pytest.fixture(params=["stateful", "stateless"])
def endpoint(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module", params=["stateful", "stateless"])
def modern_only(request: pytest.FixtureRequest, rpc: Any) -> Iterator[Any]:
    with rpc.running(ReferenceApp(request.param, [], "/mcp", era="modern")) as endpoint:
        yield endpoint


@pytest.fixture(scope="module")
def whole(rpc: Any) -> Iterator[Any]:
    """A server that answers with JSON."""
    with rpc.running(ReferenceApp("stateless", [], "/mcp", json_response=True)) as endpoint:
        yield endpoint


def assert_refused(response: httpx.Response, status: int, code: int, identity: object = 1) -> Any:
    """Assert that a request was refused with this status, code and id, and return the error."""
    assert response.headers["content-type"] == "application/json"
    value = response.json()
    assert (response.status_code, value["error"]["code"]) == (status, code)
    assert value.get("id", "absent") == identity
    assert 0 < len(value["error"]["message"]) < 200
    assert "\n" not in value["error"]["message"]
    assert "mcp-session-id" not in response.headers
    return value["error"]


# --- eras -------------------------------------------------------------------------------------------------


def test_both_eras_on_one_endpoint(endpoint: Any, rpc: Any) -> None:
    session = endpoint.initialize()
    assert endpoint.post(rpc.request("ping"), session).status_code == 200
    [answer] = rpc.messages(endpoint.modern("server/discover"))
    assert answer["result"]["supportedVersions"] == ["2026-07-28", *HANDSHAKE]
    assert endpoint.post(rpc.request("ping"), session).status_code == 200


def test_sessions_mean_nothing_in_the_modern_era(stateful: Any) -> None:
    live = stateful.initialize()["mcp-session-id"]
    for session in (live, "bogus", ""):
        response = stateful.modern(
            "server/discover", headers={"mcp-session-id": session, "last-event-id": "7"}
        )
        assert response.status_code == 200
        assert "mcp-session-id" not in response.headers


@pytest.mark.parametrize("verb", ["GET", "DELETE", "PUT", "OPTIONS"])
def test_verbs(endpoint: Any, modern_only: Any, verb: str) -> None:
    session = {"mcp-session-id": "made-up", "accept": "text/event-stream"}
    versioned = endpoint.http.request(
        verb, endpoint.url, headers={**session, "mcp-protocol-version": "2026-07-28"}
    )
    for response in (versioned, modern_only.http.request(verb, modern_only.url, headers=session)):
        assert (response.status_code, response.headers["allow"]) == (405, "POST")


def test_an_initialize_learns_what_a_modern_server_speaks(modern_only: Any, rpc: Any) -> None:
    for response, status, code in (
        (modern_only.post(rpc.initialize("2025-11-25", 1)), 400, -32020),
        (modern_only.post(rpc.initialize("2025-11-25", 1), mcp_protocol_version="2025-11-25"), 400, -32602),
        (modern_only.modern("initialize"), 404, -32601),
    ):
        error = assert_refused(response, status, code)
        assert error["data"]["supported"] == ["2026-07-28"]
        assert "2026-07-28" in error["message"]


def test_a_request_of_a_handshake_revision_is_served_by_its_rules(stateful: Any, rpc: Any) -> None:
    session = stateful.initialize("2025-11-25")
    message, headers = rpc.modern("tools/list", version="2025-11-25")
    assert stateful.post(message, headers).status_code == 400
    [answer] = rpc.messages(stateful.post(message, {**headers, **session}))
    assert "resultType" not in answer["result"]


def test_versions_that_are_not_served(endpoint: Any, modern_only: Any) -> None:
    for server, supported in ((endpoint, ["2026-07-28", *HANDSHAKE]), (modern_only, ["2026-07-28"])):
        for method in ("server/discover", "tools/list", "vendor/none"):
            for version in ("1900-01-01", "2099-01-01", "garbage", "x" * 300):
                error = assert_refused(server.modern(method, version=version), 400, -32022)
                assert error["data"] == {"supported": supported, "requested": version}
    error = assert_refused(modern_only.modern("tools/list", version="2025-11-25"), 400, -32022)
    assert error["data"]["supported"] == ["2026-07-28"]


# --- messages ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("identity", [0, -1, 2**53 - 1, 2**70, "", "1", 2, "ü✓", "a\nb"])
def test_ids_come_back(endpoint: Any, whole: Any, rpc: Any, identity: object) -> None:
    for server in (endpoint, whole):
        [answer] = rpc.messages(server.modern("server/discover", identity=identity))
        assert (answer["id"], type(answer["id"])) == (identity, type(identity))
        assert_refused(server.modern("vendor/none", identity=identity), 404, -32601, identity)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"jsonrpc":', -32700),
        (b"", -32700),
        (b"\xff", -32700),
        (b"1", -32600),
        (b"{}", -32600),
        (b"[]", -32600),
        (b'[{"jsonrpc":"2.0","id":1,"method":"server/discover"}]', -32600),
        (b'{"jsonrpc":"2.0","id":null,"method":"server/discover"}', -32600),
        (b'{"jsonrpc":"2.0","id":1.5,"method":"server/discover"}', -32600),
        (b'{"jsonrpc":"2.0","id":true,"method":"server/discover"}', -32600),
        (b'{"jsonrpc":"2.0","method":5}', -32600),
        (b'{"jsonrpc":"1.0","method":"notifications/x"}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"result":{}}', -32600),
        (b'{"jsonrpc":"2.0","id":1,"error":{"code":1,"message":"x"}}', -32600),
        (b"[" * 3000 + b"]" * 3000, -32600),
    ],
)
def test_what_is_no_request_is_refused_without_an_id(endpoint: Any, body: bytes, code: int) -> None:
    assert_refused(endpoint.post(body, mcp_protocol_version="2026-07-28"), 400, code, "absent")


def test_content_type_size_and_accept(endpoint: Any, whole: Any) -> None:
    def assert_refused_with(status: int, **headers: str) -> None:
        lines = {name.replace("_", "-"): value for name, value in headers.items()}
        assert_refused(endpoint.modern("server/discover", headers=lines), status, -32600)

    assert_refused_with(415, content_type="text/plain")
    assert_refused_with(406, accept="application/json")
    assert_refused_with(406, accept="text/event-stream")
    assert_refused_with(406, accept="")
    for accept in ("*/*", "Application/JSON; q=0.5, text/*"):
        assert endpoint.modern("server/discover", headers={"accept": accept}).status_code == 200
    only_json = {"accept": "application/json"}
    assert whole.modern("tools/list", headers=only_json).status_code == 200
    assert_refused(
        whole.modern("subscriptions/listen", {"notifications": {}}, headers=only_json), 406, -32600
    )
    large = endpoint.post(b" " * (4 * 1024 * 1024 + 1), mcp_protocol_version="2026-07-28")
    assert_refused(large, 413, -32600, "absent")


@pytest.mark.parametrize(
    "method", ["notifications/cancelled", "notifications/initialized", "notifications/vendor-x", "x"]
)
def test_notifications_are_taken(endpoint: Any, method: str) -> None:
    note = {"jsonrpc": "2.0", "method": method, "params": {"requestId": 1}}
    response = endpoint.post(note, mcp_protocol_version="2026-07-28", accept="")
    assert (response.status_code, response.content) == (202, b"")
    assert "content-type" not in response.headers


def test_foreign_origins_are_refused(endpoint: Any) -> None:
    foreign = {"origin": "http://attacker.invalid"}
    assert_refused(endpoint.modern("server/discover", headers=foreign), 403, -32600, "absent")
    assert (
        endpoint.post({"jsonrpc": "2.0", "method": "x"}, foreign, mcp_protocol_version="2026-07-28")
    ).status_code == 403


# --- headers and metadata ---------------------------------------------------------------------------------


@pytest.mark.parametrize("method", sorted(SERVED_METHODS))
@pytest.mark.parametrize(
    ("meta", "headers", "code"),
    [
        ({VERSION: None}, {}, -32602),
        ({VERSION: 5}, {}, -32602),
        ({CAPABILITIES: None}, {}, -32602),
        ({CAPABILITIES: []}, {}, -32602),
        ({VERSION: "2025-11-25"}, {}, -32020),
        ({VERSION: "1900-01-01"}, {}, -32020),
        ({}, {"mcp-protocol-version": None}, -32020),
        ({}, {"mcp-protocol-version": "2025-11-25"}, -32020),
        ({}, {"mcp-protocol-version": "garbage"}, -32020),
        ({}, {"mcp-method": None}, -32020),
        ({}, {"mcp-method": "vendor/none"}, -32020),
        ({}, {"mcp-method": ""}, -32020),
        ({f"{PREFIX}logLevel": "loud"}, {}, -32602),
        ({f"{PREFIX}clientInfo": {"name": 5}}, {}, -32602),
        ({CAPABILITIES: {"elicitation": 5}}, {}, -32602),
    ],
)
def test_each_deviation_has_its_own_code(
    stateless: Any, method: str, meta: dict[str, object], headers: dict[str, str | None], code: int
) -> None:
    params = {
        "tools/call": {"name": "none"},
        "prompts/get": {"name": "none"},
        "resources/read": {"uri": "reference://none"},
        "subscriptions/listen": {"notifications": {}},
    }.get(method)
    assert_refused(stateless.modern(method, params, meta=meta, headers=headers), 400, code)


@pytest.mark.parametrize(
    "params", [None, {}, {"_meta": {}}, {"_meta": []}, {"_meta": 5}, {"_meta": None}, []]
)
def test_missing_metadata(endpoint: Any, rpc: Any, params: object) -> None:
    for method in ("server/discover", "tools/list", "tools/call"):
        response = endpoint.post(
            rpc.request(method, params), mcp_protocol_version="2026-07-28", mcp_method=method
        )
        assert_refused(response, 400, -32602)


def test_client_info_and_other_metadata_are_free(endpoint: Any) -> None:
    plain = endpoint.modern("tools/list").text
    for meta in (
        {f"{PREFIX}clientInfo": {"name": "a", "version": "b"}},
        {f"{PREFIX}logLevel": "debug"},
        {"com.example/x": {"a": 1}, "traceparent": "malformed"},
    ):
        assert endpoint.modern("tools/list", meta=meta).text == plain


@pytest.mark.parametrize(
    "method",
    [
        "ping",
        "initialize",
        "logging/setLevel",
        "resources/subscribe",
        "resources/unsubscribe",
        "tasks/list",
        "vendor/none",
    ],
)
def test_methods_that_are_not_served(endpoint: Any, method: str) -> None:
    assert_refused(endpoint.modern(method), 404, -32601)
    assert_refused(endpoint.modern(method, headers={"mcp-method": None}), 400, -32020)


NAMED = [
    ("tools/call", "name", "health_check"),
    ("prompts/get", "name", "server_status"),
    ("resources/read", "uri", "reference://greeting"),
]


@pytest.mark.parametrize(("method", "key", "name"), NAMED)
def test_names_in_headers(endpoint: Any, method: str, key: str, name: str) -> None:
    encoded = base64.b64encode(name.encode()).decode()
    for header in (name, f"=?base64?{encoded}?="):
        assert endpoint.modern(method, {key: name}, headers={"mcp-name": header}).status_code == 200
    for wrong in (
        None,
        "",
        "other",
        name.upper(),
        f"=?BASE64?{encoded}?=",
        f"=?base64?{encoded}",
        f"=?base64?{encoded[:-1]}?=",
        "=?base64?*?=",
        "=?base64?/w==?=",
        f"=?base64?{base64.b64encode(b'other').decode()}?=",
    ):
        assert_refused(endpoint.modern(method, {key: name}, headers={"mcp-name": wrong}), 400, -32020)
    assert_refused(endpoint.modern(method, {key: "none"}), 400, -32602)
    exotic = "näme-✓"
    header = f"=?base64?{base64.b64encode(exotic.encode()).decode()}?="
    assert_refused(endpoint.modern(method, {key: exotic}, headers={"mcp-name": header}), 400, -32602)
    for params in ({}, {key: 5}, {key: None}):
        assert_refused(endpoint.modern(method, params), 400, -32602)
        assert_refused(endpoint.modern(method, params, headers={"mcp-name": "x"}), 400, -32602)


def test_a_name_elsewhere_is_ignored(endpoint: Any) -> None:
    extra = {"mcp-name": "x", "mcp-param-nope": "x"}
    assert endpoint.modern("tools/list", headers=extra).status_code == 200


def raw_status(endpoint: Any, message: dict[str, Any], lines: list[tuple[str, bytes]]) -> tuple[int, Any]:
    """POST with header lines as they are and return status and error code."""
    address, body = httpx.URL(endpoint.url), json.dumps(message).encode()
    head = b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
    lines = [*lines, ("Content-Length", str(len(body)).encode())]
    head += b"".join(name.encode() + b":" + value + b"\r\n" for name, value in lines)
    with socket.create_connection((address.host, address.port or 0), timeout=10) as connection:
        connection.sendall(head + b"\r\n" + body)
        text = b""
        while chunk := connection.recv(65536):
            text += chunk
    start, _, rest = text.partition(b"\r\n\r\n")
    status = int(start.split()[1])
    return status, json.loads(rest)["error"]["code"] if status == 400 else None


@pytest.mark.parametrize(
    ("extra", "outcome"),
    [
        ([("MCP-METHOD", b"\t tools/call \t"), ("mcp-NAME", b"  health_check  ")], (200, None)),
        ([("Mcp-Method", b"tools/call")] * 2 + [("Mcp-Name", b"health_check")], (400, -32020)),
        (
            [("Mcp-Method", b"tools/call"), ("Mcp-Method", b"x"), ("Mcp-Name", b"health_check")],
            (400, -32020),
        ),
        ([("Mcp-Method", b"tools/call")] + [("Mcp-Name", b"health_check")] * 2, (400, -32020)),
        ([("Mcp-Method", b"tools/call"), ("Mcp-Name", b"health_ch\xe9ck")], (400, -32020)),
        (
            [
                ("Mcp-Method", b"tools/call"),
                ("Mcp-Name", b"health_check"),
                ("MCP-Protocol-Version", b"2026-07-28"),
            ],
            (400, -32020),
        ),
    ],
)
def test_header_lines(endpoint: Any, rpc: Any, extra: list[tuple[str, bytes]], outcome: object) -> None:
    message, headers = rpc.modern("tools/call", {"name": "health_check"})
    kept = ("accept", "content-type", "mcp-protocol-version")
    assert raw_status(endpoint, message, [(n, headers[n].encode()) for n in kept] + extra) == outcome


def test_accept_may_have_several_lines(endpoint: Any, rpc: Any) -> None:
    message, headers = rpc.modern("server/discover")
    lines = [(name, value.encode()) for name, value in headers.items() if name != "accept"]
    both = [("Accept", b"application/json"), ("Accept", b"text/event-stream")]
    assert raw_status(endpoint, message, lines + both) == (200, None)


def test_a_name_that_no_header_may_carry_has_to_be_encoded(stateless: Any, rpc: Any) -> None:
    message, headers = rpc.modern("tools/call", {"name": "é"})
    lines = [(name, value.encode("latin-1")) for name, value in headers.items()]
    assert raw_status(stateless, message, lines) == (400, -32020)


# --- parameters -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "params"),
    [
        *((method, {"cursor": "x"}) for method in LISTS),
        *((method, {"cursor": ""}) for method in LISTS),
        *((method, {"cursor": 5}) for method in LISTS),
        ("tools/call", {"name": "none"}),
        ("tools/call", {"name": "health_check", "arguments": []}),
        ("tools/call", {"name": "health_check", "inputResponses": []}),
        ("tools/call", {"name": "health_check", "requestState": 5}),
        ("tools/call", {"name": "health_check", "requestState": "garbage"}),
        ("prompts/get", {"name": "none"}),
        ("prompts/get", {"name": "review_text"}),
        ("prompts/get", {"name": "review_text", "arguments": {"text": 5}}),
        ("prompts/get", {"name": "server_status", "requestState": "x" * 1_000_000}),
        ("resources/read", {"uri": "reference://none"}),
        ("resources/read", {"uri": "reference://greeting", "requestState": "garbage"}),
    ],
)
def test_parameters_that_cannot_be_served(endpoint: Any, method: str, params: dict[str, object]) -> None:
    assert_refused(endpoint.modern(method, params), 400, -32602)


def test_what_nobody_asked_for_is_ignored(endpoint: Any, rpc: Any) -> None:
    unasked = {"inputResponses": {"x": {"action": "accept"}}, "more": 1}
    for method, params in (
        ("server/discover", {"more": 1}),
        ("resources/read", {"uri": "reference://greeting", **unasked}),
        ("prompts/get", {"name": "server_status", **unasked}),
        ("tools/call", {"name": "health_check", **unasked}),
    ):
        assert rpc.messages(endpoint.modern(method, params))[0]["result"]["resultType"] == "complete"


# --- answers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("json_response", [False, True])
@pytest.mark.parametrize("mode", ["stateful", "stateless"])
def test_answers(serve: Any, rpc: Any, mode: str, json_response: bool) -> None:
    server = serve(mode, json_response=json_response)
    cacheable = {"server/discover", *LISTS, "resources/read"}
    for method, params in (
        ("server/discover", None),
        *((each, None) for each in LISTS),
        ("tools/call", {"name": "health_check"}),
        ("prompts/get", {"name": "server_status"}),
        ("resources/read", {"uri": "reference://pixel"}),
    ):
        response = server.modern(method, params)
        assert response.status_code == 200
        if json_response:
            assert response.headers["content-type"] == "application/json"
        else:
            assert response.headers["content-type"] == "text/event-stream"
            assert response.headers["x-accel-buffering"] == "no"
            assert "no-cache" in response.headers["cache-control"]
        [answer] = rpc.messages(response)
        result = answer["result"]
        assert result["resultType"] == "complete"
        assert result["_meta"][f"{PREFIX}serverInfo"]["name"] == "pytest-mcp-http reference server"
        if method in cacheable:
            assert result["ttlMs"] >= 0
            assert result["cacheScope"] == "public"
        else:
            assert "ttlMs" not in result


def test_discovery(modern_only: Any, rpc: Any) -> None:
    [answer] = rpc.messages(modern_only.modern("server/discover"))
    result = answer["result"]
    assert result["supportedVersions"] == ["2026-07-28"]
    changing = {"listChanged": True}
    expected = {
        "completions": {},
        "tools": changing,
        "prompts": changing,
        "resources": {**changing, "subscribe": True},
    }
    assert expected.items() <= result["capabilities"].items()
    assert result["instructions"]


def test_progress_comes_before_the_response_on_the_same_stream(stateless: Any, rpc: Any) -> None:
    params = {"name": "count_slowly", "arguments": {"steps": 3, "milliseconds": 1}}
    *progress, last = rpc.messages(stateless.modern("tools/call", params, meta={"progressToken": 0}))
    assert [message["params"]["progress"] for message in progress] == [1, 2, 3]
    assert {message["params"]["progressToken"] for message in progress} == {0}
    assert last["id"] == 1
    assert len(rpc.messages(stateless.modern("tools/call", params))) == 1


def test_answers_are_utf8(endpoint: Any) -> None:
    response = endpoint.modern("resources/read", {"uri": "reference://greeting"})
    assert "Grüße".encode() in response.content
