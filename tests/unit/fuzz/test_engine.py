"""Searching: the same values for the same seed, the simplest one that was found, nothing left behind."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

pytest.importorskip("hypothesis_jsonschema", reason="needs the extra fuzz")

from hypothesis import strategies as st

from pytest_mcp_http.fuzz.engine import Enough, search
from pytest_mcp_http.fuzz.mutation import Base, Mutation
from pytest_mcp_http.fuzz.requests import EXTRA, places
from pytest_mcp_http.fuzz.values import EACH, mutations, near_misses, values
from pytest_mcp_http.wire.jsonrpc import ABSENT

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "text": {"type": "string", "minLength": 3, "maxLength": 4},
        "code": {"type": "string", "pattern": "^[a-z]{2,5}$"},
        "count": {"type": "integer", "minimum": 1, "maximum": 9},
        "ratio": {"anyOf": [{"type": "number", "exclusiveMinimum": 0}, {"type": "null"}]},
        "kind": {"enum": ["a", "b"]},
        "items": {"type": "array", "items": {"$ref": "#/$defs/item"}, "minItems": 1},
        "unique": {"type": "array", "items": {"type": "integer"}, "uniqueItems": True},
    },
    "required": ["text", "count"],
    "$defs": {"item": {"type": "object", "properties": {"x": {"type": "number"}}, "required": ["x"]}},
}


def tried(strategy: Any, examples: int = 100, seed: int = 1) -> list[Any]:
    found: list[Any] = []
    search(strategy, lambda value: bool(found.append(value)), examples, seed)
    return found


def test_same_seed_gives_the_same_values() -> None:
    strategy = st.integers() | st.lists(st.sampled_from("abc"))
    first = tried(strategy)
    assert len(first) == 100
    assert tried(strategy) == first
    assert tried(strategy, seed=2) != first


def test_constants_of_the_project_have_no_influence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    before = tried(st.integers(), 300)
    (tmp_path / "project.py").write_text("NUMBERS = [" + ", ".join(str(n) for n in range(1000, 1500)) + "]")
    monkeypatch.syspath_prepend(tmp_path)
    __import__("project")
    assert tried(st.integers(), 300) == before
    del sys.modules["project"]


def test_the_last_one_found_is_the_simplest() -> None:
    found: list[int] = []

    def is_large(value: int) -> bool:
        if value > 1000:
            found.append(value)
        return value > 1000

    search(st.integers(0, 10**9), is_large, 100, 1)
    assert found[-1] == 1001


def test_enough_ends_a_search() -> None:
    count = 0

    def stop(_: int) -> bool:
        nonlocal count
        count += 1
        if count == 5:
            raise Enough
        return False

    search(st.integers(), stop, 100, 1)
    assert count == 5


def test_what_is_found_once_only_ends_a_search_quietly() -> None:
    seen: list[int] = []
    search(st.integers(), lambda value: len(seen) == 3 or bool(seen.append(value)), 100, 1)
    assert len(seen) == 3


def test_nothing_is_left_in_the_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    tried(values(SCHEMA, SCHEMA))
    assert not list(tmp_path.iterdir())


def test_values_fit_their_schema() -> None:
    found = tried(values(SCHEMA, SCHEMA), 200)
    validator = jsonschema.Draft202012Validator(SCHEMA)
    assert all(validator.is_valid(value) for value in found)
    assert all(any(name in value for value in found) for name in SCHEMA["properties"])


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#/nowhere"},
        {"$ref": "https://elsewhere.example/schema"},
        {"type": "string", "pattern": "("},
        {"type": "object", "required": 5, "properties": []},
        {"type": "integer", "minimum": "many"},
        {"minLength": -1, "type": "string"},
        {"type": "nonsense"},
        {"allOf": [{"type": "object", "required": ["a"]}]},
        True,
        5,
    ],
)
def test_odd_schemas_get_values_all_the_same(schema: Any) -> None:
    assert tried(values(schema, schema), 5)
    list(near_misses(schema))


def test_recursive_schemas_end() -> None:
    schema = {"type": "object", "properties": {"next": {"$ref": "#"}}, "required": ["next"]}
    assert tried(values(schema, schema), 5)


def test_requests_of_the_protocol_have_one_node_changed() -> None:
    base = Base("prompts/get x", {"jsonrpc": "2.0", "method": "prompts/get", "params": {"name": "x"}})
    found: list[Mutation] = tried(mutations([base]), 300)
    whole = base.with_id(1)
    assert all(each.message(1) != whole or each.of_id for each in found)
    pointers = {each.pointer for each in found}
    assert pointers >= {"", "/jsonrpc", "/id", "/method", "/params", "/params/name", f"/params/{EXTRA}"}
    assert any(each.after is ABSENT for each in found)
    assert all(any(each.after is odd or each.after == odd for each in found) for odd in EACH)


def test_calls_of_tools_have_their_arguments_changed_only() -> None:
    call = {"name": "t", "arguments": {"text": "xyz", "count": 1}}
    base = Base(
        "tools/call t",
        {"jsonrpc": "2.0", "method": "tools/call", "params": call},
        tool={"name": "t", "inputSchema": SCHEMA},
    )
    assert all(node.path[:2] == ("params", "arguments") for node in places(base)["member"])
    for mutation in tried(mutations([base]), 200):
        message = mutation.message(1)
        assert message["method"] == "tools/call"
        assert message["params"]["name"] == "t"
