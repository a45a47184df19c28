"""A real browser agrees: what it lets a client in a page of another origin do is what the suite says."""

from __future__ import annotations

import json
import os
import queue
import shutil
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("mcp.server.mcpserver", reason="the reference server needs mcp 2.x")

from pytest_mcp_http._options import Settings
from pytest_mcp_http.spec.revisions import HANDSHAKE_REVISIONS, MODERN_REVISIONS
from reference_server.faults.browsers import FAULTS
from reference_server.variants.browsers import VARIANTS
from tests.conformance.conftest import judge_settings
from tests.conformance.rig_auth import auth
from tests.conformance.test_matrix import QUICK, one_of
from tests.conftest import running_reference

PAGE = Path(__file__).with_name("browser_page.html")
SECONDS = 90.0
"""Longest time that the page may take for all servers together."""

REVISIONS = (HANDSHAKE_REVISIONS[-1], MODERN_REVISIONS[-1])
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


@dataclass(frozen=True)
class Server:
    """A server that the page visits."""

    name: str
    options: Mapping[str, Any]
    asks_for_token: bool
    revision: str

    @property
    def id(self) -> str:
        return f"{self.name}-{self.revision}{'-token' if self.asks_for_token else ''}"


def servers() -> list[Server]:
    found = [Server("clean", {}, token, r) for token in (False, True) for r in REVISIONS]
    for kind, entries in (("faults", FAULTS), ("variants", VARIANTS)):
        for entry in entries:
            token = entry.rig == "browser-token"
            options = {kind: (entry.name,)}
            shown = [r for r in REVISIONS if r in entry.revisions]
            chosen = one_of(shown, entry.name) if QUICK else shown
            found += [Server(entry.name, options, token, r) for r in chosen]
    return found


SERVERS = servers()


class PageServer(ThreadingHTTPServer):
    """Serves the page and its plan, and takes what came of it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), PageHandler)
        self.plan: list[dict[str, Any]] = []
        self.outcomes: queue.Queue[Any] = queue.Queue()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class PageHandler(BaseHTTPRequestHandler):
    server: PageServer

    def do_GET(self) -> None:
        if self.path == "/plan":
            self._answer(json.dumps(self.server.plan).encode(), "application/json")
        elif self.path == "/":
            self._answer(PAGE.read_bytes(), "text/html; charset=utf-8")
        else:
            self.send_error(404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self._answer(b"", "text/plain")
        self.server.outcomes.put(json.loads(body))

    def _answer(self, body: bytes, type: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def page_server() -> Iterator[PageServer]:
    server = PageServer()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@contextmanager
def browser(program: str, url: str, profile: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a browser without a window, with a profile of its own, and end it with all its children."""
    process = subprocess.Popen(
        [
            program,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
            "--no-default-browser-check",
            "--no-proxy-server",
            f"--user-data-dir={profile}",
            "--remote-debugging-port=0",
            url,
        ],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        try:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait(10)
        except ProcessLookupError:
            process.wait(10)


@dataclass(frozen=True)
class Visited:
    """What came of a server: what the page could not do, and what the suite says it cannot do."""

    page: Mapping[str, str]
    suite: set[str]


@pytest.fixture(scope="module")
def visited(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Server], Visited]:
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.skip(f"no browser of the name {', '.join(BROWSERS)} is installed")
    with ExitStack() as stack:
        page = stack.enter_context(page_server())
        settings = {}
        for each in SERVERS:
            options = {"mode": "stateful", "origins": (page.origin,), **each.options}
            if each.asks_for_token:
                found = auth(stack, **options)
            else:
                found = Settings(url=stack.enter_context(running_reference(**options)))
            settings[each.id] = replace(found, browser=page.origin)
            token = dict(found.headers).get("Authorization")
            page.plan.append({"url": found.url, "revision": each.revision, "token": token})
        with browser(program, f"{page.origin}/", tmp_path_factory.mktemp("browser")) as process:
            try:
                outcomes = page.outcomes.get(timeout=SECONDS)
            except queue.Empty:
                pytest.fail(f"the page did not finish; the browser has status {process.poll()}")
        visits = {}
        for each, outcome in zip(SERVERS, outcomes, strict=True):
            judged = judge_settings(settings[each.id], [each.revision], names=["browsers"])
            visits[each.id] = Visited(outcome, judged.hit("fail", "error"))
    return lambda server: visits[server.id]


@pytest.mark.parametrize("server", SERVERS, ids=lambda each: each.id)
def test_browser_agrees(visited: Callable[[Any], Visited], server: Any) -> None:
    found = visited(server)
    failed = {step: error for step, error in found.page.items() if error}
    assert bool(failed) == bool(found.suite), f"page: {failed}, suite: {found.suite}"
    assert len(found.page) >= 4
