"""Keep secrets and terminal escape sequences out of whatever is shown of an exchange.

Must not know how a transcript or a command line looks.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from pytest_mcp_http.wire.exchange import Exchange, Request

MASK: Final = "***"

ALWAYS_SECRET: Final = frozenset(
    {"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key"}
)
"""Lower-case names of headers whose values are never shown."""

MADE_UP_TOKEN: Final = "mcp-http-check-made-up-token"  # noqa: S105
"""The bearer token that servers have to refuse. It is no secret, so that a reader can send it again."""

MIN_SECRET: Final = 4
"""Shortest header value masked where it turns up again, in bytes; a shorter one would hide half the text."""

MIN_PART: Final = 8
"""The same for parts of a value (a cookie, a query value), which are often ordinary words."""

NO_OTHERS: Final[Mapping[tuple[str, str], str]] = MappingProxyType({})

_URL = re.compile(r"^(?P<scheme>[^:/?#]*:?//)?(?P<user>[^/?#]*@)?(?P<rest>[^?#]*)(?:\?(?P<query>[^#]*))?")


def visible(text: str, *, keep: str = "\t") -> str:
    r"""Return text with everything that is not printable written as an escape, for example `\x1b`.

    Control characters, bidirectional overrides, zero-width characters and lone surrogates lose their effect.

    Args:
        text: Any text, of a hostile server too.
        keep: Characters that stay as they are.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else c.encode("unicode_escape").decode() for c in text)


def mask_url(url: str) -> str:
    """Return a URL with its user information and the values of its query masked."""
    return "".join(text if variable is None else MASK for text, variable in url_parts(url))


def url_parts(url: str) -> Iterator[tuple[str, str | None]]:
    """Split a URL into text to show (with None) and secrets (with the name of a shell variable)."""
    match = _URL.match(url)
    assert match is not None  # every part of the pattern is optional
    yield match["scheme"] or "", None
    if match["user"]:
        yield match["user"][:-1], "MCP_USERINFO"
        yield "@", None
    yield match["rest"], None
    if match["query"] is None:
        return
    for index, pair in enumerate(match["query"].split("&")):
        name, equals, value = pair.partition("=")
        if not equals:
            name, value = "", name
        yield ("&" if index else "?") + name + equals, None
        if value:
            yield value, _variable("QUERY", name) if name else "MCP_QUERY"


def _variable(*words: str) -> str:
    return "_".join(["MCP", *(re.sub(r"[^A-Z0-9]", "_", word.upper()) for word in words)])


class Secrets:
    """The secrets of one exchange: which headers hold them, and the values that must not turn up anywhere.

    Args:
        request: Its `secrets`, its headers and its URL.
        response_headers: Response header lines, whose `Set-Cookie` values are secret as well.
        others: Header lines that are not those of the first user, by lower-case name and value, and in words
            whose they are.
    """

    def __init__(
        self,
        request: Request,
        response_headers: Iterable[tuple[str, str]] = (),
        others: Mapping[tuple[str, str], str] = NO_OTHERS,
    ) -> None:
        self._others = others
        self.names = ALWAYS_SECRET | {name.lower() for name in request.secrets}
        self._variables: dict[tuple[str, str], str] = {}
        self._shell: dict[bytes, str] = {}
        for name, value in (*request.headers, *response_headers):
            if self.is_secret(name, value):
                self._add_header(name.lower(), value)
        for value, variable in url_parts(request.url):
            if variable is not None:
                self._add_value(value, f"${variable}", MIN_PART)
                _, colon, password = value.partition(":")
                if colon and variable == "MCP_USERINFO":
                    self._add_value(password, f"${{{variable}#*:}}", MIN_SECRET)
        longest_first = sorted(self._shell, key=lambda value: (-len(value), value))
        self._pattern = (
            re.compile(b"(" + b"|".join(map(re.escape, longest_first)) + b")") if longest_first else None
        )

    @classmethod
    def of(cls, exchange: Exchange) -> Secrets:
        """Return the secrets of a request and its response."""
        return cls(exchange.request, exchange.headers)

    def _add_header(self, name: str, value: str) -> None:
        if (name, value) in self._variables:
            return
        whose = self._others.get((name, value), "")
        count = sum(1 for line in self._variables if line[0] == name and self._others.get(line, "") == whose)
        variable = _variable(name, *whose.split(), *([str(count + 1)] if count else []))
        self._variables[name, value] = variable
        self._add_value(value, f"${variable}", MIN_SECRET)
        if "cookie" in name:
            pairs = value.split(";")[: 1 if name == "set-cookie" else None]
            for index, pair in enumerate(pairs):
                self._add_value(pair.partition("=")[2].strip(), f"${variable}_VALUE{index + 1}", MIN_PART)
        elif " " in value:
            scheme, _, credentials = value.partition(" ")
            self._add_value(credentials.strip(), f"${{{variable}#* }}", MIN_SECRET)
            if scheme.lower() == "basic":
                self._add_value(_password(credentials), f"${variable}_PASSWORD", MIN_SECRET)

    def _add_value(self, value: str, shell: str, shortest: int) -> None:
        if len(value) < shortest:
            return
        plain = value.encode("latin-1", "replace")
        self._shell.setdefault(plain, shell)
        # A server that echoes a value into JSON or a URL writes it in the coding of that place.
        name = shell.strip("${}#*: ")
        in_json = json.dumps(value)[1:-1]
        unescaped = json.dumps(value, ensure_ascii=False)[1:-1]
        for form in (in_json, unescaped, in_json.replace("/", "\\/"), quote(value, safe="")):
            self._shell.setdefault(form.encode("utf-8", "replace"), f"${name}_ENCODED")

    def is_secret(self, name: str, value: str) -> bool:
        """Return whether the value of a header is never shown."""
        made_up = {"bearer", MADE_UP_TOKEN}
        return name.lower() in self.names and not made_up.issuperset(
            value.replace("Bearer", "bearer").split()
        )

    def variable(self, name: str, value: str) -> str:
        """Return the shell variable that stands for a secret value, for example `MCP_AUTHORIZATION`."""
        return self._variables[name.lower(), value]

    def split(self, data: bytes) -> list[tuple[bytes, str | None]]:
        """Split bytes into plain pieces (with None) and secrets (with the shell expression for each)."""
        if self._pattern is None:
            return [(data, None)]
        return [
            (piece, self._shell.get(piece) if i % 2 else None)
            for i, piece in enumerate(self._pattern.split(data))
        ]

    def mask_bytes(self, data: bytes) -> bytes:
        """Return bytes with every occurrence of a secret value masked."""
        return data if self._pattern is None else self._pattern.sub(MASK.encode(), data)

    def mask(self, text: str) -> str:
        """Return text with every occurrence of a secret value masked."""
        return self.mask_bytes(text.encode("utf-8", "surrogatepass")).decode("utf-8", "surrogatepass")

    def header(self, name: str, value: str) -> str:
        """Return a header value as it may be shown."""
        if self.is_secret(name, value):
            return MASK
        return self.mask_bytes(value.encode("latin-1", "replace")).decode("latin-1")


def _password(credentials: str) -> str:
    try:
        return base64.b64decode(credentials, validate=True).decode("utf-8").partition(":")[2]
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""
