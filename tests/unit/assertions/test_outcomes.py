from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from pytest_mcp_http.assertions import (
    RequirementViolated,
    assert_arrived_gradually,
    assert_error,
    assert_event_stream,
    assert_result,
    assert_tool_error,
    assert_tool_result,
)
from pytest_mcp_http.wire.exchange import Chunk, Exchange, Request
from pytest_mcp_http.wire.headers import Headers

Reply = Callable[..., Exchange]
Helper = Callable[..., Any]

CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "add"}}


def result(value: object, id: object = 1) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": id, "result": value}


def error(code: object = -32602, message: object = "no such thing", id: object = 1) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}}


def tool(text: str = "3", **members: object) -> dict[str, object]:
    return result({"content": [{"type": "text", "text": text}], **members})


def test_result_is_returned(reply: Reply) -> None:
    assert assert_result(reply(result({"a": 1}), sent=CALL)) == {"a": 1}
    assert assert_result(reply(result({"a": 1}, "x")), id="x") == {"a": 1}
    assert assert_result(reply(result({}), stream=True, sent=CALL)) == {}


@pytest.mark.parametrize(
    ("bodies", "status", "actual"),
    [
        ([error()], 200, "HTTP 200, application/json, JSON-RPC error -32602: 'no such thing'"),
        ([result({})], 400, "HTTP 400"),
        ([result({}, 2)], 200, "a result with the id 2 for the request 1"),
        ([result({}, "1")], 200, "a result with the id '1' for the request 1"),
        ([{**result({}), "error": {"code": 1, "message": ""}}], 200, "a response with both result and error"),
        ([], 202, "HTTP 202, empty body"),
        ([b"<html>"], 200, "HTTP 200, text/html"),
    ],
)
def test_anything_but_the_result_is_refused(
    reply: Reply, bodies: list[Any], status: int, actual: str
) -> None:
    with pytest.raises(RequirementViolated) as violation:
        assert_result(reply(*bodies, status=status, sent=CALL))
    assert violation.value.actual == actual or violation.value.actual.startswith(actual)


def test_second_response_is_refused(reply: Reply) -> None:
    twice = reply(result({}), result({}), stream=True, sent=CALL)
    for helper in (assert_result, assert_error):
        with pytest.raises(RequirementViolated, match="2 responses to one request"):
            helper(twice)


def test_error_is_returned(reply: Reply) -> None:
    for status in (200, 400, 404):
        found = assert_error(reply(error(), status=status, sent=CALL), -32602, match="no such")
        assert found == {"code": -32602, "message": "no such thing"}
    assert assert_error(reply(error(id=None)), id=None)["code"] == -32602


@pytest.mark.parametrize(
    ("body", "actual"),
    [
        (result({}), "JSON-RPC result"),
        (tool("boom", isError=True), "JSON-RPC result with isError: 'boom'"),
        (error(-32603), "JSON-RPC error -32603: 'no such thing'"),
        (error(message="else"), "JSON-RPC error -32602: 'else'"),
        (error(message=3), "an error whose message is a JSON number"),
        (error(id=2), "an error with the id 2 for the request 1"),
    ],
)
def test_another_error_is_refused(reply: Reply, body: object, actual: str) -> None:
    with pytest.raises(RequirementViolated) as violation:
        assert_error(reply(body, sent=CALL), -32602, match="no such")
    assert actual in violation.value.actual


def test_tool_result_is_compared(reply: Reply) -> None:
    answer = reply(tool(structuredContent={"sum": 3}), sent=CALL)
    assert assert_tool_result(answer, text="3", structured={"sum": 3})["structuredContent"] == {"sum": 3}
    two = result(
        {"content": [{"type": "text", "text": "a"}, {"type": "image"}, {"type": "text", "text": "b"}]}
    )
    assert_tool_result(reply(two, sent=CALL), text="a\nb")


@pytest.mark.parametrize(
    ("body", "actual"),
    [
        (tool("4"), "a result with the text '4'"),
        (tool("boom", isError=True), "a result with isError: 'boom'"),
        (tool(), "a result whose structuredContent is absent"),
        (tool(structuredContent=4), "a result whose structuredContent is 4"),
        (result({}), "a result without a list as content"),
        (result([]), "a result that is a JSON array"),
        (error(), "JSON-RPC error -32602"),
    ],
)
def test_another_tool_result_is_refused(reply: Reply, body: object, actual: str) -> None:
    with pytest.raises(RequirementViolated) as violation:
        assert_tool_result(reply(body, sent=CALL), text="3", structured=3)
    assert actual in violation.value.actual


def test_tool_error(reply: Reply) -> None:
    assert_tool_error(reply(tool("boom", isError=True), sent=CALL), match="^boom$")
    for body in (tool("boom"), tool("bang", isError=True), error(message="boom")):
        with pytest.raises(RequirementViolated):
            assert_tool_error(reply(body, sent=CALL), match="boom")


def test_event_stream(reply: Reply) -> None:
    assert_event_stream(reply(result({}), stream=True))
    for wrong in (reply(result({})), reply(stream=True), reply(result({}), stream=True, status=500)):
        with pytest.raises(RequirementViolated, match="text/event-stream, with a message"):
            assert_event_stream(wrong)


def arrived(*times: float) -> Exchange:
    return Exchange(
        Request("POST", "http://127.0.0.1/mcp", Headers(())),
        status=200,
        headers=Headers((("content-type", "text/event-stream"),)),
        chunks=tuple(Chunk(b'data: {"jsonrpc":"2.0","id":1,"result":{}}\n\n', at) for at in times),
    )


def test_gradual_arrival_is_told_from_a_lump() -> None:
    assert_arrived_gradually(arrived(0.1, 0.2, 0.3))
    assert_arrived_gradually(arrived(0.29, 0.3), spread=0.01)
    with pytest.raises(RequirementViolated, match="3 messages within 2 ms, the last of them 302 ms after"):
        assert_arrived_gradually(arrived(0.3, 0.301, 0.302))
    with pytest.raises(RequirementViolated, match=r"1 message\(s\)"):
        assert_arrived_gradually(arrived(0.3))


def test_gradual_arrival_needs_times() -> None:
    response = httpx.Response(200, headers={"Content-Type": "text/event-stream"}, content=b"data: 1\n\n")
    with pytest.raises(TypeError, match="a Response has no arrival times"):
        assert_arrived_gradually(response)
