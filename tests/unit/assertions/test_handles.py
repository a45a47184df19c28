from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from pytest_mcp_http.assertions.handles import assert_handles_unpredictable, places_of_handles
from pytest_mcp_http.errors import RequirementViolated

RANDOM = ("9f8a6c1b2d7e", "03b1ff27a9c0", "e4d2910c5a6b", "51c07be83f2d")


def results(reply: Any, texts: Any) -> list[Any]:
    return [
        reply({"jsonrpc": "2.0", "id": 1, "result": {"content": [{"type": "text", "text": text}]}})
        for text in texts
    ]


def structured(reply: Any, values: Any) -> list[Any]:
    return [
        reply({"jsonrpc": "2.0", "id": 1, "result": {"content": [], "structuredContent": value}})
        for value in values
    ]


def test_places(reply: Any) -> None:
    values = [{"id": id, "n": number, "kind": "a", "list": [{"x": id}]} for number, id in enumerate(RANDOM)]
    found = places_of_handles(structured(reply, values))
    assert sorted(found) == ["structuredContent.id", "structuredContent.list.0.x", "structuredContent.n"]
    assert found["structuredContent.n"] == ["0", "1", "2", "3"]
    texts = [f"Created {id}." for id in RANDOM]
    assert places_of_handles(results(reply, texts)) == {"content[0].1": list(RANDOM)}


@pytest.mark.parametrize("value", [None, 5, [], {"a": True}, "same", {"a": 1.5}])
def test_nothing_is_different(reply: Any, value: Any) -> None:
    with pytest.raises(ValueError, match="different"):
        assert_handles_unpredictable(structured(reply, [value] * 4))


def test_moments_are_no_handles(reply: Any) -> None:
    moments = [f"2026-07-28T00:00:0{n}Z" for n in range(4)]
    assert places_of_handles(structured(reply, moments)) == {}


@pytest.mark.parametrize("wrap", ["basket {}", "{}", "Created bsk_{}."])
def test_handles_that_count(reply: Any, wrap: str) -> None:
    with pytest.raises(RequirementViolated, match="count upwards: ") as caught:
        assert_handles_unpredictable(results(reply, [wrap.format(100 + n) for n in range(6)]))
    assert caught.value.exchange is not None


def test_a_random_place_is_enough(reply: Any) -> None:
    assert_handles_unpredictable(structured(reply, [{"n": n, "id": id} for n, id in enumerate(RANDOM)]))
    assert_handles_unpredictable(results(reply, [json.dumps({"id": str(uuid.uuid4())}) for _ in range(6)]))
    assert_handles_unpredictable(results(reply, [f"No. {n}: {id}" for n, id in enumerate(RANDOM)]))


def test_odd_responses(reply: Any) -> None:
    odd = {"jsonrpc": "2.0", "id": 1, "result": {"content": ["x", {"text": 5}, {}]}}
    assert places_of_handles([reply(odd), reply(b"x")]) == {}
    assert places_of_handles([]) == {}
