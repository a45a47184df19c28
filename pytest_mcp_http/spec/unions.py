"""Which methods each revision lets a server send, and which methods any revision defines at all.

The message schemas lack some of them, so the unions of `schema.ts` are written down here.
Source: https://modelcontextprotocol.io/specification/2025-11-25/schema
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_REQUESTS_2025_03_26: Final = frozenset({"ping", "sampling/createMessage", "roots/list"})
_REQUESTS_2025_06_18: Final = _REQUESTS_2025_03_26 | {"elicitation/create"}
_REQUESTS_2025_11_25: Final = _REQUESTS_2025_06_18 | {
    "tasks/get",
    "tasks/result",
    "tasks/list",
    "tasks/cancel",
}

_NOTIFICATIONS_2025_03_26: Final = frozenset(
    {
        "notifications/cancelled",
        "notifications/progress",
        "notifications/message",
        "notifications/resources/updated",
        "notifications/resources/list_changed",
        "notifications/tools/list_changed",
        "notifications/prompts/list_changed",
    }
)
_NOTIFICATIONS_2025_11_25: Final = _NOTIFICATIONS_2025_03_26 | {
    "notifications/elicitation/complete",
    "notifications/tasks/status",
}

SERVER_REQUESTS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "2025-03-26": _REQUESTS_2025_03_26,
        "2025-06-18": _REQUESTS_2025_06_18,
        "2025-11-25": _REQUESTS_2025_11_25,
        "2026-07-28": frozenset(),
    }
)
"""Revision -> methods of the requests that a server may send."""

SERVER_NOTIFICATIONS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "2025-03-26": _NOTIFICATIONS_2025_03_26,
        "2025-06-18": _NOTIFICATIONS_2025_03_26,
        "2025-11-25": _NOTIFICATIONS_2025_11_25,
        "2026-07-28": _NOTIFICATIONS_2025_03_26 | {"notifications/subscriptions/acknowledged"},
    }
)
"""Revision -> methods of the notifications that a server may send, besides those of a vendor."""

CLIENT_NOTIFICATIONS: Final = frozenset({"notifications/initialized", "notifications/roots/list_changed"})
"""Notifications that only clients send, at the revisions that have them."""

DEFINED_NOTIFICATIONS: Final = CLIENT_NOTIFICATIONS.union(*SERVER_NOTIFICATIONS.values())
"""Every notification that some revision defines; any other name is a vendor's."""

CLIENT_REQUESTS: Final = frozenset(
    {
        "initialize",
        "completion/complete",
        "logging/setLevel",
        "prompts/get",
        "prompts/list",
        "resources/list",
        "resources/read",
        "resources/subscribe",
        "resources/templates/list",
        "resources/unsubscribe",
        "server/discover",
        "subscriptions/listen",
        "tools/call",
        "tools/list",
    }
)
"""Requests that only clients send."""

DEFINED_REQUESTS: Final = CLIENT_REQUESTS.union(*SERVER_REQUESTS.values())
"""Every request that some revision defines; any other name is a vendor's."""
