"""Legal but unusual ways to offer subscriptions, to acknowledge them and to end them."""

from __future__ import annotations

from typing import Any, Final

import anyio

from reference_server._context import MODERN_REVISIONS, Layer, RequestContext
from reference_server._jsonrpc import METHOD_NOT_FOUND
from reference_server._layers import Call, combine
from reference_server.faults.schema import result_of
from reference_server.faults.subscription_streams import CUT_SECONDS, ended_after, listening
from reference_server.faults.subscriptions import (
    OFFERS_NOTHING,
    about,
    asked,
    closing_result,
    refused,
    with_filter,
)
from reference_server.variants import Variant

SLOW_SECONDS: Final = 0.2
TYPES: Final = ("toolsListChanged", "promptsListChanged", "resourcesListChanged", "resourceSubscriptions")


def offers_lists(result: dict[str, Any]) -> None:
    """Declare that all lists may change."""
    for name in ("tools", "prompts", "resources"):
        result["capabilities"][name]["listChanged"] = True


async def slowly(call: Call) -> None:
    """Acknowledge a subscription after a while."""
    await anyio.sleep(SLOW_SECONDS)
    await call.forward()


def with_false(granted: dict[str, Any], context: RequestContext) -> dict[str, Any]:
    """Say of everything else that it is not granted."""
    flags = TYPES[:3]
    return {**dict.fromkeys(flags, False), "resourceSubscriptions": [], **granted}


def variant(name: str, summary: str, layer: Layer) -> Variant:
    """Build a variant of the modern era, which has no modes."""
    return Variant(name, ("stateless",), summary=summary, layer=layer, revisions=MODERN_REVISIONS)


VARIANTS = (
    variant(
        "announces-nothing",
        "a server without notifications does not implement subscriptions",
        combine(OFFERS_NOTHING, refused(404, METHOD_NOT_FOUND)),
    ),
    variant(
        "acknowledges-nothing",
        "a server without notifications acknowledges an empty filter",
        combine(OFFERS_NOTHING, with_filter(lambda granted, context: {})),
    ),
    variant(
        "lists-change",
        "all lists may change, and are acknowledged as asked",
        combine(
            result_of("server/discover", offers_lists),
            with_filter(lambda granted, context: {k: v for k, v in asked(context).items() if k in TYPES}),
        ),
    ),
    variant("acknowledges-late", "subscriptions are acknowledged after a while", listening(slowly)),
    variant(
        "acknowledges-with-false",
        "what is not granted is false or empty in the acknowledgement",
        with_filter(with_false),
    ),
    variant(
        "subscriptions-end",
        "the server ends subscriptions after a while, with their result",
        ended_after(CUT_SECONDS, lambda context: [closing_result(context, context.rpc_id)]),
    ),
    variant(
        "subscriptions-cancelled",
        "the server ends subscriptions after a while, with notifications/cancelled and their result",
        ended_after(
            CUT_SECONDS,
            lambda context: [
                about(context, "notifications/cancelled", requestId=context.rpc_id),
                closing_result(context, context.rpc_id),
            ],
        ),
    ),
)
