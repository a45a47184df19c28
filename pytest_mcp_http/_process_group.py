"""Ends a process that was started here together with all that it started."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

STOP_SECONDS: Final = 5.0
"""Seconds a process has to end by itself once it was asked to."""

_POLL_SECONDS: Final = 0.05


def end_group(process: subprocess.Popen[bytes]) -> None:
    """End a process and every process of its group: politely, then firmly.

    Args:
        process: One that was started with `start_new_session=True`.
    """
    if sys.platform == "win32":
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        return
    group = process.pid  # it leads its own session, so the numbers are the same
    _signal_group(group, signal.SIGTERM)
    if not _group_ends(process, STOP_SECONDS):
        _signal_group(group, signal.SIGKILL)
        _group_ends(process, STOP_SECONDS)
    process.wait()


def _group_ends(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Wait so many seconds at most until no process of the group runs; return whether none does."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_POLL_SECONDS)
        if not _group_runs(process.pid):
            return True
        if process.returncode is not None:
            # The leader is gone; its children cannot be waited for, only looked at.
            time.sleep(_POLL_SECONDS)
    return False


def _signal_group(group: int, number: int) -> bool:
    """Send a signal to a process group; return whether it has members that we may signal."""
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _group_runs(group: int) -> bool:
    """Return whether a process of the group runs, zombies left aside.

    A zombie takes signals too, and in a container it may stay for ever, because nobody waits for it.
    """
    if not _signal_group(group, 0):
        return False
    stats = [_process_stat(path) for path in Path("/proc").glob("[0-9]*/stat")]
    # Without /proc the signal is all there is to go by.
    return not stats or any(member == group and state not in "ZX" for state, member in stats)


def group_size(group: int) -> int:
    """Return how many processes of a group run, zombies left aside; 0 where there is no /proc."""
    stats = [_process_stat(path) for path in Path("/proc").glob("[0-9]*/stat")]
    return sum(member == group and state not in "ZX" for state, member in stats)


def _process_stat(path: Path) -> tuple[str, int]:
    """Return state and process group out of a file of /proc, see proc_pid_stat(5)."""
    try:
        fields = path.read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return "X", 0
    return fields[0], int(fields[2])
