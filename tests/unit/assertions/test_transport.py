from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from pytest_mcp_http.assertions.transport import (
    assert_allow_header,
    assert_event_stream_or_405,
    assert_message_outcome,
    assert_one_json_object,
    assert_refusal_body,
    assert_refusal_status,
    assert_request_content_type,
    assert_serves_get,
    assert_serves_post,
    assert_text_intact,
    assert_utf8_body,
    mislabelled,
    refused_in_body,
)
from pytest_mcp_http.errors import RequirementViolated
from pytest_mcp_http.wire.exchange import Chunk, End, Exchange, Request
from pytest_mcp_http.wire.headers import Headers

JSON = "application/json"
SSE = "text/event-stream"
RESULT = b'{"jsonrpc":"2.0","id":1,"result":{}}'
ERROR = b'{"jsonrpc":"2.0","error":{"code":-32600,"message":"no"}}'
EVENT = b"data: " + RESULT + b"\n\n"


def answer(
    body: bytes = b"",
    type: str | None = JSON,
    *,
    status: int | None = 200,
    end: End = End.EOF,
    allow: str | None = None,
) -> Exchange:
    lines = [("Content-Type", type)] if type else []
    return Exchange(
        Request("POST", "http://127.0.0.1/mcp", Headers(())),
        status=status,
        headers=Headers(lines + ([("Allow", allow)] if allow is not None else [])),
        chunks=(Chunk(body, 0.0),) if body else (),
        end=end,
    )


def verdict(check: Callable[..., Any], exchange: Exchange, *args: Any, **options: Any) -> str:
    outcome = outcome_of(check, exchange, *args, **options)
    if outcome is None:
        return "pass"
    assert outcome.exchange is exchange
    assert all(outcome.expected)
    return f"note: {outcome.actual}" if outcome.note else f"fail: {outcome.actual}"


def outcome_of(
    check: Callable[..., Any], exchange: Exchange, *args: Any, **options: Any
) -> RequirementViolated | None:
    try:
        assert check(exchange, *args, **options) is exchange
    except RequirementViolated as outcome:
        return outcome
    return None


class TestMessageOutcome:
    @pytest.mark.parametrize("status", [400, 401, 404, 405, 422, 429])
    def test_refused(self, status: int) -> None:
        assert verdict(assert_message_outcome, answer(ERROR, status=status)) == "pass"

    def test_accepted(self) -> None:
        assert verdict(assert_message_outcome, answer(type=None, status=202)) == "pass"

    @pytest.mark.parametrize(
        ("exchange", "told"),
        [
            (answer(b"null"), "HTTP 200, application/json and a body of 4 bytes"),
            (answer(type=None, status=204), "HTTP 204, empty body"),
            (answer(b"Accepted", "text/plain", status=202), "HTTP 202, text/plain and a body of 8 bytes"),
            (answer(type=SSE), "HTTP 200, text/event-stream, 0 events, empty body"),
            (answer(type=SSE, status=202, end=End.TIMEOUT), "HTTP 202, .*, ended by timeout"),
            (answer(type=None, status=302), "HTTP 302"),
            (answer(type=None, status=None, end=End.RESET), r"no response \(reset\)"),
        ],
    )
    def test_neither(self, exchange: Exchange, told: str) -> None:
        with pytest.raises(RequirementViolated, match=told):
            assert_message_outcome(exchange)

    def test_crash_is_noted(self) -> None:
        assert verdict(assert_message_outcome, answer(status=500)).startswith("note: HTTP 500")

    def test_hidden_refusal_is_left_to_the_other_helper(self) -> None:
        hidden = answer(ERROR)
        assert refused_in_body(hidden)
        assert verdict(assert_message_outcome, hidden) == "pass"


