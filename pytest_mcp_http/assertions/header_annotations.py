"""Assertions on `x-mcp-header`, by which a tool says that a header repeats one of its arguments.

Source: https://modelcontextprotocol.io/specification/2026-07-28/server/tools#x-mcp-header
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pytest_mcp_http.assertions._base import Judged, as_exchange, judges, violated
from pytest_mcp_http.wire.exchange import Exchange
from pytest_mcp_http.wire.jsonrpc import json_type
from pytest_mcp_http.wire.mirror import ANNOTATION

__tracebackhide__ = True  # a failure is about the response, not about this code

SAFE_INTEGER: Final = 2**53 - 1
"""Largest integer that every client can mirror exactly."""

PRIMITIVES: Final = ("string", "integer", "boolean")
"""Types of parameters that may be mirrored."""

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_SECRET: Final = re.compile(
    r"(^|_)(password|passwd|passphrase|secret|credentials?|ssn)$|(^|_)(api|access|private|signing)_?key$"
    r"|(^|_)(access|auth|api|bearer|refresh|session)_?token$|^token$"
)


@dataclass(frozen=True, slots=True)
class Annotation:
    """One `x-mcp-header` in an `inputSchema`.

    Attributes:
        value: Its value, a string if it is well formed.
        schema: The schema in which it stands.
        where: The way there from the root, for example `properties.region`; empty for the root.
        path: Names of the properties on the way, if it leads through `properties` alone; None for an
            annotation that no header can be read by.
    """

    value: object
    schema: Mapping[str, Any]
    where: str
    path: tuple[str, ...] | None

    @property
    def is_valid(self) -> bool:
        """Whether it names a header for a value of one type that may be mirrored."""
        named = isinstance(self.value, str) and _TOKEN.fullmatch(self.value) is not None
        return named and self.path is not None and self.schema.get("type") in PRIMITIVES


# Keywords whose value is a schema, a list of schemas, or schemas by name. What stands elsewhere, such as in
# `default`, is data and annotates nothing.
_ONE: Final = (
    "items",
    "additionalItems",
    "contains",
    "unevaluatedItems",
    "additionalProperties",
    "unevaluatedProperties",
    "propertyNames",
    "not",
    "if",
    "then",
    "else",
    "contentSchema",
)
_SOME: Final = ("items", "prefixItems", "allOf", "anyOf", "oneOf")
_BY_NAME: Final = ("patternProperties", "dependentSchemas", "$defs", "definitions")


def header_annotations(schema: object) -> list[Annotation]:
    """Return every `x-mcp-header` in an `inputSchema`, well placed or not, in the order of the schema.

    Args:
        schema: The `inputSchema` of a tool, whatever it is.
    """
    found: list[Annotation] = []
    # No recursion: a server may nest its schemas as deep as it likes.
    left: list[tuple[object, str, tuple[str, ...] | None]] = [(schema, "", ())]
    while left:
        each, where, path = left.pop()
        if isinstance(each, dict):
            if ANNOTATION in each:
                found.append(Annotation(each[ANNOTATION], each, where, path or None))
            left += reversed(list(_below(each, f"{where}." if where else "", path)))
    return found


def _below(
    schema: Mapping[str, Any], where: str, path: tuple[str, ...] | None
) -> Iterator[tuple[object, str, tuple[str, ...] | None]]:
    for keyword, value in schema.items():
        if keyword == "properties" and isinstance(value, dict):
            for name, each in value.items():
                yield each, f"{where}properties.{name}", None if path is None else (*path, name)
        elif keyword in _ONE and isinstance(value, dict):
            yield value, where + keyword, None
        elif keyword in _SOME and isinstance(value, list):
            for index, each in enumerate(value):
                yield each, f"{where}{keyword}[{index}]", None
        elif keyword in _BY_NAME and isinstance(value, dict):
            for name, each in value.items():
                yield each, f"{where}{keyword}.{name}", None


def annotated_tools(response: Judged) -> list[tuple[str, list[Annotation]]]:
    """Return the annotations of each tool in a result of `tools/list` that has some, with the tool's name."""
    result = as_exchange(response).result
    tools = result.get("tools") if isinstance(result, dict) else None
    found: list[tuple[str, list[Annotation]]] = []
    for tool in tools if isinstance(tools, list) else ():
        annotations = header_annotations(tool.get("inputSchema")) if isinstance(tool, dict) else []
        if annotations:
            found.append((str(tool.get("name")), annotations))
    return found


