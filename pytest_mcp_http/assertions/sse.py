"""Assertions on event streams: their grammar, the messages they carry, how they begin and end.

Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#sending-messages-to-the-server
"""

from __future__ import annotations

from collections.abc import Iterator

from pytest_mcp_http.assertions._base import Judged, as_exchange, judges, violated
from pytest_mcp_http.assertions.transport import mislabelled
from pytest_mcp_http.wire import jsonrpc, sse
from pytest_mcp_http.wire.exchange import End, Exchange
from pytest_mcp_http.wire.jsonrpc import Kind

__tracebackhide__ = True  # a failure is about the response, not about this code

RISKY = frozenset({"bom", "lone-cr", "nul-in-id", "bad-retry", "unfinished-comment"})
"""Findings on streams that are legal or harmless, but that readers in the field stumble over."""

NO_MESSAGE = frozenset(
    {
        "invalid-json",
        "trailing-data",
        "non-finite-number",
        "too-deep",
        "not-an-object",
        "empty-batch",
        "neither",
    }
)
"""Findings which say that a text is no JSON-RPC message at all."""

LEGACY_TYPE = "endpoint"
"""Type of the first event of the HTTP+SSE transport of 2024-11-05."""


@judges("sse.well-formed")
def assert_well_formed_stream(response: Judged) -> Exchange:
    """Assert that an event stream follows the grammar: UTF-8, and a blank line after each event.

    Args:
        response: The response; other media types, and JSON labelled as a stream, are not judged.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If bytes are not UTF-8, or the stream ends inside an event. As a note, for legal
            framing that is known to break readers, such as a byte order mark or lines that end with CR alone.
    """
    exchange = as_exchange(response)
    if mislabelled(exchange):
        return exchange
    expected = "events in UTF-8, each ended by a blank line"
    for finding in exchange.framing:
        if not finding.legal and finding.code not in RISKY:
            violated(f"{finding.code} at byte {finding.offset}: {finding.detail}", expected, exchange)
    for finding in exchange.framing:
        if finding.code in RISKY:
            meaning = sse.FINDING_MEANINGS[finding.code].text
            violated(f"{meaning} ({finding.detail})", "framing that every reader knows", exchange, note=True)
    return exchange


@judges("sse.event-is-jsonrpc-message")
def assert_events_are_messages(response: Judged, *, batches: bool = False) -> Exchange:
    """Assert that every event with data is one JSON-RPC message.

    Events of a type of their own and events with empty data are not judged. What is wrong inside a JSON-RPC
    message is judged elsewhere.

    Args:
        response: The response; other media types are not judged.
        batches: Whether an event may carry an array of messages (2025-03-26 only).

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If the data of an event is not JSON, or no JSON-RPC message.
    """
    exchange = as_exchange(response)
    expected = ["one JSON-RPC message in the data of each event"]
    if batches:
        expected.append("an array of messages")
    for event in _message_events(exchange):
        message = jsonrpc.decode(event.data.encode("utf-8", "replace"))
        codes = {finding.code for finding in message.findings}
        if codes & NO_MESSAGE or (message.kind is Kind.BATCH and not batches):
            violated(f"an event with the data {_cut(event.data)}", expected, exchange)
    return exchange


@judges("sse.event-is-jsonrpc-message")
def assert_no_empty_events(response: Judged) -> Exchange:
    """Assert that no event has empty data, which clients before 2025-11-25 read as broken JSON.

    Args:
        response: The response; other media types are not judged.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: As a note, if an event has a data field that is empty.
    """
    exchange = as_exchange(response)
    for event in exchange.events:
        if event.dispatched and not event.data:
            actual = "an event with empty data, as only 2025-11-25 knows it"
            violated(actual, "events with a JSON-RPC message as data", exchange, note=True)
    return exchange


@judges("sse.event-type-message")
def assert_event_types(response: Judged) -> Exchange:
    """Assert that JSON-RPC messages travel in events of the type `message`, the one that clients listen to.

    Args:
        response: The response; other media types are not judged.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: As a note, if an event of another type carries a JSON-RPC message.
    """
    exchange = as_exchange(response)
    for received in exchange.received:
        event = received.event
        if event is not None and event.type != "message" and received.message.kind is not Kind.INVALID:
            actual = f"a JSON-RPC message in an event of the type {_cut(event.type)}"
            violated(actual, ("the event type message", "no event field"), exchange, note=True)
    return exchange


def lacks_answer(response: Judged) -> bool:
    """Tell whether a POSTed request was answered by an event stream that brought no response to it.

    A stream whose framing or events are broken is not meant: the answer may have been there.
    """
    exchange = as_exchange(response)
    sent = exchange.request.message
    if sent is None or not (exchange.ok and exchange.is_sse):
        return False
    unreadable = any(not f.legal for f in exchange.framing) or any(
        r.message.kind is Kind.INVALID for r in exchange.received
    )
    members = sent.members if sent.kind is Kind.BATCH else (sent,)
    calls = sum(member.kind is Kind.REQUEST for member in members)
    return not unreadable and len(exchange.responses) < calls


