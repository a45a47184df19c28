"""The prompts: one without arguments, one with a required one, and one with all kinds of content.

Knows nothing of HTTP and of the SDK.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from reference_server import resources
from reference_server._result import BLOCKS_SINCE
from reference_server.content_tools import silence
from reference_server.questions import Question

PAGES: Final = tuple(str(number) for number in range(1, 251))
"""The pages that `explain_page` knows."""

FOCUSES: Final = ("sentiment", "entities", "summary")

Message = tuple[str, Mapping[str, Any]]
"""A role and a content block."""


class PromptError(ValueError):
    """Arguments that a prompt does not take; the message is for the caller."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt: name, description, arguments (description, whether required) and the messages it makes.

    What the user fills in, if there is a form, is added to the arguments; a form has a name.
    """

    name: str
    description: str
    render: Callable[[Mapping[str, str]], tuple[Message, ...]]
    arguments: Mapping[str, tuple[str, bool]] = field(default_factory=dict)
    form: tuple[str, Question] | None = None

    def messages(self, arguments: Mapping[str, str], revision: str) -> list[dict[str, Any]]:
        """Return the messages, as far as a revision has their kinds of content.

        Raises:
            PromptError: If a required argument is missing, or one has a value that it cannot have.
        """
        missing = [
            name for name, (_, required) in self.arguments.items() if required and name not in arguments
        ]
        if missing:
            raise PromptError(f"Missing prompt arguments: {', '.join(missing)}")
        return [
            {"role": role, "content": block}
            for role, block in self.render(arguments)
            if BLOCKS_SINCE.get(block["type"], "") <= revision
        ]


def text_message(text: str, role: str = "user") -> Message:
    """Return a message of one text."""
    return role, {"type": "text", "text": text}


def _ask_for_health(_: Mapping[str, str]) -> tuple[Message, ...]:
    return (text_message("Check the health of the server and report its status and time."),)


def _ask_for_review(arguments: Mapping[str, str]) -> tuple[Message, ...]:
    focus = arguments.get("focus", FOCUSES[0])
    return (text_message(f"Analyze the following text and give the {focus}:\n\n{arguments['text']}"),)


def _ask_for_page(arguments: Mapping[str, str]) -> tuple[Message, ...]:
    page = arguments.get("page", PAGES[0])
    if page not in PAGES:
        raise PromptError(f"Argument page must be {PAGES[0]} to {PAGES[-1]}")
    greeting, pixel = (resources.RESOURCES[f"reference://{name}"] for name in ("greeting", "pixel"))
    return (
        text_message(f"Explain page {page} of the picture book. This is its picture:"),
        ("user", {"type": "image", "data": pixel.content.blob, "mimeType": pixel.content.mime_type}),
        ("user", {"type": "audio", "data": base64.b64encode(silence()).decode(), "mimeType": "audio/wav"}),
        (
            "user",
            {
                "type": "resource",
                "resource": {
                    "uri": greeting.uri,
                    "mimeType": greeting.content.mime_type,
                    "text": greeting.content.text,
                },
            },
        ),
        (
            "user",
            {
                "type": "resource",
                "resource": {
                    "uri": pixel.uri,
                    "mimeType": pixel.content.mime_type,
                    "blob": pixel.content.blob,
                },
            },
        ),
        ("user", {"type": "resource_link", "uri": pixel.uri, "name": pixel.name}),
        text_message("Shall I describe the picture, the sound or the text?", "assistant"),
    )


PROMPTS: Final[Mapping[str, Prompt]] = {
    prompt.name: prompt
    for prompt in (
        Prompt("server_status", "Ask for the status of the server.", _ask_for_health),
        Prompt(
            "review_text",
            "Ask for an analysis of a text.",
            _ask_for_review,
            {"text": ("The text to analyze.", True), "focus": ("sentiment, entities or summary.", False)},
        ),
        Prompt(
            "explain_page",
            "Ask for an explanation of a page with a picture, a sound and texts.",
            _ask_for_page,
            {"page": (f"Which page, {PAGES[0]} to {PAGES[-1]}.", False)},
        ),
    )
}
