from __future__ import annotations

from typing import Any

import pytest

from pytest_mcp_http.assertions.messages import (
    CHANGES,
    assert_no_server_request,
    assert_notifications_related,
)
from pytest_mcp_http.errors import RequirementViolated

RESULT: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "result": {}}


def request(method: str = "tools/call", **meta: object) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": {"_meta": meta}}


def notification(method: str, **params: object) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": method, "params": params}


class TestServerRequests:
    def test_none(self, reply: Any) -> None:
        exchange = reply(notification("notifications/message"), RESULT, stream=True, sent=request())
        assert assert_no_server_request(exchange) is exchange
        assert not exchange.requests
        assert [message.method for message in exchange.notifications] == ["notifications/message"]

    @pytest.mark.parametrize("method", ["ping", "roots/list", "com.example/ask"])
    def test_one(self, reply: Any, method: str) -> None:
        asked = {"jsonrpc": "2.0", "id": "s-1", "method": method}
        exchange = reply(asked, RESULT, stream=True, sent=request())
        assert [request.id for request in exchange.requests] == ["s-1"]
        with pytest.raises(RequirementViolated, match=f"the request {method} from the server"):
            assert_no_server_request(exchange)

    def test_one_instead_of_the_response(self, reply: Any) -> None:
        with pytest.raises(RequirementViolated, match="elicitation/create"):
            assert_no_server_request(reply({"jsonrpc": "2.0", "id": 1, "method": "elicitation/create"}))

    def test_notification_with_an_id_is_judged_elsewhere(self, reply: Any) -> None:
        assert_no_server_request(reply({**notification("notifications/message"), "id": 1}, stream=True))

    @pytest.mark.parametrize("body", [{"id": 1, "method": 5}, [], "x", None])
    def test_other_values(self, reply: Any, body: object) -> None:
        assert_no_server_request(reply(body, stream=True))


class TestRelated:
    @pytest.mark.parametrize("token", ["t", 7])
    def test_own_token(self, reply: Any, token: object) -> None:
        progress = notification("notifications/progress", progressToken=token, progress=1)
        exchange = reply(progress, RESULT, stream=True, sent=request(progressToken=token))
        assert assert_notifications_related(exchange) is exchange

    @pytest.mark.parametrize(("asked", "told"), [("t", "u"), ("1", 1), (1, True), (None, "t")])
    def test_foreign_token(self, reply: Any, asked: object, told: object) -> None:
        progress = notification("notifications/progress", progressToken=told, progress=1)
        sent = request() if asked is None else request(progressToken=asked)
        with pytest.raises(RequirementViolated, match=f"the token {told!r} on the stream of tools/call"):
            assert_notifications_related(reply(progress, RESULT, stream=True, sent=sent))

    def test_only_known_tokens_count_if_they_are_named(self, reply: Any) -> None:
        progress = notification("notifications/progress", progressToken="u", progress=1)
        exchange = reply(progress, RESULT, stream=True, sent=request(progressToken="t"))
        assert_notifications_related(exchange, tokens=["t", "v"])
        with pytest.raises(RequirementViolated, match="the token 'u'"):
            assert_notifications_related(exchange, tokens=["t", "u"])

    @pytest.mark.parametrize("method", sorted(CHANGES))
    def test_changes(self, reply: Any, method: str) -> None:
        exchange = reply(notification(method), RESULT, stream=True, sent=request())
        with pytest.raises(RequirementViolated, match=method):
            assert_notifications_related(exchange)

    @pytest.mark.parametrize("method", sorted(CHANGES))
    def test_changes_belong_to_subscriptions(self, reply: Any, method: str) -> None:
        sent = request("subscriptions/listen")
        assert_notifications_related(reply(notification(method), stream=True, sent=sent))

    @pytest.mark.parametrize("method", ["notifications/message", "notifications/com.example/x"])
    def test_what_cannot_be_told(self, reply: Any, method: str) -> None:
        assert_notifications_related(reply(notification(method), RESULT, stream=True, sent=request()))

    @pytest.mark.parametrize("params", [[], "x", 5, None, {}, {"progressToken": None}])
    def test_malformed_progress_is_judged_elsewhere(self, reply: Any, params: object) -> None:
        odd = {"jsonrpc": "2.0", "method": "notifications/progress", "params": params}
        assert_notifications_related(reply(odd, RESULT, stream=True, sent=request()))

    @pytest.mark.parametrize("sent", [None, {"jsonrpc": "2.0", "method": "x"}, [], {"id": 1, "method": 5}])
    def test_what_answers_no_request(self, reply: Any, sent: object) -> None:
        progress = notification("notifications/progress", progressToken="t", progress=1)
        assert_notifications_related(reply(progress, stream=True, sent=sent))
