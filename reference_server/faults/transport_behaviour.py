"""Faults of the endpoint under use: several things at once, clients that vanish, odd but legal headers."""

from __future__ import annotations

import json
from collections import Counter
from typing import Final

import anyio

from reference_server._context import (
    HANDSHAKE_REVISIONS,
    MODERN_REVISIONS,
    VERSION_HEADER,
    Message,
    RequestContext,
)
from reference_server._jsonrpc import INTERNAL_ERROR, INVALID_REQUEST, error_message
from reference_server._layers import (
    Call,
    Response,
    answer_instead,
    handle,
    rewrite_events,
    rewrite_request_headers,
)
from reference_server.corrections_modern import SERVED_METHODS
from reference_server.faults.transport import (
    SSE_TYPE,
    STATEFUL,
    STATELESS,
    fault,
    is_good_get,
)

LISTEN: Final = "subscriptions/listen"

OVERLAP_SECONDS: Final = 0.02
"""How much longer a request takes where requests have to meet inside the server."""

ENDPOINT_EVENT: Final = b"event: endpoint\ndata: /messages?id=1\n\n"
"""The first event of the transport of 2024-11-05."""

EXACT_ACCEPT: Final = frozenset({"application/json", "text/event-stream"})


async def cross_answers(call: Call) -> None:
    """Serve requests in flight that have the same id as one, as if ids were unique among clients.

    Only an unknown method and a known one share their answer: no shape of a result is broken by that.
    """
    context = call.context
    if not context.is_request or context.is_initialize or context.rpc_method == LISTEN:
        await call.forward()
        return
    running = call.state.setdefault("running", {})
    key = json.dumps(context.rpc_id)
    known = context.rpc_method in SERVED_METHODS or context.rpc_method == "ping"
    if key in running:
        done, answers, as_known = running[key]
        if known == as_known:
            await call.forward()
            return
        await done.wait()
        response = answers[0]
    else:
        done, answers, _ = running[key] = anyio.Event(), list[Response](), known
        try:
            await anyio.sleep(OVERLAP_SECONDS)
            response = await call.capture()
            answers.append(response)
        finally:
            del running[key]
            done.set()
    await call.answer(response.status, response.headers, response.body)


async def two_at_a_time(call: Call) -> None:
    """Fail a request that comes while two others of the same session are running."""
    context = call.context
    if not context.is_request or context.rpc_method == LISTEN:
        await call.forward()
        return
    running = call.state.setdefault("running", Counter())
    key = context.session_id or ""
    if running[key] >= 2:
        body = error_message(INTERNAL_ERROR, "Other requests are running", request_id=context.rpc_id)
        await call.answer(500, (), body)
        return
    running[key] += 1
    over = False

    async def release(message: Message) -> None:
        # Before the last bytes, as the client may send its next request as soon as it has them.
        nonlocal over
        if not over and message["type"] == "http.response.body" and not message.get("more_body", False):
            over = True
            running[key] -= 1
        await call.send(message)

    await anyio.sleep(OVERLAP_SECONDS)
    try:
        await call.forward(send=release)
    finally:
        # A client that leaves early gets no last bytes.
        running[key] -= not over


async def wait_for_get(call: Call) -> None:
    """Serve no request of a session while its GET stream is open."""
    while call.context.is_request and call.context.facts.get_streams.get(call.context.session_id or ""):
        await anyio.sleep(OVERLAP_SECONDS)
    await call.forward()


async def fail_after_cut(call: Call) -> None:
    """Fail the first request after a client went away in the middle of its request."""
    cut = call.context.facts.cut_requests
    if call.context.is_request and cut > call.state.get("cuts-seen", 0):
        call.state["cuts-seen"] = cut
        await call.answer(500, [("content-type", "text/plain")], "Internal Server Error")
        return
    await call.forward()


async def keep_old_get(call: Call) -> None:
    """Refuse every further GET stream of a session, even if the first is gone."""
    if is_good_get(call.context):
        opened = call.state.setdefault("opened", set())
        if call.context.session_id in opened:
            body = error_message(INVALID_REQUEST, "The session has a stream already")
            await call.answer(409, (), body)
            return
        opened.add(call.context.session_id)
    await call.forward()


def accept_by_exact_text(context: RequestContext) -> bool:
    """Tell whether Accept is not just the two types, in lower case and separated by a comma."""
    items = {item.strip() for item in (context.header("accept") or "").split(",")}
    return context.method == "POST" and items != EXACT_ACCEPT


def plain_type(lines: tuple[tuple[str, str], ...], context: RequestContext) -> list[tuple[str, str]]:
    """Return the headers as if every body were labelled JSON."""
    return [(name, "application/json" if name == "content-type" else value) for name, value in lines]


def legacy_endpoint(context: RequestContext) -> bytes:
    """Return the first event of the transport of 2024-11-05 for GET streams."""
    return ENDPOINT_EVENT if context.method == "GET" else b""


def is_old_get(context: RequestContext) -> bool:
    """Tell whether this is a GET as a client of the old transport sends it."""
    return context.method == "GET" and not {VERSION_HEADER, "origin"} & {name for name, _ in context.headers}


FAULTS = (
    fault(
        "answers-cross",
        "concurrent-post-streams",
        "requests in flight with the same id get the same answer, across clients, where one is unknown",
        handle(cross_answers),
    ),
    fault(
        "two-at-a-time",
        "concurrent-post-streams",
        "a request fails while two others of its session are running",
        handle(two_at_a_time),
    ),
    fault(
        "get-blocks-post",
        "concurrent-post-streams",
        "requests wait until the GET stream of their session is closed",
        handle(wait_for_get),
        STATEFUL,
        revisions=HANDSHAKE_REVISIONS,
    ),
    fault(
        "fails-after-cut",
        "base-protocol-support",
        "the first request after a client vanished in the middle of one fails",
        handle(fail_after_cut),
    ),
    fault(
        "accept-exact",
        "accept-both-types",
        "Accept is compared as text: other order is fine, parameters and letter case are not",
        answer_instead(accept_by_exact_text, 406),
    ),
    fault(
        "accept-absent-crash",
        "accept-both-types",
        "a request without Accept makes the server fail",
        answer_instead(lambda c: c.method == "POST" and c.header("accept") is None, 500),
    ),
    fault(
        "content-type-exact",
        "content-type-parameters",
        "Content-Type is compared as text",
        answer_instead(lambda c: (c.header("content-type") or "").startswith("application/json;"), 415),
    ),
    fault(
        "content-type-ignored",
        "wrong-content-type",
        "bodies are read as JSON whatever their label",
        rewrite_request_headers(plain_type),
    ),
    fault(
        "get-not-reopened",
        "concurrent-get-streams",
        "a GET stream that broke cannot be opened again",
        handle(keep_old_get),
        STATEFUL,
    ),
    fault(
        "legacy-endpoint",
        "legacy-sse-coexist",
        "GET streams begin with the endpoint event of the old transport",
        rewrite_events(lambda block, _: block, before=legacy_endpoint),
        STATEFUL,
        revisions=HANDSHAKE_REVISIONS,
    ),
    fault(
        "legacy-endpoint-beside",
        "legacy-sse-coexist",
        "GET without a version opens a stream of the old transport, beside all revisions",
        answer_instead(is_old_get, 200, [SSE_TYPE], ENDPOINT_EVENT),
        STATELESS,
        revisions=MODERN_REVISIONS,
    ),
)
