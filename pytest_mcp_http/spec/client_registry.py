"""The requirements of clients: what the specification asks of whoever sends requests.

Kept apart from those of servers: no run judges both at once.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType
from typing import Final

from pytest_mcp_http.spec.registry import Requirement, parse_rows

CLIENT_CHAPTERS: Final = (
    "client.transport",
    "client.stream",
    "client.session",
    "client.lifecycle",
    "client.version",
    "client.jsonrpc",
    "client.progress",
    "client.pagination",
    "client.cancellation",
    "client.headers",
    "client.meta",
    "client.mrtr",
    "client.auth",
)
"""Chapters in the order of reports."""


@cache
def client_requirements() -> Mapping[str, Requirement]:
    """Return every requirement of clients by id, in the order of `CLIENT_CHAPTERS`.

    The package data is read and checked once per process.

    Raises:
        RegistryError: If the package data breaks a rule of the registry.
    """
    text = (resources.files("pytest_mcp_http.spec") / "client_requirements.json").read_text(encoding="utf-8")
    return MappingProxyType({item.id: item for item in parse_rows(json.loads(text), CLIENT_CHAPTERS)})
