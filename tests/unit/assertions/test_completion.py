from __future__ import annotations

from typing import Any

import pytest

from pytest_mcp_http.assertions.completion import (
    assert_completion_input_checked,
    assert_completion_limited,
    assert_completion_survives,
    completion_values,
)
from pytest_mcp_http.errors import RequirementViolated

ERROR = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32602, "message": "no"}}


def suggested(*values: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "result": {"completion": {"values": list(values)}}}


@pytest.mark.parametrize("result", [None, 5, {}, {"completion": 5}, {"completion": {"values": "abc"}}])
def test_results_of_another_shape_suggest_nothing(reply: Any, result: object) -> None:
    exchange = reply({"jsonrpc": "2.0", "id": 1, "result": result})
    assert completion_values(exchange) == []
    assert assert_completion_limited(exchange) is exchange


def test_a_hundred_values_are_enough(reply: Any) -> None:
    assert_completion_limited(reply(suggested(*range(100))))
    with pytest.raises(RequirementViolated, match="101 values"):
        assert_completion_limited(reply(suggested(*range(101))))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"bodies": [ERROR]}, "pass"),
        ({"bodies": [ERROR], "status": 400}, "pass"),
        ({"bodies": [], "status": 422}, "pass"),
        ({"bodies": [suggested()]}, "note"),
        ({"bodies": [suggested("a")]}, "fail"),
        ({"bodies": [ERROR], "status": 500}, "fail"),
        ({"bodies": [], "status": 200}, "fail"),
        ({"bodies": [], "status": None}, "fail"),
    ],
)
def test_wrong_inputs(reply: Any, answer: dict[str, Any], expected: str) -> None:
    exchange = reply(*answer["bodies"], status=answer.get("status", 200))
    try:
        assert_completion_input_checked(exchange, "a text as ref")
        found = "pass"
    except RequirementViolated as violation:
        found = "note" if violation.note else "fail"
    assert found == expected


def test_unusual_inputs_must_not_make_the_server_fail(reply: Any) -> None:
    for exchange in (reply(ERROR), reply(suggested("a")), reply(status=413)):
        assert assert_completion_survives(exchange, "a long value") is exchange
    for exchange in (reply(ERROR, status=500), reply(status=502), reply(status=None)):
        with pytest.raises(RequirementViolated, match="a completion with a long value"):
            assert_completion_survives(exchange, "a long value")
