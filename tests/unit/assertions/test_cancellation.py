from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_mcp_http.assertions import (
    RequirementViolated,
    assert_cancel_harmless,
    assert_cancel_ignored,
    assert_cancel_obeyed,
    assert_cancels_own_requests,
    assert_cancels_subscriptions_only,
    assert_left_alone,
    assert_served_after_cancel,
    assert_silent_about,
    assert_work_stopped,
    assert_work_went_on,
)
from pytest_mcp_http.wire.exchange import Exchange
from pytest_mcp_http.wire.jsonrpc import Message, classify, notification, request

Reply = Callable[..., Exchange]

CALL = request("tools/call", {"name": "count", "_meta": {"progressToken": "p-1"}}, id=1)
RESULT = {"jsonrpc": "2.0", "id": 1, "result": {}}
LISTEN = request("subscriptions/listen", {"notifications": {}}, id="sub")


def progress(token: object) -> dict[str, Any]:
    return notification("notifications/progress", {"progressToken": token, "progress": 1})


def cancelled(id: object) -> dict[str, Any]:
    return notification("notifications/cancelled", {"requestId": id})


def test_work_stopped_unless_all_of_it_was_done(reply: Reply) -> None:
    closed = reply(progress("p-1"), sent=CALL, stream=True)
    assert_work_stopped(closed, 1, 10)
    assert_work_stopped(closed, 9, 10)
    for counted in (10, 11):
        with pytest.raises(RequirementViolated, match="went on to its end"):
            assert_work_stopped(closed, counted, 10)


def test_work_went_on_if_all_of_it_was_done(reply: Reply) -> None:
    closed = reply(progress("p-1"), sent=CALL, stream=True)
    assert_work_went_on(closed, 10, 10)
    with pytest.raises(RequirementViolated, match="9 of 10 ticks"):
        assert_work_went_on(closed, 9, 10)


def test_request_is_left_alone_if_it_is_answered_in_full(reply: Reply) -> None:
    assert_left_alone(reply(progress("p-1"), RESULT, sent=CALL, stream=True), 10, 10)
    for bodies, counted in (
        ([RESULT], 3),
        ([progress("p-1")], 10),
        ([{**RESULT, "id": 2}], 10),
        ([{"jsonrpc": "2.0", "id": 1, "error": {"code": -32800, "message": "cancelled"}}], 10),
    ):
        with pytest.raises(RequirementViolated, match="another stream was closed"):
            assert_left_alone(reply(*bodies, sent=CALL, stream=True), counted, 10)


@pytest.mark.parametrize("message", [progress("p-1"), RESULT])
def test_nothing_is_said_about_a_cancelled_request(reply: Reply, message: dict[str, Any]) -> None:
    other = request("tools/call", {"_meta": {"progressToken": "p-2"}}, id=2)
    closed: Message = classify(CALL)
    own = (progress("p-2"), {**RESULT, "id": 2})
    assert_silent_about(reply(*own, sent=other, stream=True), closed)
    assert_silent_about(reply(message, *own, sent=other, stream=True), closed, after=1)
    with pytest.raises(RequirementViolated, match="whose stream was closed"):
        assert_silent_about(reply(message, *own, sent=other, stream=True), closed)


def test_messages_without_a_token_are_about_no_request(reply: Reply) -> None:
    closed = classify(request("tools/call", {"name": "count"}, id=1))
    assert_silent_about(reply(notification("notifications/message", {"data": 1}), stream=True), closed)
    assert_silent_about(reply(notification("notifications/progress"), stream=True), closed)


def test_server_may_cancel_subscriptions(reply: Reply) -> None:
    listening = reply(cancelled("sub"), sent=LISTEN, stream=True)
    assert_cancels_subscriptions_only([listening, reply(RESULT, sent=CALL)])
    for named in (cancelled(1), cancelled("other"), notification("notifications/cancelled")):
        with pytest.raises(RequirementViolated, match="the server sent notifications/cancelled"):
            assert_cancels_subscriptions_only([listening, reply(named, sent=CALL, stream=True)])


@pytest.mark.parametrize(
    ("status", "ignored", "harmless"),
    [(202, True, True), (200, True, True), (400, False, True), (500, False, False), (None, False, False)],
)
def test_cancels_are_ignored_or_at_least_harmless(
    reply: Reply, status: int | None, ignored: bool, harmless: bool
) -> None:
    for check, fine in ((assert_cancel_ignored, ignored), (assert_cancel_harmless, harmless)):
        if fine:
            check(reply(status=status))
        else:
            with pytest.raises(RequirementViolated, match="notifications/cancelled got"):
                check(reply(status=status))


def test_requests_are_served_after_a_cancel(reply: Reply) -> None:
    assert_served_after_cancel(reply(RESULT), "after a late cancel")
    with pytest.raises(RequirementViolated, match="after a late cancel, a request got HTTP 500"):
        assert_served_after_cancel(reply(status=500), "after a late cancel")


def test_server_may_cancel_its_own_requests(reply: Reply) -> None:
    ask = reply(request("roots/list", id="s-1"), stream=True)
    assert_cancels_own_requests([ask, reply(cancelled("s-1"), stream=True), reply(stream=True)], "2025-11-25")
    malformed = notification("notifications/cancelled", {"requestId": 1, "reason": 5})
    assert_cancels_own_requests(
        [reply(malformed, notification("notifications/cancelled"), stream=True)], "2025-11-25"
    )


@pytest.mark.parametrize("id", [1, "s-2"])
def test_server_may_not_cancel_requests_of_others(reply: Reply, id: object) -> None:
    ask = reply(request("roots/list", id="1"), sent=CALL, stream=True)
    with pytest.raises(RequirementViolated, match="the server sent notifications/cancelled for"):
        assert_cancels_own_requests([ask, reply(cancelled(id), stream=True)], "2025-11-25")


def test_cancel_is_obeyed_or_ignored_as_a_whole(reply: Reply) -> None:
    error = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32800, "message": "cancelled"}}
    assert_cancel_obeyed(reply(progress("p-1"), sent=CALL, stream=True), 3, 10)
    for bodies, counted, note in (
        ([RESULT], 3, False),
        ([error], 3, False),
        ([], 10, False),
        ([RESULT], 10, True),
    ):
        with pytest.raises(RequirementViolated) as caught:
            assert_cancel_obeyed(reply(progress("p-1"), *bodies, sent=CALL, stream=True), counted, 10)
        assert caught.value.note is note
