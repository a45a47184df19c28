from __future__ import annotations

from typing import Any

import pytest

from pytest_mcp_http.assertions.results import (
    assert_result_type,
    assert_result_type_known,
    assert_server_info,
    results_in,
)
from pytest_mcp_http.dialect import SERVER_INFO
from pytest_mcp_http.errors import RequirementViolated

INFO = {"name": "a server", "version": "1"}


def result(**members: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "result": members}


ERROR = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32602, "message": "no"}}


@pytest.mark.parametrize("kind", ["complete", "input_required", "com.example/later", ""])
def test_result_type_is_a_string(reply: Any, kind: str) -> None:
    exchange = reply(result(resultType=kind))
    assert assert_result_type(exchange) is exchange


@pytest.mark.parametrize(
    "members", [{}, {"resultType": None}, {"resultType": 1}, {"resultType": ["complete"]}]
)
def test_result_without_type_is_a_violation(reply: Any, members: dict[str, Any]) -> None:
    with pytest.raises(RequirementViolated, match="resultType"):
        assert_result_type(reply(result(**members)))
    with pytest.raises(RequirementViolated):
        assert_result_type(reply(result(resultType="complete"), result(**members), stream=True))


@pytest.mark.parametrize(
    ("kind", "extended", "known"),
    [
        ("complete", False, True),
        ("input_required", False, True),
        ("task", False, False),
        ("task", True, True),
        ("Complete", False, False),
        ("", False, False),
        ("", True, False),
        (5, False, True),
        (None, False, True),
    ],
)
def test_known_types(reply: Any, kind: object, extended: bool, known: bool) -> None:
    exchange = reply(result(resultType=kind))
    if known:
        assert assert_result_type_known(exchange, extended=extended) is exchange
    else:
        with pytest.raises(RequirementViolated) as caught:
            assert_result_type_known(exchange, extended=extended)
        assert len(caught.value.expected) == 3


@pytest.mark.parametrize("info", [INFO, {}, "a server", None])
def test_server_that_is_named_passes_however_it_is_named(reply: Any, info: object) -> None:
    assert_server_info(reply(result(_meta={SERVER_INFO: info})))


@pytest.mark.parametrize("members", [{}, {"_meta": {}}, {"_meta": []}, {"serverInfo": INFO}])
def test_result_without_server_is_a_violation(reply: Any, members: dict[str, Any]) -> None:
    with pytest.raises(RequirementViolated, match="serverInfo"):
        assert_server_info(reply(result(**members)))


@pytest.mark.parametrize("body", [ERROR, b"<h1>Oops</h1>", b"", [], {"jsonrpc": "2.0", "id": 1, "result": 5}])
def test_what_is_no_object_as_result_is_judged_elsewhere(reply: Any, body: Any) -> None:
    exchange = reply(body)
    assert not list(results_in(exchange))
    for check in (assert_result_type, assert_result_type_known, assert_server_info):
        check(exchange)
