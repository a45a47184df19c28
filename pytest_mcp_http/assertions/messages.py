"""Assertions on what a server may send beside the response to a request, from 2026-07-28 on.

Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#receiving-messages
"""

from __future__ import annotations

from collections.abc import Iterable

from pytest_mcp_http.assertions._base import Judged, as_exchange, judges, violated
from pytest_mcp_http.wire import jsonrpc
from pytest_mcp_http.wire.exchange import Exchange
from pytest_mcp_http.wire.jsonrpc import Kind

__tracebackhide__ = True  # a failure is about the response, not about this code

CHANGES = frozenset(
    {
        "notifications/subscriptions/acknowledged",
        "notifications/tools/list_changed",
        "notifications/prompts/list_changed",
        "notifications/resources/list_changed",
        "notifications/resources/updated",
    }
)
"""Notifications that belong to the stream of `subscriptions/listen` alone, from 2026-07-28 on."""

PROGRESS = "notifications/progress"


@judges("transport.no-server-requests")
def assert_no_server_request(response: Judged) -> Exchange:
    """Assert that a server sent no request of its own, which 2026-07-28 does not know.

    What a server needs from the client it asks for in a result. Notifications with an id are judged
    elsewhere.

    Args:
        response: The response to a POST, JSON or event stream.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If there is a message with both a method and an id.

    Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/index and
        https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#receiving-messages
    """
    exchange = as_exchange(response)
    for message in exchange.requests:
        if not str(message.method).startswith("notifications/"):
            expected = ("responses and notifications only", "a result that asks for input")
            violated(f"the request {message.method} from the server", expected, exchange)
    return exchange


@judges("sse.related-notifications")
def assert_notifications_related(response: Judged, *, tokens: Iterable[object] | None = None) -> Exchange:
    """Assert that the notifications on the stream of a request can be about that request (2026-07-28).

    Which notifications else are about it cannot be told from outside.

    Args:
        response: The response to a POSTed request; that to `subscriptions/listen` is not judged.
        tokens: Progress tokens of all requests; only progress with one of these counts. Default any.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If there is a change notification, or progress with a token that is not the
            request's.

    Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#receiving-messages
    """
    exchange = as_exchange(response)
    sent = exchange.request.message
    if sent is None or sent.kind is not Kind.REQUEST or sent.method == "subscriptions/listen":
        return exchange
    token = _member(_member(sent.params, "_meta"), "progressToken")
    counted = None if tokens is None else list(tokens)
    for message in exchange.notifications:
        if message.method in CHANGES:
            expected = "notifications about the request; changes belong to the stream of subscriptions/listen"
            violated(f"{message.method} on the stream of {sent.method}", expected, exchange)
        named = _member(message.params, "progressToken")
        if message.method != PROGRESS or named is None or jsonrpc.same_id(named, token):
            continue
        if counted is None or any(jsonrpc.same_id(named, each) for each in counted):
            actual = f"progress with the token {named!r} on the stream of {sent.method}"
            violated(actual, f"progress with the token of the request ({token!r})", exchange)
    return exchange


def _member(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, dict) else None
