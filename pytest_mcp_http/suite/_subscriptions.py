"""Streams of subscriptions, opened side by side and one after the other, and closed again.

Never more than two are open at a time: that is as many as "several" means, and no limit of a server is tried.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from pytest_mcp_http.assertions.subscriptions import acknowledgement, is_served, offered_types
from pytest_mcp_http.client import McpClient, McpStream
from pytest_mcp_http.dialect import ALL_CHANGES
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.suite._probes import refused_by_others
from pytest_mcp_http.suite._witness import with_two_calls
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import Exchange

FIRST_ID: Final = 2001
SECOND_ID: Final = 2002
EMPTY_ID: Final = 2003
ODD_IDS: Final = (0, "sub-ü")
"""Ids that are legal and easily lost: one that counts as false, and one beyond ASCII."""

MALFORMED_IDS: Final = range(2010, 2020)
"""Ids of the requests whose filter is malformed."""

MANY_IDS: Final = range(2100, 2120)
"""Ids of the subscriptions that are opened and closed to see whether the server lets them go."""

MANY_SECONDS: Final = 5.0
"""Seconds that all of these may take together."""

UNKNOWN_TYPE: Final = "mcpHttpCheckNeverChanged"

QUIET: Final = 0.05
"""Seconds that a stream is watched for what may not happen."""


@dataclass(frozen=True)
class Together:
    """Two subscriptions of one client, then two of different clients under one id.

    Attributes:
        first: The stream that was open beside each of the others.
        second: The second stream of the same client; None if the first was not acknowledged.
        first_stayed: Whether the first was open still when the second was.
        twin: The stream of another client under the id of the first; None like `second`.
        first_stayed_by_twin: Whether the first was open still when the twin was.
    """

    first: Exchange
    second: Exchange | None = None
    first_stayed: bool = False
    twin: Exchange | None = None
    first_stayed_by_twin: bool = False


def whole_filter(tour: Tour) -> dict[str, object]:
    """Return the filter that asks for everything: each list, and a listed resource if there is one."""
    uris = (resource.get("uri") for resource in tour.items("resources/list", "resources"))
    uri = next((uri for uri in uris if isinstance(uri, str)), None)
    return {**ALL_CHANGES, **({"resourceSubscriptions": [uri]} if uri is not None else {})}


def single_filter(tour: Tour) -> dict[str, object]:
    """Return a filter that asks for one thing, if possible for one that the server offers."""
    asked = whole_filter(tour)
    name = next((name for name in offered_types(tour.capabilities) if name in asked), "toolsListChanged")
    return {name: asked[name]}


def together(tour: Tour) -> Together:
    """Return what became of streams that were open side by side."""

    def probe() -> Together:
        client = tour.new_client()
        with _opened(tour, client, whole_filter(tour), FIRST_ID) as first:
            if acknowledgement(first.exchange) is None:
                return Together(first.close())
            with _opened(tour, client, single_filter(tour), SECOND_ID) as second:
                stayed = _stays(first)
                beside = second.close()
            with _opened(tour, tour.new_client(), whole_filter(tour), FIRST_ID) as twin:
                stayed_by_twin = _stays(first)
                other = twin.close()
            return Together(first.close(), beside, stayed, other, stayed_by_twin)

    return tour.memo("subscriptions-together", probe)


def first_stream(tour: Tour) -> Exchange:
    """Return the answer to a listen request for everything, whatever it is.

    Raises:
        NotVerified: If authentication or a rate limit answered first.
    """
    exchange = together(tour).first
    refused_by_others(exchange)
    return exchange


def acknowledged_stream(tour: Tour) -> Exchange:
    """Return an acknowledged stream that asked for everything: the positive control of further probes.

    Raises:
        NotApplicable: If the server offers no notification, and refuses the request.
        NotVerified: If there is no acknowledged stream for another reason, which other checks judge.
    """
    exchange = open_stream(tour)
    if acknowledgement(exchange) is None:
        raise NotVerified(f"the subscription was not acknowledged: {exchange.summary}")
    return exchange


def open_stream(tour: Tour) -> Exchange:
    """Return the event stream of a listen request, acknowledged or not.

    Raises:
        NotApplicable: If the server offers no notification, and refuses the request.
        NotVerified: If it is refused, or answered with something else than a stream.
    """
    exchange = served_listen(tour)
    if not exchange.is_sse:
        raise NotVerified(f"subscriptions/listen got {exchange.summary}")
    return exchange


def served_listen(tour: Tour) -> Exchange:
    """Return what a listen request was served with, a stream or something else.

    Raises:
        NotApplicable: If the server offers no notification, and refuses the request.
        NotVerified: If it is refused although the server offers some.
    """
    exchange = first_stream(tour)
    if is_served(exchange):
        return exchange
    if not offered_types(tour.capabilities):
        raise NotApplicable("the server offers no notifications, and opens no stream for them")
    raise NotVerified(f"subscriptions/listen got {exchange.summary}")


def second_stream(tour: Tour) -> Exchange:
    """Return a stream that asked for one type only, opened while the first was open.

    Raises:
        NotApplicable: If the server offers no notification.
        NotVerified: If one of the two was not acknowledged.
    """
    acknowledged_stream(tour)
    found = together(tour).second
    if found is None or acknowledgement(found) is None:
        raise NotVerified("a second subscription beside the first was not acknowledged")
    return found


def single_streams(tour: Tour) -> list[Exchange]:
    """Return the acknowledged streams that were watched for a while with no other beside them.

    Raises:
        NotApplicable: If the server offers no notification.
        NotVerified: If there are none.
    """
    found = [each for each in (tour.listening, empty_stream(tour)) if each is not None]
    acknowledged = [each for each in found if acknowledgement(each) is not None]
    if not acknowledged:
        raise NotVerified(f"no subscription that was open alone was acknowledged: {found[-1].summary}")
    return acknowledged + [each for each in with_two_calls(tour) if acknowledgement(each) is not None]


def odd_streams(tour: Tour) -> list[Exchange]:
    """Return the streams under ids that are easily lost; one of them asks for an unknown type, too."""

    def probe() -> list[Exchange]:
        acknowledged_stream(tour)
        asked = whole_filter(tour)
        filters = (asked, {**asked, UNKNOWN_TYPE: True})
        client = tour.new_client()
        return [_tried(tour, client, each, id) for each, id in zip(filters, ODD_IDS, strict=True)]

    return tour.memo("subscriptions-odd", probe)


def empty_stream(tour: Tour) -> Exchange:
    """Return the answer to a listen request that asks for nothing, watched for a moment."""

    def probe() -> Exchange:
        acknowledged_stream(tour)
        return _tried(tour, tour.new_client(), {}, EMPTY_ID, seconds=QUIET)

    return tour.memo("subscriptions-empty", probe)


def reopened_stream(tour: Tour) -> Exchange:
    """Return what the second subscription got when it was opened anew, after its stream was dropped."""

    def probe() -> Exchange:
        second_stream(tour)
        return _tried(tour, tour.new_client(), single_filter(tour), SECOND_ID)

    return tour.memo("subscriptions-again", probe)


def many_streams(tour: Tour) -> Iterator[Exchange]:
    """Open and close one subscription after the other, the last as good as the first; yield each.

    Raises:
        NotVerified: If the server is too far away for so many.
    """
    acknowledged_stream(tour)
    client = tour.new_client()
    began = time.monotonic()
    for number, id in enumerate(MANY_IDS):
        if time.monotonic() - began > MANY_SECONDS:
            raise NotVerified(f"only {number} subscriptions could be opened and closed in {MANY_SECONDS:g} s")
        yield _tried(tour, client, single_filter(tour), id)


def with_params(tour: Tour, *many: Mapping[str, object]) -> list[Exchange]:
    """Return what listen requests with any params got; streams that open are closed."""
    found = []
    client = tour.new_client()
    for params, id in zip(many, MALFORMED_IDS, strict=False):
        with client.post_stream(client.message("subscriptions/listen", dict(params), id=id)) as stream:
            stream.wait(_is_settled, tour.wire.limits.first_byte)
            found.append(stream.close())
    return found


def streams(tour: Tour) -> list[Exchange]:
    """Return the acknowledged streams that asked for different things, that of the visit first.

    Raises:
        NotApplicable: If the server offers no notification.
        NotVerified: If there is no acknowledged stream.
    """
    acknowledged_stream(tour)
    pair = together(tour)
    found = [tour.listening, pair.first, pair.second, *odd_streams(tour), empty_stream(tour)]
    return [each for each in found if each is not None and acknowledgement(each) is not None]


def _tried(
    tour: Tour, client: McpClient, notifications: Mapping[str, object], id: object, *, seconds: float = 0.0
) -> Exchange:
    with _opened(tour, client, notifications, id) as stream:
        if seconds:
            stream.wait(lambda _: False, seconds)
        return stream.close()


@contextmanager
def _opened(
    tour: Tour, client: McpClient, notifications: Mapping[str, object], id: object
) -> Iterator[McpStream]:
    """Open a stream, and wait until it is acknowledged, or will not be."""
    with client.listen(notifications=notifications, id=id) as stream:
        stream.wait(_is_settled, tour.wire.limits.first_byte)
        yield stream


def _is_settled(exchange: Exchange) -> bool:
    return acknowledgement(exchange) is not None or bool(exchange.responses)


def _stays(stream: McpStream) -> bool:
    stream.wait(lambda _: False, QUIET)
    return stream.alive
