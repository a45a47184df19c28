"""Changed requests: what they hold, how they are described, and that they are harmless."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_mcp_http.fuzz.mutation import (
    Base,
    Mutation,
    Node,
    Path,
    is_harmless,
    is_request,
    nodes,
    portable,
    replaced,
    shown,
    wellformed,
)
from pytest_mcp_http.visit import UNKNOWN_NAME
from pytest_mcp_http.wire.jsonrpc import ABSENT

BASE = Base(
    "prompts/get x", {"jsonrpc": "2.0", "method": "prompts/get", "params": {"name": "x", "a/b": [1, 2]}}
)


@pytest.mark.parametrize(
    ("path", "new", "expected"),
    [
        ((), 5, 5),
        (("b",), 5, {"a": [1, {"c": 2}], "b": 5}),
        (("a", 0), 5, {"a": [5, {"c": 2}], "b": 3}),
        (("a", 1, "c"), None, {"a": [1, {"c": None}], "b": 3}),
        (("a", 1, "d"), 5, {"a": [1, {"c": 2, "d": 5}], "b": 3}),
        (("b",), ABSENT, {"a": [1, {"c": 2}]}),
        (("z",), ABSENT, {"a": [1, {"c": 2}], "b": 3}),
    ],
)
def test_one_node_is_replaced(path: Path, new: Any, expected: Any) -> None:
    value = {"a": [1, {"c": 2}], "b": 3}
    assert replaced(value, path, new) == expected
    assert value == {"a": [1, {"c": 2}], "b": 3}


def test_members_keep_their_order() -> None:
    assert list(replaced({"a": 1, "b": 2, "c": 3}, ("b",), 5)) == ["a", "b", "c"]
    assert list(Mutation(Node(BASE, ("params", "name"), "x"), 5).message(7)) == [
        "jsonrpc",
        "id",
        "method",
        "params",
    ]


def test_every_node_is_found() -> None:
    assert dict(nodes({"a": [1, {"b": None}]})) == {
        ("a",): [1, {"b": None}],
        ("a", 0): 1,
        ("a", 1): {"b": None},
        ("a", 1, "b"): None,
    }


@pytest.mark.parametrize(
    ("path", "before", "after", "expected"),
    [
        (("params", "name"), "x", "\x00", '/params/name changed from "x" to "\\u0000"'),
        (("params", "a/b", 1), 2, None, "/params/a~1b/1 changed from 2 to null"),
        (("params", "name"), "x", ABSENT, '/params/name left out (was "x")'),
        (("params", "extra"), ABSENT, 1, "/params/extra added with 1"),
        (("id",), 0, "", '/id changed to ""'),
        ((), {}, None, "the whole message replaced by null"),
    ],
)
def test_a_change_is_described(path: Path, before: Any, after: Any, expected: str) -> None:
    assert str(Mutation(Node(BASE, path, before), after)) == expected


def test_long_values_are_cut() -> None:
    assert shown("x" * 5000) == '"' + "x" * 79 + "... (4,922 more characters)"


@pytest.mark.parametrize(
    "message",
    [
        {"method": "tools/call", "params": {"name": "destroy"}},
        {"method": "Tools/Call", "params": {"name": "destroy"}},
        {"method": " tools/call\x00", "params": {"name": "destroy"}},
        {"method": "ｔools/call", "params": {"name": "destroy"}},  # noqa: RUF001 - folded by lenient servers
        {"method": "tools/call", "params": {"name": ""}},
        {"method": "tools/call", "params": {"name": 0}},
        {"method": "tools/call", "params": {"name": True}},
        {"method": "tools/call", "params": {"name": ["destroy"]}},
        {"method": "tools/call", "params": {"name": {"value": "destroy"}}},
        [{"method": "tools/call", "params": {"name": "destroy"}}],
    ],
)
def test_what_could_run_a_tool_is_not_sent(message: Any) -> None:
    assert not is_harmless(message, {"read"})


@pytest.mark.parametrize(
    "message",
    [
        {"method": "tools/call", "params": {"name": "read"}},
        {"method": "tools/call", "params": {"name": UNKNOWN_NAME}},
        {"method": "tools/call", "params": {"name": None}},
        {"method": "tools/call", "params": {"name": {}}},
        {"method": "tools/call", "params": {}},
        {"method": "tools/call", "params": ["destroy"]},
        {"method": "tools/call"},
        {"method": "prompts/get", "params": {"name": "destroy"}},
        {"method": 5},
        None,
        "tools/call",
    ],
)
def test_what_can_run_nothing_is_sent(message: Any) -> None:
    assert is_harmless(message, {"read"})


def test_readers_may_refuse_some_json() -> None:
    deep: Any = []
    for _ in range(32):
        deep = [deep]
    assert portable({"a": ["\x00", "é", 10**30, 1e308]})
    assert not portable({"a": ["x\ud800"]})
    assert not portable({"\udfff": 1})
    assert portable(deep[0])
    assert not portable([deep])


def test_messages_are_told_apart() -> None:
    request = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
    assert is_request(request)
    assert wellformed({"jsonrpc": "2.0", "method": "ping"})
    assert not is_request({"jsonrpc": "2.0", "method": "ping"})
    for broken in ({**request, "id": None}, {**request, "params": []}, {**request, "jsonrpc": 2.0}, None, {}):
        assert not wellformed(broken)
