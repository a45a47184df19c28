"""Makes up the arguments of a tool call: from a JSON Schema to one valid value, or None.

It knows the simple schemas that most tools have. A schema that constrains its values in another way gets
None rather than a value that might be wrong.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

TEXT: Final = "conformance-check"

MAX_DEPTH: Final = 5
MAX_CHARS: Final = 200
MAX_ITEMS: Final = 10
MAX_BOUND: Final = 1e300
"""Bounds beyond are as good as none, and no number for arithmetic."""

_PYTHON_TYPES: Final[Mapping[str, tuple[type, ...]]] = MappingProxyType(
    {
        "string": (str,),
        "integer": (int,),
        "number": (int, float),
        "boolean": (bool,),
        "array": (list,),
        "object": (dict,),
    }
)
_NOT_UNDERSTOOD: Final = frozenset(
    {
        "$dynamicRef",
        "$ref",
        "allOf",
        "contains",
        "contentEncoding",
        "dependencies",
        "dependentRequired",
        "dependentSchemas",
        "else",
        "format",
        "if",
        "minProperties",
        "multipleOf",
        "not",
        "oneOf",
        "pattern",
        "patternProperties",
        "prefixItems",
        "propertyNames",
        "then",
        "unevaluatedItems",
        "unevaluatedProperties",
        "uniqueItems",
    }
)


def example(schema: object, depth: int = MAX_DEPTH) -> Any | None:
    """Make up one value that a schema accepts.

    Args:
        schema: A JSON Schema.
        depth: How deep objects, arrays and alternatives may be nested.

    Returns:
        The value; None if there is none, or none can be found by simple means. Null itself is never given.
    """
    if schema is True:
        return TEXT
    if not isinstance(schema, dict) or not depth:
        return None
    for named in (schema.get("const"), schema.get("default"), *_listed(schema, "enum", "examples")):
        if named is not None and has_type(named, schema.get("type")):
            return named
    if _NOT_UNDERSTOOD & schema.keys() or "enum" in schema:
        return None
    if isinstance(schema.get("anyOf"), list):
        rest = {key: value for key, value in schema.items() if key != "anyOf"}
        branches = [{**rest, **branch} for branch in schema["anyOf"] if isinstance(branch, dict)]
        return _first(branches, depth)
    stated = schema.get("type", "object" if "properties" in schema else "string")
    if isinstance(stated, list):
        return _first([{**schema, "type": each} for each in stated], depth)
    make = _MAKERS.get(stated) if isinstance(stated, str) else None
    return make(schema, depth) if make else None


def _listed(schema: Mapping[str, Any], *keywords: str) -> list[Any]:
    found: list[Any] = []
    for keyword in keywords:
        found += schema[keyword] if isinstance(schema.get(keyword), list) else []
    return found


def has_type(value: object, stated: object) -> bool:
    """Tell whether a value is of the one type that a schema states, if it does; a default may be of any."""
    if not isinstance(stated, str):
        return True
    return isinstance(value, _PYTHON_TYPES.get(stated, ())) and isinstance(value, bool) == (
        stated == "boolean"
    )


def _first(schemas: list[dict[str, Any]], depth: int) -> Any | None:
    values = (example(each, depth - 1) for each in schemas)
    return next((value for value in values if value is not None), None)


def _bound(schema: Mapping[str, Any], keyword: str, otherwise: float) -> float:
    value = schema.get(keyword)
    if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= MAX_BOUND:
        return value
    return otherwise


def _string(schema: Mapping[str, Any], depth: int) -> str | None:
    shortest, longest = _bound(schema, "minLength", 0), _bound(schema, "maxLength", math.inf)
    if shortest > min(longest, MAX_CHARS):
        return None
    text = TEXT.ljust(math.ceil(shortest), "x")
    return text if len(text) <= longest else text[: math.floor(longest)]


def _integer(schema: Mapping[str, Any], depth: int) -> int | None:
    low = max(_bound(schema, "minimum", -math.inf), _bound(schema, "exclusiveMinimum", -math.inf) + 1)
    high = min(_bound(schema, "maximum", math.inf), _bound(schema, "exclusiveMaximum", math.inf) - 1)
    if not low <= high:
        return None
    value = 1 if low <= 1 <= high else low if low > 1 else high
    whole = math.ceil(value) if value == low else math.floor(value)
    return whole if low <= whole <= high else None


def _boolean(schema: Mapping[str, Any], depth: int) -> bool:
    return False


def _array(schema: Mapping[str, Any], depth: int) -> list[Any] | None:
    least = _bound(schema, "minItems", 0)
    item = example(schema.get("items", True), depth - 1) if 0 < least <= MAX_ITEMS else None
    return [] if least <= 0 else None if item is None else [item] * math.ceil(least)


def _object(schema: Mapping[str, Any], depth: int) -> dict[str, Any] | None:
    properties = schema.get("properties")
    known = properties if isinstance(properties, dict) else {}
    found: dict[str, Any] = {}
    for name in schema["required"] if isinstance(schema.get("required"), list) else ():
        value = example(known.get(name, True), depth - 1) if isinstance(name, str) else None
        if value is None:
            return None
        found[name] = value
    return found


_MAKERS: Final[Mapping[str, Callable[[Mapping[str, Any], int], Any]]] = MappingProxyType(
    {
        "string": _string,
        "integer": _integer,
        "number": _integer,
        "boolean": _boolean,
        "array": _array,
        "object": _object,
    }
)
