"""The streams of `subscriptions/listen`, and what is published to them.

What the server announces at all is the update of a resource; its lists never change.
"""

from __future__ import annotations

from typing import Any, Final

from mcp.server.context import ServerRequestContext
from mcp.server.subscriptions import InMemorySubscriptionBus, ListenHandler, ResourceUpdated
from mcp_types import SubscriptionFilter, SubscriptionsListenRequestParams, SubscriptionsListenResult

MAX_STREAMS: Final = 1000
"""How many streams may be open at once; a further one is refused."""


class Listening:
    """All open streams of one app; each belongs to its request alone, so clients may use the same ids."""

    def __init__(self) -> None:
        self._bus = InMemorySubscriptionBus()
        self._handler = ListenHandler(self._bus, max_subscriptions=MAX_STREAMS)

    async def serve(
        self, context: ServerRequestContext[Any, Any], params: SubscriptionsListenRequestParams
    ) -> SubscriptionsListenResult:
        """Serve one stream until the client leaves or `end` is called.

        The SDK acknowledges whatever was asked for, also what is never sent
        (basic/patterns/subscriptions#acknowledgment).
        """
        honoured = SubscriptionFilter(resource_subscriptions=params.notifications.resource_subscriptions)
        return await self._handler(context, params.model_copy(update={"notifications": honoured}))

    async def publish(self, uri: str) -> None:
        """Tell those who listen to a resource that it changed."""
        await self._bus.publish(ResourceUpdated(uri=uri))

    def end(self) -> None:
        """End every stream with its result (#graceful-closure)."""
        self._handler.close()
