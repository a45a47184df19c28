from __future__ import annotations

import pytest

from pytest_mcp_http.assertions.lists import assert_same_items, assert_same_order
from pytest_mcp_http.errors import RequirementViolated
from pytest_mcp_http.wire.exchange import Exchange, Request
from pytest_mcp_http.wire.headers import Headers

ANSWER = Exchange(Request("POST", "http://127.0.0.1/mcp", Headers()), status=200)


@pytest.mark.parametrize("items", [["a", "b"], ["b", "a"]])
def test_same_items_in_any_order(items: list[str]) -> None:
    assert assert_same_items(ANSWER, items, ["a", "b"], "later") is ANSWER


@pytest.mark.parametrize(
    ("items", "said"),
    [
        (["a"], "a list without b, later"),
        (["a", "b", "c"], "a list with c too, later"),
        (["c"], "a list without a, b and with c too, later"),
        ([], "a list without a, b, later"),
    ],
)
def test_other_items(items: list[str], said: str) -> None:
    with pytest.raises(RequirementViolated) as caught:
        assert_same_items(ANSWER, items, ["a", "b"], "later")
    assert caught.value.actual == said
    assert caught.value.exchange is ANSWER


@pytest.mark.parametrize("items", [["a", "b", "c"], ["a", "c"], ["c", "b", "a", "d"]])
def test_same_order_or_other_items(items: list[str]) -> None:
    assert assert_same_order(ANSWER, items, ["a", "b", "c"], "later") is ANSWER


def test_another_order() -> None:
    with pytest.raises(RequirementViolated) as caught:
        assert_same_order(ANSWER, ["a", "c", "b"], ["a", "b", "c"], "on a fresh connection again")
    assert caught.value.actual == "c at place 2, where b was before, on a fresh connection again"
