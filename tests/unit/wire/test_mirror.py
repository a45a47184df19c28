from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_mcp_http.wire.mirror import (
    annotated,
    as_text,
    decode_value,
    encode_value,
    mirrored,
    sentinel,
    value_at,
)

SCHEMA = {
    "type": "object",
    "properties": {
        "region": {"type": "string", "x-mcp-header": "Region"},
        "priority": {"type": "integer", "x-mcp-header": "Priority"},
        "dry": {"type": "boolean", "x-mcp-header": "Dry"},
        "options": {"type": "object", "properties": {"tenant": {"type": "string", "x-mcp-header": "Tenant"}}},
        "rows": {"type": "array", "items": {"properties": {"x": {"type": "string", "x-mcp-header": "Row"}}}},
    },
}


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("us-west1", "us-west1"),
        ("a b\tc", "a b\tc"),
        ("", ""),
        ("Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?="),
        (" padded ", "=?base64?IHBhZGRlZCA=?="),
        ("line1\nline2", "=?base64?bGluZTEKbGluZTI=?="),
        ("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
        ("=?base64?half", "=?base64?half"),
    ],
)
def test_values_are_written_as_the_specification_shows(value, written):
    assert encode_value(value) == written
    assert decode_value(written) == value


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_every_text_survives(value):
    assert decode_value(encode_value(value)) == value
    assert decode_value(sentinel(value)) == value
    assert encode_value(value).isascii()
    assert encode_value(value) == encode_value(value).strip()


@pytest.mark.parametrize("value", ["=?base64?SGVs!?=", "=?base64?/w==?=", "=?base64?abc?="])
def test_a_sentinel_without_base64_of_utf8_is_none(value):
    assert decode_value(value) is None


def test_only_the_exact_sentinel_is_decoded():
    assert decode_value("=?BASE64?SGVsbG8=?=") == "=?BASE64?SGVsbG8=?="


@pytest.mark.parametrize(
    ("message", "headers"),
    [
        ({"method": "tools/list", "params": {}}, {"Mcp-Method": "tools/list"}),
        ({"method": "notifications/x"}, {"Mcp-Method": "notifications/x"}),
        (
            {"method": "prompts/get", "params": {"name": "näme"}},
            {"Mcp-Method": "prompts/get", "Mcp-Name": "=?base64?bsOkbWU=?="},
        ),
        (
            {"method": "resources/read", "params": {"uri": "a://b", "name": "no"}},
            {"Mcp-Method": "resources/read", "Mcp-Name": "a://b"},
        ),
        ({"method": "tools/call", "params": {"name": {}}}, {"Mcp-Method": "tools/call"}),
        ({"method": "tools/call"}, {"Mcp-Method": "tools/call"}),
        ({"method": "grüße"}, {}),
        ({"method": "a\nb"}, {}),
        ({"method": ""}, {}),
        ({"method": 5}, {}),
        ({"result": {}}, {}),
        ([{"method": "ping"}], {}),
        (b'{"method":"ping"}', {}),
        (None, {}),
    ],
)
def test_what_is_repeated_of_a_message(message, headers):
    assert mirrored(message) == headers


def test_annotated_arguments_are_repeated_at_their_path():
    arguments = {
        "region": "eu",
        "priority": -7,
        "dry": False,
        "options": {"tenant": " x"},
        "rows": [{"x": "1"}],
    }
    message = {"method": "tools/call", "params": {"name": "route", "arguments": arguments}}
    assert mirrored(message, {"route": SCHEMA}) == {
        "Mcp-Method": "tools/call",
        "Mcp-Name": "route",
        "Mcp-Param-Region": "eu",
        "Mcp-Param-Priority": "-7",
        "Mcp-Param-Dry": "false",
        "Mcp-Param-Tenant": "=?base64?IHg=?=",
    }


@pytest.mark.parametrize("arguments", [{}, None, [], {"region": None, "options": None}, {"region": 1.5}])
def test_what_has_no_value_is_not_repeated(arguments):
    message = {"method": "tools/call", "params": {"name": "route", "arguments": arguments}}
    assert set(mirrored(message, {"route": SCHEMA})) == {"Mcp-Method", "Mcp-Name"}


@pytest.mark.parametrize("schema", [None, True, [], {"properties": []}, {"properties": {"a": True}}])
def test_schemas_of_any_shape_are_read(schema):
    assert list(annotated(schema)) == []
    assert mirrored({"method": "tools/call", "params": {"name": "a"}}, {"a": schema})["Mcp-Name"] == "a"


def test_values_and_texts():
    assert value_at({"a": {"b": 1}}, ("a", "b")) == 1
    assert value_at({"a": 1}, ("a", "b")) is None
    assert [as_text(value) for value in (True, 0, "x", None, 1.5, [])] == ["true", "0", "x", None, None, None]
