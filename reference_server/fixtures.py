"""What the official conformance suite asks a server to offer: tools, prompts and resources with fixed names.

They are offered only when they are switched on, since every visit lists and reads what is offered. Those that
ask the client back are in `fixtures_asking`, those that run as tasks in `fixtures_tasks`. Knows nothing of
HTTP and of the SDK.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from typing import Any, Final

import anyio

from reference_server._result import ToolResult, text_result
from reference_server._tool import Caller, Tool, ToolError
from reference_server.content_tools import silence
from reference_server.extras import toggle_item
from reference_server.fixtures_asking import ASKING_PROMPTS, ASKING_TOOLS
from reference_server.fixtures_tasks import TASK_FIXTURES
from reference_server.prompts import Message, Prompt, text_message
from reference_server.resources import RESOURCES, Content, Resource

PAUSE_SECONDS: Final = 0.02
"""Between two messages of one call."""

TEMPLATE_URI: Final = "test://template/{id}/data"
TEMPLATE_NAME: Final = "template-data"
TEMPLATE_DESCRIPTION: Final = "The data of an id."

_SIMPLE: Final = "A short text."
_PIXEL: Final = RESOURCES["reference://pixel"].content
_IMAGE: Final = {"type": "image", "data": _PIXEL.blob, "mimeType": _PIXEL.mime_type}

_ADDRESS: Final = {
    "$anchor": "addressDef",
    "type": "object",
    "properties": {"street": {"type": "string"}, "city": {"type": "string"}},
}
SCHEMA_2020_12: Final = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "$defs": {"address": _ADDRESS},
    "properties": {
        "name": {"type": "string"},
        "address": {"$ref": "#/$defs/address"},
        "contactMethod": {"type": "string", "enum": ["phone", "email"]},
        "phone": {"type": "string"},
        "email": {"type": "string"},
    },
    "allOf": [{"anyOf": [{"required": ["phone"]}, {"required": ["email"]}]}],
    "if": {"properties": {"contactMethod": {"const": "phone"}}, "required": ["contactMethod"]},
    "then": {"required": ["phone"]},
    "else": {"required": ["email"]},
    "additionalProperties": False,
}
"""A schema with keywords that a server must not lose: references, composition, conditions."""


def _embedded(uri: str, mime_type: str, text: str) -> dict[str, Any]:
    return {"type": "resource", "resource": {"uri": uri, "mimeType": mime_type, "text": text}}


async def _simple_text() -> str:
    return _SIMPLE


async def _image() -> ToolResult:
    return ToolResult((_IMAGE,))


async def _audio() -> ToolResult:
    data = base64.b64encode(silence()).decode()
    return ToolResult(({"type": "audio", "data": data, "mimeType": "audio/wav"},))


async def _embedded_resource() -> ToolResult:
    return ToolResult((_embedded("test://embedded-resource", "text/plain", "A text inside a result."),))


async def _multiple() -> ToolResult:
    return ToolResult(
        (
            {"type": "text", "text": "A text, an image and a resource."},
            _IMAGE,
            _embedded("test://mixed-content-resource", "application/json", '{"test": "data"}'),
        )
    )


async def _fail() -> str:
    raise ToolError("This tool fails whenever it is called")


async def _progress(*, caller: Caller) -> str:
    for done in (0, 50, 100):
        await caller.report(done, 100, f"{done} of 100")
        await anyio.sleep(PAUSE_SECONDS)
    return "Done."


async def _log(*, caller: Caller) -> str:
    for step in ("started", "at work", "done"):
        await caller.log("info", f"The tool is {step}")
        await anyio.sleep(PAUSE_SECONDS)
    return "Done."


async def _reconnect(*, caller: Caller) -> str:
    # The client needs the first event, with the id to come back with.
    await anyio.sleep(PAUSE_SECONDS)
    await caller.hang_up()
    await anyio.sleep(PAUSE_SECONDS)
    return "The result came on a stream that was taken up again, if the first one could be closed."


async def _describe(**arguments: Any) -> ToolResult:
    return text_result(json.dumps(arguments, ensure_ascii=False))


async def _change_tools(*, caller: Caller) -> str:
    return await toggle_item("tools", caller=caller)


async def _change_prompts(*, caller: Caller) -> str:
    return await toggle_item("prompts", caller=caller)


_TOOLS: Final = (
    Tool("test_simple_text", "Return a text.", _simple_text),
    Tool("test_image_content", "Return an image.", _image),
    Tool("test_audio_content", "Return a sound.", _audio),
    Tool("test_embedded_resource", "Return a resource inside the result.", _embedded_resource),
    Tool("test_multiple_content_types", "Return a text, an image and a resource.", _multiple),
    Tool("test_error_handling", "Fail.", _fail),
    Tool("test_tool_with_progress", "Report progress three times.", _progress, wants_caller=True),
    Tool("test_tool_with_logging", "Log three messages of level info.", _log, wants_caller=True),
    Tool("test_logging_tool", "Log three messages of level info.", _log, wants_caller=True),
    Tool(
        "test_reconnection", "Close the stream of the call before the result.", _reconnect, wants_caller=True
    ),
    Tool("json_schema_2020_12_tool", "Return the arguments.", _describe, schema=SCHEMA_2020_12),
    Tool(
        "test_trigger_tool_change",
        "Change the list of tools.",
        _change_tools,
        read_only=False,
        wants_caller=True,
    ),
    Tool(
        "test_trigger_prompt_change",
        "Change the list of prompts.",
        _change_prompts,
        read_only=False,
        wants_caller=True,
    ),
    *ASKING_TOOLS,
    *TASK_FIXTURES,
)
FIXTURE_TOOLS: Final[Mapping[str, Tool]] = {tool.name: tool for tool in _TOOLS}


def _with_arguments(arguments: Mapping[str, str]) -> tuple[Message, ...]:
    return (text_message(f"The arguments are {arguments['arg1']!r} and {arguments['arg2']!r}."),)


def _with_resource(arguments: Mapping[str, str]) -> tuple[Message, ...]:
    resource = _embedded(arguments["resourceUri"], "text/plain", "A text inside a prompt.")
    return ("user", resource), text_message("Say what the resource above is.")


_PROMPTS: Final = (
    Prompt("test_simple_prompt", "A text.", lambda _: (text_message("Say something short."),)),
    Prompt(
        "test_prompt_with_arguments",
        "A text with two arguments in it.",
        _with_arguments,
        {"arg1": ("Any text.", True), "arg2": ("Any text.", True)},
    ),
    Prompt(
        "test_prompt_with_embedded_resource",
        "A resource and a text.",
        _with_resource,
        {"resourceUri": ("URI of the resource.", True)},
    ),
    Prompt(
        "test_prompt_with_image",
        "An image and a text.",
        lambda _: (("user", _IMAGE), text_message("Say what the image above shows.")),
    ),
    *ASKING_PROMPTS,
)
FIXTURE_PROMPTS: Final[Mapping[str, Prompt]] = {prompt.name: prompt for prompt in _PROMPTS}

_RESOURCES: Final = (
    Resource("test://static-text", "static-text", "A text.", Content("text/plain", text="A static text.\n")),
    Resource("test://static-binary", "static-binary", "An image.", _PIXEL),
    Resource(
        "test://watched-resource",
        "watched",
        "A text to subscribe to.",
        Content("text/plain", text="Watched.\n"),
    ),
)
FIXTURE_RESOURCES: Final[Mapping[str, Resource]] = {resource.uri: resource for resource in _RESOURCES}


def read(uri: str) -> Content | None:
    """Return the content of a resource that the template covers, or None."""
    found = re.fullmatch(r"test://template/([\w-]+)/data", uri)
    if found is None:
        return None
    return Content("application/json", text=json.dumps({"id": found[1], "data": f"The data of {found[1]}"}))
