"""Answers to what servers ask for: valid for every form that a server may send, and no error of ours."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest

from pytest_mcp_http.suite._answers import answer, content, malformed, sampled, tool_uses, wrong_content

FIELDS: dict[str, Any] = {
    "text": {"type": "string"},
    "short": {"type": "string", "maxLength": 3},
    "long": {"type": "string", "minLength": 40},
    "mail": {"type": "string", "format": "email"},
    "day": {"type": "string", "format": "date"},
    "age": {"type": "integer", "minimum": 18, "maximum": 99},
    "debt": {"type": "number", "maximum": -0.5},
    "yes": {"type": "boolean"},
    "preset": {"type": "string", "default": "preset", "enum": ["other", "preset"]},
    "one": {"type": "string", "enum": ["red", "green"]},
    "titled": {"type": "string", "oneOf": [{"const": "#f00", "title": "Red"}]},
    "some": {"type": "array", "minItems": 2, "items": {"type": "string", "enum": ["a", "b", "c"]}},
    "titles": {"type": "array", "items": {"anyOf": [{"const": "a", "title": "A"}]}},
}
SCHEMA: dict[str, Any] = {"type": "object", "properties": FIELDS}


def elicitation(**params: Any) -> dict[str, Any]:
    return {"method": "elicitation/create", "params": {"message": "x", **params}}


def test_content_fits_the_schema() -> None:
    found = content(SCHEMA)
    assert found.keys() == FIELDS.keys()
    jsonschema.validate(found, SCHEMA)


def test_only_required_fields_are_filled() -> None:
    assert content({**SCHEMA, "required": ["yes", "one"]}) == {"yes": False, "one": "red"}


@pytest.mark.parametrize(
    "schema",
    [
        None,
        5,
        {},
        {"properties": []},
        {"properties": {"a": 5, "b": {"type": []}, "c": {"enum": []}, "d": {"oneOf": 5}}},
        {"properties": {"a": {"type": "array"}, "b": {"type": "array", "items": 5, "minItems": "x"}}},
        {"properties": {"a": {"type": "string", "minLength": 10**12, "maxLength": -1, "format": []}}},
        {"properties": {"a": {"type": "number", "minimum": "x"}}, "required": ["a", 5, "unknown"]},
        {"properties": {}, "required": 5},
    ],
)
def test_odd_schemas_are_no_error_of_ours(schema: Any) -> None:
    assert isinstance(content(schema), dict)


def test_answers_by_kind() -> None:
    assert answer(elicitation(requestedSchema=SCHEMA))["action"] == "accept"  # type: ignore[index]
    assert answer(elicitation(mode="form"))["content"] == {}  # type: ignore[index]
    assert answer({"method": "roots/list"})["roots"][0]["uri"].startswith("file://")  # type: ignore[index]
    assert answer({"method": "sampling/createMessage"})["role"] == "assistant"  # type: ignore[index]


@pytest.mark.parametrize(
    "request_",
    [
        elicitation(mode="url", url="https://example.com"),
        elicitation(mode=["form"]),
        {"method": "elicitation/create"},
        {"method": "ping"},
        {"method": []},
        {},
    ],
)
def test_what_takes_a_user_has_no_answer(request_: Any) -> None:
    assert answer(request_) is None


def test_malformed_answers_have_the_wrong_types() -> None:
    for method in ("elicitation/create", "roots/list", "sampling/createMessage"):
        good, bad = answer({"method": method, "params": {}}), malformed({"method": method})
        assert isinstance(good, dict)
        assert isinstance(bad, dict)
        assert all(type(bad[name]) is not type(good[name]) for name in bad)


@pytest.mark.parametrize("name", FIELDS)
def test_wrong_content_fits_no_field(name: str) -> None:
    schema = {"type": "object", "properties": {name: FIELDS[name]}}
    found = wrong_content(schema)
    assert list(found) == [name]
    assert not jsonschema.Draft202012Validator(schema).is_valid(found)


@pytest.mark.parametrize("schema", [None, {}, {"properties": []}, {"properties": {}}])
def test_forms_without_fields_cannot_be_wrong(schema: Any) -> None:
    assert wrong_content(schema) == {}


@pytest.mark.parametrize("tools", [[], [5], 5, [{"name": "a"}], [{"name": "a", "inputSchema": 5}]])
def test_tools_are_used_whatever_they_are(tools: Any) -> None:
    found = tool_uses({"tools": tools}, ("u", "v"))
    assert found["stopReason"] == "toolUse"
    assert [each["id"] for each in found["content"]] == ["u", "v"]  # type: ignore[attr-defined]


def test_a_sampled_message_holds_what_it_is_told() -> None:
    assert sampled({"type": "text"})["content"] == {"type": "text"}
