"""The command line: its one line of output, its errors, its end."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

LIMIT = 30


@contextlib.contextmanager
def started(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    command = [sys.executable, "-m", "reference_server", "--port", "0", *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline()
        finally:
            process.kill()


def ended(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "reference_server", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False)


INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "tests", "version": "1"},
    },
}


def test_it_tells_where_it_listens_and_ends_on_sigterm_with_an_open_stream() -> None:
    with started("--mode", "stateful", "--path", "/other", "--resumable") as (process, line):
        assert line.startswith("reference_server listening on http://127.0.0.1:")
        url = line.split()[-1]
        assert url.endswith("/other")
        accept = {"accept": "application/json, text/event-stream"}
        with httpx.Client(timeout=LIMIT, trust_env=False) as client:
            opened = client.post(url, json=INITIALIZE, headers=accept)
            session = {**accept, "mcp-session-id": opened.headers["mcp-session-id"]}
            with client.stream("GET", url, headers=session) as response:
                assert response.status_code == 200
                process.send_signal(signal.SIGTERM)
                assert process.wait(LIMIT) == 0
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.read() == ""
        assert "Traceback" not in process.stderr.read()


def test_sigterm_ends_subscriptions_with_their_result(rpc: Any) -> None:
    message, headers = rpc.modern("subscriptions/listen", {"notifications": {}}, identity="sub")
    with (
        started("--mode", "stateless", "--era", "modern") as (process, line),
        httpx.Client(timeout=LIMIT, trust_env=False) as client,
        client.stream("POST", line.split()[-1], json=message, headers=headers) as response,
    ):
        found = (json.loads(line[6:]) for line in response.iter_lines() if line.startswith("data: "))
        assert next(found)["method"] == "notifications/subscriptions/acknowledged"
        process.send_signal(signal.SIGTERM)
        [last] = found
        assert (last["id"], last["result"]["resultType"]) == ("sub", "complete")
        assert process.wait(LIMIT) == 0


def test_eras(rpc: Any) -> None:
    message, headers = rpc.modern("server/discover")
    for era, statuses in (("handshake", (200, 400)), ("modern", (400, 200)), ("dual", (200, 200))):
        with started("--mode", "stateless", "--era", era) as (_, line):
            url = line.split()[-1]
            accept = {"accept": "application/json, text/event-stream"}
            answers = [
                httpx.post(url, json=INITIALIZE, headers=accept, timeout=LIMIT, trust_env=False),
                httpx.post(url, json=message, headers=headers, timeout=LIMIT, trust_env=False),
            ]
        assert tuple(answer.status_code for answer in answers) == statuses


def test_json_responses() -> None:
    with started("--mode", "stateless", "--json-response") as (_, line):
        headers = {"accept": "application/json"}
        answer = httpx.post(
            line.split()[-1], json=INITIALIZE, headers=headers, timeout=LIMIT, trust_env=False
        )
        assert answer.headers["content-type"] == "application/json"
        assert answer.json()["result"]["protocolVersion"] == "2025-11-25"


@pytest.mark.parametrize(
    ("arguments", "mentioned"),
    [
        ((), ("--mode",)),
        (("--mode", "x"), ("--mode", "'x'", "stateless", "stateful")),
        (("--mode", "stateful", "--era", "x"), ("--era", "'x'", "handshake", "modern", "dual")),
        (("--mode", "stateful", "--port", "70000"), ("--port", "'70000'", "65535")),
        (("--mode", "stateful", "--path", "mcp"), ("path", "'mcp'", "/")),
        (("--mode", "stateless", "--resumable"), ("resumable", "stateless", "stateful")),
        (("--mode", "stateful", "--fault", "no.such"), ("fault", "'no.such'")),
        (("--mode", "stateful", "--variant", "no-such"), ("variant", "'no-such'")),
    ],
)
def test_wrong_values_are_named(arguments: tuple[str, ...], mentioned: tuple[str, ...]) -> None:
    result = ended(*arguments)
    assert result.returncode == 2
    assert result.stdout == ""
    for word in mentioned:
        assert word in result.stderr


def test_an_address_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = ended("--mode", "stateful", "--port", str(port))
    assert result.returncode == 1
    assert f"127.0.0.1:{port}" in result.stderr
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("option", ["--list-faults", "--list-variants"])
def test_catalogues_are_listed(option: str) -> None:
    result = ended(option)
    assert result.returncode == 0
    assert all(line.count("\t") >= 2 for line in result.stdout.splitlines())


def test_an_old_sdk_is_one_clear_line() -> None:
    code = (
        "import sys, importlib.util as u; u.find_spec = lambda name: None\n"
        "from reference_server.__main__ import main; sys.exit(main(['--mode', 'stateful']))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=LIMIT, check=False
    )
    assert result.returncode == 2
    assert (
        result.stderr
        == 'reference_server: the reference server needs the SDK of version 2: pip install "mcp>=2"\n'
    )


def test_importing_the_package_loads_nothing_heavy() -> None:
    code = "import sys, reference_server; print([n for n in ('mcp', 'uvicorn', 'anyio') if n in sys.modules])"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=LIMIT, check=True
    )
    assert result.stdout.strip() == "[]"
