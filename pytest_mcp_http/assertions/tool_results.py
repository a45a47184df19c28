"""Assertions on the results of tool calls: structured values, and what content blocks hold.

The shape of a result is a matter of its schema, see `schema`.
Source: https://modelcontextprotocol.io/specification/2026-07-28/server/tools#tool-result
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pytest_mcp_http.assertions._base import Judged, as_exchange, judges, violated
from pytest_mcp_http.assertions.results import results_in
from pytest_mcp_http.assertions.tool_schemas import misfit
from pytest_mcp_http.assertions.tools import is_tool_success
from pytest_mcp_http.spec.revisions import MODERN_REVISIONS
from pytest_mcp_http.wire.exchange import Exchange

__tracebackhide__ = True  # a failure is about the response, not about this code

MEDIA: Final = ("image", "audio")
"""Types of content blocks whose `data` is Base64."""

_URI: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S*")
_MIME_TYPE: Final = re.compile(r"[\w!#$&^.+-]+/[\w!#$&^.+-]+(\s*;.*)?", re.ASCII | re.DOTALL)
_MAX_SHOWN: Final = 80


def content_in(response: Judged) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the content blocks of tool results and prompt messages in a response, each with its place.

    Args:
        response: The response. What is no object is left out.
    """
    for result in results_in(response):
        for index, block in enumerate(_listed(result.get("content"))):
            if isinstance(block, dict):
                yield f"content[{index}]", block
        for index, message in enumerate(_listed(result.get("messages"))):
            block = message.get("content") if isinstance(message, dict) else None
            if isinstance(block, dict):
                yield f"messages[{index}].content", block


def structured_in(response: Judged) -> Iterator[dict[str, Any]]:
    """Yield the tool results of a response that have a structured value, be it null.

    Args:
        response: The response to `tools/call`.
    """
    return (result for result in results_in(response) if "structuredContent" in result)


@judges("tools.content-blocks-valid")
def assert_content_well_formed(response: Judged) -> Exchange:
    """Assert that the URIs of content blocks are absolute, and that their MIME types are MIME types.

    Args:
        response: The response to `tools/call`.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: For a URI without scheme, and for a MIME type without type and subtype.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/server/tools#tool-result
    """
    exchange = as_exchange(response)
    for place, block in content_in(exchange):
        inner = block.get("resource")
        for path, holder in ((place, block), (f"{place}.resource", inner if isinstance(inner, dict) else {})):
            uri, kind = holder.get("uri"), holder.get("mimeType")
            if isinstance(uri, str) and not _URI.fullmatch(uri):
                violated(f"{path}.uri is {_shown(uri)}", "a URI with its scheme", exchange)
            if isinstance(kind, str) and not _MIME_TYPE.fullmatch(kind):
                violated(f"{path}.mimeType is {_shown(kind)}", "a MIME type such as image/png", exchange)
    return exchange


def texts_in(result: Mapping[str, Any]) -> list[str]:
    """Return the texts of the text blocks in a tool result, in order.

    Args:
        result: The result of `tools/call`.
    """
    return [
        block["text"]
        for block in _listed(result.get("content"))
        if isinstance(block, dict) and block.get("type") == "text" and isinstance(block.get("text"), str)
    ]


def encoded_in(response: Judged) -> list[tuple[str, str]]:
    """Return what is Base64 in a response, each with its place: `data` of tools, `blob` of what is embedded.

    Args:
        response: The response to `tools/call` or `prompts/get`. Resources that are read, and images and sound
            in prompts, are a matter of their own requirements.
    """
    found: list[tuple[str, object]] = []
    for place, block in content_in(response):
        if block.get("type") in MEDIA and place.startswith("content"):
            found.append((f"{place}.data", block.get("data")))
        inner = block.get("resource")
        found.append((f"{place}.resource.blob", inner.get("blob") if isinstance(inner, dict) else None))
    return [(place, text) for place, text in found if isinstance(text, str)]


