from __future__ import annotations

from typing import Any

import pytest

from pytest_mcp_http.assertions.batch import (
    assert_batch_accepted_silently,
    assert_batch_member_refused,
    assert_batch_received,
    assert_batch_responses,
    assert_empty_batch_refused,
)
from pytest_mcp_http.errors import RequirementViolated


def result(id: object) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id, "result": {}}


def error(id: object, code: int = -32601) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": "no"}}


class TestReceived:
    def test_array_and_stream(self, reply: Any) -> None:
        assert_batch_received(reply([result("a"), result("b")]), ["a", "b"])
        assert_batch_received(reply(result("b"), result("a"), stream=True), ["a", "b"])
        assert_batch_received(reply([result("b"), result("a")], stream=True), ["a", "b"])
        assert_batch_received(reply([error("a"), error("b")]), ["a", "b"])

    @pytest.mark.parametrize(
        ("body", "status"), [((error(None),), 200), ((error(None),), 400), ((), 202), ((), 500), ((), None)]
    )
    def test_not_taken(self, reply: Any, body: tuple[Any, ...], status: int | None) -> None:
        with pytest.raises(RequirementViolated, match="for a batch of 2 requests"):
            assert_batch_received(reply(*body, status=status), ["a", "b"])


class TestResponses:
    def test_any_order(self, reply: Any) -> None:
        for exchange in (reply([error("b"), result("a")]), reply(result("a"), [error("b")], stream=True)):
            assert_batch_responses(exchange, results=["a"], errors=["b"])

    def test_messages_of_the_server_are_no_responses(self, reply: Any) -> None:
        ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        assert_batch_responses(reply(ping, result("a"), stream=True), results=["a"])

    @pytest.mark.parametrize(
        ("body", "told"),
        [
            ([result("a")], "0 responses with the id 'b'"),
            ([result("a"), error("b"), error("b")], "2 responses with the id 'b'"),
            ([result("a"), result("b")], "the result for the id 'b' where a error is due"),
            ([result("a"), error("b"), error(None)], "a response with the id None"),
        ],
    )
    def test_other_sets(self, reply: Any, body: object, told: str) -> None:
        with pytest.raises(RequirementViolated, match=told):
            assert_batch_responses(reply(body), results=["a"], errors=["b"])

    def test_ids_have_types(self, reply: Any) -> None:
        with pytest.raises(RequirementViolated, match="0 responses with the id 1"):
            assert_batch_responses(reply([result("1")]), results=[1])


class TestWithoutRequests:
    def test_accepted(self, reply: Any) -> None:
        assert_batch_accepted_silently(reply(status=202))

    @pytest.mark.parametrize(
        ("body", "status", "note"),
        [
            ((), 204, False),
            (([],), 200, False),
            ((error(None),), 202, False),
            ((), 500, False),
            ((), 400, True),
        ],
    )
    def test_otherwise(self, reply: Any, body: tuple[Any, ...], status: int, note: bool) -> None:
        with pytest.raises(RequirementViolated) as caught:
            assert_batch_accepted_silently(reply(*body, status=status))
        assert caught.value.note is note


class TestEmpty:
    def test_refused(self, reply: Any) -> None:
        assert_empty_batch_refused(reply(status=400))
        assert_empty_batch_refused(reply([error(None)], status=400))
        assert_empty_batch_refused(reply(error(None, -32600)))
        assert_empty_batch_refused(reply(error(None, -32600), stream=True))

    @pytest.mark.parametrize(
        "body", [([],), ([error(None, -32600)],), (error(None, -32603),), (), (result(None),)]
    )
    def test_otherwise(self, reply: Any, body: tuple[Any, ...]) -> None:
        with pytest.raises(RequirementViolated):
            assert_empty_batch_refused(reply(*body))
        with pytest.raises(RequirementViolated):
            assert_empty_batch_refused(reply(*body, status=500))


class TestInvalidMember:
    def test_refused_alone(self, reply: Any) -> None:
        assert_batch_member_refused(reply([error(None, -32600), result("a")]), "a")

    @pytest.mark.parametrize(
        ("body", "told"),
        [
            ([result("a")], "no error -32600"),
            ([error(None, -32603), result("a")], "no error -32600"),
            ([error(None, -32600), error("a")], "was not served"),
            ([], "was not served"),
        ],
    )
    def test_otherwise(self, reply: Any, body: object, told: str) -> None:
        with pytest.raises(RequirementViolated, match=told) as caught:
            assert_batch_member_refused(reply(body), "a")
        assert not caught.value.note

    @pytest.mark.parametrize("status", [200, 400])
    def test_whole_batch_refused_is_noted(self, reply: Any, status: int) -> None:
        with pytest.raises(RequirementViolated, match="the whole batch") as caught:
            assert_batch_member_refused(reply(error(None, -32600), status=status), "a")
        assert caught.value.note