class TestRefusal:
    @pytest.mark.parametrize("exchange", [answer(ERROR, status=400), answer(type=None, status=202), answer()])
    def test_status(self, exchange: Exchange) -> None:
        assert verdict(assert_refusal_status, exchange) == "pass"

    @pytest.mark.parametrize(
        "exchange",
        [
            answer(ERROR),
            answer(ERROR, status=202),
            answer(b"data: " + ERROR + b"\n\n", SSE),
            answer(status=None, end=End.TIMEOUT),
        ],
    )
    def test_no_error_status(self, exchange: Exchange) -> None:
        assert verdict(assert_refusal_status, exchange).startswith("fail: ")
        assert verdict(assert_refusal_status, exchange, note=True).startswith("note: ")

    @pytest.mark.parametrize(
        ("body", "type"),
        [
            (ERROR, JSON),
            (ERROR.replace(b'"error"', b'"id":null,"error"'), JSON),
            (b"", None),
            (b"no", "text/plain"),
        ],
    )
    def test_body(self, body: bytes, type: str | None) -> None:
        assert verdict(assert_refusal_body, answer(body, type, status=400)) == "pass"

    @pytest.mark.parametrize(
        ("body", "told"),
        [
            (ERROR.replace(b'"error"', b'"id":"x","error"'), "fail: a JSON-RPC error with the id 'x'"),
            (b'{"detail":"no"}', "fail: HTTP 400 with JSON that is no JSON-RPC error"),
            (b"oops", "fail: HTTP 400 with JSON that is no JSON-RPC error"),
        ],
    )
    def test_other_body(self, body: bytes, told: str) -> None:
        assert verdict(assert_refusal_body, answer(body, status=400)) == told


class TestContentType:
    @pytest.mark.parametrize(
        "exchange",
        [
            answer(RESULT),
            answer(RESULT, "Application/JSON; charset=utf-8"),
            answer(EVENT, SSE),
            answer(EVENT, "Text/Event-Stream;charset=UTF-8"),
            answer(b"", SSE),
            answer(b"<html>", "text/html", status=502),
        ],
    )
    def test_legal(self, exchange: Exchange) -> None:
        assert verdict(assert_request_content_type, exchange) == "pass"
        assert not mislabelled(exchange)

    @pytest.mark.parametrize(
        ("exchange", "told"),
        [
            (answer(RESULT, "text/plain"), "fail: HTTP 200 with Content-Type: text/plain"),
            (answer(RESULT, None), "fail: HTTP 200 with Content-Type: absent"),
            (answer(b"", None, status=204), "fail: HTTP 204 with Content-Type: absent"),
            (answer(EVENT), "fail: a body that is an event stream, labelled application/json"),
            (answer(b": hi\n\n" + EVENT), "fail: a body that is an event stream, labelled application/json"),
            (answer(RESULT, SSE), "fail: a body that is a JSON value, labelled text/event-stream"),
        ],
    )
    def test_illegal(self, exchange: Exchange, told: str) -> None:
        assert verdict(assert_request_content_type, exchange) == told


class TestOneObject:
    @pytest.mark.parametrize(
        "exchange",
        [
            answer(RESULT),
            answer(b" " + RESULT + b"\r\n"),
            answer(EVENT, SSE),
            answer(EVENT),
            answer(b"oops", status=500),
            answer(RESULT[:5], end=End.RESET),
            answer(b'{"result":"\xff"}'),
        ],
    )
    def test_legal_or_judged_elsewhere(self, exchange: Exchange) -> None:
        assert verdict(assert_one_json_object, exchange) == "pass"

    @pytest.mark.parametrize(
        ("body", "told"),
        [
            (b"[" + RESULT + b"]", "fail: a JSON array"),
            (b"null", "fail: a JSON null"),
            (b"1", "fail: a JSON int"),
            (RESULT + b"\n" + RESULT, "fail: a JSON value with more text after it"),
            (b"", "fail: a body that is not JSON"),
            (b"OK", "fail: a body that is not JSON"),
            (b'{"result":NaN}', "fail: a body that is not JSON"),
        ],
    )
    def test_illegal(self, body: bytes, told: str) -> None:
        assert verdict(assert_one_json_object, answer(body)).startswith(told)

    def test_array_answers_a_batch(self) -> None:
        assert verdict(assert_one_json_object, answer(b"[" + RESULT + b"]"), batch=True) == "pass"
        assert verdict(assert_one_json_object, answer(b"7"), batch=True) == "fail: a JSON int"


