"""The prompts: one without arguments and one with."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt: name, description, arguments (description, whether required) and the text it makes."""

    name: str
    description: str
    render: Callable[[Mapping[str, str]], str]
    arguments: Mapping[str, tuple[str, bool]] = field(default_factory=dict)

    def missing(self, arguments: Mapping[str, str]) -> list[str]:
        """Return the names of required arguments that are not given."""
        return [name for name, (_, required) in self.arguments.items() if required and name not in arguments]


def _ask_for_health(_: Mapping[str, str]) -> str:
    return "Check the health of the server and report its status and time."


def _ask_for_review(arguments: Mapping[str, str]) -> str:
    focus = arguments.get("focus", "sentiment")
    return f"Analyze the following text and give the {focus}:\n\n{arguments['text']}"


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
    )
}
