"""Malformed bodies are right in everything but one thing, so that nothing else can be blamed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from pytest_mcp_http._options import Settings
from pytest_mcp_http._target import open_target
from pytest_mcp_http.assertions.codes import headers_at_fault
from pytest_mcp_http.dialect import PROTOCOL_VERSION
from pytest_mcp_http.errors import RequirementViolated
from pytest_mcp_http.suite._incomplete import (
    all_incomplete,
    everywhere,
    judge_missing,
    judge_mistyped,
    states_revision,
)
from pytest_mcp_http.suite._malformed import (
    NO_MESSAGE,
    UNREADABLE,
    WRONG_PARAMS,
    Answer,
    no_messages,
    unreadable,
    unwieldy,
    wrong_params,
)
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire import jsonrpc
from pytest_mcp_http.wire.exchange import Chunk, Exchange, Request
from pytest_mcp_http.wire.headers import Headers

pytest.importorskip("mcp.server.mcpserver", reason="the reference server needs mcp 2.x")

MODERN, HANDSHAKE = "2026-07-28", "2025-11-25"


@pytest.fixture
def tour(reference: Callable[..., str]) -> Iterator[Callable[[str], Tour]]:
    """Give a tour of the reference server at a revision."""
    with (
        open_target(Settings(url=reference(mode="stateless"))) as running,
        running.target.open_wire() as wire,
    ):
        yield lambda revision: Tour(running.target, revision, wire)


def body_of(answer: Answer) -> Any:
    return json.loads(answer.exchange.request.body)


def differing(message: dict[str, Any], right: dict[str, Any]) -> set[str]:
    """Return the members that one message has otherwise than another, the id left aside."""
    names = (message.keys() | right.keys()) - {"id"}
    return {name for name in names if message.get(name, "absent") != right.get(name, "absent")}


@pytest.mark.parametrize("revision", [HANDSHAKE, MODERN])
def test_what_is_no_message_differs_in_one_member(tour: Callable[[str], Tour], revision: str) -> None:
    found = tour(revision)
    right = found.client.message(found.dialect.plain)
    answers = no_messages(found)
    assert [answer.name for answer in answers] == list(NO_MESSAGE)
    for answer in answers:
        if isinstance(body_of(answer), dict) and "object" not in answer.name:
            assert len(differing(body_of(answer), right)) == 1, answer.name


def test_headers_are_those_of_the_unbroken_message(tour: Callable[[str], Tour]) -> None:
    found = tour(MODERN)
    for answer in (*unreadable(found), *no_messages(found)):
        headers = answer.exchange.request.headers
        assert headers.get("Mcp-Method") == "server/discover"
        assert headers.get("MCP-Protocol-Version") == MODERN
    assert len(unreadable(found)) == len(UNREADABLE)
    for answer in wrong_params(found):
        headers, method = answer.exchange.request.headers, body_of(answer)["method"]
        assert headers.get("Mcp-Method") == method
        assert (headers.get("Mcp-Name") is not None) is (method != "server/discover")


def test_handshake_revisions_get_no_such_headers(tour: Callable[[str], Tour]) -> None:
    found = tour(HANDSHAKE)
    for answer in (*unreadable(found), *no_messages(found), *wrong_params(found)):
        assert answer.exchange.request.headers.get("Mcp-Method") is None
    assert len(wrong_params(found)) == 2 + sum(map(len, WRONG_PARAMS.values()))


def test_unwieldy_requests_are_legal(tour: Callable[[str], Tour]) -> None:
    large, deep = unwieldy(tour(MODERN))
    assert len(large.body) > 2**20
    assert deep.body.count(b"[") == 2000
    assert PROTOCOL_VERSION.encode() in deep.body


def test_incomplete_requests_are_right_but_for_meta(tour: Callable[[str], Tour]) -> None:
    found = tour(MODERN)
    answers = (*all_incomplete(found), *everywhere(found))
    assert {"subscriptions/listen", "tools/call", "no params", "_meta []"} <= {each.name for each in answers}
    for answer in answers:
        message = body_of(answer)
        assert differing(message, found.client.message(message["method"])) <= {"params"}
        assert answer.exchange.request.headers.get("Mcp-Method") == message["method"]


# -- judging ------------------------------------------------------------------------------------------------


def refused(code: int | None, status: int = 400, *, meta: object = None, name: str = "no params") -> Answer:
    """Return what a request got whose headers are right."""
    params = {} if meta is None else {"_meta": meta}
    message = jsonrpc.request("server/discover", params, id=1)
    headers = Headers((("MCP-Protocol-Version", MODERN), ("Mcp-Method", "server/discover")))
    body = {"jsonrpc": "2.0", "id": 1}
    body |= {"result": {}} if code is None else {"error": {"code": code, "message": "no"}}
    exchange = Exchange(
        Request("POST", "http://127.0.0.1/mcp", headers, jsonrpc.encode(message)),
        status=status,
        headers=Headers((("content-type", "application/json"),)),
        chunks=(Chunk(jsonrpc.encode(body), 0.0),),
    )
    return Answer(name, exchange)


def verdict(judge: Callable[..., None], answer: Answer, era: str = "modern") -> str:
    target = SimpleNamespace(facts=SimpleNamespace(era=era))
    try:
        judge(SimpleNamespace(target=target, revision=MODERN), answer)
    except RequirementViolated as outcome:
        return "note" if outcome.note else "fail"
    return "pass"


STATED = {PROTOCOL_VERSION: MODERN}


@pytest.mark.parametrize(
    ("answer", "modern", "dual"),
    [
        (refused(-32602), "pass", "pass"),
        (refused(-32602, 200), "pass", "pass"),
        (refused(-32020), "note", "note"),
        (refused(-32600), "fail", "note"),
        (refused(-32601, 404), "fail", "note"),
        (refused(None, 200), "fail", "fail"),
        (refused(-32603, 500), "fail", "fail"),
        (refused(-32020, meta=STATED), "fail", "fail"),
        (refused(-32600, meta=STATED), "fail", "fail"),
        (refused(-32601, 404, name="subscriptions/listen"), "pass", "pass"),
    ],
)
def test_what_is_missing_is_judged_by_what_the_server_can_know(
    answer: Answer, modern: str, dual: str
) -> None:
    assert verdict(judge_missing, answer) == modern
    assert verdict(judge_missing, answer, "dual") == dual


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (refused(-32602, meta={PROTOCOL_VERSION: 5}), "pass"),
        (refused(-32020, meta={PROTOCOL_VERSION: 5}), "pass"),
        (refused(-32600, meta={PROTOCOL_VERSION: 5}), "note"),
        (refused(-32022, meta={PROTOCOL_VERSION: 5}), "fail"),
        (refused(-32020, meta=STATED), "fail"),
        (refused(None, 200, meta=STATED), "fail"),
    ],
)
def test_another_type_may_make_a_header_differ(answer: Answer, expected: str) -> None:
    assert verdict(judge_mistyped, answer) == expected
    assert headers_at_fault(answer.exchange) is not states_revision(answer.exchange)
