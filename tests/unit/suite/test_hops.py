"""What a hop changes: which header lines count, and which legally differ."""

from __future__ import annotations

import pytest

from pytest_mcp_http.suite._hops import Pair, grouped, header_differences, other_outcomes, outcome
from pytest_mcp_http.wire.exchange import Chunk, End, Exchange, Request
from pytest_mcp_http.wire.headers import Headers

REQUEST = Request("POST", "http://h/mcp", Headers(()), b"{}")


def response(*lines: tuple[str, str], status: int | None = 200, body: bytes = b"") -> Exchange:
    return Exchange(REQUEST, status, headers=Headers(lines), chunks=(Chunk(body, 0.0),) if body else ())


def differences(
    through: list[tuple[str, str]],
    direct: list[tuple[str, str]],
    again: list[tuple[str, str]] | None = None,
) -> list[tuple[str, str]]:
    pair = Pair("ping", response(*through), response(*direct), response(*(again or direct)))
    return [(each.kind, each.name) for each in header_differences(pair)]


@pytest.mark.parametrize(
    ("through", "direct", "expected"),
    [
        ([], [("Mcp-Session-Id", "a")], [("dropped", "mcp-session-id")]),
        ([("content-type", "text/html")], [("Content-Type", "text/plain")], [("changed", "content-type")]),
        ([("A", "1"), ("a", "1")], [("a", "1")], [("doubled", "a")]),
        ([("Mcp-Session-Id", "a, a")], [("Mcp-Session-Id", "a")], [("changed", "mcp-session-id")]),
        (
            [("Access-Control-Allow-Origin", "*"), ("Access-Control-Allow-Origin", "http://x")],
            [("Access-Control-Allow-Origin", "http://x")],
            [("doubled", "access-control-allow-origin")],
        ),
        (
            [("Access-Control-Allow-Origin", "*"), ("Access-Control-Allow-Origin", "*")],
            [],
            [("doubled", "access-control-allow-origin")],
        ),
        ([("Content-Encoding", "gzip")], [], [("added", "content-encoding")]),
        ([("Vary", "Origin"), ("Vary", "Accept-Encoding")], [("Vary", "Origin")], [("added", "vary")]),
        ([("X-B", "2"), ("X-A", "1")], [("x-a", "1"), ("x-b", "2")], []),
    ],
    ids=["dropped", "changed", "doubled", "joined", "two-values", "both-added", "added", "list", "order"],
)
def test_what_became_of_a_line(
    through: list[tuple[str, str]], direct: list[tuple[str, str]], expected: list[tuple[str, str]]
) -> None:
    assert differences(through, direct) == expected


@pytest.mark.parametrize(
    ("through", "direct", "again"),
    [
        (
            [("Date", "a"), ("Server", "nginx"), ("Via", "1.1 x")],
            [("Date", "b"), ("Server", "uvicorn")],
            None,
        ),
        ([("Transfer-Encoding", "chunked")], [("Content-Length", "7")], None),
        ([("Connection", "close")], [("Connection", "keep-alive"), ("Keep-Alive", "timeout=5")], None),
        ([("X-Request-Id", "1")], [("X-Request-Id", "2")], [("X-Request-Id", "3")]),
        ([], [("X-Now-And-Then", "1")], [("X-Other", "1")]),
        ([], [("X-Accel-Buffering", "no")], None),
    ],
    ids=["of-the-hop", "framing", "connection", "restless", "sometimes", "addressed-to-it"],
)
def test_what_legally_differs(
    through: list[tuple[str, str]], direct: list[tuple[str, str]], again: list[tuple[str, str]] | None
) -> None:
    assert differences(through, direct, again) == []


def test_secrets_are_not_shown() -> None:
    secret = "5up3r-s3cr3t"
    direct = response(("Set-Cookie", f"a={secret}"), ("Mcp-Session-Id", secret), ("X-Plain", "seen"))
    direct = response(*direct.headers.lines, ("Location", f"http://h/login?token={secret}"))
    lines = list(grouped(header_differences(Pair("ping", response(), direct, direct))))
    assert len(lines) == 4
    assert secret not in str(lines)
    assert "seen" in str(lines)


def test_long_and_odd_values_are_shown_safely() -> None:
    direct = response(("X-Long", "\x1b[31m" + "x" * 1000))
    (line,) = grouped(header_differences(Pair("ping", response(), direct, direct)))
    assert len(line) < 150
    assert "\x1b" not in line


def test_outcomes_differ_only_if_the_server_is_sure() -> None:
    ok, gone = response(), response(status=404)
    assert other_outcomes([Pair("ping", gone, ok, ok)])
    assert not other_outcomes([Pair("ping", gone, ok, gone)])
    assert not other_outcomes([Pair("ping", ok, ok, ok)])
    packed = response(("Content-Encoding", "gzip"), ("Content-Type", "application/json"), body=b"\x1f\x8b")
    json = response(("Content-Type", "application/json"), body=b'{"jsonrpc":"2.0","id":1,"result":{}}')
    assert not other_outcomes([Pair("ping", packed, json, json)])


@pytest.mark.parametrize(
    ("exchange", "words"),
    [
        (Exchange(REQUEST, end=End.RESET), "no response (reset)"),
        (
            response(("Content-Type", "application/json"), body=b'{"jsonrpc":"2.0","id":1,"result":{}}'),
            "HTTP 200 with a result",
        ),
        (
            response(
                ("Content-Type", "application/json"),
                status=404,
                body=b'{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":""}}',
            ),
            "HTTP 404 with JSON-RPC error -32601",
        ),
        (response(("Content-Type", "text/event-stream")), "HTTP 200 with a stream"),
        (Exchange(REQUEST, 200, end=End.RESET), "HTTP 200, cut short"),
    ],
)
def test_outcomes_in_words(exchange: Exchange, words: str) -> None:
    assert outcome(exchange) == words
