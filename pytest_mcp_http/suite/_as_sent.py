"""Event streams with the headers that the server sent, also where a proxy takes some of them out."""

from __future__ import annotations

from typing import Final

from pytest_mcp_http.errors import NotVerified
from pytest_mcp_http.suite._proxy import comparison
from pytest_mcp_http.suite._streams import all_streams
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import Exchange

TAKEN: Final = "x-accel-buffering"
"""The header of streams that is addressed to the proxy."""

TAKERS: Final = ("nginx", "openresty", "tengine")
"""How the `Server` header begins of proxies that keep it to themselves, unless they are told not to."""


def streams_as_sent(tour: Tour) -> list[Exchange]:
    """Return event streams to judge by what they say to a proxy.

    Raises:
        NotApplicable: If there is none at all.
        NotVerified: If a proxy answers that takes the header out, and no address past it is known.
    """
    streams = all_streams(tour)
    # Who passes the header on once takes it out nowhere: where it is absent, the server left it out.
    passing = {_answering(stream) for stream in streams if TAKEN in stream.headers}
    lacking = {_answering(stream) for stream in streams} - passing
    if not lacking:
        return streams
    if tour.target.direct is not None:
        past = [pair.direct for pair in comparison(tour).pairs if pair.direct.ok and pair.direct.is_sse]
        if past:
            return past
    for proxy in lacking:
        if proxy.lower().startswith(TAKERS):
            raise NotVerified(
                f"{proxy} answers, and takes X-Accel-Buffering out by default: add --mcp-direct URL, or the "
                "ini value mcp_direct"
            )
    return streams


def _answering(stream: Exchange) -> str:
    return stream.headers.get("server") or ""
