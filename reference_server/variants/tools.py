"""Legal but unusual tools: none at all, names and schemas that few have, results of other kinds."""

from __future__ import annotations

import itertools
import json
import uuid
from typing import Any

from reference_server._context import MODERN_REVISIONS, REVISIONS, Layer
from reference_server._jsonrpc import INVALID_PARAMS
from reference_server._layers import combine
from reference_server.faults._tool_calls import answered_by, is_wrong, of_block, of_result, refusal
from reference_server.faults.schema import result_of
from reference_server.faults.tools import (
    NAMED_SINCE,
    also_listed,
    listed_tool,
    of_inputs,
    of_outputs,
    unknown_method,
    without_capability,
)
from reference_server.variants import Variant

MODES = ("stateless",)
DRAFT_7 = "http://json-schema.org/draft-07/schema#"

Json = dict[str, Any]

_NUMBERS = itertools.count(1)


def _structured(value: object) -> Layer:
    """Give the tool that echoes another structured value, and the outputSchema for it."""

    def change(result: Json) -> None:
        result["structuredContent"] = value
        result["content"][0]["text"] = json.dumps(value, indent=2)

    def fitting(schema: Json) -> None:
        schema.clear()
        schema.update({"const": value})

    return combine(of_outputs(fitting), of_result("echo_text", change))


def _unwrapped(result: Json) -> None:
    result["structuredContent"] = {"result": result["content"][0]["text"]}


def _tuple_of_draft_7(schema: Json) -> None:
    point = {"type": "array", "items": [{"type": "number"}, {"type": "number"}], "additionalItems": False}
    schema["$schema"] = DRAFT_7
    schema["definitions"] = {"point": point}
    schema["properties"] = {"point": {"$ref": "#/definitions/point"}}


def _of_unknown_dialect(schema: Json) -> None:
    schema.update({"$schema": "https://example.com/dialect", "properties": {"text": {"type": "prose"}}})


def _composed(schema: Json) -> None:
    schema.update(
        {
            "$defs": {"name": {"$anchor": "name", "type": "string", "pattern": r"^\p{L}+$"}},
            "properties": {"name": {"$ref": "#name"}, "$ref": {"type": "string"}, "self": {"$ref": "#"}},
            "if": {"required": ["name"]},
            "then": {"maxProperties": 2},
            "default": {"$ref": "#/none"},
        }
    )


def _in_words(result: Json) -> None:
    """Give out a UUID of version 4 in words, beside a number that counts and the time."""
    number = next(_NUMBERS)
    text = f"Created basket {uuid.uuid4()} (no. {number}) at 2026-07-28T00:00:{number % 60:02}Z."
    result["content"] = [{"type": "text", "text": text}]


VARIANTS = (
    Variant(
        "handle-in-words",
        MODES,
        summary="a handle in words, beside a number that counts and the time",
        layer=combine(
            listed_tool("new_key", lambda t: t.pop("outputSchema", None)),
            of_result("new_key", lambda r: r.pop("structuredContent", None)),
            of_result("new_key", _in_words),
        ),
    ),
    Variant(
        "without-tools",
        MODES,
        summary="no tools, neither declared nor served",
        layer=combine(
            without_capability("tools"), unknown_method("tools/list"), unknown_method("tools/call")
        ),
    ),
    Variant(
        "tools-empty",
        MODES,
        summary="tools are declared, and there are none at the moment",
        layer=result_of("tools/list", lambda r: r["tools"].clear()),
    ),
    Variant(
        "tool-names",
        MODES,
        summary="names of 128 characters, with dots and hyphens, and two that differ in case only",
        layer=combine(
            also_listed(name="x" * 128),
            also_listed(name="admin.tools-list_v2"),
            also_listed(name="ADMIN.tools-list_v2"),
            also_listed(name="ECHO_TEXT"),
        ),
    ),
    Variant(
        "schema-of-draft-7",
        MODES,
        summary="a schema of draft 7 that would be invalid in 2020-12",
        layer=of_inputs(_tuple_of_draft_7),
    ),
    Variant(
        "schema-of-own-dialect",
        MODES,
        summary="a schema of a dialect that nobody else knows",
        layer=of_inputs(_of_unknown_dialect),
    ),
    Variant(
        "schema-composed",
        MODES,
        summary="references to anchors and to the schema itself, a property named $ref, a foreign pattern",
        layer=of_inputs(_composed),
        revisions=NAMED_SINCE,
    ),
    Variant(
        "schema-without-constraints",
        MODES,
        summary="tools that take any object",
        layer=result_of(
            "tools/list", lambda r: [tool.update(inputSchema={"type": "object"}) for tool in r["tools"]]
        ),
    ),
    Variant(
        "structured-array",
        MODES,
        summary="a structured value that is an array, with its schema",
        layer=_structured([{"id": 1.0}, None, True]),
        revisions=MODERN_REVISIONS,
    ),
    Variant(
        "structured-null",
        MODES,
        summary="a structured value that is null",
        layer=_structured(None),
        revisions=MODERN_REVISIONS,
    ),
    Variant(
        "structured-unwrapped",
        MODES,
        summary="a structured value around a text, and the text alone as text, as of a well-known framework",
        layer=of_result("health_check", _unwrapped),
        revisions=REVISIONS[1:],
    ),
    Variant(
        "content-empty",
        MODES,
        summary="a result with an empty content",
        layer=of_result("health_check", lambda r: r["content"].clear()),
    ),
    Variant(
        "content-of-other-kinds",
        MODES,
        summary="URIs and MIME types of unusual kinds, an empty image",
        layer=combine(
            of_block("image", data="", mimeType="image/svg+xml; charset=utf-8"),
            of_block("audio", mimeType="audio/vnd.example.sound"),
            of_block(
                "resource",
                resource={
                    "uri": "urn:example:a",
                    "mimeType": "application/x.y",
                    "blob": "",
                    "annotations": {},
                },
            ),
            of_block("resource_link", uri="x-app+local:/a%20b"),
        ),
    ),
    Variant(
        "wrong-arguments-as-error",
        MODES,
        summary="wrong arguments get the JSON-RPC error -32602, which the schema of 2026-07-28 names for it",
        layer=answered_by(is_wrong, refusal(INVALID_PARAMS, "Wrong arguments")),
        revisions=(*REVISIONS[:2], *MODERN_REVISIONS),
    ),
    Variant(
        "tools-unsafe",
        MODES,
        summary="no tool says that it only reads",
        layer=combine(
            *(
                listed_tool(name, lambda t: t.pop("annotations", None))
                for name in ("analyze_text", "health_check", "describe_place")
            )
        ),
    ),
)
