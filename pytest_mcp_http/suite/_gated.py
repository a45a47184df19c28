"""One method behind each capability of a server, for servers that do not declare it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from pytest_mcp_http.visit import UNKNOWN_NAME

_NO_PARAMS: Final[Mapping[str, Any]] = MappingProxyType({})

GATED: Final[Mapping[str, tuple[str, Mapping[str, Any]]]] = MappingProxyType(
    {
        "tools": ("tools/list", _NO_PARAMS),
        "prompts": ("prompts/list", _NO_PARAMS),
        "resources": ("resources/list", _NO_PARAMS),
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
