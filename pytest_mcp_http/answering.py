"""Answering what a server asks its client for while a request is served, in both eras.

At the handshake revisions the server sends requests of its own on the stream of the call, and responses are
POSTed while it stays open. From 2026-07-28 on the call ends with what is asked for, and is sent again with
the answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from pytest_mcp_http.wire import jsonrpc
from pytest_mcp_http.wire.exchange import End, Exchange
from pytest_mcp_http.wire.http import SHORT_LINGER, Limits, OpenStream

if TYPE_CHECKING:
    from pytest_mcp_http.client import McpClient

MAX_ROUNDS: Final = 10
"""How often a server that asks back is answered; one that never ends must not hold us."""

POLL_SECONDS: Final = 0.02
"""Pause between two looks at a call while a second stream is watched."""

Answer = Callable[[str, Mapping[str, Any]], object]
"""Gets method and params of what is asked for, and returns the client's result, or a `ClientError`."""


@dataclass(frozen=True)
class ClientError:
    """An error with which a client answers; where answers go with the next call, it leaves this one out."""

    code: int
    message: str


@dataclass(frozen=True)
class Asked:
    """Something that the server asked for while it served a call.

    Attributes:
        request: Method and params.
        id: Id of the request; `ABSENT` where it is a member of `inputRequests`.
        related: Whether it came with the call, and not on a stream beside it.
        reply: What our answer got, a POST of its own or the next call; None if we did not answer.
    """

    request: Mapping[str, Any]
    id: object
    related: bool
    reply: Exchange | None


@dataclass(frozen=True)
class Conversation:
    """A call and all that the server asked for until it ended.

    Attributes:
        exchanges: The call and its answer; from 2026-07-28 on also each time that it was sent again.
        asked: What the server asked for, in order.
    """

    exchanges: tuple[Exchange, ...]
    asked: tuple[Asked, ...]

    @property
    def exchange(self) -> Exchange:
        """The exchange with the final answer, if there is one."""
        return self.exchanges[-1]


def converse(
    client: McpClient,
    method: str,
    params: object,
    answer: Answer | None,
    *,
    beside: OpenStream | None = None,
    rounds: int = MAX_ROUNDS,
    limits: Limits | None = None,
) -> Conversation:
    """Send a request, and answer what the server asks for until there is a final answer.

    Args:
        client: Who calls.
        method: Method of the request.
        params: Its params.
        answer: What is answered; None to leave the call once something is asked for.
        beside: A stream on which the server may ask as well, at a handshake revision.
        rounds: How often the server is answered; what it asks for after that ends the conversation.
        limits: Limits of each exchange.
    """
    if client.dialect.sessions:
        return _on_streams(client, client.message(method, params), answer, beside, rounds, limits)
    return _by_retries(client, method, params, answer, rounds, limits)


# -- requests of the server ---------------------------------------------------------------------------------


def _on_streams(
    client: McpClient,
    message: Mapping[str, Any],
    answer: Answer | None,
    beside: OpenStream | None,
    rounds: int,
    limits: Limits | None,
) -> Conversation:
    """Answer the requests that come on the stream of a call, or beside it; `ping` needs no `answer`.

    A call that is left without a response is cancelled, so that the server need not wait for us. It is left
    as well once the server refuses our response, which it then waits for in vain.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#sending-messages-to-the-server
    """
    asked: list[Asked] = []
    # A server that asks on another stream may not have begun to answer.
    with client.wire.open(client.build("POST", message), limits=limits, await_head=False) as stream:
        pending = _Pending(stream, beside, message["id"])
        while (found := pending.next()) is not None:
            each, related = found
            params = each.params if isinstance(each.params, dict) else {}
            request: dict[str, Any] = {"method": each.method}
            if each.params is not jsonrpc.ABSENT:
                request["params"] = each.params
            if len(asked) >= rounds or (answer is None and each.method != "ping"):
                asked.append(Asked(request, each.id, related, None))
                break
            result = {} if answer is None or each.method == "ping" else answer(str(each.method), params)
            reply = client.post(_response(each.id, result))
            asked.append(Asked(request, each.id, related, reply))
            if not reply.ok:
                break
        exchange = stream.close()
    client.log.append(exchange)
    left = exchange.ok or exchange.end in (End.STOPPED, End.TIMEOUT)
    if left and exchange.response_to(message["id"]) is None:
        client.notify("notifications/cancelled", {"requestId": message["id"]})
    return Conversation((exchange,), tuple(asked))


