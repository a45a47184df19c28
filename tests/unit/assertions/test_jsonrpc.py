from __future__ import annotations

from typing import Any

import httpx
import pytest

from pytest_mcp_http.assertions.jsonrpc import (
    assert_error_code_integer,
    assert_error_id,
    assert_error_message_concise,
    assert_error_shape,
    assert_id_echoed,
    assert_jsonrpc_version,
    assert_no_invented_id,
    assert_no_reply,
    assert_notifications_without_id,
    assert_result_id,
    assert_result_or_error,
    code_in,
    error_in,
    messages_in,
)
from pytest_mcp_http.errors import RequirementViolated


def result(id: object = 1, **members: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id, "result": {}, **members}


def error(id: object = 1, **members: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id, "error": {"code": -32601, "message": "Method not found", **members}}


PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


class TestMessages:
    @pytest.mark.parametrize(
        "body",
        [
            {"detail": "Not Found"},
            {"error": "invalid_token"},
            {"error": {"code": 404, "message": "no such page"}, "id": "request-1"},
        ],
    )
    def test_error_bodies_of_others_are_no_messages(self, reply: Any, body: object) -> None:
        assert messages_in(reply(body, status=404)) == []

    @pytest.mark.parametrize("body", [error(), {"id": 1, "error": {"code": -32601, "message": "x"}}])
    def test_json_rpc_errors_with_an_http_error_are(self, reply: Any, body: object) -> None:
        assert messages_in(reply(body, status=404)) == [body]

    def test_batches_and_streams_are_flattened(self, reply: Any) -> None:
        assert len(messages_in(reply([result(1), result(2)]))) == 2
        assert len(messages_in(reply(result(1), [result(2), error(3)], stream=True))) == 3

    def test_error_of_a_broken_message_is_found(self, reply: Any) -> None:
        exchange = reply({**error(), "result": None})
        assert (error_in(exchange) or {})["message"] == "Method not found"
        assert code_in(exchange) == -32601
        assert code_in(reply(error(code="-32601"))) is None
        assert code_in(reply(error(code=True))) is None

    def test_any_response_is_taken(self) -> None:
        request = httpx.Request("POST", "http://127.0.0.1/mcp", json=PING)
        assert_result_id(httpx.Response(200, json=result(1), request=request))
        with pytest.raises(RequirementViolated, match="the id '1' for the request 1"):
            assert_result_id(httpx.Response(200, json=result("1"), request=request))


class TestVersion:
    def test_good(self, reply: Any) -> None:
        assert_jsonrpc_version(reply(result()))
        assert_jsonrpc_version(reply({"detail": "Not Found"}, status=404))

    @pytest.mark.parametrize(("value", "shown"), [(2.0, "2.0"), ("1.0", "'1.0'"), (None, "None")])
    def test_other_value(self, reply: Any, value: object, shown: str) -> None:
        with pytest.raises(RequirementViolated, match=f"whose jsonrpc is {shown}"):
            assert_jsonrpc_version(reply({**result(), "jsonrpc": value}))

    def test_absent(self, reply: Any) -> None:
        with pytest.raises(RequirementViolated, match="whose jsonrpc is absent"):
            assert_jsonrpc_version(reply(result(), {"id": 2, "result": {}}, stream=True))


class TestIds:
    @pytest.mark.parametrize("id", [0, 1, "1", "", "ü"], ids=repr)
    def test_same_id(self, reply: Any, id: object) -> None:
        sent = {**PING, "id": id}
        assert_result_id(reply(result(id), sent=sent))
        assert_error_id(reply(error(id), sent=sent))
        assert_id_echoed(reply(result(id)), id)

    @pytest.mark.parametrize("id", ["1", None, 2, True, [1]], ids=repr)
    def test_other_id(self, reply: Any, id: object) -> None:
        with pytest.raises(RequirementViolated, match="a result with the id"):
            assert_result_id(reply(result(id), sent=PING))
        with pytest.raises(RequirementViolated, match="an error with the id"):
            assert_error_id(reply(error(id), sent=PING))

    def test_missing_id(self, reply: Any) -> None:
        message = error()
        del message["id"]
        with pytest.raises(RequirementViolated, match="the id absent"):
            assert_error_id(reply(message, sent=PING))

    def test_each_judges_its_own_kind(self, reply: Any) -> None:
        assert_result_id(reply(error(7), sent=PING))
        assert_error_id(reply(result(7), sent=PING))

    def test_further_responses_are_not_judged(self, reply: Any) -> None:
        assert_result_id(reply(result(7), result(1), sent=PING, stream=True))

    def test_changed_and_refused_forms(self, reply: Any) -> None:
        with pytest.raises(RequirementViolated, match="the id null for the id 0"):
            assert_id_echoed(reply(result(None)), 0)
        with pytest.raises(RequirementViolated, match="for a request with the id -1"):
            assert_id_echoed(reply(error(-1), status=400), -1)

    @pytest.mark.parametrize("id", ["server-error", 0, ""], ids=repr)
    @pytest.mark.parametrize("note", [True, False])
    def test_invented_id(self, reply: Any, id: object, note: bool) -> None:
        with pytest.raises(RequirementViolated, match="which nobody sent") as caught:
            assert_no_invented_id(reply(error(id), status=400), note=note)
        assert caught.value.note is note

    def test_null_and_absent_id_are_not_invented(self, reply: Any) -> None:
        message = error()
        del message["id"]
        assert_no_invented_id(reply(message, status=400))
        assert_no_invented_id(reply(error(None), status=400))


