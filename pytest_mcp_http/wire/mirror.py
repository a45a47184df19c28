"""What the modern era repeats of a message in HTTP headers, and how values are written there.

Sans-IO and pure: bodies and schemas in, header lines out.
Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#request-metadata
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

METHOD_HEADER: Final = "Mcp-Method"
NAME_HEADER: Final = "Mcp-Name"
PARAM_PREFIX: Final = "Mcp-Param-"
ANNOTATION: Final = "x-mcp-header"

NAMED: Final[Mapping[str, str]] = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
"""Methods whose requests need `Mcp-Name`, each with the member of its params that is repeated there."""

_OPENS: Final = "=?base64?"
_CLOSES: Final = "?="
_PLAIN: Final = re.compile(r"[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?|")


def encode_value(value: str) -> str:
    """Write a text as a header value: as it is where that is safe, else in the Base64 sentinel.

    Args:
        value: Any text.

    Returns:
        Visible ASCII, with blanks inside at most.

    Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#value-encoding
    """
    looks_encoded = value.startswith(_OPENS) and value.endswith(_CLOSES)
    if _PLAIN.fullmatch(value) and not looks_encoded:
        return value
    return sentinel(value)


def sentinel(value: str) -> str:
    """Write a text in the Base64 sentinel, also where that would not be needed."""
    return f"{_OPENS}{base64.b64encode(value.encode('utf-8', 'surrogatepass')).decode('ascii')}{_CLOSES}"


def decode_value(value: str) -> str | None:
    """Read a header value that may be in the Base64 sentinel.

    Args:
        value: The value as it stood in the header.

    Returns:
        The text; None for a sentinel that holds no Base64 of UTF-8.
    """
    if not (value.startswith(_OPENS) and value.endswith(_CLOSES)):
        return value
    try:
        return base64.b64decode(value[len(_OPENS) : -len(_CLOSES)], validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError):
        return None


def mirrored(message: object, schemas: Mapping[str, Any] | None = None) -> dict[str, str]:
    """Return the headers that repeat parts of a message.

    Args:
        message: The JSON body of a POST; one that is no request or notification is repeated nowhere.
        schemas: `inputSchema` of each tool by name, as far as they are known.

    Returns:
        Values by header name: `Mcp-Method`, `Mcp-Name` where the method needs it, `Mcp-Param-*` where the
        schema of the called tool asks for it. A method that is not visible ASCII is left out, since no
        header can carry it.
    """
    method = message.get("method") if isinstance(message, dict) else None
    if not isinstance(message, dict) or not isinstance(method, str):
        return {}
    found = {METHOD_HEADER: method} if method and _PLAIN.fullmatch(method) else {}
    params = message.get("params")
    if method in NAMED and isinstance(params, dict):
        name = params.get(NAMED[method])
        if isinstance(name, str):
            found[NAME_HEADER] = encode_value(name)
            if method == "tools/call":
                found.update(_parameters((schemas or {}).get(name), params.get("arguments")))
    return found


def annotated(schema: object) -> Iterator[tuple[tuple[str, ...], str, Mapping[str, Any]]]:
    """Yield the properties of an `inputSchema` that are repeated in a header and may be.

    Only properties that are reached through `properties` alone count; an annotation elsewhere makes a tool
    invalid and names no header.

    Args:
        schema: The `inputSchema` of a tool.

    Yields:
        Path of the property, the annotation, and the property's schema.
    """
    yield from _annotated(schema, ())


def _annotated(
    schema: object, path: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], str, Mapping[str, Any]]]:
    properties = schema.get("properties") if isinstance(schema, dict) else None
    for name, each in properties.items() if isinstance(properties, dict) else ():
        if isinstance(each, dict):
            if isinstance(each.get(ANNOTATION), str):
                yield (*path, name), each[ANNOTATION], each
            yield from _annotated(each, (*path, name))


def value_at(arguments: object, path: tuple[str, ...]) -> object:
    """Return the value at a property path of a call's arguments; None where there is none."""
    for name in path:
        arguments = arguments.get(name) if isinstance(arguments, dict) else None
    return arguments


def as_text(value: object) -> str | None:
    """Write the value of a parameter as the text that a header repeats; None for what has no such text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    return value if isinstance(value, str) else None


def _parameters(schema: object, arguments: object) -> dict[str, str]:
    found = {}
    for path, name, _ in annotated(schema):
        text = as_text(value_at(arguments, path))
        if text is not None:
            found[PARAM_PREFIX + name] = encode_value(text)
    return found
