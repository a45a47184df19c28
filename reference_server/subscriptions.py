"""What the server announces, and to whom: the streams of `subscriptions/listen`, and the sessions.

A change of a list is announced to all who asked for it in the modern era, and to every session. The update of
a resource is announced to those who asked for this resource.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import anyio
from mcp.server.context import ServerRequestContext
from mcp.server.subscriptions import (
    InMemorySubscriptionBus,
    ListenHandler,
    PromptsListChanged,
    ResourcesListChanged,
    ResourceUpdated,
    ServerEvent,
    ToolsListChanged,
)
from mcp_types import (
    PromptListChangedNotification,
    ResourceListChangedNotification,
    ResourceUpdatedNotification,
    ResourceUpdatedNotificationParams,
    ServerNotification,
    SubscriptionsListenRequestParams,
    SubscriptionsListenResult,
    ToolListChangedNotification,
)

from reference_server.sessions import Session, SessionTable

MAX_STREAMS: Final = 1000
"""How many streams may be open at once; a further one is refused."""

TELL_SECONDS: Final = 0.5
"""How long a session whose client does not read its stream may hold up the one who changed something."""

LIST_CHANGES: Final[Mapping[str, tuple[ServerEvent, ServerNotification]]] = {
    "tools": (ToolsListChanged(), ToolListChangedNotification()),
    "prompts": (PromptsListChanged(), PromptListChangedNotification()),
    "resources": (ResourcesListChanged(), ResourceListChangedNotification()),
}
"""What is announced when a list changed: to streams of the modern era, and to sessions."""


class Listening:
    """All open streams of one app; each belongs to its request alone, so clients may use the same ids.

    Args:
        sessions: The sessions of the handshake era.
        tell_all: Tells all replicas something, which each of them hands to `hear`; None if there is one app.
    """

    def __init__(
        self, sessions: SessionTable, tell_all: Callable[[dict[str, Any]], Awaitable[None]] | None = None
    ) -> None:
        self._sessions = sessions
        self._tell_all = tell_all
        self._bus = InMemorySubscriptionBus()
        self._handler = ListenHandler(self._bus, max_subscriptions=MAX_STREAMS)

    async def serve(
        self, context: ServerRequestContext[Any, Any], params: SubscriptionsListenRequestParams
    ) -> SubscriptionsListenResult:
        """Serve one stream until the client leaves or `end` is called."""
        return await self._handler(context, params)

    async def publish(self, uri: str) -> None:
        """Tell those who listen to a resource that it changed."""
        await self._spread({"updated": uri})

    async def announce(self, kind: str) -> None:
        """Tell all clients that a list changed: `tools`, `prompts` or `resources`."""
        await self._spread({"changed": kind})

    async def _spread(self, message: dict[str, Any]) -> None:
        await (self.hear if self._tell_all is None else self._tell_all)(message)

    async def hear(self, message: dict[str, Any]) -> None:
        """Tell the clients of this app what changed, here or at another replica."""
        if "updated" in message:
            await self._publish_here(message["updated"])
        elif "changed" in message:
            await self._announce_here(message["changed"])

    async def _publish_here(self, uri: str) -> None:
        await self._bus.publish(ResourceUpdated(uri=uri))
        updated = ResourceUpdatedNotification(params=ResourceUpdatedNotificationParams(uri=uri))
        await self._tell(updated, lambda session: uri in session.subscribed)

    async def _announce_here(self, kind: str) -> None:
        event, changed = LIST_CHANGES[kind]
        await self._bus.publish(event)
        await self._tell(changed, lambda session: True)

    async def _tell(self, notification: ServerNotification, wanted: Callable[[Session], bool]) -> None:
        async def tell(session: Session) -> None:
            try:
                if session.notify is not None:
                    await session.notify(notification)
            except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                pass  # the session ended meanwhile

        with anyio.move_on_after(TELL_SECONDS):
            async with anyio.create_task_group() as group:
                for session in self._sessions:
                    if wanted(session):
                        group.start_soon(tell, session)

    def end(self) -> None:
        """End every stream with its result (#graceful-closure)."""
        self._handler.close()
