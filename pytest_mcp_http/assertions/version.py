"""Assertions on version negotiation, and on the version that each request carries.

Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/lifecycle#version-negotiation and
    https://modelcontextprotocol.io/specification/2026-07-28/basic/versioning
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final

from pytest_mcp_http.assertions._base import Judged, as_exchange, judges, violated
from pytest_mcp_http.assertions.jsonrpc import code_in, error_in
from pytest_mcp_http.spec.error_codes import HEADER_MISMATCH, UNSUPPORTED_VERSION
from pytest_mcp_http.wire.exchange import Exchange

__tracebackhide__ = True  # a failure is about the response, not about this code


_REFUSED: Final = f"HTTP 400 with JSON-RPC error {UNSUPPORTED_VERSION}"


def _version(exchange: Exchange) -> object:
    result = exchange.result
    return result.get("protocolVersion") if isinstance(result, dict) else None


@judges("version.negotiate-same")
def assert_negotiated(response: Judged, version: str) -> Exchange:
    """Assert that an `initialize` for a supported version was answered with that version.

    Args:
        response: The response to `initialize`.
        version: The version that was asked for, for example `2025-11-25`.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If the answer names another version or none.
    """
    exchange = as_exchange(response)
    if exchange.result is None:
        violated(f"{exchange.summary}, to initialize at {version}", f"a result with {version}", exchange)
    if _version(exchange) != version:
        violated(
            f"protocolVersion {_version(exchange)!r}, although {version} is supported",
            f"protocolVersion {version!r}",
            exchange,
        )
    return exchange


@judges("version.negotiate-other")
def assert_counter_offer(response: Judged, version: str) -> str | None:
    """Assert that an `initialize` for a version that the server does not speak got another one in return.

    A JSON-RPC error is noted only: the lifecycle page shows one in its example of a failed initialization,
    against its own rule.

    Args:
        response: The response to `initialize`.
        version: The version that was asked for, which no server speaks.

    Returns:
        The version offered.

    Raises:
        RequirementViolated: If the version is echoed, or there is no answer to negotiate with.
    """
    exchange = as_exchange(response)
    expected = "a result with a protocolVersion that the server supports"
    offered = _version(exchange)
    if offered == version:
        violated(f"protocolVersion {version!r} echoed, which no revision has", expected, exchange)
    if isinstance(offered, str):
        return offered
    refused = exchange.error is not None and (exchange.status or 500) < 500
    return violated(f"{exchange.summary}, to initialize at {version}", expected, exchange, note=refused)


@judges("version.header-unsupported-400", "version.header-unsupported-400-get-delete")
def assert_version_refused(response: Judged, version: str) -> Exchange:
    """Assert that a request with an invalid or unsupported `MCP-Protocol-Version` got 400.

    Args:
        response: The response to the request.
        version: The header value that was sent.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: For any other status.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#protocol-version-header
    """
    exchange = as_exchange(response)
    if exchange.status != 400:
        violated(f"{exchange.summary}, with MCP-Protocol-Version: {version}", "HTTP 400", exchange)
    return exchange


# -- the version of each request, from 2026-07-28 on --------------------------------------------------------


@judges("version.header-meta-mismatch", "version.header-required")
def assert_version_header_refused(response: Judged, sent: str, *, also: Collection[int] = ()) -> Exchange:
    """Assert that a request whose version header is missing, or differs from `_meta`, got 400 and -32020.

    Args:
        response: The response to the request.
        sent: What was wrong with it, for the message: `without MCP-Protocol-Version`.
        also: Further codes that earn a note only.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If it was served, or refused in another way.

    Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#server-validation
    """
    exchange = as_exchange(response)
    code = code_in(exchange)
    if exchange.status != 400 or code != HEADER_MISMATCH:
        violated(
            f"{exchange.summary}, to a request {sent}",
            f"HTTP 400 with JSON-RPC error {HEADER_MISMATCH}",
            exchange,
            note=exchange.status == 400 and code in also,
        )
    return exchange


@judges("version.unsupported-400")
def assert_unsupported_version_400(response: Judged, version: str) -> Exchange:
    """Assert that a request at a version that the server does not implement got HTTP 400.

    Args:
        response: The response to the request; its body is not judged.
        version: The version in its header and its `_meta`.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: For any other status.

    Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#protocol-version-header
    """
    exchange = as_exchange(response)
    if exchange.status != 400:
        violated(f"{exchange.summary}, to a request at {version}", _REFUSED, exchange)
    return exchange


@judges("version.unsupported-code")
def assert_unsupported_version_code(response: Judged, version: str) -> Exchange:
    """Assert that the refusal of a version that the server does not implement is the error -32022.

    Args:
        response: The response to the request; its status is not judged.
        version: The version in its header and its `_meta`.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: For another code, or without a JSON-RPC error.

    Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/versioning#protocol-version-negotiation
    """
    exchange = as_exchange(response)
    if code_in(exchange) != UNSUPPORTED_VERSION:
        violated(f"{exchange.summary}, to a request at {version}", _REFUSED, exchange)
    return exchange


@judges("version.unsupported-data")
def assert_unsupported_version_data(response: Judged, version: str, served: str) -> Exchange:
    """Assert that the error -32022 lists the supported versions and repeats the requested one.

    Args:
        response: The response to a request, with the error -32022.
        version: The version in its header and its `_meta`.
        served: A version that the server is known to serve.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If `data.supported` is no list of strings with the served version in it, or
            `data.requested` is not what was requested.

    Source: https://modelcontextprotocol.io/specification/2026-07-28/schema#unsupportedprotocolversionerror
    """
    exchange = as_exchange(response)
    data = (error_in(exchange) or {}).get("data")
    expected = f"error.data with supported, a list with {served!r}, and requested, {version!r}"
    if not isinstance(data, dict):
        violated(f"error.data is {data!r}", expected, exchange)
    supported = data.get("supported")
    if not isinstance(supported, list) or not all(isinstance(each, str) for each in supported):
        violated(f"data.supported is {supported!r}, no list of strings", expected, exchange)
    if served not in supported:
        violated(f"data.supported is {supported!r}, without {served}, which is served", expected, exchange)
    if data.get("requested") != version:
        violated(f"data.requested is {data.get('requested')!r}", expected, exchange)
    return exchange


def supported_in_error(response: Judged) -> tuple[str, ...]:
    """Return the versions that an error -32022 lists; empty without such a list."""
    error = error_in(response) or {}
    data = error.get("data") if error.get("code") == UNSUPPORTED_VERSION else None
    listed = data.get("supported") if isinstance(data, dict) else None
    return tuple(each for each in listed if isinstance(each, str)) if isinstance(listed, list) else ()


@judges("version.known-but-unserved", "version.unsupported-any-method")
def assert_version_unsupported(
    response: Judged, sent: str, *, also: Mapping[int, int] | None = None
) -> Exchange:
    """Assert that a request at a version that the server does not implement got 400 and -32022.

    Args:
        response: The response to the request.
        sent: What was sent, for the message: `tools/list at 1999-01-01`.
        also: Further legal refusals: HTTP status by error code.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If it was served, or refused in another way.

    Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/versioning#protocol-version-negotiation
    """
    exchange = as_exchange(response)
    code = code_in(exchange)
    legal = {UNSUPPORTED_VERSION: 400, **(also or {})}
    if code is None or legal.get(code) != exchange.status:
        expected = [f"HTTP {status} with JSON-RPC error {each}" for each, status in legal.items()]
        violated(f"{exchange.summary}, to {sent}", expected, exchange)
    return exchange


@judges("version.legacy-initialize-rejected")
def assert_legacy_initialize_refused(response: Judged) -> Exchange:
    """Assert that a server without handshake answered `initialize` with HTTP 400.

    Args:
        response: The response to an `initialize` with the headers of a handshake revision only.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: For any other status.

    Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/versioning#compatibility-matrix
    """
    exchange = as_exchange(response)
    if exchange.status != 400:
        expected = "HTTP 400, as the headers that every request needs are missing"
        violated(f"{exchange.summary}, to initialize", expected, exchange)
    return exchange


@judges("version.legacy-initialize-diagnostic")
def assert_versions_named(response: Judged, version: str) -> Exchange:
    """Assert that the refusal of `initialize` names a version that the server supports, anywhere in its body.

    Args:
        response: The response to `initialize`, an error of any kind.
        version: The version that has to be named.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If it does not stand in the body.

    Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/versioning#backward-compatibility-with-initialization-based-versions
    """
    exchange = as_exchange(response)
    if version.encode() not in exchange.body:
        said = (error_in(exchange) or {}).get("message")
        text = f", message {said!r}" if isinstance(said, str) else ""
        expected = f"an error that names the versions which the server supports, {version} among them"
        violated(f"{exchange.summary}{text}, to initialize", expected, exchange)
    return exchange
