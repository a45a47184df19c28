"""What a client sends and gets back, exchange by exchange; nothing that a server does is an error here.

Only `answer` raises, which lets the callbacks of the user answer. Coroutines over `Io`; `McpClient` and
`AsyncMcpClient` offer them.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from pytest_mcp_http import answering
from pytest_mcp_http.client.callbacks import shaped
from pytest_mcp_http.client.io import Io
from pytest_mcp_http.client.judging import failure
from pytest_mcp_http.client.speaker import (
    NOTHING,
    SESSION_HEADER,
    UNSET,
    VERSION_HEADER,
    HeaderChanges,
    MetaChanges,
    Speaker,
)
from pytest_mcp_http.client.stream import MessageStream
from pytest_mcp_http.dialect import ALL_CHANGES
from pytest_mcp_http.spec.error_codes import METHOD_NOT_FOUND
from pytest_mcp_http.wire import jsonrpc
from pytest_mcp_http.wire.exchange import Exchange, Request
from pytest_mcp_http.wire.http import Limits

INTERNAL_ERROR: Final = -32603


class HasStream(Protocol):
    """A stream as the twins of the client offer it."""

    @property
    def core(self) -> MessageStream:
        """The stream itself."""


class Core:
    """Send requests for a speaker.

    Args:
        speaker: What words the requests, and keeps the log.
        io: How to wait.

    Attributes:
        changed: Notified whenever something comes in on any of the streams of this client.
    """

    def __init__(self, speaker: Speaker, io: Io) -> None:
        self.speaker = speaker
        self.io = io
        self.changed = threading.Condition()

    # -- opening --------------------------------------------------------------------------------------------

    async def initialize(self, *, id: object = UNSET, headers: HeaderChanges | None = None) -> Exchange:
        """Send `initialize` as the handshake revisions have it, and remember session id and version."""
        speaker = self.speaker
        request_id = speaker.next_id() if id is UNSET else id
        body = jsonrpc.request("initialize", speaker.initialize_params(), id=request_id)
        exchange = await self.post(
            body, headers={SESSION_HEADER: None, VERSION_HEADER: None, **(headers or {})}
        )
        speaker.session_id = exchange.headers.get(SESSION_HEADER) if exchange.ok else None
        result = exchange.result
        version = result.get("protocolVersion") if isinstance(result, dict) else None
        speaker.negotiated = version if isinstance(version, str) else None
        speaker.opening = exchange
        return exchange

    async def initialized(self) -> Exchange:
        """Send `notifications/initialized`."""
        return await self.notify("notifications/initialized")

    async def discover(self, *, id: object = UNSET, headers: HeaderChanges | None = None) -> Exchange:
        """Send `server/discover`, and remember whether the server speaks this client's revision."""
        exchange = await self.request("server/discover", id=id, headers=headers)
        result = exchange.result
        versions = result.get("supportedVersions") if isinstance(result, dict) else None
        spoken = isinstance(versions, list) and self.speaker.revision in versions
        self.speaker.negotiated = self.speaker.revision if spoken else None
        self.speaker.opening = exchange
        return exchange

    async def open(self, *, id: object = UNSET, headers: HeaderChanges | None = None) -> Exchange:
        """Send the request with which a client of the era begins: `initialize` or `server/discover`."""
        opening = self.initialize if self.speaker.dialect.sessions else self.discover
        return await opening(id=id, headers=headers)

    # -- messages -------------------------------------------------------------------------------------------

    async def request(
        self,
        method: str,
        params: object = jsonrpc.ABSENT,
        *,
        id: object = UNSET,
        meta: MetaChanges = NOTHING,
        headers: HeaderChanges | None = None,
        limits: Limits | None = None,
    ) -> Exchange:
        """POST a JSON-RPC request.

        Args:
            method: Its method.
            params: Its params, see `message`; left out when absent, if the revision needs no `_meta`.
            id: Its id; default a fresh integer.
            meta: Changes to `_meta`.
            headers: Header lines to set, or to leave out (None), by name.
            limits: Limits of this exchange.
        """
        body = self.speaker.message(method, params, id=id, meta=meta)
        return await self.post(body, headers=headers, limits=limits)

    async def plain(
        self,
        params: object = jsonrpc.ABSENT,
        *,
        id: object = UNSET,
        meta: MetaChanges = NOTHING,
        headers: HeaderChanges | None = None,
        limits: Limits | None = None,
    ) -> Exchange:
        """POST the cheapest request that every server of the era serves: `ping` or `server/discover`."""
        method = self.speaker.dialect.plain
        return await self.request(method, params, id=id, meta=meta, headers=headers, limits=limits)

    async def notify(
        self, method: str, params: object = jsonrpc.ABSENT, *, headers: HeaderChanges | None = None
    ) -> Exchange:
        """POST a JSON-RPC notification."""
        return await self.post(jsonrpc.notification(method, params), headers=headers)

    async def respond(
        self, request: jsonrpc.Message, result: object, *, headers: HeaderChanges | None = None
    ) -> Exchange:
        """POST the response to a request of the server, at a handshake revision.

        Args:
            request: The request.
            result: The result, or a `ClientError`.
            headers: Header lines to set, or to leave out (None), by name.
        """
        return await self.post(answering.response_to(request.id, result), headers=headers)

    async def answer(self, request: jsonrpc.Message) -> None:
        """Answer a request of the server by the callback for it; `ping` needs none.

        Args:
            request: The request. One that no callback is for is answered with an error.

        Raises:
            CallError: If the server refuses the answer.
            Exception: What the callback raised, once the server was answered with an error.

        Source: https://modelcontextprotocol.io/specification/2025-11-25/client
        """
        method = str(request.method)
        function = self.speaker.callbacks.function(method)
        result: object
        if method == "ping":
            result = {}
        elif function is None:
            result = answering.ClientError(METHOD_NOT_FOUND, f"the client has no callback for {method}")
        else:
            try:
                params = request.params if isinstance(request.params, dict) else {}
                result = shaped(method, await self.io.call(function, params))
            except BaseException:
                error = answering.ClientError(
                    INTERNAL_ERROR, f"the callback of the client for {method} failed"
                )
                await self.io.settle(lambda: self.respond(request, error))
                raise
        reply = await self.respond(request, result)
        if not reply.ok:
            raise failure(reply, request, f"the answer to {method} was refused")

    async def post(
        self, body: object, *, headers: HeaderChanges | None = None, limits: Limits | None = None
    ) -> Exchange:
        """POST a body: bytes as they are, anything else as JSON."""
        return await self.send(self.speaker.build("POST", body, headers), limits=limits)

    # -- what the server asks for ---------------------------------------------------------------------------

    async def retry(
        self, exchange: Exchange, responses: Mapping[str, object], *, headers: HeaderChanges | None = None
    ) -> Exchange:
        """Send a request again with what its `input_required` result asked for, under a fresh id.

        Args:
            exchange: The exchange whose result was `input_required`.
            responses: `inputResponses`: the client's result for each key of `inputRequests`.
            headers: Header lines to set, or to leave out (None), by name.

        Raises:
            ValueError: If the exchange holds no request.

        Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/patterns/mrtr#basic-workflow
        """
        method, params = answering.retry_params(exchange, responses)
        return await self.request(method, params, headers=headers)

    async def converse(
        self,
        method: str,
        params: object,
        answer: answering.Answer | None,
        *,
        beside: HasStream | None = None,
        rounds: int = answering.MAX_ROUNDS,
        limits: Limits | None = None,
    ) -> answering.Conversation:
        """POST a request, and answer whatever the server asks for meanwhile, until there is a final answer.

        At the handshake revisions those are requests on the stream of the call, or beside it; from
        2026-07-28 on `input_required` results.

        Args:
            method: Method of the request.
            params: Its params.
            answer: Gets method and params of what is asked for, and returns the client's result for it, or a
                `ClientError`; None to leave the call once something is asked for.
            beside: A stream on which the server may ask as well, at a handshake revision.
            rounds: How often the server is answered; what it asks for after that ends the conversation.
            limits: Limits of each exchange.

        Returns:
            The call and what was asked; its `exchange` is the last one, whatever it holds.
        """
        return await answering.converse(
            self,
            method,
            params,
            answer,
            beside=None if beside is None else beside.core,
            rounds=rounds,
            limits=limits,
        )

    # -- streams --------------------------------------------------------------------------------------------

    async def get(self, *, headers: HeaderChanges | None = None, limits: Limits | None = None) -> Exchange:
        """Send a GET and return the answer; a stream that opens is closed at once."""
        stream = await self._opened(lambda: self.speaker.build("GET", None, headers), limits)
        await stream.wait(lambda exchange: exchange.ok and exchange.is_sse, stream.limits.total)
        return await stream.close()

    async def listen(
        self,
        *,
        last_event_id: str | None = None,
        notifications: Mapping[str, object] = ALL_CHANGES,
        id: object = UNSET,
        headers: HeaderChanges | None = None,
        limits: Limits | None = None,
    ) -> MessageStream:
        """Open the stream on which a server sends what no request asked for.

        Args:
            last_event_id: Asks to resume a stream; for the handshake revisions, whose stream is a GET.
            notifications: What to be told of, for `subscriptions/listen` of the modern revisions.
            id: Id of that request; default a fresh integer.
            headers: Header lines to set, or to leave out (None), by name.
            limits: Limits of this exchange.
        """
        if last_event_id is not None:
            headers = {"Last-Event-ID": last_event_id, **(headers or {})}
        if self.speaker.dialect.sessions:
            return await self._opened(lambda: self.speaker.build("GET", None, headers), limits)
        params = {"notifications": dict(notifications)}
        body = self.speaker.message("subscriptions/listen", params, id=id)
        return await self.post_stream(body, headers=headers, limits=limits)

    async def post_stream(
        self, body: object, *, headers: HeaderChanges | None = None, limits: Limits | None = None
    ) -> MessageStream:
        """POST a body and keep the response open."""
        return await self._opened(lambda: self.speaker.build("POST", body, headers), limits)

    async def _opened(self, request: Callable[[], Request], limits: Limits | None) -> MessageStream:
        stream = MessageStream(self, request, limits=limits)
        await stream.open()
        return stream

    # -- the end --------------------------------------------------------------------------------------------

    async def delete(self, *, headers: HeaderChanges | None = None) -> Exchange:
        """Send a DELETE, which ends the session where the server allows it."""
        exchange = await self.send(self.speaker.build("DELETE", None, headers))
        if exchange.ok:
            self.speaker.terminated = True
        return exchange

    async def close(self) -> None:
        """End the session, if there is one that we have not tried to end yet."""
        speaker = self.speaker
        if speaker.session_id is not None and not speaker.terminated:
            await self.delete()
            speaker.terminated = True

    async def send(self, request: Request, *, limits: Limits | None = None) -> Exchange:
        """Send a built request and keep the exchange."""
        sending = self.speaker.wire.prepare(request, limits=limits)
        exchange = await self.io.run(sending.run, sending.cancel)
        self.speaker.log.append(exchange)
        self.speaker.learn_tools(exchange)
        return exchange
