"""Assertions on changes that a server announces: of its lists, and of its resources.

Source: https://modelcontextprotocol.io/specification/2025-11-25/server/resources#subscriptions and
    https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/subscriptions
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from typing import Final

from pytest_mcp_http.assertions._base import Judged, as_exchange, judges, violated
from pytest_mcp_http.wire.exchange import Exchange

__tracebackhide__ = True  # a failure is about the response, not about this code

UPDATED: Final = "notifications/resources/updated"


def updated_uris(response: Judged) -> Iterator[str]:
    """Yield the URIs of the resources whose update a stream announces, in order."""
    for message in as_exchange(response).notifications:
        uri = message.params.get("uri") if isinstance(message.params, dict) else None
        if message.method == UPDATED and isinstance(uri, str):
            yield uri


def concerns(uri: str, asked: Iterable[str]) -> bool:
    """Tell whether a URI is one of those asked for, or below one of them."""
    return any(uri == each or uri.startswith(each.rstrip("/") + "/") for each in asked)


@judges(
    "prompts.list-changed",
    "prompts.list-changed.listen",
    "resources.list-changed",
    "tools.list-changed",
    "tools.list-changed.listen",
)
def assert_list_change_announced(responses: Iterable[Judged], kind: str) -> Exchange:
    """Assert that a change of a list was announced on one of the streams of a client.

    Args:
        responses: The streams, that for what no request asked for first; at least one.
        kind: The list: `tools`, `prompts` or `resources`.

    Returns:
        The first stream as an exchange.

    Raises:
        RequirementViolated: If it was announced on none.
    """
    exchanges = [as_exchange(response) for response in responses]
    method = f"notifications/{kind}/list_changed"
    if not any(message.method == method for each in exchanges for message in each.notifications):
        violated(f"the list of {kind} changed, and nothing came", method, exchanges[0])
    return exchanges[0]


@judges("subscriptions.resource-updated")
def assert_update_announced(responses: Iterable[Judged], uris: Collection[str]) -> Exchange:
    """Assert that the changes of resources were announced on one of the streams of a client.

    Args:
        responses: The streams, that for what no request asked for first; at least one.
        uris: The resources that the client asked for and that changed.

    Returns:
        The first stream as an exchange.

    Raises:
        RequirementViolated: If one was not announced, nor a resource below it.
    """
    exchanges = [as_exchange(response) for response in responses]
    announced = [uri for each in exchanges for uri in updated_uris(each)]
    for uri in uris:
        if not any(concerns(each, [uri]) for each in announced):
            violated(f"{uri} changed, and nothing came", f"{UPDATED} with its uri", exchanges[0])
    return exchanges[0]


@judges("resources.updated-only-subscribed")
def assert_updates_asked_for(response: Judged, asked: Collection[str]) -> Exchange:
    """Assert that a stream announces updates of those resources only that its client asked for.

    Args:
        response: The stream.
        asked: The URIs that the client asked for; those below them are legal too.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If it announces another.
    """
    exchange = as_exchange(response)
    for uri in updated_uris(exchange):
        if not concerns(uri, asked):
            expected = f"updates of {', '.join(asked)} only" if asked else "no update, as none was asked for"
            violated(f"an update of {uri}", expected, exchange)
    return exchange
