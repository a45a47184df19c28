from __future__ import annotations

import pytest

from pytest_mcp_http._options import Settings
from pytest_mcp_http._target import Target, open_target
from pytest_mcp_http.client import McpClient
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
