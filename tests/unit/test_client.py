from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from pytest_mcp_http._options import Settings
from pytest_mcp_http._target import Target, open_target
from pytest_mcp_http.answering import input_requests
from pytest_mcp_http.client import McpClient
from pytest_mcp_http.wire import jsonrpc
from pytest_mcp_http.wire.http import HttpWire


@pytest.fixture
def target(stateful_url: str) -> Target:
    with open_target(Settings(url=stateful_url)) as running:
        return running.target


def test_client_sends_what_its_revision_asks_for() -> None:
    with HttpWire() as wire:
        client = McpClient("http://127.0.0.1/mcp", "2025-06-18", wire, headers=(("X-Key", "k-1234567"),))
        client.session_id = "abc"
        request = client.build("POST", {"a": 1})
        first = McpClient("http://127.0.0.1/mcp", "2025-03-26", wire).build("GET")
    assert request.headers.get("mcp-session-id") == "abc"
    assert request.headers.get("mcp-protocol-version") == "2025-06-18"
    assert request.headers.get("accept") == "application/json, text/event-stream"
    assert request.secrets == {"x-key"}
    assert "k-1234567" not in repr(request)
    assert "mcp-protocol-version" not in first.headers
    assert first.headers.get("accept") == "text/event-stream"


def test_headers_are_replaced_and_left_out_by_name_in_any_case() -> None:
    with HttpWire() as wire:
        client = McpClient("http://127.0.0.1/mcp", "2025-11-25", wire)
        request = client.build("POST", b"", {"ACCEPT": None, "content-type": "text/plain"})
    assert "accept" not in request.headers
    assert request.headers.get_all("content-type") == ["text/plain"]


def test_connection_opens_and_ends_a_session(target: Target) -> None:
    with target.open_wire() as wire, McpClient(target.url, "2025-11-25", wire) as client:
        assert client.negotiated == "2025-11-25"
        assert client.session_id is not None
        assert client.request("ping").result == {}
        client.close()
        assert client.request("ping").status == 404


class TestModern:
    """Requests of the revision without handshake; no server is needed to see them."""

    META = "io.modelcontextprotocol/"

    def client(self, **options: Any) -> McpClient:
        return McpClient("http://127.0.0.1/mcp", "2026-07-28", HttpWire(), **options)

    def test_every_request_carries_version_and_capabilities(self) -> None:
        client = self.client(capabilities={"roots": {}})
        message = client.message("tools/list")
        assert message["params"]["_meta"] == {
            f"{self.META}protocolVersion": "2026-07-28",
            f"{self.META}clientInfo": {"name": "pytest-mcp-http", "version": "1"},
            f"{self.META}clientCapabilities": {"roots": {}},
        }
        request = client.build("POST", message)
        assert request.headers.get("mcp-protocol-version") == "2026-07-28"
        assert request.headers.get("mcp-method") == "tools/list"
        assert "mcp-session-id" not in request.headers

    def test_meta_is_changed_key_by_key(self) -> None:
        client = self.client()
        info, version = f"{self.META}clientInfo", f"{self.META}protocolVersion"
        params = {"name": "a", "_meta": {"progressToken": 1, version: "1"}}
        message = client.message("prompts/get", params, meta={info: jsonrpc.ABSENT, "com.example/a": None})
        assert message["params"]["name"] == "a"
        assert set(message["params"]["_meta"]) == {
            f"{self.META}clientCapabilities",
            version,
            "progressToken",
            "com.example/a",
        }
        assert message["params"]["_meta"][version] == "1"
        assert params["_meta"] == {"progressToken": 1, version: "1"}

    @pytest.mark.parametrize("params", ["x", 5, [], None, {"_meta": "x"}, {"_meta": None}])
    def test_params_that_are_no_object_stay_as_they_are(self, params: object) -> None:
        assert self.client().message("tools/list", params)["params"] == params

    def test_a_request_without_meta(self) -> None:
        client = self.client()
        assert "params" not in client.message("tools/list", meta=None)
        assert client.message("tools/list", {}, meta=None)["params"] == {}
        assert client.message("tools/list", {"_meta": {}}, meta=None)["params"] == {"_meta": {}}

    def test_another_version_is_declared_in_header_and_meta(self) -> None:
        client = self.client(declare="1999-01-01")
        message = client.message("server/discover")
        assert message["params"]["_meta"][f"{self.META}protocolVersion"] == "1999-01-01"
        assert client.build("POST", message).headers.get("mcp-protocol-version") == "1999-01-01"

    def test_handshake_requests_stay_plain(self) -> None:
        client = McpClient("http://127.0.0.1/mcp", "2025-11-25", HttpWire())
        message = client.message("tools/call", {"name": "a", "arguments": {}})
        assert message["params"] == {"name": "a", "arguments": {}}
        assert "params" not in client.message("ping")
        assert "mcp-method" not in client.build("POST", message).headers

    def test_an_unknown_revision_is_refused(self) -> None:
        with pytest.raises(ValueError, match="1999-01-01"):
            McpClient("http://127.0.0.1/mcp", "1999-01-01", HttpWire())


