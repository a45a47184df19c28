"""A ready locustfile: `locust -f "$(python -m pytest_mcp_http locustfile)" --host URL --mcp-tool TOOL`.

The options beginning with `--mcp-` say what the users do. All others are Locust's own.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import gevent
import psutil
import pytest
from locust import events, task
from locust.runners import MasterRunner, WorkerRunner

from pytest_mcp_http import _option_values as values
from pytest_mcp_http.load import McpUser
from pytest_mcp_http.load.report import FORMATS, summary, write
from pytest_mcp_http.spec.revisions import HANDSHAKE_REVISIONS, REVISIONS

WATCH_SECONDS = 0.5


class Client(McpUser):
    """The users of a run; the options fill in what they do."""

    revision = HANDSHAKE_REVISIONS[-1]

    @task
    def work(self) -> None:
        """Send one call."""
        self.call()


def _arguments(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise argparse.ArgumentTypeError(f"{text!r} is not accepted; accepted: a JSON object")
    return found


def _report(text: str) -> str:
    path = Path(text)
    if path.suffix not in FORMATS or not path.resolve().parent.is_dir():
        raise argparse.ArgumentTypeError(
            f"{text!r} is not accepted; accepted: a file ending in .json or .md in a directory that exists"
        )
    return text


def _calls(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is not accepted; accepted: a whole number from 0 on")
    return int(text)


@events.init_command_line_parser.add_listener
def _add_options(parser: Any) -> None:
    group = parser.add_argument_group("MCP")
    add = group.add_argument
    add("--mcp-revision", choices=REVISIONS, default=Client.revision, help="revision to speak")
    add("--mcp-tool", metavar="TOOL", default="", help="tool to call; without one, the cheapest request")
    add(
        "--mcp-arguments",
        metavar="JSON",
        type=_arguments,
        default={},
        help="its arguments; $NONCE stands for a text that is new for each call",
    )
    add("--mcp-calls", metavar="N", type=_calls, default=0, help="calls of each user; default no limit")
    add(
        "--mcp-header",
        metavar="LINE",
        action="append",
        default=[],
        help="header line 'Name: value' of every request; env:VAR is read from the environment",
    )
    add("--mcp-insecure", action="store_true", help="accept any TLS certificate")
    add("--mcp-load-report", metavar="FILE", type=_report, help="write the numbers to FILE.json or FILE.md")


@events.init.add_listener
def _set_up(environment: Any, **_: object) -> None:
    options = environment.parsed_options
    Client.revision = options.mcp_revision
    Client.tool = options.mcp_tool
    Client.arguments = options.mcp_arguments
    Client.call_limit = options.mcp_calls
    Client.insecure = options.mcp_insecure
    try:
        Client.headers = dict(values.header_lines(options.mcp_header, "--mcp-header"))
    except pytest.UsageError as error:
        raise SystemExit(str(error)) from None
    if not isinstance(environment.runner, WorkerRunner) and environment.runner is not None:
        _watch(environment)


def _watch(environment: Any) -> None:
    """Measure while the users run, end the run once all have left, and write the report."""
    memory: list[int] = []
    most = 0
    spawned = False
    process = psutil.Process()
    # The users of a master run in other processes.
    elsewhere = isinstance(environment.runner, MasterRunner)

    def started(user_count: int, **_: object) -> None:
        nonlocal spawned, most
        spawned = True
        most = max(most, user_count)

    def look() -> None:
        while True:
            gevent.sleep(WATCH_SECONDS)
            users = environment.runner.user_count
            if spawned and users and not elsewhere:
                memory.append(process.memory_info().rss)
            if spawned and not users and Client.call_limit:
                environment.runner.quit()
                return

    def finish(**_: object) -> None:
        if environment.parsed_options.mcp_load_report:
            numbers = summary(environment.stats, memory, most)
            write(Path(environment.parsed_options.mcp_load_report), numbers)

    environment.events.spawning_complete.add_listener(started)
    environment.events.quitting.add_listener(finish)
    gevent.spawn(look)
