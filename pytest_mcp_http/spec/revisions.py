"""The dated protocol revisions that use Streamable HTTP, and what sets one era apart from the other."""

from __future__ import annotations

from typing import Final, Literal

Era = Literal["handshake", "modern"]

HANDSHAKE_REVISIONS: Final = ("2025-03-26", "2025-06-18", "2025-11-25")
"""Revisions with `initialize`, optional sessions and a GET stream, oldest first."""

MODERN_REVISIONS: Final = ("2026-07-28",)
"""Revisions without handshake and session, oldest first."""

REVISIONS: Final = HANDSHAKE_REVISIONS + MODERN_REVISIONS

SPECIFICATION_URL: Final = "https://modelcontextprotocol.io/specification"

BATCHING_REVISIONS: Final = frozenset({"2025-03-26"})
"""Revisions whose servers have to take JSON-RPC batches."""

VERSION_HEADER_REVISIONS: Final = frozenset(REVISIONS) - {"2025-03-26"}
"""Revisions that define the `MCP-Protocol-Version` header."""


def era_of(revision: str) -> Era:
    """Return the era of a revision.

    Args:
        revision: One of `REVISIONS`, for example `2025-11-25`.

    Raises:
        ValueError: If the revision is not one that uses Streamable HTTP.
    """
    if revision in HANDSHAKE_REVISIONS:
        return "handshake"
    if revision in MODERN_REVISIONS:
        return "modern"
    raise ValueError(f"unknown protocol revision {revision!r}; known are {', '.join(REVISIONS)}")


def header_revision(revision: str) -> str | None:
    """Return the value a client sends as `MCP-Protocol-Version`, or None where the header is not defined."""
    return revision if revision in VERSION_HEADER_REVISIONS else None
