"""Faults of a server of several replicas: what one of them knows, another one does not.

The replicas are one app that listens on several ports. The port of its first request of all is that of one
replica, every other port belongs to another.
"""

from __future__ import annotations

import copy
import math
from typing import Any, Final

from reference_server._calls import header_lines
from reference_server._context import (
    HANDSHAKE_REVISIONS,
    MODERN_REVISIONS,
    SESSION_HEADER,
    ASGIApp,
    Layer,
    Message,
    Receive,
    RequestContext,
    Scope,
    Send,
    context_of,
)
from reference_server._jsonrpc import INVALID_PARAMS, INVALID_REQUEST, encode, error_message
from reference_server._layers import (
    Call,
    EventBlock,
    answer_instead,
    combine,
    handle,
    rewrite_events,
    rewrite_message,
)
from reference_server.faults import Fault
from reference_server.faults.resumability import RESUMABLE, STREAM, resumes

STATEFUL: Final = ("stateful",)
RIG: Final = "replicas"
CLIENT_INFO_KEY: Final = "io.modelcontextprotocol/clientInfo"


def port_of(call: Call) -> int:
    """Return the port that a request came in at, which tells the replica."""
    return int(call.scope["server"][1])


def elsewhere(layer: Layer) -> Layer:
    """Apply a layer only at the replicas that did not get the first request of all."""

    def build(inner: ASGIApp) -> ASGIApp:
        changed = layer(inner)

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            port = scope["server"][1]
            first = context_of(scope).state.setdefault("first-port", port)
            await (inner if port == first else changed)(scope, receive, send)

        return app

    return build


async def known_at_home(call: Call) -> None:
    """Refuse the pings of a session that another replica opened."""
    homes: dict[str, int] = call.state.setdefault("homes", {})
    context = call.context
    home = homes.get(context.session_id or "")
    if context.rpc_method == "ping" and home not in (None, port_of(call)):
        body = error_message(INVALID_REQUEST, "Session not found", request_id=context.rpc_id)
        await call.answer(404, (), body)
        return

    async def note(message: Message) -> None:
        if message["type"] == "http.response.start" and context.is_initialize:
            for name, value in header_lines(message):
                if name == SESSION_HEADER:
                    homes[value] = port_of(call)
        await call.send(message)

    await call.forward(send=note)


async def ends_at_home(call: Call) -> None:
    """Serve the pings of a session that was ended at another replica."""
    ends: dict[str, int] = call.state.setdefault("ends", {})
    context = call.context
    if context.method == "DELETE" and context.session is not None:
        ends[context.session_id or ""] = port_of(call)
    ended_at = ends.get(context.session_id or "")
    if context.rpc_method == "ping" and ended_at not in (None, port_of(call)):
        await call.answer(200, (), {"jsonrpc": "2.0", "id": context.rpc_id, "result": {}})
        return
    await call.forward()


def replays_by_id() -> Layer:
    """Replay at another replica what followed an event id, whoever asks."""

    def keep(block: EventBlock, context: RequestContext) -> EventBlock:
        if context.method == "POST" and block.get("id") is not None:
            context.state.setdefault("kept", {})[block.get("id")] = context.session_id
            if block.data:
                context.state.setdefault("blocks", []).append((context.session_id, block))
        return block

    async def run(call: Call) -> None:
        context = call.context
        owner = context.state.get("kept", {}).get(context.header("last-event-id"))
        first = context.state.setdefault("first-port", port_of(call))
        if port_of(call) == first or owner in (None, context.session_id):
            await call.forward()
            return
        blocks = [block for session, block in context.state["blocks"] if session == owner]
        await call.answer(200, STREAM, b"".join(block.encode() for block in blocks))

    return combine(handle(run), rewrite_events(keep))


def reversed_tools(message: Any, context: RequestContext) -> Any:
    """List the tools the other way round."""
    if context.rpc_method != "tools/list" or "tools" not in (message.get("result") or {}):
        return message
    message = copy.deepcopy(message)
    message["result"]["tools"].reverse()
    return message


def one_tool_less(message: Any, context: RequestContext) -> Any:
    """Leave out the last tool, as a replica of an older release does."""
    if context.rpc_method != "tools/list" or "tools" not in (message.get("result") or {}):
        return message
    message = copy.deepcopy(message)
    del message["result"]["tools"][-1]
    return message


def without_changes(message: Any, context: RequestContext) -> Any:
    """Announce no change of a list."""
    return None if str(message.get("method")).endswith("/list_changed") else message


async def introduced_only(call: Call) -> None:
    """List prompts to those only who sent `server/discover` to this replica before."""
    context = call.context
    info = context.meta.get(CLIENT_INFO_KEY)
    name = info.get("name") if isinstance(info, dict) else None
    known: set[Any] = call.state.setdefault(f"introduced at {port_of(call)}", {None})
    if context.is_modern and context.rpc_method == "server/discover":
        known.add(name)
    if context.is_modern and context.rpc_method == "prompts/list" and name not in known:
        body = error_message(INVALID_REQUEST, "Discover the server first", request_id=context.rpc_id)
        await call.answer(400, (), body)
        return
    await call.forward()


