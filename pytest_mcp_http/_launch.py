"""Starts the server under test, waits until it answers, and leaves nothing behind when it ends.

Knows processes; what runs inside this process is in `_serve`, what an answer means is for the caller.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import select
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import IO, Final, Protocol, TypeVar

from pytest_mcp_http._diagnosis import NotReady, without_secrets
from pytest_mcp_http._options import Settings
from pytest_mcp_http._output import Output
from pytest_mcp_http._process_group import end_group, group_size
from pytest_mcp_http.errors import TargetError

_T = TypeVar("_T")

_TAIL_LINES: Final = 20
_POLL_SECONDS: Final = 0.05
_CATCH_UP_SECONDS: Final = 0.5
_PLACEHOLDER: Final = re.compile(r"\{([A-Za-z_]+)\}")


class Launched(Protocol):
    """A server that was started here."""

    @property
    def description(self) -> str:
        """What was started, one line."""

    @property
    def process_id(self) -> int | None:
        """Id of the process that serves; None if it is this one."""

    def listening(self) -> str | None:
        """Return the URL of the endpoint once its port takes connections."""

    def ended(self, wait: float) -> str | None:
        """Wait so many seconds at most for the server to end; return how it ended, or None if it runs."""

    def written(self) -> int:
        """Return a mark for `log`: what was written until now lies before it."""

    def log(self, since: int = 0) -> str:
        """Return the last output, from a mark on, without the secret values of our headers."""

    def close(self) -> None:
        """End the server; may be called again."""


def start(settings: Settings) -> Launched:
    """Start the server that the settings name by command, app or reference mode.

    Raises:
        TargetError: If it cannot be started.
    """
    if settings.command is not None:
        return start_command(settings)
    # Only here: uvicorn is not needed for a server that runs elsewhere.
    from pytest_mcp_http import _serve

    if settings.app is not None:
        return _serve.start_app(settings)
    return _serve.start_reference(settings)


def wait_until_ready(launched: Launched, seconds: float, examine: Callable[[str], _T]) -> _T:
    """Return what `examine` finds at the URL of a server, as soon as it can be examined.

    Args:
        launched: The server, just started.
        seconds: How long it may take to get ready.
        examine: Called with the URL; raises `NotReady` to be called again.

    Raises:
        TargetError: If the server ends, never listens, or cannot be examined; shows its last output.
    """
    deadline = time.monotonic() + seconds
    pause = 0.0
    while (end := launched.ended(pause)) is None:
        pause = _POLL_SECONDS
        url = launched.listening()
        late = time.monotonic() >= deadline
        if url is not None:
            try:
                return examine(url)
            except TargetError as error:
                # A server that fell over says more by its exit status than by a closed connection.
                if (end := launched.ended(_POLL_SECONDS)) is not None:
                    break
                if late or not isinstance(error, NotReady):
                    raise TargetError(f"{error}{_output(launched)}") from None
        elif late:
            raise TargetError(
                "The MCP server cannot be judged: it did not listen in time.\n"
                f"  started: {launched.description}\n"
                f"  got:     no connection on its port within {seconds:g} s\n"
                "  do:      let it listen on {host} and {port}, or give it longer with --mcp-startup-timeout "
                "(of mcp_launch: startup_timeout)"
                f"{_output(launched)}"
            )
    raise TargetError(
        "The MCP server cannot be judged: it ended before it answered.\n"
        f"  started: {launched.description}\n"
        f"  got:     {end}\n"
        "  do:      start it by hand and repair it"
        f"{_output(launched)}"
    )


def _output(launched: Launched) -> str:
    lines = launched.log().splitlines()[-_TAIL_LINES:]
    if not lines:
        return "\n  it wrote nothing"
    return "\n  its last output:" + "".join(f"\n    | {line}" for line in lines)


def free_port(host: str) -> int:
    """Return a TCP port that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


# -- a command ------------------------------------------------------------------------------------------


def start_command(
    settings: Settings, env: Mapping[str, str] | None = None, cwd: str | None = None
) -> CommandServer:
    """Start the server that the command of the settings names, in a process group of its own.

    Args:
        settings: The command, the path of the endpoint, and the headers whose values are secret.
        env: Variables to add to the environment.
        cwd: Directory to start it in; default the current one.

    Raises:
        TargetError: If the command line is malformed, or its program cannot be run.
    """
    assert settings.command is not None
    host = "127.0.0.1"
    port = free_port(host)
    arguments = _arguments(settings.command, {"host": host, "port": str(port)})
    try:
        process = subprocess.Popen(  # noqa: S603 - running the user's command is the purpose
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # What a Python server prints is else kept back until it ends.
            env={"PYTHONUNBUFFERED": "1", **os.environ, **(env or {})},
            cwd=cwd,
        )
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        place = f" in {cwd}" if cwd is not None else ""
        raise _bad_command(
            settings.command, f"{arguments[0]!r} cannot be run{place}: {reason}", "check its path and name"
        ) from None
    return CommandServer(process, shlex.join(arguments), port, settings)