def _each(response: Judged) -> Iterator[tuple[str, Annotation]]:
    """Yield every annotation with the text that names its place."""
    for tool, found in annotated_tools(response):
        for each in found:
            yield _printable(f"{tool}: {each.where or 'the schema itself'}"), each


@judges("headers.x-mcp-header-non-empty")
def assert_header_names_not_empty(response: Judged) -> Exchange:
    """Assert that no `x-mcp-header` in a result of `tools/list` is the empty string.

    Args:
        response: The response to `tools/list`.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If one is.

    Source: https://modelcontextprotocol.io/specification/2026-07-28/server/tools#x-mcp-header
    """
    exchange = as_exchange(response)
    for place, each in _each(exchange):
        if each.value == "":
            violated(f"{place} has an empty {ANNOTATION}", "the last part of a header name", exchange)
    return exchange


@judges("headers.x-mcp-header-token")
def assert_header_names_are_tokens(response: Judged) -> Exchange:
    """Assert that every `x-mcp-header` in a result of `tools/list` can be part of a header name.

    The empty string is left to `assert_header_names_not_empty`.

    Args:
        response: The response to `tools/list`.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If one is no string, or has characters that no header name may have.

    Source: https://modelcontextprotocol.io/specification/2026-07-28/server/tools#x-mcp-header
    """
    exchange = as_exchange(response)
    for place, each in _each(exchange):
        fits = isinstance(each.value, str) and _TOKEN.fullmatch(each.value)
        if each.value != "" and not fits:
            expected = "a string of the characters that RFC 9110 allows in header names"
            violated(f"{place} has the {ANNOTATION} {_shown(each.value)}", expected, exchange)
    return exchange


@judges("headers.x-mcp-header-unique")
def assert_header_names_unique(response: Judged) -> Exchange:
    """Assert that no tool in a result of `tools/list` uses an `x-mcp-header` twice, in any letter case.

    Args:
        response: The response to `tools/list`.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If one does.

    Source: https://modelcontextprotocol.io/specification/2026-07-28/server/tools#x-mcp-header
    """
    exchange = as_exchange(response)
    for tool, found in annotated_tools(exchange):
        seen: dict[str, str] = {}
        for each in found:
            if not isinstance(each.value, str) or not each.value:
                continue
            first = seen.setdefault(each.value.lower(), each.where)
            if first != each.where:
                actual = f"{tool}: {first} and {each.where} have the same {ANNOTATION} {_shown(each.value)}"
                violated(_printable(actual), "names that differ in more than letter case", exchange)
    return exchange


@judges("headers.x-mcp-header-primitive")
def assert_header_types_primitive(response: Judged) -> Exchange:
    """Assert that only strings, integers and booleans are annotated in a result of `tools/list`.

    Annotations in a wrong place are left to `assert_header_annotations_reachable`.

    Args:
        response: The response to `tools/list`.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If another type is possible; as a note if no single type is stated, since
            clients that look for one leave such a tool out.

    Source: https://modelcontextprotocol.io/specification/2026-07-28/server/tools#x-mcp-header
    """
    exchange = as_exchange(response)
    expected = "a property of type string, integer or boolean"
    unclear: list[str] = []
    for place, each in _each(exchange):
        stated = each.schema.get("type")
        if each.path is None or stated in PRIMITIVES:
            continue
        types = possible_types(each.schema)
        if types - {*PRIMITIVES, "null"} or types == {"null"}:
            violated(f"{place} is mirrored and may be {' or '.join(sorted(types))}", expected, exchange)
        unclear.append(f"{place} is mirrored, and its type is {_shown(stated)}")
    if unclear:
        violated(unclear[0], expected, exchange, note=True)
    return exchange


