from __future__ import annotations

from typing import Any

import pytest

from pytest_mcp_http.assertions.failures import assert_internal_error, failed_inside
from pytest_mcp_http.errors import RequirementViolated


def error(code: object) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": "no"}}


@pytest.mark.parametrize("code", [-32602, -32601, -32020, -32021, -32022, -32042, "-32603", None])
def test_other_causes_are_no_failures(reply: Any, code: object) -> None:
    assert not failed_inside(reply(error(code)))


def test_results_are_no_failures(reply: Any) -> None:
    assert not failed_inside(reply({"jsonrpc": "2.0", "id": 1, "result": {}}))
    assert not failed_inside(reply(status=500))


@pytest.mark.parametrize(("code", "note"), [(-32700, False), (-32600, False), (0, True), (429, True)])
def test_other_codes_of_a_failure(reply: Any, code: int, note: bool) -> None:
    assert failed_inside(reply(error(code)))
    with pytest.raises(RequirementViolated) as caught:
        assert_internal_error(reply(error(code)))
    assert caught.value.note is note


def test_the_code_of_a_failure(reply: Any) -> None:
    exchange = reply(error(-32603), status=500)
    assert failed_inside(exchange)
    assert assert_internal_error(exchange) is exchange
