from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import httpx
import pytest

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
from pytest_mcp_http.errors import RequirementViolated
from pytest_mcp_http.wire.exchange import Chunk, End, Exchange, Request
from pytest_mcp_http.wire.headers import Headers
from pytest_mcp_http.wire.jsonrpc import encode

RESULT = b'data: {"jsonrpc":"2.0","id":1,"result":{}}\n\n'
ERROR = b'data: {"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"no"}}\n\n'
OTHER = b'data: {"jsonrpc":"2.0","id":"orphan","result":{}}\n\n'
PROGRESS = b'data: {"jsonrpc":"2.0","method":"notifications/progress","params":{}}\n\n'
PRIMING = b"id: 1\ndata: \n\n"
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
PINGS = [PING, {**PING, "id": 2}]


def stream(
    *blocks: bytes,
    sent: object = PING,
    end: End = End.EOF,
    type: str = "text/event-stream",
    detail: str = "",
) -> Exchange:
    return Exchange(
        Request("POST", "http://127.0.0.1/mcp", Headers(()), encode(sent) if sent else b""),
        status=200,
        headers=Headers((("Content-Type", type),)),
        chunks=tuple(Chunk(block, 0.0) for block in blocks),
        end=end,
        detail=detail,
    )


def verdict(check: Callable[..., Any], exchange: Exchange, **options: Any) -> str:
    outcome = outcome_of(check, exchange, **options)
    if outcome is None:
        return "pass"
    assert outcome.exchange is exchange
    assert all(outcome.expected)
    return f"note: {outcome.actual}" if outcome.note else f"fail: {outcome.actual}"


def outcome_of(check: Callable[..., Any], exchange: Exchange, **options: Any) -> RequirementViolated | None:
    try:
        assert check(exchange, **options) is exchange
    except RequirementViolated as outcome:
        return outcome
    return None


class TestWellFormed:
    @pytest.mark.parametrize(
        "blocks",
        [
            (RESULT,),
            (RESULT.replace(b"\n", b"\r\n"),),
            (b": hello\n\n", b"retry: 10\n\n", RESULT),
            (b"unknown: x\n\n", b"event: ping\ndata: 1\n\n"),
            ("data: é\u2028漢\n\n".encode(),),
            (),
        ],
    )
    def test_legal(self, blocks: tuple[bytes, ...]) -> None:
        assert verdict(assert_well_formed_stream, stream(*blocks)) == "pass"

    @pytest.mark.parametrize(
        ("blocks", "told"),
        [
            ((b": caf\xe9\n\n", RESULT), "fail: invalid-utf8 at byte 5"),
            ((RESULT[:-1],), "fail: unfinished-block at byte 0"),
            ((PRIMING, b"data: {"), "fail: unfinished-block at byte 14"),
        ],
    )
    def test_illegal(self, blocks: tuple[bytes, ...], told: str) -> None:
        assert verdict(assert_well_formed_stream, stream(*blocks)).startswith(told)

    def test_cut_stream_proves_nothing(self) -> None:
        assert verdict(assert_well_formed_stream, stream(RESULT[:-1], end=End.RESET)) == "pass"
        assert verdict(assert_well_formed_stream, stream(RESULT[:-1], end=End.STOPPED)) == "pass"

    @pytest.mark.parametrize(
        "blocks",
        [
            (b"\xef\xbb\xbf", RESULT),
            (RESULT.replace(b"\n", b"\r"),),
            (b"retry: soon\n\n",),
            (RESULT, b": bye\n"),
        ],
    )
    def test_risky(self, blocks: tuple[bytes, ...]) -> None:
        assert verdict(assert_well_formed_stream, stream(*blocks)).startswith("note: ")

    def test_other_media_types(self) -> None:
        assert verdict(assert_well_formed_stream, stream(b"\xff", type="application/json")) == "pass"
        assert verdict(assert_well_formed_stream, stream(b'{"jsonrpc":"2.0"}')) == "pass"


