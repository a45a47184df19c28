from __future__ import annotations

from typing import Any

import pytest

from pytest_mcp_http.assertions.caching import (
    assert_cache_hints,
    assert_cache_scope_valid,
    assert_no_cache_hints,
    assert_one_cache_scope,
    assert_ttl_valid,
    cacheable_result,
)
from pytest_mcp_http.errors import RequirementViolated

ERROR = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32602, "message": "no"}}


def page(**members: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "result": {"resultType": "complete", "tools": [], **members}}


def interim(**members: Any) -> dict[str, Any]:
    return page(resultType="input_required", **members)


class TestHints:
    @pytest.mark.parametrize(
        "body",
        [
            page(ttlMs=0, cacheScope="public"),
            page(ttlMs=None, cacheScope=None),
            interim(),
            page(resultType="task"),
            ERROR,
        ],
    )
    def test_good(self, reply: Any, body: Any) -> None:
        assert assert_cache_hints(reply(body)).status == 200

    @pytest.mark.parametrize(
        ("body", "missing"),
        [
            (page(), "ttlMs and cacheScope"),
            (page(ttlMs=0), "cacheScope"),
            (page(cacheScope="public"), "ttlMs"),
            ({"jsonrpc": "2.0", "id": 1, "result": {}}, "ttlMs and cacheScope"),
        ],
    )
    def test_missing(self, reply: Any, body: Any, missing: str) -> None:
        with pytest.raises(RequirementViolated, match=f"without {missing}"):
            assert_cache_hints(reply(body))

    def test_results_that_may_be_kept(self, reply: Any) -> None:
        assert cacheable_result(reply(page()))
        for body in (interim(), ERROR, {"jsonrpc": "2.0", "id": 1, "result": []}):
            assert cacheable_result(reply(body)) is None

    def test_interim_results_have_none(self, reply: Any) -> None:
        for body in (interim(), page(ttlMs=1), ERROR):
            assert_no_cache_hints(reply(body))
        with pytest.raises(RequirementViolated, match="with ttlMs") as caught:
            assert_no_cache_hints(reply(interim(ttlMs=1)))
        assert caught.value.note


class TestValues:
    @pytest.mark.parametrize("number", [b"0", b"1000", b"5.0", b"1e3", b"9007199254740992"])
    def test_ttl(self, reply: Any, number: bytes) -> None:
        body = b'{"jsonrpc":"2.0","id":1,"result":{"resultType":"complete","ttlMs":%b}}' % number
        assert assert_ttl_valid(reply(body)).result["ttlMs"] == float(number)

    @pytest.mark.parametrize("ttl", [-1, -0.5, 0.5, 1e-3, True, None, "5", [], {}])
    def test_bad_ttl(self, reply: Any, ttl: Any) -> None:
        with pytest.raises(RequirementViolated, match="ttlMs is"):
            assert_ttl_valid(reply(page(ttlMs=ttl)))

    def test_scopes(self, reply: Any) -> None:
        for body in (page(cacheScope="public"), page(cacheScope="private"), page(), interim(cacheScope=1)):
            assert_cache_scope_valid(reply(body))
        for scope in ("PUBLIC", "", None, True, [], {}):
            with pytest.raises(RequirementViolated, match="cacheScope is"):
                assert_cache_scope_valid(reply(page(cacheScope=scope)))

    def test_missing_values_are_judged_elsewhere(self, reply: Any) -> None:
        assert_ttl_valid(reply(page()))
        assert_ttl_valid(reply(ERROR))

    def test_pages(self, reply: Any) -> None:
        private, public = reply(page(cacheScope="private")), reply(page(cacheScope="public"))
        assert_one_cache_scope([])
        assert_one_cache_scope([private, reply(page()), reply(page(cacheScope=5)), reply(ERROR), private])
        with pytest.raises(RequirementViolated, match="public, after one with private") as caught:
            assert_one_cache_scope([private, reply(ERROR), public])
        assert caught.value.exchange is public
