"""Hand-written servers: a socket, a thread per connection, and a function that says what happens on it."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

LIMIT = 20.0
"""Seconds after which a test that hangs fails; no assertion depends on it."""


class Connection:
    """The server's end of one connection."""

    def __init__(self, plain: socket.socket, peer: Peer) -> None:
        self.socket = plain
        self.peer = peer

    def read_request(self) -> bytes:
        """Read one request with its body, keep it in `peer.requests`, and return it; empty at the end."""
        data = b""
        while b"\r\n\r\n" not in data:
            piece = self.socket.recv(65536)
            if not piece:
                return b""
            data += piece
        head, _, body = data.partition(b"\r\n\r\n")
        length = next(
            (
                int(line.split(b":")[1])
                for line in head.split(b"\r\n")
                if line.lower().startswith(b"content-length:")
            ),
            0,
        )
        while len(body) < length:
            piece = self.socket.recv(65536)
            if not piece:
                return b""
            body += piece
        self.peer.requests.append(head + b"\r\n\r\n" + body)
        return self.peer.requests[-1]

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def reply(self, body: bytes = b"", *lines: bytes, status: bytes = b"200 OK") -> None:
        """Send a whole response with a content length."""
        head = [b"HTTP/1.1 " + status, *lines, b"Content-Length: %d" % len(body)]
        self.send(b"\r\n".join(head) + b"\r\n\r\n" + body)

    def reset(self) -> None:
        """End the connection with a TCP reset."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
        self.socket.close()

    def wait_for_end(self) -> None:
        """Return once the client has ended the connection."""
        try:
            while self.socket.recv(65536):
                pass
        except OSError:
            pass


class Peer:
    """A server on 127.0.0.1."""

    def __init__(self, handle: Callable[[Connection], object]) -> None:
        self.requests: list[bytes] = []
        self.connections = 0
        self.failures: list[BaseException] = []
        self.released = threading.Event()
        self._handle = handle
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._acceptor = threading.Thread(target=self._accept, daemon=True)
        self._acceptor.start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/mcp"

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            plain.settimeout(LIMIT)
            self._open.append(plain)
            thread = threading.Thread(target=self._serve, args=(plain,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, plain: socket.socket) -> None:
        with plain:
            try:
                self._handle(Connection(plain, self))
            except OSError:
                pass  # the client went away, which many tests want
            except BaseException as error:
                self.failures.append(error)

    def close(self) -> None:
        self.released.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._acceptor.join(LIMIT)
        for plain in self._open:
            with contextlib.suppress(OSError):
                plain.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(LIMIT)
        assert not any(thread.is_alive() for thread in self._threads)
        if self.failures:
            raise self.failures[0]


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[Connection], object]], Peer]]:
    """Start servers: `serve(handle)` calls `handle(connection)` in a thread for each connection."""
    peers: list[Peer] = []

    def start(handle: Callable[[Connection], object]) -> Peer:
        peers.append(Peer(handle))
        return peers[-1]

    yield start
    for peer in peers:
        peer.close()
