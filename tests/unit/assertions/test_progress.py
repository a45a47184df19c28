from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_mcp_http.assertions import (
    RequirementViolated,
    assert_no_progress,
    assert_progress_ends,
    assert_progress_increases,
    assert_progress_messages,
    assert_progress_tokens_exact,
    assert_progress_tokens_known,
)
from pytest_mcp_http.assertions.progress import foreign_progress, progress_on, token_of
from pytest_mcp_http.wire.exchange import Exchange
from pytest_mcp_http.wire.jsonrpc import ABSENT, notification, request

Reply = Callable[..., Exchange]

RESULT = {"jsonrpc": "2.0", "id": 1, "result": {}}
TOKENS = (7, "check-ü", 0, "42")


def call(token: object = None) -> dict[str, Any]:
    meta = {} if token is None else {"_meta": {"progressToken": token}}
    return request("tools/call", {"name": "count", **meta}, id=1)


def progress(token: object = 7, value: object = 1, **more: object) -> dict[str, Any]:
    return notification("notifications/progress", {"progressToken": token, "progress": value, **more})


def test_progress_and_tokens_are_found(reply: Reply) -> None:
    answer = reply(progress(), progress(value=2), RESULT, progress(value=3), sent=call(7), stream=True)
    assert [(each.token, each.value, each.late) for each in progress_on(answer)] == [
        (7, 1, False),
        (7, 2, False),
        (7, 3, True),
    ]
    assert token_of(answer) == 7
    assert token_of(reply(RESULT, sent=call())) is ABSENT
    assert token_of(reply(sent=notification("x", [1]))) is ABSENT
    odd = progress_on(reply(notification("notifications/progress"), stream=True))
    assert [(each.token, each.value) for each in odd] == [(ABSENT, ABSENT)]


@pytest.mark.parametrize("token", [*TOKENS, 7.0, "7", 42, "CHECK-ü", "check-Ã¼", "check-?"], ids=repr)
def test_tokens_that_are_meant_are_known(reply: Reply, token: object) -> None:
    assert_progress_tokens_known(reply(progress(token), sent=call(7), stream=True), TOKENS)


@pytest.mark.parametrize("token", ["somebody-else's", 8, "", "ü", "check-x"])
def test_other_tokens_are_unknown(reply: Reply, token: object) -> None:
    with pytest.raises(RequirementViolated, match="which no request gave"):
        assert_progress_tokens_known(reply(progress(token), sent=call(7), stream=True), TOKENS)


@pytest.mark.parametrize("token", [*TOKENS, 7.0, "somebody-else's"])
def test_exact_and_unknown_tokens_pass_as_exact(reply: Reply, token: object) -> None:
    assert_progress_tokens_exact(reply(progress(token), sent=call(7), stream=True), TOKENS)


@pytest.mark.parametrize("token", ["7", "0", 42, "CHECK-ü", "check-Ã¼", None, True, [7], {"t": 7}], ids=repr)
def test_changed_tokens_are_not_exact(reply: Reply, token: object) -> None:
    with pytest.raises(RequirementViolated, match="progress with the token"):
        assert_progress_tokens_exact(reply(progress(token), sent=call(7), stream=True), TOKENS)


def test_missing_token_is_not_exact(reply: Reply) -> None:
    bare = notification("notifications/progress", {"progress": 1})
    with pytest.raises(RequirementViolated, match="no token"):
        assert_progress_tokens_exact(reply(bare, sent=call(7), stream=True), TOKENS)


@pytest.mark.parametrize("values", [(), (5,), (1, 2, 3), (-1, -0.5, 0, 0.25), (10, 10.5, 10**30)], ids=repr)
def test_growing_values(reply: Reply, values: tuple[object, ...]) -> None:
    assert_progress_increases(reply(*(progress(value=value) for value in values), sent=call(7), stream=True))


@pytest.mark.parametrize("values", [(1, 1), (1, 3, 2), (0, 0.0), ("1", "2"), (None,), (True,)], ids=repr)
def test_values_that_do_not_grow(reply: Reply, values: tuple[object, ...]) -> None:
    with pytest.raises(RequirementViolated, match="progress"):
        assert_progress_increases(
            reply(*(progress(value=value) for value in values), sent=call(7), stream=True)
        )


def test_each_token_grows_by_itself(reply: Reply) -> None:
    bodies = (progress(7, 5), progress("7", 1), progress(7, 6), progress("7", 2))
    assert_progress_increases(reply(*bodies, stream=True))


def test_progress_ends_with_the_response(reply: Reply) -> None:
    assert_progress_ends(reply(progress(), RESULT, sent=call(7), stream=True), [0, "42"])
    with pytest.raises(RequirementViolated, match="after the response"):
        assert_progress_ends(reply(progress(), RESULT, progress(), sent=call(7), stream=True))
    with pytest.raises(RequirementViolated, match="answered before"):
        assert_progress_ends(reply(progress("42"), RESULT, sent=call(7), stream=True), [0, "42"])


def test_no_progress(reply: Reply) -> None:
    assert_no_progress(reply(RESULT, sent=call()), "none")
    assert_no_progress(reply(progress(), stream=True), "none", tokens=["7"])
    for tokens in (None, [7]):
        with pytest.raises(RequirementViolated, match="the token 7"):
            assert_no_progress(reply(progress(), stream=True), "none", tokens=tokens)


def test_messages_say_something(reply: Reply) -> None:
    assert_progress_messages(reply(progress(), progress(message="Step 1"), stream=True))
    for message in ("", " \n", None, 5):
        with pytest.raises(RequirementViolated, match="progress with the message"):
            assert_progress_messages(reply(progress(message=message), stream=True))


def test_progress_of_other_requests(reply: Reply) -> None:
    answer = reply(progress(7), progress(0), progress("x"), progress("42"), sent=call(7), stream=True)
    assert list(foreign_progress(answer, TOKENS)) == [0, "42"]
