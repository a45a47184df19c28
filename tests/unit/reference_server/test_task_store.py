"""The store of tasks: what it keeps, what gives way, and what a task makes of its end."""

from __future__ import annotations

from functools import partial

import anyio
import pytest

from reference_server.task_store import MAX_TTL_MS, PAGE, Failure, Task, TaskStore, requested_ttl

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_the_oldest_that_has_ended_gives_way() -> None:
    store = TaskStore(max_tasks=3)
    tasks = [store.add(Task()) for _ in range(3)]
    tasks[1].move("completed", "done", {})
    store.add(Task())
    assert (len(store), store.get(tasks[1].id)) == (3, None)
    store.add(Task())
    assert store.get(tasks[0].id) is None
    assert tasks[0].status == "cancelled"


async def test_expired_tasks_are_forgotten() -> None:
    store = TaskStore()
    task = store.add(Task(ttl=0))
    assert store.get(task.id) is None
    assert len(store) == 0


async def test_pages_and_cursors() -> None:
    store = TaskStore()
    for _ in range(PAGE + 1):
        store.add(Task())
    first, cursor = store.page(None)
    rest, end = store.page(cursor)
    assert (len(first), len(rest), end) == (PAGE, 1, None)
    for odd in ("", "?", "ü", "dGFza3M6OTk5OTk=", "eDox"):
        with pytest.raises(ValueError, match="unknown cursor"):
            store.page(odd)


async def test_an_end_is_final() -> None:
    task = Task()
    assert task.move("failed", "no", Failure(-1, "no"))
    assert not task.move("completed", "done", {})
    assert not task.cancel()
    assert task.status == "failed"


@pytest.mark.parametrize(("errors_fail", "status"), [(True, "failed"), (False, "completed")])
async def test_results_that_report_errors(errors_fail: bool, status: str) -> None:
    async def work() -> dict[str, object]:
        return {"isError": True}

    task = Task()
    await task.run(work, errors_fail=errors_fail)
    assert task.status == status


async def test_cancelled_work_stops() -> None:
    task, started = Task(), anyio.Event()

    async def work() -> dict[str, object]:
        started.set()
        await anyio.sleep_forever()
        return {}

    async with anyio.create_task_group() as group:
        group.start_soon(partial(task.run, work, errors_fail=True))
        await started.wait()
        assert task.cancel()
    assert task.status == "cancelled"


@pytest.mark.parametrize(
    ("asked", "ttl"),
    [({"ttl": 5}, 5), ({"ttl": 10**9}, MAX_TTL_MS), ({"ttl": -1}, 1), ({"ttl": True}, 60_000), ({}, 60_000)],
)
def test_time_to_live(asked: object, ttl: int) -> None:
    assert requested_ttl(asked) == ttl
