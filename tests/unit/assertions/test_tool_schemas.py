from __future__ import annotations

from typing import Any

import pytest

from pytest_mcp_http.assertions.tool_schemas import (
    UnjudgeableSchemaError,
    assert_references_resolve,
    assert_schemas_valid,
    dangling_references,
    is_default_dialect,
    misfit,
    schema_error,
)
from pytest_mcp_http.errors import RequirementViolated

EARLY, LATEST = "2025-06-18", "2026-07-28"
DRAFT_7 = "http://json-schema.org/draft-07/schema#"


def tools(*schemas: Any, member: str = "inputSchema") -> dict[str, Any]:
    listed = [{"name": f"t{number}", member: schema} for number, schema in enumerate(schemas)]
    return {"jsonrpc": "2.0", "id": 1, "result": {"tools": listed}}


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object", "additionalProperties": False},
        {"properties": {"a": True, "b": {"pattern": r"\p{L}", "format": "no-format"}}},
        {"$schema": DRAFT_7, "items": [{"type": "string"}]},
        {"$schema": "https://json-schema.org/draft-07/schema", "items": [{}]},
        {"$schema": "https://json-schema.org/draft/2020-12/schema#"},
        {"x-mcp-header": 5, "unknown": {"type": "none"}},
        {"$ref": "http://127.0.0.1:1/never-fetched"},
        {"$schema": "http://json-schema.org/draft-04/schema#", "exclusiveMinimum": True, "minimum": 1},
    ],
)
def test_valid_schemas(reply: Any, schema: Any) -> None:
    assert schema_error(schema) is None
    assert_schemas_valid(reply(tools(schema)))


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "str"}, "type: 'str'"),
        ({"required": "a"}, "required: 'a'"),
        ({"properties": {"a": {"required": True}}}, "properties.a.required: True"),
        ({"items": [{}]}, "items:"),
        ({"$schema": DRAFT_7, "required": [1]}, r"required\[0\]: 1"),
        ({"anyOf": []}, "anyOf"),
        ({"minimum": "0"}, "minimum: '0'"),
    ],
)
@pytest.mark.parametrize("member", ["inputSchema", "outputSchema"])
def test_invalid_schemas(reply: Any, schema: Any, said: str, member: str) -> None:
    with pytest.raises(RequirementViolated, match=rf"{member} of 't1': .*{said}"):
        assert_schemas_valid(reply(tools({}, schema, member=member)))


def deep() -> Any:
    schema: Any = {}
    for _ in range(5000):
        schema = {"not": schema}
    return schema


@pytest.mark.parametrize("schema", [{"$schema": "https://example.com/own"}, {"$schema": 5}])
def test_schemas_beyond_us(reply: Any, schema: Any) -> None:
    with pytest.raises(UnjudgeableSchemaError):
        assert_schemas_valid(reply(tools(schema)))
    with pytest.raises(RequirementViolated):
        assert_schemas_valid(reply(tools(schema, {"type": "str"})))
    assert_references_resolve(reply(tools(schema)))


def test_deep_schema_is_beyond_us() -> None:
    with pytest.raises(UnjudgeableSchemaError, match="deep"):
        schema_error(deep())


@pytest.mark.parametrize(
    "body", [tools(None, 5, [], "x"), tools(), {"jsonrpc": "2.0", "id": 1, "result": []}]
)
def test_what_is_no_schema_is_left_alone(reply: Any, body: Any) -> None:
    assert_schemas_valid(reply(body))
    assert_references_resolve(reply(body))


def test_references() -> None:
    schema = {
        "properties": {
            "found": {"$ref": "#/$defs/a"},
            "anchored": {"$ref": "#named"},
            "itself": {"$ref": "#"},
            "$ref": {"$ref": "#/$defs/lost"},
            "elsewhere": {"$ref": "https://example.com/schema"},
            "odd": {"$ref": 5},
        },
        "$defs": {"a": {"$anchor": "named", "items": {"$ref": "#/properties/found"}}},
        "enum": [{"$ref": "#/no-schema"}],
        "default": {"$ref": "#/no-schema"},
    }
    assert dangling_references(schema) == ["#/$defs/lost"]
    assert dangling_references({"$ref": "#/definitions/a", "definitions": {"a": True}}) == []


