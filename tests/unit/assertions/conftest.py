"""Exchanges made by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from pytest_mcp_http.wire.exchange import Chunk, Exchange, Request
from pytest_mcp_http.wire.headers import Headers
from pytest_mcp_http.wire.jsonrpc import encode

Reply = Callable[..., Exchange]


@pytest.fixture
def reply() -> Reply:
    """Return a factory: bytes or JSON values that came back, the status, and the message that was sent."""

    def make(
        *bodies: Any, status: int | None = 200, sent: object = None, stream: bool = False, at: float = 0.0
    ) -> Exchange:
        if stream:
            kind, raw = "text/event-stream", b"".join(f"data: {json.dumps(b)}\n\n".encode() for b in bodies)
        elif bodies and isinstance(bodies[0], bytes):
            kind, raw = "text/html", bodies[0]
        else:
            kind, raw = "application/json", encode(bodies[0]) if bodies else b""
        return Exchange(
            request=Request(
                "POST", "http://127.0.0.1/mcp", Headers(()), encode(sent) if sent is not None else b""
            ),
            status=status,
            headers=Headers((("content-type", kind),) if raw else ()),
            chunks=(Chunk(raw, at),) if raw else (),
            ended_at=at,
        )

    return make
