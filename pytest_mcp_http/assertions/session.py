"""Assertions on session ids and on what becomes of a session.

Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#session-management
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from pytest_mcp_http.assertions._base import Judged, as_exchange, judges, violated
from pytest_mcp_http.wire.exchange import Exchange
from pytest_mcp_http.wire.headers import is_visible_ascii

__tracebackhide__ = True  # a failure is about the response, not about this code

MIN_ID_BITS = 64
"""Bits that the varying part of a session id has to hold at least; far below a UUID, far above a counter."""


@judges("session.id-visible-ascii")
def assert_session_id(response: Judged) -> str:
    """Assert that a response assigns one session id, of visible ASCII characters only.

    Args:
        response: The response to `initialize`.

    Returns:
        The session id.

    Raises:
        RequirementViolated: If there is none, more than one, or one with other characters than 0x21 to 0x7E.
    """
    exchange = as_exchange(response)
    values = exchange.headers.get_all("mcp-session-id")
    expected = "one Mcp-Session-Id header whose value has only the characters 0x21 to 0x7E"
    if len(values) != 1:
        violated(f"{len(values)} Mcp-Session-Id headers", expected, exchange)
    if not is_visible_ascii(values[0]):
        violated(f"the session id {values[0]!r}", expected, exchange)
    return values[0]


@judges("session.modern-not-minted")
def assert_no_session_id(response: Judged) -> Exchange:
    """Assert that a response assigns no session id, and repeats none.

    Args:
        response: The response to `initialize`, or to any request of 2026-07-28, which has no sessions.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If it has an `Mcp-Session-Id` header.
    """
    exchange = as_exchange(response)
    if "mcp-session-id" in exchange.headers:
        violated(f"{exchange.summary}, with an Mcp-Session-Id header", "no Mcp-Session-Id header", exchange)
    return exchange


@judges(
    "session.terminated-404",
    "session.terminated-404-delete",
    "session.terminated-404-get",
    "session.terminated-404-notification",
)
def assert_session_gone(response: Judged, *, also: Sequence[int] = ()) -> Exchange:
    """Assert that a request with the id of an ended session got 404.

    Args:
        response: The response to the request.
        also: Further legal status codes, such as 405 for a method that the server does not offer.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: For any other status.
    """
    exchange = as_exchange(response)
    if exchange.status != 404 and exchange.status not in also:
        expected = ["HTTP 404", *(f"HTTP {status}" for status in also)]
        violated(f"{exchange.summary}, with the id of an ended session", expected, exchange)
    return exchange


@judges("session.id-unique")
def assert_session_ids_unique(ids: Sequence[str]) -> None:
    """Assert that session ids differ and vary in enough places to be unguessable.

    Args:
        ids: At least two ids, in the order in which they were assigned.

    Raises:
        RequirementViolated: If two are equal, or the part that varies holds fewer than 64 bits.
    """
    if len(set(ids)) < len(ids):
        violated("the same session id was assigned twice", "session ids that are all different", None)
    prefix = _shared_start(ids)
    bits = min(_bits(id[prefix:]) for id in ids)
    if bits < MIN_ID_BITS:
        violated(
            f"ids such as {ids[0]!r} whose varying part holds at most {bits:.0f} bits",
            f"session ids with at least {MIN_ID_BITS} bits that vary",
            None,
        )


@judges("security.session-id-nondeterministic")
def assert_session_ids_unpredictable(ids: Sequence[str]) -> None:
    """Assert that session ids do not follow from one another by counting or by time.

    What all ids begin and end with is left out, so that a counter or a clock shows in front of a random
    constant, and in a UUID of version 1.

    Args:
        ids: At least three ids, in the order in which they were assigned, made in quick succession.

    Raises:
        RequirementViolated: If the numbers in them rise step by step in the order of assignment, or the ids
            vary only in a few places ahead of a long constant end.
    """
    prefix = _shared_start(ids)
    ends = [id[prefix:] for id in ids]
    suffix = _shared_start([end[::-1] for end in ends])
    varying = [end[: len(end) - suffix] for end in ends]
    expected = "session ids that do not follow from one another"
    for base in (10, 16, 36):
        numbers = [number for text in varying if (number := _number(text, base)) is not None]
        if len(numbers) == len(ids) and _rises(numbers):
            violated(f"ids that count upwards: {', '.join(ids[:3])}", expected, None)
    # A short varying part without a constant end is the business of `assert_session_ids_unique`.
    if suffix and min(map(_bits, ends)) >= MIN_ID_BITS > min(map(_bits, varying)):
        violated(f"ids that differ in few places: {', '.join(ids[:3])}", expected, None)


def _rises(numbers: Sequence[int]) -> bool:
    """Tell whether numbers rise by equal steps, or by steps that only a counter or a clock makes."""
    steps = [b - a for a, b in itertools.pairwise(numbers)]
    return set(steps) not in ({0}, set()) and (
        len(set(steps)) == 1 or (min(steps) > 0 and max(steps) < 2**40)
    )


def _shared_start(texts: Sequence[str]) -> int:
    """Return how many characters are the same at the start of all texts."""
    columns = enumerate(zip(*texts, strict=False))
    return next((index for index, column in columns if len(set(column)) > 1), min(map(len, texts)))


def _bits(text: str) -> float:
    """Estimate an upper limit of the bits that a random string of this length and alphabet holds."""
    alphabet = 10 if text.isdigit() else 16 if all(c in "0123456789abcdefABCDEF-" for c in text) else 64
    return len(text.replace("-", "")) * math.log2(alphabet)


def _number(text: str, base: int) -> int | None:
    """Return the number that a text spells, hyphens left out, or None; an empty text is zero."""
    try:
        return int(text.replace("-", "") or "0", base)
    except ValueError:
        return None
