"""The rig `scaled`: three replicas of the reference server behind nginx, which share a store."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import pytest

from pytest_mcp_http._options import Settings
from reference_server.scale import Scale, available, scaled
from tests.conformance.reference_command import arguments


def run(stack: ExitStack, *, mode: str, **options: Any) -> str:
    """Run replicas with the options of `create_app` until the stack ends, and return their URL."""
    missing = available()
    if missing:
        pytest.skip(missing)
    return stack.enter_context(scaled(Scale(mode=mode, arguments=tuple(arguments(options))))).url


def rig(stack: ExitStack, **options: Any) -> Settings:
    """Run replicas behind nginx. They answer later than one server alone, so the limits are wider."""
    return Settings(url=run(stack, **options), first_byte_timeout=8.0, timeout=12.0)
