"""Legal but unusual ways to report progress, and to close a stream before its response."""

from __future__ import annotations

from typing import Any, Final

from reference_server._context import HANDSHAKE_REVISIONS, RequestContext
from reference_server._layers import rewrite_message
from reference_server.faults.progress import is_progress, params_as
from reference_server.faults.sse import RESUMABLE, dropped_early
from reference_server.variants import Variant

STATEFUL: Final = ("stateful",)


def bare(message: Any, context: RequestContext) -> Any:
    """Report no more than token and value, which starts below zero and has a fraction."""
    if not is_progress(message):
        return message
    params = message["params"]
    kept = {name: value for name, value in params.items() if name not in ("total", "message")}
    return {**message, "params": {**kept, "progress": params["progress"] / 8 - 1}}


def none_at_all(message: Any, context: RequestContext) -> Any:
    """Report no progress."""
    return None if is_progress(message) else message


def first_only(message: Any, context: RequestContext) -> Any:
    """Report progress once per request."""
    return message if not is_progress(message) or message["params"]["progress"] == 1 else None


VARIANTS = (
    Variant(
        "progress-bare",
        STATEFUL,
        summary="progress has fractions, and neither a total nor a message",
        layer=rewrite_message(bare),
    ),
    Variant(
        "progress-past-total",
        STATEFUL,
        summary="progress goes past a total that was estimated too low",
        layer=params_as(lambda _: {"total": 2}),
    ),
    Variant("no-progress", STATEFUL, summary="no progress is reported", layer=rewrite_message(none_at_all)),
    Variant(
        "progress-once",
        STATEFUL,
        summary="progress is reported once per request",
        layer=rewrite_message(first_only),
    ),
    Variant(
        "closes-early-with-retry",
        STATEFUL,
        summary="the connection of a stream is closed early, to be resumed, after a retry field",
        layer=dropped_early("20"),
        options=RESUMABLE,
        revisions=HANDSHAKE_REVISIONS[-1:],
    ),
)
