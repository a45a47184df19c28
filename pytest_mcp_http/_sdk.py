"""Connects the client of the official SDK to a target.

Knows how it is made with `mcp` 1.x and with 2.x; nothing here judges.
"""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from importlib.metadata import version
from typing import Any, Final

from pytest_mcp_http._target import Target
from pytest_mcp_http.errors import NotApplicable
from pytest_mcp_http.spec.revisions import era_of
from pytest_mcp_http.wire.http import ssl_context

STREAM_SECONDS: Final = 300.0
"""Seconds that a stream of the server may be silent, which the SDK takes for granted too."""


@asynccontextmanager
async def connect(
    target: Target, revision: str, options: Mapping[str, Any], *, exactly: bool
) -> AsyncIterator[Any]:
    """Give a connected client of the SDK: a `ClientSession` of `mcp` 1.x, a `Client` of 2.x.

    Args:
        target: The server.
        revision: The revision to speak. The SDK chooses between the eras only, and speaks the newest revision
            of an era that it shares with the server.
        options: Arguments of the client, such as `elicitation_callback`.
        exactly: Whether another revision than that is refused.

    Raises:
        NotApplicable: If the installed SDK does not speak the revision with this server.
    """
    import mcp

    speak = _client_of_2 if hasattr(mcp, "Client") else _session_of_1
    if speak is _session_of_1 and era_of(revision) == "modern":
        raise NotApplicable(f"mcp {version('mcp')} does not speak {revision}, which needs mcp 2.x")
    async with speak(target, revision, options) as (client, spoken):
        refused = exactly and spoken != revision
        if not refused:
            yield client
    if refused:
        # Raised here, because a task group of the connection would wrap it.
        raise NotApplicable(
            f"mcp {version('mcp')} speaks {spoken} with this server, and cannot choose {revision}"
        )


@asynccontextmanager
async def _session_of_1(
    target: Target, revision: str, options: Mapping[str, Any]
) -> AsyncIterator[tuple[Any, str]]:
    import httpx
    from mcp import ClientSession
    from mcp.client import streamable_http

    def client(**ours: Any) -> Any:
        timeout = httpx.Timeout(target.limits.total, connect=target.limits.connect, read=STREAM_SECONDS)
        return httpx.AsyncClient(**{**_http_options(target), "timeout": timeout})

    async with AsyncExitStack() as stack:
        if hasattr(streamable_http, "streamable_http_client"):
            http = await stack.enter_async_context(client())
            transport: Any = streamable_http.streamable_http_client(target.url, http_client=http)
        else:
            # The name that it has up to 1.23.
            older = getattr(streamable_http, "streamablehttp_client")  # noqa: B009 - unknown to mcp 2.x
            transport = older(target.url, httpx_client_factory=client)
        read, write, _ = await stack.enter_async_context(transport)
        options = {"read_timeout_seconds": timedelta(seconds=target.limits.total), **options}
        session: Any = await stack.enter_async_context(ClientSession(read, write, **options))
        result = await session.initialize()
        yield session, str(result.protocolVersion)


@asynccontextmanager
async def _client_of_2(
    target: Target, revision: str, options: Mapping[str, Any]
) -> AsyncIterator[tuple[Any, str]]:
    import httpx2
    from mcp import Client
    from mcp.client.streamable_http import streamable_http_client

    timeout = httpx2.Timeout(target.limits.total, connect=target.limits.connect, read=STREAM_SECONDS)
    async with httpx2.AsyncClient(**_http_options(target), timeout=timeout) as http:
        transport = streamable_http_client(target.url, http_client=http)
        mode = "auto" if era_of(revision) == "modern" else "legacy"
        options = {"read_timeout_seconds": target.limits.total, "mode": mode, **options}
        async with Client(transport, **options) as client:
            yield client, client.protocol_version


def _http_options(target: Target) -> dict[str, Any]:
    """Return what a client of httpx, or of its successor, needs to reach a target as the suite does."""
    verify: bool | ssl.SSLContext = True
    if target.url.startswith("https:"):
        verify = ssl_context(target.ca, insecure=target.insecure)
    return {"headers": list(target.headers), "verify": verify, "trust_env": False}
