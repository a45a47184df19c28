from __future__ import annotations

import base64
import json

import pytest

from pytest_mcp_http.report.masking import Secrets, mask_url, visible
from pytest_mcp_http.report.transcript import transcript, transcript_lines
from pytest_mcp_http.wire.exchange import Chunk, End, Exchange, Request
from pytest_mcp_http.wire.headers import Headers

TOKEN = "Bearer s3cr3t-t0ken"


def exchange(
    body: bytes = b"",
    *,
    sent: bytes = b"",
    request_headers: tuple[tuple[str, str], ...] = (),
    headers: tuple[tuple[str, str], ...] = (("content-type", "application/json"),),
    url: str = "http://127.0.0.1:8001/mcp",
    secrets: frozenset[str] = frozenset(),
    end: End = End.EOF,
    detail: str = "",
    status: int | None = 200,
    reason: str = "OK",
) -> Exchange:
    return Exchange(
        request=Request("POST", url, Headers(request_headers), sent, secrets),
        status=status,
        reason=reason,
        headers=Headers(headers),
        chunks=(Chunk(body, 0.01),) if body else (),
        end=end,
        detail=detail,
        ended_at=0.25,
    )


def lines(shown: Exchange, limit: int = 2000) -> list[str]:
    return transcript_lines(transcript(shown, limit=limit))


def test_lines_of_an_ordinary_exchange() -> None:
    shown = exchange(
        b'{"jsonrpc":"2.0",\n"id":1,"result":{}}\n',
        sent=b'{"jsonrpc":"2.0","id":1,"method":"ping"}',
        request_headers=(("Accept", "application/json"), ("Authorization", TOKEN)),
        headers=(
            ("content-type", "application/json"),
            ("X-Twice", "1"),
            ("x-twice", "2"),
            ("Set-Cookie", "a=b"),
        ),
    )
    assert lines(shown) == [
        "* http://127.0.0.1:8001/mcp",
        "> POST /mcp HTTP/1.1",
        "> Accept: application/json",
        "> Authorization: ***",
        ">",
        '> {"jsonrpc":"2.0","id":1,"method":"ping"}',
        "< HTTP 200 OK",
        "< content-type: application/json",
        "< X-Twice: 1",
        "< x-twice: 2",
        "< Set-Cookie: ***",
        "<",
        '< {"jsonrpc":"2.0",',
        '< "id":1,"result":{}}',
        "* response complete after 0.250 s",
    ]


def test_lines_of_a_stream_say_when_its_events_came() -> None:
    shown = Exchange(
        request=Request("GET", "http://h/mcp", Headers([("Accept", "text/event-stream")])),
        status=200,
        headers=Headers([("Content-Type", "text/event-stream")]),
        chunks=(Chunk(b"id: 1\ndata:\n\n", 0.1), Chunk(b"data: {}\r\n", 0.2), Chunk(b"\r\n", 0.3)),
        end=End.STOPPED,
        ended_at=1.0,
    )
    assert lines(shown)[5:] == [
        "< Content-Type: text/event-stream",
        "<",
        "< id: 1",
        "< data:",
        "<",
        r"< data: {}\r",
        r"< \r",
        "* 2 events: message at 0.100 s, message at 0.300 s",
        "* closed by us after 1.000 s",
    ]


def test_lines_without_a_response() -> None:
    shown = exchange(status=None, end=End.TIMEOUT, detail="no response head within 10 s", headers=())
    assert lines(shown) == [
        "* http://127.0.0.1:8001/mcp",
        "> POST /mcp HTTP/1.1",
        ">",
        "* no response, timed out after 0.250 s: no response head within 10 s",
    ]


def test_transcript_is_plain_json() -> None:
    shown = transcript(exchange(b"\xff\x00", sent=b"\xed\xa0\x80"))
    assert json.loads(json.dumps(shown)) == shown


@pytest.mark.parametrize(
    ("name", "value", "echo"),
    [
        ("Authorization", TOKEN, TOKEN),
        ("Authorization", TOKEN, "s3cr3t-t0ken"),
        ("Proxy-Authorization", "abcd", "abcd"),
        ("Authorization", "Basic " + base64.b64encode(b"me:pa55word").decode(), "pa55word"),
        ("Cookie", "a=1; sid=0123456789", "0123456789"),
        ("X-API-Key", "k3y/with+signs", "k3y/with+signs"),
        ("X-API-Key", "k3y/with+signs", "k3y%2Fwith%2Bsigns"),
        ("X-API-Key", "k3y/with+signs", "k3y\\/with+signs"),
        ("X-API-Key", 'quo"ted', 'quo\\"ted'),
        ("X-Tenant", "blue-tenant", "blue-tenant"),
    ],
)
def test_secret_is_masked_wherever_it_turns_up(name: str, value: str, echo: str) -> None:
    shown = exchange(
        f'{{"echo": "{echo}"}}'.encode(),
        sent=f'{{"echo": "{echo}"}}'.encode(),
        request_headers=((name, value), ("X-Other", f"<{echo}>")),
        headers=(("X-Echo", f"<{echo}>"), (name, "whatever")),
        url=f"http://h/{echo}/mcp",
        secrets=frozenset({"x-tenant"}),
        end=End.RESET,
        detail=f"broken at {echo}",
        reason=echo,
    )
    text = "\n".join(lines(shown))
    assert echo not in text
    assert value not in text
    assert "whatever" not in text
    assert text.count('{"echo": "***"}') == 2
    assert text.count(": <***>") == 2
    assert "broken at ***" in text


