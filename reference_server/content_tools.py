"""Tools whose results show every kind of content block, and a structured value with its schema."""

from __future__ import annotations

import base64
import io
import wave
from typing import Final

from reference_server import resources
from reference_server._result import ToolResult, structured_result
from reference_server._tool import Parameter, Tool


async def echo_text(text: str) -> ToolResult:
    """Return the text, as a structured value and as JSON text."""
    return structured_result({"text": text, "characters": len(text)})


async def show_content() -> ToolResult:
    """Return one content block of each kind."""
    greeting, pixel = (resources.RESOURCES[f"reference://{name}"] for name in ("greeting", "pixel"))
    return ToolResult(
        (
            {
                "type": "text",
                "text": "One block of each kind.",
                "annotations": {"audience": ["user"], "priority": 1},
            },
            {"type": "image", "data": pixel.content.blob, "mimeType": pixel.content.mime_type},
            {"type": "audio", "data": base64.b64encode(silence()).decode(), "mimeType": "audio/wav"},
            {
                "type": "resource",
                "resource": {
                    "uri": greeting.uri,
                    "mimeType": greeting.content.mime_type,
                    "text": greeting.content.text,
                },
            },
            {
                "type": "resource_link",
                "uri": pixel.uri,
                "name": pixel.name,
                "description": pixel.description,
                "mimeType": pixel.content.mime_type,
            },
        ),
        meta={"com.example.reference-server/blocks": "all kinds"},
    )


def silence() -> bytes:
    """Return a WAV file of ten milliseconds of silence."""
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(1)
        writer.setframerate(8000)
        writer.writeframes(b"\x80" * 80)
    return file.getvalue()


CONTENT_TOOLS: Final = (
    Tool(
        "echo_text",
        "Return the text that is given, with its length.",
        echo_text,
        {"text": Parameter("string", "Any text.")},
        title="Echo",
        output={
            "type": "object",
            "properties": {
                "text": {"type": "string", "description": "The text."},
                "characters": {"type": "integer", "description": "Its length.", "minimum": 0},
            },
            "required": ["text", "characters"],
        },
    ),
    Tool(
        "show_content",
        "Show a result with one content block of each kind.",
        show_content,
        title="Content blocks",
    ),
)
