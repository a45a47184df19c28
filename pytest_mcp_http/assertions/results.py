"""Assertions on what every result has from 2026-07-28 on: its type, and who made it.

Source: https://modelcontextprotocol.io/specification/2026-07-28/basic#resulttype
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from pytest_mcp_http.assertions._base import Judged, as_exchange, judges, violated
from pytest_mcp_http.assertions.jsonrpc import messages_in
from pytest_mcp_http.dialect import SERVER_INFO
from pytest_mcp_http.wire.exchange import Exchange
from pytest_mcp_http.wire.jsonrpc import json_type

__tracebackhide__ = True  # a failure is about the response, not about this code

RESULT_TYPES: Final = ("complete", "input_required")
"""The types that the specification defines; an extension may define more."""

_MAX_SHOWN: Final = 60


@judges("jsonrpc.result-type-present")
def assert_result_type(response: Judged) -> Exchange:
    """Assert that every result has a `resultType` that is a string.

    Args:
        response: The response. What is no object is not judged here.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If it is missing or of another JSON type.
    """
    exchange = as_exchange(response)
    for result in results_in(exchange):
        if not isinstance(result.get("resultType"), str):
            seen = f"is a JSON {json_type(result['resultType'])}" if "resultType" in result else "is missing"
            violated(f"a result whose resultType {seen}", "a resultType that is a string", exchange)
    return exchange


@judges("jsonrpc.result-type-known")
def assert_result_type_known(response: Judged, *, extended: bool = False) -> Exchange:
    """Assert that every `resultType` that is a string is one that clients can know.

    Args:
        response: The response.
        extended: Whether the server advertises an extension, which may define more types.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If there is another one and no extension.
    """
    exchange = as_exchange(response)
    for result in results_in(exchange):
        found = result.get("resultType")
        if isinstance(found, str) and found not in RESULT_TYPES and not (extended and found):
            expected = [f"the resultType {name}" for name in RESULT_TYPES]
            expected.append("a type of an extension that server/discover advertises")
            violated(f"the resultType {found[:_MAX_SHOWN]!r}", expected, exchange)
    return exchange


@judges("meta.server-info-every-result")
def assert_server_info(response: Judged) -> Exchange:
    """Assert that every result names the server in its `_meta`; how it does so is the matter of the schema.

    Args:
        response: The response.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If a result does not.

    Source: https://modelcontextprotocol.io/specification/2026-07-28/basic#_meta
    """
    exchange = as_exchange(response)
    for result in results_in(exchange):
        meta = result.get("_meta")
        if not isinstance(meta, dict) or SERVER_INFO not in meta:
            violated(
                f"a result without {SERVER_INFO}",
                [
                    f"{SERVER_INFO} in the _meta of every result",
                    "in none of them, if the server was specifically configured so",
                ],
                exchange,
            )
    return exchange


def results_in(response: Judged) -> Iterator[dict[str, Any]]:
    """Yield the results of a response that are objects, also of messages that are wrong otherwise."""
    for value in messages_in(response):
        if isinstance(value.get("result"), dict):
            yield value["result"]
