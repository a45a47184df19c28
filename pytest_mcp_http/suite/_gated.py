"""One method behind each capability of a server, for servers that do not declare it.

The chapters of prompts and of completion judge their own methods.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from pytest_mcp_http.assertions.refusals import assert_method_not_found
from pytest_mcp_http.suite._malformed import Answer
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import Exchange

GATED: Final[Mapping[str, tuple[str, dict[str, Any]]]] = MappingProxyType(
    {
        "tools": ("tools/list", {}),
        "resources": ("resources/list", {}),
    }
)
"""Capability -> method and params of a request that is right in all else."""


def judge_gated(tour: Tour, method: str, exchange: Exchange) -> None:
    """Judge that a method whose capability is not declared is refused as one that is not there.

    Args:
        tour: The tour.
        method: The method.
        exchange: What it got.

    Raises:
        NotVerified: If something in front of the server answered.
    """
    status = tour.dialect.unknown_method
    if any(step.exchange.status != status for step in tour.named("unknown method")):
        status = None  # what a method gets that never was is jsonrpc.method-not-found-404's
    assert_method_not_found(Answer(method, exchange).coded(), status=status)