def test_response_cookie_is_masked_in_the_body_too() -> None:
    shown = exchange(b"sid is 0123456789", headers=(("Set-Cookie", "sid=0123456789; Path=/"),))
    text = "\n".join(lines(shown))
    assert "0123456789" not in text
    assert "< sid is ***" in text


def test_short_value_is_masked_in_its_header_only() -> None:
    shown = exchange(b"a cat", request_headers=(("X-API-Key", "cat"),))
    assert "> X-API-Key: ***" in lines(shown)
    assert "< a cat" in lines(shown)


def test_secret_at_the_cut_is_masked() -> None:
    shown = exchange(b"x" * 8 + b"s3cr3t-t0ken" * 3, request_headers=(("Authorization", TOKEN),))
    assert "s3cr" not in "\n".join(lines(shown, limit=12))


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("http://h/mcp", "http://h/mcp"),
        ("https://user:pass@h:1/mcp?a=b&c&d=#f", "https://***@h:1/mcp?a=***&***&d="),
        ("http://h?token=x=y", "http://h?token=***"),
        ("http://[::1]:80/@/mcp", "http://[::1]:80/@/mcp"),
        ("user@h", "***@h"),
        ("", ""),
    ],
)
def test_mask_url(url: str, masked: str) -> None:
    assert mask_url(url) == masked


def test_url_secrets_are_masked_in_the_rest() -> None:
    shown = exchange(b"pa55 and 0123456789", url="http://me:pa55@h/mcp?key=0123456789&mode=json")
    assert lines(shown)[:2] == [
        "* http://***@h/mcp?key=***&mode=***",
        "> POST /mcp?key=***&mode=*** HTTP/1.1",
    ]
    assert "< *** and ***" in lines(shown)


@pytest.mark.parametrize(
    ("url", "line"),
    [
        ("http://h", "POST / HTTP/1.1"),
        ("http://h?a=b", "POST /?a=*** HTTP/1.1"),
        ("http://h/x/y", "POST /x/y HTTP/1.1"),
    ],
)
def test_request_line(url: str, line: str) -> None:
    assert transcript(exchange(url=url))["request"]["line"] == line


def test_long_body_is_cut_between_characters() -> None:
    shown = transcript(exchange("\u65e5\u672c\u8a9e".encode() * 1000), limit=2000)
    body = shown["response"]["body"]
    assert body["text"] == "\u65e5\u672c\u8a9e" * 222
    assert (body["bytes"], body["rest"]) == (9000, 7002)
    assert "* 7,002 more bytes of body (9,000 in all)" in transcript_lines(shown)


def test_default_limit_is_2000_bytes() -> None:
    body = transcript(exchange(b"x" * 2001))["response"]["body"]
    assert (len(body["text"]), body["rest"]) == (2000, 1)


def test_hostile_server_cannot_reach_the_terminal() -> None:
    shown = exchange(
        b"\x1b[2J\x9b\xc2\x9b31m\xff\x00\r\n\xe2\x80\xae\xef\xbb\xbf",
        headers=(("X-Evil\x1b", "\x1b]0;owned\x07"),),
        reason="OK\x1b[0m",
        end=End.NOT_HTTP,
        detail="bad \x1b line\nnext",
    )
    text = lines(shown)
    assert all(line.isprintable() for line in text)
    assert r"< X-Evil\x1b: \x1b]0;owned\x07" in text
    assert r"< \x1b[2J\x9b\x9b31m\xff\x00\r" in text
    assert r"< \u202e\ufeff" in text
    assert r"bad \x1b line\nnext" in text[-1]


def test_lines_of_a_body_cannot_look_like_ours() -> None:
    assert "< * response complete" in lines(exchange(b"x\n* response complete"))


def test_compressed_body_is_not_shown() -> None:
    shown = transcript(exchange(b"\x1f\x8b", headers=(("Content-Encoding", "gzip"),)))
    assert shown["response"]["body"] == {"text": "(content coding gzip: not shown)", "bytes": 2, "rest": 0}


def test_many_and_long_header_lines_are_cut() -> None:
    text = lines(exchange(headers=tuple((f"h{number}", "x" * 5000) for number in range(1000))))
    assert len(text) < 70
    assert "< ...: 940 more header lines" in text
    assert all(len(line) < 1100 for line in text)


def test_visible_keeps_ordinary_text() -> None:
    assert visible("h\u00e9llo \u65e5\u672c \U0001f600\t") == "h\u00e9llo \u65e5\u672c \U0001f600\t"
    assert visible("\ud800\x85\u2028") == r"\ud800\x85\u2028"


def test_mask_of_any_text() -> None:
    secrets = Secrets.of(exchange(request_headers=(("Authorization", TOKEN),)))
    assert secrets.mask("he said s3cr3t-t0ken \ud800") == "he said *** \ud800"
