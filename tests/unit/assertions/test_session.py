from __future__ import annotations

import uuid

import pytest

from pytest_mcp_http.assertions import (
    RequirementViolated,
    assert_no_session_id,
    assert_session_gone,
    assert_session_id,
    assert_session_ids_unique,
    assert_session_ids_unpredictable,
)
from pytest_mcp_http.wire.exchange import Exchange, Request
from pytest_mcp_http.wire.headers import Headers


def answer(*ids: str, status: int = 200) -> Exchange:
    return Exchange(
        Request("POST", "http://127.0.0.1/mcp", Headers(())),
        status=status,
        headers=Headers(("Mcp-Session-Id", id) for id in ids),
    )


def test_session_id() -> None:
    assert assert_session_id(answer("abc~!")) == "abc~!"
    for wrong in (answer(), answer("a", "b"), answer("a b"), answer("caf\u00e9"), answer("a\x7f")):
        with pytest.raises(RequirementViolated):
            assert_session_id(wrong)


def test_no_session_id() -> None:
    assert_no_session_id(answer())
    with pytest.raises(RequirementViolated, match=r"HTTP 404.*with an Mcp-Session-Id header"):
        assert_no_session_id(answer("abc", status=404))


def test_session_gone() -> None:
    assert_session_gone(answer(status=404))
    assert_session_gone(answer(status=405), also=(405,))
    with pytest.raises(RequirementViolated, match="HTTP 400"):
        assert_session_gone(answer(status=400), also=(405,))


def test_ids_are_unique_and_long() -> None:
    assert_session_ids_unique([uuid.uuid4().hex for _ in range(8)])
    with pytest.raises(RequirementViolated, match="twice"):
        assert_session_ids_unique(["a" * 32, "b" * 32, "a" * 32])
    with pytest.raises(RequirementViolated, match="bits"):
        assert_session_ids_unique([f"session-{n:08}" for n in (90112233, 11223344, 55667788)])


def test_ids_are_unpredictable() -> None:
    assert_session_ids_unpredictable([uuid.uuid4().hex for _ in range(8)])
    with pytest.raises(RequirementViolated):
        assert_session_ids_unpredictable([f"{n:032x}" for n in range(100, 108)])
    with pytest.raises(RequirementViolated):
        assert_session_ids_unpredictable([str(10**20 + 7 * n) for n in range(8)])
