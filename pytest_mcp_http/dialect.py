"""What sets the messages of one era apart from those of the other, as values in a table.

A check, the client and the tour look here instead of asking which era it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from pytest_mcp_http.spec.revisions import Era, era_of

CLIENT_NAME: Final = "pytest-mcp-http"
"""How the client calls itself."""

META_PREFIX: Final = "io.modelcontextprotocol/"
"""Prefix of the `_meta` keys that the specification itself defines."""

PROTOCOL_VERSION: Final = f"{META_PREFIX}protocolVersion"
CLIENT_INFO: Final = f"{META_PREFIX}clientInfo"
CLIENT_CAPABILITIES: Final = f"{META_PREFIX}clientCapabilities"
LOG_LEVEL: Final = f"{META_PREFIX}logLevel"
SERVER_INFO: Final = f"{META_PREFIX}serverInfo"
SUBSCRIPTION_ID: Final = f"{META_PREFIX}subscriptionId"

ALL_CHANGES: Final[Mapping[str, Any]] = MappingProxyType(
    {"toolsListChanged": True, "promptsListChanged": True, "resourcesListChanged": True}
)
"""A filter of `subscriptions/listen` that asks for every change of a list."""


@dataclass(frozen=True)
class Dialect:
    """How one era speaks.

    Attributes:
        era: The era.
        opening: The request that a client may begin with, whose result names capabilities and server.
        plain: The cheapest request that every server of the era serves.
        server_info: Path of the server's name and version in the result of the opening.
        sessions: Whether there are sessions, with GET and DELETE.
        per_request: Whether each request carries version and capabilities in `_meta` and in headers.
        unknown_method: HTTP status of the answer to a method that is not implemented; None if it is open.
    """

    era: Era
    opening: str
    plain: str
    server_info: tuple[str, ...]
    sessions: bool
    per_request: bool
    unknown_method: int | None

    def info_in(self, result: object) -> object:
        """Return what the result of the opening says of the server, or None."""
        for name in self.server_info:
            result = result.get(name) if isinstance(result, dict) else None
        return result


_DIALECTS: Final[Mapping[Era, Dialect]] = MappingProxyType(
    {
        "handshake": Dialect(
            era="handshake",
            opening="initialize",
            plain="ping",
            server_info=("serverInfo",),
            sessions=True,
            per_request=False,
            unknown_method=None,
        ),
        "modern": Dialect(
            era="modern",
            opening="server/discover",
            plain="server/discover",
            server_info=("_meta", SERVER_INFO),
            sessions=False,
            per_request=True,
            unknown_method=404,
        ),
    }
)


def dialect_of(revision: str) -> Dialect:
    """Return how a revision speaks.

    Args:
        revision: One of `REVISIONS`.

    Raises:
        ValueError: If the revision is not one that uses Streamable HTTP.
    """
    return _DIALECTS[era_of(revision)]
