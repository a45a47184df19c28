"""Faults of the results of tool calls: content blocks, Base64, structured values."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

from reference_server._context import (
    HANDSHAKE_REVISIONS,
    REVISIONS,
    Layer,
)
from reference_server._layers import combine
from reference_server.faults import Fault
from reference_server.faults._tool_calls import (
    of_block,
    of_result,
)
from reference_server.faults.tools import (
    MODES,
    fault,
    unknown_method,
    without_capability,
)

Json = dict[str, Any]

STRUCTURED_SINCE = REVISIONS[1:]
"""Revisions with structured results."""


def without_resources() -> Layer:
    """Have no resources."""
    methods = ("list", "read", "templates/list", "subscribe", "unsubscribe")
    return combine(
        without_capability("resources"), *(unknown_method(f"resources/{each}") for each in methods)
    )


def schema_fault(
    id: str, requirement: str, summary: str, layer: Layer, revisions: tuple[str, ...] = REVISIONS
) -> Fault:
    """Make a fault that breaks one requirement of the schema chapter."""
    return Fault(
        f"schema.{id}", (f"schema.{requirement}",), MODES, summary=summary, layer=layer, revisions=revisions
    )


def block_fault(id: str, summary: str, kind: str, **members: object) -> Fault:
    """Make a fault of one content block."""
    return fault(id, "content-blocks-valid", summary, of_block(kind, **members))


def _with_array(result: Json) -> None:
    result["structuredContent"] = [result["content"][0]["text"]]
    result["content"][0]["text"] = json.dumps(result["structuredContent"])


def _with_link(result: Json) -> None:
    result["content"].append({"type": "resource_link", "uri": "reference://pixel", "name": "pixel"})


def _misfit(result: Json) -> None:
    if "structuredContent" in result:
        result["structuredContent"]["characters"] = -1
        result["content"][0]["text"] = json.dumps(result["structuredContent"])


def _handles_by(make: Callable[[int], str]) -> Layer:
    """Give out handles that are made of a number that counts them."""
    numbers = itertools.count(1)

    def change(result: Json) -> None:
        value = {"key": make(next(numbers))}
        result["content"][0]["text"] = json.dumps(value)
        if "structuredContent" in result:
            result["structuredContent"] = value

    return of_result("new_key", change)


def handle_fault(id: str, summary: str, make: Callable[[int], str]) -> Fault:
    """Make a fault of what handles look like."""
    requirement = "security.handle-random-and-bound"
    layer = _handles_by(make)
    return Fault(f"security.{id}", (requirement,), MODES, summary=summary, layer=layer)


FAULTS = (
    handle_fault("handle-counted", "Handles are numbered.", lambda number: f"key-{number:06}"),
    handle_fault(
        "handle-clock", "Handles are times.", lambda number: f"{1_700_000_000_000 + 37 * number**2:x}"
    ),
    fault(
        "content-missing",
        "result-content-array",
        "A result has no content.",
        of_result("health_check", lambda r: r.pop("content")),
    ),
    fault(
        "content-text",
        "result-content-array",
        "The content of a result is a text.",
        of_result("health_check", lambda r: r.update(content="healthy")),
    ),
    block_fault("block-unknown", "A content block is of a type that there is not.", "audio", type="video"),
    block_fault("block-mime-null", "The MIME type of an image is null.", "image", mimeType=None),
    block_fault("block-mime-bare", "The MIME type of an image has no subtype.", "image", mimeType="png"),
    block_fault(
        "block-uri-relative",
        "The URI of an embedded resource is relative.",
        "resource",
        resource={"uri": "greeting.txt", "text": "Hello"},
    ),
    block_fault(
        "block-resource-empty",
        "An embedded resource has neither text nor blob.",
        "resource",
        resource={"uri": "reference://greeting"},
    ),
    fault(
        "block-bare-text",
        "content-blocks-valid",
        "A content block is a bare text.",
        of_result("health_check", lambda r: r.update(content=["healthy"])),
    ),
    schema_fault(
        "link-early",
        "content-types-by-revision",
        "A result has a resource link at 2025-03-26, which has none.",
        of_result("show_content", _with_link),
        REVISIONS[:1],
    ),
    schema_fault(
        "base64-url-safe",
        "base64-fields",
        "An image is encoded in the alphabet for URLs.",
        of_block("image", data="-_-_"),
    ),
    schema_fault(
        "base64-data-uri",
        "base64-fields",
        "The data of a sound is a data URI.",
        of_block("audio", data="data:audio/wav;base64,AAAA"),
    ),
    schema_fault(
        "base64-unpadded",
        "base64-fields",
        "The blob of an embedded resource is not padded.",
        of_block("resource", resource={"uri": "reference://pixel", "blob": "QQ"}),
    ),
    fault(
        "embedded-undeclared",
        "embedded-resource-capability",
        "A server without resources embeds them in results.",
        without_resources(),
        STRUCTURED_SINCE,
    ),
    fault(
        "structured-misfit",
        "output-schema-conforms",
        "A structured value does not fit the outputSchema.",
        of_result("echo_text", _misfit),
        STRUCTURED_SINCE,
    ),
    fault(
        "structured-missing",
        "output-schema-conforms",
        "A tool with an outputSchema returns text only.",
        of_result("echo_text", lambda r: r.pop("structuredContent", None)),
        STRUCTURED_SINCE,
    ),
    fault(
        "structured-array",
        "structured-content-object",
        "A structured value is an array.",
        of_result("health_check", _with_array),
        HANDSHAKE_REVISIONS[1:],
    ),
    fault(
        "structured-alone",
        "structured-text-fallback",
        "A structured value comes without text.",
        of_result("echo_text", lambda r: r.update(content=[])),
        STRUCTURED_SINCE,
    ),
    fault(
        "structured-other-text",
        "structured-text-fallback",
        "A structured value comes with a text that says something else.",
        of_result("echo_text", lambda r: r["content"][0].update(text="Done.")),
        STRUCTURED_SINCE,
    ),
)
