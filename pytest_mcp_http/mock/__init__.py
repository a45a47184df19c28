"""Mocks of MCP servers, for tests of clients: one without a socket, and scripts on a real socket."""

from __future__ import annotations

from pytest_mcp_http.mock.answers import CUT, HOLD, Answer, Pause
from pytest_mcp_http.mock.script import (
    ANSWER,
    END,
    LOG,
    PING,
    PRIME,
    PROGRESS,
    Retry,
    Script,
    Step,
    Turn,
    as_json,
    challenge,
    input_required,
    later,
    lose_session,
    never,
    on,
    refuse,
    result,
    stream,
)
from pytest_mcp_http.mock.server import MockServer
from pytest_mcp_http.mock.transport import handler

__all__ = [
    "ANSWER",
    "CUT",
    "END",
    "HOLD",
    "LOG",
    "PING",
    "PRIME",
    "PROGRESS",
    "Answer",
    "MockServer",
    "Pause",
    "Retry",
    "Script",
    "Step",
    "Turn",
    "as_json",
    "challenge",
    "handler",
    "input_required",
    "later",
    "lose_session",
    "never",
    "on",
    "refuse",
    "result",
    "stream",
]
