"""Tasks of the reference server: made, polled, fetched, answered, listed and cancelled, in both eras."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any

import pytest

LIMIT = 10.0
EXTENSION = "io.modelcontextprotocol/tasks"
RELATED = "io.modelcontextprotocol/related-task"
DECLARED = {"extensions": {EXTENSION: {}}, "elicitation": {}}
ACCEPTED = {"action": "accept", "content": {"text": "yes"}}
UNKNOWN = "no-such-task"


class Old:
    """A client of 2025-11-25."""

    def __init__(self, server: Any, rpc: Any) -> None:
        self.server, self.rpc = server, rpc
        self.session = server.initialize(elicitation={})

    def send(self, method: str, **params: object) -> Any:
        """Return the response message."""
        return self.rpc.messages(self.server.post(self.rpc.request(method, params), self.session))[-1]

    def begin(self, tool: str, **arguments: object) -> Any:
        """Return the new task."""
        found = self.send("tools/call", name=tool, arguments=arguments, task={"ttl": 60_000})
        return found["result"]["task"]

    def get(self, task: Mapping[str, Any]) -> Any:
        """Return the task as it stands."""
        return self.send("tasks/get", taskId=task["taskId"])["result"]


class New:
    """A client of the extension."""

    def __init__(self, server: Any, rpc: Any) -> None:
        self.server, self.rpc = server, rpc

    def send(self, method: str, capabilities: object = DECLARED, **params: object) -> Any:
        """Return the response message."""
        headers = {"mcp-name": str(params["taskId"])} if "taskId" in params else {}
        sent = self.server.modern(method, params, capabilities=capabilities, headers=headers)
        return self.rpc.messages(sent)[-1]

    def begin(self, tool: str, **arguments: object) -> Any:
        """Return the new task."""
        return self.send("tools/call", name=tool, arguments=arguments)["result"]

    def get(self, task: Mapping[str, Any]) -> Any:
        """Return the task as it stands."""
        return self.send("tasks/get", taskId=task["taskId"])["result"]


def until(client: Any, task: Mapping[str, Any], *statuses: str) -> Any:
    """Poll a task until it has one of some statuses."""
    deadline = time.monotonic() + LIMIT
    while (found := client.get(task))["status"] not in statuses:
        assert time.monotonic() < deadline, found
        time.sleep(0.01)
    return found


@pytest.fixture
def old(stateful: Any, rpc: Any) -> Old:
    return Old(stateful, rpc)


@pytest.fixture
def new(stateless: Any, rpc: Any) -> New:
    return New(stateless, rpc)


# --- 2025-11-25 -------------------------------------------------------------------------------------------


def test_tasks_are_declared_at_their_revision(stateful: Any, stateless: Any, rpc: Any) -> None:
    def declared(server: Any, revision: str) -> Any:
        return rpc.messages(server.post(rpc.initialize(revision)))[0]["result"]["capabilities"].get("tasks")

    assert declared(stateful, "2025-11-25") == {
        "cancel": {},
        "list": {},
        "requests": {"tools": {"call": {}}},
    }
    assert "list" not in declared(stateless, "2025-11-25")
    assert declared(stateful, "2025-06-18") is None


def test_tools_say_whether_they_run_as_tasks(stateful: Any, old: Old, rpc: Any) -> None:
    tools = {tool["name"]: tool for tool in old.send("tools/list")["result"]["tools"]}
    assert tools["run_job"]["execution"] == {"taskSupport": "optional"}
    assert tools["run_batch"]["execution"] == {"taskSupport": "required"}
    assert "execution" not in tools["analyze_text"]
    older = stateful.initialize("2025-06-18")
    listed = rpc.messages(stateful.post(rpc.request("tools/list"), older))[-1]["result"]["tools"]
    assert not any("execution" in tool for tool in listed)


@pytest.mark.parametrize("mode", ["stateful", "stateless"])
def test_a_task_runs_and_is_fetched(serve: Any, rpc: Any, mode: str) -> None:
    client = Old(serve(mode), rpc)
    task = client.begin("run_job", milliseconds=30)
    assert (task["status"], task["ttl"], task["pollInterval"]) == ("working", 60_000, 10)
    assert task["createdAt"].endswith("Z")
    done = client.send("tasks/result", taskId=task["taskId"])["result"]
    assert json.loads(done["content"][0]["text"]) == {"job": "done"}
    assert done["_meta"] == {RELATED: {"taskId": task["taskId"]}}
    assert client.get(task)["status"] == "completed"
    assert client.send("tasks/result", taskId=task["taskId"])["result"] == done


@pytest.mark.parametrize(("outcome", "code"), [("error", None), ("refused", -32010)])
def test_tasks_fail_like_their_request(old: Old, outcome: str, code: int | None) -> None:
    task = old.begin("run_job", outcome=outcome, milliseconds=0)
    assert until(old, task, "failed")["statusMessage"]
    plain = old.send("tools/call", name="run_job", arguments={"outcome": outcome, "milliseconds": 0})
    found = old.send("tasks/result", taskId=task["taskId"])
    assert found.get("error") == plain.get("error")
    assert found.get("error", {}).get("code") == code
    assert ("result" in found) == (code is None)


def test_wrong_arguments_fail_the_task(old: Old) -> None:
    task = old.send("tools/call", name="run_job", arguments=5, task={})["result"]["task"]
    until(old, task, "failed")
    assert old.send("tasks/result", taskId=task["taskId"])["error"]["code"] == -32602


def test_what_the_tools_support_is_minded(old: Old) -> None:
    plain = old.send("tools/call", name="run_batch", arguments={})
    forbidden = old.send("tools/call", name="health_check", arguments={}, task={})
    unknown = old.send("tools/call", name="nothing", arguments={}, task={})
    assert [each["error"]["code"] for each in (plain, forbidden, unknown)] == [-32601, -32601, -32602]


def test_a_task_asks_on_the_stream_of_its_result(old: Old, rpc: Any) -> None:
    task = old.begin("ask_back", kind="elicitation")
    assert until(old, task, "input_required", "failed")["status"] == "input_required"
    message = rpc.request("tasks/result", {"taskId": task["taskId"]})
    headers = {"accept": "application/json, text/event-stream", **old.session}
    with old.server.http.stream("POST", old.server.url, json=message, headers=headers) as stream:
        lines = (line.removeprefix("data: ") for line in stream.iter_lines() if line.startswith("data: "))
        asked = json.loads(next(lines))
        assert asked["method"] == "elicitation/create"
        assert asked["params"]["_meta"][RELATED] == {"taskId": task["taskId"]}
        old.server.post({"jsonrpc": "2.0", "id": asked["id"], "result": ACCEPTED}, old.session)
        done = json.loads(next(lines))
    assert json.loads(done["result"]["content"][0]["text"])["outcome"] == "accept"
    assert old.get(task)["status"] == "completed"


def test_nobody_can_be_asked_without_streams(serve: Any, rpc: Any) -> None:
    client = Old(serve("stateful", json_response=True), rpc)
    task = client.begin("ask_back", kind="elicitation")
    assert until(client, task, "failed", "input_required")["status"] == "failed"


def test_tasks_are_listed_page_by_page(old: Old) -> None:
    ids = [old.begin("run_job", milliseconds=0)["taskId"] for _ in range(20)]
    listed: list[str] = []
    page = old.send("tasks/list")["result"]
    while "nextCursor" in page:
        listed += [task["taskId"] for task in page["tasks"]]
        page = old.send("tasks/list", cursor=page["nextCursor"])["result"]
    listed += [task["taskId"] for task in page["tasks"]]
    assert listed == ids
    assert old.send("tasks/list", cursor="?")["error"]["code"] == -32602


def test_tasks_belong_to_their_session(stateful: Any, old: Old, rpc: Any) -> None:
    task = old.begin("run_job")
    other = Old(stateful, rpc)
    for method in ("tasks/get", "tasks/result", "tasks/cancel"):
        assert other.send(method, taskId=task["taskId"])["error"]["code"] == -32602
    assert other.send("tasks/list")["result"] == {"tasks": []}


def test_cancelled_tasks_stop_and_stay_cancelled(old: Old) -> None:
    task = old.begin("count_ticks", key=UNKNOWN, ticks=50, milliseconds=20)
    cancelled = old.send("tasks/cancel", taskId=task["taskId"])["result"]
    assert (cancelled["status"], cancelled["taskId"]) == ("cancelled", task["taskId"])
    assert old.send("tasks/cancel", taskId=task["taskId"])["error"]["code"] == -32602
    assert "error" in old.send("tasks/result", taskId=task["taskId"])
    told = json.loads(
        old.send("tools/call", name="read_ticks", arguments={"key": UNKNOWN})["result"]["content"][0]["text"]
    )
    assert not told["running"]


def test_polls_are_answered_with_json(stateful: Any, old: Old, rpc: Any) -> None:
    task = old.begin("run_job")
    for task_id in (task["taskId"], UNKNOWN):
        response = stateful.post(rpc.request("tasks/get", {"taskId": task_id}), old.session)
        assert response.headers["content-type"] == "application/json"


def test_methods_are_unknown_elsewhere(stateful: Any, stateless: Any, rpc: Any) -> None:
    older = stateful.initialize("2025-06-18")
    assert stateful.post(rpc.request("tasks/get", {"taskId": "x"}), older).json()["error"]["code"] == -32601
    session = stateless.initialize()
    assert stateless.post(rpc.request("tasks/list"), session).json()["error"]["code"] == -32601
    task = {"name": "run_job", "arguments": {"milliseconds": 0}, "task": {}}
    plain = rpc.messages(stateful.post(rpc.request("tools/call", task), older))[-1]
    assert "content" in plain["result"]


# --- the extension ----------------------------------------------------------------------------------------


def test_the_extension_is_advertised(new: New) -> None:
    capabilities = new.send("server/discover")["result"]["capabilities"]
    assert capabilities["extensions"] == {EXTENSION: {}}
    assert "tasks" not in capabilities


def test_a_call_becomes_a_task(new: New) -> None:
    task = new.begin("run_job", milliseconds=20)
    assert (task["resultType"], task["status"], task["ttlMs"]) == ("task", "working", 60_000)
    done = until(new, task, "completed")
    assert done["resultType"] == "complete"
    assert json.loads(done["result"]["content"][0]["text"]) == {"job": "done"}


@pytest.mark.parametrize(("outcome", "status"), [("error", "completed"), ("refused", "failed")])
def test_only_errors_of_the_protocol_fail(new: New, outcome: str, status: str) -> None:
    found = until(new, new.begin("run_job", outcome=outcome, milliseconds=0), "completed", "failed")
    assert found["status"] == status
    assert found.get("error", {}).get("code") == (-32010 if outcome == "refused" else None)
    assert found.get("result", {}).get("isError") == (True if outcome == "error" else None)


def test_a_task_asks_by_its_polls(new: New) -> None:
    task = new.begin("ask_back", kind="elicitation")
    asked = until(new, task, "input_required")["inputRequests"]
    [(key, request)] = asked.items()
    assert request["method"] == "elicitation/create"
    stray = new.send("tasks/update", taskId=task["taskId"], inputResponses={"other": ACCEPTED})
    assert stray["result"]["resultType"] == "complete"
    assert new.get(task)["inputRequests"] == asked
    new.send("tasks/update", taskId=task["taskId"], inputResponses={key: ACCEPTED})
    done = until(new, task, "completed")
    assert json.loads(done["result"]["content"][0]["text"])["outcome"] == "accept"


def test_cancelling_is_acknowledged(new: New) -> None:
    task = new.begin("run_job", milliseconds=2000)
    for _ in range(2):
        ack = new.send("tasks/cancel", taskId=task["taskId"])["result"]
        assert ack["resultType"] == "complete"
        assert "taskId" not in ack
    assert new.get(task)["status"] == "cancelled"


def test_clients_that_declare_nothing_get_no_task(new: New) -> None:
    plain = new.send("tools/call", {}, name="run_job", arguments={"milliseconds": 0}, task={"ttl": 5})
    assert plain["result"]["resultType"] == "complete"
    needed = [
        new.send("tools/call", {}, name="run_batch", arguments={}),
        new.send("tasks/get", {}, taskId=UNKNOWN),
        new.send("subscriptions/listen", {}, notifications={"taskIds": [UNKNOWN]}),
    ]
    for answer in needed:
        assert answer["error"]["code"] == -32021
        assert answer["error"]["data"] == {"requiredCapabilities": {"extensions": {EXTENSION: {}}}}


def test_unknown_and_removed(new: New, stateless: Any) -> None:
    for method in ("tasks/get", "tasks/cancel"):
        assert new.send(method, taskId=UNKNOWN)["error"]["code"] == -32602
    assert new.send("tasks/update", taskId=UNKNOWN, inputResponses={})["error"]["code"] == -32602
    for method in ("tasks/result", "tasks/list"):
        assert new.send(method)["error"]["code"] == -32601
    other = stateless.modern("tasks/get", {"taskId": "a"}, capabilities=DECLARED, headers={"mcp-name": "b"})
    assert (other.status_code, other.json()["error"]["code"]) == (400, -32020)
