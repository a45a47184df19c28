"""Runs the command of a client against a script, within limits, and keeps what it wrote.

Knows processes; what the client did is for the rules to judge.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import threading
from dataclasses import dataclass
from typing import IO, Final

from pytest_mcp_http._diagnosis import without_secrets
from pytest_mcp_http._output import Output
from pytest_mcp_http._process_group import end_group
from pytest_mcp_http.client_rules.play import Play
from pytest_mcp_http.mock.script import Script
from pytest_mcp_http.scripted_server import ScriptedServer

REQUEST_SECONDS: Final = 3.0
"""Seconds after which the client is told to give a request up."""

SHOWN_LINES: Final = 30
"""Lines of the output of the command that are shown, the last ones."""


@dataclass(frozen=True)
class ClientRun:
    """What one run of the command brought.

    Attributes:
        play: What the client did.
        problem: Why it was no proper visit, for people; None if it was one.
        output: The last lines that the command wrote, secrets masked.
    """

    play: Play
    problem: str | None
    output: str

    @property
    def connected(self) -> bool:
        """Whether the client sent any request."""
        return bool(self.play.records)


def run_client(command: str, script: Script, revision: str, seconds: float) -> ClientRun:
    """Play a script to the client that a command starts.

    Args:
        command: Command line with the placeholder `{url}`.
        script: The script.
        revision: The revision that the server speaks.
        seconds: How long the command may run.
    """
    with ScriptedServer(script, revision, contract=True, timeout=REQUEST_SECONDS) as server:
        words = [word.replace("{url}", server.url) for word in shlex.split(command)]
        arguments = {name: dict(given) for name, given in script.arguments.items()}
        environment = {
            **os.environ,
            "MCP_CLIENT_URL": server.url,
            "MCP_CLIENT_SCRIPT": script.name,
            "MCP_CLIENT_REVISION": revision,
            "MCP_CLIENT_TIMEOUT": f"{REQUEST_SECONDS:g}",
            "MCP_CLIENT_ARGUMENTS": json.dumps(arguments),
        }
        try:
            process = subprocess.Popen(  # noqa: S603 - running the user's command is the purpose
                words,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            return ClientRun(server.play(), f"{words[0]!r} cannot be run: {reason}", "")
        output = Output()
        assert process.stdout is not None
        reader = threading.Thread(target=_drain, args=(process.stdout, output), daemon=True)
        reader.start()
        try:
            process.wait(seconds)
            ended = f"exit status {process.returncode}"
        except subprocess.TimeoutExpired:
            ended = ""
        finally:
            server.ended()
            end_group(process)
            reader.join(1.0)
        play = server.play()
        return ClientRun(play, _problem(play, ended, seconds), _shown(output.text()))


def _drain(pipe: IO[bytes], output: Output) -> None:
    with pipe:
        while data := os.read(pipe.fileno(), 65536):
            output.add(data)


def _problem(play: Play, ended: str, seconds: float) -> str | None:
    if not ended:
        did = f"after {len(play.records)} requests" if play.records else "and had sent no request"
        return (
            f"it still ran after {seconds:g} s, {did}; let it give requests up after "
            f"MCP_CLIENT_TIMEOUT seconds, or give it longer with --mcp-client-timeout"
        )
    if not play.records:
        return f"it ended with {ended} and had sent no request; let it connect to {{url}}"
    return None


def _shown(text: str) -> str:
    """Return the last lines of an output without the values of environment variables that are secrets."""
    words = ("TOKEN", "SECRET", "PASSWORD", "KEY", "CREDENTIAL", "AUTHORIZATION")
    secrets = [value for name, value in os.environ.items() if any(word in name.upper() for word in words)]
    return "\n".join(without_secrets(text, secrets).splitlines()[-SHOWN_LINES:])
