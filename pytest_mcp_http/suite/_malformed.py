"""Bodies that are no JSON-RPC message or break the protocol, and what the server made of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pytest_mcp_http.errors import NotVerified
from pytest_mcp_http.suite._probes import refused_by_others
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire import jsonrpc
from pytest_mcp_http.wire.exchange import Exchange

UNREADABLE: Mapping[str, bytes] = {
    "truncated": b'{"jsonrpc":',
    "words": b"this is not JSON",
    "single quotes": b"{'jsonrpc': '2.0', 'method': 'ping'}",
    "unclosed array": b'[{"jsonrpc":"2.0","method":"ping"},',
}
"""Bodies that are no JSON; none holds an id that could be read."""

NO_MESSAGE: Mapping[str, Any] = {
    "number": 1,
    "string": "x",
    "null": None,
    "true": True,
    "empty object": {},
    "foreign object": {"hello": "world"},
    "version 1.0": {"jsonrpc": "1.0", "id": "i-1", "method": "ping"},
    "version absent": {"id": "i-2", "method": "ping"},
    "method number": {"jsonrpc": "2.0", "id": "i-3", "method": 5},
    "method null": {"jsonrpc": "2.0", "id": "i-4", "method": None},
    "id only": {"jsonrpc": "2.0", "id": "i-5"},
}
"""JSON values that are no JSON-RPC message."""


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


def unreadable(tour: Tour) -> list[Answer]:
    """Return what bodies that are no JSON got, in a session that works."""
    return tour.memo("unreadable-bodies", lambda: _post_all(tour, UNREADABLE))


def no_messages(tour: Tour) -> list[Answer]:
    """Return what JSON values that are no message got, in a session that works."""
    return tour.memo(
        "no-messages", lambda: _post_all(tour, {k: jsonrpc.encode(v) for k, v in NO_MESSAGE.items()})
    )


def wrong_params(tour: Tour) -> list[Answer]:
    """Return what requests with params of the wrong shape got; none names anything that could run."""

    def probe() -> list[Answer]:
        methods: dict[str, tuple[str, Any]] = {"params text": ("ping", "x"), "params number": ("ping", 5)}
        if "prompts" in tour.capabilities:
            methods["prompts/get without name"] = ("prompts/get", {})
            methods["prompts/get with name 5"] = ("prompts/get", {"name": 5})
        if "resources" in tour.capabilities:
            methods["resources/read with uri 5"] = ("resources/read", {"uri": 5})
            methods["resources/read without uri"] = ("resources/read", {})
        if "tools" in tour.capabilities:
            methods["tools/call without name"] = ("tools/call", {"arguments": {}})
            # An object can be no tool's name, however a server converts it.
            methods["tools/call with an object as name"] = ("tools/call", {"name": {}, "arguments": {}})
        bodies = {
            name: jsonrpc.encode(jsonrpc.request(method, params, id=f"p-{i}"))
            for i, (name, (method, params)) in enumerate(methods.items())
        }
        return _post_all(tour, bodies)

    return tour.memo("wrong-params", probe)


def _post_all(tour: Tour, bodies: Mapping[str, bytes]) -> list[Answer]:
    with tour.session() as client:
        tour.require(client.request("ping"), "ping before the malformed bodies")
        answers = [Answer(name, client.post(body)) for name, body in bodies.items()]
        if len(bodies) == 1 or client.request("ping").result is not None:
            return answers
    # One of them ended the session, so what came after it was refused for another reason: a session for each.
    return [answer for name, body in bodies.items() for answer in _post_all(tour, {name: body})]
