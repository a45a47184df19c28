from __future__ import annotations

from typing import Any

import pytest

from pytest_mcp_http.assertions.changes import (
    assert_list_change_announced,
    assert_update_announced,
    assert_updates_asked_for,
    concerns,
    updated_uris,
)
from pytest_mcp_http.errors import RequirementViolated

UPDATED = "notifications/resources/updated"


def pushed(method: str, **params: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "method": method, "params": params}


def caught(judge: Any, *args: Any) -> str:
    with pytest.raises(RequirementViolated) as found:
        judge(*args)
    return found.value.actual


def test_uris_of_updates(reply: Any) -> None:
    odd = {"jsonrpc": "2.0", "method": UPDATED, "params": ["a:b"]}
    stream = reply(
        pushed(UPDATED, uri="a:b"), pushed(UPDATED, uri=5), pushed("other", uri="c:d"), odd, stream=True
    )
    assert list(updated_uris(stream)) == ["a:b"]


@pytest.mark.parametrize(
    ("uri", "asked", "expected"),
    [
        ("a:b", ["a:b"], True),
        ("a:b/c", ["a:b"], True),
        ("a:b/c", ["x:y", "a:b/"], True),
        ("a:bc", ["a:b"], False),
        ("a:b", ["a:b/c"], False),
        ("a:b", [], False),
    ],
)
def test_what_concerns(uri: str, asked: list[str], expected: bool) -> None:
    assert concerns(uri, asked) is expected


def test_announced_list(reply: Any) -> None:
    changed = reply(pushed("notifications/tools/list_changed"), stream=True)
    assert assert_list_change_announced([reply(stream=True), changed], "tools").messages == ()
    said = caught(assert_list_change_announced, [changed], "prompts")
    assert said == "the list of prompts changed, and nothing came"


def test_announced_update(reply: Any) -> None:
    stream = reply(pushed(UPDATED, uri="a:b/c"), stream=True)
    assert_update_announced([reply(stream=True), stream], ["a:b"])
    assert_update_announced([stream], [])
    assert caught(assert_update_announced, [stream], ["a:b", "c:d"]) == "c:d changed, and nothing came"


def test_updates_that_were_asked_for(reply: Any) -> None:
    stream = reply(pushed(UPDATED, uri="a:b/c"), stream=True)
    assert_updates_asked_for(stream, ["a:b"])
    assert_updates_asked_for(reply(stream=True), [])
    for asked in ([], ["c:d"]):
        assert caught(assert_updates_asked_for, stream, asked) == "an update of a:b/c"