class TestResultOrError:
    def test_good(self, reply: Any) -> None:
        assert_result_or_error(reply(result(), error(), PING, stream=True))

    @pytest.mark.parametrize("body", [{**result(), "error": None}, {**error(), "result": None}])
    def test_both(self, reply: Any, body: object) -> None:
        with pytest.raises(RequirementViolated, match="both result and error"):
            assert_result_or_error(reply(body))

    def test_neither(self, reply: Any) -> None:
        with pytest.raises(RequirementViolated, match="without result, error and method"):
            assert_result_or_error(reply({"jsonrpc": "2.0", "id": 1}))


class TestErrors:
    def test_good(self, reply: Any) -> None:
        for check in (assert_error_shape, assert_error_code_integer, assert_error_message_concise):
            check(reply(error(data={"a": 1})))
            check(reply(result()))

    @pytest.mark.parametrize(
        ("broken", "told"),
        [
            ({"message": "x"}, "an error without code"),
            ({"code": 1}, "an error without message"),
            ({}, "an error without code and message"),
            ("x", "an error that is a JSON string"),
            ({"code": 1, "message": None}, "whose message is a JSON null"),
        ],
    )
    def test_shape(self, reply: Any, broken: object, told: str) -> None:
        with pytest.raises(RequirementViolated, match=told):
            assert_error_shape(reply({"jsonrpc": "2.0", "id": 1, "error": broken}))

    @pytest.mark.parametrize("code", ["-32601", -32601.5, None, True])
    def test_code_type(self, reply: Any, code: object) -> None:
        assert_error_shape(reply(error(code=code)))
        with pytest.raises(RequirementViolated, match="the error code"):
            assert_error_code_integer(reply(error(code=code)))

    def test_missing_code_has_no_type(self, reply: Any) -> None:
        assert_error_code_integer(reply({"jsonrpc": "2.0", "id": 1, "error": {"message": "x"}}))

    @pytest.mark.parametrize(
        ("message", "told"),
        [
            ("two\nlines", "several lines"),
            ("x" * 301, "301 characters"),
            ("Traceback (most recent call last): boom", "stack trace"),
            ("TypeError: x is undefined at call (/srv/app.js:10:5)", "stack trace"),
        ],
    )
    def test_message(self, reply: Any, message: str, told: str) -> None:
        with pytest.raises(RequirementViolated, match=told):
            assert_error_message_concise(reply(error(message=message)))

    @pytest.mark.parametrize(
        "message", ["x" * 300, "", "Look at the manual (chapter 3:1)", "ends with a line end\n"]
    )
    def test_concise_message(self, reply: Any, message: str) -> None:
        assert_error_message_concise(reply(error(message=message)))


class TestNotifications:
    def test_ids(self, reply: Any) -> None:
        changed = {"jsonrpc": "2.0", "method": "notifications/tools/list_changed"}
        assert_notifications_without_id(reply(changed, result(), stream=True))
        for id in (1, None):
            with pytest.raises(RequirementViolated, match="list_changed with the id"):
                assert_notifications_without_id(reply({**changed, "id": id}, stream=True))

    def test_no_reply(self, reply: Any) -> None:
        assert_no_reply(reply(status=202))
        assert_no_reply(reply(error(None), status=400))
        assert_no_reply(reply(b"<h1>no</h1>", status=500))

    @pytest.mark.parametrize(
        ("body", "status"), [(result(None), 200), (error(None), 200), (result(None), 400)]
    )
    def test_reply(self, reply: Any, body: object, status: int) -> None:
        with pytest.raises(RequirementViolated, match=f"HTTP {status} with a JSON-RPC"):
            assert_no_reply(reply(body, status=status))
