from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import httpx
import pytest

from pytest_mcp_http import assertions
from pytest_mcp_http.assertions import (
    RequirementViolated,
    as_exchange,
    assert_accepted,
    assert_session_id,
)
from pytest_mcp_http.assertions._base import judges
from pytest_mcp_http.spec.registry import requirements
from pytest_mcp_http.wire.exchange import Exchange, Request
from pytest_mcp_http.wire.headers import Headers

NOTIFICATION = requirements()["transport.notification-202-empty"]


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
        "Judged:   transport.notification-202-empty, or transport.response-202-empty",
        "          MUST: " + NOTIFICATION.wording,
        "          " + NOTIFICATION.url(NOTIFICATION.revisions[-1]),
    ]


def test_a_failure_names_the_requirement() -> None:
    with pytest.raises(RequirementViolated) as failure:
        assert_session_id(httpx.Response(200, request=httpx.Request("POST", "http://127.0.0.1/mcp")))
    assert str(failure.value).splitlines() == [
        "Expected: one Mcp-Session-Id header whose value has only the characters 0x21 to 0x7E",
        "Actual:   0 Mcp-Session-Id headers",
        "Exchange: POST http://127.0.0.1/mcp -> HTTP 200, empty body",
        "Judged:   session.id-visible-ascii",
        "          MUST: " + requirements()["session.id-visible-ascii"].wording,
        "          https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#session-management",
    ]


def test_a_failure_keeps_the_requirement_of_the_inner_helper() -> None:
    @judges("sse.well-formed")
    def outer() -> None:
        assert_accepted(httpx.Response(200))

    with pytest.raises(RequirementViolated) as failure:
        outer()
    assert failure.value.requirements == ("transport.notification-202-empty", "transport.response-202-empty")


def test_a_note_says_that_it_is_one() -> None:
    assert "leaves this open" in str(RequirementViolated("a", expected=["b"], note=True))


def test_what_carries_an_exchange_is_taken() -> None:
    exchange = Exchange(Request("GET", "http://127.0.0.1/", Headers(())), status=202)
    assert as_exchange(SimpleNamespace(exchange=exchange)) is exchange


def test_a_body_that_nobody_read_is_refused() -> None:
    response = httpx.Response(200, stream=httpx.ByteStream(b"{}"))
    with pytest.raises(TypeError, match=r"the body of this Response was not read: call its read\(\) first"):
        as_exchange(response)


def with_httpx(app: Any, url: str, body: dict[str, Any], headers: dict[str, str]) -> Any:
    return httpx.post(url, json=body, headers=headers)


def with_httpx2(app: Any, url: str, body: dict[str, Any], headers: dict[str, str]) -> Any:
    return pytest.importorskip("httpx2").post(url, json=body, headers=headers)


def with_requests(app: Any, url: str, body: dict[str, Any], headers: dict[str, str]) -> Any:
    return pytest.importorskip("requests").post(url, json=body, headers=headers, timeout=10)


def with_starlette(app: Any, url: str, body: dict[str, Any], headers: dict[str, str]) -> Any:
    from starlette.testclient import TestClient

    with TestClient(app, base_url="http://127.0.0.1") as client:
        return client.post("/mcp", json=body, headers=headers)


@pytest.mark.parametrize("post", [with_httpx, with_httpx2, with_requests, with_starlette])
@pytest.mark.parametrize("json", [False, True])
@pytest.mark.filterwarnings("ignore:Using `httpx` with `starlette.testclient`")
def test_responses_of_other_clients_are_judged(
    reference: Callable[..., str], post: Callable[..., Any], json: bool
) -> None:
    pytest.importorskip("mcp.server.mcpserver", reason="the reference server needs mcp 2.x")
    from reference_server import create_app

    app = create_app(mode="stateless", json_response=json)
    url = reference(mode="stateless", json_response=json)
    headers = {"Accept": "application/json, text/event-stream", "MCP-Protocol-Version": "2025-11-25"}
    call = {"name": "convert_units", "arguments": {"value": 1, "from_unit": "kg", "to_unit": "lb"}}
    body = {"jsonrpc": "2.0", "id": "seven", "method": "tools/call", "params": call}
    answer = post(app, url, body, headers)
    assertions.assert_tool_result(answer)
    assertions.assert_messages_valid(answer, "2025-11-25")
    assert as_exchange(answer).is_sse is not json
    with pytest.raises(RequirementViolated, match="POST http"):
        assertions.assert_error(answer)
    body["params"]["name"] = "no_such_tool"  # type: ignore[index]
    assertions.assert_error(post(app, url, body, headers), -32602, id="seven")


def test_every_public_name_is_there() -> None:
    assert all(callable(getattr(assertions, name)) for name in assertions.__all__)
