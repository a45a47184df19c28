"""Assertions on cancellation: what becomes of a request whose stream was closed, and of a late cancel.

Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/cancellation and
    https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/cancellation
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pytest_mcp_http.assertions._base import Judged, as_exchange, judges, violated
from pytest_mcp_http.spec.messages import validate_server_message
from pytest_mcp_http.wire.exchange import Exchange
from pytest_mcp_http.wire.jsonrpc import ABSENT, Kind, Message, same_id

__tracebackhide__ = True  # a failure is about the response, not about this code

CANCELLED: Final = "notifications/cancelled"


def is_answered(response: Judged) -> bool:
    """Tell whether a response holds the result for its request; others may stand there as well.

    The id may come back as a value of another JSON type, which other requirements judge.
    """
    exchange = as_exchange(response)
    sent = exchange.request.message
    own = str(sent.id) if sent is not None else None
    return any(message.kind is Kind.RESULT and str(message.id) == own for message in exchange.responses)


@judges("cancellation.disconnect-stops-work")
def assert_work_stopped(response: Judged, counted: int, whole: int) -> Exchange:
    """Assert that a server stopped to work on a request whose stream was closed by the client.

    Args:
        response: The stream that was closed.
        counted: How much work was counted for it, long after it was closed.
        whole: How much is counted for a request that is left alone.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If all the work was done.

    Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#cancellation
    """
    exchange = as_exchange(response)
    if counted >= whole:
        violated(
            f"the client closed the stream, and the work went on to its end: {counted} of {whole} ticks",
            "closing the stream cancels the request, and its work stops",
            exchange,
        )
    return exchange


@judges("cancellation.request-stopped")
def assert_cancel_obeyed(response: Judged, counted: int, whole: int) -> Exchange:
    """Assert that a request which was cancelled by notification stopped, and got no response.

    Args:
        response: The response to the request.
        counted: How much work was counted for it, long after it was cancelled.
        whole: How much is counted for a request that is left alone.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If it stopped and got a response all the same, or went on to its end without one;
            as a note if it went on and was answered, as if it could not be cancelled.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/cancellation#behavior-requirements
    """
    exchange = as_exchange(response)
    stopped, answered = counted < whole, bool(exchange.responses)
    ticks = f"{counted} of {whole} ticks"
    expected = ["the work stops, and there is no response"]
    if stopped and answered:
        violated(f"the work stopped ({ticks}), and the request got {exchange.summary}", expected, exchange)
    if not stopped and not answered:
        violated(f"no response, but the work went on to its end: {ticks}", expected, exchange)
    if not stopped:
        expected.append("a response as if there had been no cancel, where the work cannot be cancelled")
        violated(f"the cancel was ignored: {ticks}", expected, exchange, note=True)
    return exchange


@judges("sse.disconnect-not-cancel")
def assert_work_went_on(response: Judged, counted: int, whole: int) -> Exchange:
    """Assert that a server went on with a request whose connection was lost, up to revision 2025-11-25.

    Args:
        response: The stream whose connection was closed.
        counted: How much work was counted for it, long after that.
        whole: How much is counted for a request that is left alone.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If less was done.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#sending-messages-to-the-server
    """
    exchange = as_exchange(response)
    if counted < whole:
        violated(
            f"the connection was lost, and the work stopped: {counted} of {whole} ticks",
            "the work goes on: only notifications/cancelled cancels a request",
            exchange,
        )
    return exchange


@judges("cancellation.disconnect-scoped")
def assert_left_alone(response: Judged, counted: int, whole: int) -> Exchange:
    """Assert that a request was answered in full, although the stream of another one was closed meanwhile.

    Args:
        response: The response to the request.
        counted: How much work was counted for it.
        whole: How much is counted for a request while nothing else runs.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If it has no result, or not all of its work was done.

    Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#cancellation
    """
    exchange = as_exchange(response)
    if not is_answered(exchange) or counted < whole:
        violated(
            f"another stream was closed, and this request got {exchange.summary}, {counted} of {whole} ticks",
            "closing a stream cancels the request that it belongs to, and no other",
            exchange,
        )
    return exchange


@judges("cancellation.disconnect-no-more-messages")
def assert_silent_about(response: Judged, request: Message, *, after: int = 0) -> Exchange:
    """Assert that a response holds nothing about another request, which was cancelled.

    Args:
        response: The response to any request but that one.
        request: The cancelled request.
        after: How many messages of the response came before the request was cancelled.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If it holds the answer to that request, or progress with its token.

    Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#cancellation
    """
    exchange = as_exchange(response)
    for message in exchange.messages[after:]:
        answers = message.kind in (Kind.RESULT, Kind.ERROR) and same_id(message.id, request.id)
        token = _token(message)
        if answers or (token is not ABSENT and same_id(token, _token(request))):
            violated(
                f"{message.method or 'the answer'} for a request whose stream was closed",
                "no further message for a cancelled request",
                exchange,
            )
    return exchange


@judges("cancellation.server-cancelled-only-listen")
def assert_cancels_subscriptions_only(responses: Iterable[Judged]) -> None:
    """Assert that a server cancels nothing but subscriptions of the client.

    Args:
        responses: All that the client received, the streams of its subscriptions among them.

    Raises:
        RequirementViolated: If `notifications/cancelled` names something else than a listen request.

    Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/cancellation
    """
    exchanges = [as_exchange(response) for response in responses]
    sent = [exchange.request.message for exchange in exchanges]
    subscriptions = [m.id for m in sent if m is not None and m.method == "subscriptions/listen"]
    for exchange in exchanges:
        for message in exchange.messages:
            if message.method != CANCELLED:
                continue
            params = message.params if isinstance(message.params, dict) else {}
            named = params.get("requestId", ABSENT)
            if not any(same_id(named, each) for each in subscriptions):
                violated(
                    f"the server sent {CANCELLED} for {named!r}",
                    f"{CANCELLED} names an open subscriptions/listen request, or is not sent",
                    exchange,
                )


def cancels_in(responses: Iterable[Judged], revision: str) -> list[tuple[Exchange, object]]:
    """Return the ids that a server cancelled, each with the response in which it did.

    Args:
        responses: What the client received.
        revision: The revision that was negotiated; what breaks its schema is left out.
    """
    exchanges = [as_exchange(response) for response in responses]
    return [
        (exchange, message.params["requestId"])
        for exchange in exchanges
        for message in exchange.messages
        if message.kind is Kind.NOTIFICATION
        and message.method == CANCELLED
        and isinstance(message.params, dict)
        and "requestId" in message.params
        and not validate_server_message(message.value, revision)
    ]


@judges("cancellation.own-requests-only")
def assert_cancels_own_requests(responses: Iterable[Judged], revision: str) -> None:
    """Assert that a server cancels nothing but requests of its own, up to revision 2025-11-25.

    Args:
        responses: All that the client received.
        revision: The revision that was negotiated.

    Raises:
        RequirementViolated: If `notifications/cancelled` names no request that the server sent.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/cancellation#behavior-requirements
    """
    exchanges = [as_exchange(response) for response in responses]
    own = [request.id for exchange in exchanges for request in exchange.requests]
    for exchange, named in cancels_in(exchanges, revision):
        if not any(same_id(named, each) for each in own):
            violated(
                f"the server sent {CANCELLED} for {named!r}",
                f"{CANCELLED} names a request that the server sent, or is not sent",
                exchange,
            )


@judges("cancellation.unknown-id-ignored")
def assert_cancel_ignored(response: Judged) -> Exchange:
    """Assert that `notifications/cancelled` for a request that is not running was taken.

    Which of the statuses 2xx it got, and what else a body says, is left to other helpers.

    Args:
        response: The response to the notification.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If it was refused, the server failed, or there is no answer.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/cancellation#error-handling
    """
    exchange = as_exchange(response)
    if not exchange.ok:
        violated(f"{CANCELLED} got {exchange.summary}", "HTTP 202: it is ignored", exchange)
    return exchange


@judges("cancellation.malformed-ignored", "cancellation.notification-on-http", "cancellation.race-handled")
def assert_cancel_harmless(response: Judged) -> Exchange:
    """Assert that `notifications/cancelled` was taken or refused, and broke nothing.

    Args:
        response: The response to the notification.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If the server failed, or there is no answer.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/utilities/cancellation#timing-considerations
    """
    exchange = as_exchange(response)
    if exchange.status is None or exchange.status >= 500:
        violated(f"{CANCELLED} got {exchange.summary}", ("HTTP 202", "HTTP 4xx"), exchange)
    return exchange


@judges("cancellation.malformed-ignored", "cancellation.race-handled")
def assert_served_after_cancel(response: Judged, what: str) -> Exchange:
    """Assert that a request is served although a cancel that came too late went before it.

    Args:
        response: The response to the request.
        what: What went before it, for the message.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If it has no result.

    Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/cancellation#timing-considerations
    """
    exchange = as_exchange(response)
    if exchange.result is None:
        violated(f"{what}, a request got {exchange.summary}", "later requests are served", exchange)
    return exchange


def _token(message: Message) -> object:
    """Return the progress token of a request or of a progress notification, or `ABSENT`."""
    params = message.params if isinstance(message.params, dict) else {}
    holder = params if message.method == "notifications/progress" else params.get("_meta")
    return holder.get("progressToken", ABSENT) if isinstance(holder, dict) else ABSENT
