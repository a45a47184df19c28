"""Ids of requests that a server sends."""

from __future__ import annotations

from typing import Any

import pytest

from pytest_mcp_http.errors import RequirementViolated
from pytest_mcp_http.suite._server_requests import assert_request_id, judge_fresh_ids
from pytest_mcp_http.wire.exchange import Exchange, Request
from pytest_mcp_http.wire.headers import Headers
from pytest_mcp_http.wire.jsonrpc import classify, request

EXCHANGE = Exchange(Request("POST", "http://127.0.0.1/mcp", Headers(())))


@pytest.mark.parametrize("id", [0, -1, 5.0, "", "a"])
def test_texts_and_integers_are_ids(id: Any) -> None:
    assert_request_id(id, EXCHANGE)


@pytest.mark.parametrize("id", [None, True, 1.5, [], {}])
def test_nothing_else_is(id: Any) -> None:
    with pytest.raises(RequirementViolated, match="with the id"):
        assert_request_id(id, EXCHANGE)


def judge(*ids: Any) -> None:
    judge_fresh_ids([(EXCHANGE, classify(request("ping", id=id))) for id in ids])


def test_ids_differ_by_value_and_type() -> None:
    judge(1, "1", 2, None, None)
    with pytest.raises(RequirementViolated, match="'a'"):
        judge("a", 1, "a")
