"""The table of rules: one function per requirement of clients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pytest_mcp_http.client_rules.play import Play
from pytest_mcp_http.spec.client_registry import client_requirements

Rule = Callable[[Play], None]
"""Returns if the client did what the requirement asks, or raises what there is to say."""

RULES: Final[dict[str, Rule]] = {}
"""Every rule by the id of its requirement."""


def rule(id: str) -> Callable[[Rule], Rule]:
    """Enter a function as the rule of a requirement.

    Args:
        id: Id in the registry of client requirements.

    Raises:
        KeyError: On use, if the registry has no such id, or it has a rule already.
    """
    if id not in client_requirements() or id in RULES:
        raise KeyError(f"{id!r} is no requirement of clients without a rule")

    def enter(function: Rule) -> Rule:
        RULES[id] = function
        return function

    return enter