def _response(id: object, result: object) -> dict[str, Any]:
    if isinstance(result, ClientError):
        return {"jsonrpc": "2.0", "id": id, "error": {"code": result.code, "message": result.message}}
    return {"jsonrpc": "2.0", "id": id, "result": result}


class _Pending:
    """The requests on the stream of a call, and on one beside it, that were not looked at yet."""

    def __init__(self, stream: OpenStream, beside: OpenStream | None, id: object) -> None:
        self._stream = stream
        self._beside = beside
        self._id = id
        self._seen = 0
        self._seen_beside = len(beside.exchange.requests) if beside is not None else 0

    def next(self) -> tuple[jsonrpc.Message, bool] | None:
        """Wait for the next request, and tell if it came on the stream of the call; None after its end."""
        while True:
            own = self._stream.exchange.requests
            if len(own) > self._seen:
                self._seen += 1
                return own[self._seen - 1], True
            others = self._beside.exchange.requests if self._beside is not None else ()
            if len(others) > self._seen_beside:
                self._seen_beside += 1
                return others[self._seen_beside - 1], False
            if self._is_answered(self._stream.exchange):
                # The server ends the stream by itself now, or has its reasons not to.
                self._stream.wait(lambda _: False, SHORT_LINGER)
                return None
            if not self._stream.alive:
                return None
            limit = self._stream.limits.total if self._beside is None else POLL_SECONDS
            self._stream.wait(self._is_due, limit)

    def _is_due(self, exchange: Exchange) -> bool:
        return self._is_answered(exchange) or len(exchange.requests) > self._seen

    def _is_answered(self, exchange: Exchange) -> bool:
        return exchange.response_to(self._id) is not None


# -- multi round-trip requests ------------------------------------------------------------------------------


def input_requests(exchange: Exchange) -> Mapping[str, Mapping[str, Any]] | None:
    """Return what a server asked back, by its key; None unless the result is `input_required`.

    Args:
        exchange: The answer to a request.

    Returns:
        The members of `inputRequests` that are objects; empty if the result has none.
    """
    result = exchange.result
    if not isinstance(result, dict) or result.get("resultType") != "input_required":
        return None
    asked = result.get("inputRequests")
    if not isinstance(asked, dict):
        return {}
    return {key: each for key, each in asked.items() if isinstance(each, dict)}


def _by_retries(
    client: McpClient,
    method: str,
    params: object,
    answer: Answer | None,
    rounds: int,
    limits: Limits | None,
) -> Conversation:
    """Send a call again with what its result asked for, until it asks for nothing."""
    exchanges = [client.request(method, params, limits=limits)]
    asked: list[Asked] = []
    for left in range(rounds, -1, -1):
        found = input_requests(exchanges[-1])
        if found is None:
            break
        if left and answer is not None:
            again, members = retry_params(exchanges[-1], _responses(found, answer))
            exchanges.append(client.request(again, members, limits=limits))
        reply = exchanges[-1] if left and answer is not None else None
        asked += [Asked(each, jsonrpc.ABSENT, True, reply) for each in found.values()]
        if reply is None:
            break
    return Conversation(tuple(exchanges), tuple(asked))


def _responses(asked: Mapping[str, Mapping[str, Any]], answer: Answer) -> dict[str, object]:
    """Return `inputResponses` for `inputRequests`; what is answered with an error is left out."""
    found = {
        key: answer(str(each.get("method")), params if isinstance(params := each.get("params"), dict) else {})
        for key, each in asked.items()
    }
    return {key: result for key, result in found.items() if not isinstance(result, ClientError)}


def retry_params(exchange: Exchange, responses: Mapping[str, object]) -> tuple[str, dict[str, Any]]:
    """Return method and params with which a request is sent again after its `input_required` result.

    Args:
        exchange: The exchange whose result was `input_required`.
        responses: `inputResponses`.

    Raises:
        ValueError: If the exchange holds no request.

    Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr#basic-workflow
    """
    sent = exchange.request.message
    if sent is None or sent.method is None or not isinstance(sent.params, dict):
        raise ValueError("only a request with params can be sent again")
    params = {
        name: value for name, value in sent.params.items() if name not in ("inputResponses", "requestState")
    }
    params["inputResponses"] = dict(responses)
    result = exchange.result
    if isinstance(result, dict) and "requestState" in result:
        params["requestState"] = result["requestState"]
    return sent.method, params
