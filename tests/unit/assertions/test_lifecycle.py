from __future__ import annotations

from typing import Any

import pytest

from pytest_mcp_http.assertions.lifecycle import (
    assert_capability_shapes,
    assert_given_up_requests_cancelled,
    assert_initialize_result,
    assert_initialized_accepted,
    assert_method_gone,
    assert_method_offered,
    assert_nothing_offered,
    assert_notifications_declared,
    assert_only_pings,
    assert_ping_prompt,
    assert_ping_result,
    undeclared_notifications,
)
from pytest_mcp_http.errors import RequirementViolated


def result(value: object) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "result": value}


def initialize(revision: str = "2025-11-25", **members: Any) -> dict[str, Any]:
    return result({"protocolVersion": revision, "capabilities": {}, "serverInfo": {}, **members})


def error(code: int) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": "no"}}


class TestInitialize:
    def test_good(self, reply: Any) -> None:
        assert_initialize_result(reply(initialize(instructions="x", other=1)))

    @pytest.mark.parametrize("name", ["protocolVersion", "capabilities", "serverInfo"])
    def test_missing_member(self, reply: Any, name: str) -> None:
        body = initialize()
        del body["result"][name]
        with pytest.raises(RequirementViolated, match=f"without {name}"):
            assert_initialize_result(reply(body))

    @pytest.mark.parametrize(
        ("name", "value"), [("protocolVersion", 5), ("capabilities", []), ("serverInfo", "x")]
    )
    def test_other_type(self, reply: Any, name: str, value: object) -> None:
        with pytest.raises(RequirementViolated, match=f"{name} is a JSON"):
            assert_initialize_result(reply(initialize(**{name: value})))

    def test_no_result(self, reply: Any) -> None:
        with pytest.raises(RequirementViolated, match="JSON-RPC error -32602, to initialize"):
            assert_initialize_result(reply(error(-32602)))

    def test_initialized(self, reply: Any) -> None:
        for status in (200, 202, 204, 500, None):
            assert_initialized_accepted(reply(status=status))
        with pytest.raises(RequirementViolated, match="HTTP 400"):
            assert_initialized_accepted(reply(status=400))

    def test_requests_before_initialized(self, reply: Any) -> None:
        ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        log = {"jsonrpc": "2.0", "method": "notifications/message", "params": {}}
        assert_only_pings(reply(ping, log, stream=True))
        with pytest.raises(RequirementViolated, match="the request roots/list before"):
            assert_only_pings(reply(ping, {**ping, "method": "roots/list"}, stream=True))


class TestCapabilities:
    @pytest.mark.parametrize(
        "capabilities",
        [
            {},
            {"tools": {}, "logging": {}, "x-vendor": True},
            {"resources": {"subscribe": True, "listChanged": False, "other": 1}},
            {"experimental": {"a": {}}, "tasks": {"list": {}, "requests": {}, "other": 1}},
        ],
    )
    def test_good_shapes(self, reply: Any, capabilities: object) -> None:
        assert_capability_shapes(reply(initialize(capabilities=capabilities)))

    @pytest.mark.parametrize(
        ("capabilities", "told"),
        [
            ({"tools": True}, r"capabilities\.tools is a JSON boolean"),
            ({"logging": None}, r"capabilities\.logging is a JSON null"),
            ({"completions": []}, r"capabilities\.completions is a JSON array"),
            ({"prompts": {"listChanged": "true"}}, r"prompts\.listChanged is a JSON string"),
            ({"resources": {"subscribe": None}}, r"resources\.subscribe is a JSON null"),
            ({"experimental": {"a": True}}, r"experimental\.a is a JSON boolean"),
            ({"tasks": {"cancel": True}}, r"tasks\.cancel is a JSON boolean"),
        ],
    )
    def test_bad_shapes(self, reply: Any, capabilities: object, told: str) -> None:
        with pytest.raises(RequirementViolated, match=told):
            assert_capability_shapes(reply(initialize(capabilities=capabilities)))

    def test_tasks_is_a_vendor_name_before_it_was_defined(self, reply: Any) -> None:
        assert_capability_shapes(reply(initialize("2025-06-18", capabilities={"tasks": True})))

    def test_methods(self, reply: Any) -> None:
        assert_method_offered(reply(error(-32602)), "logging")
        with pytest.raises(RequirementViolated, match="although logging is declared"):
            assert_method_offered(reply(error(-32601), status=404), "logging")

    def test_offers(self, reply: Any) -> None:
        for body in (error(-32601), result({"tools": []}), result({"tools": None})):
            assert_nothing_offered(reply(body), "tools", "tools")
        with pytest.raises(RequirementViolated, match="1 tools, although tools is not declared"):
            assert_nothing_offered(reply(result({"tools": [{"name": "x"}]})), "tools", "tools")

    @pytest.mark.parametrize(
        ("method", "declared"),
        [
            ("notifications/message", {"logging": {}}),
            ("notifications/tools/list_changed", {"tools": {"listChanged": True}}),
            ("notifications/prompts/list_changed", {"prompts": {"listChanged": True}}),
            ("notifications/resources/list_changed", {"resources": {"listChanged": True}}),
            ("notifications/resources/updated", {"resources": {"subscribe": True}}),
        ],
    )
    def test_notifications(self, reply: Any, method: str, declared: dict[str, Any]) -> None:
        stream = reply({"jsonrpc": "2.0", "method": method}, stream=True)
        assert_notifications_declared(stream, declared)
        assert method not in undeclared_notifications(declared)
        with pytest.raises(RequirementViolated, match=f"{method} without capabilities"):
            assert_notifications_declared(
                stream, {"tools": {}, "resources": True, "prompts": {"listChanged": False}}
            )

    def test_other_notifications_need_nothing(self, reply: Any) -> None:
        stream = reply({"jsonrpc": "2.0", "method": "notifications/progress"}, stream=True)
        assert_notifications_declared(stream, {})


