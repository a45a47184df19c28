from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from pytest_mcp_http.suite._tool_calls import CallableTool
from pytest_mcp_http.suite._tool_inputs import _simply_wrong, _wrong_by_composition


def tool(schema: Any, **arguments: Any) -> CallableTool:
    return CallableTool({"name": "t", "inputSchema": schema}, arguments)


def of(kind: Any, **more: Any) -> dict[str, Any]:
    return {"type": "object", "properties": {"a": {"type": kind, **more}}, "required": ["a"]}


@pytest.mark.parametrize("kind", ["string", "integer", "number", "boolean", "array", "object"])
def test_one_argument_of_another_type_and_none(kind: str) -> None:
    schema = {**of(kind), "additionalProperties": False}
    found = list(_simply_wrong(tool(schema, a="given", b=1)))
    assert [what for what, _ in found] == [f"an argument 'a' that is no {kind}", "no argument 'a'"]
    for _, arguments in found:
        assert arguments["b"] == 1
        assert not jsonschema.Draft202012Validator(of(kind)).is_valid(arguments)


@pytest.mark.parametrize(
    ("schema", "arguments"),
    [
        ({"type": "object"}, {}),
        ({"type": "object", "properties": {"a": {"type": "string"}}}, {"a": "x"}),
        (of("string", **{"x-mcp-header": "A"}), {"a": "x"}),
        ({"required": "a", "properties": 5}, {}),
        (None, {}),
        (True, {}),
    ],
)
def test_nothing_that_is_simply_wrong(schema: Any, arguments: Any) -> None:
    assert list(_simply_wrong(tool(schema, **arguments))) == []


@pytest.mark.parametrize("kind", [None, ["string", "null"], "prose", {}])
def test_types_that_are_not_simple_are_only_left_out(kind: Any) -> None:
    assert [what for what, _ in _simply_wrong(tool(of(kind), a="x"))] == ["no argument 'a'"]


@pytest.mark.parametrize(
    ("schema", "arguments"),
    [
        ({"properties": {"a": {"anyOf": [{"type": "string"}, {"type": "null"}]}}}, {"a": "x"}),
        (
            {
                "properties": {"a": {"$ref": "#/$defs/a"}},
                "$defs": {"a": {"type": "object", "required": ["b"]}},
            },
            {},
        ),
        ({"properties": {"a": {}}, "allOf": [{"anyOf": [{"required": ["a"]}]}]}, {"a": 1}),
        ({"properties": {"a": {}, "b": {}}, "dependentRequired": {"a": ["b"]}}, {"a": 1, "b": 1}),
        (
            {"properties": {"a": {}, "b": {}}, "if": {"required": ["a"]}, "then": {"required": ["b"]}},
            {"a": 1, "b": 1},
        ),
        ({"properties": {"a": {"const": "x"}}}, {"a": "x"}),
    ],
)
def test_arguments_that_only_composition_forbids(schema: Any, arguments: Any) -> None:
    judge = jsonschema.Draft202012Validator(schema)
    assert judge.is_valid(arguments)
    found = list(_wrong_by_composition(tool(schema, **arguments)))
    assert found
    assert not any(judge.is_valid(wrong) for _, wrong in found)


@pytest.mark.parametrize(
    ("schema", "arguments"),
    [
        (of("string"), {"a": "x"}),
        ({"properties": {"a": {"anyOf": [{"type": "string"}, True]}}}, {"a": "x"}),
        (
            {
                "properties": {"a": {"anyOf": [{"type": "string"}]}},
                "$schema": "http://json-schema.org/draft-07/schema#",
            },
            {"a": "x"},
        ),
        ({"properties": {"a": {"$ref": "https://example.com/a"}}}, {"a": "x"}),
        ({"properties": {"a": {"anyOf": [{"type": "string"}], "x-mcp-header": "A"}}}, {"a": "x"}),
        ({"properties": {"a": {"anyOf": 5}}}, {"a": "x"}),
        (None, {}),
    ],
)
def test_nothing_that_composition_forbids(schema: Any, arguments: Any) -> None:
    assert list(_wrong_by_composition(tool(schema, **arguments))) == []