class TestMessages:
    @pytest.mark.parametrize(
        "blocks",
        [(PRIMING, RESULT), (b": hi\n\n", PROGRESS, ERROR), (b"event: ping\ndata: 12:00\n\n", RESULT)],
    )
    def test_messages(self, blocks: tuple[bytes, ...]) -> None:
        assert verdict(assert_events_are_messages, stream(*blocks)) == "pass"

    @pytest.mark.parametrize(
        "data",
        ["connected", '"text"', "1", '{"status":"ok"}', '{"jsonrpc":"2.0"}', "[]", "{}\ndata: {}", '{"a":'],
    )
    def test_no_messages(self, data: str) -> None:
        broken = stream(RESULT, f"data: {data}\n\n".encode())
        assert verdict(assert_events_are_messages, broken).startswith("fail: an event with the data ")
        assert not lacks_answer(stream(f"data: {data}\n\n".encode()))

    def test_flaws_inside_a_message_are_judged_elsewhere(self) -> None:
        both = b'data: {"id":1,"result":{},"error":{"code":1,"message":"x"}}\n\n'
        assert verdict(assert_events_are_messages, stream(both)) == "pass"

    def test_batches(self) -> None:
        batch = stream(b'data: [{"jsonrpc":"2.0","id":1,"result":{}}]\n\n')
        assert verdict(assert_events_are_messages, batch, batches=True) == "pass"
        assert verdict(assert_events_are_messages, batch).startswith("fail: an event with the data '[{")

    def test_empty_events(self) -> None:
        assert verdict(assert_no_empty_events, stream(b"id: 1\n\n", RESULT)) == "pass"
        assert verdict(assert_no_empty_events, stream(PRIMING, RESULT)).startswith(
            "note: an event with empty"
        )

    def test_types(self) -> None:
        typed = b"event: jsonrpc\n" + RESULT
        assert verdict(assert_event_types, stream(b"event: message\n" + RESULT, RESULT)) == "pass"
        assert verdict(assert_event_types, stream(b"event: ping\ndata: 1\n\n")) == "pass"
        assert verdict(assert_event_types, stream(typed)).startswith("note: a JSON-RPC message in an event")


class TestAnswer:
    @pytest.mark.parametrize(
        "exchange",
        [
            stream(RESULT),
            stream(PROGRESS, ERROR, end=End.RESET),
            stream(OTHER),
            stream(RESULT[:-1]),
            stream(sent={"jsonrpc": "2.0", "method": "notifications/x"}),
            stream(b'data: [{"jsonrpc":"2.0","id":1,"result":{}}]\n\n', RESULT, sent=PINGS),
            stream(b"{}", type="application/json"),
        ],
    )
    def test_there(self, exchange: Exchange) -> None:
        assert verdict(assert_stream_answers, exchange) == "pass"
        assert verdict(assert_not_closed_early, exchange) == "pass"

    @pytest.mark.parametrize("end", [End.EOF, End.RESET])
    def test_closed_without_it(self, end: End) -> None:
        closed = stream(PRIMING, PROGRESS, end=end)
        assert verdict(assert_not_closed_early, closed).startswith("fail: the stream was closed without")
        assert verdict(assert_stream_answers, closed).startswith("fail: a stream with 0 responses")

    def test_left_open_without_it(self) -> None:
        silent = stream(PROGRESS, end=End.TIMEOUT)
        assert verdict(assert_not_closed_early, silent) == "pass"
        assert verdict(assert_stream_answers, silent).startswith("fail: a stream with 0 responses")

    def test_missing_from_a_batch(self) -> None:
        assert verdict(assert_stream_answers, stream(RESULT, sent=PINGS)).startswith("fail: a stream with 1 ")