class TestPing:
    @pytest.mark.parametrize("value", [{}, {"_meta": {"a": 1}}])
    def test_empty(self, reply: Any, value: object) -> None:
        assert_ping_result(reply(result(value)))

    @pytest.mark.parametrize(
        ("body", "told"),
        [
            (result({"pong": True}), "a result with pong"),
            (error(-32601), "to ping"),
            (result(None), "to ping"),
        ],
    )
    def test_other(self, reply: Any, body: object, told: str) -> None:
        with pytest.raises(RequirementViolated, match=told):
            assert_ping_result(reply(body))

    @pytest.mark.parametrize(
        ("pings", "others"),
        [((0.9, 0.9), (0.01, 0.01)), ((5.0, 0.5), (0.01, 0.01)), ((5.0, 5.0), (1.0, 1.0))],
    )
    def test_prompt(self, reply: Any, pings: tuple[float, ...], others: tuple[float, ...]) -> None:
        assert_ping_prompt(
            [reply(result({}), at=t) for t in pings], [reply(result({}), at=t) for t in others]
        )

    def test_slow(self, reply: Any) -> None:
        with pytest.raises(RequirementViolated, match=r"after 1\.5 s, where other requests take 0\.02 s"):
            assert_ping_prompt(
                [reply(result({}), at=t) for t in (1.5, 2.5)],
                [reply(result({}), at=t) for t in (0.01, 0.02, 9.0)],
            )


class TestGone:
    def test_unknown(self, reply: Any) -> None:
        exchange = reply(error(-32601), status=404)
        assert assert_method_gone(exchange, "ping") is exchange

    @pytest.mark.parametrize(
        ("body", "status"),
        [
            (error(-32601), 200),
            (error(-32601), 400),
            (error(-32600), 404),
            (error(-32603), 500),
            (result({}), 200),
            (result(None), 200),
            (result([]), 200),
            (b"Not Found", 404),
            ([], 404),
            (5, 200),
        ],
    )
    def test_neither_unknown_nor_of_this_revision(self, reply: Any, body: Any, status: int) -> None:
        with pytest.raises(RequirementViolated, match=f"HTTP {status}.*, to ping") as caught:
            assert_method_gone(reply(body, status=status), "ping")
        assert not caught.value.note

    def test_no_answer(self, reply: Any) -> None:
        with pytest.raises(RequirementViolated, match="no response"):
            assert_method_gone(reply(status=None), "ping")

    @pytest.mark.parametrize(
        ("body", "status"), [(result({"resultType": "complete"}), 200), (error(-32602), 400)]
    )
    def test_method_of_its_own(self, reply: Any, body: Any, status: int) -> None:
        with pytest.raises(RequirementViolated, match="to ping") as caught:
            assert_method_gone(reply(body, status=status), "ping")
        assert caught.value.note


def test_requests_that_are_given_up_are_cancelled(reply: Any) -> None:
    def cancel(id: object) -> dict[str, Any]:
        params = {"requestId": id}
        return {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": params}

    ask = {"jsonrpc": "2.0", "id": "s-1", "method": "roots/list"}
    ping = {"jsonrpc": "2.0", "id": "s-2", "method": "ping"}
    assert_given_up_requests_cancelled([reply(ask, ping, stream=True), reply(cancel("s-1"), stream=True)])
    for others in ([], [cancel("s-2")], [cancel(1)], [{**cancel(1), "params": [1]}]):
        with pytest.raises(RequirementViolated, match="answer to roots/list, and did not cancel it"):
            assert_given_up_requests_cancelled([reply(ask, *others, stream=True)])
