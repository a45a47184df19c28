"""The smallest valid answers to what a server asks a client for, and malformed ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

TEXT: Final = "mcp-http-check"

_FORMATS: Final[Mapping[str, str]] = {
    "date": "2026-07-28",
    "date-time": "2026-07-28T00:00:00Z",
    "email": "check@example.com",
    "uri": "https://example.com/",
}

_SAMPLED: Final = {
    "role": "assistant",
    "content": {"type": "text", "text": TEXT},
    "model": TEXT,
    "stopReason": "endTurn",
}
_ROOTS: Final = {"roots": [{"uri": f"file:///{TEXT}", "name": TEXT}]}

_MALFORMED: Final[Mapping[str, object]] = {
    "elicitation/create": {"action": 5, "content": []},
    "roots/list": {"roots": "x"},
    "sampling/createMessage": {"role": 5, "content": 7, "model": []},
}


def answer(request: Mapping[str, Any]) -> object:
    """Return a valid result for an input request; None if it takes a user, or is none that we know.

    Args:
        request: A member of `inputRequests`. A URL is never opened.
    """
    method, params = request.get("method"), request.get("params")
    if method == "roots/list":
        return _ROOTS
    if method == "sampling/createMessage":
        return _SAMPLED
    if method == "elicitation/create" and isinstance(params, dict) and params.get("mode", "form") == "form":
        return {"action": "accept", "content": content(params.get("requestedSchema"))}
    return None


def malformed(request: Mapping[str, Any]) -> object:
    """Return an object that is no result for an input request that `answer` knows."""
    return _MALFORMED[str(request.get("method"))]


def wrong_content(schema: object) -> dict[str, object]:
    """Return content for a form in which each field has a value of a wrong type, or none of its choices.

    Args:
        schema: `requestedSchema` of the elicitation, be it legal or not.
    """
    fields = schema.get("properties") if isinstance(schema, dict) else None
    if not isinstance(fields, dict):
        return {}
    return {name: _wrong(fields.get(name)) for name in content(schema)}


def _wrong(field: object) -> object:
    """Return a value of a type that content may hold, but not this field."""
    kind = field.get("type") if isinstance(field, dict) else None
    if kind == "array":
        return [f"{TEXT}-no-choice"]
    if kind == "string" and not (isinstance(field, dict) and _choices(field)):
        return 5
    return f"{TEXT}-no-choice"


def sampled(content: object, stop: str = "endTurn") -> dict[str, object]:
    """Return the result of a sampling request with some content."""
    return {**_SAMPLED, "content": content, "stopReason": stop}


def tool_uses(params: Mapping[str, Any], names: tuple[str, ...]) -> dict[str, object]:
    """Return the result of a sampling request in which the model uses the first tool that it was given.

    Args:
        params: Params of the request.
        names: Ids of the uses.
    """
    tools = params.get("tools")
    tool = tools[0] if isinstance(tools, list) and tools and isinstance(tools[0], dict) else {}
    # The arguments are made as the content of a form is, whose schema is one of objects as well.
    given = content(tool.get("inputSchema"))
    uses = [{"type": "tool_use", "id": id, "name": tool.get("name"), "input": given} for id in names]
    return sampled(uses, "toolUse")


def content(schema: object) -> dict[str, object]:
    """Return content for a form: its required fields, or all if none is required.

    Args:
        schema: `requestedSchema` of the elicitation, be it legal or not.
    """
    fields = schema.get("properties") if isinstance(schema, dict) else None
    required = schema.get("required") if isinstance(schema, dict) else None
    if not isinstance(fields, dict):
        return {}
    names = [name for name in required if isinstance(name, str)] if isinstance(required, list) else []
    return {name: _value(fields.get(name)) for name in names or fields}


def _value(field: object) -> object:
    """Return a value for one field, which may hold anything."""
    if not isinstance(field, dict):
        return TEXT
    if "default" in field:
        return field["default"]
    choices = _choices(field)
    if choices:
        return choices[0]
    kind = field.get("type")
    if kind == "boolean":
        return False
    if kind in ("integer", "number"):
        return _number(field)
    if kind == "array":
        items = field.get("items")
        least = field.get("minItems")
        return (
            _choices(items)[: max(least, 1) if isinstance(least, int) else 1]
            if isinstance(items, dict)
            else []
        )
    return _text(field)


def _choices(field: Mapping[str, Any]) -> list[Any]:
    """Return the values of an enumeration, titled or not; none if it is no enumeration."""
    if isinstance(field.get("enum"), list):
        return list(field["enum"])
    titled = field.get("oneOf", field.get("anyOf"))
    return (
        [each["const"] for each in titled if isinstance(each, dict) and "const" in each]
        if isinstance(titled, list)
        else []
    )


def _number(field: Mapping[str, Any]) -> object:
    for bound in ("minimum", "maximum"):
        if isinstance(field.get(bound), (int, float)):
            return field[bound]
    return 1


def _text(field: Mapping[str, Any]) -> str:
    text = _FORMATS.get(str(field.get("format")), TEXT)
    least, most = field.get("minLength"), field.get("maxLength")
    if isinstance(least, int) and 0 < least <= 10_000:
        text = text.ljust(least, "x")
    return text[:most] if isinstance(most, int) and most >= 0 else text
