"""Reads `WWW-Authenticate`: the challenges of a 401 or 403, each a scheme with parameters.

Sans-IO. It must not know tokens, OAuth, or which parameters mean what.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

# https://www.rfc-editor.org/rfc/rfc9110: 5.6.2 token, 5.6.4 quoted-string, 11.2 token68, 11.3 challenge
_WORD: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED: Final = r'"(?:[\t \x21\x23-\x5B\x5D-\x7E\x80-\xFF]|\\[\t \x21-\x7E\x80-\xFF])*"'
_PARAMETER: Final = re.compile(rf"({_WORD})[ \t]*=[ \t]*({_WORD}|{_QUOTED})")
_SCHEME: Final = re.compile(rf"({_WORD})(?: +([A-Za-z0-9._~+/-]+=*)(?=[ \t]*(?:,|\Z)))?")
_COMMA: Final = re.compile(r"[ \t]*(?:,[ \t]*)+|[ \t]*\Z")
_BLANKS: Final = re.compile(r" +")
_ESCAPED: Final = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Challenge:
    """One challenge.

    Attributes:
        scheme: Its scheme in lower case.
        parameters: Values by name in lower case; of a repeated name the first.
        repeated: Names that stand in it more than once.
    """

    scheme: str
    parameters: Mapping[str, str]
    repeated: tuple[str, ...] = ()


def parse_challenges(values: Iterable[str]) -> tuple[Challenge, ...] | None:
    """Read the values of all `WWW-Authenticate` lines of a response.

    Args:
        values: The value of each line, in order.

    Returns:
        The challenges in order, or None if a value breaks the grammar of
        https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1.
    """
    found: list[Challenge] = []
    for value in values:
        read = _line(value.strip(" \t"))
        if read is None:
            return None
        found += read
    return tuple(found)


def _line(value: str) -> list[Challenge] | None:
    found: list[tuple[str, list[tuple[str, str]]]] = []
    at = 0
    while at < len(value):
        parameter = _PARAMETER.match(value, at)
        if parameter is not None and found:
            found[-1][1].append((parameter[1].lower(), _unquoted(parameter[2])))
            end = parameter.end()
        else:
            scheme = _SCHEME.match(value, at)
            if scheme is None:
                return None
            found.append((scheme[1].lower(), []))
            end = scheme.end()
            blanks = _BLANKS.match(value, end)
            if blanks is not None and _PARAMETER.match(value, blanks.end()):
                at = blanks.end()
                continue
        comma = _COMMA.match(value, end)
        if comma is None:
            return None
        at = comma.end()
    return [_challenge(scheme, parameters) for scheme, parameters in found]


def _challenge(scheme: str, parameters: list[tuple[str, str]]) -> Challenge:
    names = [name for name, _ in parameters]
    repeated = tuple(dict.fromkeys(name for name in names if names.count(name) > 1))
    return Challenge(scheme, dict(reversed(parameters)), repeated)


def _unquoted(value: str) -> str:
    return _ESCAPED.sub(r"\1", value[1:-1]) if value.startswith('"') else value