@judges("schema.base64-fields")
def assert_base64(response: Judged) -> Exchange:
    """Assert that binary content is Base64: the standard alphabet, padded, without line breaks.

    Args:
        response: The response, see `encoded_in`.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: For the first that is not.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/schema#imagecontent-data
    """
    exchange = as_exchange(response)
    for place, text in encoded_in(exchange):
        wrong = _base64_error(text)
        if wrong is not None:
            violated(f"{place} is no Base64: {wrong}; it begins {_shown(text)}", "padded Base64", exchange)
    return exchange


def _base64_error(text: str) -> str | None:
    try:
        base64.b64decode(text.encode("utf-8", "surrogatepass"), validate=True)
    except binascii.Error as error:
        return str(error)
    # Python 3.10 takes too much padding, too.
    return "Excess padding" if len(text) % 4 else None


@judges("tools.output-schema-conforms")
def assert_structured_conforms(response: Judged, schema: Mapping[str, Any], revision: str) -> Exchange:
    """Assert that the result of a tool with an `outputSchema` has a structured value that fits it.

    Args:
        response: The response to the call.
        schema: The `outputSchema` of the tool.
        revision: The revision.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If the value does not fit, or a result that is complete and no error has none.
        UnjudgeableSchemaError: If the schema cannot be judged.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/server/tools#output-schema
    """
    exchange = as_exchange(response)
    expected = "structuredContent that fits the outputSchema of the tool"
    result = exchange.result
    if isinstance(result, dict) and "structuredContent" in result:
        wrong = misfit(result["structuredContent"], schema, revision)
        if wrong is not None:
            violated(f"structuredContent does not fit the outputSchema: {wrong}", expected, exchange)
    elif is_tool_success(exchange):
        violated("a result without structuredContent", expected, exchange)
    return exchange


@judges("tools.structured-text-fallback")
def assert_structured_in_text(response: Judged, revision: str) -> Exchange:
    """Assert that a structured value is there as JSON in a text block too.

    Args:
        response: The response to `tools/call`; a result without structured value is not judged.
        revision: The revision.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If there is no text, or none of it is that JSON. As a note where the texts are
            the only member of the value, and for any text from 2026-07-28 on, where an example of the
            specification has such text.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/server/tools#structured-content
    """
    exchange = as_exchange(response)
    expected = "a text block with the JSON of structuredContent"
    for result in structured_in(exchange):
        value = result["structuredContent"]
        texts = texts_in(result)
        if any(_is_json_of(text, value) for text in texts):
            continue
        first = f"no text that is its JSON; the first is {_shown(texts[0])}" if texts else "no text"
        unwrapped = _is_unwrapped(texts, value)
        free = bool(texts) and revision in MODERN_REVISIONS
        violated(f"structuredContent, and {first}", expected, exchange, note=unwrapped or free)
    return exchange


@judges("tools.embedded-resource-capability")
def assert_resources_declared(response: Judged, capabilities: Mapping[str, Any]) -> Exchange:
    """Assert that a server which embeds resources in tool results declares the capability resources.

    Args:
        response: The response to `tools/call`.
        capabilities: What the server declared.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If there is an embedded resource, and the capability is not declared.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/server/tools#embedded-resources
    """
    exchange = as_exchange(response)
    for place, block in content_in(exchange):
        if block.get("type") == "resource" and capabilities.get("resources") is None:
            violated(
                f"{place} is an embedded resource, and resources is not declared",
                ["the capability resources is declared", "no embedded resources"],
                exchange,
            )
    return exchange


def _is_unwrapped(texts: list[str], value: object) -> bool:
    """Tell whether texts are the only member of a value, or what is listed there, as some frameworks do."""
    if not isinstance(value, dict) or len(value) != 1:
        return False
    (only,) = value.values()
    parts = only if isinstance(only, list) else [] if only is None else [only]
    return len(texts) == len(parts) and all(
        text == part or _is_json_of(text, part) for text, part in zip(texts, parts, strict=True)
    )


def _is_json_of(text: str, value: object) -> bool:
    try:
        return _same(json.loads(text), value)
    except (ValueError, RecursionError):
        return False


def _same(one: object, other: object) -> bool:
    """Compare JSON values; unlike `==`, true is not 1."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def _listed(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _shown(text: str) -> str:
    shown = json.dumps(text[:_MAX_SHOWN], ensure_ascii=False)
    return shown if len(text) <= _MAX_SHOWN else f'{shown[:-1]}..."'
