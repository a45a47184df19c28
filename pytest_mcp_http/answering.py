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
    """A request that the server sent while it served a call.

    Attributes:
        message: The request.
        related: Whether it came on the stream of the call, and not on one beside it.
        reply: What the POST of our response got; None if we did not answer.
    """

    message: jsonrpc.Message
    related: bool
    reply: Exchange | None

    @property
    def request(self) -> dict[str, Any]:
        """Method and params, as they stand in `inputRequests` from 2026-07-28 on."""
        found: dict[str, Any] = {"method": self.message.method}
        return found if self.message.params is jsonrpc.ABSENT else {**found, "params": self.message.params}


@dataclass(frozen=True)
class Conversation:
    """A call and all requests of the server that were seen until it ended.

    Attributes:
        exchange: The call and its answer.
        asked: What the server asked for, in order.
    """

    exchange: Exchange
    asked: tuple[Asked, ...]


def converse(
    client: McpClient,
    message: Mapping[str, Any],
    answer: Answer | None,
    *,
    beside: OpenStream | None = None,
    rounds: int = MAX_ROUNDS,
    limits: Limits | None = None,
) -> Conversation:
    """Send a request at a handshake revision, and answer each request that the server sends until it ends.

    A call that is left without a response is cancelled, so that the server need not wait for us.

    Args:
        client: Who calls.
        message: The request, see `McpClient.message`.
        answer: What is answered; `ping` is answered without it. None to leave the call at the first request.
        beside: A stream on which the server may send its requests as well.
        rounds: How many requests are answered.
        limits: Limits of the call.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#sending-messages-to-the-server
    """
    asked: list[Asked] = []
    # A server that asks on another stream may not have begun to answer.
    with client.wire.open(client.build("POST", message), limits=limits, await_head=False) as stream:
        pending = _Pending(stream, beside, message["id"])
        while (found := pending.next()) is not None:
            request, related = found
            if len(asked) >= rounds or (answer is None and request.method != "ping"):
                asked.append(Asked(request, related, None))
                break
            params = request.params if isinstance(request.params, dict) else {}
            result = {} if answer is None or request.method == "ping" else answer(str(request.method), params)
            asked.append(Asked(request, related, client.post(_response(request.id, result))))
        exchange = stream.close()
    client.log.append(exchange)
    left = exchange.ok or exchange.end in (End.STOPPED, End.TIMEOUT)
    if left and exchange.response_to(message["id"]) is None:
        client.notify("notifications/cancelled", {"requestId": message["id"]})
    return Conversation(exchange, tuple(asked))


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
        self._seen_beside = len(_requests(beside.exchange)) if beside is not None else 0

    def next(self) -> tuple[jsonrpc.Message, bool] | None:
        """Wait for the next request, and tell if it came on the stream of the call; None after its end."""
        while True:
            own = _requests(self._stream.exchange)
            if len(own) > self._seen:
                self._seen += 1
                return own[self._seen - 1], True
            others = _requests(self._beside.exchange) if self._beside is not None else []
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
        return self._is_answered(exchange) or len(_requests(exchange)) > self._seen

    def _is_answered(self, exchange: Exchange) -> bool:
        return exchange.response_to(self._id) is not None


def _requests(exchange: Exchange) -> list[jsonrpc.Message]:
    return [message for message in exchange.messages if message.kind is jsonrpc.Kind.REQUEST]


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


def answers(asked: Mapping[str, Mapping[str, Any]], answer: Answer) -> dict[str, object]:
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
