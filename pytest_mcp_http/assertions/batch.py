"""Assertions on JSON-RPC batches, which revision 2025-03-26 has and no later one.

A reply may be one JSON array, or an event stream with single messages or arrays, in any order.
Source: https://modelcontextprotocol.io/specification/2025-03-26/basic#batching
"""

from __future__ import annotations

from collections.abc import Sequence

from pytest_mcp_http.assertions._base import Judged, as_exchange, judges, violated
from pytest_mcp_http.assertions.jsonrpc import messages_in
from pytest_mcp_http.assertions.refusals import is_refusal
from pytest_mcp_http.spec.error_codes import INVALID_REQUEST
from pytest_mcp_http.wire.exchange import Exchange
from pytest_mcp_http.wire.jsonrpc import Kind, Message, same_id

__tracebackhide__ = True  # a failure is about the response, not about this code


@judges("jsonrpc.batch-received")
def assert_batch_received(response: Judged, ids: Sequence[object]) -> Exchange:
    """Assert that a batch of requests was taken: a success with a result, or with a response to one of them.

    Args:
        response: The response to the POST.
        ids: The ids of the requests in the batch.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If the batch was refused or swallowed. Whose id a result has is not judged.
    """
    exchange = as_exchange(response)
    served = any("result" in value for value in messages_in(exchange))
    if not exchange.ok or not (served or any(exchange.response_to(id) is not None for id in ids)):
        expected = "HTTP 200 with the responses to the requests of the batch"
        violated(f"{exchange.summary}, for a batch of {len(ids)} requests", expected, exchange)
    return exchange


@judges("jsonrpc.batch-response-set")
def assert_batch_responses(
    response: Judged, *, results: Sequence[object] = (), errors: Sequence[object] = ()
) -> Exchange:
    """Assert that a batch got exactly one response per request, and none besides.

    Args:
        response: The response to the POST.
        results: Ids of the requests that have to succeed.
        errors: Ids of the requests that have to fail.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If a response is missing, doubled, of the wrong kind, or belongs to no request.
    """
    exchange = as_exchange(response)
    expected = f"one response for each of the ids {_listed([*results, *errors])}, in any order, and no other"
    found = exchange.responses
    for id in (*results, *errors):
        mine = [message for message in found if same_id(message.id, id)]
        if len(mine) != 1:
            violated(f"{len(mine)} responses with the id {id!r}", expected, exchange)
        wanted = Kind.RESULT if any(same_id(id, each) for each in results) else Kind.ERROR
        if mine[0].kind is not wanted:
            violated(
                f"the {mine[0].kind.value} for the id {id!r} where a {wanted.value} is due",
                expected,
                exchange,
            )
    if strangers := [m for m in found if not any(same_id(m.id, id) for id in (*results, *errors))]:
        violated(f"a response with the id {strangers[0].id!r}, which no request has", expected, exchange)
    return exchange


@judges("jsonrpc.batch-notifications-202")
def assert_batch_accepted_silently(response: Judged) -> Exchange:
    """Assert that a batch without requests was accepted: 202, no body.

    Args:
        response: The response to the POST of an array of notifications, or of responses.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: For any other outcome; as a note for HTTP 4xx, since a server may refuse such
            input.
    """
    exchange = as_exchange(response)
    expected = ("HTTP 202 with an empty body", "HTTP 4xx, if the server cannot accept the input")
    refused = exchange.status is not None and 400 <= exchange.status < 500
    if exchange.status != 202 or exchange.body:
        violated(exchange.summary, expected, exchange, note=refused)
    return exchange


@judges("jsonrpc.batch-empty")
def assert_empty_batch_refused(response: Judged) -> Exchange:
    """Assert that an empty array was refused as a whole: HTTP 4xx, or one error object with -32600.

    Args:
        response: The response to the POST of `[]`.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: For an array as reply, another code, a success without error, a crash or no
            answer.
    """
    exchange = as_exchange(response)
    expected = ("HTTP 4xx", f"one JSON-RPC error {INVALID_REQUEST}, not in an array")
    if exchange.status is not None and 400 <= exchange.status < 500:
        return exchange
    bodies = [item.message for item in exchange.received]
    single = len(bodies) == 1 and bodies[0].kind is Kind.ERROR
    if not (exchange.ok and single and exchange.error_code == INVALID_REQUEST):
        array = any(isinstance(message.value, list) for message in bodies)
        violated(exchange.summary + (", an array" if array else ""), expected, exchange)
    return exchange


@judges("jsonrpc.batch-invalid-member")
def assert_batch_member_refused(response: Judged, valid_id: object) -> Exchange:
    """Assert that a batch with one invalid member got a -32600 for it, and the other member was served.

    Args:
        response: The response to the POST of one invalid member and one request.
        valid_id: The id of the request.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If the request was not served, or there is no -32600 for the other member; as a
            note if the batch was refused as a whole.
    """
    exchange = as_exchange(response)
    expected = f"an error {INVALID_REQUEST} for the invalid member, and the result for the id {valid_id!r}"
    served = exchange.response_to(valid_id)
    if is_refusal(exchange) and served is None:
        violated(f"{exchange.summary}: the whole batch was refused", expected, exchange, note=True)
    if not exchange.ok or served is None or served.kind is not Kind.RESULT:
        violated(f"{exchange.summary}: the valid member was not served", expected, exchange)
    if not any(_is_invalid_request(message) for message in exchange.responses):
        codes = [m["error"].get("code") for m in messages_in(exchange) if isinstance(m.get("error"), dict)]
        violated(
            f"no error {INVALID_REQUEST} for the invalid member (codes: {_listed(codes)})", expected, exchange
        )
    return exchange


def _is_invalid_request(message: Message) -> bool:
    return isinstance(message.error, dict) and message.error.get("code") == INVALID_REQUEST


def _listed(values: Sequence[object]) -> str:
    return ", ".join(map(repr, values)) or "none"
