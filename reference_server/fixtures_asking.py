"""The tools and prompts of the official conformance suite that ask the client back.

Those with `input_required` in their names were made for the modern era, and work in the other one as well.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from reference_server._tool import Caller, Parameter, Tool
from reference_server.prompts import Message, Prompt, text_message
from reference_server.questions import Question, form, roots, sampling


def _form(message: str, **properties: Mapping[str, Any]) -> Question:
    """Ask the user to fill in a form whose fields are all required."""
    return form(message, {"type": "object", "properties": properties, "required": list(properties)})


def _text(description: str) -> dict[str, Any]:
    return {"type": "string", "description": description}


def _titled(*names: str) -> list[dict[str, str]]:
    return [{"const": name, "title": name.title()} for name in names]


NAME: Final = _form("What is your name?", name=_text("Your name."))
CONFIRMATION: Final = _form("Do you agree?", ok={"type": "boolean"})
CAPITAL: Final = sampling("What is the capital of France?")

DEFAULTS: Final = form(
    "Please check what is filled in.",
    {
        "type": "object",
        "properties": {
            "name": {"type": "string", "default": "John Doe"},
            "age": {"type": "integer", "default": 30},
            "score": {"type": "number", "default": 95.5},
            "status": {"type": "string", "enum": ["active", "inactive", "pending"], "default": "active"},
            "verified": {"type": "boolean", "default": True},
        },
    },
)
CHOICES: Final = form(
    "Please choose.",
    {
        "type": "object",
        "properties": {
            "untitledSingle": {"type": "string", "enum": ["option1", "option2", "option3"]},
            "titledSingle": {"type": "string", "oneOf": _titled("value1", "value2", "value3")},
            "legacyEnum": {
                "type": "string",
                "enum": ["opt1", "opt2", "opt3"],
                "enumNames": ["Option One", "Option Two", "Option Three"],
            },
            "untitledMulti": {
                "type": "array",
                "items": {"type": "string", "enum": ["option1", "option2", "option3"]},
            },
            "titledMulti": {"type": "array", "items": {"anyOf": _titled("value1", "value2", "value3")}},
        },
    },
)


def _told(answers: object) -> str:
    return json.dumps({"answers": answers}, ensure_ascii=False)


async def _sample(prompt: str, *, caller: Caller) -> str:
    return _told(await caller.ask(sampling(prompt)))


async def _elicit(message: str, *, caller: Caller) -> str:
    question = _form(message, username=_text("Your name."), email=_text("Your address."))
    return _told(await caller.ask(question))


async def _elicit_defaults(*, caller: Caller) -> str:
    return _told(await caller.ask(DEFAULTS))


async def _elicit_choices(*, caller: Caller) -> str:
    return _told(await caller.ask(CHOICES))


async def _need_sampling(*, caller: Caller) -> str:
    return _told(await caller.ask(CAPITAL))


async def _ask_name(*, caller: Caller) -> str:
    return _told(await caller.asker.ask_all({"user_name": NAME}, keep=False))


async def _ask_capital(*, caller: Caller) -> str:
    return _told(await caller.asker.ask_all({"capital_question": CAPITAL}, keep=False))


async def _ask_roots(*, caller: Caller) -> str:
    return _told(await caller.asker.ask_all({"client_roots": roots()}, keep=False))


async def _ask_with_state(*, caller: Caller) -> str:
    await caller.asker.ask_all({"confirm": CONFIRMATION})
    return "state-ok"


async def _ask_several(*, caller: Caller) -> str:
    greeting = sampling("Say a greeting.")
    return _told(
        await caller.asker.ask_all({"user_name": NAME, "greeting": greeting, "client_roots": roots()})
    )


async def _ask_twice(*, caller: Caller) -> str:
    first = await caller.asker.ask_all({"step1": NAME})
    colour = _form("What is your favourite colour?", color=_text("A colour."))
    return _told(first | await caller.asker.ask_all({"step2": colour}))


async def _ask_what_can_be(*, caller: Caller) -> str:
    questions = {"user_name": NAME, "capital_question": CAPITAL, "client_roots": roots()}
    able = {key: question for key, question in questions.items() if caller.asker.can_ask(question)}
    return _told(await caller.asker.ask_all(able, keep=False) if able else {})


def _asking(name: str, description: str, run: Any, **parameters: Parameter) -> Tool:
    return Tool(name, description, run, parameters, wants_caller=True)


_PREFIX: Final = "test_input_required_result"

ASKING_TOOLS: Final = (
    _asking(
        "test_sampling",
        "Ask the client's model.",
        _sample,
        prompt=Parameter("string", "What to ask it."),
    ),
    _asking(
        "test_elicitation",
        "Ask the user for name and address.",
        _elicit,
        message=Parameter("string", "What to tell the user."),
    ),
    _asking("test_elicitation_sep1034_defaults", "Ask the user, with defaults.", _elicit_defaults),
    _asking("test_elicitation_sep1330_enums", "Ask the user to choose.", _elicit_choices),
    _asking("test_missing_capability", "Ask the client's model.", _need_sampling),
    _asking("test_streaming_elicitation", "Ask the user for a name.", _ask_name),
    _asking(f"{_PREFIX}_elicitation", "Ask the user for a name.", _ask_name),
    _asking(f"{_PREFIX}_sampling", "Ask the client's model.", _ask_capital),
    _asking(f"{_PREFIX}_list_roots", "Ask for the roots.", _ask_roots),
    _asking(f"{_PREFIX}_request_state", "Ask the user, with a state.", _ask_with_state),
    _asking(f"{_PREFIX}_tampered_state", "Ask the user, with a state.", _ask_with_state),
    _asking(f"{_PREFIX}_multiple_inputs", "Ask for several things at once.", _ask_several),
    _asking(f"{_PREFIX}_multi_round", "Ask the user twice.", _ask_twice),
    _asking(f"{_PREFIX}_capabilities", "Ask for all that the client can answer.", _ask_what_can_be),
)


def _with_context(arguments: Mapping[str, str]) -> tuple[Message, ...]:
    return (text_message(f"Say something about this: {arguments.get('context', '')}"),)


ASKING_PROMPTS: Final = (
    Prompt(
        f"{_PREFIX}_prompt",
        "A text with what the user says in it.",
        _with_context,
        form=("user_context", _form("What is the context?", context=_text("Any text."))),
    ),
)
