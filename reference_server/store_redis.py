"""The store that replicas share: Redis, Valkey, or whatever speaks their protocol. It holds JSON only."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Final, TypeVar, cast
from urllib.parse import urlsplit

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from reference_server import ReferenceServerUnavailable
from reference_server.store import KEEP_SECONDS, Json, StoreUnavailable

T = TypeVar("T")

PREFIX: Final = "mcp-reference:"
"""What the names of all keys and channels begin with."""

ANSWER_SECONDS: Final = 1.0
"""How long the store may take to be reached, and to answer a command."""

ATTEMPTS: Final = 50
"""How often the change of a document is tried while others change the same one."""

RECONNECT_SECONDS: Final = 0.2
"""Pause before a listener that lost the store looks for it again."""

_SCHEMES: Final = {
    "redis": "redis",
    "rediss": "rediss",
    "valkey": "redis",
    "valkeys": "rediss",
    "unix": "unix",
}


class RedisStore:
    """A store behind a URL.

    Args:
        url: For example `redis://127.0.0.1:6379/0`; it may hold a password.

    Raises:
        ValueError: If the URL is not accepted.
        ReferenceServerUnavailable: If the package `redis` is missing.
    """

    def __init__(self, url: str) -> None:
        self.name = _without_password(url)
        scheme, separator, rest = url.partition("://")
        if not separator or scheme not in _SCHEMES:
            accepted = ", ".join(f"{each}://" for each in _SCHEMES)
            raise ValueError(f"store {self.name!r} is not accepted; accepted: env:VARIABLE, {accepted}")
        try:
            import redis.asyncio
        except ImportError:
            raise ReferenceServerUnavailable(
                "a store that replicas share needs the package redis: pip install pytest-mcp-http[store]"
            ) from None
        self._url = f"{_SCHEMES[scheme]}://{rest}"
        self._redis = redis
        try:
            redis.asyncio.ConnectionPool.from_url(self._url)
        except ValueError:
            raise ValueError(f"store {self.name!r} is not accepted: it is no URL of a store") from None
        self._client: Any = None

    async def open(self) -> None:
        """Reach the store."""
        self._client = self._connect()
        with self._answering():
            await self._client.ping()

    def _connect(self) -> Any:
        from redis.asyncio import Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        return Redis.from_url(
            self._url,
            socket_timeout=ANSWER_SECONDS,
            socket_connect_timeout=ANSWER_SECONDS,
            # A connection that lay idle may be dead, so one more attempt; a dead store must be told soon.
            retry=Retry(NoBackoff(), 1),
            decode_responses=True,
        )

    async def close(self) -> None:
        """Leave the store."""
        if self._client is not None:
            await self._client.aclose()
            self._client = None

    @contextmanager
    def _answering(self) -> Iterator[None]:
        errors = self._redis.exceptions
        try:
            yield
        except (errors.RedisError, OSError) as error:
            # The text of an error may hold what was sent, so only its kind is told.
            raise StoreUnavailable(f"{self.name} does not answer ({type(error).__name__})") from None

    async def read(self, *keys: str) -> list[Json]:
        """Return some documents in one round trip."""
        with self._answering():
            found = await self._client.mget([PREFIX + key for key in keys])
        return [json.loads(raw) if raw is not None else {} for raw in found]

    async def update(self, key: str, change: Callable[[Json], T], seconds: float = KEEP_SECONDS) -> T:
        """Change one document: what another one changed meanwhile is read again."""
        with self._answering():
            async with self._client.pipeline(transaction=True) as pipe:
                for _ in range(ATTEMPTS):
                    with suppress(self._redis.exceptions.WatchError):
                        return await self._try_update(pipe, PREFIX + key, change, seconds)
        raise StoreUnavailable(f"{self.name} has a document that changes too often")

    @staticmethod
    async def _try_update(pipe: Any, key: str, change: Callable[[Json], T], seconds: float) -> T:
        await pipe.watch(key)
        raw = await pipe.get(key)
        document: Json = json.loads(raw) if raw is not None else {}
        result = change(document)
        pipe.multi()
        if document:
            pipe.set(key, json.dumps(document), px=_milliseconds(seconds))
        else:
            pipe.delete(key)
        await pipe.execute()
        return result

    async def renew(self, seconds: float, *keys: str) -> None:
        """Keep documents and logs longer, in one round trip."""
        with self._answering():
            async with self._client.pipeline(transaction=False) as pipe:
                for key in keys:
                    pipe.pexpire(PREFIX + key, _milliseconds(seconds))
                await pipe.execute()

    async def delete(self, *keys: str) -> None:
        """Forget documents and logs."""
        with self._answering():
            await self._client.delete(*(PREFIX + key for key in keys))

    async def append(self, key: str, entry: Json, seconds: float, limit: int) -> str:
        """Add an entry to a log."""
        with self._answering():
            async with self._client.pipeline(transaction=True) as pipe:
                pipe.xadd(PREFIX + key, {"entry": json.dumps(entry)}, maxlen=limit, approximate=False)
                pipe.pexpire(PREFIX + key, _milliseconds(seconds))
                return cast(str, (await pipe.execute())[0])

    async def entries(self, key: str, after: str | None = None, wait: float = 0.0) -> list[tuple[str, Json]]:
        """Return entries of a log, once there are some."""
        block = _milliseconds(min(wait, ANSWER_SECONDS / 2)) if wait else None
        with self._answering():
            found = await self._client.xread({PREFIX + key: after or "0"}, block=block)
        # A list in the older protocol of the store, a dictionary in the newer one.
        logs = found.items() if isinstance(found, dict) else found or ()
        return [(id, json.loads(fields["entry"])) for _, entries in logs for id, fields in _flat(entries)]

    async def publish(self, channel: str, message: Json) -> int:
        """Send a message to all who listen."""
        with self._answering():
            return int(await self._client.publish(PREFIX + channel, json.dumps(message)))

    @asynccontextmanager
    async def subscribe(self, *channels: str) -> AsyncIterator[MemoryObjectReceiveStream[tuple[str, Json]]]:
        """Listen to channels; what is sent while the store is away is lost."""
        send, receive = anyio.create_memory_object_stream[tuple[str, Json]](float("inf"))
        ready = anyio.Event()
        async with anyio.create_task_group() as group:
            with send, receive:
                group.start_soon(self._listen, [PREFIX + each for each in channels], send, ready)
                with anyio.move_on_after(2 * ANSWER_SECONDS):
                    await ready.wait()
                try:
                    yield receive
                finally:
                    group.cancel_scope.cancel()

    async def _listen(
        self, channels: list[str], send: MemoryObjectSendStream[tuple[str, Json]], ready: anyio.Event
    ) -> None:
        while True:
            client = self._connect()
            try:
                async with client.pubsub(ignore_subscribe_messages=True) as pubsub:
                    await pubsub.subscribe(*channels)
                    while True:
                        message = await pubsub.get_message(timeout=ANSWER_SECONDS / 2)
                        # The answer to the subscription is the first thing that comes in.
                        ready.set()
                        if message is not None:
                            channel = message["channel"].removeprefix(PREFIX)
                            send.send_nowait((channel, json.loads(message["data"])))
            except (self._redis.exceptions.RedisError, OSError):
                await anyio.sleep(RECONNECT_SECONDS)
            finally:
                with anyio.CancelScope(shield=True), anyio.move_on_after(ANSWER_SECONDS):
                    await cast(Awaitable[None], client.aclose())


def _flat(entries: Any) -> Iterator[tuple[str, Any]]:
    """Yield the entries of a log; the newer protocol puts them into one more list."""
    for each in entries:
        if isinstance(each, list):
            yield from _flat(each)
        else:
            yield each


def _milliseconds(seconds: float) -> int:
    return max(1, int(seconds * 1000))


def _without_password(url: str) -> str:
    try:
        parts = urlsplit(url)
        if not parts.scheme or "@" not in parts.netloc:
            return f"{parts.scheme}://{parts.netloc}{parts.path}" if parts.scheme else "***"
        return f"{parts.scheme}://***@{parts.netloc.rpartition('@')[2]}{parts.path}"
    except ValueError:
        return "***"
