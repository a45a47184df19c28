"""What stands around a reference server while the suite judges it: nothing, or what a fault needs to show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

from pytest_mcp_http._options import Settings
from tests.conformance import rig_scaled
from tests.conftest import running_reference

LIMITS: Mapping[str, Any] = {"first_byte_timeout": 5.0, "timeout": 8.0}
"""Shorter than the reference server holds a stream open, so that an open stream is seen as one."""


def alone(stack: ExitStack, **options: Any) -> Settings:
    """Run one reference server."""
    return Settings(url=stack.enter_context(running_reference(**options)), **LIMITS)


RIGS: Mapping[str, Callable[..., Settings]] = {"alone": alone, "scaled": rig_scaled.rig}
"""By name: what runs the servers with the options of `create_app`, and names them in the settings."""
