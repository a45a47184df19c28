"""Completion: values that an argument of a prompt, or the variable of the template, can have."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types import CompleteRequestParams, CompleteResult, Completion, PromptReference

from reference_server import resources
from reference_server._jsonrpc import INVALID_PARAMS, one_line
from reference_server.offers import Offers
from reference_server.prompts import FOCUSES, PAGES
from reference_server.vault import ENTRIES, VAULT_TEMPLATE_URI

MAX_VALUES: Final = 100
"""Most values in one result (server/utilities/completion#completion-results)."""

VALUES: Final[Mapping[tuple[str, str], tuple[str, ...]]] = {
    ("review_text", "focus"): FOCUSES,
    ("explain_page", "page"): PAGES,
    (resources.TEMPLATE_URI, "unit"): tuple(resources.UNITS),
    (VAULT_TEMPLATE_URI, "entry"): ENTRIES,
}
"""What is suggested, by prompt or template, and argument."""


async def complete(
    offers: Offers, _: ServerRequestContext[Any, Any], params: CompleteRequestParams
) -> CompleteResult:
    """Suggest the values of an argument that begin with what was typed, whatever its letter case.

    Raises:
        MCPError: If there is no such prompt or template, or it has no such argument.
    """
    if isinstance(params.ref, PromptReference):
        name, known = params.ref.name, set(offers.prompts)
        prompt = offers.prompts.get(name)
        arguments = set(prompt.arguments) if prompt else set()
    else:
        name, known = params.ref.uri, {template.uri for template in offers.templates}
        arguments = set(re.findall(r"\{(\w+)\}", name))
    if name not in known:
        raise MCPError(code=INVALID_PARAMS, message=f"There is nothing to complete: {one_line(name)}")
    if params.argument.name not in arguments:
        raise MCPError(code=INVALID_PARAMS, message=f"Unknown argument: {one_line(params.argument.name)}")
    typed = params.argument.value.lower()
    found = [each for each in VALUES.get((name, params.argument.name), ()) if each.startswith(typed)]
    return CompleteResult(
        completion=Completion(values=found[:MAX_VALUES], total=len(found), has_more=len(found) > MAX_VALUES)
    )
