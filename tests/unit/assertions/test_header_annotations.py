from __future__ import annotations

from typing import Any

import pytest

from pytest_mcp_http.assertions.header_annotations import (
    Annotation,
    annotated_tools,
    assert_header_annotations_reachable,
    assert_header_integers_safe,
    assert_header_names_are_tokens,
    assert_header_names_not_empty,
    assert_header_names_unique,
    assert_header_types_primitive,
    assert_no_secrets_mirrored,
    header_annotations,
    possible_types,
)
from pytest_mcp_http.errors import RequirementViolated

ALL = (
    assert_header_annotations_reachable,
    assert_header_integers_safe,
    assert_header_names_are_tokens,
    assert_header_names_not_empty,
    assert_header_names_unique,
    assert_header_types_primitive,
    assert_no_secrets_mirrored,
)


def mark(name: Any = "Name", **keywords: Any) -> dict[str, Any]:
    return {"type": "string", **keywords, "x-mcp-header": name}


@pytest.fixture
def listed(reply: Any) -> Any:
    """Return a function: properties of one tool to the response that lists it."""

    def make(properties: Any = None, **keywords: Any) -> Any:
        schema = {"type": "object", "properties": properties or {}, **keywords}
        tools = [{"name": "first", "inputSchema": {"type": "object"}}, {"name": "t", "inputSchema": schema}]
        return reply({"jsonrpc": "2.0", "id": 1, "result": {"tools": tools}})

    return make


def test_good_annotations_pass(listed: Any) -> None:
    exchange = listed(
        {
            "region": mark("Region"),
            "priority": mark("Priority", type="integer", minimum=-(2**53) + 1, maximum=2**53 - 1),
            "dry": mark("Dry-Run", type="boolean"),
            "options": {"type": "object", "properties": {"tenant": mark("!#$%&'*+-.^_`|~9a")}},
        }
    )
    for judge in ALL:
        assert judge(exchange) is exchange


def test_every_place_of_a_schema_is_looked_at() -> None:
    schema = {
        "properties": {"a": mark("1"), "b": {"properties": {"c": mark("2")}}},
        "items": mark("3"),
        "prefixItems": [mark("4")],
        "anyOf": [{"properties": {"d": mark("5")}}],
        "$defs": {"E": mark("6")},
        "not": mark("7"),
        "additionalProperties": mark("8"),
        "x-mcp-header": "0",
    }
    found = {each.value: (each.where, each.path) for each in header_annotations(schema)}
    assert found == {
        "0": ("", None),
        "1": ("properties.a", ("a",)),
        "2": ("properties.b.properties.c", ("b", "c")),
        "3": ("items", None),
        "4": ("prefixItems[0]", None),
        "5": ("anyOf[0].properties.d", None),
        "6": ("$defs.E", None),
        "7": ("not", None),
        "8": ("additionalProperties", None),
    }


def test_data_annotates_nothing() -> None:
    data = {"x-mcp-header": ""}
    schema = {
        "properties": {"x-mcp-header": {"type": "string"}},
        "default": data,
        "const": data,
        "enum": [data],
        "examples": [data],
        "vendor": data,
    }
    assert header_annotations(schema) == []


@pytest.mark.parametrize("schema", [None, [], 5, {"properties": []}, {"items": 5, "anyOf": {}, "$defs": []}])
def test_odd_schemas_have_no_annotations(schema: Any) -> None:
    assert header_annotations(schema) == []


def test_deep_schemas_are_read_to_the_end() -> None:
    schema: dict[str, Any] = mark("Deep")
    for _ in range(5000):
        schema = {"properties": {"a": schema}}
    assert len(header_annotations(schema)) == 1


def test_tools_are_read_whatever_they_are(reply: Any) -> None:
    for result in (None, [], {"tools": {}}, {"tools": [5, {}, {"name": 5, "inputSchema": []}]}):
        assert annotated_tools(reply({"jsonrpc": "2.0", "id": 1, "result": result})) == []
    assert annotated_tools(reply(status=None)) == []