def _arguments(command: str, values: dict[str, str]) -> list[str]:
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise _bad_command(command, f"it cannot be split into words: {error}", "check its quotes") from None
    names = set(_PLACEHOLDER.findall(command))
    if unknown := names - set(values):
        shown = " and ".join(sorted(f"{{{name}}}" for name in unknown))
        raise _bad_command(command, f"{shown} is not a placeholder", "use {port} and {host} only")
    if "port" not in names:
        raise _bad_command(
            command,
            "it has no {port}, so the server would not know where to listen",
            "add {port} as an argument, or as a variable: env PORT={port} CMD; "
            "start a server with a fixed port yourself and give --mcp-url",
        )
    return [_PLACEHOLDER.sub(lambda match: values[match[1]], word) for word in words]


def _bad_command(command: str, reason: str, advice: str) -> TargetError:
    return TargetError(
        f"The MCP server cannot be started.\n  started: {command}\n  got:     {reason}\n  do:      {advice}"
    )


class CommandServer:
    """A server in a process group of its own, its output read by a thread into a bounded buffer."""

    def __init__(
        self, process: subprocess.Popen[bytes], description: str, port: int, settings: Settings
    ) -> None:
        self.description = description
        self._process = process
        self._port = port
        self._path = settings.path
        self._secrets = settings.secrets
        self._output = Output()
        self._reading = threading.Lock()
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._reader = threading.Thread(target=self._drain, name="mcp-server-output", daemon=True)
        self._reader.start()
        # Also when the run ends without closing us.
        atexit.register(self.close)

    @property
    def process_id(self) -> int:
        """Id of the process; it may be a shell, with the server among its children."""
        return self._process.pid

    def listening(self) -> str | None:
        """Return the URL of the endpoint once the port takes connections, on IPv4 or IPv6 loopback."""
        for host, shown in (("127.0.0.1", "127.0.0.1"), ("::1", "[::1]")):
            with contextlib.suppress(OSError), socket.create_connection((host, self._port), timeout=1.0):
                return f"http://{shown}:{self._port}{self._path}"
        return None

    def ended(self, wait: float) -> str | None:
        """Wait at most `wait` seconds for the process to end and return how it ended, or None."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(wait)
        status = self._process.poll()
        if status is None:
            return None
        # What it wrote last is still in the pipe.
        self._reader.join(1.0)
        return (
            f"exit status {status}" if status >= 0 else f"ended by signal {-status} ({_signal_name(-status)})"
        )

    def members(self) -> int:
        """Return how many processes of its group run; 0 where that cannot be told."""
        return group_size(self._process.pid)

    def ask_to_end(self, seconds: float) -> str | None:
        """Ask the process to end, and return how it ended within so many seconds, or None."""
        self._process.terminate()
        return self.ended(seconds)

    def written(self) -> int:
        """Return a mark for `log`: what was written until now lies before it."""
        self._catch_up()
        return self._output.written

    def log(self, since: int = 0) -> str:
        """Return the last output, from a mark on, without the secret values of our headers."""
        self._catch_up()
        return without_secrets(self._output.text(since), self._secrets)

    def _catch_up(self) -> None:
        """Wait until what the server has written so far is read; not for ever, it may never pause."""
        pipe = self._process.stdout
        deadline = time.monotonic() + _CATCH_UP_SECONDS
        # On Windows the reader holds the lock for as long as it waits.
        while sys.platform != "win32" and self._reader.is_alive() and time.monotonic() < deadline:
            # The reader may close the pipe at any time.
            with self._reading, contextlib.suppress(OSError, ValueError):
                if pipe is None or not _readable(pipe, 0):
                    return
            time.sleep(0.001)

    def close(self) -> None:
        """Ask the process group to end, kill what is left after 5 seconds, and read its output to the end."""
        with self._lock:
            if self._stop.is_set():
                return
            end_group(self._process)
            self._reader.join(1.0)
            self._stop.set()
            self._reader.join()
            atexit.unregister(self.close)

    def _drain(self) -> None:
        pipe = self._process.stdout
        assert pipe is not None
        with pipe:
            # A grandchild in a session of its own can hold the pipe open for ever, hence the stop flag.
            while not self._stop.is_set():
                if not _readable(pipe, 0.1):
                    continue
                with self._reading:
                    data = os.read(pipe.fileno(), 65536)
                    if not data:
                        return
                    self._output.add(data)


def _readable(pipe: IO[bytes], seconds: float) -> bool:
    """Wait so many seconds at most for bytes in a pipe; Windows cannot tell, there a read blocks."""
    return sys.platform == "win32" or bool(select.select([pipe], [], [], seconds)[0])


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return "unknown"
