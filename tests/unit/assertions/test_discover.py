from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_mcp_http.assertions import (
    RequirementViolated,
    assert_core_result_type,
    assert_declared_method_served,
    assert_discovered,
    assert_discovery_complete,
    assert_extension_ids,
    assert_extension_settings,
    assert_server_identified,
    assert_supported_versions,
    assert_versions_agree,
)
from pytest_mcp_http.assertions.discover import extensions_in, supported_versions
from pytest_mcp_http.wire.exchange import Exchange

Reply = Callable[..., Exchange]
INFO = {"io.modelcontextprotocol/serverInfo": {"name": "a", "version": "1"}}
ERROR = {"jsonrpc": "2.0", "id": 1, "error": {"code": -32601, "message": "Method not found"}}


def result(**members: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "result": members}


def refused(judge: Callable[..., object], *arguments: object) -> RequirementViolated:
    with pytest.raises(RequirementViolated) as failure:
        judge(*arguments)
    return failure.value


def test_discovered(reply: Reply) -> None:
    assert_discovered(reply(result()))
    odd = {"jsonrpc": "2.0", "id": 1, "result": []}
    for wrong in (reply(ERROR, status=404), reply(status=500), reply(status=None), reply(odd), reply(b"<p>")):
        refused(assert_discovered, wrong)


def test_supported_versions(reply: Reply) -> None:
    good = reply(result(supportedVersions=["2025-11-25", "2026-07-28"]))
    assert_supported_versions(good, "2026-07-28")
    assert supported_versions(good) == ("2025-11-25", "2026-07-28")
    for value in (None, [], "2026-07-28", ["2025-11-25"], ["2026-07-28", 5], ["2026-07-28", ""]):
        refused(assert_supported_versions, reply(result(supportedVersions=value)), "2026-07-28")
    refused(assert_supported_versions, reply(result()), "2026-07-28")


def test_supported_versions_of_what_is_no_list(reply: Reply) -> None:
    assert supported_versions(reply(result(supportedVersions="2026-07-28"))) == ()
    assert supported_versions(reply(result(supportedVersions=["a", 5]))) == ("a",)
    assert supported_versions(reply(ERROR)) == ()


def test_discovery_complete(reply: Reply) -> None:
    assert_discovery_complete(reply(result(resultType="complete")))
    assert "without resultType" in refused(assert_discovery_complete, reply(result())).actual
    for kind in ("input_required", 5, ["complete"]):
        assert repr(kind) in refused(assert_discovery_complete, reply(result(resultType=kind))).actual


def test_server_identified(reply: Reply) -> None:
    assert_server_identified(reply(result(_meta=INFO)))
    for wrong in (result(), result(_meta={}), result(_meta=[]), result(serverInfo={"name": "a"})):
        refused(assert_server_identified, reply(wrong))


def test_declared_method_served(reply: Reply) -> None:
    assert_declared_method_served(reply(result(tools=[])), "tools/list", "tools")
    for wrong in (reply(ERROR, status=404), reply(status=500), reply(status=None)):
        assert "tools/list" in refused(assert_declared_method_served, wrong, "tools/list", "tools").actual


def test_versions_agree(reply: Reply) -> None:
    assert_versions_agree(reply(ERROR), ["a", "b"], ("b", "a", "a"))
    refused(assert_versions_agree, reply(ERROR), ["a", "b"], ["a"])


def test_extensions_in() -> None:
    assert extensions_in({"extensions": {"a/b": {}}}) == {"a/b": {}}
    assert extensions_in({"extensions": ["a/b"]}) == extensions_in({}) == {}


@pytest.mark.parametrize("name", ["com.example/a", "io.modelcontextprotocol/ui", "a/b.c-d_e", "com.example/"])
def test_extension_id(reply: Reply, name: str) -> None:
    assert_extension_ids(reply(result()), {name: {}})


@pytest.mark.parametrize(
    "name", ["tasks", "", "/tasks", "com..example/a", "1com/a", "a-/b", "com.example/a b", "a/b/c"]
)
def test_extension_id_without_prefix_or_against_the_grammar(reply: Reply, name: str) -> None:
    assert (
        repr(name) in refused(assert_extension_ids, reply(result()), {"com.example/a": {}, name: {}}).actual
    )


def test_extension_settings(reply: Reply) -> None:
    assert_extension_settings(reply(result()), {"a/b": {}, "a/c": {"x": None}})
    for value in (True, None, [], "x"):
        refused(assert_extension_settings, reply(result()), {"a/b": value})


def test_core_result_type(reply: Reply) -> None:
    for fine in (result(resultType="complete"), result(resultType="input_required"), result(), ERROR):
        assert_core_result_type(reply(fine))
    refused(assert_core_result_type, reply(result(resultType="task")))
