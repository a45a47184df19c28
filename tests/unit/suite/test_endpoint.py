"""What is said of a request in flight that got something else than its answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from pytest_mcp_http.suite._endpoint import Call, wrong_answer
from pytest_mcp_http.visit import UNKNOWN_METHOD
from pytest_mcp_http.wire.exchange import Chunk, Exchange, Request
from pytest_mcp_http.wire.headers import Headers

TOOLS: dict[str, object] = {"result": {"tools": []}}
REFUSED: dict[str, object] = {"error": {"code": -32001, "message": "no such session"}}


def call(method: str, id: int, answer: dict[str, object] | None, status: int = 200) -> Call:
    body = b"" if answer is None else json.dumps({"jsonrpc": "2.0", "id": id, **answer}).encode()
    exchange = Exchange(
        Request("POST", "http://127.0.0.1/mcp", Headers([])),
        status,
        "",
        Headers([("content-type", "application/json")]),
        (Chunk(body, 0.0),),
    )
    return Call(method, id, exchange)


OTHERS = [call("ping", 1, None), call("ping", 2, None)]


@pytest.mark.parametrize(
    ("method", "answer", "status"),
    [
        ("tools/list", TOOLS, 200),
        ("ping", {"result": {}}, 200),
        (UNKNOWN_METHOD, REFUSED, 404),
        # It comes back changed, which is for another requirement.
        ("tools/list", {**TOOLS, "id": "1"}, 200),
        ("tools/list", {**TOOLS, "id": 5}, 200),
    ],
)
def test_its_own_answer_is_not_wrong(method: str, answer: Any, status: int) -> None:
    assert wrong_answer(call(method, 1, answer, status), OTHERS) is None


@pytest.mark.parametrize(
    ("method", "answer", "status", "said"),
    [
        # A replica that knows nothing of the session: nobody else's answer came.
        ("tools/list", REFUSED, 404, "HTTP 404, application/json, JSON-RPC error -32001"),
        ("tools/list", None, 502, "HTTP 502, application/json, empty body"),
        (UNKNOWN_METHOD, {"result": {}}, 200, "HTTP 200, application/json, JSON-RPC result"),
        ("prompts/list", {"result": {}}, 200, "HTTP 200, application/json, JSON-RPC result"),
        ("ping", TOOLS, 200, "the result of tools/list"),
        ("prompts/list", TOOLS, 200, "the result of tools/list"),
        (UNKNOWN_METHOD, TOOLS, 200, "the result of tools/list"),
        ("tools/list", {**TOOLS, "id": 2}, 200, "the response to the id 2"),
        ("ping", {**REFUSED, "id": "2"}, 404, "the response to the id 2"),
    ],
)
def test_what_came_instead_is_said(method: str, answer: Any, status: int, said: str) -> None:
    assert wrong_answer(call(method, 1, answer, status), OTHERS) == said
