"""Write a request as one bash command line that sends the same bytes.

Must not know what came back.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from pytest_mcp_http.report.masking import NO_OTHERS, Secrets, url_parts

if TYPE_CHECKING:
    from pytest_mcp_http.wire.exchange import Request

LONGEST_BODY: Final = 32 * 1024
"""Longest body, in bytes, that is written into the command line."""

_EXPECTING_BODY: Final = 1024 * 1024
"""From this body size on, in bytes, curl would add `Expect: 100-continue`."""

_PLAIN = re.compile(rb"[A-Za-z0-9_@%+=:,./-]+")
_ESCAPES = {"\\": "\\\\", "'": "\\'", "\n": "\\n", "\r": "\\r", "\t": "\\t", "!": "\\x21"}


def quote(data: bytes) -> str:
    """Return bytes as one bash word, in `$'..'` where plain quotes cannot say it.

    Args:
        data: Any bytes but NUL, which no command line can hold.
    """
    if _PLAIN.fullmatch(data):
        return data.decode()
    text = data.decode("utf-8", "surrogateescape")
    if "'" not in text and text.isprintable():
        return f"'{text}'"
    return "$'" + "".join(_ESCAPES.get(c) or (c if c.isprintable() else _hex(c)) for c in text) + "'"


def _hex(character: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in character.encode("utf-8", "surrogateescape"))


def _word(data: bytes, secrets: Secrets) -> str:
    pieces = [f'"{shell}"' if shell else quote(piece) for piece, shell in secrets.split(data) if piece]
    return "".join(pieces) or "''"


def curl(
    request: Request, *, max_time: float = 30.0, others: Mapping[tuple[str, str], str] = NO_OTHERS
) -> str:
    """Return a command line, to be pasted into bash, that sends the request again.

    Header values that are secret, and query values, appear as variables such as `"$MCP_AUTHORIZATION"`.
    A body that is too long for a command line is named as the file `body.bin`.

    Args:
        request: What was sent.
        max_time: Limit of the whole exchange in seconds.
        others: Header lines that are not those of the first user, by lower-case name and value, and in words
            whose they are. Their variables say so, for example `"$MCP_AUTHORIZATION_SECOND_USER"`.

    Returns:
        One line; a comment if curl cannot send the request (NUL in the URL or in a header).
    """
    secrets = Secrets(request, others=others)
    if "\0" in "".join((request.method, request.url, *(part for line in request.headers for part in line))):
        return "# curl cannot send this request: a NUL byte stands outside of the body"
    words = ["curl", "--include", *_options(request, max_time)]
    for name, value in request.headers:
        words += ["--header", _header(name, value, secrets)]
    for name in _added_by_curl(request):
        words += ["--header", quote(f"{name}:".encode())]
    before, data, after = _body(request, secrets)
    return before + " ".join([*words, *data, _url(request.url, secrets)]) + after


def _options(request: Request, max_time: float) -> list[str]:
    options = ["--max-time", f"{max_time:g}"]
    if any("text/event-stream" in value.lower() for value in request.headers.get_all("accept")):
        options.append("--no-buffer")
    if "/." in request.url:
        options.append("--path-as-is")
    if re.search(r"[\[\]{}]", request.url):
        options.append("--globoff")
    if request.method == "HEAD" and not request.body:
        return [*options, "--head"]
    return [*options, "--request", quote(request.method.encode("latin-1", "replace"))]


def _header(name: str, value: str, secrets: Secrets) -> str:
    if value and secrets.is_secret(name, value):
        variable = secrets.variable(name, value)
        if re.fullmatch(r"[A-Za-z0-9_-]+", name):
            return f'"{name}: ${variable}"'
        return quote(f"{name}: ".encode("latin-1", "replace")) + f'"${variable}"'
    # A name with nothing behind the colon would remove the header; a semicolon stands for an empty value.
    line = f"{name}: {value}" if value else f"{name};"
    return _word(line.encode("latin-1", "replace"), secrets)


def _sends_body(request: Request) -> bool:
    # An empty POST has `Content-Length: 0`.
    return bool(request.body) or request.method in ("POST", "PUT", "PATCH")


def _added_by_curl(request: Request) -> list[str]:
    """Name the headers that curl would add by itself."""
    added = ["User-Agent", "Accept"]
    if _sends_body(request):
        added.append("Content-Type")
    if len(request.body) >= _EXPECTING_BODY:
        added.append("Expect")
    return [name for name in added if name.lower() not in request.headers]


def _body(request: Request, secrets: Secrets) -> tuple[str, list[str], str]:
    """Return what stands before the command, the options of the body, and what stands behind the command."""
    if not _sends_body(request):
        return "", [], ""
    body = request.body
    if len(body) > LONGEST_BODY:
        comment = f"  # body.bin: the {len(body):,} bytes of the request body, too long to be shown"
        return "", ["--data-binary", "@body.bin"], comment
    if b"\0" in body or body.startswith(b"@"):
        return _printf(body, secrets) + " | ", ["--data-binary", "@-"], ""
    return "", ["--data-binary", _word(body, secrets)], ""


def _printf(body: bytes, secrets: Secrets) -> str:
    pieces = [(piece, shell) for piece, shell in secrets.split(body) if piece]
    formats = "".join("%s" if shell else "%b" for _, shell in pieces)
    words = [f'"{shell}"' if shell else f"'{_octal(piece)}'" for piece, shell in pieces]
    return " ".join(["printf", f"'{formats}'", *words])


def _octal(data: bytes) -> str:
    return "".join(
        chr(byte) if 0x20 <= byte < 0x7F and byte not in b"\\'" else f"\\0{byte:03o}" for byte in data
    )


def _url(url: str, secrets: Secrets) -> str:
    words = []
    for text, variable in url_parts(url):
        if text:
            words.append(
                f'"${variable}"' if variable else _word(text.encode("utf-8", "surrogateescape"), secrets)
            )
    return "".join(words)