def refusal(message: str) -> Any:
    """Return what makes the body of a refusal."""
    return lambda context: encode(error_message(INVALID_PARAMS, message, request_id=context.rpc_id))


def stumbling(status: int, places: tuple[int, ...]) -> Layer:
    """Refuse some of the pings of a session that gets nothing but pings, as one replica of many would.

    Args:
        status: The status of the refusal.
        places: Which of the pings are refused, counted from one on.
    """

    async def run(call: Call) -> None:
        context = call.context
        counts: dict[str, float] = call.state.setdefault("pings-in-a-row", {})
        id = context.session_id or ""
        plain = context.rpc_method == "ping" and isinstance(context.rpc_id, int)
        if context.session is None or context.rpc_method == "notifications/initialized":
            await call.forward()
            return
        # A session in which anything else happens is let alone.
        counts[id] = counts.get(id, 0) + (1 if plain else math.inf)
        if counts[id] in places:
            body = error_message(INVALID_REQUEST, "Session not found", request_id=context.rpc_id)
            await call.answer(status, (), body)
            return
        await call.forward()

    return handle(run)


def fault(
    id: str,
    requirement: str,
    summary: str,
    layer: Layer,
    revisions: tuple[str, ...] = HANDSHAKE_REVISIONS + MODERN_REVISIONS,
    *,
    resumable: bool = False,
    rig: str = RIG,
) -> Fault:
    """Make a fault of a server of several replicas."""
    return Fault(
        id,
        (requirement,),
        STATEFUL,
        summary=summary,
        layer=layer,
        options=RESUMABLE if resumable else {},
        revisions=revisions,
        rig=rig,
    )


FAULTS: Final = (
    fault(
        "session.replica-unknown",
        "session.cross-replica",
        "a session is known to the replica only that opened it",
        handle(known_at_home),
        HANDSHAKE_REVISIONS,
    ),
    fault(
        "session.replica-outlives",
        "session.terminated-404-replica",
        "a session that was ended at one replica is served by the others",
        handle(ends_at_home),
        HANDSHAKE_REVISIONS,
    ),
    fault(
        "session.forgets-and-remembers",
        "session.gone-stays-gone",
        "some requests of a session get 404, and those after them are served",
        stumbling(404, (7, 9)),
        HANDSHAKE_REVISIONS,
        rig="alone",
    ),
    fault(
        "session.stumbles",
        "session.any-connection",
        "some requests of a session get 400, and those after them are served",
        stumbling(400, (7, 9)),
        HANDSHAKE_REVISIONS,
        rig="alone",
    ),
    fault(
        "resumability.replica-silent",
        "resumability.cross-replica",
        "a replica opens an empty stream for the event ids of another one",
        elsewhere(answer_instead(resumes, 200, STREAM, b": resumed\n\n")),
        HANDSHAKE_REVISIONS,
        resumable=True,
    ),
    fault(
        "resumability.replica-replays-strangers",
        "resumability.no-cross-stream-replay-replica",
        "a replica replays the events of another one to any session",
        replays_by_id(),
        HANDSHAKE_REVISIONS,
        resumable=True,
    ),
    fault(
        "tools.replica-order",
        "tools.list-order-across-replicas",
        "another replica lists the tools in another order",
        elsewhere(rewrite_message(reversed_tools)),
        MODERN_REVISIONS,
    ),
    fault(
        "tools.replica-lacks-one",
        "tools.list-order-across-replicas",
        "another replica lists a tool less",
        elsewhere(rewrite_message(one_tool_less)),
        MODERN_REVISIONS,
    ),
    fault(
        "pagination.replica-cursor",
        "pagination.cursor-cross-replica",
        "cursors of one replica are unknown to another",
        elsewhere(
            answer_instead(
                lambda c: c.is_request and "cursor" in c.params,
                200,
                [("content-type", "application/json")],
                refusal("Unknown cursor"),
            )
        ),
    ),
    fault(
        "subscriptions.replica-deaf",
        "subscriptions.cross-replica-delivery",
        "changes at one replica are not announced at another",
        elsewhere(rewrite_message(without_changes)),
        MODERN_REVISIONS,
    ),
    fault(
        "mrtr.replica-state",
        "mrtr.retry-stateless",
        "what a replica asked for can be answered there only",
        elsewhere(
            answer_instead(
                lambda c: c.is_modern and "requestState" in c.params,
                400,
                [("content-type", "application/json")],
                refusal("Unknown request state"),
            )
        ),
        MODERN_REVISIONS,
    ),
    fault(
        "transport.replica-affinity",
        "transport.no-connection-affinity",
        "a replica lists prompts only to those who discovered it before",
        handle(introduced_only),
        MODERN_REVISIONS,
    ),
)
