from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_mcp_http.assertions import (
    RequirementViolated,
    assert_closing_result,
    assert_graceful_end,
    assert_long_lived,
    assert_nothing_request_scoped,
    assert_requested_types_only,
    assert_stays_open,
)
from pytest_mcp_http.wire.exchange import Chunk, End, Exchange, Request
from pytest_mcp_http.wire.headers import Headers
from pytest_mcp_http.wire.jsonrpc import encode, notification, request

KEY = "io.modelcontextprotocol/subscriptionId"
ACK = notification(
    "notifications/subscriptions/acknowledged",
    {"_meta": {KEY: 1}, "notifications": {"toolsListChanged": True}},
)
TOOLS = notification("notifications/tools/list_changed", {"_meta": {KEY: 1}})
CANCELLED = notification("notifications/cancelled", {"requestId": 1})


def result(named: object = 1) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "result": {"resultType": "complete", "_meta": {KEY: named}}}


def stream(*timed: tuple[float, dict[str, Any]], end: End = End.STOPPED, ended_at: float = 1.0) -> Exchange:
    """Return a stream of messages with their arrival times, acknowledged after 0.2 seconds."""
    sent = request("subscriptions/listen", {"notifications": {"toolsListChanged": True}}, id=1)
    return Exchange(
        Request("POST", "http://127.0.0.1/mcp", Headers(()), encode(sent)),
        status=200,
        headers=Headers((("Content-Type", "text/event-stream"),)),
        chunks=tuple(Chunk(f"data: {json.dumps(m)}\n\n".encode(), at) for at, m in ((0.2, ACK), *timed)),
        end=end,
        ended_at=ended_at,
    )


@pytest.mark.parametrize(
    "open_long_enough",
    [
        stream(),
        stream(ended_at=0.21),
        stream(end=End.EOF),
        stream((0.21, result()), end=End.EOF, ended_at=0.21),
    ],
)
def test_streams_stay_open(open_long_enough: Exchange) -> None:
    assert_stays_open(open_long_enough)


@pytest.mark.parametrize("end", [End.EOF, End.RESET])
def test_stream_that_ends_at_once_did_not_stay_open(end: End) -> None:
    with pytest.raises(RequirementViolated, match=r"within 0\.1 s"):
        assert_stays_open(stream(end=end, ended_at=0.25))


def test_json_is_no_stream() -> None:
    json_answer = Exchange(
        stream().request,
        status=200,
        headers=Headers((("Content-Type", "application/json"),)),
        chunks=(Chunk(encode(result()), 0.1),),
    )
    with pytest.raises(RequirementViolated, match="application/json"):
        assert_stays_open(json_answer)


def test_result_at_once_earns_a_note() -> None:
    assert_long_lived(stream())
    assert_long_lived(stream((0.9, result()), end=End.EOF))
    with pytest.raises(RequirementViolated, match="over at once") as caught:
        assert_long_lived(stream((0.2, result()), end=End.EOF, ended_at=0.2))
    assert caught.value.note


def test_only_what_was_asked_for_is_sent() -> None:
    log = notification("notifications/message", {"level": "info", "data": 1})
    assert_requested_types_only(stream((0.3, TOOLS), (0.4, CANCELLED), (0.5, log)))
    for method in ("notifications/prompts/list_changed", "notifications/com.example/any"):
        with pytest.raises(RequirementViolated, match=f"{method} came unasked"):
            assert_requested_types_only(stream((0.3, notification(method))))


@pytest.mark.parametrize("method", ["notifications/progress", "notifications/message"])
def test_progress_and_log_messages_do_not_belong_there(method: str) -> None:
    assert_nothing_request_scoped(stream((0.3, TOOLS)))
    with pytest.raises(RequirementViolated, match=f"{method} came on the stream of a subscription"):
        assert_nothing_request_scoped(stream((0.3, notification(method))))


@pytest.mark.parametrize(
    "fine",
    [
        stream(),
        stream(end=End.RESET),
        stream(end=End.EOF, ended_at=0.25),
        stream((0.9, result()), end=End.EOF),
        stream((0.8, CANCELLED), (0.9, result()), end=End.EOF),
    ],
)
def test_ends_that_are_graceful_or_not_the_servers(fine: Exchange) -> None:
    assert_graceful_end(fine)


def test_end_without_a_result_is_not_graceful() -> None:
    with pytest.raises(RequirementViolated, match="with no result") as caught:
        assert_graceful_end(stream((0.3, TOOLS), end=End.EOF))
    assert not caught.value.note
    with pytest.raises(RequirementViolated, match="notifications/cancelled and no result") as caught:
        assert_graceful_end(stream((0.9, CANCELLED), end=End.EOF))
    assert caught.value.note


def test_closing_result_names_the_subscription() -> None:
    assert_closing_result(stream())
    assert_closing_result(stream((0.9, result())))
    bare = {"jsonrpc": "2.0", "id": 1, "result": {}}
    for message in (result("1"), result(2), bare):
        with pytest.raises(RequirementViolated, match="the closing result names the subscription"):
            assert_closing_result(stream((0.9, message)))
