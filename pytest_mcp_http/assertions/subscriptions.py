"""Assertions on subscriptions: whether they are served, what is acknowledged, which id notifications carry.

Each takes the response to a `subscriptions/listen` request, and reads id and filter from that request.
Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/subscriptions
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pytest_mcp_http.assertions._base import Judged, as_exchange, judges, violated
from pytest_mcp_http.dialect import SUBSCRIPTION_ID
from pytest_mcp_http.wire.exchange import SSE_TYPE, Exchange
from pytest_mcp_http.wire.jsonrpc import ABSENT, Kind, Message, json_type, same_id

__tracebackhide__ = True  # a failure is about the response, not about this code

ACKNOWLEDGED: Final = "notifications/subscriptions/acknowledged"

TYPES: Final[Mapping[str, tuple[str, str, str]]] = {
    "toolsListChanged": ("notifications/tools/list_changed", "tools", "listChanged"),
    "promptsListChanged": ("notifications/prompts/list_changed", "prompts", "listChanged"),
    "resourcesListChanged": ("notifications/resources/list_changed", "resources", "listChanged"),
    "resourceSubscriptions": ("notifications/resources/updated", "resources", "subscribe"),
}
"""Member of a filter -> the notification it asks for, and the capability and flag that offer it."""

STREAM: Final = f"HTTP 200 with {SSE_TYPE}"


def asked_for(response: Judged) -> dict[str, Any]:
    """Return the members of the filter of a listen request, without those that ask for nothing."""
    sent = as_exchange(response).request.message
    return _filter(sent.params if sent is not None else None)


def acknowledgement(response: Judged) -> Message | None:
    """Return the first acknowledgement on a stream, or None."""
    return next((m for m in as_exchange(response).notifications if m.method == ACKNOWLEDGED), None)


def acknowledged_types(response: Judged) -> dict[str, Any]:
    """Return the members of the acknowledged filter, without those that grant nothing; empty without one."""
    found = acknowledgement(response)
    return _filter(found.params if found is not None else None)


def offered_types(capabilities: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the members of a filter whose capability is declared."""
    return tuple(
        name for name, (_, holder, flag) in TYPES.items() if _flag(capabilities, holder, flag) is True
    )


def subscription_of(message: Message) -> object:
    """Return the subscription that a message names in its `_meta`, or `ABSENT`."""
    holder = message.result if message.kind is Kind.RESULT else message.params
    meta = holder.get("_meta") if isinstance(holder, dict) else None
    return meta.get(SUBSCRIPTION_ID, ABSENT) if isinstance(meta, dict) else ABSENT


def listen_id(response: Judged) -> object:
    """Return the id of the request that a response answers, or `ABSENT`."""
    sent = as_exchange(response).request.message
    return sent.id if sent is not None else ABSENT


def is_served(response: Judged) -> bool:
    """Tell whether a listen request was acknowledged, or got 2xx without a JSON-RPC error."""
    exchange = as_exchange(response)
    return exchange.ok and (exchange.error is None or acknowledgement(exchange) is not None)


@judges("subscriptions.listen-served")
def assert_listen_served(response: Judged) -> Exchange:
    """Assert that a listen request was not refused. Whether a stream came is left to `assert_stays_open`.

    Args:
        response: The response to the listen request.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: For another status than 2xx, a JSON-RPC error, or no answer.
    """
    exchange = as_exchange(response)
    if not is_served(exchange):
        violated(f"subscriptions/listen got {exchange.summary}", STREAM, exchange)
    return exchange


@judges("subscriptions.listen-served")
def assert_offered_acknowledged(response: Judged, capabilities: Mapping[str, Any]) -> Exchange:
    """Assert that what was asked for and is declared as a capability was acknowledged.

    Args:
        response: The stream.
        capabilities: What the server declared.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: As a note, since a server may agree to less than it was asked for.
    """
    exchange = as_exchange(response)
    granted = acknowledged_types(exchange)
    for name in offered_types(capabilities):
        if name in asked_for(exchange) and name not in granted:
            _, holder, flag = TYPES[name]
            expected = f"{name} is acknowledged, as capabilities.{holder}.{flag} is declared"
            violated(f"{name} was asked for and not acknowledged", expected, exchange, note=True)
    return exchange


@judges("subscriptions.ack-first")
def assert_acknowledged_first(response: Judged) -> Exchange:
    """Assert that a stream brings the acknowledgement, and no request or response before it.

    Notifications before it are left to `assert_nothing_before_acknowledgement`.

    Args:
        response: The stream, read until the acknowledgement came or should have come.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If there is none, or another message than a notification comes first; as a note
            for a second one.
    """
    exchange = as_exchange(response)
    expected = f"{ACKNOWLEDGED} as the first message"
    found = acknowledgement(exchange)
    if found is None:
        first = f"; the first message is {_shown(exchange.messages[0])}" if exchange.messages else ""
        violated(f"no acknowledgement in {exchange.ended_at:.1f} s{first}", expected, exchange)
    for message in exchange.messages[: exchange.messages.index(found)]:
        # What is no message at all, such as a heartbeat in an event of its own type, is judged elsewhere.
        if message.kind not in (Kind.NOTIFICATION, Kind.INVALID):
            violated(f"{_shown(message)} came before the acknowledgement", expected, exchange)
    own = [
        m
        for m in exchange.notifications
        if m.method == ACKNOWLEDGED and subscription_of(m) == subscription_of(found)
    ]
    if len(own) > 1:
        violated(f"{len(own)} acknowledgements of one subscription", "one", exchange, note=True)
    return exchange


