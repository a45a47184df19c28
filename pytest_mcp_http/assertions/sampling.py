"""Assertions on sampling, in both eras: what a server asks the client's model for.

A response holds sampling requests on its event stream, or in `inputRequests`.

Source: https://modelcontextprotocol.io/specification/2025-11-25/client/sampling and
    https://modelcontextprotocol.io/specification/2026-07-28/client/sampling
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pytest_mcp_http.assertions._base import Judged, as_exchange, judges, violated
from pytest_mcp_http.assertions.input_requests import params_asked
from pytest_mcp_http.wire.exchange import Exchange

__tracebackhide__ = True  # a failure is about the response, not about this code

METHOD: Final = "sampling/createMessage"
CONTEXTS: Final = ("thisServer", "allServers")


def samplings(response: Judged) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the params of the sampling requests in a response, each with the place where it stands.

    Args:
        response: The response. Params that are no object count as empty.
    """
    return params_asked(response, METHOD)


@judges("mrtr.sampling-tools-gated")
def assert_sampling_tools_declared(response: Judged, capabilities: Mapping[str, object]) -> Exchange:
    """Assert that sampling requests have tools only for a client that declared `sampling.tools`.

    Args:
        response: The response.
        capabilities: What the client declared.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If one has `tools` or `toolChoice` all the same.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/client/sampling#tools-in-sampling
    """
    exchange = as_exchange(response)
    for place, params in samplings(exchange):
        for name in ("tools", "toolChoice"):
            if params.get(name) and not _declared(capabilities, "tools"):
                violated(
                    f"{place} has {name}", "none, since the client did not declare sampling.tools", exchange
                )
    return exchange


@judges("mrtr.sampling-context-gated")
def assert_sampling_context_declared(response: Judged, capabilities: Mapping[str, object]) -> Exchange:
    """Assert that sampling requests include context only for a client that declared `sampling.context`.

    Args:
        response: The response.
        capabilities: What the client declared.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If one has `includeContext` other than `none` all the same.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/client/sampling#capabilities
    """
    exchange = as_exchange(response)
    for place, params in samplings(exchange):
        wanted = params.get("includeContext")
        if wanted in CONTEXTS and not _declared(capabilities, "context"):
            violated(
                f"{place} has includeContext {wanted!r}",
                ["no includeContext", "none, since the client did not declare sampling.context"],
                exchange,
            )
    return exchange


def _declared(capabilities: Mapping[str, object], name: str) -> bool:
    found = capabilities.get("sampling")
    return isinstance(found, Mapping) and name in found


@judges("mrtr.sampling-tool-result-only")
def assert_tool_results_alone(response: Judged) -> Exchange:
    """Assert that a user message with results of tools holds nothing else.

    Args:
        response: The response.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If a message mixes them with something else.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/client/sampling#tool-result-messages
    """
    exchange = as_exchange(response)
    for place, params in samplings(exchange):
        for number, (role, blocks) in enumerate(_messages(params)):
            kinds = {str(block.get("type")) for block in blocks}
            if role == "user" and "tool_result" in kinds and len(kinds) > 1:
                others = ", ".join(sorted(kinds - {"tool_result"}))
                violated(
                    f"message {number} of {place} mixes tool_result with {others}", "results only", exchange
                )
    return exchange


@judges("mrtr.sampling-tool-balance")
def assert_tool_uses_answered(response: Judged) -> Exchange:
    """Assert that a message in which the model uses tools is followed by one with a result of each use.

    Args:
        response: The response.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If the message after it lacks a result, or is none of the user.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/client/sampling#tool-use-and-result-balance
    """
    exchange = as_exchange(response)
    for place, params in samplings(exchange):
        messages = list(_messages(params))
        for number, (role, blocks) in enumerate(messages):
            used = [block.get("id") for block in blocks if block.get("type") == "tool_use"]
            if role != "assistant" or not used:
                continue
            after, found = messages[number + 1] if number + 1 < len(messages) else ("nobody", [])
            told = [block.get("toolUseId") for block in found if block.get("type") == "tool_result"]
            missing = [each for each in used if each not in told]
            if missing or after != "user":
                violated(
                    f"message {number} of {place} uses tools; the next, of {after}, has results for {told}",
                    f"a message of the user with results for {used}",
                    exchange,
                )
    return exchange


def _messages(params: Mapping[str, Any]) -> Iterator[tuple[object, list[dict[str, Any]]]]:
    """Yield role and content blocks of each message, whatever they are."""
    messages = params.get("messages")
    for message in messages if isinstance(messages, list) else ():
        if isinstance(message, dict):
            content = message.get("content")
            blocks = content if isinstance(content, list) else [content]
            yield message.get("role"), [block for block in blocks if isinstance(block, dict)]
