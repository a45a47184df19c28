"""What stands around a reference server while the suite judges it: nothing, or what a fault needs to show."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from typing import Any

from pytest_mcp_http._options import Settings
from tests.conformance import rig_scaled
from tests.conformance.reference_command import command
from tests.conformance.rig_auth import auth
from tests.conformance.rig_browser import in_browser, with_token
from tests.conformance.rig_flood import flooded
from tests.conftest import running_reference, running_replicas

LIMITS: Mapping[str, Any] = {"first_byte_timeout": 5.0, "timeout": 8.0}
"""Shorter than the reference server holds a stream open, so that an open stream is seen as one."""


def alone(stack: ExitStack, **options: Any) -> Settings:
    """Run one reference server."""
    return Settings(url=stack.enter_context(running_reference(**options)), **LIMITS)


def replicas(stack: ExitStack, **options: Any) -> Settings:
    """Run one reference server as two replicas that share all they know."""
    first, second = stack.enter_context(running_replicas(2, **options))
    return Settings(url=first, replicas=(second,), **LIMITS)


def proxy(stack: ExitStack, **options: Any) -> Settings:
    """Run a reference server that stands for a proxy and what is behind it, and one without any fault."""
    past = {**options, "faults": (), "variants": ()}
    return Settings(
        url=stack.enter_context(running_reference(**options)),
        direct=stack.enter_context(running_reference(**past)),
        **LIMITS,
    )


def idle(stack: ExitStack, **options: Any) -> Settings:
    """Run a reference server that keeps its streams alive, and hold them for a while."""
    options["variants"] = ("deployment.keep-alive", *options.get("variants", ()))
    return Settings(url=stack.enter_context(running_reference(**options)), idle_budget=1.0, **LIMITS)


def started(stack: ExitStack, **options: Any) -> Settings:
    """Have the reference server started by its command line."""
    return Settings(command=command(options), shutdown=True, **LIMITS)


RIGS: Mapping[str, Callable[..., Settings]] = {
    "alone": alone,
    "replicas": replicas,
    "proxy": proxy,
    "idle": idle,
    "browser": in_browser,
    "browser-token": with_token,
    "flood": flooded,
    "scaled": rig_scaled.rig,
    "auth": auth,
    "auth-endless-token": partial(auth, expires=False),
    "command": started,
}
"""By name: what runs the servers with the options of `create_app`, and names them in the settings."""
