"""A reference server in a process of its own, which is flooded with sessions."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from pytest_mcp_http._options import Settings
from tests.conformance.reference_command import command

SESSIONS = 200
"""More than the faults of the chapter need to show."""


def flooded(stack: ExitStack, **options: Any) -> Settings:
    """Name a command that runs a reference server, and ask for a flood."""
    return Settings(command=command(options), flood=SESSIONS, first_byte_timeout=5.0, timeout=8.0)
