"""A reference server behind an authorization server, and the tokens of two users and of all kinds."""

from __future__ import annotations

import atexit
from contextlib import ExitStack
from functools import cache
from typing import Any

from pytest_mcp_http._options import Settings
from tests.authorization_server import Provider, running_provider
from tests.conftest import running_reference

ALICE = ("mcp:use", "mcp:vault")
BOB = ("mcp:use",)


@cache
def provider() -> Provider:
    """Return the authorization server of all rigs, which ends with the process."""
    stack = ExitStack()
    atexit.register(stack.close)
    return stack.enter_context(running_provider())


def auth(stack: ExitStack, *, expires: bool = True, **options: Any) -> Settings:
    """Run a reference server that takes the tokens of the authorization server, and name two users.

    Args:
        stack: Ends the server.
        expires: Whether the token of the first user expires.
        options: Options of `create_app`.
    """
    server = provider()
    url = stack.enter_context(running_reference(issuer=server.url, **options))
    endless = {} if expires else {"exp": None}
    return Settings(
        url=url,
        headers=(("Authorization", f"Bearer {server.token('alice', url, *ALICE, **endless)}"),),
        second_headers=(("Authorization", f"Bearer {server.token('bob', url, *BOB)}"),),
        tokens=(
            ("expired", server.token("alice", url, *ALICE, lifetime=-3600)),
            ("other-audience", server.token("alice", "http://127.0.0.1:9/mcp", *ALICE)),
            ("less-scope", server.token("alice", url, *BOB)),
            ("broad-scope", server.token("alice", url, "mcp:admin")),
        ),
        first_byte_timeout=5.0,
        timeout=8.0,
    )
