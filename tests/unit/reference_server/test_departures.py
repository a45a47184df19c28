"""Faults that look whether a client left tell that from the end of a response."""

from __future__ import annotations

import anyio
import pytest

from reference_server._calls import Call
from reference_server._context import Facts, Message, Receive, RequestContext, Scope, Send
from reference_server.faults.cancellation import until_gone

DISCONNECT: Message = {"type": "http.disconnect"}
LAST: Message = {"type": "http.response.body", "body": b"{}", "more_body": False}
PART: Message = {"type": "http.response.body", "body": b": ", "more_body": True}


@pytest.mark.parametrize(("sent", "acted"), [(LAST, []), (PART, ["left"])], ids=["answered", "left"])
def test_the_end_of_a_response_is_no_departure(sent: Message, acted: list[str]) -> None:
    found: list[str] = []
    gone = anyio.Event()

    async def inner(scope: Scope, receive: Receive, send: Send) -> None:
        await send(sent)
        # An HTTP server tells that the client left as soon as it has sent all, before the app returns.
        gone.set()
        await anyio.wait_all_tasks_blocked()

    async def receive() -> Message:
        await gone.wait()
        return DISCONNECT

    async def send(message: Message) -> None:
        assert message is sent

    async def act() -> None:
        found.append("left")

    async def run() -> None:
        context = RequestContext("POST", "/mcp", (), b"", Facts("stateless"))
        with anyio.fail_after(5):
            await until_gone(Call(context, inner, {"type": "http"}, receive, send), act)

    anyio.run(run)
    assert found == acted
