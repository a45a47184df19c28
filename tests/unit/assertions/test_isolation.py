from __future__ import annotations

import pytest

from pytest_mcp_http.assertions import (
    RequirementViolated,
    assert_own_answer,
    assert_session_ids_differ,
)
from pytest_mcp_http.wire.exchange import Exchange, Request
from pytest_mcp_http.wire.headers import Headers
from tests.unit.assertions.conftest import Reply

OWN, OTHER = "aaaaaaaa", "bbbbbbbb"


def echo(text: str) -> dict[str, object]:
    return {"jsonrpc": "2.0", "id": 1, "result": {"content": [{"type": "text", "text": text}]}}


@pytest.mark.parametrize("stream", [False, True])
def test_own_answer(reply: Reply, stream: bool) -> None:
    assert_own_answer(reply(echo(OWN), stream=stream), {OTHER})
    with pytest.raises(RequirementViolated, match=OTHER) as caught:
        assert_own_answer(reply(echo(f"{OWN} {OTHER}"), stream=stream), {OTHER})
    assert caught.value.requirements == (
        "isolation.cross-talk",
        "isolation.one-client",
        "isolation.duplicate-ids",
    )


def test_errors_are_answers_as_well(reply: Reply) -> None:
    error = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32601, "message": f"no {OTHER}"}}
    with pytest.raises(RequirementViolated):
        assert_own_answer(reply(error), {OTHER})


def test_notifications_are_no_answers(reply: Reply) -> None:
    log = {"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": OTHER}}
    assert_own_answer(reply(log, echo(OWN), stream=True), {OTHER})


def opening(*ids: str) -> Exchange:
    request = Request("POST", "http://127.0.0.1/mcp", Headers(()))
    return Exchange(request, status=200, headers=Headers(("Mcp-Session-Id", id) for id in ids))


def test_session_ids_differ() -> None:
    assert_session_ids_differ([opening("a"), opening("b"), opening(), opening()])
    with pytest.raises(RequirementViolated, match="the same session id"):
        assert_session_ids_differ([opening("a"), opening("b"), opening("a")])
