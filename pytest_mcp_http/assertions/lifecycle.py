"""Assertions on the handshake, on declared capabilities, and on ping.

Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/lifecycle
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Any

from pytest_mcp_http.assertions._base import Judged, as_exchange, judges, violated
from pytest_mcp_http.assertions.jsonrpc import code_in, messages_in, notifications_in
from pytest_mcp_http.spec.error_codes import INVALID_PARAMS, METHOD_NOT_FOUND
from pytest_mcp_http.wire.exchange import Exchange
from pytest_mcp_http.wire.jsonrpc import json_type, same_id

__tracebackhide__ = True  # a failure is about the response, not about this code

SLOW_PING = 1.0
"""Seconds below which a ping is prompt whatever the other requests take."""

SLOW_RATIO = 10
"""How many times slower than the other requests of the run a ping has to be to count as slow."""

CAPABILITIES = ("experimental", "logging", "completions", "prompts", "resources", "tools")
"""The server capabilities of all handshake revisions; 2025-11-25 adds tasks, others are open to vendors."""

FLAGS: Mapping[str, tuple[str, ...]] = {
    "prompts": ("listChanged",),
    "resources": ("subscribe", "listChanged"),
    "tools": ("listChanged",),
}
"""Capability -> its members that are booleans."""

_TASK_PARTS = ("list", "cancel", "requests")

_NEEDED: Mapping[str, tuple[str, str | None]] = {
    "notifications/message": ("logging", None),
    "notifications/tools/list_changed": ("tools", "listChanged"),
    "notifications/prompts/list_changed": ("prompts", "listChanged"),
    "notifications/resources/list_changed": ("resources", "listChanged"),
    "notifications/resources/updated": ("resources", "subscribe"),
}


@judges("lifecycle.initialize-result")
def assert_initialize_result(response: Judged) -> Exchange:
    """Assert that `initialize` was answered with protocolVersion, capabilities and serverInfo.

    Args:
        response: The response to `initialize`.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If there is no result, or a member is missing or of another JSON type than
            string, object and object. What the objects hold is not judged.
    """
    exchange = as_exchange(response)
    expected = "a result with protocolVersion (string), capabilities (object) and serverInfo (object)"
    result = exchange.result
    if not isinstance(result, dict):
        violated(f"{exchange.summary}, to initialize", expected, exchange)
    for name, kind in (("protocolVersion", "string"), ("capabilities", "object"), ("serverInfo", "object")):
        if name not in result:
            violated(f"a result without {name}", expected, exchange)
        if json_type(result[name]) != kind:
            violated(f"{name} is a JSON {json_type(result[name])}", expected, exchange)
    return exchange


@judges("discover.capabilities-object")
def assert_capability_shapes(response: Judged) -> Exchange:
    """Assert that capability values are objects, and their flags booleans.

    Args:
        response: The response to `initialize`.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If a capability of the specification is no object, or `listChanged` or
            `subscribe` is no boolean. Capabilities with other names are free.
    """
    exchange = as_exchange(response)
    result = exchange.result
    declared = result.get("capabilities") if isinstance(result, dict) else None
    has_tasks = isinstance(result, dict) and result.get("protocolVersion") == "2025-11-25"
    names = (*CAPABILITIES, "tasks") if has_tasks else CAPABILITIES
    for path, value, kind in _typed_parts(declared if isinstance(declared, dict) else {}, names):
        if json_type(value) != kind:
            violated(f"capabilities.{path} is a JSON {json_type(value)}", f"a JSON {kind} there", exchange)
    return exchange


@judges("lifecycle.initialized-accepted")
def assert_initialized_accepted(response: Judged) -> Exchange:
    """Assert that the server did not refuse `notifications/initialized`.

    Args:
        response: The response to the notification.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If it has an HTTP 4xx status.
    """
    exchange = as_exchange(response)
    if exchange.status is not None and 400 <= exchange.status < 500:
        violated(f"{exchange.summary}, to notifications/initialized", "HTTP 202 with an empty body", exchange)
    return exchange


@judges("lifecycle.no-requests-before-initialized")
def assert_only_pings(response: Judged) -> Exchange:
    """Assert that the server sent no request other than ping.

    Args:
        response: A response from the time before `notifications/initialized`, complete or not.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If there is another request in it.
    """
    exchange = as_exchange(response)
    if found := requests_in(exchange):
        expected = ("no request from the server before notifications/initialized", "ping")
        violated(f"the request {found[0]['method']} before notifications/initialized", expected, exchange)
    return exchange


def requests_in(response: Judged) -> list[dict[str, Any]]:
    """Return the requests other than ping that a server sent in a response."""
    return [
        value
        for value in messages_in(response)
        if "id" in value
        and isinstance(value.get("method"), str)
        and value["method"] != "ping"
        and not value["method"].startswith("notifications/")
    ]


@judges("lifecycle.request-timeouts")
def assert_given_up_requests_cancelled(responses: Sequence[Judged]) -> None:
    """Assert that a server cancels its request when it gives up to wait for an answer.

    Args:
        responses: All that a client received, which answered no request, until the server went on
            without. Pings are not judged.

    Raises:
        RequirementViolated: If `notifications/cancelled` names none of the requests.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/lifecycle#timeouts
    """
    exchanges = [as_exchange(response) for response in responses]
    cancelled = [
        value["params"].get("requestId")
        for exchange in exchanges
        for value in notifications_in(exchange)
        if value["method"] == "notifications/cancelled" and isinstance(value.get("params"), dict)
    ]
    for exchange in exchanges:
        for value in requests_in(exchange):
            if not any(same_id(value["id"], id) for id in cancelled):
                actual = (
                    f"the server gave up to wait for an answer to {value['method']}, and did not cancel it"
                )
                violated(actual, "notifications/cancelled for the request that timed out", exchange)


def undeclared_notifications(capabilities: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the notifications that need a capability which is not declared."""
    return tuple(
        method for method, (name, flag) in _NEEDED.items() if not _declares(capabilities.get(name), flag)
    )


