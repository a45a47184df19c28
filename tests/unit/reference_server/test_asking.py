"""Asking the client back: several round trips in the modern era, requests of the server's own before."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from reference_server.app import ReferenceApp

LIMIT = 10.0
ALL = {"elicitation": {"form": {}, "url": {}}, "sampling": {"tools": {}}, "roots": {}}
ACCEPTED = {"action": "accept", "content": {"text": "hä ✓"}}
SAMPLED = {"role": "assistant", "content": {"type": "text", "text": "short"}, "model": "m"}
ROOTS = {"roots": [{"uri": "file:///a", "name": "a"}]}
METHODS = {
    "elicitation": "elicitation/create",
    "url": "elicitation/create",
    "sampling": "sampling/createMessage",
    "tools": "sampling/createMessage",
    "roots": "roots/list",
}
USES = {
    **SAMPLED,
    "content": [
        {"type": "tool_use", "id": f"use-{n}", "name": "lookup", "input": {"word": "a"}} for n in (1, 2)
    ],
    "stopReason": "toolUse",
}


@pytest.fixture(scope="module", params=[("stateful", False), ("stateless", False), ("stateless", True)])
def server(request: pytest.FixtureRequest, rpc: Any) -> Iterator[Any]:
    mode, json_response = request.param
    with rpc.running(ReferenceApp(mode, [], "/mcp", json_response=json_response)) as endpoint:
        yield endpoint


def ask(server: Any, kind: str, capabilities: object = ALL, **params: object) -> httpx.Response:
    """Call the tool, or another one named in `params`."""
    given = {"name": "ask_back", "arguments": {"kind": kind}, **params}
    response = server.modern("tools/call", given, capabilities=capabilities)
    assert isinstance(response, httpx.Response)
    return response


def result_of(rpc: Any, response: httpx.Response) -> Any:
    [answer] = rpc.messages(response)
    return answer["result"]


def assert_refused(response: httpx.Response, code: int = -32602) -> Any:
    """Assert that a call was refused with this code, and return the error."""
    assert (response.status_code, response.json()["error"]["code"]) == (400, code)
    return response.json()["error"]


def state_for(rpc: Any, server: Any, kind: str) -> str:
    return str(result_of(rpc, ask(server, kind))["requestState"])


# --- the modern era ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "answer"),
    [
        ("elicitation", ACCEPTED),
        ("sampling", SAMPLED),
        ("roots", ROOTS),
        ("url", {"action": "accept"}),
        ("tools", SAMPLED),
    ],
)
def test_an_answer_completes_the_call(server: Any, rpc: Any, kind: str, answer: dict[str, object]) -> None:
    asked = result_of(rpc, ask(server, kind))
    assert asked["resultType"] == "input_required"
    assert "ttlMs" not in asked
    [(key, request)] = asked["inputRequests"].items()
    assert request["method"] == METHODS[kind]
    assert not {"id", "jsonrpc"} & set(request)
    responses = {key: answer, "stray": {"action": "cancel"}}
    done = result_of(rpc, ask(server, kind, inputResponses=responses, requestState=asked["requestState"]))
    assert (done["resultType"], done["isError"]) == ("complete", False)
    text = json.loads(done["content"][0]["text"])
    assert text == {"kind": kind, "outcome": "accept", "answer": answer}


def test_form_mode_is_asked_for(stateless: Any, rpc: Any) -> None:
    request = result_of(rpc, ask(stateless, "elicitation"))["inputRequests"]["answer"]
    schema = request["params"]["requestedSchema"]
    assert request["params"]["message"]
    assert (schema["type"], schema["properties"]["text"]["type"]) == ("object", "string")


@pytest.mark.parametrize("action", ["decline", "cancel"])
def test_no_is_an_answer(stateless: Any, rpc: Any, action: str) -> None:
    state = state_for(rpc, stateless, "elicitation")
    answer = {"answer": {"action": action}}
    done = result_of(rpc, ask(stateless, "elicitation", inputResponses=answer, requestState=state))
    assert json.loads(done["content"][0]["text"])["outcome"] == action


@pytest.mark.parametrize("responses", [{}, {"other": ACCEPTED}, {"answer": {"action": "accept"}}, None])
def test_what_is_missing_is_asked_for_again(stateless: Any, rpc: Any, responses: object) -> None:
    state = state_for(rpc, stateless, "elicitation")
    given = {} if responses is None else {"inputResponses": responses}
    again = result_of(rpc, ask(stateless, "elicitation", requestState=state, **given))
    assert again["resultType"] == "input_required"
    assert again["inputRequests"]["answer"]["method"] == "elicitation/create"


def test_an_answer_without_state_is_not_taken(stateless: Any, rpc: Any) -> None:
    asked = result_of(rpc, ask(stateless, "elicitation", inputResponses={"answer": ACCEPTED}))
    assert asked["resultType"] == "input_required"


@pytest.mark.parametrize(
    ("kind", "responses"),
    [
        ("elicitation", []),
        ("elicitation", {"answer": 5}),
        ("elicitation", {"answer": {"action": 5}}),
        ("elicitation", {"answer": {"action": "accept", "content": {"text": 5}}}),
        ("elicitation", {"answer": SAMPLED}),
        ("sampling", {"answer": ACCEPTED}),
        ("sampling", {"answer": {**SAMPLED, "role": "system"}}),
        ("roots", {"answer": {"roots": "x"}}),
        ("roots", {"answer": ACCEPTED}),
    ],
)
def test_malformed_answers_are_refused(stateless: Any, rpc: Any, kind: str, responses: object) -> None:
    state = state_for(rpc, stateless, kind)
    assert_refused(ask(stateless, kind, inputResponses=responses, requestState=state))


def test_a_model_uses_tools_over_several_rounds_but_not_for_ever(stateless: Any, rpc: Any) -> None:
    asked = result_of(rpc, ask(stateless, "tools"))
    rounds = [asked["inputRequests"]["answer"]["params"]]
    for answer in (USES, USES, SAMPLED):
        given = {"inputResponses": {"answer": answer}, "requestState": asked["requestState"]}
        asked = result_of(rpc, ask(stateless, "tools", **given))
        if "inputRequests" in asked:
            rounds.append(asked["inputRequests"]["answer"]["params"])
            earlier = given
    assert json.loads(asked["content"][0]["text"])["answer"] == SAMPLED
    assert [each["toolChoice"]["mode"] for each in rounds] == ["auto", "auto", "none"]
    assert [message["role"] for message in rounds[-1]["messages"]] == ["user", *["assistant", "user"] * 2]
    results = rounds[1]["messages"][-1]["content"]
    assert [(each["type"], each["toolUseId"]) for each in results] == [
        ("tool_result", "use-1"),
        ("tool_result", "use-2"),
    ]
    last = result_of(rpc, ask(stateless, "tools", **earlier))
    given = {"inputResponses": {"answer": USES}, "requestState": last["requestState"]}
    assert result_of(rpc, ask(stateless, "tools", **given))["isError"]


def test_a_state_is_protected(serve: Any, rpc: Any) -> None:
    server, foreign = serve("stateless"), serve("stateless")
    state = state_for(rpc, server, "elicitation")
    answer = {"answer": ACCEPTED}
    flipped = state[:20] + ("A" if state[20] != "A" else "B") + state[21:]
    for wrong in (
        flipped,
        state[:-1],
        state + "x",
        state.upper(),
        "",
        state_for(rpc, foreign, "elicitation"),
    ):
        if wrong:
            assert_refused(ask(server, "elicitation", inputResponses=answer, requestState=wrong))
    assert_refused(ask(server, "sampling", inputResponses={"answer": SAMPLED}, requestState=state))
    assert_refused(ask(server, "", name="health_check", arguments={}, requestState=state))
    for method, params in (
        ("prompts/get", {"name": "server_status"}),
        ("resources/read", {"uri": "reference://greeting"}),
    ):
        assert_refused(server.modern(method, {**params, "requestState": state}))


def test_a_state_lapses(serve: Any, rpc: Any) -> None:
    server = serve("stateless", state_seconds=0.05)
    state = state_for(rpc, server, "elicitation")
    time.sleep(0.06)
    assert_refused(ask(server, "elicitation", inputResponses={"answer": ACCEPTED}, requestState=state))


@pytest.mark.parametrize(
    ("kind", "capabilities", "required"),
    [
        ("elicitation", {}, {"elicitation": {"form": {}}}),
        ("elicitation", {"elicitation": {"url": {}}}, {"elicitation": {"form": {}}}),
        ("url", {"elicitation": {}}, {"elicitation": {"url": {}}}),
        ("tools", {"sampling": {}}, {"sampling": {"tools": {}}}),
        ("sampling", {"elicitation": {}}, {"sampling": {}}),
        ("roots", {"sampling": {}}, {"roots": {}}),
    ],
)
def test_nothing_is_asked_for_that_was_not_declared(
    server: Any, rpc: Any, kind: str, capabilities: object, required: object
) -> None:
    assert result_of(rpc, ask(server, kind))["resultType"] == "input_required"
    error = assert_refused(ask(server, kind, capabilities), -32021)
    assert error["data"] == {"requiredCapabilities": required}


def test_form_mode_may_be_declared_in_several_ways(stateless: Any, rpc: Any) -> None:
    for modes in ({}, {"form": {}}, {"form": {}, "url": {}}):
        asked = result_of(rpc, ask(stateless, "elicitation", {"elicitation": modes}))
        assert asked["resultType"] == "input_required"


def test_wrong_arguments(stateless: Any, rpc: Any) -> None:
    assert result_of(rpc, ask(stateless, "weather"))["isError"]


# --- the handshake era ------------------------------------------------------------------------------------


def converse(
    server: Any, rpc: Any, session: dict[str, str], kind: str, answer: dict[str, object]
) -> tuple[Any, Any]:
    """Call the tool, answer what it asks for, and return the request and the result."""
    headers = {"accept": "application/json, text/event-stream", **session}
    message = rpc.call("ask_back", {"kind": kind}, "call")
    with (
        httpx.Client(timeout=LIMIT, trust_env=False) as client,
        client.stream("POST", server.url, json=message, headers=headers) as response,
    ):
        lines = response.iter_lines()
        found = (json.loads(line[6:]) for line in lines if line.startswith("data: {"))
        request = next(found)
        reply = {"jsonrpc": "2.0", "id": request["id"], **answer}
        assert server.post(reply, session).status_code == 202
        last = next(found)
        assert last["id"] == "call"
        return request, last["result"]


@pytest.mark.parametrize(
    ("revision", "kind", "answer"),
    [
        ("2025-03-26", "sampling", SAMPLED),
        ("2025-03-26", "roots", ROOTS),
        ("2025-06-18", "elicitation", ACCEPTED),
        ("2025-11-25", "elicitation", ACCEPTED),
        ("2025-11-25", "sampling", SAMPLED),
        ("2025-11-25", "tools", SAMPLED),
    ],
)
@pytest.mark.parametrize("mode", ["stateful", "resumable"])
def test_a_session_is_asked_on_the_stream_of_the_call(
    request: pytest.FixtureRequest, rpc: Any, revision: str, kind: str, answer: dict[str, object], mode: str
) -> None:
    server = request.getfixturevalue(mode)
    session = server.initialize(revision, **ALL)
    asked, result = converse(server, rpc, session, kind, {"result": answer})
    assert (asked["method"], "params" in asked) == (METHODS[kind], kind != "roots")
    assert not result["isError"]
    assert json.loads(result["content"][0]["text"]) == {"kind": kind, "outcome": "accept", "answer": answer}


@pytest.mark.parametrize(
    "answer", [{"error": {"code": -1, "message": "no"}}, {"result": {"action": 5}}, {"result": {}}]
)
def test_an_unusable_answer_fails_the_call(stateful: Any, rpc: Any, answer: dict[str, object]) -> None:
    session = stateful.initialize(elicitation={})
    _, result = converse(stateful, rpc, session, "elicitation", answer)
    assert result["isError"]


@pytest.mark.parametrize(("action", "told"), [("accept", 1), ("decline", 0)])
def test_a_visit_to_a_url_is_told_to_be_complete(stateful: Any, rpc: Any, action: str, told: int) -> None:
    session = stateful.initialize(elicitation={"url": {}})
    headers = {"accept": "application/json, text/event-stream", **session}
    message = rpc.call("ask_back", {"kind": "url"}, "call")
    with (
        httpx.Client(timeout=LIMIT, trust_env=False) as client,
        client.stream("POST", stateful.url, json=message, headers=headers) as response,
    ):
        found = (json.loads(line[6:]) for line in response.iter_lines() if line.startswith("data: {"))
        request = next(found)
        assert request["params"].keys() == {"mode", "message", "url", "elicitationId"}
        stateful.post({"jsonrpc": "2.0", "id": request["id"], "result": {"action": action}}, session)
        *notifications, last = found
    assert [each["method"] for each in notifications] == ["notifications/elicitation/complete"] * told
    assert all(
        each["params"]["elicitationId"] == request["params"]["elicitationId"] for each in notifications
    )
    assert json.loads(last["result"]["content"][0]["text"])["outcome"] == action


@pytest.mark.parametrize("options", [{"mode": "stateful", "json_response": True}])
def test_who_cannot_be_asked_to_open_a_url_is_told_to_do_so_first(
    serve: Any, rpc: Any, options: dict[str, Any]
) -> None:
    server = serve(**options)
    session = server.initialize(elicitation={"url": {}})
    errors = [
        rpc.messages(server.post(rpc.call("ask_back", {"kind": "url"}), session))[0]["error"]
        for _ in range(2)
    ]
    assert [error["code"] for error in errors] == [-32042, -32042]
    elicitations = [error["data"]["elicitations"][0] for error in errors]
    assert all(each["mode"] == "url" for each in elicitations)
    assert elicitations[0]["elicitationId"] != elicitations[1]["elicitationId"]


def test_no_answer_fails_the_call(serve: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reference_server.asking.ANSWER_SECONDS", 0.05)
    server = serve("stateful")
    session = server.initialize(elicitation={})
    assert "error" in server.call("ask_back", {"kind": "elicitation"}, session)


@pytest.mark.parametrize(
    ("options", "revision", "capabilities"),
    [
        ({"mode": "stateful"}, "2025-11-25", {}),
        ({"mode": "stateful"}, "2025-11-25", {"elicitation": {"url": {}}}),
        ({"mode": "stateful"}, "2025-03-26", ALL),
        ({"mode": "stateful", "json_response": True}, "2025-11-25", ALL),
        ({"mode": "stateless"}, "2025-11-25", ALL),
    ],
)
def test_who_cannot_be_asked_gets_an_error_that_says_so(
    serve: Any, options: dict[str, Any], revision: str, capabilities: dict[str, object]
) -> None:
    server = serve(**options)
    session = server.initialize(revision, **capabilities)
    assert server.call("ask_back", {"kind": "elicitation"}, session)["error"]
