"""A server that plays a script on a real socket, records what a client sends, and judges it."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Final

from pytest_mcp_http.client_rules import ClientVerdict, Play, verdicts
from pytest_mcp_http.errors import RequirementViolated
from pytest_mcp_http.mock.script import Playing, Script
from pytest_mcp_http.mock.scripts import script_named
from pytest_mcp_http.mock.socket_server import Recorded, SocketServer
from pytest_mcp_http.wire.exchange import Request

NOTICE_SECONDS: Final = 0.2
"""Seconds within which the server notices that a client has closed a connection."""


class ScriptedServer:
    """Play a script to one client, on a free port of 127.0.0.1, until closed.

    Args:
        script: The script, or the name of a bundled one.
        revision: The revision to speak; None for the newest that the script can be played at.
        contract: Whether the client does all that the command of `--mcp-client-command` has to do, so that a
            request that is missing counts.
        timeout: Seconds after which the client was told to give a request up.

    Raises:
        ValueError: If there is no such script, or it cannot be played at the revision.
    """

    def __init__(
        self,
        script: Script | str,
        revision: str | None = None,
        *,
        contract: bool = False,
        timeout: float = 0.0,
    ) -> None:
        self.script = script_named(script) if isinstance(script, str) else script
        self.revision = revision or self.script.revisions[-1]
        self._contract, self._timeout = contract, timeout
        self._playing = Playing(self.script, self.revision)
        self._server = SocketServer(self._playing.answer)
        self._ended_at: float | None = None
        self.url = self._server.url
        """URL of the endpoint."""

    @property
    def records(self) -> list[Recorded]:
        """Every request so far with its answer and times, other addresses of the server included."""
        self._server.settle()
        return self._server.records

    @property
    def requests(self) -> list[Request]:
        """Every request for the endpoint so far, as it was sent."""
        return [record.exchange.request for record in self.play().records]

    @property
    def connections(self) -> int:
        """How many connections were made."""
        return self._server.connections

    def ended(self) -> None:
        """Say that the client has ended, or is about to be ended: what happens from now on tells nothing."""
        # Connections that the client has closed by now are noticed within this time.
        time.sleep(NOTICE_SECONDS)
        self._ended_at = self._server.now

    def play(self) -> Play:
        """Return what the client did so far."""
        records = self.records
        here = [r for r in records if r.exchange.request.url.partition("?")[0] == self.url]
        return Play(
            script=self.script,
            revision=self.revision,
            records=tuple(here),
            elsewhere=tuple(record for record in records if record not in here),
            contract=self._contract,
            ended_at=self._ended_at,
            timeout=self._timeout,
        )

    def verdicts(self, *, strict: bool = False) -> list[ClientVerdict]:
        """Judge the client by each requirement that the script gives an occasion to.

        Args:
            strict: A broken SHOULD fails as well.
        """
        return list(verdicts(self.play(), strict=strict))

    def judge(self, *, strict: bool = False) -> None:
        """Raise for the first requirement that the client broke.

        Args:
            strict: A broken SHOULD counts as well.

        Raises:
            RequirementViolated: Names requirement, legal outcomes, what the client did, and the request.
        """
        __tracebackhide__ = True
        for found in self.verdicts(strict=strict):
            if found.verdict.name == "fail" and found.violation is not None:
                requirement, violation = found.requirement, found.violation
                raise RequirementViolated(
                    f"{violation.actual}\n{requirement.id} ({requirement.level}, {self.revision}): "
                    f"{requirement.wording}\n{requirement.url(self.revision)}",
                    expected=violation.expected,
                    exchange=violation.exchange,
                )

    def close(self) -> None:
        """End the server; may be called again."""
        self._server.close()

    def __enter__(self) -> ScriptedServer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
