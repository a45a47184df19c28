"""A reference server that pages of one origin may use from a browser, and is judged for them."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from pytest_mcp_http._options import Settings
from tests.conformance.rig_auth import auth
from tests.conftest import running_reference

ORIGIN = "https://app.example.com"


def in_browser(stack: ExitStack, **options: Any) -> Settings:
    """Run a reference server that the client in the page needs no token for."""
    url = stack.enter_context(running_reference(origins=(ORIGIN,), **options))
    return Settings(url=url, browser=ORIGIN, first_byte_timeout=5.0, timeout=8.0)


def with_token(stack: ExitStack, **options: Any) -> Settings:
    """Run a reference server that the client in the page needs a token for."""
    return replace(auth(stack, origins=(ORIGIN,), **options), browser=ORIGIN)
