"""Finds out which eras and revisions a server speaks, and says clearly why one cannot be judged.

Knows the handshake and what can stand in its way; the probes of the modern era are in `_modern`. Knows
nothing of options, processes and pytest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pytest_mcp_http import _diagnosis as diagnosis
from pytest_mcp_http._modern import PROBE_BODY, Modern, probe, short
from pytest_mcp_http.client import SESSION_HEADER, VERSION_HEADER, McpClient
from pytest_mcp_http.dialect import dialect_of
from pytest_mcp_http.errors import TargetError
from pytest_mcp_http.spec.revisions import HANDSHAKE_REVISIONS, REVISIONS, era_of
from pytest_mcp_http.wire import jsonrpc
from pytest_mcp_http.wire.exchange import Exchange
from pytest_mcp_http.wire.http import SHORT_LINGER, HttpWire

_NAME_LENGTH: Final = 80


@dataclass(frozen=True)
class Facts:
    """What discovery learnt about a server.

    Attributes:
        server_name: Its name as it says itself, fit to be printed; empty if the server does not say.
        server_version: Its version, likewise.
        revisions: Revisions it speaks, in the order of `REVISIONS`.
        sessions: Whether a session id was assigned, by handshake revision.
        evidence: Why these revisions and no others, one line per era.
        named: Every version that the server named as supported when asked in the modern way, judged here or
            not.
    """

    server_name: str
    server_version: str
    revisions: tuple[str, ...]
    sessions: Mapping[str, bool] = field(default_factory=dict)
    evidence: tuple[str, ...] = ()
    named: tuple[str, ...] = ()

    @property
    def eras(self) -> tuple[str, ...]:
        """The eras that the server speaks, oldest first."""
        return tuple(dict.fromkeys(era_of(revision) for revision in self.revisions))

    @property
    def era(self) -> str:
        """The era that the server speaks: `handshake`, `modern`, or `dual` for both."""
        return "dual" if len(self.eras) > 1 else self.eras[0] if self.eras else ""

    def to_json(self) -> dict[str, Any]:
        """Return the facts as plain JSON values."""
        return {
            "server_name": self.server_name,
            "server_version": self.server_version,
            "revisions": list(self.revisions),
            "sessions": dict(self.sessions),
            "evidence": list(self.evidence),
            "named": list(self.named),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Facts:
        """Read what `to_json` returned."""
        return cls(
            value["server_name"],
            value["server_version"],
            tuple(value["revisions"]),
            dict(value["sessions"]),
            tuple(value["evidence"]),
            tuple(value["named"]),
        )


def discover(wire: HttpWire, url: str, headers: tuple[tuple[str, str], ...] = ()) -> Facts:
    """Ask a server for each handshake revision, newest first, then for the modern era.

    The sessions that this opens are ended. How a server refuses what it does not speak is not judged: only
    what it does speak counts.

    Args:
        wire: Where requests are sent; its limits bound the time (seconds) of each exchange.
        url: The MCP endpoint.
        headers: Header lines of every request; their values never appear in an error.

    Returns:
        The facts, with at least one revision that is judged here.

    Raises:
        TargetError: If the server cannot be judged. The message is the whole diagnosis.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/lifecycle#version-negotiation and
        https://modelcontextprotocol.io/specification/2026-07-28/basic/versioning
    """
    answers: dict[str, Exchange] = {}
    problem: TargetError | None = None
    for revision in reversed(HANDSHAKE_REVISIONS):
        answers[revision] = exchange = _initialize(wire, url, headers, revision)
        if problem := diagnosis.of_answer(exchange, revision):
            break
    if problem is not None and not diagnosis.may_be_modern(exchange):
        raise problem
    modern = probe(wire, url, headers)
    if problem is not None and not modern.spoken:
        raise problem
    spoken = {revision: answer for revision, answer in answers.items() if negotiated(answer) == revision}
    if not spoken and not modern.revisions:
        raise _nothing_to_judge(answers, modern)
    if spoken and not modern.spoken:
        _still_there(wire, url, headers, next(iter(spoken)))
    info = modern.server
    if spoken:
        newest, answer = next(iter(spoken.items()))
        info = dialect_of(newest).info_in(answer.result)
    name, version = _server_info(info)
    return Facts(
        name,
        version,
        tuple(revision for revision in REVISIONS if revision in spoken or revision in modern.revisions),
        {
            revision: SESSION_HEADER in spoken[revision].headers
            for revision in HANDSHAKE_REVISIONS
            if revision in spoken
        },
        (_handshake_evidence(spoken, answers), modern.evidence),
        modern.named,
    )


def negotiated(answer: Exchange) -> str | None:
    """Return the `protocolVersion` of an answer to `initialize`, or None for an error."""
    result = answer.result
    version = result.get("protocolVersion") if isinstance(result, dict) else None
    return version if isinstance(version, str) else None


def _initialize(wire: HttpWire, url: str, headers: tuple[tuple[str, str], ...], revision: str) -> Exchange:
    client = McpClient(url, revision, wire, headers=headers)
    body = jsonrpc.request("initialize", client.initialize_params(), id=1)
    request = client.build("POST", body, {SESSION_HEADER: None, VERSION_HEADER: None})
    limits = replace(wire.limits, body=min(wire.limits.body, PROBE_BODY), linger=SHORT_LINGER)
    exchange = wire.send(request, limits=limits)
    client.session_id = exchange.headers.get(SESSION_HEADER) if exchange.ok else None
    if client.session_id:
        wire.send(client.build("DELETE"), limits=short(wire.limits))
    return exchange


def _still_there(wire: HttpWire, url: str, headers: tuple[tuple[str, str], ...], revision: str) -> None:
    """Make sure that a method which the server does not know has not ended it: some servers fall over."""
    exchange = _initialize(wire, url, headers, revision)
    if diagnosis.of_answer(exchange, revision) is not None:
        raise diagnosis.fell_over(exchange, revision)


def _handshake_evidence(spoken: Mapping[str, Exchange], answers: Mapping[str, Exchange]) -> str:
    if spoken:
        return f"initialize negotiates {', '.join(r for r in HANDSHAKE_REVISIONS if r in spoken)}"
    others = sorted({version for answer in answers.values() if (version := negotiated(answer))})
    if others:
        return f"initialize negotiates {', '.join(map(_printable, others))}, which is not judged here"
    return f"initialize gets {next(iter(answers.values())).summary}"


def _nothing_to_judge(answers: Mapping[str, Exchange], modern: Modern) -> TargetError:
    newest = next(iter(answers))
    others = {version for answer in answers.values() if (version := negotiated(answer))}
    if modern.spoken:
        return diagnosis.other_modern(answers[newest], newest, modern.evidence)
    if others:
        return diagnosis.other_versions(answers[newest], newest, sorted(others))
    return diagnosis.refused(answers[newest], newest)


def _server_info(info: object) -> tuple[str, str]:
    fields = info if isinstance(info, dict) else {}
    return _printable(fields.get("name")), _printable(fields.get("version"))


def _printable(value: object) -> str:
    """Return a text of the server's, safe to print on a terminal."""
    text = value if isinstance(value, str) else ""
    return "".join(character if character.isprintable() else "?" for character in text[:_NAME_LENGTH])
