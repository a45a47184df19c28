"""Holds HTTP header lines as they came, and reads the few values that checks need.

It must not know sockets, HTTP libraries, or which headers MCP defines.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_OWS: Final = " \t"


def _text(value: bytes | str) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


class Headers:
    """Keep the header lines of one message in their order, repeated ones included.

    Names are matched whatever their letter case. `get` and `get_all` leave out the spaces and tabs around a
    value, which are not part of it.
    See https://www.rfc-editor.org/rfc/rfc9110#section-5.

    Args:
        lines: Name and value of each line; bytes are read as Latin-1, which loses nothing.
    """

    __slots__ = ("lines",)

    def __init__(self, lines: Iterable[tuple[bytes | str, bytes | str]] = ()) -> None:
        pairs = ((_text(name), _text(value)) for name, value in lines)
        self.lines: Final[tuple[tuple[str, str], ...]] = tuple(pairs)
        """Name and value of each line, exactly as they came."""

    def get(self, name: str) -> str | None:
        """Return the value of the first line with this name, or None."""
        return next(iter(self.get_all(name)), None)

    def get_all(self, name: str) -> list[str]:
        """Return the value of each line with this name, in order; a value with commas stays one value."""
        wanted = name.lower()
        return [value.strip(_OWS) for key, value in self.lines if key.lower() == wanted]

    def items(self) -> list[tuple[str, str]]:
        """Return name and value of each line exactly as they came, in order."""
        return list(self.lines)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and any(key.lower() == name.lower() for key, _ in self.lines)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.lines)

    def __len__(self) -> int:
        return len(self.lines)

    def __eq__(self, other: object) -> bool:
        return self.lines == other.lines if isinstance(other, Headers) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.lines)

    def __repr__(self) -> str:
        # Names only: a value may be a secret, and a repr ends up in tracebacks and logs.
        return f"Headers({[name for name, _ in self.lines]!r})"


@dataclass(frozen=True, slots=True)
class MediaType:
    """A media type as in `Content-Type`.

    Args:
        type: The main type in lower case.
        subtype: The subtype in lower case.
        parameters: Values by name in lower case; of a repeated name the first.
    """

    type: str
    subtype: str
    parameters: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def essence(self) -> str:
        """Return type and subtype without parameters, for example `application/json`."""
        return f"{self.type}/{self.subtype}"


# https://www.rfc-editor.org/rfc/rfc9110: 5.6.2 token, 5.6.4 quoted-string, 5.6.6 parameters, 8.3.1 media-type
_WORD: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED: Final = r'"(?:[\t \x21\x23-\x5B\x5D-\x7E\x80-\xFF]|\\[\t \x21-\x7E\x80-\xFF])*"'
_ESSENCE: Final = re.compile(rf"({_WORD})/({_WORD})")
_PARAMETER: Final = re.compile(rf"[ \t]*;[ \t]*(?:({_WORD})=({_WORD}|{_QUOTED}))?")
_ESCAPED: Final = re.compile(r"\\(.)")


def parse_media_type(value: str) -> MediaType | None:
    """Read the value of a `Content-Type` header.

    Args:
        value: The value of one header line.

    Returns:
        The media type, or None if the value breaks the grammar of
        https://www.rfc-editor.org/rfc/rfc9110#section-8.3.1.
    """
    value = value.strip(_OWS)
    essence = _ESSENCE.match(value)
    if essence is None:
        return None
    parameters: dict[str, str] = {}
    position = essence.end()
    while position < len(value):
        parameter = _PARAMETER.match(value, position)
        if parameter is None:
            return None
        name, text = parameter.groups()
        if name is not None:
            unquoted = _ESCAPED.sub(r"\1", text[1:-1]) if text.startswith('"') else text
            parameters.setdefault(name.lower(), unquoted)
        position = parameter.end()
    return MediaType(essence[1].lower(), essence[2].lower(), MappingProxyType(parameters))


def is_visible_ascii(value: str) -> bool:
    """Return whether a value is not empty and made of the characters 0x21 to 0x7E only."""
    return value != "" and all("\x21" <= character <= "\x7e" for character in value)
