from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_mcp_http.assertions.refusals import (
    assert_invalid_params,
    assert_invalid_request,
    assert_method_not_found,
    assert_parse_error,
    assert_refused,
)
from pytest_mcp_http.errors import RequirementViolated


def error(code: object) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": None, "error": {"code": code, "message": "no"}}


RESULT = {"jsonrpc": "2.0", "id": 1, "result": {}}
PAGE = b"<!doctype html><h1>Oops</h1>"
CODES: tuple[tuple[Callable[..., Any], int], ...] = (
    (assert_parse_error, -32700),
    (assert_invalid_request, -32600),
    (assert_method_not_found, -32601),
    (assert_invalid_params, -32602),
)


def verdict(check: Callable[..., Any], exchange: Any, **options: Any) -> str:
    outcome = outcome_of(check, exchange, **options)
    if outcome is None:
        return "pass"
    assert outcome.expected
    assert outcome.exchange is exchange
    return "note" if outcome.note else "fail"


def outcome_of(check: Callable[..., Any], exchange: Any, **options: Any) -> RequirementViolated | None:
    try:
        check(exchange, **options)
    except RequirementViolated as outcome:
        return outcome
    return None


@pytest.mark.parametrize(("check", "code"), CODES)
class TestCodes:
    @pytest.mark.parametrize("status", [200, 400, 404, 422])
    def test_right_code_with_any_status(self, reply: Any, check: Any, code: int, status: int) -> None:
        assert verdict(check, reply(error(code), status=status)) == "pass"

    def test_right_code_on_a_stream(self, reply: Any, check: Any, code: int) -> None:
        assert verdict(check, reply(error(code), stream=True)) == "pass"

    def test_right_code_with_a_crash_is_noted(self, reply: Any, check: Any, code: int) -> None:
        assert verdict(check, reply(error(code), status=500)) == "note"

    def test_wrong_answers(self, reply: Any, check: Any, code: int) -> None:
        assert verdict(check, reply(error(-32603))) == "fail"
        assert verdict(check, reply(RESULT)) == "fail"
        assert verdict(check, reply(PAGE)) == "fail"
        assert verdict(check, reply(status=202)) == "fail"
        assert verdict(check, reply(status=302)) == "fail"
        assert verdict(check, reply(PAGE, status=500)) == "fail"
        assert verdict(check, reply(error(-32603), status=500)) == "fail"
        assert verdict(check, reply(status=None)) == "fail"


class TestPlainRefusals:
    @pytest.mark.parametrize("body", [(), (PAGE,), ({"detail": "Bad request"},)])
    def test_status_alone(self, reply: Any, body: tuple[Any, ...]) -> None:
        exchange = reply(*body, status=400)
        assert verdict(assert_parse_error, exchange) == "note"
        assert verdict(assert_invalid_request, exchange) == "pass"
        assert verdict(assert_method_not_found, exchange) == "fail"
        assert verdict(assert_invalid_params, exchange) == "fail"

    def test_other_code_with_4xx(self, reply: Any) -> None:
        exchange = reply(error(-32603), status=400)
        assert verdict(assert_parse_error, exchange) == "fail"
        assert verdict(assert_invalid_request, exchange) == "note"

    def test_further_code(self, reply: Any) -> None:
        assert verdict(assert_invalid_request, reply(error(-32602)), also=(-32602,)) == "pass"
        assert verdict(assert_invalid_request, reply(error(-32602))) == "fail"
        assert verdict(assert_invalid_request, reply(error(-32602), status=500), also=(-32602,)) == "note"

    def test_tolerated_code(self, reply: Any) -> None:
        assert verdict(assert_invalid_params, reply(error(-32600)), tolerated=(-32600,)) == "note"
        assert verdict(assert_invalid_params, reply(error(-32600), status=500), tolerated=(-32600,)) == "fail"


class TestRefused:
    @pytest.mark.parametrize(("body", "status"), [((), 400), ((PAGE,), 415), ((error(-32600),), 200)])
    def test_refused(self, reply: Any, body: tuple[Any, ...], status: int) -> None:
        assert verdict(assert_refused, reply(*body, status=status)) == "pass"

    @pytest.mark.parametrize(
        ("body", "status"), [((RESULT,), 200), ((), 202), ((PAGE,), 200), ((), 500), ((), None), ((), 301)]
    )
    def test_not_refused(self, reply: Any, body: tuple[Any, ...], status: int | None) -> None:
        assert verdict(assert_refused, reply(*body, status=status)) == "fail"
        assert verdict(assert_refused, reply(*body, status=status), note=True) == "note"

    def test_error_beside_a_result_is_no_refusal(self, reply: Any) -> None:
        assert verdict(assert_refused, reply([error(-32600), RESULT])) == "fail"


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        (error(-32601), 404, "pass"),
        (error(-32601), 200, "fail"),
        (error(-32601), 400, "fail"),
        (error(-32601), 500, "fail"),
        (error(-32602), 404, "fail"),
        (PAGE, 404, "fail"),
        (RESULT, 404, "fail"),
        (b"", None, "fail"),
    ],
)
def test_unknown_method_where_the_status_is_fixed(
    reply: Any, body: Any, status: int | None, expected: str
) -> None:
    assert verdict(assert_method_not_found, reply(body, status=status), status=404) == expected


def test_further_codes_for_wrong_params(reply: Any) -> None:
    exchange = reply(error(-32020), status=400)
    assert verdict(assert_invalid_params, exchange) == "fail"
    assert verdict(assert_invalid_params, exchange, tolerated=(-32020,)) == "note"
    assert verdict(assert_invalid_params, exchange, also=(-32020,)) == "pass"
    assert verdict(assert_invalid_params, reply(error(-32600)), also=(-32020,)) == "fail"
    outcome = outcome_of(assert_invalid_params, reply(RESULT), also=(-32020,))
    assert outcome is not None
    assert "-32602 or -32020" in outcome.expected[0]
