"""The errors of a run, in the order of its steps.

1. Reading options: `pytest.UsageError` (exit code 4).
2. Opening the target, finding its revisions: `TargetError` (one diagnosis, exit code 4).
3. Sending and receiving: no error; whatever the network does is an outcome of the `Exchange`.
4. Calls of a client that return a value: `CallError`, which carries its exchange.
5. Judging: `RequirementViolated`, or `NotApplicable` and `NotVerified` when there is nothing to judge.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_mcp_http.wire.exchange import Exchange


class McpHttpError(Exception):
    """Base of the errors that are not verdicts."""


class TargetError(McpHttpError):
    """The target cannot be judged: it never answered, or what answered is no server we know how to judge.

    The message is the whole diagnosis: what was sent, what came back, what to do about it.
    """


class CallError(McpHttpError):
    """A call of a client brought no value.

    Args:
        message: What was asked, and what came; without secrets.
        exchange: The exchange that shows it.
    """

    def __init__(self, message: str, exchange: Exchange) -> None:
        super().__init__(message)
        self.exchange = exchange


class JsonRpcError(CallError):
    """The server answered with a JSON-RPC error.

    Args:
        message: What was asked, and what came; without secrets.
        exchange: The exchange.
        code: `error.code`.
        text: `error.message`, as the server sent it.
        data: `error.data`, as the server sent it; None if there is none.
    """

    def __init__(self, message: str, exchange: Exchange, *, code: int, text: str, data: object) -> None:
        super().__init__(message, exchange)
        self.code = code
        self.text = text
        self.data = data


class NoResponseError(CallError):
    """No usable response came: a time-out, a reset, an HTTP error, or something that is no response."""


class SessionLostError(NoResponseError):
    """The server no longer knows the session of the client."""


class MalformedResultError(CallError):
    """A response came whose result is not what the specification says; the message names the member."""


class NegotiationError(CallError):
    """Client and server have no revision in common, or the server chose another one than asked for."""


class UnansweredError(CallError):
    """The server asks for what the client has no callback for, or asks again and again."""


class NotApplicable(Exception):  # noqa: N818 - an outcome, not an error
    """The server does not offer what the requirement is about."""


class NotVerified(Exception):  # noqa: N818 - an outcome, not an error
    """The requirement applies, but could not be exercised."""


class RequirementViolated(AssertionError):  # noqa: N818 - reads as the verdict it is
    """A server broke a requirement.

    Args:
        actual: What the server did, one line.
        expected: Every legal outcome, one line each.
        exchange: The exchange that proves it, if there is one.
        note: True when the specification leaves the behaviour open and the finding is field experience only.

    Attributes:
        requirements: Ids of the requirements that may be meant, the first of them the most likely; set by
            the helper that raised it.
    """

    def __init__(
        self, actual: str, *, expected: Sequence[str], exchange: Exchange | None = None, note: bool = False
    ) -> None:
        super().__init__(actual)
        self.actual = actual
        self.expected = tuple(expected)
        self.exchange = exchange
        self.note = note
        self.requirements: tuple[str, ...] = ()

    def __str__(self) -> str:
        lines = ["Expected: " + "\n      or: ".join(self.expected), "Actual:   " + self.actual]
        if self.exchange is not None:
            request = self.exchange.request
            lines.append(f"Exchange: {request.method} {request.url.split('?')[0]} -> {self.exchange.summary}")
        if self.requirements:
            first, *others = self.requirements
            more = (
                f", or {others[0]}" if len(others) == 1 else f", or {len(others)} like it" if others else ""
            )
            lines.append(f"Judged:   {first}{more}\n{_wording(first)}")
        if self.note:
            lines.append("Note:     the specification leaves this open; clients in the field stumble over it")
        return "\n".join(lines)


def _wording(id: str) -> str:
    """Return level, wording and newest section of a requirement, for people."""
    from pytest_mcp_http.spec.registry import requirements

    requirement = requirements()[id]
    url = requirement.url(requirement.revisions[-1])
    return f"          {requirement.level}: {requirement.wording}\n          {url}"
