"""Assertions on `ttlMs` and `cacheScope`: how long, and by whom, a result may be kept.

Source: https://modelcontextprotocol.io/specification/2026-07-28/server/utilities/caching
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final

from pytest_mcp_http.assertions._base import Judged, as_exchange, judges, violated
from pytest_mcp_http.wire.exchange import Exchange

__tracebackhide__ = True  # a failure is about the response, not about this code

HINTS: Final = ("ttlMs", "cacheScope")
SCOPES: Final = ("public", "private")

MAX_SHOWN: Final = 60
"""Most characters of a value that a finding quotes."""


def cacheable_result(response: Judged) -> dict[str, Any] | None:
    """Return the result of a response if it is a complete one, else None.

    A result without `resultType` counts as complete, as it does for clients.

    Args:
        response: The response to a request whose complete results can be kept.
    """
    result = as_exchange(response).result
    complete = isinstance(result, dict) and result.get("resultType", "complete") == "complete"
    return result if isinstance(result, dict) and complete else None


@judges("caching.hints-every-page", "discover.cache-hints")
def assert_cache_hints(response: Judged) -> Exchange:
    """Assert that a complete result has `ttlMs` and `cacheScope`, whatever their values.

    Args:
        response: The response to a request whose complete results can be kept. Errors and interim results are
            not judged.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If one of them is missing.

    Source: https://modelcontextprotocol.io/specification/2026-07-28/server/utilities/caching#cacheable-results
    """
    exchange = as_exchange(response)
    result = cacheable_result(exchange)
    missing = [] if result is None else [name for name in HINTS if name not in result]
    if missing:
        violated(f"a complete result without {' and '.join(missing)}", f"{' and '.join(HINTS)}", exchange)
    return exchange


@judges("caching.ttl-non-negative", "discover.cache-hints")
def assert_ttl_valid(response: Judged) -> Exchange:
    """Assert that `ttlMs`, if the result is complete and has it, is an integer of milliseconds, 0 or more.

    An integer may be written with a fraction of zero or an exponent: JSON has one type of number.

    Args:
        response: The response.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If it is negative, no integer, or no number at all.

    Source: https://modelcontextprotocol.io/specification/2026-07-28/server/utilities/caching#time-to-live-ttl-field
    """
    exchange = as_exchange(response)
    result = cacheable_result(exchange)
    if result is not None and "ttlMs" in result:
        ttl = result["ttlMs"]
        whole = (isinstance(ttl, int) and not isinstance(ttl, bool)) or (
            isinstance(ttl, float) and ttl.is_integer()
        )
        if not whole or ttl < 0:
            violated(f"ttlMs is {_shown(ttl)}", "an integer of milliseconds, 0 or more", exchange)
    return exchange


@judges("caching.scope-values", "discover.cache-hints")
def assert_cache_scope_valid(response: Judged) -> Exchange:
    """Assert that `cacheScope`, if the result is complete and has it, is `public` or `private`.

    Args:
        response: The response.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If it is anything else.

    Source: https://modelcontextprotocol.io/specification/2026-07-28/server/utilities/caching#cache-scope-field
    """
    exchange = as_exchange(response)
    result = cacheable_result(exchange)
    if result is not None and "cacheScope" in result and result["cacheScope"] not in SCOPES:
        violated(f"cacheScope is {_shown(result['cacheScope'])}", SCOPES, exchange)
    return exchange


@judges("caching.scope-same-on-pages")
def assert_one_cache_scope(pages: Iterable[Judged]) -> None:
    """Assert that all pages of a list have the same `cacheScope`.

    Pages without a legal scope are not compared.

    Args:
        pages: The responses to the requests for the pages, in order.

    Raises:
        RequirementViolated: For the first page whose scope differs from those before.

    Source: https://modelcontextprotocol.io/specification/2026-07-28/server/utilities/caching#interaction-with-pagination
    """
    first = None
    for page in pages:
        exchange = as_exchange(page)
        scope = (cacheable_result(exchange) or {}).get("cacheScope")
        if scope not in SCOPES:
            continue
        if first is None:
            first = scope
        elif scope != first:
            violated(
                f"a page with cacheScope {scope}, after one with {first}",
                "one cacheScope on all pages of a list",
                exchange,
            )


@judges("caching.none-on-input-required")
def assert_no_cache_hints(response: Judged) -> Exchange:
    """Assert that an `input_required` result has neither `ttlMs` nor `cacheScope`: nobody may keep it.

    Args:
        response: The response.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: As a note, if it has one of them.

    Source: https://modelcontextprotocol.io/specification/2026-07-28/server/utilities/caching#cacheable-results
    """
    exchange = as_exchange(response)
    result = exchange.result
    if isinstance(result, dict) and result.get("resultType") == "input_required":
        found = [name for name in HINTS if name in result]
        if found:
            violated(
                f"an input_required result with {' and '.join(found)}",
                f"neither {' nor '.join(HINTS)}",
                exchange,
                note=True,
            )
    return exchange


def _shown(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= MAX_SHOWN else text[: MAX_SHOWN - 3] + "..."