@pytest.mark.parametrize(
    ("judge", "properties", "told"),
    [
        (assert_header_names_not_empty, {"a": mark("")}, "t: properties.a has an empty x-mcp-header"),
        (
            assert_header_names_are_tokens,
            {"a": mark("My Name")},
            "t: properties.a has the x-mcp-header 'My Name'",
        ),
        (assert_header_names_are_tokens, {"a": mark("A\r\nB")}, r"'A\\r\\nB'"),
        (assert_header_names_are_tokens, {"a": mark("Région")}, "x-mcp-header"),
        (assert_header_names_are_tokens, {"a": mark("Name\n")}, "x-mcp-header"),
        (assert_header_names_are_tokens, {"a": mark(None)}, "x-mcp-header None"),
        (assert_header_names_unique, {"a": mark("Name"), "b": mark("NAME")}, "properties.a and properties.b"),
        (assert_header_types_primitive, {"a": mark(type="number")}, "may be number"),
        (assert_header_types_primitive, {"a": mark(type=["object", "string"])}, "may be object or string"),
        (assert_header_types_primitive, {"a": mark(type="null")}, "may be null"),
        (assert_header_types_primitive, {"a": {"enum": [1, 2.5], "x-mcp-header": "A"}}, "integer or number"),
        (
            assert_header_integers_safe,
            {"a": mark(type="integer", default=2**53)},
            "default has 9007199254740992",
        ),
        (assert_header_integers_safe, {"a": mark(type="integer", enum=[0, -(2**60)])}, "enum has"),
        (assert_header_annotations_reachable, {"a": {"items": mark()}}, r"t: properties.a.items has"),
        (assert_no_secrets_mirrored, {"apiKey": mark()}, "properties.apiKey is mirrored"),
        (assert_no_secrets_mirrored, {"a": mark("X-Auth-Token")}, "mirrored"),
        (assert_no_secrets_mirrored, {"a": mark(format="password")}, "mirrored"),
    ],
)
def test_bad_annotations_are_told(listed: Any, judge: Any, properties: Any, told: str) -> None:
    with pytest.raises(RequirementViolated, match=told) as caught:
        judge(listed(properties))
    assert not caught.value.note


def test_an_annotated_schema_is_told(listed: Any) -> None:
    with pytest.raises(RequirementViolated, match="t: the schema itself has an x-mcp-header"):
        assert_header_annotations_reachable(listed(**{"x-mcp-header": "All"}))


@pytest.mark.parametrize(
    ("judge", "properties"),
    [
        (assert_header_types_primitive, {"a": mark(type=["string", "null"])}),
        (assert_header_types_primitive, {"a": {"$ref": "#/$defs/A", "x-mcp-header": "A"}}),
        (assert_header_types_primitive, {"a": mark(type={})}),
        (assert_header_integers_safe, {"a": mark(type="integer", maximum=2**63 - 1)}),
    ],
)
def test_what_is_left_open_is_noted(listed: Any, judge: Any, properties: Any) -> None:
    with pytest.raises(RequirementViolated) as caught:
        judge(listed(properties))
    assert caught.value.note


def test_a_violation_counts_more_than_a_note(listed: Any) -> None:
    with pytest.raises(RequirementViolated, match="may be number") as caught:
        assert_header_types_primitive(listed({"a": mark("A", type=[]), "b": mark("B", type="number")}))
    assert not caught.value.note
    with pytest.raises(RequirementViolated, match="default") as caught:
        assert_header_integers_safe(
            listed(
                {
                    "a": mark("A", type="integer", maximum=2**63),
                    "b": mark("B", type="integer", default=2**63),
                }
            )
        )
    assert not caught.value.note


@pytest.mark.parametrize(
    ("name", "schema"),
    [
        ("secret_name", {}),
        ("max_tokens", {}),
        ("page_token", {}),
        ("key", {}),
        ("row_key", {}),
        ("has_password", {"type": "boolean"}),
    ],
)
def test_names_that_only_sound_like_secrets_pass(listed: Any, name: str, schema: Any) -> None:
    assert_no_secrets_mirrored(listed({name: mark(**schema)}))


@pytest.mark.parametrize("judge", ALL)
def test_each_mistake_is_told_by_its_own_assertion_alone(listed: Any, judge: Any) -> None:
    exchange = listed({"a": {"items": mark("", type="object")}})
    if judge in (assert_header_annotations_reachable, assert_header_names_not_empty):
        with pytest.raises(RequirementViolated):
            judge(exchange)
    else:
        judge(exchange)


@pytest.mark.parametrize(
    ("schema", "types"),
    [
        ({"type": "string"}, {"string"}),
        ({"type": ["string", 5]}, {"string"}),
        ({"enum": [1, 1.0, "a", None]}, {"integer", "string", "null"}),
        ({"const": True}, {"boolean"}),
        ({"anyOf": [{"type": "string"}, {"oneOf": [{"type": "null"}]}]}, {"string", "null"}),
        ({}, set()),
        (5, set()),
    ],
)
def test_types_are_read_where_they_are_named(schema: Any, types: set[str]) -> None:
    assert possible_types(schema) == types


def test_valid_annotations_know_it() -> None:
    good = Annotation("Name", mark(), "properties.a", ("a",))
    assert good.is_valid
    assert not Annotation("", mark(), "properties.a", ("a",)).is_valid
    assert not Annotation(None, mark(), "properties.a", ("a",)).is_valid
    assert not Annotation("Name", mark(type="number"), "properties.a", ("a",)).is_valid
    assert not Annotation("Name", mark(type=["string"]), "properties.a", ("a",)).is_valid
    assert not Annotation("Name", mark(), "items", None).is_valid
