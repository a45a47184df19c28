from __future__ import annotations

from typing import Any

import pytest

from pytest_mcp_http.assertions.tasks import (
    RELATED_TASK,
    assert_no_related_task,
    assert_result_related,
    assert_task_created,
    assert_task_final,
    assert_task_id,
    assert_task_ids_unguessable,
    assert_task_params_refused,
    assert_task_timestamp,
    assert_task_transitions,
    assert_task_ttl,
    related_task,
    task_status,
    tasks_in,
)
from pytest_mcp_http.errors import RequirementViolated

TASK = {
    "taskId": "t-1",
    "status": "working",
    "createdAt": "2025-11-25T10:30:00Z",
    "lastUpdatedAt": "2025-11-25T10:30:00.5+01:00",
    "ttl": 60_000,
}


def result(**members: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "result": members}


def error(code: Any = -32602) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": "no"}}


@pytest.mark.parametrize(
    ("body", "ids"),
    [
        (result(task=TASK), ["t-1"]),
        (result(**TASK), ["t-1"]),
        (result(tasks=[TASK, 5, {"taskId": 7}]), ["t-1", 7]),
        (result(tasks=5), []),
        (result(content=[]), []),
        (result(task=5), []),
        (error(), []),
        (b"<html>", []),
    ],
)
def test_tasks_are_found(reply: Any, body: Any, ids: list[object]) -> None:
    assert [task["taskId"] for task in tasks_in(reply(body))] == ids


def test_status_is_that_of_a_single_task(reply: Any) -> None:
    assert task_status(reply(result(**TASK))) == "working"
    assert task_status(reply(result(tasks=[TASK, TASK]))) is None
    assert task_status(reply(error())) is None


@pytest.mark.parametrize("holder", [None, 5, {}, {"_meta": 5}, {"_meta": {RELATED_TASK: "t-1"}}])
def test_no_task_is_related(holder: object) -> None:
    assert related_task(holder) is None


def test_a_task_is_related() -> None:
    assert related_task({"_meta": {RELATED_TASK: {"taskId": "t-1"}}}) == "t-1"


def test_new_tasks(reply: Any) -> None:
    assert_task_created(reply(result(task=TASK)))
    assert_task_created(reply(error()))
    for body in (result(content=[]), result(task=None), result(task=TASK, content=[]), result(**TASK)):
        with pytest.raises(RequirementViolated):
            assert_task_created(reply(body))


def test_ids_are_strings(reply: Any) -> None:
    for body in (result(task=TASK), result(**TASK), result(content=[]), error()):
        assert_task_id(reply(body))
    for body in (result(task={**TASK, "taskId": 7}), result(taskId=None), result(task={})):
        with pytest.raises(RequirementViolated, match="taskId"):
            assert_task_id(reply(body))


@pytest.mark.parametrize(
    "value",
    ["2025-11-25T10:30:00Z", "2025-11-25T10:30:00.123456+00:00", "20251125T103000Z", "2025-11-25t10:30:00z"],
)
def test_timestamps(reply: Any, value: str) -> None:
    assert_task_timestamp(reply(result(**{**TASK, "createdAt": value})), "createdAt")


@pytest.mark.parametrize("value", [None, 1764041400, "", "yesterday", "25.11.2025", "2025-13-25T10:30Z", []])
def test_wrong_timestamps(reply: Any, value: object) -> None:
    with pytest.raises(RequirementViolated) as caught:
        assert_task_timestamp(reply(result(tasks=[TASK, {**TASK, "createdAt": value}])), "createdAt")
    assert not caught.value.note


def test_missing_timestamp(reply: Any) -> None:
    with pytest.raises(RequirementViolated, match="without lastUpdatedAt"):
        assert_task_timestamp(reply(result(taskId="t")), "lastUpdatedAt")


@pytest.mark.parametrize("value", ["2025-11-25T10:30:00", "2025-11-25"])
def test_timestamps_without_offset_are_noted(reply: Any, value: str) -> None:
    with pytest.raises(RequirementViolated) as caught:
        assert_task_timestamp(reply(result(**{**TASK, "createdAt": value})), "createdAt")
    assert caught.value.note


def test_ttl(reply: Any) -> None:
    for ttl in (0, 1.5, None):
        assert_task_ttl(reply(result(**{**TASK, "ttl": ttl})))
    for wrong in ({**TASK, "ttl": "60s"}, {**TASK, "ttl": True}, {"taskId": "t"}):
        with pytest.raises(RequirementViolated, match="ttl"):
            assert_task_ttl(reply(result(**wrong)))


def test_transitions(reply: Any) -> None:
    def seen(*statuses: object) -> list[Any]:
        return [reply(result(**{**TASK, "status": status})) for status in statuses]

    assert_task_transitions(seen("working", "input_required", "working", "completed"))
    assert_task_final([*seen("working", "cancelled"), reply(error()), *seen("cancelled")])
    for odd in ("running", None, 5, ["working"]):
        with pytest.raises(RequirementViolated):
            assert_task_transitions(seen("working", odd))
    for later in ("working", "failed", ["odd"]):
        with pytest.raises(RequirementViolated, match="later"):
            assert_task_final(seen("completed", later))


def test_guessable_ids() -> None:
    assert_task_ids_unguessable(
        ["8a0d6f0e5f6b4c2e9d31", "f3b2c19a77e04d5581aa", "17c4e8b2d09f46a3b5ce", "c25e9f7a31b84d60e9f2"]
    )
    for ids in (["task-1", "task-2", "task-3"], ["a" * 30] * 3):
        with pytest.raises(RequirementViolated) as caught:
            assert_task_ids_unguessable(ids)
        assert "task ids" in caught.value.expected[0]


def test_related_task_in_results(reply: Any) -> None:
    related = {RELATED_TASK: {"taskId": "t-1"}}
    assert_no_related_task(reply(result(**TASK, _meta={"com.example/x": 1})))
    assert_result_related(reply(result(content=[], _meta=related)), "t-1")
    assert_result_related(reply(error()), "t-1")
    with pytest.raises(RequirementViolated):
        assert_no_related_task(reply(result(**TASK, _meta=related)))
    for meta in ({}, {RELATED_TASK: {"taskId": "t-2"}}, {RELATED_TASK: 5}):
        with pytest.raises(RequirementViolated, match="related task"):
            assert_result_related(reply(result(content=[], _meta=meta)), "t-1")


def test_refused_params(reply: Any) -> None:
    assert_task_params_refused(reply(error()), "a test")
    assert_task_params_refused(reply(error(), status=400), "a test")
    for body in (error(-32601), result(**TASK), b"<html>"):
        with pytest.raises(RequirementViolated, match="to a test"):
            assert_task_params_refused(reply(body), "a test")
