"""How the count of a witness is read, and what the probe does with tools that are not as they should be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_mcp_http._options import Settings
from pytest_mcp_http._roles import parse
from pytest_mcp_http._target import open_target
from pytest_mcp_http.client import McpStream
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.suite import _witness
from pytest_mcp_http.suite._witness import TwoCalls, ticks_told, two_calls
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import Chunk, Exchange, Request
from pytest_mcp_http.wire.headers import Headers
from pytest_mcp_http.wire.jsonrpc import encode


def answer(result: object) -> Exchange:
    return Exchange(
        Request("POST", "http://127.0.0.1/mcp", Headers(())),
        status=200,
        headers=Headers((("Content-Type", "application/json"),)),
        chunks=(Chunk(encode({"jsonrpc": "2.0", "id": 1, "result": result}), 0.0),),
    )


def text(*texts: str) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": each} for each in texts]}


@pytest.mark.parametrize(
    ("result", "count"),
    [
        (text('{"ticks": 3, "running": true}'), 3),
        (text('{"running": true, "total": 9, "ticks": 3}'), 3),
        (text('{"running": true, "total": 9}'), 9),
        (text("7"), 7),
        (text("So far 4 of 12"), 4),
        (text("none yet", "2 now"), 2),
        (text('{"counted": "5 ticks"}'), 5),
        ({**text("see there: 1"), "structuredContent": {"result": 6}}, 6),
        ({**text('{"ticks": 2}'), "structuredContent": {"result": '{"ticks": 2}'}}, 2),
        (text("nothing"), None),
        (text("true"), None),
        ({**text("3"), "isError": True}, None),
        ({"content": "3"}, None),
        ({"content": [3, {"text": None}]}, None),
        ({}, None),
        ("3", None),
    ],
)
def test_count_is_read_from_any_form(result: object, count: int | None) -> None:
    assert ticks_told(answer(result)) == count


def probe(url: str, revision: str, *roles: str) -> TwoCalls:
    settings = Settings(url=url, roles=tuple(map(parse, roles)))
    with open_target(settings) as running, running.target.open_wire() as wire:
        tour = Tour(running.target, revision, wire)
        try:
            return two_calls(tour)
        finally:
            tour.close()


@pytest.mark.parametrize("mode", ["stateless", "stateful"])
def test_lost_connection_is_a_cancel_in_one_era_only(reference: Callable[..., str], mode: str) -> None:
    url = reference(mode=mode)
    handshake, modern = probe(url, "2025-11-25"), probe(url, "2026-07-28")
    assert (handshake.counted, handshake.left_counted, handshake.whole) == (10, 10, 10)
    assert modern.counted < modern.left_counted == modern.whole == 10
    assert handshake.listening is None
    assert modern.listening is not None
    assert modern.listening.is_sse


def test_json_leaves_no_stream_to_close(reference: Callable[..., str]) -> None:
    with pytest.raises(NotApplicable, match="answers the slow tool with JSON"):
        probe(reference(mode="stateless", json_response=True), "2026-07-28")


SLOW = 'slow = count_ticks {"key": "$KEY", "ticks": $N, "milliseconds": $MS}'
WITNESS = 'witness = read_ticks {"key": "$KEY"}'


@pytest.mark.parametrize(
    ("roles", "reason"),
    [
        ((SLOW, "witness = health_check"), r"told \d+ ticks of a key that nobody used"),
        (("slow = health_check", WITNESS), "no tick of the slow tool health_check was counted"),
        ((SLOW, 'witness = read_ticks {"key": "another"}'), "was counted while its stream was open"),
        (
            ('slow = count_ticks {"key": "$KEY", "ticks": 1, "milliseconds": $MS}', WITNESS),
            "ticks were counted before|no tick",
        ),
    ],
)
def test_tools_that_are_not_as_named_are_told(
    reference: Callable[..., str], roles: tuple[str, str], reason: str
) -> None:
    with pytest.raises(NotVerified, match=reason):
        probe(reference(mode="stateless"), "2025-11-25", *roles)


@pytest.mark.parametrize(("mode", "seen"), [("stateful", True), ("stateless", False)])
def test_third_call_is_cancelled_in_a_session(reference: Callable[..., str], mode: str, seen: bool) -> None:
    calls = probe(reference(mode=mode), "2025-11-25")
    assert (calls.cancelled is not None) is seen
    if calls.cancelled is not None:
        assert calls.cancelled.notification.status == 202
        assert calls.cancelled.counted < calls.whole
        assert not calls.cancelled.call.responses


def test_calls_that_went_too_far_meanwhile_are_tried_again_slower(
    reference: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    watches = []
    cancel = _witness._Watch._cancel

    def late_at_first(watch: _witness._Watch, stream: McpStream | None) -> Exchange | None:
        watches.append(watch)
        if len(watches) > 1:
            return cancel(watch, stream)
        watch.missed_third = True
        return None

    monkeypatch.setattr(_witness._Watch, "_cancel", late_at_first)
    calls = probe(reference(mode="stateful"), "2025-11-25")
    assert calls.cancelled is not None
    assert len(watches) > 1
