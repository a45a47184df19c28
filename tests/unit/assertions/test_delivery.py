from __future__ import annotations

from typing import Any

import pytest

from pytest_mcp_http.assertions.delivery import assert_on_one_stream, assert_own_messages
from pytest_mcp_http.errors import RequirementViolated

LOG = {"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "a"}}
ANSWER = {"jsonrpc": "2.0", "id": "a", "result": {}}
ASK = {"jsonrpc": "2.0", "id": "s-1", "method": "roots/list"}


def progress(token: object, number: int = 1) -> dict[str, Any]:
    params = {"progressToken": token, "progress": number}
    return {"jsonrpc": "2.0", "method": "notifications/progress", "params": params}


def test_messages_of_the_own_session(reply: Any) -> None:
    exchange = reply(progress("a"), progress(5), LOG, ANSWER, stream=True)
    assert assert_own_messages(exchange, ("b",)) is exchange


@pytest.mark.parametrize("message", [progress("a"), ANSWER])
def test_messages_of_another_session(reply: Any, message: object) -> None:
    with pytest.raises(RequirementViolated, match="of another session"):
        assert_own_messages(reply(LOG, message, stream=True), ("a", "b"))


def test_messages_that_differ_may_be_on_two_streams(reply: Any) -> None:
    assert_on_one_stream(
        [reply(progress("a", 1), LOG, stream=True), reply(progress("a", 2), LOG, stream=True)]
    )
    assert_on_one_stream([reply(progress("a"), progress("a"), stream=True), reply()])


def test_response_on_two_streams_is_against_other_requirements(reply: Any) -> None:
    assert_on_one_stream([reply(ANSWER, stream=True), reply(ANSWER, stream=True)])


@pytest.mark.parametrize("message", [progress("a"), ASK])
def test_one_message_on_two_streams(reply: Any, message: object) -> None:
    with pytest.raises(RequirementViolated, match="on two streams"):
        assert_on_one_stream([reply(message, stream=True), reply(LOG, message, stream=True)])
