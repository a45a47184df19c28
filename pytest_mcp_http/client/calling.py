"""One call from its request to its result: progress and logs, questions of the server, resumption.

Coroutines over `Opening`. Knows no method by name; `Calls` does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from pytest_mcp_http.answering import MAX_ROUNDS, input_requests, retry_params
from pytest_mcp_http.client.callbacks import shaped
from pytest_mcp_http.client.judging import asked, failure, result_of
from pytest_mcp_http.client.opening import Opening
from pytest_mcp_http.client.reading import Reader
from pytest_mcp_http.client.results import LogMessage, Progress, Result
from pytest_mcp_http.client.speaker import HeaderChanges
from pytest_mcp_http.client.stream import MessageStream
from pytest_mcp_http.errors import MalformedResultError, UnansweredError
from pytest_mcp_http.wire import jsonrpc
from pytest_mcp_http.wire.http import Limits

BESIDE_SECONDS: Final = 1.0
"""How long a call waits for the head of the stream beside it."""

OnProgress = Callable[[Progress], object]
OnLog = Callable[[LogMessage], object]


@dataclass
class Watch:
    """What is told while a call is served, and who wants to know."""

    on_progress: OnProgress | None
    on_log: OnLog | None
    progress: list[Progress] = field(default_factory=list)
    logs: list[LogMessage] = field(default_factory=list)


class Calling(Opening):
    """Call any method."""

    _beside: MessageStream | None = None

    # -- the end --------------------------------------------------------------------------------------------

    async def leave(self) -> None:
        """Close, even if the task is being cancelled."""
        await self.io.settle(self.close)

    async def close(self) -> None:
        """End the session, if there is one that we have not tried to end yet, and close what is open."""
        speaker = self.speaker
        try:
            await super().close()
        finally:
            for stream in speaker.open_streams:
                if stream.ends_with_client:
                    await stream.close()
            self._beside = None
            if speaker.owns_wire:
                speaker.wire.close()

    # -- any request ----------------------------------------------------------------------------------------

    async def call(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        on_progress: OnProgress | None = None,
        on_log: OnLog | None = None,
        headers: HeaderChanges | None = None,
        limits: Limits | None = None,
    ) -> Result:
        """Send a request, answer what the server asks for by the callbacks, and return the result.

        A stream that ends before the response is resumed at the handshake revisions, if its events have ids.

        Args:
            method: Its method.
            params: Its params, if it has some.
            on_progress: Asks for progress, and gets each notification of it.
            on_log: Gets each log message that comes with the call; `set_log_level` says which are sent.
            headers: Header lines to set, or to leave out (None), by name.
            limits: Limits of each exchange; a stream that is resumed has `total` seconds in all.

        Raises:
            CallError: If no result came.
            RuntimeError: If the client is not connected.
        """
        return (await self._call(method, params, Watch(on_progress, on_log), headers, limits))[0]

    async def _call(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        watch: Watch | None = None,
        headers: HeaderChanges | None = None,
        limits: Limits | None = None,
    ) -> tuple[Result, Reader]:
        """Return the result of a call, and a reader of it."""
        self._require_open()
        watch = watch or Watch(None, None)
        members: Mapping[str, Any] | jsonrpc.Absent = jsonrpc.ABSENT if params is None else dict(params)
        for _ in range(MAX_ROUNDS + 1):
            stream = await self._ask(method, members, watch, headers, limits)
            exchange = stream.exchange
            result = result_of(exchange, stream.sent)
            kind = result.optional_text("resultType") or "complete"
            if kind == "complete":
                raw = result.mapping()
                return Result(raw, exchange, tuple(watch.progress), tuple(watch.logs)), result
            if kind != "input_required" or self.speaker.dialect.sessions:
                raise result.child("resultType").fail("complete")
            responses = await self._responses(result)
            # Without inputRequests nothing is asked for, and the state alone goes back.
            _, members = retry_params(exchange, responses)
        raise UnansweredError(f"{asked(exchange)}: the server asked back {MAX_ROUNDS + 1} times", exchange)

    async def _ask(
        self,
        method: str,
        params: Mapping[str, Any] | jsonrpc.Absent,
        watch: Watch,
        headers: HeaderChanges | None,
        limits: Limits | None,
    ) -> MessageStream:
        """Send a request and take what comes until there is a response."""
        beside = await self._listen_beside()
        id = self.speaker.next_id()
        meta = {"progressToken": id} if watch.on_progress is not None else {}
        body = self.speaker.message(method, params, id=id, meta=meta)
        stream = MessageStream(
            self,
            lambda: self.speaker.build("POST", body, headers),
            limits=limits,
            resumes=True,
            await_head=False,
            pulled=beside is None,
        )
        try:
            await stream.open()
            await self._take_all(stream, beside, watch)
            if stream.response is None:
                raise failure(stream.exchange, stream.sent)
        except BaseException:
            await self.io.settle(stream.abandon)
            raise
        self.speaker.learn_tools(await stream.finish())
        return stream

    async def _take_all(self, stream: MessageStream, beside: MessageStream | None, watch: Watch) -> None:
        while stream.response is None:
            message = stream.poll()
            if message is None and beside is not None:
                message = beside.poll()
            if message is not None:
                await self._take(message, stream, watch)
            elif not stream.over:
                await stream.more(lambda: beside is not None and beside.fresh)
            elif not await stream.go_on():
                stream.opened.check()
                return

    async def _take(self, message: jsonrpc.Message, stream: MessageStream, watch: Watch) -> None:
        if message.kind is jsonrpc.Kind.INVALID:
            codes = ", ".join(finding.code for finding in message.findings)
            raise MalformedResultError(
                f"{asked(stream.exchange, stream.sent)}: a message that is no JSON-RPC ({codes})",
                stream.exchange,
            )
        if message.kind is jsonrpc.Kind.REQUEST:
            await self.answer(message)
        elif message.kind is jsonrpc.Kind.NOTIFICATION:
            await self._tell(message, stream, watch)

    async def _tell(self, message: jsonrpc.Message, stream: MessageStream, watch: Watch) -> None:
        reader = Reader(message.params, "params", str(message.method), stream.exchange)
        if message.method == "notifications/progress" and watch.on_progress is not None:
            sent = stream.sent.params if stream.sent is not None else {}
            if jsonrpc.same_id(reader.child("progressToken").raw, sent["_meta"]["progressToken"]):
                watch.progress.append(Progress.read(reader))
                await self.io.call(watch.on_progress, watch.progress[-1])
        elif message.method == "notifications/message":
            watch.logs.append(LogMessage.read(reader))
            if watch.on_log is not None:
                await self.io.call(watch.on_log, watch.logs[-1])

    # -- what the server asks for ---------------------------------------------------------------------------

    async def _responses(self, result: Reader) -> dict[str, object]:
        """Return the answers to what an `input_required` result asks for."""
        wanted = input_requests(result.exchange) or {}
        if not wanted and not result.has("requestState"):
            raise result.fail("inputRequests or requestState")
        found: dict[str, object] = {}
        for key, each in wanted.items():
            request = result.at(each, f"result.inputRequests.{key}")
            method = request.child("method").text()
            function = self.speaker.callbacks.function(method)
            if function is None:
                raise UnansweredError(
                    f"{result.what}: the server asks for {method}, for which the client has no callback",
                    result.exchange,
                )
            params = request.optional_mapping("params") or {}
            found[key] = shaped(method, await self.io.call(function, params))
        return found

    async def _listen_beside(self) -> MessageStream | None:
        """Return the stream on which a server may ask while a call is served, if there is one.

        Only a client with callbacks has it, and only at a handshake revision.
        """
        speaker = self.speaker
        if not speaker.callbacks or not speaker.dialect.sessions:
            return None
        if self._beside is None:
            self._beside = await self._open_beside(None)
        elif not self._beside.alive and self._beside.exchange.ok and self._beside.exchange.is_sse:
            # Ended by the server, which may do so at any time.
            await self._beside.close()
            self._beside = await self._open_beside(self._beside.last_event_id)
        return self._beside

    async def _open_beside(self, last_id: str | None) -> MessageStream:
        headers = {"Last-Event-ID": last_id}
        stream = MessageStream(
            self, lambda: self.speaker.build("GET", None, headers), limits=None, await_head=False
        )
        stream.ends_with_client = True
        await stream.open()
        # Some servers send the head only with the first event.
        await stream.wait(lambda exchange: exchange.answered, BESIDE_SECONDS)
        return stream

    # -- streams --------------------------------------------------------------------------------------------

    def stream(
        self,
        method: str,
        params: Mapping[str, Any] | None = None,
        *,
        id: object = None,
        meta: Mapping[str, object] | None = None,
        headers: HeaderChanges | None = None,
        limits: Limits | None = None,
        resume: bool = True,
    ) -> MessageStream:
        """Give the messages that a request brings, one by one as they come in, the response last.

        The request is sent when the first message is asked for, or when the stream is entered as a context
        manager. What the server asks for meanwhile is given too, and answered by its callback if it has one.

        Args:
            method: Its method.
            params: Its params, if it has some.
            id: Its id; default a fresh integer.
            meta: Changes to `_meta`, for example `{"progressToken": 1}`.
            headers: Header lines to set, or to leave out (None), by name.
            limits: Limits of the stream.
            resume: Whether to resume a stream that ends without response, where its revision has that and its
                events have ids; then an end without response is an error. If False it just ends, and
                `MessageStream.resume` goes on.
        """
        members: Mapping[str, Any] | jsonrpc.Absent = jsonrpc.ABSENT if params is None else dict(params)
        body = self.speaker.message(
            method, members, id=self.speaker.next_id() if id is None else id, meta=meta or {}
        )
        stream = MessageStream(
            self,
            lambda: self.speaker.build("POST", body, headers),
            limits=limits,
            resumes=resume,
            await_head=False,
        )
        stream.ends_with_client = True
        return stream
