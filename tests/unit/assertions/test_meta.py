from __future__ import annotations

from typing import Any

import pytest

from pytest_mcp_http.assertions.meta import (
    assert_meta_keys_valid,
    assert_meta_prefixes_free,
    assert_meta_prefixes_reverse_dns,
    is_reserved,
    meta_keys,
)
from pytest_mcp_http.errors import RequirementViolated


def answer(meta: dict[str, Any], **members: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "result": {"_meta": meta, **members}}


@pytest.mark.parametrize(
    "key",
    [
        "rank",
        "a.b_c-d",
        "",
        "com.example/",
        "com.example/rank",
        "x/y",
        "a1.b-2/c",
        "com.example.mcp/rank",
        "9",
    ],
)
def test_valid_keys(reply: Any, key: str) -> None:
    assert_meta_keys_valid(reply(answer({key: 1})))


@pytest.mark.parametrize(
    "key",
    [
        "_x",
        "x_",
        "a/b/c",
        "/x",
        "com..example/x",
        "1com/x",
        "com-/x",
        "com.1e/x",
        "a b",
        "ü",
        "x\n",
        "com.example./x",
    ],
)
def test_keys_that_break_the_grammar(reply: Any, key: str) -> None:
    with pytest.raises(RequirementViolated) as caught:
        assert_meta_keys_valid(reply(answer({key: 1})))
    assert repr(key) in caught.value.actual
    assert "result._meta" in caught.value.actual


def test_keys_are_found_wherever_mcp_has_them_and_nowhere_else(reply: Any) -> None:
    schema = {"properties": {"_meta": {"in schema": 1}}, "_meta": {"in schema": 1}}
    tools = [
        {
            "name": "t",
            "inputSchema": schema,
            "outputSchema": schema,
            "_meta": {"tool": {"_meta": {"deep": 1}}},
        }
    ]
    other = {"structuredContent": {"_meta": {"free": 1}}, "content": [{"_meta": {"content": 1}}]}
    message = {
        "jsonrpc": "2.0",
        "method": "notifications/message",
        "params": {"_meta": {"n": 1}, "data": {"_meta": {"d": 1}}},
    }
    exchange = reply(message, answer({"result": 1}, tools=tools, **other), stream=True)
    assert [(found.key, found.path) for found in meta_keys(exchange)] == [
        ("n", "params._meta"),
        ("result", "result._meta"),
        ("tool", "result.tools[0]._meta"),
        ("content", "result.content[0]._meta"),
    ]


@pytest.mark.parametrize(
    ("prefix", "early", "late"),
    [
        ("modelcontextprotocol.io", True, False),
        ("tools.mcp.com", True, True),
        ("mcp.dev", True, False),
        ("com.example.mcp.tools", True, False),
        ("io.modelcontextprotocol", False, True),
        ("dev.mcp", False, True),
        ("com.mcp.tools", True, True),
        ("com.example.mcp", False, False),
        ("mcp", False, False),
        ("com.example", False, False),
    ],
)
def test_reserved_prefixes_by_revision(prefix: str, early: bool, late: bool) -> None:
    labels = tuple(prefix.split("."))
    assert is_reserved(labels, "2025-06-18") is early
    assert is_reserved(labels, "2025-11-25") is late


def test_reserved_prefix_is_refused_unless_mcp_defines_the_key(reply: Any) -> None:
    assert_meta_prefixes_free(reply(answer({"io.modelcontextprotocol/related-task": {}})), "2025-11-25")
    with pytest.raises(RequirementViolated, match="reserved for MCP"):
        assert_meta_prefixes_free(reply(answer({"io.modelcontextprotocol/rank": 1})), "2025-11-25")


@pytest.mark.parametrize(
    "key", ["rank", "com.example/x", "org.example/x", "de.example/x", "ui/x", "dev.mcp/x", "brand.part/x"]
)
def test_prefixes_that_may_be_reverse_dns(reply: Any, key: str) -> None:
    assert_meta_prefixes_reverse_dns(reply(answer({key: 1})), "2025-11-25")


@pytest.mark.parametrize("key", ["example.com/x", "api.example.org/x", "EXAMPLE.COM/x", "vendor/x"])
def test_prefixes_that_are_not_reverse_dns(reply: Any, key: str) -> None:
    with pytest.raises(RequirementViolated, match="the key"):
        assert_meta_prefixes_reverse_dns(reply(answer({key: 1})), "2025-11-25")