@pytest.mark.parametrize("reference", ["#/x/a", "#/x/7", "#/n/a", "#/%zz", "#/a~5", "#a/b"])
def test_references_that_lead_nowhere(reference: str) -> None:
    assert dangling_references({"$ref": reference, "x": [{}], "n": 5}) == [reference]


def test_reference_to_nothing(reply: Any) -> None:
    lost = {"properties": {"a": {"$ref": "#/$defs/a"}}}
    with pytest.raises(RequirementViolated, match="'#/\\$defs/a' points at nothing"):
        assert_references_resolve(reply(tools({}, lost)))
    assert_references_resolve(reply(tools({**lost, "$schema": DRAFT_7}, {**lost, "type": "str"})))


@pytest.mark.parametrize(
    ("value", "schema", "revision"),
    [
        (1.0, {"type": "integer"}, LATEST),
        ("x", {"format": "uri"}, LATEST),
        (["a"], {"items": [{"type": "string"}]}, EARLY),
        ({"a": 1}, {"dependencies": {"a": ["b"]}}, EARLY),
        ({"a": None}, {}, LATEST),
    ],
)
def test_values_that_fit(value: Any, schema: Any, revision: str) -> None:
    assert misfit(value, schema, revision) is None


@pytest.mark.parametrize(
    ("value", "schema", "revision", "said"),
    [
        (1.5, {"type": "integer"}, LATEST, "1.5 is not of type"),
        ({"a": [1]}, {"properties": {"a": {"items": {"type": "null"}}}}, EARLY, r"a\[0\]: 1"),
        ([1], {"items": [{"type": "string"}]}, EARLY, "1 is not of type"),
        ("b", {"pattern": r"^\p{Lu}"}, LATEST, "'b' does not match"),
        ({"a": 1}, {"patternProperties": {"^a": {"type": "null"}}}, LATEST, r"a: 1 is not of type"),
        ({"a": 1}, {"additionalProperties": False}, LATEST, "Additional properties"),
        ({"a": 1}, {"$schema": DRAFT_7, "dependencies": {"a": ["b"]}}, LATEST, "'b' is a dependency"),
    ],
)
def test_values_that_do_not_fit(value: Any, schema: Any, revision: str, said: str) -> None:
    import re

    assert re.search(said, misfit(value, schema, revision) or "")


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "http://127.0.0.1:1/never-fetched"},
        {"$ref": "#/$defs/lost"},
        {"pattern": "("},
        {"type": "str"},
        {"$schema": "https://example.com/own"},
        {"$ref": "#"},
        {"$ref": "#/x/a", "x": [{}]},
        {"$ref": "#/x/a", "x": 5},
    ],
)
@pytest.mark.parametrize("revision", [EARLY, LATEST])
def test_values_that_nobody_can_judge(schema: Any, revision: str) -> None:
    with pytest.raises(UnjudgeableSchemaError):
        misfit("x", schema, revision)


@pytest.mark.parametrize(
    "schema",
    [
        {"patternProperties": {"(": {}}},
        {"patternProperties": {"^b": {}}, "additionalProperties": False},
        {"patternProperties": {"^b": {}}, "unevaluatedProperties": False},
    ],
)
def test_objects_that_nobody_can_judge(schema: Any) -> None:
    with pytest.raises(UnjudgeableSchemaError):
        misfit({"a": 1}, schema, LATEST)


def test_regular_expressions_have_a_time_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pytest_mcp_http.assertions.tool_schemas.PATTERN_SECONDS", 0.05)
    slow, text = "(x+x+)+y", 2000 * "x"
    for schema, value in (({"pattern": slow}, text), ({"patternProperties": {slow: {}}}, {text: 1})):
        with pytest.raises(UnjudgeableSchemaError, match="takes too long"):
            misfit(value, schema, LATEST)


def test_default_dialect() -> None:
    assert is_default_dialect({})
    assert is_default_dialect({"$schema": "http://json-schema.org/draft/2020-12/schema#"})
    assert not is_default_dialect({"$schema": DRAFT_7})
    assert not is_default_dialect({"$schema": None})