class TestModernServer:
    def test_connecting_opens_no_session(self, modern_url: str) -> None:
        with HttpWire() as wire, McpClient(modern_url, "2026-07-28", wire) as client:
            assert client.negotiated == "2026-07-28"
            assert client.session_id is None
            assert client.plain().result is not None
        assert [exchange.request.method for exchange in client.log] == ["POST", "POST"]

    def test_listed_tools_tell_which_arguments_are_repeated_in_headers(self, modern_url: str) -> None:
        with HttpWire() as wire:
            client = McpClient(modern_url, "2026-07-28", wire)
            params = {"name": "route_query", "arguments": {"region": "Köln", "options": {"tenant": "a"}}}
            assert client.request("tools/call", params).error_code == -32020
            client.request("tools/list")
            exchange = client.request("tools/call", params)
        assert exchange.result is not None
        assert exchange.request.headers.get("mcp-param-region") == "=?base64?S8O2bG4=?="
        assert exchange.request.headers.get("mcp-param-tenant") == "a"

    def test_a_stream_of_changes_is_open_until_it_is_closed(self, modern_url: str) -> None:
        with HttpWire() as wire:
            client = McpClient(modern_url, "2026-07-28", wire)
            with client.listen(notifications={}, id="mine") as stream:
                assert stream.wait(lambda exchange: bool(exchange.messages), 5.0)
                assert stream.alive
            (acknowledged,) = stream.exchange.messages
        assert acknowledged.method == "notifications/subscriptions/acknowledged"
        assert acknowledged.params["_meta"]["io.modelcontextprotocol/subscriptionId"] == "mine"

    def test_a_server_that_asks_back_is_answered_until_it_is_done(self, modern_url: str) -> None:
        asked: list[str] = []

        def answer(method: str, params: Mapping[str, Any]) -> object:
            asked.append(method)
            return {"action": "decline"}

        with HttpWire() as wire:
            client = McpClient(modern_url, "2026-07-28", wire, capabilities={"elicitation": {"form": {}}})
            params = {"name": "ask_back", "arguments": {"kind": "elicitation"}}
            exchange = client.converse("tools/call", params, answer).exchange
            assert exchange.result["resultType"] == "complete"  # type: ignore[index]
            assert asked == ["elicitation/create"]
            first = client.converse("tools/call", params, answer, rounds=0).exchange
        requests = input_requests(first)
        assert requests is not None
        assert [each["method"] for each in requests.values()] == ["elicitation/create"]
        ids = [e.request.message.id for e in client.log if e.request.message is not None]
        assert len(set(ids)) == len(ids)

    def test_only_a_request_can_be_sent_again(self, modern_url: str) -> None:
        with HttpWire() as wire:
            client = McpClient(modern_url, "2026-07-28", wire)
            with pytest.raises(ValueError, match="sent again"):
                client.retry(client.get(), {})
