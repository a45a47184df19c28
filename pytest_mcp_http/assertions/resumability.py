"""Assertions on event ids and on what a resumed stream brings.

Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#resumability-and-redelivery
"""

from __future__ import annotations

from collections.abc import Sequence

from pytest_mcp_http.assertions._base import Judged, as_exchange, judges, violated

__tracebackhide__ = True  # a failure is about the response, not about this code


@judges("resumability.event-id-unique")
def assert_event_ids_unique(streams: Sequence[Judged]) -> None:
    """Assert that no two events of a session carry the same id, on whatever stream they came.

    Args:
        streams: The event streams of one session, resumed ones left out.

    Raises:
        RequirementViolated: If an id comes twice.
    """
    seen: dict[str, int] = {}
    for number, stream in enumerate(streams):
        exchange = as_exchange(stream)
        for event in exchange.events:
            if not event.id:
                continue
            if event.id in seen:
                where = "the same stream" if seen[event.id] == number else "another stream of the session"
                violated(
                    f"the event id {event.id!r} twice, the first time on {where}",
                    "ids that are unique across all streams of the session",
                    exchange,
                )
            seen[event.id] = number
