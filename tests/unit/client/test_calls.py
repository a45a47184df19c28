"""Calls that return a value: each in both eras, with streams and with JSON, blocking and asynchronous."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_mcp_http.client import ToolResult
from pytest_mcp_http.errors import JsonRpcError
from pytest_mcp_http.wire import jsonrpc

RESULT = jsonrpc.Kind.RESULT


def test_what_the_server_says_of_itself(client: Any) -> None:
    assert client.server_info.name == "pytest-mcp-http reference server"
    assert "tools" in client.server_capabilities
    assert "simulated" in client.instructions


def test_lists(client: Any) -> None:
    tools = {tool.name: tool for tool in client.list_tools()}
    assert tools["echo_text"].title == "Echo"
    assert tools["echo_text"].input_schema["required"] == ["text"]
    assert tools["echo_text"].output_schema is not None
    assert tools["echo_text"].raw["name"] == "echo_text"
    assert {each.uri for each in client.list_resources()} >= {"reference://greeting", "reference://pixel"}
    assert [each.uri_template for each in client.list_resource_templates()] == ["reference://units/{unit}"]
    prompts = {prompt.name: prompt for prompt in client.list_prompts()}
    assert [(each.name, each.required) for each in prompts["review_text"].arguments] == [
        ("text", True),
        ("focus", False),
    ]


def test_ping_is_a_request_that_the_era_has(client: Any) -> None:
    sent = client.ping().exchange.request.message
    assert sent.method == client.dialect.plain


def test_a_tool_is_called(client: Any) -> None:
    result = client.call_tool("echo_text", {"text": "Grüße"})
    assert isinstance(result, ToolResult)
    assert result.structured == {"text": "Grüße", "characters": 5}
    assert json.loads(result.text) == result.structured
    assert not result.is_error
    assert result.exchange.result == result.raw


def test_an_error_of_a_tool_is_a_result(client: Any) -> None:
    assert client.call_tool("convert_units", {}).is_error


def test_content_of_each_kind(client: Any) -> None:
    text, image, audio, resource, link = client.call_tool("show_content").content
    assert text.text == "One block of each kind."
    assert image.data.startswith(b"\x89PNG")
    assert (image.mime_type, audio.mime_type) == ("image/png", "audio/wav")
    assert audio.data.startswith(b"RIFF")
    assert resource.resource.text.startswith("Grüße")
    assert link.uri == "reference://pixel"


def test_arguments_are_repeated_in_headers_once_the_server_asks_for_it(client: Any) -> None:
    arguments = {"region": "Köln", "options": {"tenant": "a"}}
    assert json.loads(client.call_tool("route_query", arguments).text) == arguments


def test_resources_are_read(client: Any) -> None:
    assert client.read_resource("reference://greeting").text.startswith("Grüße")
    [pixel] = client.read_resource("reference://pixel").contents
    assert pixel.blob.startswith(b"\x89PNG")
    assert pixel.text is None


def test_a_prompt_is_filled_in(client: Any) -> None:
    result = client.get_prompt("review_text", {"text": "a text"})
    assert result.messages[0].role == "user"
    assert "a text" in result.messages[0].content.text


def test_arguments_are_completed(client: Any) -> None:
    found = client.complete("unit", "c", resource="reference://units/{unit}")
    assert found.values == ("celsius",)
    assert (found.total, found.has_more) == (1, False)
    assert client.complete("page", "25", prompt="explain_page").values == ("25", "250")
    with pytest.raises(ValueError, match="either prompt or resource"):
        client.complete("page", "1")


def test_progress_is_told(client: Any, served: Any) -> None:
    seen: list[Any] = []
    result = client.call_tool("count_slowly", {"steps": 3, "milliseconds": 1}, on_progress=seen.append)
    assert list(result.progress) == seen
    assert [each.progress for each in seen] == ([1, 2, 3] if served.streams else [])
    assert client.call_tool("count_slowly", {"steps": 1, "milliseconds": 1}).progress == ()


def test_log_messages_of_a_level_are_told(client: Any, served: Any) -> None:
    seen: list[Any] = []
    client.set_log_level("error")
    result = client.call_tool("log_each_level", on_log=seen.append)
    assert list(result.logs) == seen
    levels = ["error", "critical", "alert", "emergency"] if served.streams else []
    assert [each.level for each in seen] == levels


def test_changes_of_a_resource_are_told(client: Any, served: Any) -> None:
    uri = "reference://greeting"
    if served.modern:
        with pytest.raises(ValueError, match="resourceSubscriptions"):
            client.subscribe(uri)
    else:
        client.subscribe(uri)
    with client.listen(notifications={"resourceSubscriptions": [uri]}) as stream:
        if served.modern:
            assert next(stream).method == "notifications/subscriptions/acknowledged"
        client.call_tool("touch_resource", {"uri": uri})
        message = next(stream)
    assert message.method == "notifications/resources/updated"
    assert message.params["uri"] == uri
    if not served.modern:
        client.unsubscribe(uri)


def test_messages_are_given_as_they_come_in(client: Any, served: Any) -> None:
    params = {"name": "count_slowly", "arguments": {"steps": 2, "milliseconds": 1}}
    stream = client.stream("tools/call", params, meta={"progressToken": "p"})
    messages = list(stream)
    assert messages[-1].kind is RESULT
    assert stream.response is messages[-1]
    told = [each.params["progress"] for each in messages[:-1]]
    assert told == ([1, 2] if served.streams else [])
    assert stream.exchange in client.log


def test_an_error_ends_a_stream_as_well(client: Any) -> None:
    [message] = client.stream("tools/call", {"name": "no_such", "arguments": {}})
    assert message.kind is jsonrpc.Kind.ERROR


def test_an_error_names_what_was_asked_and_carries_its_exchange(client: Any) -> None:
    with pytest.raises(JsonRpcError, match=r"tools/call .no_such. got JSON-RPC error -32602: ") as caught:
        client.call_tool("no_such")
    assert caught.value.code == -32602
    assert "no_such" in caught.value.text
    assert caught.value.exchange is client.log[-1] or caught.value.exchange == client.log[-1]


def test_pages_are_walked(make: Any, reference: Any) -> None:
    url = reference(mode="stateful", variants=["two-pages"])
    with make(url, "2025-11-25") as client:
        names = [tool.name for tool in client.list_tools()]
        asked = [e.request.message.method for e in client.log if e.request.message].count("tools/list")
    assert asked == 2
    assert len(names) == len(set(names)) > 10


@pytest.mark.parametrize(
    ("era", "revision"), [("dual", "2026-07-28"), ("modern", "2026-07-28"), ("handshake", "2025-11-25")]
)
def test_the_newest_common_revision_is_found(make: Any, reference: Any, era: str, revision: str) -> None:
    with make(reference(mode="stateful" if era != "modern" else "stateless", era=era)) as client:
        assert client.revision == client.negotiated == revision
        assert client.call_tool("health_check").text


def test_another_client_has_a_session_of_its_own(client: Any, served: Any) -> None:
    with client.another() as second:
        assert second.ping()
        assert client.ping()
        if not served.modern:
            assert second.session_id != client.session_id