class TestText:
    def test_utf8(self) -> None:
        assert verdict(assert_utf8_body, answer('{"a":"é漢\U0001f600"}'.encode())) == "pass"
        assert verdict(assert_utf8_body, answer(b"\xff", "image/png")) == "pass"
        assert verdict(assert_utf8_body, answer(b"\xc3", end=End.RESET)) == "pass"

    def test_not_utf8(self) -> None:
        told = "fail: bytes that are not UTF-8 at offset 6: fc 22 7d"
        assert verdict(assert_utf8_body, answer(b'{"a":"\xfc"}')) == told

    @pytest.mark.parametrize("said", ["Grüße", "Gr\\u00fc\\u00dfe", "Gr..", "nothing", "Gr??e"])
    def test_intact_or_not_said_back(self, said: str) -> None:
        body = ERROR.decode().replace("no", said).encode()
        assert verdict(assert_text_intact, answer(body), "Grüße") == "pass"

    def test_garbled(self) -> None:
        body = ERROR.replace(b"no", "Grüße".encode().decode("latin-1").encode())
        assert verdict(assert_text_intact, answer(body), "Grüße") == "fail: 'ü' came back as 'Ã¼'"


class TestGet:
    @pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 405, 406, 409, 426, 429])
    def test_served(self, status: int) -> None:
        assert verdict(assert_serves_get, answer(status=status)) == "pass"

    @pytest.mark.parametrize("status", [500, 501, 503, None])
    def test_not_served(self, status: int | None) -> None:
        assert verdict(assert_serves_get, answer(status=status)).startswith("fail: GET got ")

    @pytest.mark.parametrize("exchange", [answer(type=SSE), answer(b"no", "text/plain", status=405)])
    def test_stream_or_405(self, exchange: Exchange) -> None:
        assert verdict(assert_event_stream_or_405, exchange) == "pass"

    @pytest.mark.parametrize(
        "exchange",
        [answer(b"{}"), answer(type=SSE, status=202), answer(status=404), answer(type=None, status=None)],
    )
    def test_neither(self, exchange: Exchange) -> None:
        assert verdict(assert_event_stream_or_405, exchange).startswith("fail: GET got ")


class TestPost:
    @pytest.mark.parametrize("status", [200, 202, 400, 401, 404, 500, None])
    def test_answers_to_the_message(self, status: int | None) -> None:
        assert verdict(assert_serves_post, answer(RESULT, status=status)) == "pass"

    @pytest.mark.parametrize("status", [301, 307, 308, 405, 501])
    def test_no_answer_to_the_message(self, status: int) -> None:
        told = verdict(assert_serves_post, answer(type=None, status=status))
        assert told == f"fail: POST got HTTP {status}, empty body"


class TestAllow:
    @pytest.mark.parametrize("exchange", [answer(status=405, allow="GET,POST"), answer(status=404)])
    def test_named(self, exchange: Exchange) -> None:
        assert verdict(assert_allow_header, exchange, "POST") == "pass"

    @pytest.mark.parametrize(
        ("allow", "told"),
        [
            (None, "HTTP 405 without Allow"),
            ("GET", "HTTP 405 with Allow: GET"),
            ("post", "HTTP 405 with Allow: post"),
        ],
    )
    def test_not_named(self, allow: str | None, told: str) -> None:
        assert verdict(assert_allow_header, answer(status=405, allow=allow), "POST") == f"fail: {told}"

    def test_header_lines_are_one_list(self) -> None:
        request = httpx.Request("PUT", "http://127.0.0.1/mcp")
        lines = [("Allow", "GET"), ("allow", "POST, DELETE")]
        two = httpx.Response(405, headers=lines, request=request)
        assert assert_allow_header(two, "POST", "DELETE").status == 405