@judges("lifecycle.undeclared-notifications-absent")
def assert_notifications_declared(response: Judged, capabilities: Mapping[str, Any]) -> Exchange:
    """Assert that a response has no notification that needs an undeclared capability.

    Args:
        response: The response, for example an event stream.
        capabilities: What the server declared in `initialize`.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If there is a log message without `logging`, a changed list without its
            `listChanged`, or an updated resource without `subscribe`.
    """
    exchange = as_exchange(response)
    forbidden = undeclared_notifications(capabilities)
    for value in notifications_in(exchange):
        if value["method"] in forbidden:
            name, flag = _NEEDED[value["method"]]
            needed = f"capabilities.{name}" + (f".{flag}" if flag else "")
            violated(
                f"{value['method']} without {needed}", f"{needed} is declared, or it is not sent", exchange
            )
    return exchange


@judges("discover.capabilities-match-handlers", "lifecycle.capability-method-agreement")
def assert_method_offered(response: Judged, capability: str) -> Exchange:
    """Assert that a method of a declared capability is known to the server.

    Args:
        response: The response to a request of the method.
        capability: The capability that the server declared.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If it is -32601.
    """
    exchange = as_exchange(response)
    if code_in(exchange) == METHOD_NOT_FOUND:
        expected = (f"the method is served, as {capability} is declared", f"{capability} is not declared")
        violated(f"{exchange.summary}, although {capability} is declared", expected, exchange)
    return exchange


@judges("lifecycle.capability-method-agreement")
def assert_nothing_offered(response: Judged, capability: str, member: str) -> Exchange:
    """Assert that a server offers no items of a capability that it did not declare.

    Args:
        response: The response to a list request.
        capability: The capability that the server did not declare.
        member: The member of the result that holds the items.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If the list has items.
    """
    exchange = as_exchange(response)
    result = exchange.result
    items = result.get(member) if isinstance(result, dict) else None
    if isinstance(items, list) and items:
        expected = (f"{capability} is declared", "an error", "an empty list")
        violated(f"{len(items)} {member}, although {capability} is not declared", expected, exchange)
    return exchange


@judges("lifecycle.removed-methods-404")
def assert_method_gone(response: Judged, method: str) -> Exchange:
    """Assert that a method of earlier revisions is answered as one that is not implemented: 404 and -32601.

    Args:
        response: The response to a request of the method.
        method: The method.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: For another status or code, for no answer, and for a result as earlier revisions
            have it. As a note where the server seems to have a method of this name: it gave a result of this
            revision, which states its type, or found the params wrong.

    Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#protocol-version-header
    """
    exchange = as_exchange(response)
    if exchange.status != 404 or code_in(exchange) != METHOD_NOT_FOUND:
        result = exchange.result
        own = code_in(exchange) == INVALID_PARAMS or (isinstance(result, dict) and "resultType" in result)
        expected = f"HTTP 404 with JSON-RPC error {METHOD_NOT_FOUND}"
        violated(f"{exchange.summary}, to {method}, which the revision has not", expected, exchange, note=own)
    return exchange


@judges("lifecycle.ping-empty-result")
def assert_ping_result(response: Judged) -> Exchange:
    """Assert that a ping was answered with an empty result; `_meta` may be there.

    Args:
        response: The response to the ping.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If there is no result, or it is no object or has other members.
    """
    exchange = as_exchange(response)
    result = exchange.result
    if not isinstance(result, dict):
        violated(f"{exchange.summary}, to ping", "an empty result", exchange)
    if extra := sorted(set(result) - {"_meta"}):
        violated(f"a result with {', '.join(extra)}", "an empty result", exchange)
    return exchange


@judges("lifecycle.ping-empty-result")
def assert_ping_prompt(pings: Sequence[Judged], others: Sequence[Judged]) -> None:
    """Assert that pings are answered promptly, compared with other requests to the same server.

    Args:
        pings: Responses to pings; the fastest counts.
        others: Responses to other requests, some of which do real work.

    Raises:
        RequirementViolated: If the fastest took over a second, and over ten times as long as the others do.
    """
    fastest = min((as_exchange(ping) for ping in pings), key=_answered_at)
    took = _answered_at(fastest)
    usual = median(_answered_at(as_exchange(other)) for other in others)
    if took > SLOW_PING and took > SLOW_RATIO * usual:
        violated(
            f"a ping answered after {took:.1f} s, where other requests take {usual:.2f} s",
            "a prompt answer",
            fastest,
        )


def _typed_parts(capabilities: Mapping[str, Any], names: Sequence[str]) -> Iterator[tuple[str, object, str]]:
    """Yield path, value and the JSON type it has to have."""
    for name in names:
        if name not in capabilities:
            continue
        value = capabilities[name]
        yield name, value, "object"
        if not isinstance(value, dict):
            continue
        for flag in FLAGS.get(name, ()):
            if flag in value:
                yield f"{name}.{flag}", value[flag], "boolean"
        for key, inner in value.items():
            if name == "experimental" or (name == "tasks" and key in _TASK_PARTS):
                yield f"{name}.{key}", inner, "object"


def _declares(value: object, flag: str | None) -> bool:
    if flag is None:
        return value is not None
    return isinstance(value, dict) and value.get(flag) is True


def _answered_at(exchange: Exchange) -> float:
    """Return when the last message arrived; the stream may stay open longer, which is judged elsewhere."""
    return exchange.received[-1].at if exchange.received else exchange.ended_at
