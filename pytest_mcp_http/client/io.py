"""How the coroutines of the client wait: by blocking, or by worker threads of an event loop.

The client itself is written once, as coroutines over these few methods. `Blocking` never suspends, so one
step runs such a coroutine to its end.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, Protocol, TypeVar

_T = TypeVar("_T")

MAX_THREADS: Final = 64
"""Worker threads of one asynchronous client: as many as its wire takes exchanges at once."""

LAST_WORDS: Final = 5.0
"""Seconds that a call which was cancelled may take to tell the server."""


class Io(Protocol):
    """What the client waits by."""

    async def run(self, work: Callable[[], _T], cancel: Callable[[], object]) -> _T:
        """Run a function that blocks, and return what it returns.

        Args:
            work: The function.
            cancel: Makes the function return soon; called if the task is cancelled meanwhile.
        """

    async def sleep(self, seconds: float) -> None:
        """Wait some seconds."""

    async def call(self, function: Callable[..., object], *args: object) -> object:
        """Call a function of the user's."""

    async def settle(self, work: Callable[[], Awaitable[object]]) -> None:
        """Do what has to be done even if the task is being cancelled, within `LAST_WORDS` seconds."""


class Blocking:
    """Wait by blocking the thread."""

    async def run(self, work: Callable[[], _T], cancel: Callable[[], object]) -> _T:
        """Run the function here."""
        return work()

    async def sleep(self, seconds: float) -> None:
        """Block for some seconds."""
        time.sleep(seconds)

    async def call(self, function: Callable[..., object], *args: object) -> object:
        """Call the function.

        Raises:
            TypeError: If it is a coroutine function.
        """
        value = function(*args)
        if inspect.isawaitable(value):
            if inspect.iscoroutine(value):
                value.close()
            raise TypeError(
                f"{function!r} is asynchronous: McpClient takes functions, AsyncMcpClient takes both"
            )
        return value

    async def settle(self, work: Callable[[], Awaitable[object]]) -> None:
        """Do the work; each of its exchanges has limits of its own."""
        await work()


class Threads:
    """Wait in worker threads, on asyncio and on Trio."""

    def __init__(self) -> None:
        self._limiter: Any = None

    async def run(self, work: Callable[[], _T], cancel: Callable[[], object]) -> _T:
        """Run the function in a thread, which is told to end if the task is cancelled."""
        import anyio
        import anyio.to_thread

        if self._limiter is None:
            # Of our own: streams that stay open must not take the threads away from the user's code.
            self._limiter = anyio.CapacityLimiter(MAX_THREADS)
        try:
            return await anyio.to_thread.run_sync(work, abandon_on_cancel=True, limiter=self._limiter)
        except anyio.get_cancelled_exc_class():
            cancel()
            raise

    async def sleep(self, seconds: float) -> None:
        """Suspend for some seconds."""
        import anyio

        await anyio.sleep(seconds)

    async def call(self, function: Callable[..., object], *args: object) -> object:
        """Call the function, and await what it returns if that can be awaited."""
        value = function(*args)
        return await value if inspect.isawaitable(value) else value

    async def settle(self, work: Callable[[], Awaitable[object]]) -> None:
        """Do the work out of reach of a cancellation."""
        import anyio

        with anyio.move_on_after(LAST_WORDS, shield=True):
            await work()


def run_to_end(coroutine: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine over `Blocking`, and return what it returns.

    Args:
        coroutine: One that never suspends.

    Raises:
        RuntimeError: If it suspends, which only a fault in this package can cause.
    """
    try:
        coroutine.send(None)
    except StopIteration as end:
        value: _T = end.value
        return value
    coroutine.close()
    raise RuntimeError(f"{coroutine!r} waits for an event loop")
