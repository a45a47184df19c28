"""What one process keeps during a run: the target, one wire, one tour per revision."""

from __future__ import annotations

import gc
import secrets
from typing import TYPE_CHECKING, Any

import pytest

from pytest_mcp_http._options import Settings
from pytest_mcp_http.errors import TargetError

if TYPE_CHECKING:
    from pytest_mcp_http._target import RunningTarget, Target
    from pytest_mcp_http.fuzz import Plan
    from pytest_mcp_http.tour import Tour
    from pytest_mcp_http.wire.http import HttpWire

RUN: pytest.StashKey[Run] = pytest.StashKey()
"""The `Run` of this process; set in `pytest_configure`."""


class Run:
    """The state of one pytest process, controller or worker.

    Args:
        settings: The options.
        facts: What the controller learnt about the target, on a worker of pytest-xdist.
        seed: The seed that the controller drew, on a worker of pytest-xdist.
    """

    def __init__(
        self, settings: Settings, facts: dict[str, Any] | None = None, seed: int | None = None
    ) -> None:
        self.settings = settings
        self._seed = seed if seed is not None else settings.fuzz_seed
        self._facts = facts
        self._running: RunningTarget | None = None
        self._target: Target | None = None
        self._resolved: dict[str, Target] = {}
        self._wires: dict[str, HttpWire] = {}
        self._tours: dict[tuple[str, str], Tour] = {}

    @property
    def plan(self) -> Plan | None:
        """How many changed requests are sent, and which; None if the run sends none."""
        if not self.settings.fuzz:
            return None
        from pytest_mcp_http.fuzz import Plan

        if self._seed is None:
            self._seed = secrets.randbits(32)
        return Plan(self.settings.fuzz, self._seed)

    # -- target ---------------------------------------------------------------------------------------------

    def open(self) -> None:
        """Start and probe the target that the options name, unless another process has done so.

        Raises:
            TargetError: If it cannot be judged.
        """
        from pytest_mcp_http._target import Target, open_target

        if self._facts is not None:
            self._target = Target.from_json(self._facts)
        else:
            self._running = open_target(self.settings)
            self._target = self._running.target
        if self.settings.reference:
            # The SDK of the reference server makes some 80,000 objects that live as long as the process.
            # Looking through them again and again costs a tenth of the run.
            gc.freeze()
        # A listed revision that the server does not speak is told now, not by every check.
        self._target.judged(self.settings.revision)

    @property
    def named(self) -> bool:
        """Whether the options name a target (else only an overridden fixture can)."""
        s = self.settings
        return any((s.url, s.command, s.app, s.reference))

    @property
    def opened(self) -> Target | None:
        """The target, once open."""
        return self._target

    @property
    def known(self) -> Target | None:
        """The target of the run as far as this process knows it: named by options, or by the fixture."""
        return self._target or next(reversed(self._resolved.values()), None)

    def target(self) -> Target:
        """Return the target that the options name.

        Raises:
            pytest.UsageError: If they name none.
        """
        if self._target is None:
            raise pytest.UsageError(
                "no MCP server is named: give --mcp-url, --mcp-command, --mcp-app or --mcp-reference "
                "(or their ini values), or override the fixture mcp_target in the root conftest.py"
            )
        return self._target

    def resolve(self, target: Target | str) -> Target:
        """Return the target behind what the `mcp_target` fixture gave: itself, or the one at a URL.

        An URL is probed once; a failure ends the run with one message instead of failing every test.
        """
        if not isinstance(target, str):
            self._resolved.setdefault(target.url, target)
            return target
        if target not in self._resolved:
            from dataclasses import replace

            from pytest_mcp_http._target import open_target

            try:
                running = open_target(
                    replace(self.settings, url=target, command=None, app=None, reference=None)
                )
            except TargetError as error:
                pytest.exit(f"mcp_target: {error}", returncode=pytest.ExitCode.USAGE_ERROR)
            self._resolved[target] = running.target
        return self._resolved[target]

    def revisions(self) -> tuple[str, ...]:
        """Return the revisions that the suite is collected for; never touches the network."""
        from pytest_mcp_http.spec.revisions import REVISIONS

        if self._target is not None:
            return self._target.judged(self.settings.revision)
        if isinstance(self.settings.revision, tuple):
            return self.settings.revision
        return REVISIONS

    def default_revision(self, target: Target | str) -> str:
        """Return the revision that a test of a target speaks unless it asks for another one."""
        return self.resolve(target).default_revision

    # -- what checks use ------------------------------------------------------------------------------------

    def wire(self, target: Target | str) -> HttpWire:
        """Return the wire of a target."""
        target = self.resolve(target)
        if target.url not in self._wires:
            self._wires[target.url] = target.open_wire()
        return self._wires[target.url]

    def tour(self, target: Target | str, revision: str) -> Tour:
        """Return the tour of a target at a revision, made on first use.

        Skips the test if the revision is not to be judged, which is known at collection only for a target
        that options name.
        """
        from pytest_mcp_http.tour import Tour

        target = self.resolve(target)
        if revision not in target.judged(self.settings.revision):
            pytest.skip(f"not judged at {revision}: the server speaks {', '.join(target.facts.revisions)}")
        key = (target.url, revision)
        if key not in self._tours:
            self._tours[key] = Tour(target, revision, self.wire(target))
        return self._tours[key]

    def end_sessions(self) -> None:
        """End every session and connection that this process opened."""
        for tour in self._tours.values():
            tour.close()
        for wire in self._wires.values():
            wire.close()
        self._tours.clear()
        self._wires.clear()

    def close(self) -> None:
        """End every session, connection and server that this process opened."""
        self.end_sessions()
        if self._running is not None:
            self._running.close()


def run_of(config: pytest.Config) -> Run:
    """Return the run of this process."""
    return config.stash[RUN]
