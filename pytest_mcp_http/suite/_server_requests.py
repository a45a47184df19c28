"""The requests that a server sends at the handshake revisions, and their ids."""

from __future__ import annotations

from pytest_mcp_http.assertions._base import violated
from pytest_mcp_http.suite._conversations import talks
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import Exchange
from pytest_mcp_http.wire.jsonrpc import Message, json_type, same_id


def server_requests(tour: Tour) -> list[tuple[Exchange, Message]]:
    """Return the requests that the server sent in one session, each with the stream on which it came.

    Raises:
        NotVerified: If no tool of the role asked for anything.
    """
    return [(exchange, message) for exchange in talks(tour).exchanges for message in exchange.requests]


def assert_request_id(id: object, exchange: Exchange) -> None:
    """Assert that the id of a request is a string or an integer.

    Raises:
        RequirementViolated: If it is not.
    """
    whole = isinstance(id, (int, str)) or (isinstance(id, float) and id.is_integer())
    if not whole or isinstance(id, bool):
        violated(
            f"a request of the server with the id {id!r}, a JSON {json_type(id)}",
            ["a string", "an integer"],
            exchange,
        )


def judge_fresh_ids(found: list[tuple[Exchange, Message]]) -> None:
    """Judge that no id is used for two requests of one session; null is no id.

    Raises:
        RequirementViolated: If one is.
    """
    for number, (exchange, message) in enumerate(found):
        if message.id is not None and any(same_id(message.id, other.id) for _, other in found[:number]):
            violated(
                f"two requests of the server in one session have the id {message.id!r}",
                "an id of its own for each",
                exchange,
            )
