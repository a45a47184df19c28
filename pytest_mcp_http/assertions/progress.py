"""Assertions on progress: whose it is, that it grows, and when it ends.

Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/progress and
    https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/progress
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from pytest_mcp_http.assertions._base import Judged, as_exchange, judges, violated
from pytest_mcp_http.assertions.messages import PROGRESS
from pytest_mcp_http.wire.exchange import Exchange
from pytest_mcp_http.wire.jsonrpc import ABSENT, Kind, json_type, same_id

__tracebackhide__ = True  # a failure is about the response, not about this code


@dataclass(frozen=True, slots=True)
class Progress:
    """One progress notification.

    Attributes:
        params: Its params, empty if they are no object.
        late: Whether it came after the response on the same stream.
    """

    params: dict[str, Any]
    late: bool

    @property
    def token(self) -> object:
        """Whose progress it is, or `ABSENT`."""
        return self.params.get("progressToken", ABSENT)

    @property
    def value(self) -> object:
        """How far the work is, or `ABSENT`."""
        return self.params.get("progress", ABSENT)


def progress_on(response: Judged) -> list[Progress]:
    """Return the progress notifications of a response, in order."""
    found: list[Progress] = []
    answered = False
    for message in as_exchange(response).messages:
        answered = answered or message.kind in (Kind.RESULT, Kind.ERROR)
        if message.kind is Kind.NOTIFICATION and message.method == PROGRESS:
            found.append(Progress(message.params if isinstance(message.params, dict) else {}, answered))
    return found


def token_of(response: Judged) -> object:
    """Return the progress token of the request that was answered, or `ABSENT`."""
    sent = as_exchange(response).request.message
    params = sent.params if sent is not None and isinstance(sent.params, dict) else {}
    meta = params.get("_meta")
    return meta.get("progressToken", ABSENT) if isinstance(meta, dict) else ABSENT


@judges("progress.token-known")
def assert_progress_tokens_known(response: Judged, tokens: Iterable[object]) -> Exchange:
    """Assert that all progress is about requests that gave a token.

    A token that comes back in another type or spelling is left to `assert_progress_tokens_exact`.

    Args:
        response: The response to a request, or a stream that was open while requests ran.
        tokens: The tokens of all requests that were sent.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If there is progress with a token that no request gave.
    """
    exchange, known = as_exchange(response), list(tokens)
    for each in progress_on(exchange):
        if _is_token(each.token) and not any(_resembles(each.token, token) for token in known):
            expected = "progress with the token of a request that is in progress"
            violated(f"progress with the token {each.token!r}, which no request gave", expected, exchange)
    return exchange


@judges("progress.token-echo-exact")
def assert_progress_tokens_exact(response: Judged, tokens: Iterable[object]) -> Exchange:
    """Assert that progress carries the token of its request as the client wrote it, with its JSON type.

    Args:
        response: The response to a request, or a stream that was open while requests ran.
        tokens: The tokens of all requests; no two of them may differ in type or spelling alone.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If a token is missing, neither text nor number, or of another type or spelling.
    """
    exchange, known = as_exchange(response), list(tokens)
    for each in progress_on(exchange):
        meant = next((token for token in known if _resembles(each.token, token)), ABSENT)
        if not _is_token(each.token):
            shown = "no token" if each.token is ABSENT else f"the token {each.token!r}"
            violated(f"progress with {shown}", _any_of(known), exchange)
        if meant is not ABSENT and not same_id(each.token, meant):
            violated(f"progress with the token {each.token!r}", _any_of([meant]), exchange)
    return exchange


@judges("progress.increasing")
def assert_progress_increases(response: Judged) -> Exchange:
    """Assert that the progress of each request grows with each notification.

    Args:
        response: The response to a request, or a stream that was open while requests ran.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If a value is no number, or not greater than the one before.
    """
    exchange = as_exchange(response)
    series: dict[tuple[str, str], list[Any]] = {}
    for each in progress_on(exchange):
        if json_type(each.value) != "number":
            shown = "no value" if each.value is ABSENT else f"the value {each.value!r}"
            violated(f"progress with {shown}", "a number that grows", exchange)
        series.setdefault((json_type(each.token), str(each.token)), []).append(each.value)
    for values in series.values():
        for before, value in pairwise(values):
            if value <= before:
                violated(
                    f"progress {value!r} after {before!r}",
                    "a value that is greater than the one before",
                    exchange,
                )
    return exchange


@judges("progress.stops-after-completion")
def assert_progress_ends(response: Judged, finished: Iterable[object] = ()) -> Exchange:
    """Assert that no progress follows the response to its request.

    Args:
        response: The response to a request.
        finished: Tokens of requests that were answered before this request was sent.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If there is progress after the response, or of a request that is finished.
    """
    exchange, over = as_exchange(response), list(finished)
    for each in progress_on(exchange):
        if each.late:
            violated(f"{PROGRESS} after the response", "no progress after the response", exchange)
        if any(same_id(each.token, token) for token in over):
            actual = f"progress with the token {each.token!r} of a request that was answered before"
            violated(actual, "no progress after the response", exchange)
    return exchange


@judges("progress.no-token-no-progress", "progress.not-on-listen-stream", "sse.get-unrelated")
def assert_no_progress(
    response: Judged, expected: str, *, tokens: Iterable[object] | None = None
) -> Exchange:
    """Assert that a response holds no progress: that of a request without a token, or a stream of others.

    Args:
        response: The response.
        expected: What is legal instead, for the message.
        tokens: Only progress with one of these tokens counts; default any.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If it holds some.
    """
    exchange = as_exchange(response)
    counted = None if tokens is None else list(tokens)
    for each in progress_on(exchange):
        if counted is None or any(same_id(each.token, token) for token in counted):
            violated(f"progress with the token {each.token!r}", expected, exchange)
    return exchange


@judges("progress.message-useful")
def assert_progress_messages(response: Judged) -> Exchange:
    """Assert that progress messages, where there are any, are texts that say something.

    Args:
        response: The response to a request, or a stream that was open while requests ran.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If a message is blank, or no text.
    """
    exchange = as_exchange(response)
    for each in progress_on(exchange):
        message = each.params.get("message", "-")
        if not isinstance(message, str) or not message.strip():
            expected = ("a text that tells how far the work is", "no message")
            violated(f"progress with the message {message!r}", expected, exchange)
    return exchange


def foreign_progress(response: Judged, tokens: Iterable[object]) -> Iterator[object]:
    """Yield the tokens of other requests under which progress stands on the stream of a request.

    Args:
        response: The response to a request.
        tokens: The tokens of all requests that were sent.
    """
    own, known = token_of(response), list(tokens)
    for each in progress_on(response):
        if not same_id(each.token, own) and any(same_id(each.token, token) for token in known):
            yield each.token


def _is_token(value: object) -> bool:
    return json_type(value) in ("string", "number")


def _resembles(value: object, token: object) -> bool:
    """Tell whether a value is a token, perhaps in another type, case or character coding."""
    return same_id(value, token) or _spelt(value) == _spelt(token) != ""


def _spelt(token: object) -> str:
    """Return the letters and digits of a token that every type, case and character coding has."""
    if isinstance(token, float) and token.is_integer():
        token = int(token)
    return re.sub(r"[^a-z0-9.]", "", str(token).lower())


def _any_of(tokens: list[object]) -> list[str]:
    return [f"the token {token!r}, as the request gave it" for token in tokens]
