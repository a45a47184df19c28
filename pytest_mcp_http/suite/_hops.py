"""What a hop between client and server changes: two responses to the same request, compared line by line.

Knows exchanges only. What legally differs from response to response is left out, so that no proxy is accused
of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from pytest_mcp_http.report.masking import ALWAYS_SECRET, mask_url, visible
from pytest_mcp_http.wire import jsonrpc
from pytest_mcp_http.wire.exchange import End, Exchange

Kind = Literal["dropped", "changed", "doubled", "added"]

PER_HOP: Final = frozenset(
    {
        "age",
        "alt-svc",
        "connection",
        "content-length",
        "date",
        "keep-alive",
        "proxy-connection",
        "server",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "via",
    }
)
"""Names of headers that belong to one connection, or to whoever sent the response last."""

TO_THE_PROXY: Final = "x-accel-"
"""How headers begin that a server addresses to its proxy, which takes them out."""

SINGLE: Final = frozenset(
    {
        "access-control-allow-origin",
        "cache-control",
        "content-encoding",
        "content-type",
        "location",
        "mcp-protocol-version",
        "mcp-session-id",
        "www-authenticate",
        "x-accel-buffering",
    }
)
"""Headers that clients read as one line: joined with a comma, two of them are another value."""

UNSHOWN: Final = ("cookie", "session", "token", "key", "secret", "auth")
"""Parts of the names of headers whose values are not shown."""

URLS: Final = ("location", "content-location", "link")
"""Headers whose values are URLs, of which queries are masked."""

LONGEST: Final = 60
"""Characters that are shown of a value."""


@dataclass(frozen=True)
class Pair:
    """What the same request got through the proxy and past it.

    Attributes:
        what: What was sent.
        through: What came through the proxy.
        direct: What came past it.
        again: What came past it the second time; what differs here differs by itself.
    """

    what: str
    through: Exchange
    direct: Exchange
    again: Exchange


@dataclass(frozen=True)
class Difference:
    """One header that is another one behind the proxy.

    Attributes:
        kind: What became of it.
        name: Its name in lower case.
        before: Its values past the proxy.
        after: Its values through the proxy.
        pair: Where that was seen.
    """

    kind: Kind
    name: str
    before: tuple[str, ...]
    after: tuple[str, ...]
    pair: Pair

    def __str__(self) -> str:
        before, after = _shown(self.name, self.before), _shown(self.name, self.after)
        if self.kind == "dropped":
            return f"{self.name} is dropped (the server sent {before})"
        if self.kind == "added":
            return f"{self.name} is added ({after})"
        verb = "comes more than once" if self.kind == "doubled" else "is changed"
        return f"{self.name} {verb} ({before} became {after})"


def _shown(name: str, values: tuple[str, ...]) -> str:
    if name in ALWAYS_SECRET or any(part in name for part in UNSHOWN):
        return "one line" if len(values) == 1 else f"{len(values)} lines"
    shown = (mask_url(value) if name in URLS else value for value in values)
    text = " and ".join(repr(visible(value)) for value in shown)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."


def header_differences(pair: Pair) -> Iterator[Difference]:
    """Yield what became of each header line of the server, and what came to them."""
    before, again, after = (_lines(each) for each in (pair.direct, pair.again, pair.through))
    for name, values in before.items():
        found = after.get(name, ())
        restless = again.get(name) != values  # an id, a date, a nonce: only whether it is there counts
        if not found:
            if name in again:
                yield Difference("dropped", name, values, (), pair)
        elif len(found) > len(values) and (name in SINGLE or len(set(found)) < len(found)):
            yield Difference("doubled", name, values, found, pair)
        elif not restless and sorted(found) != sorted(values):
            kind: Kind = "added" if set(values) < set(found) and name not in SINGLE else "changed"
            yield Difference(kind, name, values, found, pair)
    for name, found in after.items():
        if name not in before and name not in again:
            kind = "doubled" if name in SINGLE and len(found) > 1 else "added"
            yield Difference(kind, name, (), found, pair)


def _lines(exchange: Exchange) -> dict[str, tuple[str, ...]]:
    names = dict.fromkeys(name.lower() for name, _ in exchange.headers)
    return {
        name: tuple(exchange.headers.get_all(name))
        for name in names
        if name not in PER_HOP and not name.startswith(TO_THE_PROXY)
    }


def outcome(exchange: Exchange) -> str:
    """Return in a few words what a request got: its status, and what kind of answer stood in the body."""
    if exchange.status is None:
        return f"no response ({exchange.end.value})"
    found = f"HTTP {exchange.status}"
    if exchange.error is not None:
        return f"{found} with JSON-RPC error {exchange.error.get('code')}"
    if exchange.response is not None:
        return f"{found} with a result"
    if exchange.end in (End.RESET, End.NOT_HTTP):
        return f"{found}, cut short"
    return f"{found} with a stream" if exchange.is_sse else found


def other_outcomes(pairs: Iterable[Pair]) -> list[Pair]:
    """Return the requests that got something else through the proxy, each time the same past it."""
    return [
        pair
        for pair in pairs
        if outcome(pair.through) != outcome(pair.direct) == outcome(pair.again) and _readable(pair.through)
    ]


def _readable(exchange: Exchange) -> bool:
    """Tell whether a body can be read here; one that the proxy compressed is another finding."""
    return "content-encoding" not in exchange.headers


def grouped(differences: Iterable[Difference]) -> dict[str, list[str]]:
    """Return each difference as a line, with what it was seen with."""
    found: dict[str, list[str]] = {}
    for each in differences:
        found.setdefault(str(each), []).append(each.pair.what)
    return found


def method_of(exchange: Exchange) -> str:
    """Return the JSON-RPC method of a request, or its HTTP method."""
    sent = exchange.request.message
    if sent is not None and sent.kind in (jsonrpc.Kind.REQUEST, jsonrpc.Kind.NOTIFICATION):
        return str(sent.method)
    return exchange.request.method
