"""Assertions on the list of tools, and on calls that a server has to refuse.

Source: https://modelcontextprotocol.io/specification/2026-07-28/server/tools
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from typing import Any, Final

from pytest_mcp_http.assertions._base import Judged, as_exchange, judges, violated
from pytest_mcp_http.assertions.jsonrpc import code_in, error_in
from pytest_mcp_http.spec.error_codes import INVALID_PARAMS, METHOD_NOT_FOUND
from pytest_mcp_http.spec.revisions import MODERN_REVISIONS
from pytest_mcp_http.wire.exchange import Exchange

__tracebackhide__ = True  # a failure is about the response, not about this code

MAX_NAME: Final = 128
"""Characters that the name of a tool should have at most."""

_PLAIN: Final = re.compile(r"[A-Za-z0-9_.-]*")
_LETTERS_AND_DIGITS: Final = ("L", "M", "N")
"""Unicode categories of what belongs to words: letters, marks on them, and numbers."""

_MAX_SHOWN: Final = 60


def tools_in(response: Judged) -> list[dict[str, Any]]:
    """Return the tools of a response to `tools/list`, as far as they are objects.

    Args:
        response: The response.
    """
    result = as_exchange(response).result
    tools = result.get("tools") if isinstance(result, dict) else None
    return [tool for tool in tools if isinstance(tool, dict)] if isinstance(tools, list) else []


def _names(response: Judged) -> Iterator[str]:
    return (tool["name"] for tool in tools_in(response) if isinstance(tool.get("name"), str))


def _shown(name: str) -> str:
    text = repr(name)
    return text if len(text) <= _MAX_SHOWN else f"{text[: _MAX_SHOWN - 4]}...'"


@judges("tools.name-length")
def assert_tool_name_lengths(response: Judged) -> Exchange:
    """Assert that the name of every listed tool has 1 to 128 characters.

    Args:
        response: The response to `tools/list`.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If one is empty or longer.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/server/tools#tool-names
    """
    exchange = as_exchange(response)
    for name in _names(exchange):
        if not 1 <= len(name) <= MAX_NAME:
            violated(
                f"a tool name of {len(name)} characters: {_shown(name)}",
                f"1 to {MAX_NAME} characters",
                exchange,
            )
    return exchange


@judges("tools.name-charset")
def assert_tool_names_ascii(response: Judged) -> Exchange:
    """Assert that the letters and digits in tool names are ASCII.

    Args:
        response: The response to `tools/list`.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If a name has another letter or digit.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/server/tools#tool-names
    """
    return _assert_characters(response, words=True)


@judges("tools.name-no-special")
def assert_tool_names_without_specials(response: Judged) -> Exchange:
    """Assert that tool names have no spaces, commas or other special characters but `_`, `-` and `.`.

    Args:
        response: The response to `tools/list`.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If a name has one.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/server/tools#tool-names
    """
    return _assert_characters(response, words=False)


def _assert_characters(response: Judged, *, words: bool) -> Exchange:
    exchange = as_exchange(response)
    for name in _names(exchange):
        for character in name:
            of_words = unicodedata.category(character)[0] in _LETTERS_AND_DIGITS
            if of_words == words and not _PLAIN.fullmatch(character):
                violated(
                    f"{character!r} (U+{ord(character):04X}) in the tool name {_shown(name)}",
                    "only A-Z, a-z, 0-9, _, - and .",
                    exchange,
                )
    return exchange


@judges("tools.name-unique")
def assert_tool_names_unique(response: Judged) -> Exchange:
    """Assert that no name stands twice in one page of the list of tools.

    Args:
        response: The response to `tools/list`. An item that comes again on another page is a matter of
            pagination.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If one does.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/server/tools#tool-names
    """
    exchange = as_exchange(response)
    for name, times in Counter(_names(exchange)).items():
        if times > 1:
            violated(
                f"{times} tools with the name {_shown(name)}", "a name of its own for each tool", exchange
            )
    return exchange


# -- calls ------------------------------------------------------------------------------------------------


def is_tool_error(response: Judged) -> bool:
    """Tell whether a response holds a tool result with `isError`."""
    result = as_exchange(response).result
    return isinstance(result, dict) and result.get("isError") is True


def is_tool_success(response: Judged) -> bool:
    """Tell whether a response holds a tool result that is complete and no error."""
    result = as_exchange(response).result
    if not isinstance(result, dict) or "task" in result or result.get("isError") is True:
        return False
    return bool(result.get("resultType", "complete") == "complete")


@judges("tools.unknown-tool-error")
def assert_unknown_tool_refused(response: Judged) -> Exchange:
    """Assert that the call of a tool that does not exist got a JSON-RPC error, and no result.

    Args:
        response: The response to the call.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: For a result, also one with `isError`, and for a status without JSON-RPC error.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/server/tools#error-handling
    """
    exchange = as_exchange(response)
    if error_in(exchange) is None or exchange.result is not None:
        actual = "a tool result with isError" if is_tool_error(exchange) else exchange.summary
        violated(
            f"{actual}, to a call of an unknown tool", f"a JSON-RPC error, as {INVALID_PARAMS}", exchange
        )
    return exchange


@judges("tools.unknown-tool-code")
def assert_unknown_tool_code(response: Judged) -> Exchange:
    """Assert that the JSON-RPC error for a tool that does not exist is -32602.

    Args:
        response: The response to the call; one without JSON-RPC error is not judged.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: For another code.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/server/tools#error-handling
    """
    exchange = as_exchange(response)
    if error_in(exchange) is not None and code_in(exchange) != INVALID_PARAMS:
        violated(
            f"{exchange.summary}, to a call of an unknown tool", f"JSON-RPC error {INVALID_PARAMS}", exchange
        )
    return exchange


@judges("tools.call-unsupported")
def assert_tool_calls_unsupported(response: Judged) -> Exchange:
    """Assert that a server without tools answers `tools/call` with a JSON-RPC error.

    Args:
        response: The response to the call.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: For a result, and for a status without JSON-RPC error; as a note for another
            code than -32601.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/schema#calltoolresult
    """
    exchange = as_exchange(response)
    expected = f"JSON-RPC error {METHOD_NOT_FOUND}, as tools are not declared"
    if error_in(exchange) is None or exchange.result is not None:
        actual = "a tool result with isError" if is_tool_error(exchange) else exchange.summary
        violated(f"{actual}, to tools/call", expected, exchange)
    if code_in(exchange) != METHOD_NOT_FOUND:
        violated(f"{exchange.summary}, to tools/call", expected, exchange, note=True)
    return exchange


@judges("tools.schema-2020-12-keywords", "tools.validate-inputs")
def assert_inputs_validated(response: Judged, what: str) -> Exchange:
    """Assert that a call whose arguments break the tool's `inputSchema` did not succeed.

    Args:
        response: The response to the call.
        what: What is wrong with the arguments, for the message.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If it got a result that is complete and no error.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/server/tools#security-considerations
    """
    exchange = as_exchange(response)
    if is_tool_success(exchange):
        violated(
            f"a tool result without isError, to a call with {what}",
            ["a tool result with isError", f"JSON-RPC error {INVALID_PARAMS}"],
            exchange,
        )
    return exchange


@judges("tools.input-validation-is-error")
def assert_input_error_in_result(response: Judged, revision: str, what: str) -> Exchange:
    """Assert that arguments which break the tool's `inputSchema` got a tool result with `isError`.

    Args:
        response: The response to the call; one that succeeded is not judged, see `assert_inputs_validated`.
        revision: The revision.
        what: What is wrong with the arguments, for the message.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: For anything else; as a note for -32602 from 2026-07-28 on, where the schema
            names that code for it.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/server/tools#error-handling
    """
    exchange = as_exchange(response)
    if not is_tool_error(exchange) and not is_tool_success(exchange):
        named = revision in MODERN_REVISIONS and code_in(exchange) == INVALID_PARAMS
        violated(
            f"{exchange.summary}, to a call with {what}",
            "a tool result with isError, which a model can read and mend",
            exchange,
            note=named,
        )
    return exchange


@judges("tools.execution-error-in-result")
def assert_execution_error_in_result(response: Judged) -> Exchange:
    """Assert that a tool which failed while it worked gave a result with `isError`, and said why.

    Args:
        response: The response to a call that fails.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: For a JSON-RPC error, a result without `isError`, or none; as a note for a
            result that holds no text.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/schema#calltoolresult
    """
    exchange = as_exchange(response)
    expected = "a tool result with isError that says what went wrong"
    if not is_tool_error(exchange):
        actual = "a tool result without isError" if is_tool_success(exchange) else exchange.summary
        violated(f"{actual}, to a call that fails", expected, exchange)
    result = exchange.result
    content = result.get("content") if isinstance(result, dict) else None
    blocks = content if isinstance(content, list) else []
    if not any(isinstance(block, dict) and block.get("text") for block in blocks):
        violated("a tool result with isError that has no text", expected, exchange, note=True)
    return exchange
