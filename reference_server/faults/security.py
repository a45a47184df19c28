"""Faults of who is served: origins, hosts, interfaces, tokens; guessable session ids; talkative errors."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any, Final
from urllib.parse import urlsplit

import anyio
from anyio.abc import SocketStream

from reference_server._context import HANDSHAKE_REVISIONS, HeaderLines, Layer, RequestContext
from reference_server._jsonrpc import INVALID_REQUEST, error_message
from reference_server._layers import (
    Call,
    Response,
    always,
    answer_instead,
    combine,
    handle,
    rewrite_message,
    rewrite_request_headers,
    rewrite_response_start,
    tee,
    when,
)
from reference_server.faults import Fault
from reference_server.faults.session import renamed_ids

STATEFUL: Final = ("stateful",)
STATELESS: Final = ("stateless",)
LATEST: Final = HANDSHAKE_REVISIONS[-1]

SECOND_ADDRESS: Final = "127.0.0.2"
"""Stands for the network address of this machine."""

LISTS: Final = frozenset({"tools/list", "prompts/list", "resources/list", "resources/templates/list"})

_TRACE: Final = (
    'Traceback (most recent call last):\n  File "/srv/reference/handlers.py", line 107, in read\nKeyError'
)

Predicate = Callable[[RequestContext], bool]


def is_foreign(context: RequestContext) -> bool:
    """Tell whether a request has an origin that is not on loopback."""
    origins = context.header_values("origin")
    return any(urlsplit(origin).hostname not in ("localhost", "127.0.0.1", "::1") for origin in origins)


def unchecked(select: Predicate) -> Layer:
    """Hide the origin of the selected requests from the server inside, which then has nothing to refuse."""
    return when(
        select, rewrite_request_headers(lambda lines, _: [line for line in lines if line[0] != "origin"])
    )


def refused_with(status: int, select: Predicate) -> Layer:
    """Refuse the foreign origins of the selected requests with another status than 403."""

    def change(found: int, lines: HeaderLines, context: RequestContext) -> tuple[int, HeaderLines]:
        refused = found == 403 and is_foreign(context) and select(context)
        return (status if refused else found), lines

    return rewrite_response_start(change)


def has_origin(test: Callable[[str], bool]) -> Predicate:
    """Select requests by the text of their origin."""
    return lambda context: any(map(test, context.header_values("origin")))


def is_call(context: RequestContext) -> bool:
    """Select requests other than `initialize`."""
    return context.is_request and not context.is_initialize


def is_old(context: RequestContext) -> bool:
    """Select the handshake of clients that ask for an earlier revision."""
    return context.is_initialize and context.revision != LATEST


def any_host() -> Layer:
    """Show the server inside a loopback Host, whatever was sent."""

    def change(lines: HeaderLines, _: RequestContext) -> HeaderLines:
        return tuple((name, "localhost" if name == "host" else value) for name, value in lines)

    return rewrite_request_headers(change)


def guarded_lists(accepts: Callable[[str | None], bool]) -> Layer:
    """Refuse lists with 401 unless a predicate accepts the `Authorization` header."""
    return answer_instead(
        lambda c: c.rpc_method in LISTS and not accepts(c.header("authorization")),
        401,
        [("www-authenticate", "Bearer")],
        lambda c: error_message(INVALID_REQUEST, "A token is needed", request_id=c.rpc_id),
    )


def counting_ids() -> Layer:
    """Count sessions in front of a constant that looks random."""
    numbers = itertools.count(1)
    return renamed_ids(lambda _: f"{next(numbers)}-1c0ffee05ca1ab1edeadbea7ba5eba11")


def listening_on_network() -> Layer:
    """Listen on a second address too, while the app serves, from its first request on.

    The second address is on loopback: it stands for a network address in tests, which tell the check so. A
    test server has no business on a network.
    """

    async def relay(port: int, outside: SocketStream) -> None:
        async with outside, await anyio.connect_tcp("127.0.0.1", port) as inside:

            async def copy(source: SocketStream, target: SocketStream) -> None:
                async for data in source:
                    await target.send(data)
                group.cancel_scope.cancel()

            async with anyio.create_task_group() as group:
                group.start_soon(copy, outside, inside)
                group.start_soon(copy, inside, outside)

    async def listen(address: str, port: int, *, task_status: Any) -> None:
        async with await anyio.create_tcp_listener(local_host=address, local_port=port) as listener:
            task_status.started()
            await listener.serve(partial(relay, port))

    async def run(call: Call) -> None:
        background = call.context.facts.background
        if not call.state.setdefault("on-network", False) and background is not None:
            call.state["on-network"] = True
            await background.start(partial(listen, SECOND_ADDRESS, call.scope["server"][1]))
        await call.forward()

    return handle(run)


def error_with(**members: Any) -> Layer:
    """Change members of the error that answers a read of an unknown resource."""

    def change(message: Any, context: RequestContext) -> Any:
        if context.rpc_method != "resources/read" or "error" not in message:
            return message
        return {**message, "error": {**message["error"], **members}}

    return rewrite_message(change)


def _granted(status: int, lines: HeaderLines, context: RequestContext) -> tuple[int, HeaderLines]:
    origin = context.header("origin")
    return status, lines if origin is None else (*lines, ("access-control-allow-origin", origin))


def _secret_delete(response: Response, context: RequestContext) -> Response:
    return Response(403)


def fault(
    id: str, requirement: str, summary: str, layer: Layer, modes: tuple[str, ...] = ("stateless", "stateful")
) -> Fault:
    """Make a fault that breaks one requirement."""
    return Fault(id, (requirement,), modes, summary=summary, layer=layer)


FAULTS = (
    Fault(
        "security.no-origin-check",
        (
            "security.origin-validated",
            "security.origin-invalid-403",
            "security.origin-get",
            "security.origin-delete",
            "security.origin-notification",
            "security.origin-existing-session",
        ),
        STATEFUL,
        summary="the Origin is never looked at",
        layer=unchecked(always),
    ),
    Fault(
        "security.origin-checked-on-handshake-only",
        ("security.origin-validated", "security.origin-invalid-403"),
        STATELESS,
        summary="without sessions, the Origin is looked at in initialize only",
        layer=unchecked(is_call),
    ),
    fault(
        "security.origin-unchecked-at-earlier-revisions",
        "security.origin-validated",
        "the Origin is not looked at for clients of earlier revisions",
        unchecked(is_old),
    ),
    fault(
        "security.origin-unchecked-at-latest-revision",
        "security.origin-invalid-403",
        "the Origin is not looked at for clients of the latest revision",
        unchecked(lambda c: c.is_opening and not is_old(c)),
    ),
    fault(
        "security.origin-refused-with-400",
        "security.origin-invalid-403",
        "a foreign Origin gets 400",
        refused_with(400, lambda c: c.is_opening),
    ),
    fault(
        "security.origin-null-allowed",
        "security.origin-null",
        "the Origin null is taken for no Origin",
        unchecked(has_origin(lambda origin: origin == "null")),
    ),
    fault(
        "security.origin-prefix",
        "security.origin-lookalike",
        "the Origin needs to start like a loopback one only",
        unchecked(has_origin(lambda origin: origin.startswith(("http://localhost", "http://127.0.0.1")))),
    ),
    fault(
        "security.origin-suffix",
        "security.origin-lookalike",
        "the Origin needs to end like a loopback one only",
        unchecked(has_origin(lambda origin: origin.endswith("localhost"))),
    ),
    fault(
        "security.origin-unchecked-on-get",
        "security.origin-get",
        "the Origin of a GET is not looked at",
        unchecked(lambda c: c.method == "GET"),
        STATEFUL,
    ),
    Fault(
        "security.origin-get-404",
        ("security.origin-get",),
        STATEFUL,
        summary="a GET with a foreign Origin gets 404",
        layer=refused_with(404, lambda c: c.method == "GET"),
        revisions=(LATEST,),
    ),
    fault(
        "security.origin-unchecked-on-delete",
        "security.origin-delete",
        "the Origin of a DELETE is not looked at",
        unchecked(lambda c: c.method == "DELETE"),
        STATEFUL,
    ),
    fault(
        "security.origin-delete-refused-late",
        "security.origin-delete",
        "a DELETE with a foreign Origin gets 403, but ends the session",
        combine(
            tee(lambda c: c.method == "DELETE" and is_foreign(c), _secret_delete),
            unchecked(lambda c: c.method == "DELETE"),
        ),
        STATEFUL,
    ),
    fault(
        "security.origin-unchecked-on-notification",
        "security.origin-notification",
        "the Origin of a notification is not looked at",
        unchecked(lambda c: c.is_notification),
    ),
    fault(
        "security.origin-unchecked-in-session",
        "security.origin-existing-session",
        "the Origin of a request in a live session is not looked at",
        unchecked(is_call),
        STATEFUL,
    ),
    fault(
        "security.own-origin-refused",
        "security.origin-valid-accepted",
        "every Origin is refused, also the server's own",
        answer_instead(lambda c: c.header("origin") is not None, 403),
    ),
    fault(
        "security.origin-refusal-names-request",
        "security.origin-403-body",
        "the error for a foreign Origin has the id of the request",
        answer_instead(
            lambda c: c.is_opening and is_foreign(c),
            403,
            body=lambda c: error_message(INVALID_REQUEST, "The Origin is not allowed", request_id=c.rpc_id),
        ),
    ),
    fault("security.any-host", "security.host-validated", "the Host is not looked at", any_host()),
    fault(
        "security.listens-on-network",
        "security.bind-localhost",
        "the server listens on a second address too (127.0.0.2 stands for a network address)",
        listening_on_network(),
    ),
    fault(
        "security.some-lists-open",
        "security.authenticate",
        "one list asks for a token, the others do not",
        when(lambda c: c.rpc_method == "tools/list", guarded_lists(lambda value: False)),
    ),
    fault(
        "security.any-token",
        "security.local-unauthorized-use",
        "lists ask for a token and take any",
        guarded_lists(lambda value: value is not None),
    ),
    fault(
        "security.session-ids-count",
        "security.session-id-nondeterministic",
        "session ids count upwards in front of a constant",
        counting_ids(),
        STATEFUL,
    ),
    fault(
        "security.session-ids-of-clock",
        "security.session-id-nondeterministic",
        "session ids are UUIDs of version 1, made from the clock and the network card",
        renamed_ids(lambda _: str(uuid.uuid1(node=0x02_00_5E_00_53_01, clock_seq=1))),
        STATEFUL,
    ),
    fault(
        "security.session-ids-hardly-vary",
        "security.session-id-nondeterministic",
        "session ids are a few random digits in front of a constant",
        renamed_ids(lambda id: f"{id[:8]}-1c0ffee05ca1ab1edeadbea7ba5eba11"),
        STATEFUL,
    ),
    fault(
        "security.preflight-login",
        "security.cors",
        "OPTIONS asks for a login although the server is open",
        answer_instead(lambda c: c.method == "OPTIONS", 401, [("www-authenticate", "Bearer")]),
    ),
    fault(
        "security.preflight-as-message",
        "security.cors",
        "OPTIONS is answered as if it were a message",
        answer_instead(
            lambda c: c.method == "OPTIONS", 200, body=error_message(INVALID_REQUEST, "Not a message")
        ),
    ),
    fault(
        "security.cors-reflects",
        "security.cors",
        "Access-Control-Allow-Origin repeats whatever Origin was sent",
        rewrite_response_start(_granted),
    ),
    fault(
        "security.error-with-trace",
        "security.error-no-internals",
        "the data of an error is a stack trace",
        error_with(data=_TRACE),
    ),
    fault(
        "security.error-with-path",
        "security.error-no-internals",
        "the message of an error shows a path of the server",
        error_with(message="No such file: /srv/reference/data/no-such-name.txt"),
    ),
)
