"""Assertions on what a server says of itself in `server/discover`, extensions included.

Source: https://modelcontextprotocol.io/specification/2026-07-28/server/discover
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Final

from pytest_mcp_http.assertions._base import Judged, as_exchange, judges, violated
from pytest_mcp_http.assertions.meta import prefix_labels
from pytest_mcp_http.assertions.results import RESULT_TYPES
from pytest_mcp_http.dialect import SERVER_INFO
from pytest_mcp_http.wire.exchange import Exchange
from pytest_mcp_http.wire.jsonrpc import json_type

__tracebackhide__ = True  # a failure is about the response, not about this code

COMPLETE: Final = "complete"


@judges("discover.implemented")
def assert_discovered(response: Judged) -> Exchange:
    """Assert that `server/discover` was answered with a result.

    Args:
        response: The response to `server/discover`.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If there is no result, or it is no object.
    """
    exchange = as_exchange(response)
    if not isinstance(exchange.result, dict):
        violated(f"{exchange.summary}, to server/discover", "HTTP 200 with a result", exchange)
    return exchange


def supported_versions(response: Judged) -> tuple[str, ...]:
    """Return the versions that a discovery lists, as far as they are strings; empty without a list."""
    listed = _member(as_exchange(response), "supportedVersions")
    return tuple(each for each in listed if isinstance(each, str)) if isinstance(listed, list) else ()


@judges("discover.supported-versions")
def assert_supported_versions(response: Judged, version: str) -> Exchange:
    """Assert that a discovery lists versions, the one of its own request among them.

    Args:
        response: The response to `server/discover`, with a result.
        version: The version of the request.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If `supportedVersions` is missing, no list of strings, or lacks the version.

    Source: https://modelcontextprotocol.io/specification/2026-07-28/schema#discoverresult
    """
    exchange = as_exchange(response)
    listed = _member(exchange, "supportedVersions")
    expected = f"supportedVersions, a list of strings with {version!r}"
    if not isinstance(listed, list) or not all(isinstance(each, str) and each for each in listed):
        violated(f"supportedVersions is {listed!r}", expected, exchange)
    if version not in listed:
        violated(
            f"supportedVersions is {listed!r}, in an answer to a request at {version}", expected, exchange
        )
    return exchange


@judges("discover.result-type-complete")
def assert_discovery_complete(response: Judged) -> Exchange:
    """Assert that the result of a discovery says that it is complete.

    Args:
        response: The response to `server/discover`, with a result.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If `resultType` is missing, or anything but `complete`.

    Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/index#resulttype
    """
    exchange = as_exchange(response)
    kind = _member(exchange, "resultType")
    if kind != COMPLETE:
        seen = "a result without resultType" if kind is None else f"resultType {kind!r}"
        violated(f"{seen}, to server/discover", f"resultType {COMPLETE!r}", exchange)
    return exchange


@judges("discover.server-info")
def assert_server_identified(response: Judged) -> Exchange:
    """Assert that the result of a discovery says which server it is.

    Args:
        response: The response to `server/discover`, with a result.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If `_meta` has no server information; its shape is not judged.

    Source: https://modelcontextprotocol.io/specification/2026-07-28/server/discover#discoverresult
    """
    exchange = as_exchange(response)
    meta = _member(exchange, "_meta")
    if not isinstance(meta, dict) or SERVER_INFO not in meta:
        violated(
            f"a discovery without {SERVER_INFO}", f"name and version in _meta[{SERVER_INFO!r}]", exchange
        )
    return exchange


@judges("discover.capabilities-match-handlers")
def assert_declared_method_served(response: Judged, method: str, capability: str) -> Exchange:
    """Assert that a method of a declared capability exists and was served.

    Args:
        response: The response to a request of the method that is right in every way.
        method: The method.
        capability: The capability that the server declared.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If there is no result.

    Source: https://modelcontextprotocol.io/specification/2026-07-28/schema#methodnotfounderror
    """
    exchange = as_exchange(response)
    if exchange.result is None:
        expected = (f"a result, as {capability} is declared", f"{capability} is not declared")
        violated(f"{exchange.summary}, to {method}", expected, exchange)
    return exchange


@judges("discover.versions-agree-with-error")
def assert_versions_agree(response: Judged, versions: Collection[str], refused: Collection[str]) -> Exchange:
    """Assert that a discovery and the error -32022 list the same versions.

    Args:
        response: The response with the error.
        versions: What the discovery lists.
        refused: What the error lists.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If one has a version that the other has not.

    Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/versioning#protocol-version-negotiation
    """
    exchange = as_exchange(response)
    if set(versions) != set(refused):
        violated(
            f"server/discover lists {', '.join(sorted(versions))}, the error {', '.join(sorted(refused))}",
            "the same versions in both",
            exchange,
        )
    return exchange


# -- extensions ---------------------------------------------------------------------------------------------


def extensions_in(capabilities: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of each extension that capabilities declare; empty without any."""
    found = capabilities.get("extensions")
    return found if isinstance(found, dict) else {}


@judges("version.extension-id-format")
def assert_extension_ids(response: Judged, extensions: Mapping[str, object]) -> Exchange:
    """Assert that extensions are named like `_meta` keys, with a prefix.

    Args:
        response: The response that declares them.
        extensions: The settings by identifier.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If an identifier does not follow the grammar, or has no prefix.

    Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/versioning#extension-negotiation
    """
    exchange = as_exchange(response)
    for name in extensions:
        if not prefix_labels(name):
            violated(f"the extension {name!r}", "a name with a prefix, such as com.example/name", exchange)
    return exchange


@judges("version.extension-settings-object")
def assert_extension_settings(response: Judged, extensions: Mapping[str, object]) -> Exchange:
    """Assert that the settings of each extension are an object, which may be empty.

    Args:
        response: The response that declares them.
        extensions: The settings by identifier.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If they are of another JSON type.

    Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/versioning#extension-negotiation
    """
    exchange = as_exchange(response)
    for name, settings in extensions.items():
        if not isinstance(settings, dict):
            violated(
                f"the settings of {name} are a JSON {json_type(settings)}",
                "an object, perhaps empty",
                exchange,
            )
    return exchange


@judges("version.extension-fallback")
def assert_core_result_type(response: Judged) -> Exchange:
    """Assert that a client which declared no extension got no result of one.

    Args:
        response: The response to a request that declared no extension. One without result is not judged.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If `resultType` is a string that the core protocol does not define.

    Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/versioning#extension-negotiation
    """
    exchange = as_exchange(response)
    result = exchange.result
    kind = result.get("resultType") if isinstance(result, dict) else None
    if isinstance(kind, str) and kind not in RESULT_TYPES:
        expected = [f"resultType {each}" for each in RESULT_TYPES] + ["an error"]
        violated(f"resultType {kind!r}, to a client that declared no extension", expected, exchange)
    return exchange


def _member(exchange: Exchange, name: str) -> object:
    result = exchange.result
    return result.get(name) if isinstance(result, dict) else None
