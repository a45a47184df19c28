"""Assertions on content blocks with data: images, audio and embedded resources.

They stand in the messages of a prompt, and in the result of a tool. Types of members are the matter of the
schema; these helpers pass over what has another type.
Source: https://modelcontextprotocol.io/specification/2025-11-25/server/prompts#promptmessage and
    https://modelcontextprotocol.io/specification/2025-11-25/server/tools#tool-result
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from pytest_mcp_http.assertions._base import Judged, as_exchange, judges, violated
from pytest_mcp_http.wire.exchange import Exchange

__tracebackhide__ = True  # a failure is about the response, not about this code

_MAX_SHOWN: Final = 60
_MIME_TYPE: Final = re.compile(r"[\w!#$%&'*+.^`|~-]+/[\w!#$%&'*+.^`|~-]+\s*(;.*)?", re.ASCII | re.DOTALL)
_SCHEME: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s\x00-\x1f\x7f]*")
_URI: Final = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]*")


@dataclass(frozen=True, slots=True)
class Block:
    """A content block and the place where it stands, for example `result.messages[0].content`."""

    value: dict[str, Any]
    path: str


def blocks_in(response: Judged, kind: str | None = None) -> list[Block]:
    """Return the content blocks in the results of a response: of prompt messages and of tool results.

    Args:
        response: The response.
        kind: Only blocks of this `type`.
    """
    found: list[Block] = []
    for message in as_exchange(response).responses:
        result = message.result
        if isinstance(result, dict):
            found += _blocks(result)
    return [block for block in found if kind is None or block.value.get("type") == kind]


@judges("prompts.audio-encoded", "prompts.image-encoded")
def assert_media_encoded(response: Judged, kind: Literal["image", "audio"]) -> Exchange:
    """Assert that the data of every image or sound is base64, and that its MIME type is a valid one.

    Args:
        response: The response to `prompts/get` or `tools/call`.
        kind: The type of the blocks that are judged.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: For data that is no base64, or a MIME type that is none. As a note for base64
            with line ends or without padding, which some decoders refuse, and for a type of another kind.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/server/prompts#image-content
    """
    exchange = as_exchange(response)
    blocks = blocks_in(exchange, kind)
    for strict in (False, True):
        for block in blocks:
            _judge_base64(exchange, block.value.get("data"), f"{block.path}.data", strict=strict)
            _judge_mime_type(exchange, block.value.get("mimeType"), f"{block.path}.mimeType")
    for block in blocks:
        mime_type = block.value.get("mimeType")
        if isinstance(mime_type, str) and not mime_type.lower().startswith(f"{kind}/"):
            actual = f"{block.path}.mimeType is {mime_type[:_MAX_SHOWN]!r}"
            violated(actual, f"a MIME type that begins with {kind}/", exchange, note=True)
    return exchange


@judges("prompts.embedded-resource-fields")
def assert_embedded_resources(response: Judged) -> Exchange:
    """Assert that every embedded resource has a valid URI and a MIME type.

    Args:
        response: The response to `prompts/get` or `tools/call`.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: For a URI without scheme or with blanks, and for a MIME type that is missing or
            none. As a note for characters that a URI has to escape. Whether a blob is base64 is judged by
            `assert_base64`.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/server/prompts#embedded-resources
    """
    exchange = as_exchange(response)
    embedded = [(b.value.get("resource"), f"{b.path}.resource") for b in blocks_in(exchange, "resource")]
    for strict in (False, True):
        for resource, path in embedded:
            if not isinstance(resource, dict):
                continue
            _judge_uri(exchange, resource.get("uri"), f"{path}.uri", strict=strict)
            if "mimeType" not in resource:
                violated(f"{path} has no mimeType", "the MIME type of the resource", exchange)
            _judge_mime_type(exchange, resource["mimeType"], f"{path}.mimeType")
    return exchange


def _blocks(result: dict[str, Any]) -> Iterator[Block]:
    messages, content = result.get("messages"), result.get("content")
    for index, message in enumerate(messages if isinstance(messages, list) else ()):
        if isinstance(message, dict) and isinstance(message.get("content"), dict):
            yield Block(message["content"], f"result.messages[{index}].content")
    for index, block in enumerate(content if isinstance(content, list) else ()):
        if isinstance(block, dict):
            yield Block(block, f"result.content[{index}]")


def _judge_base64(exchange: Exchange, value: object, path: str, *, strict: bool) -> None:
    if not isinstance(value, str):
        return
    compact = re.sub(r"[\r\n]", "", value)
    padded = compact + "=" * (-len(compact) % 4)
    try:
        base64.b64decode(padded.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error, ValueError):
        violated(f"{path} is {value[:_MAX_SHOWN]!r}", "base64", exchange)
    if strict and padded != value:
        violated(f"{path} is base64 with line ends or without padding", "plain base64", exchange, note=True)


def _judge_mime_type(exchange: Exchange, value: object, path: str) -> None:
    if isinstance(value, str) and not _MIME_TYPE.fullmatch(value):
        violated(f"{path} is {value[:_MAX_SHOWN]!r}", "a MIME type such as image/png", exchange)


def _judge_uri(exchange: Exchange, value: object, path: str, *, strict: bool) -> None:
    if not isinstance(value, str):
        return
    if not _SCHEME.fullmatch(value):
        violated(f"{path} is {value[:_MAX_SHOWN]!r}", "a URI with a scheme and without blanks", exchange)
    if strict and not _URI.fullmatch(value):
        actual = f"{path} is {value[:_MAX_SHOWN]!r}"
        violated(actual, "a URI with other characters escaped", exchange, note=True)
