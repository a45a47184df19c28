"""Judging that a request was refused with -32602, where other requirements own what else may be wrong."""

from __future__ import annotations

from pytest_mcp_http.assertions.codes import STANDARD
from pytest_mcp_http.assertions.jsonrpc import code_in
from pytest_mcp_http.assertions.refusals import assert_invalid_params
from pytest_mcp_http.errors import NotVerified
from pytest_mcp_http.suite._malformed import Answer
from pytest_mcp_http.suite._refusals import blamed_headers
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import Exchange

RESERVED = range(-32768, -31999)
"""What JSON-RPC reserves; from 2026-07-28 on requirements of the chapter jsonrpc say who may use it."""


def judge_invalid_params(tour: Tour, what: str, exchange: Exchange) -> None:
    """Judge that a request got -32602, for a name that is unknown or an argument that is missing.

    Args:
        tour: The tour.
        what: What was wrong with the request.
        exchange: What it got.

    Raises:
        NotVerified: If something in front of the server answered, or the code is one that no error may have.
    """
    Answer(what, exchange).coded()
    code = code_in(exchange)
    if tour.dialect.per_request and code in RESERVED and code not in STANDARD:
        raise NotVerified(f"{what} got {code}, which the chapter jsonrpc judges")
    assert_invalid_params(exchange, also=blamed_headers(exchange))
