"""What a tool can ask the client for, in any words: a form, a visit to a URL, a sampled message, the roots.

Knows nothing of HTTP and of the SDK; `asking` sends it and checks the answers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

Json = dict[str, Any]

ELICIT: Final = "elicitation/create"
SAMPLE: Final = "sampling/createMessage"
LIST_ROOTS: Final = "roots/list"


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to ask for.

    Args:
        method: Method of the request.
        params: Its params; None for none.
        needs: The client capabilities that it takes, as an object of capabilities.
        since: The first revision that has it.
    """

    method: str
    params: Mapping[str, Any] | None
    needs: Mapping[str, Any]
    since: str

    @property
    def by_url(self) -> bool:
        """Whether the user is asked to open a URL."""
        return self.params is not None and self.params.get("mode") == "url"

    def allowed_by(self, declared: Mapping[str, Any], revision: str) -> bool:
        """Tell whether a client that declared these capabilities at a revision can be asked."""
        found = declared.get("elicitation")
        if isinstance(found, Mapping) and "url" not in found:
            # Without modes, form mode is meant (client/elicitation#capabilities).
            declared = {**declared, "elicitation": {"form": {}, **found}}
        return revision >= self.since and _holds(declared, self.needs)


def _holds(declared: object, needed: Mapping[str, Any]) -> bool:
    return isinstance(declared, Mapping) and all(
        name in declared and _holds(declared[name], members) for name, members in needed.items()
    )


def form(message: str, schema: Mapping[str, Any]) -> Question:
    """Ask the user to fill in a form.

    Args:
        message: Why.
        schema: `requestedSchema`: a flat object of strings, numbers, booleans and enumerations.
    """
    params = {"message": message, "requestedSchema": schema}
    return Question(ELICIT, params, {"elicitation": {"form": {}}}, "2025-06-18")


def by_url(message: str, url: str) -> Question:
    """Ask the user to open a URL."""
    params = {"mode": "url", "message": message, "url": url}
    return Question(ELICIT, params, {"elicitation": {"url": {}}}, "2025-11-25")


def sampling(
    messages: str | Sequence[Json],
    *,
    tools: Sequence[Json] = (),
    choice: str = "auto",
    max_tokens: int = 100,
) -> Question:
    """Ask for a message of the client's model.

    Args:
        messages: The conversation, or the text of its only message.
        tools: Tools that the model may use.
        choice: Whether it may (`auto`), has to (`required`) or must not (`none`) use them.
        max_tokens: Longest answer.
    """
    if isinstance(messages, str):
        messages = [{"role": "user", "content": {"type": "text", "text": messages}}]
    params: Json = {"messages": list(messages), "maxTokens": max_tokens}
    if not tools:
        return Question(SAMPLE, params, {"sampling": {}}, "2025-03-26")
    params.update(tools=list(tools), toolChoice={"mode": choice})
    return Question(SAMPLE, params, {"sampling": {"tools": {}}}, "2025-11-25")


def roots() -> Question:
    """Ask for the client's roots."""
    return Question(LIST_ROOTS, None, {"roots": {}}, "2025-03-26")


@dataclass(frozen=True, slots=True)
class Terms:
    """How long and how often the client may answer, in the modern era.

    Args:
        seconds: How long; None for as long as any state is valid.
        once: Whether answers are taken once only.
    """

    seconds: float | None = None
    once: bool = False


ANY_TIME: Final = Terms()
"""As long as any state is valid, as often as the client likes."""


class Asker(Protocol):
    """Asks the client of a call."""

    def can_ask(self, question: Question) -> bool:
        """Tell whether the client declared what a question needs."""

    async def ask_all(
        self, questions: Mapping[str, Question], terms: Terms = ANY_TIME, *, keep: bool = True
    ) -> dict[str, Json]:
        """Ask several things at once and return the client's result for each, under the same key.

        Args:
            questions: What to ask for.
            terms: How long and how often answers are taken.
            keep: In the modern era, keep the answers for a further round, in a state that the client brings
                back. Without one, all answers have to come at once, from whoever brings them.
        """
