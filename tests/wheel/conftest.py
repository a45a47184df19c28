"""A wheel of this checkout, and environments of its users that have nothing but what pip brings with it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LIMIT = 300.0
"""Seconds for one command; the first one may have to download what the wheel depends on."""


def run(command: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a command without the variables that would lead Python or pytest back to the checkout."""
    steering = ("PYTHON", "PYTEST", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(steering)}
    return subprocess.run(
        command, cwd=folder, env=kept, capture_output=True, text=True, timeout=LIMIT, check=False
    )


def succeed(command: list[str], folder: Path) -> None:
    """Run a command that has to succeed."""
    done = run(command, folder)
    assert done.returncode == 0, done.stdout + done.stderr


@dataclass(frozen=True)
class Environment:
    """A virtual environment, and an empty directory to work in."""

    python: Path
    folder: Path

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run `python -m` with some arguments, as a user would, and return what it printed."""
        return run([str(self.python), "-m", *arguments], self.folder)


@pytest.fixture
def environment(tmp_path: Path) -> Callable[[str], Environment]:
    """Return what makes the environment of a user who installs the wheel beside some `mcp`."""
    if sys.platform == "win32":
        pytest.skip("the interpreter of an environment is elsewhere")

    def made(mcp: str) -> Environment:
        python, empty = tmp_path / "venv" / "bin" / "python", tmp_path / "empty"
        empty.mkdir()
        for command in (
            [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(tmp_path), str(ROOT)],
            [sys.executable, "-m", "venv", str(tmp_path / "venv")],
        ):
            succeed(command, empty)
        (wheel,) = tmp_path.glob("pytest_mcp_http-*.whl")
        succeed([str(python), "-m", "pip", "install", "-q", str(wheel), mcp], empty)
        return Environment(python, empty)

    return made
