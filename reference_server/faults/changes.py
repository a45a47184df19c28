"""Faults of announcements: changes that nobody is told of, or the wrong ones are."""

from __future__ import annotations

from typing import Any, Final

from reference_server._context import HANDSHAKE_REVISIONS, MODERN_REVISIONS, Layer, RequestContext
from reference_server._jsonrpc import METHOD_NOT_FOUND, encode, error_message
from reference_server._layers import (
    Call,
    EventBlock,
    after_response,
    answer_instead,
    combine,
    push_to_get_streams,
    rewrite_message,
    when,
)
from reference_server.faults import Fault
from reference_server.faults.subscriptions import asked, taken_as, watches_resources, with_filter
from reference_server.resources import RESOURCES

UPDATED: Final = "notifications/resources/updated"


def silent(*methods: str) -> Layer:
    """Drop notifications of the server."""
    return rewrite_message(
        lambda message, context: (
            None if isinstance(message, dict) and message.get("method") in methods else message
        )
    )


def changed_list(kind: str) -> str:
    """Return the notification of a changed list."""
    return f"notifications/{kind}/list_changed"


def confused(message: Any, context: RequestContext) -> Any:
    """Announce changes of the tools as changes of the prompts."""
    if isinstance(message, dict) and message.get("method") == changed_list("tools"):
        return {**message, "method": changed_list("prompts")}
    return message


async def to_everybody(call: Call) -> None:
    """Tell every session of a change that `touch_resource` made."""
    if call.context.params.get("name") == "touch_resource" and not call.context.is_modern:
        params = {"uri": call.context.params["arguments"]["uri"]}
        message = {"jsonrpc": "2.0", "method": UPDATED, "params": params}
        block = EventBlock((("event", "message"), ("data", encode(message).decode())))
        await push_to_get_streams(call.context.facts, block.encode())


def all_resources(context: RequestContext) -> dict[str, Any]:
    """Take a subscription to a resource for one to all of them."""
    return {**asked(context), "resourceSubscriptions": list(RESOURCES)}


def as_asked(granted: dict[str, Any], context: RequestContext) -> dict[str, Any]:
    """Acknowledge no more than what was asked for."""
    if not watches_resources(context):
        return granted
    return {**granted, "resourceSubscriptions": asked(context)["resourceSubscriptions"]}


def unanswered(method: str) -> Layer:
    """Refuse a method of sessions."""
    return answer_instead(
        lambda c: c.is_request and c.rpc_method == method and c.revision is not None,
        200,
        body=lambda c: error_message(METHOD_NOT_FOUND, "Method not found", request_id=c.rpc_id),
    )


def in_sessions(id: str, requirement: str, summary: str, layer: Layer) -> Fault:
    """Build a fault of the era with sessions."""
    return Fault(
        id, (requirement,), ("stateful",), summary=summary, layer=layer, revisions=HANDSHAKE_REVISIONS
    )


def to_listeners(id: str, requirement: str, summary: str, layer: Layer) -> Fault:
    """Build a fault of the era with subscriptions/listen."""
    return Fault(id, (requirement,), ("stateless",), summary=summary, layer=layer, revisions=MODERN_REVISIONS)


FAULTS = (
    in_sessions(
        "tools.change-unannounced",
        "tools.list-changed",
        "changes of the tools are not announced in sessions",
        silent(changed_list("tools")),
    ),
    to_listeners(
        "tools.change-not-told",
        "tools.list-changed.listen",
        "changes of the tools are not announced to those who asked for them",
        silent(changed_list("tools")),
    ),
    to_listeners(
        "tools.change-as-prompts",
        "tools.list-changed.listen",
        "changes of the tools are announced as changes of the prompts",
        rewrite_message(confused),
    ),
    in_sessions(
        "prompts.change-unannounced",
        "prompts.list-changed",
        "changes of the prompts are not announced in sessions",
        silent(changed_list("prompts")),
    ),
    to_listeners(
        "prompts.change-not-told",
        "prompts.list-changed.listen",
        "changes of the prompts are not announced to those who asked for them",
        silent(changed_list("prompts")),
    ),
    Fault(
        "resources.change-unannounced",
        ("resources.list-changed",),
        ("stateful",),
        summary="changes of the list of resources are not announced",
        layer=silent(changed_list("resources")),
    ),
    in_sessions(
        "resources.subscribe-missing",
        "resources.subscribe-answered",
        "resources/subscribe is unknown, although subscribe is declared",
        unanswered("resources/subscribe"),
    ),
    in_sessions(
        "resources.unsubscribe-missing",
        "resources.subscribe-answered",
        "resources/unsubscribe is unknown, although subscribe is declared",
        unanswered("resources/unsubscribe"),
    ),
    in_sessions(
        "resources.updates-for-everybody",
        "resources.updated-only-subscribed",
        "every session is told of the change of a resource",
        after_response(to_everybody),
    ),
    in_sessions(
        "resources.update-unannounced",
        "resources.updated-on-change",
        "the change of a resource is not announced to those who subscribed to it",
        silent(UPDATED),
    ),
    in_sessions(
        "resources.unsubscribe-ignored",
        "resources.unsubscribe-stops",
        "updates go on after a client has unsubscribed",
        answer_instead(
            lambda c: c.is_request and c.rpc_method == "resources/unsubscribe" and c.revision is not None,
            200,
            body=lambda c: {"jsonrpc": "2.0", "id": c.rpc_id, "result": {}},
        ),
    ),
    to_listeners(
        "subscriptions.all-resources",
        "subscriptions.only-requested-uris",
        "who watches one resource is told of the changes of all",
        combine(with_filter(as_asked), when(watches_resources, taken_as(all_resources))),
    ),
    to_listeners(
        "subscriptions.update-not-told",
        "subscriptions.resource-updated",
        "the change of a resource is not announced to those who watch it",
        silent(UPDATED),
    ),
)
