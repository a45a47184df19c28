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
from pytest_mcp_http.wire.http import SHORT_LINGER, Limits

if TYPE_CHECKING:
    from pytest_mcp_http.client.core import Core
    from pytest_mcp_http.client.stream import MessageStream

MAX_ROUNDS: Final = 10
"""How often a server that asks back is answered; one that never ends must not hold us."""

MAX_PINGS: Final = 100
"""How many pings of a server are answered beside that: it may send some whenever it likes."""

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


async def converse(
    core: Core,
    method: str,
    params: object,
    answer: Answer | None,
    *,
    beside: MessageStream | None = None,
    rounds: int = MAX_ROUNDS,
    limits: Limits | None = None,
) -> Conversation:
    """Send a request, and answer what the server asks for until there is a final answer.

    Args:
        core: Who calls.
        method: Method of the request.
        params: Its params.
        answer: What is answered; None to leave the call once something is asked for.
        beside: A stream on which the server may ask as well, at a handshake revision.
        rounds: How often the server is answered; what it asks for after that ends the conversation. A `ping`
            does not count.
        limits: Limits of each exchange.
    """
    if core.speaker.dialect.sessions:
        message = core.speaker.message(method, params)
        return await _on_streams(core, message, answer, beside, rounds, limits)
    return await _by_retries(core, method, params, answer, rounds, limits)


# -- requests of the server ---------------------------------------------------------------------------------


async def _on_streams(
    core: Core,
    message: Mapping[str, Any],
    answer: Answer | None,
    beside: MessageStream | None,
    rounds: int,
    limits: Limits | None,
) -> Conversation:
    """Answer the requests that come on the stream of a call, or beside it; `ping` needs no `answer`.

    A call that is left without a response is cancelled, so that the server need not wait for us. It is left
    as well once the server refuses our response, which it then waits for in vain.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#sending-messages-to-the-server
    """
    from pytest_mcp_http.client.stream import MessageStream

    asked: list[Asked] = []
    pings = 0
    while beside is not None and beside.poll() is not None:
        pass  # what was asked before the call does not belong to it
    # A server that asks on another stream may not have begun to answer.
    stream = MessageStream(core, lambda: core.speaker.build("POST", message), limits=limits, await_head=False)
    await stream.open()
    try:
        while (found := await _next_request(stream, beside)) is not None:
            each, related = found
            params = each.params if isinstance(each.params, dict) else {}
            request: dict[str, Any] = {"method": each.method}
            if each.params is not jsonrpc.ABSENT:
                request["params"] = each.params
            result: object = {}
            if each.method == "ping":
                pings += 1
                enough = pings > MAX_PINGS
            else:
                enough = answer is None or len(asked) - pings >= rounds
                if answer is not None and not enough:
                    result = await core.io.call(answer, str(each.method), params)
            if enough:
                asked.append(Asked(request, each.id, related, None))
                break
            reply = await core.respond(each, result)
            asked.append(Asked(request, each.id, related, reply))
            if not reply.ok:
                break
        if stream.response is not None:
            # The server ends the stream by itself now, or has its reasons not to.
            await stream.wait(lambda _: False, SHORT_LINGER)
    finally:
        exchange = await stream.close()
    left = exchange.ok or exchange.end in (End.STOPPED, End.TIMEOUT)
    if left and exchange.response_to(message["id"]) is None:
        await core.notify("notifications/cancelled", {"requestId": message["id"]})
    return Conversation((exchange,), tuple(asked))


def response_to(id: object, result: object) -> dict[str, Any]:
    """Return the response to a request of the server.

    Args:
        id: Id of the request.
        result: The result, or a `ClientError`.
    """
    if isinstance(result, ClientError):
        return {"jsonrpc": "2.0", "id": id, "error": {"code": result.code, "message": result.message}}
    return {"jsonrpc": "2.0", "id": id, "result": result}


async def _next_request(
    stream: MessageStream, beside: MessageStream | None
) -> tuple[jsonrpc.Message, bool] | None:
    """Wait for the next request, and tell if it came on the stream of the call; None after its end."""
    while True:
        message, related = stream.poll(), True
        if message is None and beside is not None:
            message, related = beside.poll(), False
        if message is not None:
            if message.kind is jsonrpc.Kind.REQUEST:
                return message, related
        elif stream.over:
            return None
        else:
            await stream.more(lambda: beside is not None and beside.fresh)


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


async def _by_retries(
    core: Core,
    method: str,
    params: object,
    answer: Answer | None,
    rounds: int,
    limits: Limits | None,
) -> Conversation:
    """Send a call again with what its result asked for, until it asks for nothing."""
    exchanges = [await core.request(method, params, limits=limits)]
    asked: list[Asked] = []
    for left in range(rounds, -1, -1):
        found = input_requests(exchanges[-1])
        if found is None:
            break
        if left and answer is not None:
            again, members = retry_params(exchanges[-1], await _responses(core, found, answer))
            exchanges.append(await core.request(again, members, limits=limits))
        reply = exchanges[-1] if left and answer is not None else None
        asked += [Asked(each, jsonrpc.ABSENT, True, reply) for each in found.values()]
        if reply is None:
            break
    return Conversation(tuple(exchanges), tuple(asked))


async def _responses(core: Core, asked: Mapping[str, Mapping[str, Any]], answer: Answer) -> dict[str, object]:
    """Return `inputResponses` for `inputRequests`; what is answered with an error is left out."""
    found: dict[str, object] = {}
    for key, each in asked.items():
        params = given if isinstance(given := each.get("params"), dict) else {}
        result = await core.io.call(answer, str(each.get("method")), params)
        if not isinstance(result, ClientError):
            found[key] = result
    return found


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
