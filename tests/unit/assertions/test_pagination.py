from __future__ import annotations

from typing import Any

import pytest

from pytest_mcp_http.assertions.pagination import (
    assert_cursor_handled,
    assert_cursor_refused,
    assert_same_page,
    assert_walk_ends,
)
from pytest_mcp_http.errors import RequirementViolated

PAGE = {"jsonrpc": "2.0", "id": 1, "result": {"tools": []}}


def error(code: object) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": "m"}}


def caught(judge: Any, *args: Any) -> str:
    with pytest.raises(RequirementViolated) as found:
        judge(*args)
    return found.value.actual


@pytest.mark.parametrize("status", [200, 400])
def test_refused_cursor(reply: Any, status: int) -> None:
    assert_cursor_refused(reply(error(-32602), status=status))


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (PAGE, 200, "a page"),
        (error(-32603), 200, "HTTP 200, application/json, JSON-RPC error -32603"),
        (b"no", 400, "HTTP 400, text/html"),
        (b"", None, "no response (eof)"),
    ],
)
def test_cursor_that_is_not_refused(reply: Any, body: Any, status: int | None, said: str) -> None:
    assert caught(assert_cursor_refused, reply(body, status=status)) == f"{said}, to an invalid cursor"


@pytest.mark.parametrize(
    ("body", "status"), [(PAGE, 200), (error(-32603), 200), (error(-32602), 400), (b"no", 413)]
)
def test_cursor_that_does_no_harm(reply: Any, body: Any, status: int) -> None:
    assert_cursor_handled(reply(body, status=status), "5")


@pytest.mark.parametrize(("body", "status"), [(b"", 200), (b"x", 200), (error(-32602), 500), (b"", None)])
def test_cursor_that_does_harm(reply: Any, body: Any, status: int | None) -> None:
    assert caught(assert_cursor_handled, reply(body, status=status), "5").endswith(", to 5 as cursor")


def test_same_page(reply: Any) -> None:
    assert_same_page(reply(PAGE), ["a", "b"], ["a", "b"])
    assert_same_page(reply(PAGE), [], [])


def test_another_page(reply: Any) -> None:
    assert caught(assert_same_page, reply(PAGE), ["b"], ["a", "b"]) == "b, where a, b came before"
    assert caught(assert_same_page, reply(PAGE), [], ["a"]) == "no items, where a came before"
    assert caught(assert_same_page, reply(error(1)), [], ["a"]).endswith("to a cursor that was used before")


def test_walk_that_ends(reply: Any) -> None:
    assert_walk_ends(reply(PAGE), ["", "x"], [["a"], [], ["b", "b"]])
    assert_walk_ends(reply(PAGE), [], [[]])


def test_walk_in_circles(reply: Any) -> None:
    assert caught(assert_walk_ends, reply(PAGE), ["x", "y", "x"], []) == "the cursor 'x' came 2 times"
    assert caught(assert_walk_ends, reply(PAGE), ["x"], [["a", "b"], ["b"]]) == "b is on 2 pages"
