"""Judging how malformed requests and unknown methods are refused, where several outcomes are legal."""

from __future__ import annotations

from functools import partial

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.assertions.codes import RESOURCE_NOT_FOUND, headers_at_fault
from pytest_mcp_http.assertions.jsonrpc import messages_in
from pytest_mcp_http.assertions.refusals import assert_invalid_params, assert_invalid_request, assert_refused
from pytest_mcp_http.errors import NotVerified
from pytest_mcp_http.spec.error_codes import HEADER_MISMATCH, INVALID_PARAMS, INVALID_REQUEST
from pytest_mcp_http.suite._judging import gravest
from pytest_mcp_http.suite._malformed import Answer
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import Exchange


def unknown_method(tour: Tour) -> Exchange:
    """Return what a method that no server has got, if that is a response.

    Raises:
        NotVerified: If it is none, or not even a plain request is served.
    """
    if not (steps := tour.named("unknown method")):
        raise NotVerified("the visit ended before it came to an unknown method")
    if all(step.exchange.result is None for step in tour.named("plain", "plain (string id)")):
        raise NotVerified(f"the positive control failed: not even {tour.dialect.plain} is served")
    exchange = Answer("unknown method", steps[0].exchange).coded()
    messages = messages_in(exchange)
    if not any({"result", "error"} & value.keys() for value in messages) and (messages or exchange.ok):
        # What has neither is judged by result-xor-error, what is no message by the transport chapter.
        raise NotVerified(f"no response to judge: {exchange.summary}")
    return exchange


def blamed_headers(exchange: Exchange) -> tuple[int, ...]:
    """Return the code for headers that differ from the body, if what is broken in the body makes them so."""
    return (HEADER_MISMATCH,) if headers_at_fault(exchange) else ()


def ids_refused(tour: Tour, ids: tuple[object, ...]) -> None:
    """Judge that requests with illegal ids are refused."""
    with tour.session() as client:
        tour.require(client.plain(), f"{tour.dialect.plain} with a legal id")
        answers = [Answer(f"id {id!r}", client.plain(id=id)) for id in ids]
    gravest(partial(lambda answer: assert_refused(answer.checked(), note=True), answer) for answer in answers)


def wrong_params_refused(answer: Answer) -> None:
    """Judge the answer to one request whose params have the wrong shape."""
    exchange = answer.coded()
    if answer.name.startswith("params "):
        # Params that are no structure make the whole request invalid, so this is as good as -32602. A
        # server that never looks at what a plain request does not take is not wrong where it counts.
        if isinstance(exchange.result, dict):
            violated("a request with params that are no object was served", "an error", exchange, note=True)
        assert_invalid_request(exchange, also=(INVALID_PARAMS, *blamed_headers(exchange)))
        return
    if (
        answer.name.startswith("tools/call")
        and isinstance(exchange.result, dict)
        and exchange.result.get("isError")
    ):
        violated("a tool result with isError", "JSON-RPC error -32602", exchange, note=True)
    assert_invalid_params(
        exchange, also=blamed_headers(exchange), tolerated=(INVALID_REQUEST, RESOURCE_NOT_FOUND)
    )
