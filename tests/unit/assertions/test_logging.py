from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_mcp_http.assertions import (
    RequirementViolated,
    assert_level_refused,
    assert_level_set,
    assert_log_levels,
    assert_logging_declared,
    assert_logs_before_response,
    assert_no_log_messages,
    assert_no_secrets_logged,
    assert_nothing_sensitive_logged,
)
from pytest_mcp_http.assertions.logging import holds_any, is_below, level_of, log_messages
from pytest_mcp_http.wire.exchange import Exchange
from pytest_mcp_http.wire.jsonrpc import ABSENT, classify, notification

Reply = Callable[..., Exchange]

RESULT = {"jsonrpc": "2.0", "id": 1, "result": {}}
OTHER = notification("notifications/progress", {"progressToken": 1, "progress": 1})


def log(level: object = "info", data: object = "text", **more: object) -> dict[str, Any]:
    return notification("notifications/message", {"level": level, "data": data, **more})


def error(code: int) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": "no"}}


def test_log_messages_are_found(reply: Reply) -> None:
    answer = reply(OTHER, log("info"), log("error"), RESULT, stream=True)
    assert [level_of(message) for message in log_messages(answer)] == ["info", "error"]
    assert [level_of(message) for message in log_messages(answer, after=2)] == ["error"]
    assert level_of(classify(notification("notifications/message"))) is ABSENT


@pytest.mark.parametrize(
    ("level", "below"),
    [
        ("debug", True),
        ("warning", True),
        ("error", False),
        ("emergency", False),
        ("DEBUG", False),
        (5, False),
    ],
)
def test_severity(level: object, below: bool) -> None:
    assert is_below(classify(log(level)), "error") is below


def test_logging_is_declared(reply: Reply) -> None:
    assert_logging_declared(reply(log(), RESULT, stream=True), {"logging": {}})
    assert_logging_declared(reply(RESULT), {})
    for capabilities in ({}, {"tools": {}, "prompts": {}}):
        with pytest.raises(RequirementViolated, match=r"declares (nothing|prompts, tools)"):
            assert_logging_declared(reply(log(), RESULT, stream=True), capabilities)


def test_level_is_set(reply: Reply) -> None:
    assert_level_set(reply(RESULT))
    assert_level_set(reply({**RESULT, "result": {"_meta": {"a/b": 1}}}))
    for body, note in (
        ({**RESULT, "result": {"level": "info"}}, True),
        ({**RESULT, "result": []}, False),
        (error(-32601), False),
    ):
        with pytest.raises(RequirementViolated) as caught:
            assert_level_set(reply(body))
        assert caught.value.note == note


def test_unknown_level_is_refused(reply: Reply) -> None:
    assert_level_refused(reply(error(-32602)), "loud")
    assert_level_refused(reply(error(-32602), status=400), "loud")
    for body, level, note in (
        (RESULT, "loud", False),
        (RESULT, 5, False),
        (RESULT, "INFO", True),
        (error(-32603), "INFO", False),
        (error(-32603), "loud", False),
    ):
        with pytest.raises(RequirementViolated) as caught:
            assert_level_refused(reply(body), level)
        assert caught.value.note is note


def test_levels_are_left_out(reply: Reply) -> None:
    assert_log_levels(reply(log("error"), log("alert"), log("odd"), RESULT, stream=True), "error")
    assert_log_levels(reply(log("info"), log("alert"), stream=True), "error", after=1)
    with pytest.raises(RequirementViolated, match="of the level warning"):
        assert_log_levels(reply(log("error"), log("warning"), stream=True), "error")


def test_no_log_messages(reply: Reply) -> None:
    assert_no_log_messages(reply(OTHER, RESULT, stream=True), "none")
    with pytest.raises(RequirementViolated, match="a log message of the level 'info'"):
        assert_no_log_messages(reply(log(), RESULT, stream=True), "none")


def test_log_messages_come_first(reply: Reply) -> None:
    assert_logs_before_response(reply(log(), RESULT, stream=True))
    assert_logs_before_response(reply(log(), stream=True))
    with pytest.raises(RequirementViolated, match="after the response"):
        assert_logs_before_response(reply(log(), RESULT, log(), stream=True))


@pytest.mark.parametrize(
    "data", ['token s3cret"-ü', {"headers": {"authorization": 's3cret"-ü'}}, [1, ['s3cret"-ü']]]
)
def test_credentials_are_found_wherever_they_stand(reply: Reply, data: object) -> None:
    answer = reply(log(data=data), RESULT, stream=True)
    assert holds_any(answer, ['s3cret"-ü'])
    assert not holds_any(answer, ["other", ""])
    with pytest.raises(RequirementViolated) as caught:
        assert_no_secrets_logged(answer, ['s3cret"-ü'])
    assert "s3cret" not in str(caught.value)
    assert_no_secrets_logged(answer, ["other"])


def test_only_log_messages_are_searched(reply: Reply) -> None:
    assert_no_secrets_logged(reply({**RESULT, "result": {"text": "s3cret"}}, stream=True), ["s3cret"])


def test_private_keys_and_addresses_are_found(reply: Reply) -> None:
    key = reply(log(data="-----BEGIN EC PRIVATE KEY-----\nMC4C"), stream=True)
    with pytest.raises(RequirementViolated, match="private key"):
        assert_no_secrets_logged(key, [])
    answer = reply(log(data={"from": "somebody@example.invalid"}), stream=True)
    assert_nothing_sensitive_logged(answer, ["nobody@example.invalid"])
    with pytest.raises(RequirementViolated, match="an address"):
        assert_nothing_sensitive_logged(answer, ["somebody@example.invalid"])
