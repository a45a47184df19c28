"""Event streams: their grammar, what they carry, how they begin and end."""

from __future__ import annotations

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.cancellation import assert_work_went_on
from pytest_mcp_http.assertions.messages import assert_notifications_related
from pytest_mcp_http.assertions.progress import assert_no_progress, foreign_progress, progress_on, token_of
from pytest_mcp_http.assertions.sse import (
    assert_ends_with_response,
    assert_event_types,
    assert_events_are_messages,
    assert_no_empty_events,
    assert_no_response_on_get,
    assert_not_closed_early,
    assert_one_response,
    assert_primed,
    assert_retry_before_end,
    assert_stream_answers,
    assert_unbuffered,
    assert_well_formed_stream,
    lacks_answer,
)
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.suite._as_sent import streams_as_sent
from pytest_mcp_http.suite._progress import reported, with_progress
from pytest_mcp_http.suite._requirement import requirement
from pytest_mcp_http.suite._streams import (
    all_streams,
    batch_of_pings,
    get_stream,
    post_streams,
    repeated,
    requests,
    resumed,
    settled,
)
from pytest_mcp_http.suite._tool_calls import tool_calls
from pytest_mcp_http.suite._witness import two_calls
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import End, Exchange

BATCHES = "2025-03-26"
"""The one revision with batches."""

PRIMING = "2025-11-25"
"""The one revision with events that only prime the client."""

CLOSED = (End.EOF, End.RESET)


# The next three share one fault, a stream without the response. How it looks decides whose it is: closed is
# an early close up to 2025-06-18, where that has a rule of its own; left open, or missing from a batch, it
# is the response that is due "eventually". From 2025-11-25 a server may close, and respond later.


@requirement("sse.response-eventually")
def test_stream_brings_the_response(mcp_tour: Tour) -> None:
    for exchange in post_streams(mcp_tour):
        stream = settled(mcp_tour, exchange)
        if not lacks_answer(stream):
            continue
        if stream.end in CLOSED:
            if mcp_tour.revision < PRIMING:
                continue
            later = resumed(mcp_tour, stream)
            if later is not None and later.responses:
                continue
        assert_stream_answers(stream)


@requirement("sse.response-eventually.batch")
def test_stream_brings_a_response_per_request(mcp_tour: Tour) -> None:
    for exchange in post_streams(mcp_tour):
        if exchange.end not in CLOSED:
            assert_stream_answers(exchange)
    batch = batch_of_pings(mcp_tour)
    if batch.ok and batch.is_sse and batch.end is not End.RESET:
        assert_stream_answers(batch)


@requirement("sse.no-early-close")
def test_stream_is_not_closed_before_the_response(mcp_tour: Tour) -> None:
    for exchange in post_streams(mcp_tour):
        assert_not_closed_early(settled(mcp_tour, exchange))


@requirement("sse.response-ends-stream")
def test_stream_ends_with_the_response(mcp_tour: Tour) -> None:
    streams = post_streams(mcp_tour)
    for stream in streams:
        if stream.end is not End.TIMEOUT:
            assert_ends_with_response(stream)
    left = [stream for stream in streams if stream.end is End.TIMEOUT and stream.responses]
    again = next((stream for stream in left if not _opens_session(stream)), None)
    if again is not None:
        # Most exchanges leave such a stream soon; the verdict waits in full.
        assert_ends_with_response(repeated(mcp_tour, again))
    elif left:
        raise NotVerified(
            "only the stream of initialize stayed open, which cannot be repeated in its session"
        )


@requirement("sse.prime-event")
def test_stream_begins_with_a_priming_event(mcp_tour: Tour) -> None:
    if not any(event.id for stream in all_streams(mcp_tour) for event in stream.events):
        raise NotApplicable("no event has an id, so there is nothing that a client could resume from")
    for stream in post_streams(mcp_tour):
        assert_primed(stream)


@requirement("sse.get-retry-before-disconnect")
def test_dropped_get_stream_said_when_to_come_back(mcp_tour: Tour) -> None:
    stream = get_stream(mcp_tour)
    if stream.end not in CLOSED:
        raise NotVerified("the server kept the GET stream open as long as we did")
    # A server may end a stream for good. Only one that goes on with it later has dropped just the connection.
    last_id = stream.events[-1].last_event_id if stream.events else ""
    if not last_id:
        raise NotVerified("the server ended the GET stream, which gave no event id to come back with")
    with mcp_tour.client.listen(last_event_id=last_id) as again:
        later = again.close()
    if later.status != 200 or not later.is_sse:
        raise NotVerified(f"the server ended the GET stream for good: resuming it got {later.summary}")
    assert_retry_before_end(stream)