class TestEnd:
    @pytest.mark.parametrize(
        "exchange",
        [
            stream(PROGRESS, RESULT),
            stream(RESULT, b": bye\n\n"),
            stream(RESULT, RESULT),
            stream(PROGRESS, end=End.TIMEOUT),
            stream(b"{}", type="application/json", end=End.TIMEOUT),
        ],
    )
    def test_with_the_response(self, exchange: Exchange) -> None:
        assert verdict(assert_ends_with_response, exchange) == "pass"

    def test_message_after_it(self) -> None:
        late = stream(RESULT, PROGRESS)
        assert verdict(assert_ends_with_response, late) == "fail: notifications/progress after the response"

    def test_left_open(self) -> None:
        open_ = stream(RESULT, end=End.TIMEOUT, detail="still open")
        assert verdict(assert_ends_with_response, open_) == "fail: still open"

    def test_retry(self) -> None:
        assert verdict(assert_retry_before_end, stream(b"retry: 5\n\n", PROGRESS)) == "pass"
        told = "fail: the connection was closed without a retry field"
        assert verdict(assert_retry_before_end, stream(PRIMING, b"retry: soon\n\n")) == told


class TestBeginning:
    @pytest.mark.parametrize("first", [PRIMING, b"retry: 5\nid: 1\ndata:\n\n", b": hi\n\n" + PRIMING])
    def test_primed(self, first: bytes) -> None:
        assert verdict(assert_primed, stream(first, RESULT)) == "pass"

    @pytest.mark.parametrize(
        "blocks", [(RESULT,), (b"id: 1\n" + RESULT,), (b"id: 1\n\n", RESULT), (b"data:\n\n", RESULT), ()]
    )
    def test_not_primed(self, blocks: tuple[bytes, ...]) -> None:
        assert verdict(assert_primed, stream(*blocks)).startswith("fail: a stream that begins with ")


class TestOneResponse:
    @pytest.mark.parametrize(
        "exchange", [stream(PROGRESS, RESULT), stream(OTHER), stream(), stream(RESULT, sent=0)]
    )
    def test_one(self, exchange: Exchange) -> None:
        assert verdict(assert_one_response, exchange) == "pass"

    def test_twice(self) -> None:
        assert verdict(assert_one_response, stream(RESULT, ERROR)) == "fail: 2 responses to one request"

    def test_orphan(self) -> None:
        told = "fail: 2 responses to one request, one with the id 'orphan'"
        assert verdict(assert_one_response, stream(RESULT, OTHER)) == told

    def test_get_stream(self) -> None:
        assert verdict(assert_no_response_on_get, stream(PROGRESS, sent=None)) == "pass"
        told = "fail: a response with the id 1 on a GET stream"
        assert verdict(assert_no_response_on_get, stream(PROGRESS, ERROR, sent=None)) == told


def test_any_response_object_is_taken() -> None:
    request = httpx.Request("POST", "http://127.0.0.1/mcp", content=encode(PING))
    response = httpx.Response(
        200, headers={"content-type": "text/event-stream"}, content=PROGRESS, request=request
    )
    with pytest.raises(RequirementViolated, match="closed without the response"):
        assert_not_closed_early(response)


class TestUnbuffered:
    @pytest.mark.parametrize("value", ["no", " No ", "NO"])
    def test_good(self, value: str) -> None:
        exchange = replace(stream(RESULT), headers=headers(value))
        assert verdict(assert_unbuffered, exchange) == "pass"

    @pytest.mark.parametrize(
        ("values", "told"),
        [
            ((), "no X-Accel-Buffering header"),
            (("yes",), "X-Accel-Buffering: yes"),
            (("",), "X-Accel-Buffering: "),
            (("no", "yes"), "X-Accel-Buffering: no, yes"),
        ],
    )
    def test_bad(self, values: tuple[str, ...], told: str) -> None:
        outcome = outcome_of(assert_unbuffered, replace(stream(RESULT), headers=headers(*values)))
        assert outcome is not None
        assert outcome.actual == f"an event stream with {told}"
        assert not outcome.note

    def test_other_answers(self) -> None:
        json = Headers([("Content-Type", "application/json")])
        assert verdict(assert_unbuffered, replace(stream(RESULT), headers=json)) == "pass"
        # JSON under the label of a stream is transport.request-content-type's.
        assert verdict(assert_unbuffered, stream(b'{"jsonrpc":"2.0","id":1,"result":{}}')) == "pass"


def headers(*values: str) -> Headers:
    lines = [("x-accel-buffering", value) for value in values]
    return Headers([("Content-Type", "text/event-stream"), *lines])
