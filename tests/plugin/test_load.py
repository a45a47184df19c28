"""The locustfile, run by Locust in processes of its own: Locust must never be imported by a test."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_mcp_http.__main__ import main

pytest.importorskip("mcp.server.mcpserver", reason="the reference server needs mcp 2.x")
if importlib.util.find_spec("locust") is None:
    pytest.skip("needs the extra load", allow_module_level=True)

ECHO = ("--mcp-tool", "echo_text", "--mcp-arguments", '{"text": "$NONCE"}')
USERS, SECONDS = 10, 3
HOW_TO = Path(__file__).resolve().parents[2] / "docs" / "how-to" / "load-test-a-server.md"


def locust(url: str, *options: str, file: str | None = None) -> subprocess.CompletedProcess[str]:
    """Run Locust without its web page, for a few seconds at most."""
    root = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join([root, *filter(None, [os.environ.get("PYTHONPATH")])])
    words = [sys.executable, "-m", "locust", "-f", file or locustfile(), "--headless", "--only-summary"]
    words += ["--host", url, "-u", str(USERS), "-r", str(USERS), "-t", f"{SECONDS}s", *options]
    return subprocess.run(
        words,
        env={**os.environ, "PYTHONPATH": path, "GEVENT_SUPPORT": "True"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def locustfile() -> str:
    import pytest_mcp_http

    return str(Path(pytest_mcp_http.__file__).parent / "load" / "locustfile.py")


def load(tmp_path: Path, url: str, *options: str) -> dict[str, Any]:
    """Run Locust and return the numbers that it wrote."""
    report = tmp_path / "load.json"
    done = locust(url, "--mcp-load-report", str(report), *options)
    assert report.is_file(), done.stderr
    found: dict[str, Any] = json.loads(report.read_text(encoding="utf-8"))
    return found


def test_command_line_prints_the_path(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["locustfile"]) == 0
    assert capsys.readouterr().out.strip() == locustfile()


@pytest.mark.parametrize("json_response", [False, True], ids=["sse", "json"])
@pytest.mark.parametrize("revision", ["2025-11-25", "2026-07-28"])
def test_a_small_load(
    tmp_path: Path, reference: Callable[..., str], revision: str, json_response: bool
) -> None:
    url = reference(mode="stateful", json_response=json_response)
    numbers = load(tmp_path, url, "--mcp-revision", revision, *ECHO)
    assert numbers["errors"] == {}
    assert numbers["users"] == USERS
    calls = numbers["requests"]["tools/call echo_text"]
    assert calls["count"] >= USERS
    assert calls["failures"] == 0
    times = list(calls["milliseconds"].values())
    assert times == sorted(times)
    if revision == "2025-11-25":
        opened, ended = (numbers["requests"][name]["count"] for name in ("initialize", "DELETE"))
        assert opened == ended == USERS


def test_users_leave_after_their_calls(tmp_path: Path, reference: Callable[..., str]) -> None:
    numbers = load(tmp_path, reference(mode="stateful"), "-t", "60s", "--mcp-calls", "3", *ECHO)
    assert numbers["requests"]["tools/call echo_text"]["count"] == 3 * USERS
    assert numbers["errors"] == {}


def test_answers_that_cross_are_counted(tmp_path: Path, reference: Callable[..., str]) -> None:
    url = reference(mode="stateful", faults=["isolation.answers-cross"])
    numbers = load(tmp_path, url, *ECHO)
    kinds = numbers["errors"]
    assert set(kinds) == {"cross-talk: the answer belongs to another request"}


def test_errors_are_counted_by_kind(tmp_path: Path, reference: Callable[..., str]) -> None:
    numbers = load(tmp_path, reference(mode="stateless"), "--mcp-tool", "no-such-tool", "--mcp-calls", "2")
    assert len(numbers["errors"]) == 1
    assert sum(sum(places.values()) for places in numbers["errors"].values()) == 2 * USERS


def test_markdown_report(tmp_path: Path, reference: Callable[..., str]) -> None:
    report = tmp_path / "load.md"
    locust(reference(mode="stateless"), "--mcp-load-report", str(report), "--mcp-calls", "1")
    text = report.read_text(encoding="utf-8")
    assert text.startswith(f"# Load: {USERS} users at once")
    assert "| ping |" in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--mcp-arguments", "[]"), "'[]' is not accepted; accepted: a JSON object"),
        (("--mcp-calls", "-1"), "'-1' is not accepted"),
        (("--mcp-load-report", "load.txt"), "'load.txt' is not accepted"),
        (("--mcp-header", "Authorization: env:NO_SUCH_VARIABLE"), "NO_SUCH_VARIABLE"),
    ],
)
def test_wrong_values_are_told(options: tuple[str, ...], message: str) -> None:
    done = locust("http://127.0.0.1:9/mcp", *options)
    assert done.returncode != 0
    assert message in done.stderr


def test_users_of_ones_own(tmp_path: Path, reference: Callable[..., str]) -> None:
    file = tmp_path / "locustfile.py"
    shown = HOW_TO.read_text(encoding="utf-8")
    file.write_text(shown.partition("```py\n")[2].partition("```")[0], encoding="utf-8")
    done = locust(reference(mode="stateless"), "--json", file=str(file))
    assert done.returncode == 0, done.stderr
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert {"server/discover", "tools/call echo_text", "tools/list"} <= set(rows)
    assert not any(row["num_failures"] for row in rows.values())


LATE = """
import itertools
import gevent
from locust import task
from pytest_mcp_http.load import HandshakeUser

numbers = itertools.count()


class Late(HandshakeUser):
    call_limit = 1

    def on_start(self):
        # As a user that was started, and gets its turn late.
        gevent.sleep(1.0 * (next(numbers) == 0))
        super().on_start()

    def open(self):
        print("connects", flush=True)
        return super().open()

    @task
    def once(self):
        print("calls", flush=True)
        self.call()
"""


def test_no_user_calls_before_all_have_connected(tmp_path: Path, reference: Callable[..., str]) -> None:
    file = tmp_path / "locustfile.py"
    file.write_text(LATE, encoding="utf-8")
    done = locust(reference(mode="stateful"), file=str(file))
    assert done.returncode == 0, done.stderr
    order = [line for line in done.stdout.splitlines() if line in ("connects", "calls")]
    assert order == ["connects"] * USERS + ["calls"] * USERS


LOST = """
import itertools
from locust import task
from locust.exception import StopUser
from pytest_mcp_http.load import HandshakeUser, users

users.LATEST = 0.5
numbers = itertools.count()


class Lost(HandshakeUser):
    call_limit = 1

    def on_start(self):
        if next(numbers) == 0:
            raise StopUser
        super().on_start()

    @task
    def once(self):
        print("calls", flush=True)
        self.call()
"""


def test_a_user_that_never_connects_keeps_nobody_waiting(
    tmp_path: Path, reference: Callable[..., str]
) -> None:
    file = tmp_path / "locustfile.py"
    file.write_text(LOST, encoding="utf-8")
    done = locust(reference(mode="stateful"), file=str(file))
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines().count("calls") == USERS - 1
