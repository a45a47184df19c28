"""The resources: a text, a binary, a file, one that fails, and a template for unit tables."""

from __future__ import annotations

import base64
import json
import re
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

TEMPLATE_URI: Final = "reference://units/{unit}"
TEMPLATE_NAME: Final = "units"
TEMPLATE_DESCRIPTION: Final = "What a unit converts to: celsius, fahrenheit, kg or lb."

UNITS: Final = {"celsius": "fahrenheit", "fahrenheit": "celsius", "kg": "lb", "lb": "kg"}


@dataclass(frozen=True, slots=True)
class Content:
    """The content of a resource: either text or bytes."""

    mime_type: str
    text: str | None = None
    data: bytes | None = None

    @property
    def size(self) -> int:
        """Size in bytes, before any encoding."""
        return len(self.data if self.data is not None else (self.text or "").encode())

    @property
    def blob(self) -> str:
        """The bytes as base64."""
        return base64.b64encode(self.data or b"").decode()


class BackendError(Exception):
    """A resource cannot be read because what is behind it fails."""


@dataclass(frozen=True, slots=True)
class Resource:
    """One listed resource."""

    uri: str
    name: str
    description: str
    content: Content
    annotations: Mapping[str, Any] = field(default_factory=dict)
    broken: bool = False
    """Whether what is behind it fails when it is read."""

    def current(self, changes: Mapping[str, int]) -> Content:
        """Return the content after so many changes, by URI: a text has their number as its last line."""
        count = changes.get(self.uri, 0)
        if not count:
            return self.content
        return replace(self.content, text=f"{self.content.text}Changes: {count}\n")


def _pixel() -> bytes:
    """Return a PNG image of one white pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0\xff"))
        + chunk(b"IEND", b"")
    )


RESOURCES: Final[Mapping[str, Resource]] = {
    resource.uri: resource
    for resource in (
        Resource(
            "reference://greeting",
            "greeting",
            "A short text with characters outside ASCII.",
            Content("text/plain", text="Grüße from the reference server ✓\n"),
        ),
        Resource("reference://pixel", "pixel", "An image of one pixel.", Content("image/png", data=_pixel())),
        Resource(
            "file:///reference/notes/today.txt",
            "today.txt",
            "A note in a tree of files that exists here only.",
            Content("text/plain", text="Nothing to do today.\n"),
            {"audience": ["user", "assistant"], "priority": 0.5, "lastModified": "2026-01-12T15:00:58Z"},
        ),
        Resource(
            "reference://broken",
            "broken",
            "A text that cannot be read, since what is behind it fails.",
            Content("text/plain", text=""),
            broken=True,
        ),
    )
}


def read(
    uri: str,
    changes: Mapping[str, int] = MappingProxyType({}),
    listed: Mapping[str, Resource] = RESOURCES,
) -> Content | None:
    """Return the content of a listed resource or of one that the template covers, or None.

    Args:
        uri: The resource.
        changes: How often each listed resource was changed, by URI.
        listed: What is listed now.

    Raises:
        BackendError: If what is behind the resource fails.
    """
    if uri in listed:
        if listed[uri].broken:
            raise BackendError(uri)
        return listed[uri].current(changes)
    found = re.fullmatch(re.escape(TEMPLATE_URI.partition("{")[0]) + "([a-z]+)", uri)
    if found and found[1] in UNITS:
        table = json.dumps({"unit": found[1], "converts_to": UNITS[found[1]]})
        return Content("application/json", text=table)
    return None
