"""One method behind each capability of a server, for servers that do not declare it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from pytest_mcp_http.visit import UNKNOWN_NAME

GATED: Final[Mapping[str, tuple[str, dict[str, Any]]]] = MappingProxyType(
    {
        "tools": ("tools/list", {}),
        "prompts": ("prompts/list", {}),
        "resources": ("resources/list", {}),
        "completions": (
            "completion/complete",
            {
                "ref": {"type": "ref/prompt", "name": UNKNOWN_NAME},
                "argument": {"name": "argument", "value": ""},
            },
        ),
    }
)
"""Capability -> method and params of a request that is right in all else."""
