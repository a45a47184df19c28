"""`McpClient` and `AsyncMcpClient`: one client, blocking and asynchronous.

Both offer the coroutines of `Calls` under the same names; the blocking one runs each to its end.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import cached_property, wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from pytest_mcp_http.client.calls import Calls
from pytest_mcp_http.client.io import Blocking, Threads, run_to_end
from pytest_mcp_http.client.speaker import Speaker
from pytest_mcp_http.client.stream import MessageStream
from pytest_mcp_http.errors import CallError
from pytest_mcp_http.wire import jsonrpc
from pytest_mcp_http.wire.exchange import Exchange
from pytest_mcp_http.wire.http import Limits

_P = ParamSpec("_P")
_T = TypeVar("_T")
_C = TypeVar("_C")
_C_co = TypeVar("_C_co", covariant=True)


class _Twin(Protocol[_C_co]):
    """What offers the coroutines of a core."""

    @property
    def core(self) -> _C_co: ...


# -- adapters -----------------------------------------------------------------------------------------------


def _blocking(
    method: Callable[Concatenate[_C, _P], Coroutine[Any, Any, _T]],
) -> Callable[Concatenate[_Twin[_C], _P], _T]:
    """Offer a coroutine of the core as a method that blocks."""

    @wraps(method)
    def run(twin: _Twin[_C], /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        __tracebackhide__ = True
        try:
            return run_to_end(method(twin.core, *args, **kwargs))
        except CallError as error:
            # Where it was raised in here tells nobody anything; the line of the test does.
            raise error.with_traceback(None) from error.__cause__

    return run


def _awaited(
    method: Callable[Concatenate[_C, _P], Coroutine[Any, Any, _T]],
) -> Callable[Concatenate[_Twin[_C], _P], Coroutine[Any, Any, _T]]:
    """Offer a coroutine of the core as it is."""

    @wraps(method)
    async def run(twin: _Twin[_C], /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        __tracebackhide__ = True
        try:
            return await method(twin.core, *args, **kwargs)
        except CallError as error:
            raise error.with_traceback(None) from error.__cause__

    return run


def _blocking_stream(
    method: Callable[Concatenate[_C, _P], Coroutine[Any, Any, MessageStream]],
) -> Callable[Concatenate[_Twin[_C], _P], McpStream]:
    """Offer a coroutine of the core that opens a stream."""

    @wraps(method)
    def run(twin: _Twin[_C], /, *args: _P.args, **kwargs: _P.kwargs) -> McpStream:
        return McpStream(run_to_end(method(twin.core, *args, **kwargs)))

    return run


def _awaited_stream(
    method: Callable[Concatenate[_C, _P], Coroutine[Any, Any, MessageStream]],
) -> Callable[Concatenate[_Twin[_C], _P], Coroutine[Any, Any, AsyncMcpStream]]:
    """Offer a coroutine of the core that opens a stream."""

    @wraps(method)
    async def run(twin: _Twin[_C], /, *args: _P.args, **kwargs: _P.kwargs) -> AsyncMcpStream:
        return AsyncMcpStream(await method(twin.core, *args, **kwargs))

    return run


def _made(
    method: Callable[Concatenate[_C, _P], MessageStream], twin_of: Callable[[MessageStream], _T]
) -> Callable[Concatenate[_Twin[_C], _P], _T]:
    """Offer a method of the core that makes a stream without opening it."""

    @wraps(method)
    def run(twin: _Twin[_C], /, *args: _P.args, **kwargs: _P.kwargs) -> _T:
        return twin_of(method(twin.core, *args, **kwargs))

    return run


# -- streams ------------------------------------------------------------------------------------------------


class _StreamView:
    """What can be seen of a stream without waiting.

    Attributes:
        core: The stream itself.
    """

    def __init__(self, core: MessageStream) -> None:
        self.core = core

    @property
    def exchange(self) -> Exchange:
        """What has come in so far, since the stream was last resumed.

        Raises:
            RuntimeError: If the stream is not open.
        """
        return self.core.exchange

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        """The exchanges of the stream: one, and one more each time that it was resumed."""
        return self.core.exchanges

    @property
    def response(self) -> jsonrpc.Message | None:
        """The response to the request of the stream, once it was given."""
        return self.core.response

    @property
    def alive(self) -> bool:
        """Whether the response is still coming in."""
        return self.core.alive

    @property
    def limits(self) -> Limits:
        """The limits of the stream."""
        return self.core.limits

    @property
    def last_event_id(self) -> str | None:
        """The id of the last event that had one; the stream is resumed after it."""
        return self.core.last_event_id


class McpStream(_StreamView):
    """The messages of a stream, one by one: iterate over it. As a context manager it is closed at the end.

    Made by `McpClient.stream`, `listen` and `post_stream`.
    """

    wait = _blocking(MessageStream.wait)
    close = _blocking(MessageStream.close)
    resume = _blocking(MessageStream.resume)
    cancel = _blocking(MessageStream.cancel)

    def __iter__(self) -> McpStream:
        return self

    def __next__(self) -> jsonrpc.Message:
        message = run_to_end(self.core.take())
        if message is None:
            raise StopIteration
        return message

    def __enter__(self) -> McpStream:
        run_to_end(self.core.open())
        return self

    def __exit__(self, *exc: object) -> None:
        run_to_end(self.core.shut())


class AsyncMcpStream(_StreamView):
    """The messages of a stream, one by one: iterate over it. As a context manager it is closed at the end.

    Made by `AsyncMcpClient.stream`, `listen` and `post_stream`.
    """

    wait = _awaited(MessageStream.wait)
    close = _awaited(MessageStream.close)
    resume = _awaited(MessageStream.resume)
    cancel = _awaited(MessageStream.cancel)

    def __aiter__(self) -> AsyncMcpStream:
        return self

    async def __anext__(self) -> jsonrpc.Message:
        message = await self.core.take()
        if message is None:
            raise StopAsyncIteration
        return message

    async def __aenter__(self) -> AsyncMcpStream:
        await self.core.open()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.core.client.io.settle(self.core.shut)


# -- clients ------------------------------------------------------------------------------------------------


class McpClient(Speaker):
    """Speak with one MCP server, as one client: blocking.

    See `Speaker` for what it is made with. As a context manager it connects, which has to succeed, and
    closes at the end. Calls that return a value raise `CallError`; the others return an exchange, whatever
    the server does.
    """

    @cached_property
    def core(self) -> Calls:
        """The coroutines that this client offers."""
        return Calls(self, Blocking())

    # Exchange by exchange.
    initialize = _blocking(Calls.initialize)
    initialized = _blocking(Calls.initialized)
    discover = _blocking(Calls.discover)
    open = _blocking(Calls.open)
    request = _blocking(Calls.request)
    plain = _blocking(Calls.plain)
    notify = _blocking(Calls.notify)
    respond = _blocking(Calls.respond)
    post = _blocking(Calls.post)
    retry = _blocking(Calls.retry)
    converse = _blocking(Calls.converse)
    get = _blocking(Calls.get)
    delete = _blocking(Calls.delete)
    send = _blocking(Calls.send)
    listen = _blocking_stream(Calls.listen)
    post_stream = _blocking_stream(Calls.post_stream)

    # Calls that return a value.
    stream = _made(Calls.stream, McpStream)
    call = _blocking(Calls.call)
    ping = _blocking(Calls.ping)
    list_tools = _blocking(Calls.list_tools)
    list_resources = _blocking(Calls.list_resources)
    list_resource_templates = _blocking(Calls.list_resource_templates)
    list_prompts = _blocking(Calls.list_prompts)
    call_tool = _blocking(Calls.call_tool)
    read_resource = _blocking(Calls.read_resource)
    get_prompt = _blocking(Calls.get_prompt)
    complete = _blocking(Calls.complete)
    set_log_level = _blocking(Calls.set_log_level)
    subscribe = _blocking(Calls.subscribe)
    unsubscribe = _blocking(Calls.unsubscribe)
    close = _blocking(Calls.close)

    def connect(self) -> McpClient:
        """Complete the opening and return this client; look at `negotiated` for the outcome."""
        run_to_end(self.core.connect())
        return self

    def another(self, **changes: Any) -> McpClient:
        """Return a second client of the same server, which is not connected and has a session of its own.

        Args:
            changes: Arguments of the constructor that are other than those of this client.
        """
        return McpClient(**{**self._options, **changes})

    def __enter__(self) -> McpClient:
        run_to_end(self.core.enter())
        return self

    def __exit__(self, *exc: object) -> None:
        run_to_end(self.core.leave())


class AsyncMcpClient(Speaker):
    """Speak with one MCP server, as one client: asynchronous, on asyncio and on Trio.

    See `Speaker` for what it is made with. As a context manager it connects, which has to succeed, and
    closes at the end. Calls that return a value raise `CallError`; the others return an exchange, whatever
    the server does.
    """

    @cached_property
    def core(self) -> Calls:
        """The coroutines that this client offers."""
        return Calls(self, Threads())

    # Exchange by exchange.
    initialize = _awaited(Calls.initialize)
    initialized = _awaited(Calls.initialized)
    discover = _awaited(Calls.discover)
    open = _awaited(Calls.open)
    request = _awaited(Calls.request)
    plain = _awaited(Calls.plain)
    notify = _awaited(Calls.notify)
    respond = _awaited(Calls.respond)
    post = _awaited(Calls.post)
    retry = _awaited(Calls.retry)
    converse = _awaited(Calls.converse)
    get = _awaited(Calls.get)
    delete = _awaited(Calls.delete)
    send = _awaited(Calls.send)
    listen = _awaited_stream(Calls.listen)
    post_stream = _awaited_stream(Calls.post_stream)

    # Calls that return a value.
    stream = _made(Calls.stream, AsyncMcpStream)
    call = _awaited(Calls.call)
    ping = _awaited(Calls.ping)
    list_tools = _awaited(Calls.list_tools)
    list_resources = _awaited(Calls.list_resources)
    list_resource_templates = _awaited(Calls.list_resource_templates)
    list_prompts = _awaited(Calls.list_prompts)
    call_tool = _awaited(Calls.call_tool)
    read_resource = _awaited(Calls.read_resource)
    get_prompt = _awaited(Calls.get_prompt)
    complete = _awaited(Calls.complete)
    set_log_level = _awaited(Calls.set_log_level)
    subscribe = _awaited(Calls.subscribe)
    unsubscribe = _awaited(Calls.unsubscribe)
    close = _awaited(Calls.close)

    async def connect(self) -> AsyncMcpClient:
        """Complete the opening and return this client; look at `negotiated` for the outcome."""
        await self.core.connect()
        return self

    def another(self, **changes: Any) -> AsyncMcpClient:
        """Return a second client of the same server, which is not connected and has a session of its own.

        Args:
            changes: Arguments of the constructor that are other than those of this client.
        """
        return AsyncMcpClient(**{**self._options, **changes})

    async def __aenter__(self) -> AsyncMcpClient:
        await self.core.enter()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.core.leave()
