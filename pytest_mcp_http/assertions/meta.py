"""Assertions on the keys of `_meta` objects: their grammar, and who may use which prefix.

Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/index#_meta
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pytest_mcp_http.assertions._base import Judged, as_exchange, judges, violated
from pytest_mcp_http.wire.exchange import Exchange

__tracebackhide__ = True  # a failure is about the response, not about this code

_LABEL: Final = r"[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_NAME: Final = r"(?:[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)?"
_KEY: Final = re.compile(rf"(?:(?P<prefix>{_LABEL}(?:\.{_LABEL})*)/)?(?P<name>{_NAME})")

_RESERVED_WORDS: Final = frozenset({"modelcontextprotocol", "mcp"})

DEFINED_KEYS: Final = frozenset(
    f"io.modelcontextprotocol/{name}"
    for name in (
        "clientCapabilities",
        "clientInfo",
        "logLevel",
        "model-immediate-response",
        "protocolVersion",
        "related-task",
        "serverInfo",
        "subscriptionId",
        "tasks",
        "ui",
    )
)
"""Reserved keys that a revision or an official extension defines, so that servers may use them."""

_FREE_FORM: Final = frozenset(
    {
        "_meta",
        "arguments",
        "data",
        "experimental",
        "extensions",
        "inputSchema",
        "outputSchema",
        "requestedSchema",
        "structuredContent",
    }
)
"""Members whose value is not MCP's: a `_meta` inside is somebody else's."""

_TOP_LEVEL_DOMAINS: Final = frozenset(
    {
        "app",
        "biz",
        "cloud",
        "com",
        "dev",
        "edu",
        "gov",
        "info",
        "int",
        "mil",
        "net",
        "online",
        "org",
        "tech",
        "xyz",
    }
)
"""Frequent top-level domains of more than two letters; labels of two are taken for those of countries."""

_OFFICIAL_PREFIXES: Final = frozenset({"ui"})
"""Prefixes of official extensions that are no domain."""


@dataclass(frozen=True, slots=True)
class MetaKey:
    """One key of a `_meta` object.

    Attributes:
        key: The key.
        path: Where its `_meta` object stands in the message: `result.tools[0]._meta`.
        valid: Whether it follows the grammar.
        labels: Labels of its prefix; empty without one, or if it does not follow the grammar.
        value: Its value.
    """

    key: str
    path: str
    valid: bool
    labels: tuple[str, ...]
    value: object


def meta_keys(response: Judged) -> list[MetaKey]:
    """Return every key of every `_meta` object in the JSON-RPC messages of a response.

    Objects in places that belong to the server or its users, such as tool schemas, are left out.

    Args:
        response: The response.
    """
    found: list[MetaKey] = []
    for message in as_exchange(response).messages:
        found += _keys(message.value, "")
    return found


def prefix_labels(key: str) -> tuple[str, ...] | None:
    """Return the labels of the prefix of a key, none without one; None for a key against the grammar."""
    match = _KEY.fullmatch(key)
    if match is None:
        return None
    return tuple(match["prefix"].split(".")) if match["prefix"] else ()


def _keys(value: object, path: str) -> Iterator[MetaKey]:
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from _keys(item, f"{path}[{index}]")
    if not isinstance(value, dict):
        return
    meta = value.get("_meta")
    if isinstance(meta, dict):
        for key, member in meta.items():
            labels = prefix_labels(key)
            yield MetaKey(key, f"{path}._meta".lstrip("."), labels is not None, labels or (), member)
    for name, member in value.items():
        if name not in _FREE_FORM:
            yield from _keys(member, f"{path}.{name}".lstrip("."))


@judges("meta.key-format")
def assert_meta_keys_valid(response: Judged) -> Exchange:
    """Assert that every `_meta` key is a name, after an optional prefix of dotted labels and a slash.

    Args:
        response: The response.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If a key does not follow the grammar.
    """
    exchange = as_exchange(response)
    for found in meta_keys(exchange):
        if not found.valid:
            violated(
                f"the key {found.key!r} in {found.path}",
                "a key such as name or com.example/name: labels that start with a letter, a slash, a name "
                "that starts and ends with a letter or digit",
                exchange,
            )
    return exchange


def is_reserved(labels: tuple[str, ...], revision: str) -> bool:
    """Tell whether a prefix is reserved for MCP.

    Args:
        labels: Labels of the prefix.
        revision: The revision: at 2025-06-18 the reserved word stands anywhere but at the end, later it is
            the second label.
    """
    if revision <= "2025-06-18":
        return any(label in _RESERVED_WORDS for label in labels[:-1])
    return len(labels) > 1 and labels[1] in _RESERVED_WORDS


@judges("meta.reserved-prefix", "meta.reserved-prefix.2025-06-18")
def assert_meta_prefixes_free(response: Judged, revision: str) -> Exchange:
    """Assert that no `_meta` key has a prefix that is reserved for MCP, unless MCP defines the key.

    Args:
        response: The response.
        revision: The revision whose rule holds, `2025-06-18` or later.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If a key of the server's own has a reserved prefix.
    """
    exchange = as_exchange(response)
    for found in meta_keys(exchange):
        if is_reserved(found.labels, revision) and found.key not in DEFINED_KEYS:
            violated(
                f"the key {found.key!r} in {found.path}, whose prefix is reserved for MCP",
                ["a key with a prefix of the server's own", "a key that the specification defines"],
                exchange,
            )
    return exchange


@judges("meta.reverse-dns")
def assert_meta_prefixes_reverse_dns(response: Judged, revision: str) -> Exchange:
    """Assert that no prefix of a `_meta` key is a plain word, or a domain in its usual order.

    Args:
        response: The response.
        revision: The revision; prefixes that it reserves are not judged here.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If a prefix has one label only, or ends in a top-level domain and starts with
            none.
    """
    exchange = as_exchange(response)
    for found in meta_keys(exchange):
        labels = tuple(label.lower() for label in found.labels)
        if not labels or is_reserved(found.labels, revision) or labels[0] in _OFFICIAL_PREFIXES:
            continue
        if len(labels) == 1 or (_is_top_level(labels[-1]) and not _is_top_level(labels[0])):
            violated(
                f"the key {found.key!r} in {found.path}",
                "a prefix in reverse DNS notation, such as com.example/",
                exchange,
            )
    return exchange


def _is_top_level(label: str) -> bool:
    return len(label) == 2 or label in _TOP_LEVEL_DOMAINS
