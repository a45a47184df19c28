from __future__ import annotations

from typing import Any

import pytest

from pytest_mcp_http.assertions.headers import (
    assert_headers_match,
    assert_mismatch_code,
    assert_mismatch_refused,
    assert_mismatch_status,
    was_served,
)
from pytest_mcp_http.errors import RequirementViolated
from pytest_mcp_http.spec.error_codes import HEADER_MISMATCH

RESULT: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "result": {}}


def error(code: Any = HEADER_MISMATCH) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": "m"}}


def test_the_refusal_that_is_asked_for_passes(reply: Any) -> None:
    for exchange in (reply(error(), status=400), reply(error(), status=400, stream=True)):
        assert assert_mismatch_refused(exchange) is exchange
        assert assert_mismatch_status(exchange) is exchange
        assert assert_mismatch_code(exchange) is exchange


@pytest.mark.parametrize("status", [200, 400])
def test_a_result_is_no_refusal(reply: Any, status: int) -> None:
    with pytest.raises(RequirementViolated, match="JSON-RPC result, to tools/list without Mcp-Method"):
        assert_mismatch_refused(reply(RESULT, status=status), "tools/list without Mcp-Method")


def test_swallowing_is_no_refusal(reply: Any) -> None:
    for exchange in (reply(status=202), reply(b"<p>ok", status=200)):
        with pytest.raises(RequirementViolated):
            assert_mismatch_refused(exchange)


def test_any_way_to_refuse_is_no_service(reply: Any) -> None:
    for exchange in (
        reply(error(-32602), status=200),
        reply(status=403),
        reply(b"oops", status=500),
        reply(status=None),
    ):
        assert not was_served(exchange)
        assert_mismatch_refused(exchange)


@pytest.mark.parametrize("status", [200, 404, 422, 500])
def test_other_statuses_are_violations(reply: Any, status: int) -> None:
    with pytest.raises(RequirementViolated) as caught:
        assert_mismatch_status(reply(error(), status=status))
    assert not caught.value.note
    assert caught.value.expected == ("HTTP 400 with JSON-RPC error -32020",)


def test_a_crash_and_silence_have_no_status_400(reply: Any) -> None:
    for exchange in (reply(status=None), reply(b"oops", status=500)):
        with pytest.raises(RequirementViolated) as caught:
            assert_mismatch_status(exchange)
        assert not caught.value.note


@pytest.mark.parametrize("code", [-32602, -32600, -32001, "-32020", None])
def test_other_codes_are_violations(reply: Any, code: Any) -> None:
    with pytest.raises(RequirementViolated) as caught:
        assert_mismatch_code(reply(error(code), status=400))
    assert not caught.value.note


def test_what_an_intermediary_may_answer_is_noted(reply: Any) -> None:
    for exchange in (
        reply(status=400),
        reply({"error": "bad request"}, status=400),
        reply(b"no", status=403),
    ):
        with pytest.raises(RequirementViolated) as caught:
            assert_mismatch_code(exchange)
        assert caught.value.note
    with pytest.raises(RequirementViolated) as caught:
        assert_mismatch_status(reply(b"no", status=403))
    assert caught.value.note
    assert_mismatch_status(reply(status=400))


def test_right_headers_may_get_anything_but_the_code_of_a_mismatch(reply: Any) -> None:
    for exchange in (reply(RESULT), reply(error(-32602)), reply(status=None)):
        assert assert_headers_match(exchange) is exchange
    with pytest.raises(RequirementViolated, match="-32020, to a call with matching headers"):
        assert_headers_match(reply(error(), status=400), "a call with matching headers")