@judges("sse.response-eventually", "sse.response-eventually.batch")
def assert_stream_answers(response: Judged) -> Exchange:
    """Assert that the event stream that a request opened brought the response to it.

    Args:
        response: The response to the POST; other media types are not judged.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If there are fewer responses on the stream than requests in the POST.
    """
    exchange = as_exchange(response)
    if lacks_answer(exchange):
        actual = f"a stream with {len(exchange.responses)} responses: {exchange.summary}"
        violated(actual, "a response on the stream for each request in the POST", exchange)
    return exchange


@judges("sse.no-early-close")
def assert_not_closed_early(response: Judged) -> Exchange:
    """Assert that a server did not close the event stream of a request before the response.

    Args:
        response: The response to the POST; other media types are not judged.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If the server ended the stream without a response.
    """
    exchange = as_exchange(response)
    if lacks_answer(exchange) and exchange.end in (End.EOF, End.RESET):
        actual = f"the stream was closed without the response: {exchange.summary}"
        violated(actual, "the response, and then the end of the stream", exchange)
    return exchange


@judges("sse.response-ends-stream")
def assert_ends_with_response(response: Judged) -> Exchange:
    """Assert that the response is the last message of its event stream, and that the stream then ends.

    Args:
        response: The response to the POST, read to its end or to a time limit; see `Limits.linger`.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If a message that is no response follows, or the stream stays open.
    """
    exchange = as_exchange(response)
    if not exchange.is_sse or not exchange.responses or lacks_answer(exchange):
        return exchange
    if exchange.messages[-1].kind in (Kind.REQUEST, Kind.NOTIFICATION):
        method = exchange.messages[-1].method
        violated(f"{method} after the response", "no message after the response", exchange)
    if exchange.end is End.TIMEOUT:
        violated(exchange.detail, "the end of the stream after the response", exchange)
    return exchange


@judges("sse.prime-event")
def assert_primed(response: Judged) -> Exchange:
    """Assert that an event stream begins with an event that has an id and empty data.

    Args:
        response: The response to a POST; other media types are not judged.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If the first event has no id, or has data, or no data field.
    """
    exchange = as_exchange(response)
    first = next((e for e in exchange.events if e.dispatched or e.id is not None), None)
    if exchange.is_sse and (first is None or not first.id or first.data or not first.has_data):
        found = _cut(first.raw.decode("utf-8", "replace")) if first else "nothing"
        violated(
            f"a stream that begins with {found}",
            "an event with an id and an empty data field first",
            exchange,
        )
    return exchange


@judges("sse.get-no-response")
def assert_no_response_on_get(response: Judged) -> Exchange:
    """Assert that a GET stream that resumes nothing carries no JSON-RPC response.

    Args:
        response: The GET stream.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If there is a result or an error on it.
    """
    exchange = as_exchange(response)
    if exchange.is_sse and exchange.responses:
        actual = f"a response with the id {exchange.responses[0].id!r} on a GET stream"
        violated(actual, "requests and notifications only", exchange)
    return exchange


@judges("sse.no-reply-to-unknown-id")
def assert_one_response(response: Judged) -> Exchange:
    """Assert that a request got no second response, and none that answers nothing.

    A single response with a wrong id is judged elsewhere.

    Args:
        response: The response to a POSTed request, JSON or event stream.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If there are several responses to one request.
    """
    exchange = as_exchange(response)
    sent = exchange.request.message
    if sent is not None and sent.kind is Kind.REQUEST and len(exchange.responses) > 1:
        others = [m.id for m in exchange.responses if not jsonrpc.same_id(m.id, sent.id)]
        actual = f"{len(exchange.responses)} responses to one request"
        if others:
            actual += f", one with the id {others[0]!r}"
        violated(actual, f"one response, with the id {sent.id!r}", exchange)
    return exchange


@judges("sse.x-accel-buffering")
def assert_unbuffered(response: Judged) -> Exchange:
    """Assert that an event stream asks proxies not to buffer it, by `X-Accel-Buffering: no`.

    Args:
        response: The response; other media types, and JSON labelled as a stream, are not judged.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If the header is absent or has another value. A proxy may have taken it out.

    Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/transports/streamable-http#receiving-messages
    """
    exchange = as_exchange(response)
    values = exchange.headers.get_all("x-accel-buffering")
    streams = exchange.is_sse and not mislabelled(exchange)
    if streams and [value.strip().lower() for value in values] != ["no"]:
        found = f"X-Accel-Buffering: {', '.join(values)}" if values else "no X-Accel-Buffering header"
        expected = "X-Accel-Buffering: no, unless a proxy on the way took it out"
        violated(f"an event stream with {found}", expected, exchange)
    return exchange


@judges("sse.get-retry-before-disconnect", "sse.retry-before-disconnect")
def assert_retry_before_end(response: Judged) -> Exchange:
    """Assert that a stream that a server drops, and lets clients resume, told them when to come back.

    Args:
        response: The stream, ended by the server.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If no event set `retry`.
    """
    exchange = as_exchange(response)
    if all(event.retry is None for event in exchange.events):
        violated("the connection was closed without a retry field", "a retry field before the end", exchange)
    return exchange


def _message_events(exchange: Exchange) -> Iterator[sse.Event]:
    return (e for e in exchange.events if e.dispatched and e.data and e.type == "message")


def _cut(text: str) -> str:
    return repr(text) if len(text) <= 80 else f"{text[:80]!r}..."
