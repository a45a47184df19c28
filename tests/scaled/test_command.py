"""The command line that runs replicas behind nginx: what it prints, and how it ends."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from reference_server.scale import Scale
from tests.scaled.conftest import Client

LIMIT = 30
COMMAND = [sys.executable, "-m", "reference_server", "scale"]


@contextlib.contextmanager
def started(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], list[str]]]:
    command = [*COMMAND, "--replicas", "2", *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    with process:
        try:
            assert process.stdout is not None
            yield process, [process.stdout.readline() for _ in range(3)]
        finally:
            process.terminate()
            process.wait(LIMIT)


def children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return [int(child) for child in found]


def test_it_tells_where_it_listens_and_leaves_nothing_behind(client: Client) -> None:
    with started("--mode", "stateful", "--path", "/other", "--json-response") as (process, lines):
        url = lines[0].split()[-1]
        assert lines[0] == f"reference_server scale listening on {url}\n"
        assert [line.split()[:2] for line in lines[1:]] == [["replica", "r1"], ["replica", "r2"]]
        assert url.endswith("/other")
        session = client.initialize(url)
        assert session["mcp-session-id"].startswith(("r1-", "r2-"))
        answer = client.post(url, client.message("ping"), session)
        assert answer.headers["content-type"] == "application/json"
        alive = children(process.pid)
        assert len(alive) == 4  # two replicas, the store and nginx
        process.send_signal(signal.SIGTERM)
        assert process.wait(LIMIT) == 0
        for pid in alive:
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)


def test_a_killed_replica_is_told_and_the_rest_goes_on(client: Client) -> None:
    with started("--mode", "stateless", "--store", "none") as (process, lines):
        os.kill(children(process.pid)[0], signal.SIGKILL)
        assert process.stderr is not None
        told = process.stderr.readline()
        assert told == "reference_server scale: replica r1 ended with status -9; the others go on\n"
        url = lines[0].split()[-1]
        for _ in range(4):
            assert client.post(url, client.message("ping")).status_code == 200
        process.send_signal(signal.SIGINT)
        assert process.wait(LIMIT) == 0


@pytest.mark.needs_nothing
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--replicas", "0"), ("replicas 0", "1 to 32")),
        (("--mode", "shared", "--store", "none"), ("'none'", "'shared'")),
        (("--idle-limit", "0"), ("idle limit 0", "1 second")),
        (("--balance", "best"), ("best", "round-robin", "sticky")),
        (("--buffering", "x"), ("x", "off", "forced")),
    ],
)
def test_wrong_values(arguments: tuple[str, ...], words: tuple[str, ...]) -> None:
    result = subprocess.run(
        [*COMMAND, *arguments], capture_output=True, text=True, timeout=LIMIT, check=False
    )
    assert result.returncode == 2
    assert all(word in result.stderr for word in words), result.stderr
    assert "Traceback" not in result.stderr


def test_what_a_replica_says_is_told(capfd: pytest.CaptureFixture[str]) -> None:
    from reference_server._scale_command import run

    assert run(Scale(mode="stateless", replicas=1, arguments=("--fault", "no.such"))) == 1
    assert "a replica did not start" in (told := capfd.readouterr().err)
    assert "no.such" in told
