"""How the app is served: the listening socket, and uvicorn's settings.

Imported by whoever runs the app in a process or thread of their own.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any, Final

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from reference_server._context import CLOSE_CONNECTION, ON_SHUTDOWN, RAW_HEAD, RAW_NAMES, ASGIApp

KEEP_ALIVE_SECONDS: Final = 60
"""How long an idle connection is kept: longer than proxies keep theirs, so that it is they who close it.

A proxy that sends a request on a connection which the server closes at that moment can only answer 502.
"""

BACKLOG: Final = 1024
"""Connections that may wait to be accepted: as many clients may come at once."""

GRACEFUL_SECONDS: Final = 1
"""How long open streams may go on after the server was told to end."""


def listen(host: str, port: int) -> socket.socket:
    """Return a listening TCP socket.

    Args:
        host: Address or name to bind.
        port: Port, or 0 for a free one.

    Raises:
        OSError: If the address cannot be bound.
    """
    family, _, _, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    # The protocol has to be named: asyncio switches Nagle's algorithm off only on sockets that say TCP, and
    # with it on every response waits for a delayed acknowledgement (40 ms).
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def config(app: ASGIApp) -> uvicorn.Config:
    """Return the settings with which uvicorn serves the app."""
    return uvicorn.Config(
        app,
        http=RawNamesProtocol,
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACEFUL_SECONDS,
    )


class RawNamesProtocol(H11Protocol):
    """uvicorn's protocol, which also tells the app how its head was written, and when the server ends.

    h11 drops the blanks around header values, so the head is kept as it came. uvicorn ends the lifespan of
    the app only after all connections are gone, too late for a last message.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._on_shutdown: set[Callable[[], None]] = set()
        self._head: bytes | None = b""
        next_event = self.conn.next_event

        def noting() -> Any:
            event = next_event()
            if isinstance(event, h11.Request):
                names = tuple(name.decode("latin-1") for name, _ in event.headers.raw_items())
                head = (self._head or b"").partition(b"\r\n\r\n")[0]
                self._head = None
                self.app_state = {
                    **self.app_state,
                    RAW_NAMES: names,
                    RAW_HEAD: head,
                    ON_SHUTDOWN: self._on_shutdown,
                    CLOSE_CONNECTION: self.transport.close,
                }
            elif isinstance(event, h11.EndOfMessage):
                self._head = b""
            return event

        self.conn.next_event = noting  # type: ignore[method-assign]

    def data_received(self, data: bytes) -> None:
        """Keep what comes in until the head of a request is complete."""
        if self._head is not None:
            self._head += data
        super().data_received(data)

    def shutdown(self) -> None:
        """Begin to end: let open streams say their last word."""
        for end in tuple(self._on_shutdown):
            end()
        super().shutdown()
