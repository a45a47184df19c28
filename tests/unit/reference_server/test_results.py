"""Rich tool results, as each revision has them."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import jsonschema
import pytest

from reference_server._result import ToolResult, structured_result, text_result

HANDSHAKE = ("2025-03-26", "2025-06-18", "2025-11-25")


def ask(endpoint: Any, rpc: SimpleNamespace, revision: str, method: str, params: dict[str, Any]) -> Any:
    """Return the result of a request at a revision."""
    if revision in HANDSHAKE:
        response = endpoint.post(rpc.request(method, params), endpoint.initialize(revision))
    else:
        response = endpoint.modern(method, params)
    return rpc.messages(response)[-1]["result"]


@pytest.mark.parametrize("revision", [*HANDSHAKE, "2026-07-28"])
def test_blocks_are_those_of_the_revision(stateful: Any, rpc: SimpleNamespace, revision: str) -> None:
    result = ask(stateful, rpc, revision, "tools/call", {"name": "show_content", "arguments": {}})
    kinds = [block["type"] for block in result["content"]]
    links = [] if revision == "2025-03-26" else ["resource_link"]
    assert kinds == ["text", "image", "audio", "resource", *links]
    assert result["_meta"]["com.example.reference-server/blocks"] == "all kinds"
    assert not result["isError"]


@pytest.mark.parametrize("revision", [*HANDSHAKE, "2026-07-28"])
def test_structured_results_fit_their_schema(stateful: Any, rpc: SimpleNamespace, revision: str) -> None:
    tools = {tool["name"]: tool for tool in ask(stateful, rpc, revision, "tools/list", {})["tools"]}
    result = ask(stateful, rpc, revision, "tools/call", {"name": "echo_text", "arguments": {"text": "ü"}})
    assert result["content"] == [{"type": "text", "text": '{"text": "ü", "characters": 1}'}]
    if revision == "2025-03-26":
        assert "structuredContent" not in result
        assert not {"title", "outputSchema"} & {member for tool in tools.values() for member in tool}
    else:
        jsonschema.validate(result["structuredContent"], tools["echo_text"]["outputSchema"])
        assert result["structuredContent"] == {"text": "ü", "characters": 1}
        assert tools["echo_text"]["title"] == "Echo"


def test_a_result_has_what_it_was_given_only() -> None:
    assert text_result("a").at("2025-11-25") == {"content": [{"type": "text", "text": "a"}], "isError": False}
    assert text_result("a", is_error=True).at("2025-11-25")["isError"]
    assert structured_result({}).at("2025-06-18")["structuredContent"] == {}
    assert ToolResult((), meta={"a": 1}).at("2025-03-26") == {
        "content": [],
        "isError": False,
        "_meta": {"a": 1},
    }
