"""The tool that asks the client back, for whatever kind of thing it is told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from reference_server._tool import Caller, Parameter, Tool, ToolError
from reference_server.questions import Question, Terms, by_url, form, roots, sampling

MAX_TOOL_ROUNDS: Final = 3
"""How often a model may use tools before it has to answer."""

URL: Final = "https://example.com/confirm"

_TOOL: Final = {
    "name": "lookup",
    "description": "Look up a word.",
    "inputSchema": {
        "type": "object",
        "properties": {"word": {"type": "string"}},
        "required": ["word"],
    },
}

_QUESTIONS: Final[Mapping[str, Question]] = {
    "elicitation": form(
        "Which text is to be returned?",
        {
            "type": "object",
            "properties": {"text": {"type": "string", "description": "Any text."}},
            "required": ["text"],
        },
    ),
    "sampling": sampling("Say something short."),
    "roots": roots(),
    "url": by_url("Confirm that you are there.", URL),
}
KINDS: Final = (*_QUESTIONS, "tools")


async def ask_back(
    kind: str, milliseconds: int | None = None, once: bool | None = None, *, caller: Caller
) -> str:
    """Ask the client for something and return what it answered."""
    terms = Terms(None if milliseconds is None else milliseconds / 1000, bool(once))
    answer = await (_use_tools(caller) if kind == "tools" else caller.ask(_QUESTIONS[kind], terms))
    outcome = answer.get("action", "accept")
    return json.dumps({"kind": kind, "outcome": outcome, "answer": answer}, ensure_ascii=False)


async def _use_tools(caller: Caller) -> dict[str, Any]:
    """Let a model use a tool until it answers.

    Raises:
        ToolError: If it does not answer even when it must not use tools.
    """
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": {"type": "text", "text": "Say what a word means."}}
    ]
    for left in reversed(range(MAX_TOOL_ROUNDS)):
        choice = "auto" if left else "none"
        answer = await caller.ask(sampling(messages, tools=[_TOOL], choice=choice))
        content = answer["content"]
        blocks = content if isinstance(content, list) else [content]
        uses = [block for block in blocks if block["type"] == "tool_use"]
        if not uses:
            return answer
        results = [
            {
                "type": "tool_result",
                "toolUseId": use["id"],
                "content": [{"type": "text", "text": "It means nothing here."}],
            }
            for use in uses
        ]
        messages += [{"role": "assistant", "content": content}, {"role": "user", "content": results}]
    raise ToolError("The model does not stop using tools")


ASK_BACK: Final = Tool(
    "ask_back",
    "Ask the client for input and return what it answered.",
    ask_back,
    {
        "kind": Parameter(
            "string",
            "What to ask for: a form to be filled in (elicitation), a message of a model (sampling), "
            "one of a model with tools (tools), roots, or a visit to a URL (url).",
            choices=KINDS,
        ),
        "milliseconds": Parameter(
            "integer",
            "How long the client may take to answer, from 2026-07-28 on; not for tools.",
            bounds={"minimum": 1, "maximum": 120_000},
            optional=True,
        ),
        "once": Parameter(
            "boolean",
            "Whether an answer is taken once only, from 2026-07-28 on; not for tools.",
            optional=True,
        ),
    },
    wants_caller=True,
)
