"""Faults of event ids and replay."""

from __future__ import annotations

from typing import Any

from reference_server._context import Layer, RequestContext
from reference_server._layers import Call, EventBlock, answer_instead, combine, handle, rewrite_events
from reference_server.faults import Fault

RESUMABLE = {"resumable": True}
STREAM = [("content-type", "text/event-stream")]


def resumes(context: RequestContext) -> bool:
    """Select a GET that resumes a stream."""
    return context.method == "GET" and context.header("last-event-id") is not None


def numbered_per_stream() -> Layer:
    """Give each stream its own numbers from one on, so that ids repeat between streams."""

    def number(block: EventBlock, context: RequestContext) -> EventBlock:
        if block.get("id") is None:
            return block
        counts: dict[int, int] = context.state.setdefault("numbers", {})
        counts[id(context)] = counts.get(id(context), 0) + 1
        # The context lives as long as its request: keep it, so that no other request takes its identity.
        context.state.setdefault("kept", []).append(context)
        return block.with_field("id", str(counts[id(context)]))

    return rewrite_events(number)


def replays(everything: bool) -> Layer:
    """Replay more than the stream that a client resumes.

    Args:
        everything: Replay the events of all sessions; else those of all streams of the session.
    """

    def keep(block: EventBlock, context: RequestContext) -> EventBlock:
        if context.method == "POST" and block.get("id") is not None and block.data:
            context.state.setdefault("kept", []).append((context.session_id, context.rpc_method, block))
        return block

    async def run(call: Call) -> None:
        context = call.context
        kept: list[Any] = context.state.get("kept", [])
        mine = any(
            s == context.session_id and b.get("id") == context.header("last-event-id") for s, _, b in kept
        )
        if not resumes(context) or (everything and mine) or context.session is None:
            await call.forward()
            return
        blocks = [b for s, m, b in kept if m == "ping" and (everything or s == context.session_id)]
        await call.answer(200, STREAM, b"".join(block.encode() for block in blocks))

    return combine(handle(run), rewrite_events(keep))


def fault(id: str, requirement: str, summary: str, layer: Layer) -> Fault:
    """Make a fault of a server that keeps events."""
    return Fault(id, (requirement,), ("stateful",), summary=summary, layer=layer, options=RESUMABLE)


FAULTS = (
    fault(
        "resumability.ids-per-stream",
        "resumability.event-id-unique",
        "events are numbered from one on every stream",
        numbered_per_stream(),
    ),
    fault(
        "resumability.replays-session",
        "resumability.no-cross-stream-replay",
        "a resumed stream brings the messages of all streams of the session",
        replays(everything=False),
    ),
    fault(
        "resumability.replays-strangers",
        "resumability.no-cross-stream-replay",
        "an event id of another session brings that session's messages",
        replays(everything=True),
    ),
    fault(
        "resumability.replays-nothing",
        "resumability.replay",
        "a resumed stream stays empty",
        answer_instead(resumes, 200, STREAM, b": resumed\n\n"),
    ),
    fault(
        "resumability.unknown-id-500",
        "resumability.unknown-event-id",
        "an event id that was never issued makes the server fail",
        answer_instead(lambda c: resumes(c) and "never-issued" in (c.header("last-event-id") or ""), 500),
    ),
)