@requirement("sse.get-no-response")
def test_get_stream_carries_no_response(mcp_tour: Tour) -> None:
    stream = assert_no_response_on_get(get_stream(mcp_tour))
    if mcp_tour.held_up is not None or stream.end in CLOSED:
        raise NotVerified("the GET stream was not open while requests ran")


@requirement("sse.no-reply-to-unknown-id")
def test_each_request_gets_one_response(mcp_tour: Tour) -> None:
    for exchange in (*requests(mcp_tour), *filter(None, [mcp_tour.listening])):
        assert_one_response(exchange)


@requirement("sse.well-formed")
def test_streams_are_well_formed(mcp_tour: Tour) -> None:
    for stream in all_streams(mcp_tour):
        assert_well_formed_stream(stream)


@requirement("sse.event-is-jsonrpc-message")
def test_events_are_messages(mcp_tour: Tour) -> None:
    streams = all_streams(mcp_tour)
    for stream in streams:
        assert_events_are_messages(stream, batches=mcp_tour.revision == BATCHES)
    if mcp_tour.revision != PRIMING:
        for stream in streams:
            assert_no_empty_events(stream)


@requirement("sse.event-type-message")
def test_messages_travel_in_message_events(mcp_tour: Tour) -> None:
    for stream in all_streams(mcp_tour):
        assert_event_types(stream)


# Progress under a token of no request, or of a finished one, is left to the chapter progress.


@requirement("sse.related-notifications")
def test_notifications_are_about_the_request(mcp_tour: Tour) -> None:
    groups = [*reported(mcp_tour), tuple(requests(mcp_tour))]
    streams = [stream for calls in groups for stream in calls if stream.ok and stream.is_sse]
    if not streams:
        raise NotApplicable("the server answered no request with an event stream")
    for calls in groups:
        for stream in calls:
            assert_notifications_related(stream, tokens=map(token_of, calls))
    if not any(stream.notifications for stream in streams):
        raise NotVerified("no stream of a request brought a notification")


@requirement("sse.related-messages")
def test_progress_is_about_the_request(mcp_tour: Tour) -> None:
    found = with_progress(mcp_tour)
    for calls in found.rounds:
        for stream in calls:
            for token in foreign_progress(stream, map(token_of, calls)):
                actual = f"progress with the token {token!r} of another request"
                violated(actual, f"progress with the token {token_of(stream)!r}", stream)
    if not any(progress_on(call) for call in found.calls):
        raise NotVerified("no stream of a request brought progress")


@requirement("sse.get-unrelated")
def test_get_stream_is_not_about_running_requests(mcp_tour: Tour) -> None:
    get_stream(mcp_tour)
    found = with_progress(mcp_tour)
    if found.beside is None:
        raise NotVerified("no GET stream was open while a tool reported progress")
    expected = "progress on the stream of the request that it is about"
    assert_no_progress(found.beside, expected, tokens=found.tokens)


@requirement("sse.retry-before-disconnect")
def test_dropped_stream_said_when_to_come_back(mcp_tour: Tour) -> None:
    dropped = [stream for stream in _with_tools(mcp_tour) if lacks_answer(stream) and stream.end in CLOSED]
    if not dropped:
        raise NotApplicable("the server closed no connection before the response")
    for stream in dropped:
        later = resumed(mcp_tour, stream)
        # A stream that cannot be resumed was ended for good: response-eventually judges that.
        if later is not None and later.responses:
            assert_retry_before_end(stream)


@requirement("sse.x-accel-buffering")
def test_streams_ask_not_to_be_buffered(mcp_tour: Tour) -> None:
    for stream in streams_as_sent(mcp_tour):
        assert_unbuffered(stream)


def _with_tools(tour: Tour) -> list[Exchange]:
    """Return the event streams of requests, and those of calls of tools that were made in the session."""
    try:
        calls = [call.exchange for call in tool_calls(tour)]
    except NotVerified:
        calls = []
    return post_streams(tour, *calls)


def _opens_session(exchange: Exchange) -> bool:
    """Tell whether this was an `initialize`, which cannot be repeated in its session."""
    sent = exchange.request.message
    return sent is not None and sent.method == "initialize"


@requirement("sse.disconnect-not-cancel")
def test_lost_connection_cancels_nothing(mcp_tour: Tour) -> None:
    calls = two_calls(mcp_tour)
    assert_work_went_on(calls.dropped, calls.counted, calls.whole)
