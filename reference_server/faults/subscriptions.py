"""Faults of subscriptions: refusals, wrong acknowledgements, wrong ids, filters that are misread."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Final

from reference_server._context import SERVER_INFO_KEY, Layer, RequestContext
from reference_server._jsonrpc import INTERNAL_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND, encode, error_message
from reference_server._layers import answer_instead, combine, rewrite_message, rewrite_request_body, when
from reference_server.faults import Fault
from reference_server.faults.schema import result_of

ACKNOWLEDGED: Final = "notifications/subscriptions/acknowledged"
SUBSCRIPTION_ID: Final = "io.modelcontextprotocol/subscriptionId"
STATELESS: Final = ("stateless",)


def is_listen(context: RequestContext) -> bool:
    """Select requests for a subscription."""
    return context.is_modern and context.is_request and context.rpc_method == "subscriptions/listen"


def asked(context: RequestContext) -> dict[str, Any]:
    """Return the filter of a request for a subscription; empty if it has none."""
    found = context.params.get("notifications")
    return found if isinstance(found, dict) else {}


def watches_resources(context: RequestContext) -> bool:
    """Select subscriptions to resources."""
    return is_listen(context) and bool(asked(context).get("resourceSubscriptions"))


def misses_filter(context: RequestContext) -> bool:
    """Select subscriptions whose filter is missing, or no object."""
    return is_listen(context) and not isinstance(context.params.get("notifications"), dict)


def about(context: RequestContext, method: str, **params: Any) -> dict[str, Any]:
    """Return a notification of the subscription that a request opened."""
    meta = {SUBSCRIPTION_ID: context.rpc_id}
    return {"jsonrpc": "2.0", "method": method, "params": {"_meta": meta, **params}}


def closing_result(context: RequestContext, named: object) -> dict[str, Any]:
    """Return the result that ends a subscription and names one."""
    server = {"name": "reference", "version": "1"}
    result = {"resultType": "complete", "_meta": {SUBSCRIPTION_ID: named, SERVER_INFO_KEY: server}}
    return {"jsonrpc": "2.0", "id": context.rpc_id, "result": result}


def acknowledgements(change: Callable[[dict[str, Any], RequestContext], object]) -> Layer:
    """Change the acknowledgements of subscriptions.

    Args:
        change: Gets a copy of the acknowledgement and the context; returns what is sent instead.
    """

    def changed(message: Any, context: RequestContext) -> Any:
        known = isinstance(message, dict) and message.get("method") == ACKNOWLEDGED
        return change(copy.deepcopy(message), context) if known else message

    return when(is_listen, rewrite_message(changed))


def with_filter(change: Callable[[dict[str, Any], RequestContext], dict[str, Any]]) -> Layer:
    """Change the filter that is acknowledged."""

    def changed(message: dict[str, Any], context: RequestContext) -> dict[str, Any]:
        message["params"]["notifications"] = change(message["params"]["notifications"], context)
        return message

    return acknowledgements(changed)


def with_meta(change: Callable[[RequestContext], dict[str, Any]]) -> Layer:
    """Change the metadata of acknowledgements."""

    def changed(message: dict[str, Any], context: RequestContext) -> dict[str, Any]:
        message["params"]["_meta"] = change(context)
        return message

    return acknowledgements(changed)


def ahead(message: Callable[[RequestContext], dict[str, Any]]) -> Layer:
    """Send a message ahead of the acknowledgement, where a resource is watched."""
    return acknowledgements(
        lambda ack, context: [message(context), ack] if watches_resources(context) else ack
    )


def unasked_update(ack: dict[str, Any], context: RequestContext) -> Any:
    """Announce the update of a resource to those who watch none."""
    if watches_resources(context):
        return ack
    return [ack, about(context, "notifications/resources/updated", uri="docs://readme")]


def other_uri(granted: dict[str, Any], context: RequestContext) -> dict[str, Any]:
    """Acknowledge one more resource beside those that were asked for."""
    uris = granted.get("resourceSubscriptions")
    return {**granted, "resourceSubscriptions": [*uris, "docs://other"]} if uris else granted


def unasked_tools(granted: dict[str, Any], context: RequestContext) -> dict[str, Any]:
    """Acknowledge changes of the tools to those who did not ask for them."""
    return granted if "toolsListChanged" in asked(context) else {**granted, "toolsListChanged": True}


def ascii_id(context: RequestContext) -> dict[str, Any]:
    """Name a subscription without characters beyond ASCII."""
    id = context.rpc_id
    return {SUBSCRIPTION_ID: id.encode("ascii", "replace").decode() if isinstance(id, str) else id}


def taken_as(change: Callable[[RequestContext], dict[str, Any]]) -> Layer:
    """Change the filter that the server inside sees."""

    def changed(context: RequestContext) -> bytes:
        params = {**context.params, "notifications": change(context)}
        return encode({**context.value, "params": params})

    return rewrite_request_body(changed)


def with_true_flags(context: RequestContext) -> dict[str, Any]:
    """Take every flag that is text for true."""
    return {name: True if isinstance(value, str) else value for name, value in asked(context).items()}


def refused(status: int, code: int, selected: Callable[[RequestContext], bool] = is_listen) -> Layer:
    """Refuse subscriptions."""
    return answer_instead(
        selected,
        status,
        body=lambda context: error_message(code, "No subscription", request_id=context.rpc_id),
    )


def declares_nothing(result: dict[str, Any]) -> None:
    """Declare no notifications at all."""
    result["capabilities"] = {name: {} for name in result["capabilities"]}


OFFERS_NOTHING: Final = result_of("server/discover", declares_nothing)


def fault(name: str, requirement: str, summary: str, layer: Layer) -> Fault:
    """Build a fault of this chapter that breaks one requirement."""
    return Fault(
        f"subscriptions.{name}", (f"subscriptions.{requirement}",), STATELESS, summary=summary, layer=layer
    )


FAULTS = (
    fault(
        "refused",
        "listen-served",
        "subscriptions/listen is not implemented, although resources.subscribe is declared",
        refused(404, METHOD_NOT_FOUND),
    ),
    fault(
        "acknowledges-nothing",
        "listen-served",
        "a declared type that is asked for is not acknowledged",
        with_filter(lambda granted, context: {}),
    ),
    fault(
        "refused-without-reason",
        "listen-unsupported",
        "a server without notifications refuses subscriptions as invalid requests",
        combine(OFFERS_NOTHING, refused(400, INVALID_REQUEST)),
    ),
    fault(
        "answered-with-json",
        "sse-reply",
        "a subscription is answered at once, with JSON",
        answer_instead(is_listen, 200, body=lambda context: closing_result(context, context.rpc_id)),
    ),
    fault(
        "not-acknowledged",
        "ack-first",
        "subscriptions are not acknowledged",
        acknowledgements(lambda ack, context: None),
    ),
    fault(
        "request-first",
        "ack-first",
        "a request of the server comes before the acknowledgement",
        ahead(lambda context: {"jsonrpc": "2.0", "id": 1, "method": "ping"}),
    ),
    fault(
        "acknowledged-twice",
        "ack-first",
        "subscriptions are acknowledged twice, which no sentence forbids",
        acknowledgements(lambda ack, context: [ack, ack]),
    ),
    fault(
        "early-update",
        "nothing-before-ack",
        "the update of a resource comes before the acknowledgement",
        ahead(
            lambda context: about(
                context, "notifications/resources/updated", uri=asked(context)["resourceSubscriptions"][0]
            )
        ),
    ),
    fault(
        "echoes-filter",
        "ack-filter-subset",
        "whatever is asked for is acknowledged, also what the server does not have",
        with_filter(lambda granted, context: asked(context)),
    ),
    fault(
        "acknowledges-other-uri",
        "ack-filter-subset",
        "a resource is acknowledged that nobody asked for",
        with_filter(other_uri),
    ),
    fault(
        "acknowledges-unasked",
        "ack-partial-request",
        "changes of the tools are acknowledged to those who did not ask for them",
        with_filter(unasked_tools),
    ),
    fault(
        "untagged",
        "id-present",
        "notifications do not name their subscription",
        with_meta(lambda context: {}),
    ),
    fault(
        "zero-untagged",
        "id-present",
        "notifications do not name a subscription whose id is 0",
        with_meta(lambda context: {SUBSCRIPTION_ID: context.rpc_id} if context.rpc_id else {}),
    ),
    fault(
        "id-as-text",
        "id-value",
        "notifications name their subscription by the text of its id",
        with_meta(lambda context: {SUBSCRIPTION_ID: str(context.rpc_id)}),
    ),
    fault(
        "id-in-ascii",
        "id-value",
        "characters beyond ASCII are lost where notifications name their subscription",
        with_meta(ascii_id),
    ),
    fault(
        "zero-refused",
        "id-value",
        "a subscription with the id 0 is refused",
        refused(400, INVALID_REQUEST, lambda context: is_listen(context) and context.rpc_id == 0),
    ),
    fault(
        "unasked-update",
        "only-requested-types",
        "the update of a resource is sent to those who watch none",
        acknowledgements(unasked_update),
    ),
    fault(
        "filter-optional",
        "bad-filter",
        "a filter that is missing, or an array, is taken for an empty one",
        when(misses_filter, taken_as(lambda context: {})),
    ),
    fault(
        "filter-crashes",
        "bad-filter",
        "a filter that is missing, or an array, makes the server fail",
        refused(500, INTERNAL_ERROR, misses_filter),
    ),
    fault(
        "flag-as-text",
        "bad-filter",
        "a flag that is text is taken for true, which harms nobody",
        when(lambda context: is_listen(context) and not misses_filter(context), taken_as(with_true_flags)),
    ),
)
