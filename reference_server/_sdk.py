"""Tells whether the installed `mcp` package can carry the reference server, without importing it."""

from __future__ import annotations

import importlib.util

from reference_server import ReferenceServerUnavailable


def require_sdk() -> None:
    """Demand an SDK that has what the reference server is made of.

    Raises:
        ReferenceServerUnavailable: If it is older than 2.0, or absent.
    """
    try:
        found = importlib.util.find_spec("mcp.server.mcpserver")
    except (ImportError, ValueError):
        found = None
    if found is None:
        raise ReferenceServerUnavailable(
            'the reference server needs the SDK of version 2: pip install "mcp>=2"'
        )
