"""Legal ways to meet a flood of sessions."""

from __future__ import annotations

from typing import Final

from reference_server._context import HANDSHAKE_REVISIONS
from reference_server._jsonrpc import INVALID_REQUEST, error_message
from reference_server._layers import answer_instead
from reference_server.variants import Variant

MANY: Final = 100
"""Sessions after which there are no more."""

VARIANTS = (
    Variant(
        "sessions-limited",
        ("stateful",),
        summary="beyond a hundred sessions, initialize gets 503 with Retry-After",
        layer=answer_instead(
            lambda c: c.is_initialize and len(c.facts.sessions) >= MANY,
            503,
            [("retry-after", "30")],
            lambda c: error_message(INVALID_REQUEST, "Too many sessions", request_id=c.rpc_id),
        ),
        revisions=HANDSHAKE_REVISIONS,
        rig="flood",
    ),
)
