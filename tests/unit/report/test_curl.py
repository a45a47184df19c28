"""The printed command line sends the same bytes, as bash, curl and a socket that keeps them judge."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from pytest_mcp_http.report.curl import LONGEST_BODY, quote
from pytest_mcp_http.report.masking import MADE_UP_TOKEN
from pytest_mcp_http.report.transcript import curl
from pytest_mcp_http.wire.exchange import Request
from pytest_mcp_http.wire.headers import Headers

needs_bash = pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
needs_curl = pytest.mark.skipif(
    shutil.which("bash") is None or shutil.which("curl") is None, reason="bash or curl is not installed"
)
URL = "http://127.0.0.1:8001/mcp"
TOKEN = "Bearer s3cr3t-t0ken"


def request(
    method: str = "POST",
    headers: tuple[tuple[str, str], ...] = (),
    body: bytes = b"",
    *,
    url: str = URL,
    secrets: frozenset[str] = frozenset(),
) -> Request:
    return Request(method, url, Headers(headers), body, secrets)


class Keeper:
    """A server that keeps the bytes of one request and answers 204."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(20)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/mcp"
        self.kept = b""
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            connection, _ = self._listener.accept()
            with connection:
                connection.settimeout(20)
                while not self._complete():
                    data = connection.recv(65536)
                    if not data:
                        return
                    self.kept += data
                connection.sendall(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")

    def _complete(self) -> bool:
        head, separator, body = self.kept.partition(b"\r\n\r\n")
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        return bool(separator) and len(body) >= (int(length[1]) if length else 0)

    def close(self) -> None:
        # Wakes accept() if nobody ever came.
        self._listener.close() if self.kept else self._wake()
        self._thread.join(25)
        self._listener.close()

    def _wake(self) -> None:
        with contextlib.suppress(OSError):
            socket.create_connection(self._listener.getsockname(), timeout=5).close()


@pytest.fixture
def keeper() -> Iterator[Keeper]:
    server = Keeper()
    yield server
    server.close()


def run(line: str, cwd: Path, variables: dict[str, str] | None = None) -> subprocess.CompletedProcess[bytes]:
    plain = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return subprocess.run(
        ["bash", "-c", line],
        env={**plain, **(variables or {})},
        cwd=cwd,
        capture_output=True,
        timeout=30,
        check=False,
    )


def received(keeper: Keeper) -> tuple[bytes, list[bytes], bytes]:
    head, _, body = keeper.kept.partition(b"\r\n\r\n")
    first, *headers = head.split(b"\r\n")
    return first, headers, body


def test_line_of_an_ordinary_post() -> None:
    shown = curl(
        request(
            headers=(
                ("Accept", "application/json, text/event-stream"),
                ("Content-Type", "application/json"),
                ("Authorization", TOKEN),
            ),
            body=b'{"jsonrpc":"2.0","id":1,"method":"ping"}',
        ),
        max_time=5,
    )
    assert shown == (
        "curl --include --max-time 5 --no-buffer --request POST "
        "--header 'Accept: application/json, text/event-stream' --header 'Content-Type: application/json' "
        '--header "Authorization: $MCP_AUTHORIZATION" --header User-Agent: '
        """--data-binary '{"jsonrpc":"2.0","id":1,"method":"ping"}' http://127.0.0.1:8001/mcp"""
    )


def test_only_streams_are_unbuffered() -> None:
    assert "--no-buffer" not in curl(request(headers=(("Accept", "application/json"),)))


def test_secrets_are_variables_wherever_they_stand() -> None:
    shown = curl(
        request(
            headers=(("Authorization", TOKEN), ("X-Tenant", "blue-tenant"), ("X-Echo", "is s3cr3t-t0ken")),
            body=b'{"token":"s3cr3t-t0ken","tenant":"blue-tenant"}',
            url=f"{URL}?key=0123456789&x",
            secrets=frozenset({"x-tenant"}),
        )
    )
    assert "s3cr3t" not in shown
    assert "blue-tenant" not in shown
    assert "0123456789" not in shown
    assert '--header "X-Tenant: $MCP_X_TENANT"' in shown
    assert """--header 'X-Echo: is '"${MCP_AUTHORIZATION#* }" """ in shown
    assert """'{"token":"'"${MCP_AUTHORIZATION#* }"'","tenant":"'"$MCP_X_TENANT"'"}'""" in shown
    assert shown.endswith("""http://127.0.0.1:8001/mcp'?key='"$MCP_QUERY_KEY"'&'"$MCP_QUERY\"""")


def test_two_values_of_one_secret_header_have_two_variables() -> None:
    shown = curl(request("GET", (("Cookie", "a=1"), ("cookie", "b=2"), ("Cookie", "a=1"))))
    assert re.findall(r"\$\w+", shown) == ["$MCP_COOKIE", "$MCP_COOKIE_2", "$MCP_COOKIE"]


def test_what_is_not_of_the_first_user_says_whose_it_is() -> None:
    lines = (("authorization", TOKEN), ("X-Tenant", "blue-tenant"))
    others = {("authorization", TOKEN): "second user", ("x-tenant", "red-tenant"): "second user"}
    sent = request("GET", lines, url=f"{URL}?key=s3cr3t-t0ken", secrets=frozenset({"x-tenant"}))
    assert re.findall(r"\$\{?(\w+)", curl(sent, others=others)) == [
        "MCP_AUTHORIZATION_SECOND_USER",
        "MCP_X_TENANT",
        "MCP_QUERY_KEY",
    ]
    assert '"authorization: $MCP_AUTHORIZATION"' in curl(sent)
    # What a body repeats of it is that of the same variable.
    echo = request(headers=lines[:1], body=b"s3cr3t-t0ken")
    assert curl(echo, others=others).count("${MCP_AUTHORIZATION_SECOND_USER#* }") == 1
    # Two secrets never share a variable.
    both = request("GET", (lines[0], ("Authorization", "Bearer of-the-first"), ("Authorization", "Bearer x")))
    assert re.findall(r"\$(\w+)", curl(both, others=others)) == [
        "MCP_AUTHORIZATION_SECOND_USER",
        "MCP_AUTHORIZATION",
        "MCP_AUTHORIZATION_2",
    ]


@pytest.mark.parametrize(
    "value", ["Bearer", f"Bearer {MADE_UP_TOKEN}", f"Bearer {MADE_UP_TOKEN} {MADE_UP_TOKEN}"]
)
def test_what_the_suite_made_up_is_no_secret(value: str) -> None:
    shown = curl(request(headers=(("Authorization", value),)))
    assert f"'Authorization: {value}'" in shown
    assert "$MCP" not in shown


def test_long_body_is_a_file() -> None:
    shown = curl(request(body=b"x" * (LONGEST_BODY + 1)))
    assert "--data-binary @body.bin" in shown
    assert shown.endswith("# body.bin: the 32,769 bytes of the request body, too long to be shown")


def test_nul_in_a_header_is_said() -> None:
    assert curl(request(headers=(("X", "a\0b"),))).startswith("# curl cannot send this request")


def test_line_is_one_printable_line() -> None:
    assert curl(request(headers=(("X", "\x1b[2J\u0085"),), body=bytes(range(256)))).isprintable()


@needs_bash
@pytest.mark.parametrize(
    "data",
    [
        bytes(range(1, 256)),
        b'it\'s $HOME `id` \\ "x" !! \x1b[31m',
        "h\u00e9llo \u65e5\u672c\u202e".encode(),
        b"\xff\xfe41\xe2\x82",
        b"\\'",
        b" ",
        b"''",
    ],
)
def test_quote_keeps_every_byte(data: bytes, tmp_path: Path) -> None:
    assert quote(data).isprintable()
    assert run(f"printf %s {quote(data)}", tmp_path).stdout == data


@needs_curl
@pytest.mark.parametrize(
    "body",
    [
        b'{"jsonrpc":"2.0","id":1,"method":"it\'s"}',
        b"@/etc/hostname",
        b"a\0b\\0'%s%d \xff\n",
        b"\r\n$'x' ${HOME} `id`\n",
        bytes(range(256)),
        '{"name":"\u65e5\u672c"}'.encode(),
        b"",
    ],
)
def test_body_arrives_as_it_was(keeper: Keeper, tmp_path: Path, body: bytes) -> None:
    result = run(curl(request(body=body, url=keeper.url)), tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout.startswith(b"HTTP/1.1 204")
    assert received(keeper)[2] == body


@needs_curl
def test_head_arrives_as_it_was(keeper: Keeper, tmp_path: Path) -> None:
    headers = (
        ("Host", "evil.example"),
        ("X-One", "1"),
        ("Authorization", TOKEN),
        ("X-One", "it's \xe9 $HOME"),
        ("X-Empty", ""),
        ("MCP-Protocol-Version", "2025-11-25"),
    )
    line = curl(request("PUT", headers, b"{}", url=keeper.url))
    result = run(line, tmp_path, {"MCP_AUTHORIZATION": TOKEN})
    assert result.returncode == 0, result.stderr
    first, lines, body = received(keeper)
    assert first == b"PUT /mcp HTTP/1.1"
    # Nothing but what was said, and the length that HTTP needs.
    sent = [f"{name}: {value}".rstrip(" ").encode("latin-1") for name, value in headers]
    assert [line.rstrip(b" ") for line in lines] == [*sent, b"Content-Length: 2"]
    assert body == b"{}"


@needs_curl
@pytest.mark.parametrize("method", ["GET", "DELETE", "OPTIONS", "HEAD"])
def test_no_body_no_content_headers(keeper: Keeper, tmp_path: Path, method: str) -> None:
    run(curl(request(method, url=keeper.url)), tmp_path)
    first, lines, body = received(keeper)
    assert first == f"{method} /mcp HTTP/1.1".encode()
    assert lines == [f"Host: {keeper.url.split('/')[2]}".encode()]
    assert body == b""


@needs_curl
def test_secrets_come_from_the_environment(keeper: Keeper, tmp_path: Path) -> None:
    sent = request(
        headers=(("Authorization", TOKEN), ("X-Echo", TOKEN)),
        body=b'@{"whole":"Bearer s3cr3t-t0ken","part":"s3cr3t-t0ken"}',
        url=f"{keeper.url}/a/../b?key=01%2F23456789&[x]={{}}",
    )
    variables = {"MCP_AUTHORIZATION": TOKEN, "MCP_QUERY_KEY": "01%2F23456789", "MCP_QUERY__X_": "{}"}
    result = run(curl(sent), tmp_path, variables)
    assert result.returncode == 0, result.stderr
    first, lines, body = received(keeper)
    assert first == b"POST /mcp/a/../b?key=01%2F23456789&[x]={} HTTP/1.1"
    assert f"Authorization: {TOKEN}".encode() in lines
    assert f"X-Echo: {TOKEN}".encode() in lines
    assert body == sent.body


@needs_curl
def test_long_body_is_read_from_the_file(keeper: Keeper, tmp_path: Path) -> None:
    body = os.urandom(1024 * 1024 + 1)
    (tmp_path / "body.bin").write_bytes(body)
    result = run(curl(request(body=body, url=keeper.url)), tmp_path)
    assert result.returncode == 0, result.stderr
    _, lines, arrived = received(keeper)
    assert arrived == body
    assert not any(line.lower().startswith(b"expect") for line in lines)
