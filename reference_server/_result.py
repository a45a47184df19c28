"""What a tool returns: content blocks of all kinds and a structured value, as far as a revision has them.

Knows nothing of HTTP and of the SDK.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

STRUCTURED_SINCE: Final = "2025-06-18"
"""The first revision with structured results, output schemas and titles."""

BLOCKS_SINCE: Final[Mapping[str, str]] = {"resource_link": "2025-06-18"}
"""The first revision of kinds of content blocks that not every revision has."""


@dataclass(frozen=True, slots=True)
class ToolResult:
    """The result of a tool call.

    Args:
        content: Its content blocks, as they are sent.
        structured: The structured value; `content` has to hold it too, as JSON text.
        is_error: Whether the tool failed.
        meta: Metadata of the result.
    """

    content: tuple[Mapping[str, Any], ...]
    structured: Mapping[str, Any] | None = None
    is_error: bool = False
    meta: Mapping[str, Any] = field(default_factory=dict)

    def at(self, revision: str) -> dict[str, Any]:
        """Return the result as object of a revision: without what came later."""
        blocks = [block for block in self.content if BLOCKS_SINCE.get(block["type"], "") <= revision]
        structured = self.structured if revision >= STRUCTURED_SINCE else None
        return {
            "content": blocks,
            "isError": self.is_error,
            **({} if structured is None else {"structuredContent": structured}),
            **({"_meta": self.meta} if self.meta else {}),
        }


def text_result(text: str, *, is_error: bool = False) -> ToolResult:
    """Return a result of one text."""
    return ToolResult(({"type": "text", "text": text},), is_error=is_error)


def structured_result(value: Mapping[str, Any]) -> ToolResult:
    """Return a result with a structured value, which is there as JSON text too."""
    return ToolResult(({"type": "text", "text": json.dumps(value, ensure_ascii=False)},), value)
