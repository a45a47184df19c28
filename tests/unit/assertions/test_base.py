from __future__ import annotations

from types import SimpleNamespace

import httpx
import pytest

from pytest_mcp_http import assertions
from pytest_mcp_http.assertions import RequirementViolated, as_exchange, assert_accepted
from pytest_mcp_http.wire.exchange import Exchange, Request
from pytest_mcp_http.wire.headers import Headers


def test_an_exchange_is_taken_as_it_is() -> None:
    exchange = Exchange(Request("GET", "http://127.0.0.1/", Headers(())), status=202)
    assert as_exchange(exchange) is exchange


def test_an_httpx_response_keeps_its_header_lines() -> None:
    request = httpx.Request(
        "POST", "http://127.0.0.1/mcp", json={"jsonrpc": "2.0", "id": 1, "method": "ping"}
    )
    response = httpx.Response(
        200,
        headers=[("Content-Type", "application/json"), ("Mcp-Session-Id", "a"), ("Mcp-Session-Id", "b")],
        content=b'{"jsonrpc":"2.0","id":1,"result":{}}',
        request=request,
    )
    exchange = as_exchange(response)
    assert exchange.headers.get_all("mcp-session-id") == ["a", "b"]
    assert exchange.result == {}
    assert exchange.request.message is not None
    assert exchange.request.message.method == "ping"


def test_a_response_of_another_library_is_taken() -> None:
    sent = SimpleNamespace(method="POST", url="http://127.0.0.1/mcp", headers={"A": "b"}, body="{}")
    response = SimpleNamespace(status_code=202, headers={"X": "y"}, content=b"", request=sent)
    exchange = assert_accepted(response)  # type: ignore[arg-type]
    assert exchange.headers.get("x") == "y"
    assert exchange.request.headers.get("a") == "b"


def test_a_response_without_request_is_taken() -> None:
    assert assert_accepted(httpx.Response(202)).request.method == ""


def test_anything_else_is_refused() -> None:
    with pytest.raises(TypeError, match="not a response: str has no status_code"):
        as_exchange("nothing")  # type: ignore[arg-type]


def test_a_failure_says_expected_actual_and_exchange() -> None:
    exchange = Exchange(Request("POST", "http://127.0.0.1/mcp?key=1", Headers(())), status=204)
    with pytest.raises(RequirementViolated) as failure:
        assert_accepted(exchange)
    assert str(failure.value).splitlines() == [
        "Expected: HTTP 202 with an empty body",
        "Actual:   HTTP 204, empty body",
        "Exchange: POST http://127.0.0.1/mcp -> HTTP 204, empty body",
    ]


def test_every_public_name_is_there() -> None:
    assert all(callable(getattr(assertions, name)) for name in assertions.__all__)
