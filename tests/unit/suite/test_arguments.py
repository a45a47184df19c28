from __future__ import annotations

import jsonschema
import pytest

from pytest_mcp_http.suite._arguments import MAX_BOUND, TEXT, example


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "string"}, TEXT),
        ({"type": "string", "maxLength": 3}, TEXT[:3]),
        ({"type": "string", "minLength": 20}, TEXT + "xxx"),
        ({"type": "string", "default": "us"}, "us"),
        ({"type": "string", "default": None, "examples": ["eu"]}, "eu"),
        ({"type": "string", "default": 5}, TEXT),
        ({"type": "integer", "default": True}, 1),
        ({"type": "string", "pattern": "^[A-Z]$", "examples": ["A"]}, "A"),
        ({"type": "string", "enum": [None, "a", "b"]}, "a"),
        ({"const": 7}, 7),
        ({"type": "integer"}, 1),
        ({"type": "integer", "minimum": 10, "maximum": 20}, 10),
        ({"type": "integer", "maximum": -3}, -3),
        ({"type": "integer", "exclusiveMinimum": 5, "exclusiveMaximum": 7}, 6),
        ({"type": "integer", "minimum": 1.5, "maximum": 2.5}, 2),
        ({"type": "integer", "minimum": 10**400}, 1),
        ({"type": "number", "minimum": 0}, 1),
        ({"type": "boolean"}, False),
        ({"type": "array"}, []),
        ({"type": "array", "minItems": 2, "items": {"type": "integer"}}, [1, 1]),
        ({"type": "object"}, {}),
        ({"type": ["null", "integer"]}, 1),
        ({"anyOf": [{"type": "null"}, {"type": "string", "format": "uri"}, {"type": "integer"}]}, 1),
        ({"properties": {"a": {"type": "string"}}, "required": ["a"]}, {"a": TEXT}),
        (
            {
                "type": "object",
                "properties": {
                    "options": {
                        "type": "object",
                        "properties": {"tenant": {"type": "string"}, "more": {"type": "string"}},
                        "required": ["tenant"],
                    },
                    "optional": {"$ref": "#/nowhere"},
                },
                "required": ["options"],
            },
            {"options": {"tenant": TEXT}},
        ),
        (True, TEXT),
        ({}, TEXT),
    ],
)
def test_simple_schemas_get_a_value(schema, value):
    found = example(schema)
    assert found == value
    assert type(found) is type(value)
    if not (isinstance(schema, dict) and schema.get("minimum") == 10**400):
        jsonschema.Draft202012Validator(schema).validate(found)


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": "^[A-Z]$"},
        {"type": "string", "format": "date"},
        {"type": "string", "minLength": 5, "maxLength": 4},
        {"type": "string", "minLength": 10**6},
        {"type": "string", "enum": []},
        {"type": "string", "enum": [1]},
        {"type": "integer", "minimum": 5, "maximum": 4},
        {"type": "integer", "minimum": 1.2, "maximum": 1.8},
        {"type": "integer", "multipleOf": 7},
        {"type": "array", "minItems": 10**9},
        {"type": "array", "minItems": 1, "items": {"$ref": "#/nowhere"}},
        {"type": "array", "minItems": 2, "uniqueItems": True},
        {"type": "null"},
        {"type": "date"},
        {"type": ["null"]},
        {"type": {}},
        {"type": "object", "required": ["a"], "properties": {"a": {"type": "null"}}},
        {"type": "object", "required": [5]},
        {"type": "object", "minProperties": 1},
        {"anyOf": []},
        {"oneOf": [{"type": "string"}]},
        {"$ref": "#/$defs/A", "$defs": {"A": {"type": "string"}}},
        False,
        None,
        "string",
        [],
    ],
)
def test_what_is_not_simple_gets_none(schema):
    assert example(schema) is None


def test_odd_members_are_as_good_as_none():
    schema = {
        "type": "object",
        "properties": [],
        "required": "a",
        "examples": "x",
        "minProperties": 0,
    }
    assert example({**schema, "minProperties": 0}) is None
    del schema["minProperties"]
    assert example(schema) == {}
    assert example({"type": "string", "minLength": "5", "maxLength": None}) == TEXT
    assert example({"type": "integer", "minimum": float("nan"), "maximum": True}) == 1
    assert example({"type": "string", "minLength": float("inf")}) == TEXT
    assert example({"type": "integer", "minimum": MAX_BOUND * 10}) == 1


def test_deep_schemas_end():
    deep = {"type": "string"}
    for _ in range(2000):
        deep = {"type": "object", "properties": {"a": deep}, "required": ["a"]}
    assert example(deep) is None
