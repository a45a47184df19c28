"""What a client answers when the server asks for something: functions of the user, and what they declare."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pytest_mcp_http.dialect import CLIENT_NAME

Sampling = Callable[[Mapping[str, Any]], object]
"""Gets the params of `sampling/createMessage`; returns the result, or the text that the model says."""

Elicitation = Callable[[Mapping[str, Any]], object]
"""Gets the params of `elicitation/create`; returns the result."""

Roots = Iterable[str | Mapping[str, Any]] | Callable[[], object]
"""The roots, as URIs or as objects, or a function that returns them."""

METHODS: Final = ("sampling/createMessage", "elicitation/create", "roots/list")
"""What a server may ask a client for, beside `ping`."""


@dataclass(frozen=True)
class Callbacks:
    """The user's functions; those of `AsyncMcpClient` may be coroutine functions."""

    sampling: Sampling | None = None
    elicitation: Elicitation | None = None
    roots: Roots | None = None

    def __bool__(self) -> bool:
        return any(each is not None for each in (self.sampling, self.elicitation, self.roots))

    def capabilities(self, revision: str) -> dict[str, object]:
        """Return the client capabilities that say what is answered.

        Args:
            revision: The revision that is spoken; the first one has no elicitation.
        """
        found: dict[str, object] = {}
        if self.sampling is not None:
            found["sampling"] = {}
        if self.elicitation is not None and revision != "2025-03-26":
            found["elicitation"] = {}
        if self.roots is not None:
            found["roots"] = {}
        return found

    def function(self, method: str) -> Callable[[Mapping[str, Any]], object] | None:
        """Return what answers a method, or None."""
        if method == "sampling/createMessage":
            return self.sampling
        if method == "elicitation/create":
            return self.elicitation
        roots = self.roots if method == "roots/list" else None
        if roots is None:
            return None
        return (lambda _: roots()) if callable(roots) else (lambda _: roots)


def shaped(method: str, value: object) -> Mapping[str, Any]:
    """Return the client's result for what a callback returned.

    Raises:
        TypeError: If the callback returned something that is no result.
    """
    if method == "sampling/createMessage" and isinstance(value, str):
        content = {"type": "text", "text": value}
        return {"role": "assistant", "content": content, "model": CLIENT_NAME, "stopReason": "endTurn"}
    if (
        method == "roots/list"
        and isinstance(value, Iterable)
        and not isinstance(value, (str, bytes, Mapping))
    ):
        return {"roots": [{"uri": each} if isinstance(each, str) else dict(each) for each in value]}
    if isinstance(value, Mapping):
        return dict(value)
    accepted = {
        "sampling/createMessage": "a text or the result",
        "elicitation/create": "the result",
        "roots/list": "an iterable of URIs or roots",
    }[method]
    raise TypeError(f"the callback for {method} returned {value!r}; accepted is {accepted}")
