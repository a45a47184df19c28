"""What one process keeps during a run: the target, one wire, one tour per revision."""

from __future__ import annotations

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
        self._target: Target | None = None
        self.judged_target: Target | None = None
        self.servers: list[RunningTarget] = []
        self._resolved: dict[str, Target | TargetError] = {}
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
            running = open_target(self.settings)
            self.servers.append(running)
            self._target = running.target
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
        """The target of the suite as far as this process knows it: named by options, or by the fixture."""
        return self._target or self.judged_target

    def target(self) -> Target:
        """Return the target that the options name.

        Raises:
            pytest.UsageError: If they name none.
        """
        if self._target is None:
            raise pytest.UsageError(
                "no MCP server is named: give --mcp-url, --mcp-command, --mcp-app or --mcp-reference "
                "(or their ini values), or override the fixture mcp_target in a conftest.py"
            )
        return self._target

    def resolve(self, target: object) -> Target:
        """Return the target behind what the `mcp_target` fixture gave.

        A URL is probed once, whatever comes of it.

        Args:
            target: A URL, a server that was started here, or a target.

        Raises:
            TargetError: If it is none of these, or leads to no server that can be judged. The whole diagnosis
                is told once; afterwards its first line.
        """
        from pytest_mcp_http._target import RunningTarget, Target, open_target

        if isinstance(target, Target):
            return target
        if isinstance(target, RunningTarget):
            return target.target
        if not isinstance(target, str):
            raise TargetError(
                f"the fixture mcp_target gave {target!r}; accepted: the URL of a server as a string, "
                "or what mcp_launch returns"
            )
        found = self._resolved.get(target)
        for server in self.servers:
            if server.url == target and not server.closed:
                return server.target
        if found is None:
            try:
                found = open_target(self.settings.of_another(url=target)).target
            except TargetError as error:
                headline = str(error).partition("\n")[0]
                self._resolved[target] = TargetError(f"{headline} An earlier test shows the whole diagnosis.")
                raise
            self._resolved[target] = found
        if isinstance(found, TargetError):
            raise found
        return found

    def revisions(self) -> tuple[str, ...]:
        """Return the revisions that the suite is collected for; never touches the network."""
        from pytest_mcp_http.spec.revisions import REVISIONS

        if self._target is not None:
            return self._target.judged(self.settings.revision)
        if isinstance(self.settings.revision, tuple):
            return self.settings.revision
        return REVISIONS

    def default_revision(self, target: object) -> str:
        """Return the revision that a test of a target speaks unless it asks for another one."""
        return self.resolve(target).default_revision

    # -- what checks use ------------------------------------------------------------------------------------

    def wire(self, target: object) -> HttpWire:
        """Return the wire of a target."""
        target = self.resolve(target)
        if target.url not in self._wires:
            self._wires[target.url] = target.open_wire()
        return self._wires[target.url]

    def spoken(self, target: object, revision: str) -> Target:
        """Return a target that speaks a revision.

        Raises:
            NotApplicable: If it does not speak it.
        """
        from pytest_mcp_http.errors import NotApplicable

        found = self.resolve(target)
        if revision not in found.facts.revisions:
            spoken = ", ".join(found.facts.revisions)
            raise NotApplicable(f"the server does not speak {revision}, it speaks {spoken}")
        return found

    def tour(self, target: object, revision: str) -> Tour:
        """Return the tour of a target at a revision, made on first use.

        Raises:
            NotApplicable: If the target does not speak the revision.
        """
        from pytest_mcp_http.tour import Tour

        found = self.spoken(target, revision)
        key = (found.url, revision)
        if key not in self._tours:
            self._tours[key] = Tour(found, revision, self.wire(found))
        return self._tours[key]

    def judge(self, target: object, revision: str) -> None:
        """Note that the suite judges a target; skip the check if it is not to be judged at a revision.

        For a target that a fixture gives, this is not known at collection.

        Raises:
            TargetError: If it cannot be judged, or does not speak a revision that the options list.
        """
        self.judged_target = found = self.resolve(target)
        if revision not in found.judged(self.settings.revision):
            pytest.skip(f"not judged at {revision}: the server speaks {', '.join(found.facts.revisions)}")

    def leave(self, target: object) -> None:
        """End every session and connection with a target that may end now, and forget what was learnt."""
        url = target if isinstance(target, str) else getattr(target, "url", "")
        for key in [key for key in self._tours if key[0] == url]:
            self._tours.pop(key).close()
        if url in self._wires:
            self._wires.pop(url).close()
        self._resolved.pop(url, None)

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
        for server in self.servers:
            server.close()


def run_of(config: pytest.Config) -> Run:
    """Return the run of this process."""
    return config.stash[RUN]
