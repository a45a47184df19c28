"""Whether answers are understood in every form that a server may choose, and how streams are resumed.

Most of it shows in what the client does next: after it read a list of tools, it calls them.
"""

from __future__ import annotations

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.client_rules.play import Play, Sent
from pytest_mcp_http.client_rules.registering import rule
from pytest_mcp_http.errors import NotVerified
from pytest_mcp_http.mock.socket_server import Recorded


def _goes_on(play: Play, form: str) -> None:
    """Expect that the tools of a list which came in some form were called."""
    # The client may have closed the connection before all of the answer was sent.
    lists = [sent for sent in play.calls("tools/list") if sent.record.exchange.status == 200]
    (first, *_) = play.need(lists, f"no tools/list was answered with {form}")
    called = [sent for sent in play.calls("tools/call") if sent.params.get("name") in play.script.tools]
    if called:
        return
    if not play.contract:
        raise NotVerified(f"the client called no tool after a list that was {form}")
    violated(
        f"no tool was called after tools/list was answered with {form}",
        "tools/call for the tools of the list, as the client was told",
        first.record.exchange,
    )


def _opened(play: Play, form: str) -> None:
    """Expect that the client goes on after its first request was answered in some form."""
    if play.modern:
        _goes_on(play, form)
        return
    first = play.openings[0]
    if play.after(first.record.answered_at):
        return
    if not play.contract:
        raise NotVerified(f"the client sent nothing after {form}")
    violated(
        f"nothing followed after initialize was answered with {form}",
        "notifications/initialized",
        first.record.exchange,
    )


@rule("client.stream.reads-json")
def reads_json(play: Play) -> None:
    """Expect the client to go on after JSON bodies."""
    _opened(play, "a JSON body")


@rule("client.stream.reads-sse")
def reads_sse(play: Play) -> None:
    """Expect the client to go on after event streams."""
    _opened(play, "an event stream")


@rule("client.stream.notifications-first")
def notifications_first(play: Play) -> None:
    """Expect the client to find the list behind a notification."""
    _goes_on(play, "an event stream that begins with a notification")


@rule("client.stream.line-ends")
def line_ends(play: Play) -> None:
    """Expect the client to read lines that end with CR LF."""
    _goes_on(play, "an event stream with CR LF")


@rule("client.stream.data-lines")
def data_lines(play: Play) -> None:
    """Expect the client to join data lines."""
    _goes_on(play, "an event of several data lines")


@rule("client.stream.comments")
def comments(play: Play) -> None:
    """Expect the client to skip comments and unknown fields."""
    _goes_on(play, "an event stream with comments and unknown fields")


@rule("client.stream.any-pieces")
def any_pieces(play: Play) -> None:
    """Expect the client to put single bytes together."""
    _goes_on(play, "an event stream that came byte by byte")


@rule("client.stream.priming-event")
def priming_event(play: Play) -> None:
    """Expect the client to pass over an event without data."""
    _goes_on(play, "an event stream that begins with an event without data")


# -- resuming -------------------------------------------------------------------------------------------


def _broken(play: Play) -> tuple[Recorded, ...]:
    """Return the answered requests whose stream ended after an event with an id, before the response."""
    found = []
    for sent in play.calls():
        exchange = sent.record.exchange
        if sent.record.answered_at is not None and exchange.is_sse and _last_id(sent.record) is not None:
            found += [sent.record] if sent.result is None and exchange.response is None else []
    return play.need(found, "no stream ended before its response")


def _last_id(record: Recorded) -> str | None:
    events = record.exchange.events
    return next((event.last_event_id for event in reversed(events) if event.last_event_id), None)


def _resumptions(play: Play, at: float | None) -> list[Recorded]:
    return [
        record
        for record in play.after(at)
        if record.exchange.request.method == "GET" and "last-event-id" in record.exchange.request.headers
    ]


@rule("client.stream.reconnects")
def reconnects(play: Play) -> None:
    """Expect a GET for each stream that ended too early."""
    for record in _broken(play):
        if _resumptions(play, record.answered_at):
            continue
        if not play.contract and not play.after(record.answered_at):
            raise NotVerified("the client sent nothing after the stream ended")
        violated(
            "the client did not ask for the rest of a stream that ended before the response",
            "GET with Last-Event-ID",
            record.exchange,
        )


@rule("client.stream.last-event-id")
def last_event_id(play: Play) -> None:
    """Compare the id that a client resumes with to the last one that it got."""
    broken = _broken(play)
    found = play.need(_resumptions(play, broken[0].answered_at), "the client resumed no stream")
    known = {id for record in (*broken, *found) if (id := _last_id(record))}
    for record in found:
        given = record.exchange.request.headers.get("last-event-id")
        if given not in known:
            shown = " or ".join(repr(id) for id in sorted(known))
            violated(f"Last-Event-ID is {given!r}", f"the last id that came: {shown}", record.exchange)


_EARLY_SECONDS = 0.05
"""Seconds that a client may be early, for the sake of coarse clocks."""


@rule("client.stream.retry")
def retry(play: Play) -> None:
    """Measure how long the client waited before it resumed."""
    judged = False
    for record in _broken(play):
        times = [event.retry for event in record.exchange.events if event.retry is not None]
        found = _resumptions(play, record.answered_at)
        if not times or not found:
            continue
        judged = True
        assert record.answered_at is not None
        waited = found[0].at - record.answered_at
        if waited < times[-1] / 1000 - _EARLY_SECONDS:
            violated(
                f"the client connected again after {waited * 1000:.0f} ms",
                f"{times[-1]} ms or more, as the retry field says",
                found[0].exchange,
            )
    play.need((True,) if judged else (), "the client resumed no stream")


@rule("client.jsonrpc.matches-ids")
def matches_ids(play: Play) -> None:
    """Find a call of the tool that only a response to somebody else offers."""
    calls: tuple[Sent, ...] = play.calls("tools/call")
    trapped = [sent for sent in calls if sent.params.get("name") == "trap"]
    if trapped:
        violated(
            "a tool was called that stood in a response to another id",
            "the tools of the response with the id of the request",
            trapped[0].record.exchange,
        )
    play.need(calls, "the client called no tool")
