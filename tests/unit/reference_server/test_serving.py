from __future__ import annotations

import socket
from typing import Any

from reference_server import _layers as layers
from reference_server._context import RAW_HEAD

BODY = b'{"jsonrpc":"2.0","id":1,"method":"ping"}'


def test_heads_are_kept_as_they_were_written(serve: Any) -> None:
    heads: list[bytes] = []

    async def note(call: layers.Call) -> None:
        heads.append(call.scope["state"][RAW_HEAD])
        await call.answer(202)

    endpoint = serve("stateless", layers.handle(note))
    host, port = endpoint.url.split("/")[2].split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        for name in (b"First", b"SECOND"):
            head = b"POST /mcp HTTP/1.1\r\nHost: %b\r\n%b:  a \t\r\nContent-Length: %d" % (
                host.encode(),
                name,
                len(BODY),
            )
            # The head comes in two pieces, and the body after it.
            connection.sendall(head[:30])
            connection.sendall(head[30:] + b"\r\n\r\n" + BODY[:10])
            connection.sendall(BODY[10:])
            assert connection.recv(4096).startswith(b"HTTP/1.1 202")
            assert heads.pop() == head