def possible_types(schema: object, depth: int = 3) -> frozenset[str]:
    """Return the JSON types that a schema names for its values; empty if it names none."""
    if not isinstance(schema, dict):
        return frozenset()
    stated = schema.get("type")
    listed = stated if isinstance(stated, list) else [stated]
    found = {each for each in listed if isinstance(each, str)}
    if found:
        return frozenset(found)
    values = schema["enum"] if isinstance(schema.get("enum"), list) else []
    found |= {_schema_type(value) for value in values}
    if "const" in schema:
        found.add(_schema_type(schema["const"]))
    for keyword in ("anyOf", "oneOf") if depth else ():
        branches = schema.get(keyword)
        for branch in branches if isinstance(branches, list) else ():
            found |= possible_types(branch, depth - 1)
    return frozenset(found)


def _schema_type(value: object) -> str:
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return "integer" if whole and not isinstance(value, bool) else json_type(value)


@judges("headers.x-mcp-header-safe-integer")
def assert_header_integers_safe(response: Judged) -> Exchange:
    """Assert that annotated integers in a result of `tools/list` stay within what a double holds exactly.

    Args:
        response: The response to `tools/list`.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If a value that the schema names is larger than 2^53-1 or smaller than its
            negative; as a note if only its bounds are wider, which no bounds at all would be as well.

    Source: https://modelcontextprotocol.io/specification/2026-07-28/server/tools#x-mcp-header
    """
    exchange = as_exchange(response)
    expected = f"values from {-SAFE_INTEGER} to {SAFE_INTEGER}"
    for keywords, note in ((("const", "enum", "default"), False), (("minimum", "maximum"), True)):
        for place, each in _each(exchange):
            for keyword in keywords if "integer" in possible_types(each.schema) else ():
                named = each.schema.get(keyword)
                for value in named if isinstance(named, list) else [named]:
                    if isinstance(value, (int, float)) and abs(value) > SAFE_INTEGER:
                        violated(f"{place}: {keyword} has {_shown(value)}", expected, exchange, note=note)
    return exchange


@judges("headers.x-mcp-header-static-path")
def assert_header_annotations_reachable(response: Judged) -> Exchange:
    """Assert that every `x-mcp-header` in a result of `tools/list` is reached by `properties` alone.

    Args:
        response: The response to `tools/list`.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If one is in an array, a composition, a condition or a definition, or if the
            schema as a whole has one.

    Source:
        https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#schema-extension
    """
    exchange = as_exchange(response)
    for place, each in _each(exchange):
        if each.path is None:
            expected = "annotations of properties that are reached through `properties` alone"
            violated(f"{place} has an {ANNOTATION}", expected, exchange)
    return exchange


@judges("headers.x-mcp-header-no-secrets")
def assert_no_secrets_mirrored(response: Judged) -> Exchange:
    """Assert that no parameter in a result of `tools/list` is mirrored that is called like a secret.

    Args:
        response: The response to `tools/list`.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If the name of a mirrored string, or of its header, ends like that of a password,
            token or key, or its format is `password`.

    Source: https://modelcontextprotocol.io/specification/2026-07-28/server/tools#x-mcp-header
    """
    exchange = as_exchange(response)
    for place, each in _each(exchange):
        types = possible_types(each.schema)
        names = (each.where.rpartition(".")[2], each.value)
        secret = each.schema.get("format") == "password" or any(map(_is_secret, names))
        if secret and (not types or "string" in types):
            expected = "no header for passwords, keys, tokens and personal data: intermediaries see it"
            violated(f"{place} is mirrored in a header", expected, exchange)
    return exchange


def _is_secret(name: object) -> bool:
    if not isinstance(name, str):
        return False
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|[^A-Za-z0-9]+", "_", name)
    return _SECRET.search(words.lower()) is not None


def _printable(text: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in text)


def _shown(value: object) -> str:
    text = ascii(value) if isinstance(value, str) else str(value)[:60]
    return text if len(text) <= 60 else text[:57] + "..."
