"""Users of Locust that speak MCP, to load servers with. Needs the extra `load`.

Take the users from here in a locustfile only: Locust changes the sockets and threads of the process that
imports it. It is imported once one of the names is asked for, and by nothing else of this package.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pytest_mcp_http.load.users import HandshakeUser, McpUser, ModernUser

__all__ = ["HandshakeUser", "McpUser", "ModernUser"]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from pytest_mcp_http.load import users

    return getattr(users, name)
