"""A reference server that pages of one origin may use from a browser, and is judged for them."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

from pytest_mcp_http._options import Settings
from reference_server.faults.browsers import TOKEN
from tests.conftest import running_reference

ORIGIN = "https://app.example.com"


def in_browser(stack: ExitStack, **options: Any) -> Settings:
    """Run a reference server that the client in the page needs no token for."""
    url = stack.enter_context(running_reference(origins=(ORIGIN,), **options))
    return Settings(url=url, browser=ORIGIN, first_byte_timeout=5.0, timeout=8.0)


def with_token(stack: ExitStack, **options: Any) -> Settings:
    """Run a reference server that asks for a token, which the client in the page has."""
    asks = ("browsers-login", *(name for name in options.pop("variants", ()) if name != "browsers-login"))
    url = stack.enter_context(running_reference(origins=(ORIGIN,), variants=asks, **options))
    headers = (("Authorization", TOKEN),)
    return Settings(url=url, browser=ORIGIN, headers=headers, first_byte_timeout=5.0, timeout=8.0)
