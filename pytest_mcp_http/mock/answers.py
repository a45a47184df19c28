"""What a mock sends back, part by part: bytes, and what happens between them.

Sans-IO. Whoever has the connection decides how the parts get on their way.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from typing import Any

from pytest_mcp_http.wire import jsonrpc
from pytest_mcp_http.wire.exchange import JSON_TYPE, SSE_TYPE


@dataclass(frozen=True, slots=True)
class Pause:
    """Send nothing for so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Until:
    """Send nothing until a condition holds, or for so many seconds at most."""

    condition: Callable[[], bool]
    seconds: float


class Mark(Enum):
    """What can happen to a connection instead of bytes."""

    CUT = "cut"
    """Close the connection although the response is not complete."""
    HOLD = "hold"
    """Keep the connection open until the client closes it or the server ends."""


CUT = Mark.CUT
HOLD = Mark.HOLD

Part = bytes | Pause | Until | Mark


@dataclass(frozen=True)
class Answer:
    """One HTTP response.

    Attributes:
        status: HTTP status code; None for no response at all.
        headers: Header lines. Length and transfer coding are added by whoever sends the answer.
        parts: The body, in the order in which it is sent.
        message: The JSON-RPC response in it; `ABSENT` if there is none.
    """

    status: int | None = 200
    headers: tuple[tuple[str, str], ...] = ()
    parts: tuple[Part, ...] = ()
    message: Any = jsonrpc.ABSENT

    @property
    def body(self) -> bytes:
        """The bytes of all parts, as a reader without a clock sees them."""
        return b"".join(part for part in self.parts if isinstance(part, bytes))

    def with_headers(self, *lines: tuple[str, str]) -> Answer:
        """Return the same answer with more header lines."""
        return replace(self, headers=(*self.headers, *lines))


def json_answer(message: Any, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    """Return an answer whose body is one JSON value."""
    return Answer(status, (("Content-Type", JSON_TYPE), *headers), (jsonrpc.encode(message),), message)


def sse_answer(
    message: Any, *parts: Part, status: int = 200, headers: tuple[tuple[str, str], ...] = ()
) -> Answer:
    """Return an answer that is an event stream.

    Args:
        message: The JSON-RPC response that the parts hold, or `ABSENT`.
        parts: The body.
        status: HTTP status code.
        headers: More header lines.
    """
    lines = (("Content-Type", SSE_TYPE), ("Cache-Control", "no-cache"), *headers)
    return Answer(status, lines, parts, message)


def sse_event(
    data: Any = jsonrpc.ABSENT,
    *,
    id: str | None = None,
    retry: int | None = None,
    line_end: str = "\n",
    data_lines: bool = False,
) -> bytes:
    r"""Write one block of an event stream.

    Args:
        data: A JSON value, or the text itself; `ABSENT` for a block without data.
        id: Event id.
        retry: Reconnection time in milliseconds.
        line_end: `\n`, `\r\n` or `\r`.
        data_lines: Spread the JSON over several data lines, which is the same JSON.
    """
    lines = [f"id: {id}"] if id is not None else []
    if retry is not None:
        lines.append(f"retry: {retry}")
    if isinstance(data, str):
        lines += [f"data: {line}" for line in data.split("\n")]
    elif data is not jsonrpc.ABSENT:
        # Line breaks between the members are white space of JSON, so the joined lines are the same value.
        text = json.dumps(data, ensure_ascii=False, indent=0) if data_lines else jsonrpc.encode(data).decode()
        lines += [f"data: {line}" for line in text.split("\n")]
    return (line_end.join([*lines, "", ""])).encode()
