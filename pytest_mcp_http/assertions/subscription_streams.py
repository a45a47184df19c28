"""Assertions on the streams of subscriptions: that they stay open, what they carry, how they end.

Each takes the response to a `subscriptions/listen` request, as it was when the stream ended or was closed.
Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/subscriptions#cancellation
"""

from __future__ import annotations

from typing import Final

from pytest_mcp_http.assertions._base import Judged, as_exchange, judges, violated
from pytest_mcp_http.assertions.cancellation import CANCELLED
from pytest_mcp_http.assertions.subscriptions import (
    ACKNOWLEDGED,
    STREAM,
    TYPES,
    asked_for,
    listen_id,
    subscription_of,
)
from pytest_mcp_http.dialect import SUBSCRIPTION_ID
from pytest_mcp_http.wire.exchange import End, Exchange
from pytest_mcp_http.wire.jsonrpc import ABSENT, Kind, same_id

__tracebackhide__ = True  # a failure is about the response, not about this code

REQUEST_SCOPED: Final = ("notifications/progress", "notifications/message")
"""Notifications that travel with the response to the request that they are about."""

AT_ONCE: Final = 0.1
"""Seconds after the acknowledgement within which the end of a stream means that it never stayed open."""

_JUDGED_ELSEWHERE: Final = (ACKNOWLEDGED, CANCELLED, *REQUEST_SCOPED)


def acknowledged_at(response: Judged) -> float | None:
    """Return when the acknowledgement arrived, in seconds since the request was sent; None if it did not."""
    return next(
        (
            item.at
            for item in as_exchange(response).received
            if item.message.kind is Kind.NOTIFICATION and item.message.method == ACKNOWLEDGED
        ),
        None,
    )


def ended_at_once(response: Judged) -> bool:
    """Tell whether the server ended an acknowledged stream within `AT_ONCE` seconds of acknowledging it."""
    exchange = as_exchange(response)
    since = acknowledged_at(exchange)
    return since is not None and _ended(exchange) and exchange.ended_at - since <= AT_ONCE


def ended_later(response: Judged) -> bool:
    """Tell whether the server ended an acknowledged stream in good order, later than `AT_ONCE` seconds."""
    exchange = as_exchange(response)
    since = acknowledged_at(exchange)
    return since is not None and exchange.end is End.EOF and exchange.ended_at - since > AT_ONCE


@judges("subscriptions.sse-reply")
def assert_stays_open(response: Judged) -> Exchange:
    """Assert that a served listen request was answered with an event stream that stays open.

    Args:
        response: The response to the listen request.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If it is no event stream, or ends right after the acknowledgement without the
            result that would say that the subscription is over.
    """
    exchange = as_exchange(response)
    if not exchange.is_sse:
        violated(f"subscriptions/listen got {exchange.summary}", f"{STREAM} that stays open", exchange)
    if ended_at_once(exchange) and not exchange.responses:
        expected = (f"{STREAM} that stays open", "the result of the request before the stream ends")
        violated(
            f"the stream ended within {AT_ONCE:g} s of its acknowledgement, without a result",
            expected,
            exchange,
        )
    return exchange


@judges("subscriptions.no-immediate-result")
def assert_long_lived(response: Judged) -> Exchange:
    """Assert that a subscription was not over as soon as it was acknowledged.

    Args:
        response: The stream.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: As a note, if its result came within `AT_ONCE` seconds of the acknowledgement.
    """
    exchange = as_exchange(response)
    since = acknowledged_at(exchange)
    for item in exchange.received:
        answered = item.message.kind in (Kind.RESULT, Kind.ERROR)
        if answered and since is not None and item.at - since <= AT_ONCE:
            expected = "a stream that stays open until the client or the server has a reason to end it"
            violated("the subscription was over at once", expected, exchange, note=True)
    return exchange


@judges("subscriptions.only-requested-types")
def assert_requested_types_only(response: Judged) -> Exchange:
    """Assert that a stream carries no notification of a type that was not asked for.

    Progress and log messages are left to `assert_nothing_request_scoped`, cancellations to
    `assert_cancels_subscriptions_only`.

    Args:
        response: The stream.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If it carries one.
    """
    exchange = as_exchange(response)
    asked = [TYPES[name][0] for name in asked_for(exchange) if name in TYPES]
    for message in exchange.notifications:
        if message.method not in (*asked, *_JUDGED_ELSEWHERE):
            expected = f"only what was asked for: {', '.join(asked) or 'nothing'}"
            violated(f"{message.method} came unasked", expected, exchange)
    return exchange


@judges("subscriptions.no-request-scoped")
def assert_nothing_request_scoped(response: Judged) -> Exchange:
    """Assert that a stream carries neither progress nor log messages.

    Args:
        response: The stream.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If it does.
    """
    exchange = as_exchange(response)
    for message in exchange.notifications:
        if message.method in REQUEST_SCOPED:
            expected = "it travels with the response to the request that it is about"
            violated(f"{message.method} came on the stream of a subscription", expected, exchange)
    return exchange


@judges("subscriptions.graceful-result")
def assert_graceful_end(response: Judged) -> Exchange:
    """Assert that a server which ended a stream in good order answered the listen request first.

    A stream that ends as soon as it is acknowledged is left to `assert_stays_open`, and a connection that
    broke is no judgement on the server.

    Args:
        response: The stream.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If it did not; as a note if it sent `notifications/cancelled` instead, which one
            page of the specification asks for and another keeps to stdio.
    """
    exchange = as_exchange(response)
    if ended_later(exchange) and not exchange.responses:
        cancelled = any(message.method == CANCELLED for message in exchange.notifications)
        what = f"{CANCELLED} and no result" if cancelled else "no result"
        violated(
            f"the server ended the stream with {what}",
            "the result of subscriptions/listen before the stream ends",
            exchange,
            note=cancelled,
        )
    return exchange


@judges("subscriptions.graceful-result-meta")
def assert_closing_result(response: Judged) -> Exchange:
    """Assert that the result which ends a subscription names it in its `_meta`.

    Args:
        response: The stream.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If it names none, or another one.
    """
    exchange = as_exchange(response)
    own = listen_id(exchange)
    for message in exchange.responses:
        named = subscription_of(message)
        if message.kind is Kind.RESULT and not same_id(named, own):
            actual = "nothing" if named is ABSENT else repr(named)
            violated(
                f"the closing result names the subscription {actual}",
                f"{SUBSCRIPTION_ID} is {own!r} in the _meta of the result",
                exchange,
            )
    return exchange


def _ended(exchange: Exchange) -> bool:
    return exchange.end in (End.EOF, End.RESET)
