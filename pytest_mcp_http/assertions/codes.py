"""Assertions on error codes: which ranges are free from 2026-07-28 on, and what the defined codes mean.

Which code one request has to get is judged elsewhere, see `refusals`. Errors without an integer code are none
of theirs.
Source: https://modelcontextprotocol.io/specification/2026-07-28/basic#error-codes
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pytest_mcp_http.assertions._base import Judged, as_exchange, judges, violated
from pytest_mcp_http.assertions.jsonrpc import codes_in
from pytest_mcp_http.client import VERSION_HEADER
from pytest_mcp_http.dialect import PROTOCOL_VERSION
from pytest_mcp_http.spec.error_codes import (
    HEADER_MISMATCH,
    MISSING_CAPABILITY,
    MODERN_ERRORS,
    UNSUPPORTED_VERSION,
)
from pytest_mcp_http.spec.revisions import HANDSHAKE_REVISIONS
from pytest_mcp_http.wire.exchange import Exchange
from pytest_mcp_http.wire.mirror import METHOD_HEADER, NAME_HEADER, NAMED, decode_value, mirrored

__tracebackhide__ = True  # a failure is about the response, not about this code

STANDARD: Final = frozenset({-32700, -32600, -32601, -32602, -32603})
"""The codes of JSON-RPC itself."""

RESOURCE_NOT_FOUND: Final = -32002
URL_ELICITATION_REQUIRED: Final = -32042
RETIRED: Final = frozenset({RESOURCE_NOT_FOUND, URL_ELICITATION_REQUIRED})
"""Codes that earlier revisions defined, which none may send any more; each is judged by itself."""

LEGACY: Final = range(-32019, -31999)
"""Codes that implementations took before there was a rule."""

RESERVED: Final = range(-32099, -32019)
"""Codes that the specification of MCP alone defines."""

JSONRPC_RESERVED: Final = range(-32768, -32099)
"""What JSON-RPC reserves besides; only the standard codes are in use there."""


@judges("jsonrpc.no-32002", "jsonrpc.no-32042")
def assert_code_retired(response: Judged, code: int) -> Exchange:
    """Assert that no error of a response has a code that earlier revisions defined.

    Args:
        response: The response.
        code: -32002 (resource not found, now -32602) or -32042 (URL elicitation required).

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If an error has this code.
    """
    return _assert_codes(response, lambda each: each != code, f"no error {code} from 2026-07-28 on")


@judges("jsonrpc.no-undefined-reserved-codes")
def assert_reserved_codes_defined(response: Judged) -> Exchange:
    """Assert that every error code from -32099 to -32020 is one that MCP defines.

    Args:
        response: The response.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If there is another one. -32042, which was defined once, is left to
            `assert_code_retired`.
    """
    known = ", ".join(str(code) for code in sorted(MODERN_ERRORS, reverse=True))
    return _assert_codes(
        response,
        lambda each: each not in RESERVED or each in MODERN_ERRORS | RETIRED,
        f"of the codes from -32020 to -32099 only {known}",
    )


@judges("jsonrpc.avoid-legacy-range")
def assert_legacy_codes_avoided(response: Judged) -> Exchange:
    """Assert that no error code lies from -32019 to -32000, where it means something else to each client.

    Args:
        response: The response.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If one does. -32002, which was defined once, is left to `assert_code_retired`.
    """
    return _assert_codes(
        response,
        lambda each: each not in LEGACY or each in RETIRED,
        "a standard code, or a code of the server's own outside -32768 to -32000",
    )


@judges("jsonrpc.custom-codes-outside")
def assert_custom_codes_outside(response: Judged) -> Exchange:
    """Assert that no code of the server's own lies in what JSON-RPC reserves below the codes of MCP.

    Args:
        response: The response.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If a code from -32768 to -32100 is none of the standard ones.
    """
    return _assert_codes(
        response,
        lambda each: each not in JSONRPC_RESERVED or each in STANDARD,
        "a standard code, or a code of the server's own outside -32768 to -32000",
    )


@judges("jsonrpc.defined-codes-meaning")
def assert_defined_code_fits(response: Judged, *, needs_capability: bool = True) -> Exchange:
    """Assert that an error code which MCP defines was given for what it means.

    Args:
        response: The response to a request of a version that the server speaks.
        needs_capability: Whether the request may need a capability that it did not declare.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: For -32022; for -32020 if all headers were there and agreed with the body; for
            -32021 unless a capability may be missing.
    """
    exchange = as_exchange(response)
    wrong = {UNSUPPORTED_VERSION: "the version is one that the server speaks"}
    if not headers_at_fault(exchange):
        wrong[HEADER_MISMATCH] = "the headers are there and agree with the body"
    if not needs_capability:
        wrong[MISSING_CAPABILITY] = "no client capability is needed"
    for code in codes_in(exchange):
        if code in wrong:
            violated(f"the error {code}, although {wrong[code]}", "an error that fits the request", exchange)
    return exchange


def headers_at_fault(exchange: Exchange) -> bool:
    """Tell whether a request lacks a header or has one that differs from its body: -32020 is right then.

    Args:
        exchange: The exchange; a body that is no JSON can be compared with nothing, and headers of the
            handshake revisions repeat nothing.

    Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#server-validation
    """
    sent, headers = exchange.request.message, exchange.request.headers
    version = headers.get(VERSION_HEADER)
    if sent is None or any(finding.code == "invalid-json" for finding in sent.findings):
        return False
    if version in HANDSHAKE_REVISIONS:
        return False
    value = _object(sent.value)
    meta = _object(_object(value.get("params")).get("_meta"))
    due = {name: text for name, text in mirrored(value).items() if name in (METHOD_HEADER, NAME_HEADER)}
    method = value.get("method")
    needed = {METHOD_HEADER} | ({NAME_HEADER} if isinstance(method, str) and method in NAMED else set())
    stated = {name: headers.get(name) for name in needed}
    return (
        version is None
        or meta.get(PROTOCOL_VERSION) != version
        or any(text is None or name not in due for name, text in stated.items())
        or any(decode_value(stated[name] or "") != decode_value(due[name]) for name in needed)
    )


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _assert_codes(response: Judged, legal: Callable[[int], bool], expected: str) -> Exchange:
    exchange = as_exchange(response)
    for code in codes_in(exchange):
        if not legal(code):
            violated(f"the error code {code}", expected, exchange)
    return exchange
