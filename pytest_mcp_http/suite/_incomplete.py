"""Requests whose `_meta` lacks what 2026-07-28 requires, or has it with another type; all else is right."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.jsonrpc import code_in
from pytest_mcp_http.assertions.refusals import assert_invalid_params, is_refusal
from pytest_mcp_http.client import McpClient
from pytest_mcp_http.dialect import ALL_CHANGES, CLIENT_CAPABILITIES, PROTOCOL_VERSION
from pytest_mcp_http.errors import NotApplicable
from pytest_mcp_http.spec.error_codes import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
)
from pytest_mcp_http.suite._malformed import Answer
from pytest_mcp_http.suite._probes import served
from pytest_mcp_http.suite._refusals import blamed_headers
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.visit import LISTS, UNKNOWN_NAME
from pytest_mcp_http.wire.exchange import Exchange
from pytest_mcp_http.wire.jsonrpc import ABSENT

LISTEN: Final = "subscriptions/listen"

Build = Callable[[McpClient], dict[str, Any]]
"""Builds the message that a client is to send."""


def plain(params: object = ABSENT, *, meta: Mapping[str, object] | None = MappingProxyType({})) -> Build:
    """Build a plain request with these params and changes to `_meta`."""
    return lambda client: client.message(client.dialect.plain, params, meta=meta)


NO_META: Final[Mapping[str, Build]] = {
    "no params": plain(meta=None),
    "empty params": plain({}, meta=None),
    "empty _meta": plain({"_meta": {}}, meta=None),
}
NO_VERSION: Final[Mapping[str, Build]] = {
    "no protocolVersion": plain(meta={PROTOCOL_VERSION: ABSENT}),
}
NO_CAPABILITIES: Final[Mapping[str, Build]] = {
    "no clientCapabilities": plain(meta={CLIENT_CAPABILITIES: ABSENT}),
}
MISTYPED: Final[Mapping[str, Build]] = {
    "protocolVersion 5": plain(meta={PROTOCOL_VERSION: 5}),
    "clientCapabilities []": plain(meta={CLIENT_CAPABILITIES: []}),
    "clientCapabilities null": plain(meta={CLIENT_CAPABILITIES: None}),
    "_meta []": plain({"_meta": []}),
}


def incomplete(tour: Tour, bodies: Mapping[str, Build]) -> list[Answer]:
    """Return what each of some plain requests got.

    Raises:
        NotVerified: If not even the plain request with everything right is served.
    """

    def probe() -> list[Answer]:
        served(tour)
        return [Answer(name, tour.client.post(build(tour.client))) for name, build in bodies.items()]

    return tour.memo(f"incomplete: {', '.join(bodies)}", probe)


def lacking(tour: Tour) -> list[Answer]:
    """Return what plain requests got that lack something, but have no member of a wrong type."""
    return [each for group in (NO_META, NO_VERSION, NO_CAPABILITIES) for each in incomplete(tour, group)]


def all_incomplete(tour: Tour) -> list[Answer]:
    """Return what all of these plain requests got."""
    return [*lacking(tour), *incomplete(tour, MISTYPED)]


def everywhere(tour: Tour) -> list[Answer]:
    """Return what requests of other methods without `_meta` got.

    Only methods count that the server served with everything right, and a call of a tool that does not exist.

    Raises:
        NotApplicable: If there is no such method.
    """

    def probe() -> list[Answer]:
        requests: dict[str, dict[str, Any]] = {
            step.method: {}
            for methods in LISTS.values()
            for method, _ in methods
            for step in tour.named(method)
            if step.exchange.result is not None
        }
        if "tools" in tour.capabilities:
            requests["tools/call"] = {"name": UNKNOWN_NAME, "arguments": {}}
        answers = [
            Answer(method, tour.client.request(method, params, meta=None))
            for method, params in requests.items()
        ]
        if tour.listening is not None and tour.listening.ok and tour.listening.is_sse:
            answers.append(Answer(LISTEN, _listened(tour)))
        if not answers:
            raise NotApplicable("the server has nothing but server/discover")
        return answers

    return tour.memo("incomplete: every method", probe)


def _listened(tour: Tour) -> Exchange:
    """Ask for notifications without `_meta`; a stream that opens all the same is closed at once."""
    client = tour.client
    body = client.message(LISTEN, {"notifications": dict(ALL_CHANGES)}, meta=None)
    with client.post_stream(body) as stream:
        stream.wait(lambda exchange: exchange.ok and exchange.is_sse, client.wire.limits.first_byte)
    return stream.exchange


def states_revision(exchange: Exchange) -> bool:
    """Tell whether a request states a revision in its `_meta`, which alone makes it one of the modern era."""
    sent = exchange.request.message
    params = sent.params if sent is not None else None
    meta = params.get("_meta") if isinstance(params, dict) else None
    return isinstance(meta, dict) and isinstance(meta.get(PROTOCOL_VERSION), str)


def of_no_era(tour: Tour, exchange: Exchange) -> bool:
    """Tell whether a server of both eras is free to take a request for one of the handshake era."""
    return tour.target.facts.era == "dual" and not states_revision(exchange)


def judge_missing(tour: Tour, answer: Answer) -> None:
    """Judge the refusal of a request that lacks what is required.

    A server that compares the version with the header first finds it to differ, which is noted. What is not
    served at all may be refused for that.
    """
    if answer.name == LISTEN and code_in(answer.exchange) == METHOD_NOT_FOUND:
        return
    _judge(tour, answer, tolerated=blamed_headers(answer.exchange))


def judge_mistyped(tour: Tour, answer: Answer) -> None:
    """Judge the refusal of a request that has it with another type; to call it no request at all is noted."""
    _judge(tour, answer, also=blamed_headers(answer.exchange), tolerated=(INVALID_REQUEST,))


def _judge(tour: Tour, answer: Answer, *, also: tuple[int, ...] = (), tolerated: tuple[int, ...]) -> None:
    exchange = answer.coded()
    right = code_in(exchange) in (INVALID_PARAMS, *also)
    if of_no_era(tour, exchange) and is_refusal(exchange) and not right:
        violated(
            f"{exchange.summary}, with {answer.name}",
            f"JSON-RPC error {INVALID_PARAMS}, since the header names {tour.revision}",
            exchange,
            note=True,
        )
    assert_invalid_params(exchange, also=also, tolerated=tolerated)


def is_refused_for_it(exchange: Exchange) -> bool:
    """Tell whether a request that lacks something was refused with a code that says so."""
    return code_in(exchange) in (INVALID_PARAMS, HEADER_MISMATCH)


def judge_status(tour: Tour, answer: Answer) -> None:
    """Judge the HTTP status of such a refusal."""
    exchange = answer.checked()
    if exchange.status != 400:
        violated(
            f"{exchange.summary}, with {answer.name}",
            f"HTTP 400 with JSON-RPC error {INVALID_PARAMS}",
            exchange,
            note=of_no_era(tour, exchange),
        )
