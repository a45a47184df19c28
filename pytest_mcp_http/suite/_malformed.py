"""Bodies that are no JSON-RPC message or break the protocol, and what the server made of them.

Each is a message that the server serves, with one thing broken. Its headers are those of the unbroken one, so
that they are not what is wrong with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pytest_mcp_http.client import McpClient
from pytest_mcp_http.errors import NotVerified
from pytest_mcp_http.suite._probes import refused_by_others
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.visit import UNKNOWN_NAME, UNKNOWN_URI
from pytest_mcp_http.wire import jsonrpc
from pytest_mcp_http.wire.exchange import Exchange
from pytest_mcp_http.wire.mirror import mirrored

UNREADABLE: Mapping[str, bytes] = {
    "truncated": b'{"jsonrpc":',
    "words": b"this is not JSON",
    "single quotes": b"{'jsonrpc': '2.0', 'method': 'ping'}",
    "unclosed array": b'[{"jsonrpc":"2.0","method":"ping"},',
}
"""Bodies that are no JSON; none holds an id that could be read."""

Json = dict[str, Any]


def without(name: str) -> Callable[[Json], Json]:
    """Return a change that removes a member of a message."""
    return lambda message: {key: value for key, value in message.items() if key != name}


NO_MESSAGE: Mapping[str, Callable[[Json], object]] = {
    "number": lambda _: 1,
    "string": lambda _: "x",
    "null": lambda _: None,
    "true": lambda _: True,
    "empty object": lambda _: {},
    "foreign object": lambda _: {"hello": "world"},
    "version 1.0": lambda message: {**message, "jsonrpc": "1.0"},
    "version absent": without("jsonrpc"),
    "method number": lambda message: {**message, "method": 5},
    "method null": lambda message: {**message, "method": None},
    "method absent": without("method"),
}
"""What makes a JSON value that is no JSON-RPC message of one that is."""

WRONG_PARAMS: Mapping[str, tuple[tuple[str, str, object, Json], ...]] = {
    "prompts": (
        ("prompts/get without name", "prompts/get", {}, {"name": UNKNOWN_NAME}),
        ("prompts/get with name 5", "prompts/get", {"name": 5}, {"name": UNKNOWN_NAME}),
    ),
    "resources": (
        ("resources/read with uri 5", "resources/read", {"uri": 5}, {"uri": UNKNOWN_URI}),
        ("resources/read without uri", "resources/read", {}, {"uri": UNKNOWN_URI}),
    ),
    "tools": (
        ("tools/call without name", "tools/call", {"arguments": {}}, {"name": UNKNOWN_NAME}),
        # An object can be no tool's name, however a server converts it.
        (
            "tools/call with an object as name",
            "tools/call",
            {"name": {}, "arguments": {}},
            {"name": UNKNOWN_NAME},
        ),
    ),
}
"""By capability: what is special, the method, params of the wrong shape, and params whose headers it gets.

None names anything that could run.
"""


@dataclass(frozen=True)
class Answer:
    """What one body got.

    Attributes:
        name: What was special about it.
        exchange: The exchange.
    """

    name: str
    exchange: Exchange

    def checked(self) -> Exchange:
        """Return the exchange.

        Raises:
            NotVerified: If authentication, a rate limit or the like answered in place of the server.
        """
        refused_by_others(self.exchange)
        if self.exchange.status == 403:
            raise NotVerified(f"something in front of the server may have refused: {self.exchange.summary}")
        return self.exchange

    def coded(self) -> Exchange:
        """Return the exchange if no error in it has a malformed code, which is judged elsewhere.

        Raises:
            NotVerified: If one has, or something else answered in place of the server.
        """
        for message in self.checked().messages:
            if message.error is not jsonrpc.ABSENT and message.error is not None:
                code = message.error.get("code") if isinstance(message.error, dict) else None
                if not isinstance(code, int) or isinstance(code, bool):
                    raise NotVerified(f"{self.name}: the error has no integer code")
        return self.exchange


@dataclass(frozen=True)
class Broken:
    """A body with one thing broken.

    Attributes:
        name: What is special about it.
        body: The body.
        like: The message whose headers it gets.
    """

    name: str
    body: bytes
    like: Json

    def sent_by(self, client: McpClient) -> Answer:
        """Send it and return what it got."""
        headers = mirrored(self.like) if client.dialect.per_request else {}
        return Answer(self.name, client.post(self.body, headers=headers))


def unreadable(tour: Tour) -> list[Answer]:
    """Return what bodies that are no JSON got, in a session that works."""

    def bodies() -> Iterator[Broken]:
        like = tour.client.message(tour.dialect.plain)
        for name, body in UNREADABLE.items():
            yield Broken(name, body, like)

    return tour.memo("unreadable-bodies", lambda: sent_all(tour, bodies()))


def no_messages(tour: Tour) -> list[Answer]:
    """Return what JSON values that are no message got, in a session that works."""

    def bodies() -> Iterator[Broken]:
        for number, (name, change) in enumerate(NO_MESSAGE.items()):
            like = tour.client.message(tour.dialect.plain, id=f"i-{number}")
            yield Broken(name, jsonrpc.encode(change(like)), like)

    return tour.memo("no-messages", lambda: sent_all(tour, bodies()))


def wrong_params(tour: Tour) -> list[Answer]:
    """Return what requests with params of the wrong shape got."""

    def bodies() -> Iterator[Broken]:
        plain = tour.dialect.plain
        rows: list[tuple[str, str, object, Json]] = [
            ("params text", plain, "x", {}),
            ("params number", plain, 5, {}),
        ]
        for capability, more in WRONG_PARAMS.items():
            rows += more if capability in tour.capabilities else ()
        for number, (name, method, params, right) in enumerate(rows):
            body = tour.client.message(method, params, id=f"p-{number}")
            yield Broken(name, jsonrpc.encode(body), {"method": method, "params": right})

    return tour.memo("wrong-params", lambda: sent_all(tour, bodies()))


def unwieldy(tour: Tour) -> list[Broken]:
    """Return legal requests that are large, or deeply nested in a member that nobody reads."""

    def padded(pad: object) -> Json:
        return tour.client.message(tour.dialect.plain, meta={"com.example/pad": pad})

    large, deep = padded("x" * 2**20), padded("deep")
    nested = b"[" * 2000 + b"]" * 2000
    return [
        Broken("a string of 1 MiB", jsonrpc.encode(large), large),
        Broken("2000 nested arrays", jsonrpc.encode(deep).replace(b'"deep"', nested), deep),
    ]


def sent_all(tour: Tour, bodies: Iterable[Broken]) -> list[Answer]:
    """Return what bodies got, in a session that works.

    Raises:
        NotVerified: If not even a plain request is served.
    """
    bodies = list(bodies)
    with tour.session() as client:
        tour.require(client.plain(), f"{tour.dialect.plain} before the malformed bodies")
        answers = [body.sent_by(client) for body in bodies]
        if len(bodies) == 1 or client.plain().result is not None:
            return answers
    # One of them ended the session, so what came after it was refused for another reason: a session for each.
    return [answer for body in bodies for answer in sent_all(tour, [body])]
