"""Assertions on log messages: their levels, where they travel, and what they must not hold.

Source: https://modelcontextprotocol.io/specification/2025-11-25/server/utilities/logging and
    https://modelcontextprotocol.io/specification/2026-07-28/server/utilities/logging
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Final

from pytest_mcp_http.assertions._base import Judged, as_exchange, judges, violated
from pytest_mcp_http.assertions.jsonrpc import code_in
from pytest_mcp_http.wire.exchange import Exchange
from pytest_mcp_http.wire.jsonrpc import ABSENT, Kind, Message

__tracebackhide__ = True  # a failure is about the response, not about this code

LOG_MESSAGE: Final = "notifications/message"

LEVELS: Final = ("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency")
"""All log levels, the least severe first."""

PRIVATE_KEY: Final = "PRIVATE KEY-----"
"""What the first line of a private key in PEM form ends with."""


def log_messages(response: Judged, *, after: int = 0) -> list[Message]:
    """Return the log messages of a response, in order.

    Args:
        response: The response to a request, or a stream that was open meanwhile.
        after: How many messages of any kind to leave out at its beginning.
    """
    return [
        message
        for message in as_exchange(response).messages[after:]
        if message.kind is Kind.NOTIFICATION and message.method == LOG_MESSAGE
    ]


def level_of(message: Message) -> object:
    """Return the level of a log message, or `ABSENT`."""
    return message.params.get("level", ABSENT) if isinstance(message.params, dict) else ABSENT


def is_below(message: Message, level: str) -> bool:
    """Tell whether a log message is less severe than a level; what has no level that is known is not."""
    found = level_of(message)
    return found in LEVELS and LEVELS.index(str(found)) < LEVELS.index(level)


@judges("logging.capability-declared")
def assert_logging_declared(response: Judged, capabilities: Mapping[str, object]) -> Exchange:
    """Assert that a server which sends log messages declares the capability `logging`.

    Args:
        response: Any response of the server.
        capabilities: What it declared.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If there is a log message, and no such capability.
    """
    exchange = as_exchange(response)
    if log_messages(exchange) and "logging" not in capabilities:
        declared = ", ".join(sorted(map(str, capabilities))) or "nothing"
        violated(
            f"{LOG_MESSAGE} from a server that declares {declared}",
            ("the capability logging", "no log message"),
            exchange,
        )
    return exchange


@judges("logging.set-level-empty-result")
def assert_level_set(response: Judged) -> Exchange:
    """Assert that `logging/setLevel` with a known level got a result that is empty; `_meta` may be there.

    Args:
        response: The response to the request.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If there is no result, or it is no object; as a note if it has other members,
            which the schema of every result allows.
    """
    exchange = as_exchange(response)
    result = exchange.result
    if not isinstance(result, dict):
        violated(f"logging/setLevel got {exchange.summary}", "an empty result", exchange)
    if extra := sorted(set(result) - {"_meta"}):
        violated(f"a result with {', '.join(extra)}", "an empty result", exchange, note=True)
    return exchange


@judges("logging.invalid-level-32602", "logging.set-level-invalid-32602")
def assert_level_refused(response: Judged, level: object) -> Exchange:
    """Assert that a request which names an unknown log level was refused with -32602.

    Args:
        response: The response to the request.
        level: What it named.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: For a result, another code, or no answer; as a note for a result where a known
            level is only written in capitals.
    """
    exchange = as_exchange(response)
    if code_in(exchange) != -32602:
        known = isinstance(level, str) and level.lower() in LEVELS and exchange.result is not None
        violated(f"the level {level!r} got {exchange.summary}", "JSON-RPC error -32602", exchange, note=known)
    return exchange


@judges("logging.level-filter", "logging.level-filter.per-request")
def assert_log_levels(response: Judged, level: str, *, after: int = 0) -> Exchange:
    """Assert that no log message is less severe than a level.

    Args:
        response: The response to a request, or a stream that was open meanwhile.
        level: The level that the client asked for, one of `LEVELS`.
        after: How many messages of the response do not count, because they came before the level was set.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If one is.
    """
    exchange = as_exchange(response)
    for message in log_messages(exchange, after=after):
        if is_below(message, level):
            actual = f"a log message of the level {level_of(message)}"
            violated(actual, f"messages of the level {level} or above", exchange)
    return exchange


@judges("logging.no-message-without-log-level", "logging.not-on-listen-stream", "logging.only-on-own-stream")
def assert_no_log_messages(response: Judged, expected: str) -> Exchange:
    """Assert that a response holds no log message.

    Args:
        response: The response, for example to a request that names no log level.
        expected: What is legal instead, for the message.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If it holds one.
    """
    exchange = as_exchange(response)
    if found := log_messages(exchange):
        violated(f"a log message of the level {level_of(found[0])!r}", expected, exchange)
    return exchange


@judges("logging.before-response")
def assert_logs_before_response(response: Judged) -> Exchange:
    """Assert that no log message follows the response on the same stream.

    Args:
        response: The response to a request.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If one does.
    """
    exchange = as_exchange(response)
    answered = False
    for message in exchange.messages:
        answered = answered or message.kind in (Kind.RESULT, Kind.ERROR)
        if answered and message.kind is Kind.NOTIFICATION and message.method == LOG_MESSAGE:
            violated(f"{LOG_MESSAGE} after the response", "log messages before the response", exchange)
    return exchange


@judges("logging.no-secrets")
def assert_no_secrets_logged(response: Judged, secrets: Iterable[str]) -> Exchange:
    """Assert that log messages hold no credential of the client, and no private key.

    What they hold is not repeated in the failure.

    Args:
        response: The response to a request, or a stream that was open meanwhile.
        secrets: Values that the client sent as credentials.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If there is one.
    """
    exchange = as_exchange(response)
    if holds_any(exchange, secrets):
        violated("a log message with a credential that the client sent", "messages without it", exchange)
    if holds_any(exchange, [PRIVATE_KEY]):
        violated("a log message with a private key", "messages without it", exchange)
    return exchange


@judges("logging.remove-sensitive")
def assert_nothing_sensitive_logged(response: Judged, personal: Iterable[str]) -> Exchange:
    """Assert that log messages do not repeat what a client sent about its user.

    Args:
        response: The response to a request, or a stream that was open meanwhile.
        personal: Values that the client sent, such as an e-mail address.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If one of them is there.
    """
    exchange = as_exchange(response)
    if holds_any(exchange, personal):
        violated("a log message with an address of the user", "messages without it", exchange)
    return exchange


def holds_any(response: Judged, values: Iterable[str]) -> bool:
    """Tell whether a log message of a response holds one of some values."""
    wanted = [json.dumps(value, ensure_ascii=False)[1:-1] for value in values if value]
    texts = [json.dumps(each.params, ensure_ascii=False, default=str) for each in log_messages(response)]
    return any(value in text for value in wanted for text in texts)
