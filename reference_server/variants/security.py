"""Legal ways to refuse and to admit: statuses, bodies, tokens, CORS, session ids."""

from __future__ import annotations

import time
import uuid

from reference_server._context import HeaderLines, RequestContext
from reference_server._layers import answer_instead, rewrite_response_start
from reference_server.faults.security import guarded_lists, is_foreign
from reference_server.faults.session import renamed_ids
from reference_server.variants import Variant


def _earlier_status(status: int, lines: HeaderLines, context: RequestContext) -> tuple[int, HeaderLines]:
    earlier = context.revision in ("2025-03-26", "2025-06-18")
    return (421 if status == 403 and earlier and is_foreign(context) else status), lines


def _ordered_id(_: str) -> str:
    """Return an id whose first part is the time and whose rest is random, as UUIDs of version 7 have it."""
    return f"{time.time_ns() // 1_000_000:012x}-{uuid.uuid4().hex}"


VARIANTS = (
    Variant(
        "origin-refused-421",
        summary="a foreign Origin gets 421 where the revision does not fix the status",
        layer=rewrite_response_start(_earlier_status),
    ),
    Variant(
        "origin-refused-plainly",
        summary="a foreign Origin gets 403 with a body of plain text",
        layer=answer_instead(is_foreign, 403, [("content-type", "text/plain")], "Forbidden\n"),
    ),
    Variant(
        "guarded-lists",
        summary="lists need a token that only its users know; the handshake is open",
        layer=guarded_lists(lambda value: value == "Bearer reference"),
    ),
    Variant(
        "preflight",
        summary="OPTIONS is answered with 204 and CORS headers for everybody, without credentials",
        layer=answer_instead(
            lambda c: c.method == "OPTIONS",
            204,
            [("access-control-allow-origin", "*"), ("access-control-allow-methods", "GET, POST, DELETE")],
        ),
    ),
    Variant(
        "session-ids-in-order",
        ("stateful",),
        summary="session ids start with the time and go on with 128 random bits",
        layer=renamed_ids(_ordered_id),
    ),
)
