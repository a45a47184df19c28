from __future__ import annotations

from typing import Any

import pytest

from pytest_mcp_http.assertions.input_requests import (
    assert_input_keys_unique,
    assert_input_requests_declared,
    assert_input_requests_valid,
    assert_sampling_messages,
    assert_url_elicitations,
    sampling_requests,
    url_elicitations,
)
from pytest_mcp_http.errors import RequirementViolated

REVISION = "2026-07-28"

ROOTS = {"method": "roots/list"}
FORM = {
    "method": "elicitation/create",
    "params": {
        "message": "Which?",
        "requestedSchema": {"type": "object", "properties": {"a": {"type": "string"}}},
    },
}
URL = {
    "method": "elicitation/create",
    "params": {"mode": "url", "message": "Go", "url": "https://example.com"},
}


def sampling(*messages: Any) -> dict[str, Any]:
    return {"method": "sampling/createMessage", "params": {"maxTokens": 5, "messages": list(messages)}}


def asking(requests: Any, **members: Any) -> dict[str, Any]:
    result = {"resultType": "input_required", "inputRequests": requests, **members}
    return {"jsonrpc": "2.0", "id": 1, "result": result}


TEXT = {"role": "user", "content": {"type": "text", "text": "Hello"}}


class TestValid:
    @pytest.mark.parametrize(
        "requests",
        [
            {},
            {"a": ROOTS, "b c/d": FORM, "": URL},
            {"a": sampling(TEXT, {"role": "assistant", "content": [TEXT["content"]]})},
            {"a": {**ROOTS, "id": 1, "jsonrpc": "2.0", "params": {"_meta": {}}}},
            None,
            [],
        ],
    )
    def test_good(self, reply: Any, requests: Any) -> None:
        assert assert_input_requests_valid(reply(asking(requests)), REVISION)

    @pytest.mark.parametrize(
        ("request_", "what"),
        [
            ("roots/list", "is a JSON string"),
            (None, "is a JSON null"),
            ({}, "has the method None"),
            ({"method": []}, r"has the method \[\]"),
            ({"method": "ping"}, "has the method 'ping'"),
            ({"method": "elicitation/create"}, "params: the required member is missing"),
            ({"method": "elicitation/create", "params": {"message": "x"}}, "params.requestedSchema"),
            ({**FORM, "params": {**FORM["params"], "mode": "popup"}}, "params.mode"),  # type: ignore[dict-item]
            ({"method": "sampling/createMessage", "params": {"messages": []}}, "params.maxTokens"),
            ({"method": "roots/list", "params": []}, "params: is array"),
        ],
    )
    def test_bad(self, reply: Any, request_: Any, what: str) -> None:
        with pytest.raises(RequirementViolated, match=what):
            assert_input_requests_valid(reply(asking({"a": ROOTS, "b": request_})), REVISION)

    def test_what_counts(self, reply: Any) -> None:
        broken = reply(asking({"a": {"method": "elicitation/create"}}))
        assert_input_requests_valid(broken, REVISION, counts=lambda request, each: each.path != "params")

    def test_other_results_are_not_judged(self, reply: Any) -> None:
        for body in (asking({"a": 5}, resultType="complete"), {"jsonrpc": "2.0", "id": 1, "result": 5}):
            assert_input_requests_valid(reply(body), REVISION)
            assert_input_requests_declared(reply(body), {})


class TestKeys:
    def test_unique(self, reply: Any) -> None:
        assert_input_keys_unique(reply(asking({"a": ROOTS, "b": ROOTS}, stream=True)))

    def test_twice(self, reply: Any) -> None:
        asked = b'{"a":{"method":"roots/list"},"a":{"method":"roots/list"}}'
        body = b'{"jsonrpc":"2.0","id":1,"result":{"resultType":"input_required","inputRequests":%b}}' % asked
        with pytest.raises(RequirementViolated, match='"a" is given twice'):
            assert_input_keys_unique(reply(body))

    def test_other_doubles_are_judged_elsewhere(self, reply: Any) -> None:
        assert_input_keys_unique(reply(b'{"jsonrpc":"2.0","id":1,"result":{"a":1,"a":1}}'))


class TestDeclared:
    def test_good(self, reply: Any) -> None:
        both = reply(asking({"a": ROOTS, "b": FORM}))
        assert_input_requests_declared(both, {"roots": {}, "elicitation": {}})
        assert_input_requests_declared(
            reply(asking({"a": {"method": "ping"}, "b": 5, "c": {"method": []}})), {}
        )

    @pytest.mark.parametrize(
        ("request_", "declared"), [(ROOTS, {"sampling": {}}), (URL, {}), (sampling(), {"elicitation": {}})]
    )
    def test_undeclared(self, reply: Any, request_: Any, declared: Any) -> None:
        with pytest.raises(RequirementViolated, match=f"is asked for {request_['method']}"):
            assert_input_requests_declared(reply(asking({"a": request_})), declared)


class TestKinds:
    def test_url(self, reply: Any) -> None:
        exchange = reply(asking({"a": URL, "b": FORM, "c": ROOTS, "d": 5}))
        assert [key for key, _ in url_elicitations(exchange)] == ["inputRequests['a']"]
        assert_url_elicitations(exchange, REVISION)

    @pytest.mark.parametrize(
        ("params", "place"),
        [
            ({"mode": "url", "message": "Go"}, "params.url"),
            ({"mode": "url", "message": "Go", "url": None}, "params.url"),
            ({"mode": "url", "url": "https://example.com"}, "params.message"),
        ],
    )
    def test_bad_url(self, reply: Any, params: Any, place: str) -> None:
        with pytest.raises(RequirementViolated, match=place):
            assert_url_elicitations(reply(asking({"a": {**URL, "params": params}})), REVISION)

    def test_sampling(self, reply: Any) -> None:
        exchange = reply(asking({"a": sampling(TEXT), "b": FORM}))
        assert [key for key, _ in sampling_requests(exchange)] == ["inputRequests['a']"]
        assert_sampling_messages(exchange, REVISION)
        # The rest of the request, and what the content holds, is judged elsewhere.
        assert_sampling_messages(reply(asking({"a": {"method": "sampling/createMessage"}})), REVISION)
        hollow = sampling({"role": "user", "content": {"type": "text"}})
        assert_sampling_messages(reply(asking({"a": hollow})), REVISION)

    @pytest.mark.parametrize(
        ("message", "place"),
        [
            ({**TEXT, "role": "system"}, "role"),
            ({"content": TEXT["content"]}, "role"),
            ({"role": "user"}, "content"),
            ({"role": "user", "content": "Hello"}, "content"),
            ("Hello", r"messages\[1\]"),
        ],
    )
    def test_bad_message(self, reply: Any, message: Any, place: str) -> None:
        with pytest.raises(RequirementViolated, match=place):
            assert_sampling_messages(reply(asking({"a": sampling(TEXT, message)})), REVISION)
