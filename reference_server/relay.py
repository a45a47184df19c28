"""A request that another replica has to serve: it goes there through the store, and its answer comes back."""

from __future__ import annotations

import base64
import secrets
from contextlib import suppress
from typing import Any, Final

import anyio
from anyio.streams.memory import MemoryObjectSendStream

from reference_server._calls import until_gone
from reference_server._context import (
    RAW_HEAD,
    ASGIApp,
    Facts,
    Message,
    Receive,
    RequestContext,
    Scope,
    Send,
    scope_with,
)
from reference_server._jsonrpc import INTERNAL_ERROR, Refusal
from reference_server._reading import TrackedStream
from reference_server.store import Json, Store, StoreUnavailable

TAKEN_SECONDS: Final = 5.0
"""How long a replica may take to say that it has a request, before it is held to be gone."""

SILENCE_SECONDS: Final = 1.0
"""After what time without a word it is looked up whether the other replica is still there."""


class HomeGone(Exception):  # noqa: N818 - what happened
    """The replica that has to serve a request is gone, and has not begun to."""


class Relay:
    """Sends requests to other replicas and serves theirs.

    Args:
        store: The store.
        own: The id of this replica, which is the channel on which it is told something.
    """

    def __init__(self, store: Store, own: str) -> None:
        self._store = store
        self._own = own
        self._answers: dict[str, MemoryObjectSendStream[Json]] = {}
        self._gone: dict[str, anyio.Event] = {}

    def hear(self, message: Json) -> None:
        """Take what another replica says about a request."""
        token = str(message.get("token"))
        if message.get("kind") == "gone":
            if token in self._gone:
                self._gone[token].set()
        elif token in self._answers:
            self._answers[token].send_nowait(message)

    async def forward(
        self, home: str, context: RequestContext, scope: Scope, receive: Receive, send: Send
    ) -> None:
        """Have a request served by another replica.

        Raises:
            HomeGone: If that replica is not there; the request was not served then.
            Refusal: If it went away before it began to answer; nobody knows what it did.
            StoreUnavailable: If the store went away before an answer began.
        """
        token = secrets.token_hex(8)
        write, answers = anyio.create_memory_object_stream[Json](float("inf"))
        self._answers[token] = write
        outcome: Exception | None = None  # stays so if the client leaves, or has all it gets
        try:
            with write, answers:
                request = {"kind": "request", "token": token, "from": self._own, **_as_json(context, scope)}
                if not await self._store.publish(home, request):
                    raise HomeGone
                try:
                    with anyio.fail_after(TAKEN_SECONDS):
                        await answers.receive()
                except TimeoutError:
                    raise HomeGone from None
                async with anyio.create_task_group() as group:

                    async def watch() -> None:
                        await until_gone(receive)
                        with suppress(StoreUnavailable):
                            await self._store.publish(home, {"kind": "gone", "token": token})
                        group.cancel_scope.cancel()

                    group.start_soon(watch)
                    outcome = await self._pass_on(home, answers, send)
                    group.cancel_scope.cancel()
        finally:
            del self._answers[token]
        if outcome is not None:
            raise outcome

    async def _pass_on(self, home: str, answers: Any, send: Send) -> Exception | None:
        """Send the client what the other replica answers; return what went wrong."""
        started = False
        while True:
            try:
                with anyio.fail_after(SILENCE_SECONDS):
                    answer = await answers.receive()
            except TimeoutError:
                try:
                    if await self._store.publish(home, {"kind": "still there?"}):
                        continue
                    lost = "the replica that served the request has gone"
                except StoreUnavailable as error:
                    lost = str(error)
                if started:
                    return ConnectionError(lost)  # the stream breaks off, so that the client sees it
                return unavailable(lost)
            if answer["kind"] == "failed":
                return Refusal(500, INTERNAL_ERROR, "The replica that served the request failed")
            if answer["kind"] == "done":
                return None
            started = True
            await send(_as_message(answer["message"]))

    async def serve(self, endpoint: ASGIApp, facts: Facts, message: Json) -> None:
        """Serve a request that another replica sent."""
        token, there = message["token"], message["from"]
        context = _as_context(message, facts)
        gone = self._gone[token] = anyio.Event()

        async def receive() -> Message:
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(part: Message) -> None:
            if gone.is_set():
                return
            answer = {"kind": "answer", "token": token, "message": _message_as_json(part)}
            if not await self._store.publish(there, answer):
                gone.set()

        stream = TrackedStream(context, send)
        scope: Scope = {
            "type": "http",
            "method": context.method,
            "path": context.path,
            "query_string": b"",
            "state": {RAW_HEAD: _bytes(message["rawHead"])},
        }
        try:
            await self._store.publish(there, {"kind": "taken", "token": token})
            end = "failed"
            try:
                await endpoint(scope_with(scope, context), receive, stream.send)
                end = "done"
            except StoreUnavailable:
                pass
            except Exception:  # noqa: S110 - it is told to the client, by the replica that it talks to
                pass
            await self._store.publish(there, {"kind": end, "token": token})
        except StoreUnavailable:
            pass  # the other replica notices by itself
        finally:
            stream.forget()
            del self._gone[token]


def unavailable(reason: str) -> Refusal:
    """Return the answer to a request that may be served if it is sent again."""
    return Refusal(503, INTERNAL_ERROR, f"Try again later: {reason}", headers=(("retry-after", "1"),))


def _as_json(context: RequestContext, scope: Scope) -> Json:
    return {
        "method": context.method,
        "path": context.path,
        "headers": [list(line) for line in context.headers],
        "body": _text(context.body),
        "tooLarge": context.too_large,
        "scheme": context.scheme,
        "serverHost": context.server_host,
        "rawNames": list(context.raw_names),
        "rawHead": _text(scope.get("state", {}).get(RAW_HEAD, b"")),
    }


def _as_context(message: Json, facts: Facts) -> RequestContext:
    return RequestContext(
        method=message["method"],
        path=message["path"],
        headers=tuple((name, value) for name, value in message["headers"]),
        body=_bytes(message["body"]),
        facts=facts,
        too_large=message["tooLarge"],
        scheme=message["scheme"],
        server_host=message["serverHost"],
        raw_names=tuple(message["rawNames"]),
    )


def _message_as_json(message: Message) -> Json:
    if message["type"] == "http.response.start":
        headers = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in message["headers"]]
        return {"status": message["status"], "headers": headers}
    return {"body": _text(message.get("body", b"")), "more": message.get("more_body", False)}


def _as_message(answer: Json) -> Message:
    if "status" in answer:
        headers = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer["headers"]]
        return {"type": "http.response.start", "status": answer["status"], "headers": headers}
    return {"type": "http.response.body", "body": _bytes(answer["body"]), "more_body": answer["more"]}


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text)
