"""Serves an ASGI application or the reference server on a real socket in this process.

Knows uvicorn and the lifespan of an application; knows nothing of MCP.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import inspect
import logging
import operator
import os
import socket
import sys
import threading
import time
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

import uvicorn

from pytest_mcp_http._diagnosis import without_secrets
from pytest_mcp_http._options import Settings
from pytest_mcp_http._output import Output
from pytest_mcp_http.errors import TargetError

_Scope = MutableMapping[str, Any]
_Receive = Callable[[], Awaitable[Any]]
_Send = Callable[[Any], Awaitable[None]]
_App = Callable[[_Scope, _Receive, _Send], Awaitable[None]]

STOP_SECONDS: Final = 5.0
_CATCH_UP_SECONDS: Final = 0.5


def start_app(settings: Settings) -> AppServer:
    """Serve the application that `--mcp-app` names.

    Raises:
        TargetError: If it cannot be imported, is no application, or its factory fails.
    """
    assert settings.app is not None
    return serve(settings.app, f"--mcp-app {settings.app}", settings)


def serve(app: object, what: str, settings: Settings) -> AppServer:
    """Serve an application.

    Args:
        app: An ASGI application, a factory without arguments, or the name of one, `package.module:attribute`.
        what: What is served, as the user named it, one line.
        settings: Path of the endpoint, and the headers whose values are secret.

    Raises:
        TargetError: If it cannot be imported, is no application, or its factory fails.
    """
    return AppServer(_as_app(_resolve(app, what) if isinstance(app, str) else app, what), what, settings)


def start_reference(settings: Settings) -> AppServer:
    """Serve the bundled reference server in the mode of `--mcp-reference`.

    Raises:
        TargetError: If the installed `mcp` cannot carry it, or it does not know an option.
    """
    from reference_server import ReferenceServerUnavailable, create_app

    assert settings.reference is not None
    chosen: dict[str, list[str]] = {
        "era": ["dual"],
        "fault": [],
        "variant": [],
        "json-response": [],
        "resumable": [],
        "fixtures": [],
    }
    for option in settings.reference_options:
        kind, _, name = option.partition("=")
        chosen[kind].append(name)
    try:
        app = create_app(
            mode=settings.reference,
            era=chosen["era"][-1],
            json_response=bool(chosen["json-response"]),
            resumable=bool(chosen["resumable"]),
            fixtures=bool(chosen["fixtures"]),
            faults=chosen["fault"],
            variants=chosen["variant"],
            path=settings.path,
        )
    except (ReferenceServerUnavailable, ValueError) as error:
        raise _cannot_start(
            f"the reference server, {settings.reference}",
            str(error),
            "correct --mcp-reference-option, or install what is named; every other target works without it",
        ) from None
    from reference_server.serving import RawNamesProtocol

    return AppServer(app, f"the reference server, {settings.reference}", settings, RawNamesProtocol)


def _cannot_start(what: str, reason: str, advice: str) -> TargetError:
    return TargetError(
        f"The MCP server cannot be started.\n  started: {what}\n  got:     {reason}\n  do:      {advice}"
    )


def _resolve(name: str, what: str) -> object:
    """Import `package.module:attribute`, with the current directory importable as for `python -m`."""
    module_name, _, attribute = name.partition(":")
    here = os.getcwd()
    if here not in sys.path and "" not in sys.path:
        # Stays: the application may import more of itself while it runs.
        sys.path.insert(0, here)
    try:
        found: object = importlib.import_module(module_name)
    except (Exception, SystemExit) as error:
        raise _cannot_start(
            what,
            f"the module {module_name!r} cannot be imported: {_show(error)}",
            f"check the name; it is imported from {here} and the installed packages",
        ) from None
    try:
        return operator.attrgetter(attribute)(found)
    except AttributeError as error:
        raise _cannot_start(what, str(error), "check the name after the colon") from None


def _as_app(found: object, what: str) -> _App:
    """Return an application as it is, and call a factory."""
    if not _is_app(found) and _takes(found, 0):
        try:
            found = found()  # type: ignore[operator]
        except (Exception, SystemExit) as error:
            raise _cannot_start(what, f"the factory failed: {_show(error)}", "repair it") from None
    if not _is_app(found):
        raise _cannot_start(
            what,
            f"a {type(found).__name__} is no ASGI application",
            "name an application or a factory without arguments, such as streamable_http_app of a server of "
            "the official SDK",
        )
    return found  # type: ignore[return-value]


def _is_app(found: object) -> bool:
    return _takes(found, 3) and not inspect.isclass(found)


def _takes(found: object, count: int) -> bool:
    if not callable(found):
        return False
    try:
        inspect.signature(found).bind(*range(count))
    except (TypeError, ValueError):
        return False
    return True


def _show(error: BaseException) -> str:
    """Return an error in one line, with the place where it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({os.path.basename(frames[-1].filename)}:{frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {error}{place}"


class AppServer:
    """An ASGI application served by uvicorn in a thread of this process.

    Args:
        app: The application.
        description: What it is, one line.
        settings: Path of the endpoint, and the headers whose values are secret.
        http: uvicorn's protocol class; h11 by default, the same bytes whatever else is installed.
    """

    def __init__(self, app: _App, description: str, settings: Settings, http: Any = "h11") -> None:
        self.description = description
        self.process_id = None
        self._app = app
        self._path = settings.path
        self._secrets = settings.secrets
        self._output = Output()
        self._finishing: set[object] = set()
        self._ready = threading.Event()
        self._failure = ""
        self._task: asyncio.Task[None] | None = None
        # The protocol is named for asyncio, which else leaves Nagle's algorithm on: 40 ms per response.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.bind(("127.0.0.1", 0))
        self._port: int = self._socket.getsockname()[1]
        self._server = _Server(self._ready, self._watched, http)
        self._thread = threading.Thread(target=self._run, name="mcp-app", daemon=True)
        self._thread.start()

    def listening(self) -> str | None:
        """Return the URL of the endpoint once the lifespan has started."""
        if self._ready.is_set() and self._server.started:
            return f"http://127.0.0.1:{self._port}{self._path}"
        return None

    def ended(self, wait: float) -> str | None:
        """Wait at most `wait` seconds for the start to succeed or fail; return why it failed, or None."""
        if not self._ready.is_set():
            self._ready.wait(wait)
        elif wait:
            self._thread.join(wait)
        if self._thread.is_alive() and not self._failure:
            return None
        return self._failure or "the server in this process ended"

    def written(self) -> int:
        """Return a mark for `log`: what went wrong until now lies before it."""
        self._catch_up()
        return self._output.written

    def log(self, since: int = 0) -> str:
        """Return its last errors, from a mark on, without the secret values of our headers."""
        self._catch_up()
        return without_secrets(self._output.text(since), self._secrets)

    def _catch_up(self) -> None:
        """Wait for requests that are answered and not over: a framework raises after it has sent its 500."""
        deadline = time.monotonic() + _CATCH_UP_SECONDS
        while self._finishing and time.monotonic() < deadline:
            time.sleep(0.001)

    def close(self) -> None:
        """End the server: requests first, then its lifespan; may be called again."""
        self._server.should_exit = True
        if self._server.started:
            self._thread.join(STOP_SECONDS)
        if self._task is not None and self._thread.is_alive():
            # What does not start or end by itself is cancelled.
            loop = self._task.get_loop()
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(self._task.cancel)
        self._thread.join(STOP_SECONDS)

    def _run(self) -> None:
        try:
            with self._socket, contextlib.suppress(asyncio.CancelledError):
                asyncio.run(self._serve())
        except (Exception, SystemExit) as error:
            self._failure = self._failure or _show(error)
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._task = asyncio.current_task()
        await self._server.serve(sockets=[self._socket])

    async def _watched(self, scope: _Scope, receive: _Receive, send: _Send) -> None:
        """Run the application and keep what goes wrong inside it."""
        request = object()

        async def watch(message: Any) -> None:
            if message["type"] == "http.response.body" and not message.get("more_body"):
                self._finishing.add(request)
            if message["type"] == "lifespan.startup.failed":
                self._failure = "the lifespan of the application failed"
                self._note(str(message.get("message", "")))
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception:
            # An application without lifespan may raise on it, that is how it says so.
            if scope["type"] != "lifespan":
                self._note(traceback.format_exc())
            raise
        finally:
            self._finishing.discard(request)

    def _note(self, text: str) -> None:
        self._output.add(text.rstrip("\n").encode("utf-8", "replace") + b"\n")


class _Server(uvicorn.Server):
    """A uvicorn server that says when it is ready, and writes no log of its own."""

    def __init__(self, ready: threading.Event, app: _App, http: Any) -> None:
        super().__init__(
            uvicorn.Config(
                app,
                interface="asgi3",
                proxy_headers=False,
                http=http,
                ws="none",
                lifespan="auto",
                access_log=False,
                log_config=None,
                log_level=logging.CRITICAL,
                # Event streams stay open for ever, so nobody waits for them.
                timeout_graceful_shutdown=1,
            )
        )
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready.set()
