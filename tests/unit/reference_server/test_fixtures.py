"""What the official conformance suite asks for: offered when it is switched on, and as it is asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

CAPABILITIES = {"elicitation": {}, "sampling": {}, "roots": {}}
NAME = {"action": "accept", "content": {"name": "Ada"}}


def called(endpoint: Any, rpc: SimpleNamespace, tool: str, **params: object) -> Any:
    """Call a tool in the modern era, and return the message that it gets."""
    response = endpoint.modern("tools/call", {"name": tool, **params}, capabilities=CAPABILITIES)
    return rpc.messages(response)[-1]


@pytest.fixture
def fixtures(serve: Callable[..., Any]) -> Any:
    """A server that offers the fixtures."""
    return serve("stateful", fixtures=True, resumable=True)


def test_nothing_is_offered_unless_it_is_switched_on(
    stateful: Any, fixtures: Any, rpc: SimpleNamespace
) -> None:
    for method, member, name, known in (
        ("tools/list", "tools", "name", "test_simple_text"),
        ("prompts/list", "prompts", "name", "test_simple_prompt"),
        ("resources/templates/list", "resourceTemplates", "uriTemplate", "test://template/{id}/data"),
    ):
        for endpoint, offered in ((stateful, False), (fixtures, True)):
            [answer] = rpc.messages(endpoint.modern(method, {}))
            assert (known in [item[name] for item in answer["result"][member]]) is offered
    for endpoint, offered in ((stateful, False), (fixtures, True)):
        for uri in ("test://static-text", "test://template/7/data"):
            [answer] = rpc.messages(endpoint.modern("resources/read", {"uri": uri}))
            assert ("result" in answer) is offered
    [answer] = rpc.messages(fixtures.modern("resources/read", {"uri": "test://template/7/data"}))
    assert json.loads(answer["result"]["contents"][0]["text"])["id"] == "7"


@pytest.mark.parametrize(
    ("tool", "kinds"),
    [
        ("test_simple_text", ["text"]),
        ("test_image_content", ["image"]),
        ("test_audio_content", ["audio"]),
        ("test_embedded_resource", ["resource"]),
        ("test_multiple_content_types", ["text", "image", "resource"]),
    ],
)
def test_content(fixtures: Any, rpc: SimpleNamespace, tool: str, kinds: list[str]) -> None:
    result = called(fixtures, rpc, tool)["result"]
    assert [block["type"] for block in result["content"]] == kinds
    assert not result["isError"]


def test_arguments_are_judged_by_the_whole_schema(fixtures: Any, rpc: SimpleNamespace) -> None:
    tool = "json_schema_2020_12_tool"
    by_phone = {"contactMethod": "phone", "phone": "1"}
    assert not called(fixtures, rpc, tool, arguments=by_phone)["result"]["isError"]
    for wrong in ({"contactMethod": "phone", "email": "a"}, {"phone": "1", "more": 1}, {}):
        assert called(fixtures, rpc, tool, arguments=wrong)["result"]["isError"]


def test_a_question_without_a_state_takes_answers_from_whoever_brings_them(
    fixtures: Any, rpc: SimpleNamespace
) -> None:
    tool = "test_input_required_result_elicitation"
    asked = called(fixtures, rpc, tool)["result"]
    assert asked["resultType"] == "input_required"
    assert "requestState" not in asked
    assert list(asked["inputRequests"]) == ["user_name"]
    done = called(fixtures, rpc, tool, inputResponses={"user_name": NAME, "other": NAME})["result"]
    assert "Ada" in done["content"][0]["text"]
    again = called(fixtures, rpc, tool, inputResponses={"other": NAME})["result"]
    assert again["resultType"] == "input_required"
    assert called(fixtures, rpc, tool, inputResponses={"user_name": 1})["error"]["code"] == -32602


def test_a_question_with_a_state_goes_on_from_round_to_round(fixtures: Any, rpc: SimpleNamespace) -> None:
    tool = "test_input_required_result_multi_round"
    first = called(fixtures, rpc, tool)["result"]
    answers = {"inputResponses": {"step1": NAME}, "requestState": first["requestState"]}
    second = called(fixtures, rpc, tool, **answers)["result"]
    assert list(second["inputRequests"]) == ["step2"]
    assert second["requestState"] != first["requestState"]
    colour = {"action": "accept", "content": {"color": "blue"}}
    answers = {"inputResponses": {"step2": colour}, "requestState": second["requestState"]}
    text = called(fixtures, rpc, tool, **answers)["result"]["content"][0]["text"]
    assert json.loads(text)["answers"] == {"step1": NAME, "step2": colour}


def test_a_prompt_asks_for_what_it_needs(fixtures: Any, rpc: SimpleNamespace) -> None:
    prompt = {"name": "test_input_required_result_prompt"}
    [asked] = rpc.messages(fixtures.modern("prompts/get", prompt, capabilities=CAPABILITIES))
    assert list(asked["result"]["inputRequests"]) == ["user_context"]
    answer = {"user_context": {"action": "accept", "content": {"context": "tea"}}}
    params = {**prompt, "inputResponses": answer}
    [filled] = rpc.messages(fixtures.modern("prompts/get", params, capabilities=CAPABILITIES))
    assert filled["result"]["messages"][0]["content"]["text"].endswith("tea")


def test_a_prompt_cannot_ask_a_client_of_the_handshake_era_that_cannot_be_asked(
    fixtures: Any, rpc: SimpleNamespace
) -> None:
    message = rpc.request("prompts/get", {"name": "test_input_required_result_prompt"})
    answer = rpc.messages(fixtures.post(message, fixtures.initialize()))[-1]
    assert answer["error"]["code"] == -32602


def test_a_stream_that_is_closed_before_the_result_can_be_taken_up(
    fixtures: Any, rpc: SimpleNamespace
) -> None:
    session = fixtures.initialize()
    response = fixtures.post(rpc.call("test_reconnection", {}), session)
    [begin] = rpc.blocks(response.text)
    assert begin["data"] == ""
    assert int(begin["retry"]) > 0
    headers = {"accept": "text/event-stream", **session, "last-event-id": begin["id"]}
    with fixtures.http.stream("GET", fixtures.url, headers=headers) as stream:
        block = next(line for line in stream.iter_lines() if line.startswith("data: {"))
    assert "result" in json.loads(block.removeprefix("data: "))


def test_a_stream_that_cannot_be_taken_up_is_not_closed(serve: Any, rpc: SimpleNamespace) -> None:
    endpoint = serve("stateful", fixtures=True)
    response = endpoint.post(rpc.call("test_reconnection", {}), endpoint.initialize())
    assert "result" in rpc.messages(response)[-1]
