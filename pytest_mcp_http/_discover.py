"""Finds out which revisions a server speaks, and says clearly why one cannot be judged.

Knows the handshake and what can stand in its way; knows nothing of options, processes and pytest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from pytest_mcp_http import _diagnosis as diagnosis
from pytest_mcp_http.client import SESSION_HEADER, VERSION_HEADER, McpClient
from pytest_mcp_http.errors import TargetError
from pytest_mcp_http.spec.revisions import HANDSHAKE_REVISIONS, MODERN_REVISIONS, REVISIONS, era_of
from pytest_mcp_http.wire import jsonrpc
from pytest_mcp_http.wire.exchange import Exchange
from pytest_mcp_http.wire.http import SHORT_LINGER, HttpWire, Limits

PROBE_BODY: Final = 256 * 1024
"""Bytes of an answer to `initialize` that are read; keeps a hostile answer from filling the memory."""

PROBE_SECONDS: Final = 5.0
"""Seconds for what is only good to know: the modern era, and the end of our own sessions."""

_NAME_LENGTH: Final = 80
_META: Final = "io.modelcontextprotocol/"


@dataclass(frozen=True)
class Facts:
    """What discovery learnt about a server.

    Attributes:
        server_name: `serverInfo.name`, fit to be printed; empty if the server does not say.
        server_version: `serverInfo.version`, likewise.
        revisions: Revisions it speaks, in the order of `REVISIONS`.
        eras: Eras of these revisions, oldest first.
        sessions: Whether a session id was assigned, by handshake revision.
    """

    server_name: str
    server_version: str
    revisions: tuple[str, ...]
    sessions: Mapping[str, bool] = field(default_factory=dict)

    @property
    def eras(self) -> tuple[str, ...]:
        """The eras that the server speaks, oldest first."""
        return tuple(dict.fromkeys(era_of(revision) for revision in self.revisions))

    def to_json(self) -> dict[str, Any]:
        """Return the facts as plain JSON values."""
        return {
            "server_name": self.server_name,
            "server_version": self.server_version,
            "revisions": list(self.revisions),
            "sessions": dict(self.sessions),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Facts:
        """Read what `to_json` returned."""
        return cls(
            value["server_name"], value["server_version"], tuple(value["revisions"]), dict(value["sessions"])
        )


def discover(wire: HttpWire, url: str, headers: tuple[tuple[str, str], ...] = ()) -> Facts:
    """Ask a server for each handshake revision, newest first, and end the sessions that this opened.

    Args:
        wire: Where requests are sent; its limits bound the time (seconds) of each exchange.
        url: The MCP endpoint.
        headers: Header lines of every request; their values never appear in an error.

    Returns:
        The facts, with at least one handshake revision.

    Raises:
        TargetError: If the server cannot be judged. The message is the whole diagnosis.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/lifecycle#version-negotiation
    """
    answers: dict[str, Exchange] = {}
    for revision in reversed(HANDSHAKE_REVISIONS):
        exchange = _initialize(wire, url, headers, revision)
        if problem := diagnosis.of_answer(exchange, revision):
            if exchange.status in diagnosis.MODERN_REFUSALS and (modern := _modern(wire, url, headers)):
                raise diagnosis.only_modern(exchange, revision, modern)
            raise problem
        answers[revision] = exchange
    modern = _modern(wire, url, headers)
    spoken = {revision: answer for revision, answer in answers.items() if negotiated(answer) == revision}
    if not spoken:
        raise _nothing_to_judge(answers, modern)
    newest = next(iter(spoken.values()))
    name, version = _server_info(newest.result)
    return Facts(
        name,
        version,
        tuple(revision for revision in REVISIONS if revision in spoken or revision in modern),
        {
            revision: SESSION_HEADER in spoken[revision].headers
            for revision in HANDSHAKE_REVISIONS
            if revision in spoken
        },
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
        wire.send(client.build("DELETE"), limits=_short(wire.limits))
    return exchange


def _modern(wire: HttpWire, url: str, headers: tuple[tuple[str, str], ...]) -> tuple[str, ...]:
    """Return the modern revisions that a server offers; whatever else it answers means none.

    Source: https://modelcontextprotocol.io/specification/2026-07-28/server/discover
    """
    revision = MODERN_REVISIONS[-1]
    client = McpClient(url, revision, wire, headers=headers)
    meta = {
        f"{_META}protocolVersion": revision,
        f"{_META}clientInfo": client.initialize_params()["clientInfo"],
        f"{_META}clientCapabilities": {},
    }
    body = jsonrpc.request("server/discover", {"_meta": meta}, id=1)
    request = client.build("POST", body, {"Mcp-Method": "server/discover"})
    exchange = wire.send(request, limits=_short(wire.limits))
    result, error = exchange.result, exchange.error
    data = error.get("data") if error else None
    offered = result.get("supportedVersions") if isinstance(result, dict) else None
    if isinstance(data, dict):
        offered = data.get("supported")
    return tuple(known for known in MODERN_REVISIONS if isinstance(offered, list) and known in offered)


def _short(limits: Limits) -> Limits:
    return Limits(
        connect=min(limits.connect, PROBE_SECONDS),
        first_byte=min(limits.first_byte, PROBE_SECONDS),
        total=min(limits.total, PROBE_SECONDS),
        body=min(limits.body, PROBE_BODY),
        linger=SHORT_LINGER,
    )


def _nothing_to_judge(answers: Mapping[str, Exchange], modern: tuple[str, ...]) -> TargetError:
    newest = next(iter(answers))
    others = {version for answer in answers.values() if (version := negotiated(answer))}
    if modern:
        return diagnosis.only_modern(answers[newest], newest, modern)
    if others:
        return diagnosis.other_versions(answers[newest], newest, sorted(others))
    return diagnosis.refused(answers[newest], newest)


def _server_info(result: object) -> tuple[str, str]:
    info = result.get("serverInfo") if isinstance(result, dict) else None
    fields = info if isinstance(info, dict) else {}
    return _printable(fields.get("name")), _printable(fields.get("version"))


def _printable(value: object) -> str:
    """Return a text of the server's, safe to print on a terminal."""
    text = value if isinstance(value, str) else ""
    return "".join(character if character.isprintable() else "?" for character in text[:_NAME_LENGTH])