@judges("subscriptions.nothing-before-ack")
def assert_nothing_before_acknowledgement(response: Judged) -> Exchange:
    """Assert that no notification comes before the acknowledgement. A stream without one is not judged.

    Args:
        response: The stream.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If one does.
    """
    exchange = as_exchange(response)
    found = acknowledgement(exchange)
    first = next(iter(exchange.notifications), None)
    if found is not None and first is not found and first is not None:
        violated(
            f"{first.method} came before the acknowledgement",
            f"no notification before {ACKNOWLEDGED}",
            exchange,
        )
    return exchange


@judges("subscriptions.ack-filter-subset")
def assert_acknowledges_supported(response: Judged, capabilities: Mapping[str, Any]) -> Exchange:
    """Assert that what was acknowledged of the filter is something that the server supports.

    What was acknowledged and not asked for is left to `assert_acknowledges_requested`.

    Args:
        response: The stream.
        capabilities: What the server declared.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If a type is acknowledged whose capability is not declared, or that does not
            exist; or a URI that was not asked for beside one that was.
    """
    exchange = as_exchange(response)
    asked = asked_for(exchange)
    for name, value in acknowledged_types(exchange).items():
        _, holder, flag = TYPES.get(name, ("", "", ""))
        # A flag that is neither true nor false is against the schema, and leaves open what is offered.
        if name in asked and _flag(capabilities, holder, flag) in (False, None):
            why = f"capabilities.{holder}.{flag} is not declared" if holder else "there is no such type"
            violated(f"{name} is acknowledged, but {why}", "unsupported types are left out", exchange)
        if isinstance(value, list) and isinstance(asked.get(name), list):
            extra = [uri for uri in value if uri not in asked[name]]
            if extra:
                violated(f"{extra[0]!r} is acknowledged unasked", "a part of what was asked for", exchange)
    return exchange


@judges("subscriptions.ack-partial-request")
def assert_acknowledges_requested(response: Judged) -> Exchange:
    """Assert that no type is acknowledged that was not asked for; a member that is false grants nothing.

    Args:
        response: The stream.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If one is.
    """
    exchange = as_exchange(response)
    asked = asked_for(exchange)
    for name in acknowledged_types(exchange):
        if name not in asked:
            expected = f"at most {', '.join(asked) or 'nothing'}, which was asked for"
            violated(f"{name} is acknowledged unasked", expected, exchange)
    return exchange


@judges("subscriptions.id-present")
def assert_subscription_id_present(response: Judged) -> Exchange:
    """Assert that every notification of a stream names the subscription in its `_meta`.

    Args:
        response: The stream.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If one does not.
    """
    exchange = as_exchange(response)
    for message in exchange.notifications:
        if subscription_of(message) is ABSENT:
            violated(f"{message.method} without {SUBSCRIPTION_ID}", f"{SUBSCRIPTION_ID} in _meta", exchange)
    return exchange


@judges("subscriptions.id-value")
def assert_subscription_id(response: Judged, *, others: Iterable[object] = ()) -> Exchange:
    """Assert that the subscription that notifications name is the id of the listen request, type included.

    Args:
        response: The stream.
        others: Ids of further streams that were open, which `assert_own_subscription` judges.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If a notification names something else.
    """
    exchange = as_exchange(response)
    own, skipped = listen_id(exchange), list(others)
    for message in exchange.notifications:
        tag = subscription_of(message)
        if tag is ABSENT or same_id(tag, own) or any(same_id(tag, other) for other in skipped):
            continue
        violated(
            f"{message.method} names the subscription {tag!r}, a JSON {json_type(tag)}",
            f"{SUBSCRIPTION_ID} is {own!r}, a JSON {json_type(own)}",
            exchange,
        )
    return exchange


@judges("subscriptions.concurrent-no-mixup")
def assert_own_subscription(response: Judged, others: Iterable[object]) -> Exchange:
    """Assert that a stream carries nothing of the other subscriptions that were open beside it.

    Args:
        response: The stream.
        others: Ids of the other subscriptions.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If a notification names one of them.
    """
    exchange = as_exchange(response)
    foreign = list(others)
    for message in exchange.notifications:
        if any(same_id(subscription_of(message), other) for other in foreign):
            actual = f"{message.method} of the subscription {subscription_of(message)!r} came on this stream"
            violated(actual, f"messages of the subscription {listen_id(exchange)!r} only", exchange)
    return exchange


def _filter(params: object) -> dict[str, Any]:
    found = params.get("notifications") if isinstance(params, dict) else None
    return {name: value for name, value in found.items() if value} if isinstance(found, dict) else {}


def _flag(capabilities: Mapping[str, Any], holder: str, flag: str) -> object:
    found = capabilities.get(holder)
    return found.get(flag) if isinstance(found, dict) else None


def _shown(message: Message) -> str:
    return message.method or f"a {message.kind.value}"
