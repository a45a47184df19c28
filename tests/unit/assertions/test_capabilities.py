from __future__ import annotations

from typing import Any

import pytest

from pytest_mcp_http.assertions.capabilities import assert_missing_capability, assert_required_capabilities
from pytest_mcp_http.errors import RequirementViolated


def error(code: object, **members: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": "no", **members}}


def result(**members: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "result": {"resultType": "complete", "content": [], **members}}


@pytest.mark.parametrize("body", [error(-32021), result(), result(isError=False)])
def test_refused_or_done_without(reply: Any, body: Any) -> None:
    exchange = reply(body)
    assert assert_missing_capability(exchange) is exchange


@pytest.mark.parametrize(
    ("body", "status", "note"),
    [
        (error(-32602), 400, False),
        (error("-32021"), 400, False),
        (b"Bad Request", 400, False),
        (b"", None, False),
        (result(isError=True), 200, True),
    ],
)
def test_other_outcomes(reply: Any, body: Any, status: int | None, note: bool) -> None:
    with pytest.raises(RequirementViolated) as caught:
        assert_missing_capability(reply(body, status=status))
    assert caught.value.note is note


@pytest.mark.parametrize(
    "body",
    [
        error(-32021, data={"requiredCapabilities": {"elicitation": {}}}),
        error(-32021, data={"requiredCapabilities": {"elicitation": {"form": {}}, "roots": {}}, "more": 1}),
        error(-32602),
        result(),
        b"Bad Request",
    ],
)
def test_capabilities_are_named(reply: Any, body: Any) -> None:
    exchange = reply(body, status=400)
    assert assert_required_capabilities(exchange) is exchange


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"data": None},
        {"data": []},
        {"data": {"requiredCapabilities": {}}},
        {"data": {"requiredCapabilities": None}},
        {"data": {"requiredCapabilities": ["elicitation"]}},
        {"data": {"requiredCapabilities": {"elicitation": True}}},
        {"data": {"elicitation": {}}},
    ],
)
def test_capabilities_that_are_not_named(reply: Any, data: dict[str, Any]) -> None:
    with pytest.raises(RequirementViolated, match="-32021"):
        assert_required_capabilities(reply(error(-32021, **data), status=400))
