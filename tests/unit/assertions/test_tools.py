from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_mcp_http.assertions import tools as judged
from pytest_mcp_http.errors import RequirementViolated

LATEST = "2026-07-28"


def answer(**result: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "result": result}


def failure(code: int) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": "no"}}


def listing(*names: object) -> dict[str, Any]:
    return answer(tools=[{"name": name} for name in names])


TEXT = [{"type": "text", "text": "no"}]
SUCCESS = answer(content=[])
FAILED = answer(content=TEXT, isError=True)
ASKED = answer(resultType="input_required", inputRequests={})
TASK = answer(task={"taskId": "1"})


@pytest.mark.parametrize(
    "check",
    [
        judged.assert_tool_name_lengths,
        judged.assert_tool_names_ascii,
        judged.assert_tool_names_without_specials,
        judged.assert_tool_names_unique,
    ],
)
@pytest.mark.parametrize(
    "body",
    [
        listing("getUser", "DATA_EXPORT_v2", "admin.tools.list", "a-b", "x" * 128, "X"),
        listing(5, None, ["a"]),
        answer(tools=["a", None]),
        answer(tools=None),
        answer(),
        failure(-32603),
    ],
)
def test_names_that_break_nothing(reply: Any, check: Callable[..., Any], body: Any) -> None:
    exchange = reply(body)
    assert check(exchange) is exchange


@pytest.mark.parametrize(("name", "said"), [("", "0 characters: ''"), ("x" * 129, "129 characters: 'xxx")])
def test_lengths(reply: Any, name: str, said: str) -> None:
    with pytest.raises(RequirementViolated, match=said) as caught:
        judged.assert_tool_name_lengths(reply(listing("fine", name)))
    assert len(caught.value.actual) < 120


@pytest.mark.parametrize("character", ["\u00e9", "\u5929", "e\u0301", "\u00b2", "\u0661"])
def test_letters_and_digits_of_others(reply: Any, character: str) -> None:
    exchange = reply(listing(f"tool{character}"))
    judged.assert_tool_names_without_specials(exchange)
    with pytest.raises(RequirementViolated, match=r"U\+"):
        judged.assert_tool_names_ascii(exchange)


@pytest.mark.parametrize("character", [" ", ",", "/", "\n", "\u00a0", "\u2192", "@", "\u200b", "\U0001f600"])
def test_special_characters(reply: Any, character: str) -> None:
    exchange = reply(listing(f"tool{character}"))
    judged.assert_tool_names_ascii(exchange)
    with pytest.raises(RequirementViolated, match=r"U\+"):
        judged.assert_tool_names_without_specials(exchange)


def test_name_that_stands_twice(reply: Any) -> None:
    with pytest.raises(RequirementViolated, match="2 tools with the name 'a'"):
        judged.assert_tool_names_unique(reply(listing("a", "b", "a")))


def test_a_second_response_is_against_other_requirements(reply: Any) -> None:
    twice = reply(listing("a"), listing("a"), stream=True)
    assert judged.assert_tool_names_unique(twice) is twice
    assert [tool["name"] for tool in judged.tools_in(twice)] == ["a"]


@pytest.mark.parametrize(
    ("body", "success", "error"),
    [
        (SUCCESS, True, False),
        (answer(resultType="complete", content=[], isError=False), True, False),
        (answer(content=[], isError="yes"), True, False),
        (FAILED, False, True),
        (ASKED, False, False),
        (TASK, False, False),
        (failure(-32602), False, False),
        ({"jsonrpc": "2.0", "id": 1, "result": 5}, False, False),
    ],
)
def test_what_a_result_is(reply: Any, body: Any, success: bool, error: bool) -> None:
    exchange = reply(body)
    assert (judged.is_tool_success(exchange), judged.is_tool_error(exchange)) == (success, error)


@pytest.mark.parametrize("code", [-32602, -32601, -32603])
def test_unknown_tool_with_an_error(reply: Any, code: int) -> None:
    judged.assert_unknown_tool_refused(reply(failure(code)))


@pytest.mark.parametrize("body", [SUCCESS, FAILED, ASKED, b"gone"])
def test_unknown_tool_without_error(reply: Any, body: Any) -> None:
    with pytest.raises(RequirementViolated):
        judged.assert_unknown_tool_refused(reply(body))


def test_code_for_an_unknown_tool(reply: Any) -> None:
    judged.assert_unknown_tool_code(reply(failure(-32602)))
    judged.assert_unknown_tool_code(reply(FAILED))
    with pytest.raises(RequirementViolated, match="-32601"):
        judged.assert_unknown_tool_code(reply(failure(-32601)))


def test_calls_without_tools(reply: Any) -> None:
    judged.assert_tool_calls_unsupported(reply(failure(-32601)))
    with pytest.raises(RequirementViolated) as noted:
        judged.assert_tool_calls_unsupported(reply(failure(-32602)))
    assert noted.value.note
    for body in (SUCCESS, FAILED, b"not found"):
        with pytest.raises(RequirementViolated) as caught:
            judged.assert_tool_calls_unsupported(reply(body))
        assert not caught.value.note


@pytest.mark.parametrize("body", [FAILED, failure(-32602), failure(-32603), ASKED, b"no"])
def test_inputs_that_were_not_served(reply: Any, body: Any) -> None:
    judged.assert_inputs_validated(reply(body), "no text")


def test_inputs_that_were_served(reply: Any) -> None:
    with pytest.raises(RequirementViolated, match="to a call with no text"):
        judged.assert_inputs_validated(reply(SUCCESS), "no text")


@pytest.mark.parametrize(
    ("body", "revision", "note"),
    [
        (failure(-32602), "2025-11-25", False),
        (failure(-32602), LATEST, True),
        (failure(-32603), LATEST, False),
        (b"no", LATEST, False),
    ],
)
def test_input_errors_elsewhere(reply: Any, body: Any, revision: str, note: bool) -> None:
    with pytest.raises(RequirementViolated) as caught:
        judged.assert_input_error_in_result(reply(body), revision, "no text")
    assert caught.value.note is note


@pytest.mark.parametrize("body", [FAILED, SUCCESS])
def test_input_errors_in_results(reply: Any, body: Any) -> None:
    judged.assert_input_error_in_result(reply(body), LATEST, "no text")


@pytest.mark.parametrize(
    ("body", "note"),
    [
        (SUCCESS, False),
        (failure(-32603), False),
        (b"", False),
        (answer(content=[], isError=True), True),
        (answer(isError=True), True),
        (answer(content=["x"], isError=True), True),
    ],
)
def test_failures_that_say_too_little(reply: Any, body: Any, note: bool) -> None:
    with pytest.raises(RequirementViolated) as caught:
        judged.assert_execution_error_in_result(reply(body))
    assert caught.value.note is note


def test_failure_in_a_result(reply: Any) -> None:
    exchange = reply(FAILED)
    assert judged.assert_execution_error_in_result(exchange) is exchange
