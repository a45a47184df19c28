"""A reference server in a process of its own, which is flooded with sessions."""

from __future__ import annotations

import shlex
import sys
from contextlib import ExitStack
from typing import Any

from pytest_mcp_http._options import Settings

SESSIONS = 200
"""More than the faults of the chapter need to show."""


def flooded(stack: ExitStack, **options: Any) -> Settings:
    """Name a command that runs a reference server, and ask for a flood."""
    words = [sys.executable, "-m", "reference_server", "--port", "{port}", "--mode", options["mode"]]
    for kind in ("fault", "variant"):
        for name in options.get(f"{kind}s", ()):
            words += [f"--{kind}", name]
    words += [f"--{name.replace('_', '-')}" for name, value in options.items() if value is True]
    command = " ".join(word if word == "{port}" else shlex.quote(word) for word in words)
    return Settings(command=command, flood=SESSIONS, first_byte_timeout=5.0, timeout=8.0)
