"""Finds out whether a server speaks the modern era, whatever it answers to a probe it may not understand.

Knows what only a modern server would say. A legacy server may refuse a modern request in any way, answer it
with something of its own, or say nothing; none of that counts, and none of it is held against it.
Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#backward-compatibility
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from pytest_mcp_http.client import McpClient
from pytest_mcp_http.dialect import dialect_of
from pytest_mcp_http.spec.error_codes import MODERN_ERRORS, UNSUPPORTED_VERSION
from pytest_mcp_http.spec.revisions import HANDSHAKE_REVISIONS, MODERN_REVISIONS
from pytest_mcp_http.wire.exchange import End, Exchange
from pytest_mcp_http.wire.http import SHORT_LINGER, HttpWire, Limits

DISCOVER: Final = "server/discover"
LIST: Final = "tools/list"

PROBE_BODY: Final = 256 * 1024
"""Bytes of an answer to a probe that are read; keeps a hostile answer from filling the memory."""

PROBE_SECONDS: Final = 5.0
"""Seconds for what is only good to know: the modern era, and the end of our own sessions."""

NEVER_A_VERSION: Final = "1999-01-01"
"""A version that no server speaks: a modern one names those that it does."""


_LONGEST_VERSION: Final = 40
_MOST_VERSIONS: Final = 50


@dataclass(frozen=True)
class Modern:
    """What the probes of the modern era found.

    Attributes:
        spoken: Whether the server speaks the era at all.
        revisions: Modern revisions it speaks, of those that are judged here, oldest first.
        named: Every version that it named, in its order; empty if it named none.
        evidence: One line that says why.
        server: What it says of itself: the `serverInfo` value, or None.
    """

    spoken: bool
    revisions: tuple[str, ...]
    named: tuple[str, ...]
    evidence: str
    server: object = None


def probe(wire: HttpWire, url: str, headers: tuple[tuple[str, str], ...]) -> Modern:
    """Ask a server, by up to three requests, whether it speaks the modern era.

    Args:
        wire: Where requests are sent.
        url: The MCP endpoint.
        headers: Header lines of every request.

    Returns:
        What was found; `spoken` is False unless the server said what only a modern one says.
    """
    revision = MODERN_REVISIONS[-1]
    first: Exchange | None = None
    for name, exchange in _asked(wire, url, headers, revision):
        first = first or exchange
        if found := _conclusion(name, exchange, revision):
            return found
        if exchange.end is End.TIMEOUT or not exchange.answered:
            break  # a server that is silent once would hold each further probe as long
    assert first is not None
    return Modern(False, (), (), f"{DISCOVER} gets {first.summary}")


def _asked(
    wire: HttpWire, url: str, headers: tuple[tuple[str, str], ...], revision: str
) -> Iterator[tuple[str, Exchange]]:
    """Send the probes one by one, the conclusive one first."""
    limits = short(wire.limits)
    client = McpClient(url, revision, wire, headers=headers)
    yield DISCOVER, client.request(DISCOVER, limits=limits)
    # A server that lacks server/discover is modern all the same if it serves or refuses as only those do.
    yield LIST, client.request(LIST, limits=limits)
    # Last, and only for servers that said nothing of the revision itself: some name versions here which
    # they do not speak there.
    stranger = McpClient(url, revision, wire, headers=headers, declare=NEVER_A_VERSION)
    yield f"{DISCOVER} at {NEVER_A_VERSION}", stranger.request(DISCOVER, limits=limits)


def _conclusion(name: str, exchange: Exchange, revision: str) -> Modern | None:
    """Return what one answer proves, or None if a legacy server might have given it."""
    result = exchange.result
    if isinstance(result, dict):
        return _of_result(name, result, revision)
    code = exchange.error_code
    if not isinstance(code, int) or code not in MODERN_ERRORS:
        return None
    why = f"{name} is refused with {code}, which only the modern era defines"
    data = (exchange.error or {}).get("data")
    listed = _versions(data.get("supported") if isinstance(data, dict) else None)
    if listed:
        return _of_versions(listed, f"{why}, and names {_join(listed)}")
    spoken = () if code == UNSUPPORTED_VERSION and NEVER_A_VERSION not in name else (revision,)
    return Modern(True, spoken, (), why)


def _of_result(name: str, result: dict[str, Any], revision: str) -> Modern | None:
    server = dialect_of(revision).info_in(result)
    if name == LIST:
        if not isinstance(result.get("resultType"), str):
            return None
        why = f"{LIST} at {revision} has a resultType, although {DISCOVER} is not served"
        return Modern(True, (revision,), (), why, server)
    listed = _versions(result.get("supportedVersions"))
    return _of_versions(listed, f"{name} lists {_join(_known(listed) or listed)}", server) if listed else None


def _of_versions(listed: tuple[str, ...], why: str, server: object = None) -> Modern:
    """Return what a list of versions proves: a server that names none of the era does not speak it."""
    spoken = any(version > HANDSHAKE_REVISIONS[-1] for version in listed)
    return Modern(spoken, _known(listed), listed, why, server)


def _versions(value: object) -> tuple[str, ...]:
    """Return the versions in a list of the server's, as far as they can be some: short and printable."""
    listed = value if isinstance(value, list) else ()
    found = (each for each in listed if isinstance(each, str) and each.isprintable())
    return tuple(each for each in found if len(each) <= _LONGEST_VERSION)[:_MOST_VERSIONS]


def _known(versions: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(revision for revision in MODERN_REVISIONS if revision in versions)


def _join(versions: tuple[str, ...]) -> str:
    return ", ".join(versions[:8])


def short(limits: Limits) -> Limits:
    """Return limits for a request that is only good to know the answer of."""
    return replace(
        limits,
        connect=min(limits.connect, PROBE_SECONDS),
        first_byte=min(limits.first_byte, PROBE_SECONDS),
        total=min(limits.total, PROBE_SECONDS),
        body=min(limits.body, PROBE_BODY),
        linger=SHORT_LINGER,
    )
