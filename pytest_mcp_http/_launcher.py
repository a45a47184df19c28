"""Starts a server that a test names: what the fixture `mcp_launch` calls.

Knows its arguments and what they mean; how servers are started is in `_launch` and `_serve`.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import pytest

from pytest_mcp_http import _option_values as values
from pytest_mcp_http._launch import Launched, start_command
from pytest_mcp_http._options import Settings
from pytest_mcp_http._target import RunningTarget, await_target
from pytest_mcp_http.errors import TargetError

_Value = TypeVar("_Value")


def launch(
    settings: Settings,
    app: object = None,
    *,
    command: str | Sequence[str] | None = None,
    path: str | None = None,
    headers: Mapping[str, str] | None = None,
    startup_timeout: float | None = None,
    env: Mapping[str, str] | None = None,
    cwd: str | Path | None = None,
) -> RunningTarget:
    """Start a server, and wait until it answers.

    Args:
        settings: Headers, limits and whatever else is not given here.
        app: An ASGI application, a factory without arguments, or the name of one, `package.module:attribute`.
        command: A command line, or its words, with the placeholders `{port}` and `{host}`.
        path: Path of the endpoint.
        headers: Headers of every request, by name; they win over those of the settings. Values are secret.
        startup_timeout: Seconds that it may take to answer.
        env: Variables to add to the environment of a command.
        cwd: Directory to start a command in.

    Returns:
        The server. Close it, which ends it.

    Raises:
        TargetError: If an argument is wrong, or the server cannot be started or judged.
    """
    if (app is None) == (command is None):
        raise TargetError("mcp_launch: give an application, or command=, and not both")
    if app is not None and (env is not None or cwd is not None):
        raise TargetError("mcp_launch: env and cwd are for a command; an application runs in this process")
    settings = settings.of_another(
        command=_command(command),
        path=settings.path if path is None else _checked(values.url_path, path, "path"),
        headers=_headers(settings.headers, headers or {}),
        oauth=None,
        startup_timeout=(
            settings.startup_timeout
            if startup_timeout is None
            else _checked(values.seconds, startup_timeout, "startup_timeout")
        ),
    )
    return await_target(_start(settings, app, env, cwd), settings)


def _start(
    settings: Settings, app: object, env: Mapping[str, str] | None, cwd: str | Path | None
) -> Launched:
    if app is None:
        return start_command(settings, env, None if cwd is None else str(cwd))
    # Only here: uvicorn is not needed for a command.
    from pytest_mcp_http import _serve

    if isinstance(app, str):
        _checked(values.app_name, app, "application")
        return _serve.serve(app, f"mcp_launch {app}", settings)
    name = getattr(app, "__qualname__", None) or type(app).__qualname__
    return _serve.serve(app, f"mcp_launch {name}", settings)


def _command(command: str | Sequence[str] | None) -> str | None:
    if command is None:
        return None
    return _checked(
        values.command_line, command if isinstance(command, str) else shlex.join(command), "command"
    )


def _headers(inherited: tuple[tuple[str, str], ...], given: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    lines = _checked(values.header_lines, [f"{name}: {value}" for name, value in given.items()], "headers")
    named = {name.lower() for name, _ in lines}
    return tuple(line for line in inherited if line[0].lower() not in named) + lines


def _checked(convert: Callable[[Any, str], _Value], value: object, name: str) -> _Value:
    """Return the value of an argument as the option of the same meaning takes it."""
    try:
        return convert(value, f"mcp_launch: {name}")
    except pytest.UsageError as error:
        raise TargetError(str(error)) from None
