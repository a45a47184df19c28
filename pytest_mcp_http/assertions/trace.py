"""Assertions on trace context: the three `_meta` keys without prefix that OpenTelemetry uses.

Source: https://modelcontextprotocol.io/specification/2026-07-28/basic#_meta, and for the formats
    https://www.w3.org/TR/trace-context/ and https://www.w3.org/TR/baggage/
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from pytest_mcp_http.assertions._base import Judged, as_exchange, judges, violated
from pytest_mcp_http.assertions.meta import MetaKey, meta_keys
from pytest_mcp_http.wire.exchange import Exchange

__tracebackhide__ = True  # a failure is about the response, not about this code

MAX_STATES: Final = 32
"""Members that a `tracestate` may have."""

_PARENT: Final = re.compile(
    r"(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<parent>[0-9a-f]{16})-[0-9a-f]{2}(?P<more>-.*)?"
)
_STATE: Final = re.compile(
    r"(?P<key>[a-z0-9][a-z0-9_\-*/@]{0,255})=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)
_WORD: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_VALUE: Final = r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*"
_PAIR: Final = rf"{_WORD}[ \t]*=[ \t]*{_VALUE}"
_BAGGAGE: Final = re.compile(rf"{_PAIR}(?:[ \t]*;[ \t]*(?:{_PAIR}|{_WORD}))*")


def is_traceparent(value: str) -> bool:
    """Tell whether a text is a `traceparent`: version, trace id, parent id and flags in lower-case hex."""
    found = _PARENT.fullmatch(value)
    return (
        found is not None
        and found["version"] != "ff"
        and set(found["trace"]) != {"0"}
        and set(found["parent"]) != {"0"}
        and not (found["version"] == "00" and found["more"])
    )


def is_tracestate(value: str) -> bool:
    """Tell whether a text is a `tracestate`: up to 32 members `key=value`, no key twice."""
    members = [member.strip(" \t") for member in value.split(",")]
    found = [_STATE.fullmatch(member) for member in members if member]
    keys = [each["key"] for each in found if each]
    return len(members) <= MAX_STATES and len(keys) == len(found) == len(set(keys))


def is_baggage(value: str) -> bool:
    """Tell whether a text is `baggage`: members `key=value`, each with properties after semicolons."""
    return all(_BAGGAGE.fullmatch(member.strip(" \t")) for member in value.split(","))


FORMATS: Final[Mapping[str, Callable[[str], bool]]] = MappingProxyType(
    {"traceparent": is_traceparent, "tracestate": is_tracestate, "baggage": is_baggage}
)
"""The keys, each with what tells whether a value has its format."""


def trace_keys(response: Judged) -> list[MetaKey]:
    """Return the keys of trace context in the `_meta` objects of a response."""
    return [found for found in meta_keys(response) if found.key in FORMATS]


@judges("meta.trace-context-format")
def assert_trace_context(response: Judged) -> Exchange:
    """Assert that `traceparent`, `tracestate` and `baggage` in `_meta` have the formats of the W3C.

    Args:
        response: The response.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If one of them is no string or has another format.
    """
    exchange = as_exchange(response)
    for found in trace_keys(exchange):
        if not isinstance(found.value, str) or not FORMATS[found.key](found.value):
            violated(
                f"the {found.key} {str(found.value)[:80]!r} in {found.path}",
                "a value as W3C Trace Context and W3C Baggage have it",
                exchange,
            )
    return exchange
