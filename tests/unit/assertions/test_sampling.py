from __future__ import annotations

from typing import Any

import pytest

from pytest_mcp_http.assertions.input_requests import assert_no_deprecated_requests
from pytest_mcp_http.assertions.sampling import (
    assert_sampling_context_declared,
    assert_sampling_tools_declared,
    assert_tool_results_alone,
    assert_tool_uses_answered,
)
from pytest_mcp_http.errors import RequirementViolated

TEXT = {"type": "text", "text": "a"}
USE = {"type": "tool_use", "id": "u", "name": "n", "input": {}}
RESULT = {"type": "tool_result", "toolUseId": "u", "content": []}
PLAIN: dict[str, object] = {"sampling": {}}


def user(*blocks: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def model(*blocks: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


@pytest.fixture
def asking(reply: Any) -> Any:
    def make(params: Any, method: str = "sampling/createMessage") -> Any:
        return reply({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}, stream=True)

    return make


@pytest.fixture
def saying(asking: Any) -> Any:
    return lambda *messages: asking({"messages": list(messages)})


@pytest.mark.parametrize("params", [{}, {"tools": []}, {"tools": None}, 5])
def test_no_tools(asking: Any, params: Any) -> None:
    assert_sampling_tools_declared(asking(params), PLAIN)


@pytest.mark.parametrize("params", [{"tools": [{}]}, {"toolChoice": {"mode": "auto"}}])
def test_tools(asking: Any, params: Any) -> None:
    assert_sampling_tools_declared(asking(params), {"sampling": {"tools": {}}})
    with pytest.raises(RequirementViolated):
        assert_sampling_tools_declared(asking(params), PLAIN)


@pytest.mark.parametrize("context", ["none", None, 5, ["thisServer"]])
def test_no_context(asking: Any, context: Any) -> None:
    assert_sampling_context_declared(asking({"includeContext": context}), PLAIN)


@pytest.mark.parametrize("context", ["thisServer", "allServers"])
def test_context(asking: Any, context: str) -> None:
    exchange = asking({"includeContext": context})
    assert_sampling_context_declared(exchange, {"sampling": {"context": {}}})
    with pytest.raises(RequirementViolated):
        assert_sampling_context_declared(exchange, {})


@pytest.mark.parametrize(
    "messages",
    [
        [user(TEXT), model(USE), user(RESULT)],
        [
            user(TEXT),
            model(TEXT, USE, {**USE, "id": "v"}),
            user({**RESULT, "toolUseId": "v"}, RESULT),
            model(TEXT),
        ],
        [{"role": "user", "content": RESULT}],
        [5, {}, {"role": "user", "content": 5}],
    ],
)
def test_balanced(saying: Any, messages: Any) -> None:
    assert_tool_results_alone(saying(*messages))
    assert_tool_uses_answered(saying(*messages))


def test_mixed(saying: Any) -> None:
    exchange = saying(model(USE), user(RESULT, TEXT))
    assert_tool_uses_answered(exchange)
    with pytest.raises(RequirementViolated, match="text"):
        assert_tool_results_alone(exchange)


@pytest.mark.parametrize(
    "messages",
    [
        [model(USE)],
        [model(USE), user(TEXT)],
        [model(USE), model(RESULT)],
        [model(USE), user(TEXT), user(RESULT)],
        [model(USE, {**USE, "id": "v"}), user(RESULT)],
        [{"role": "assistant", "content": USE}, user({**RESULT, "toolUseId": ["u"]})],
    ],
)
def test_unbalanced(saying: Any, messages: Any) -> None:
    with pytest.raises(RequirementViolated):
        assert_tool_uses_answered(saying(*messages))


@pytest.mark.parametrize("method", ["sampling/createMessage", "roots/list"])
def test_deprecated(asking: Any, method: str) -> None:
    assert_no_deprecated_requests(asking({}, "elicitation/create"))
    with pytest.raises(RequirementViolated) as caught:
        assert_no_deprecated_requests(asking({}, method))
    assert caught.value.note
