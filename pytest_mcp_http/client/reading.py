"""Reads the members of a result strictly: a wrong type, or none, is an error that names the member.

Must not know what the members mean.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from pytest_mcp_http.errors import MalformedResultError
from pytest_mcp_http.report.masking import Secrets, visible
from pytest_mcp_http.wire import jsonrpc
from pytest_mcp_http.wire.exchange import Exchange

_T = TypeVar("_T")
_LONGEST = 80


@dataclass(frozen=True)
class Reader:
    """One value of a result, and where it stands.

    Args:
        raw: The value; `ABSENT` if there is none.
        path: Where it stands, for example `result.tools[2]`.
        what: What was asked, for the error.
        exchange: The exchange that brought it.
    """

    raw: Any
    path: str
    what: str
    exchange: Exchange

    def fail(self, expected: str) -> MalformedResultError:
        """Return the error which says that this value is not what was expected."""
        got = "nothing" if self.raw is jsonrpc.ABSENT else repr(self.raw)
        got = got if len(got) <= _LONGEST else got[:_LONGEST] + "..."
        got = Secrets.of(self.exchange).mask(visible(got))
        return MalformedResultError(
            f"{self.what}: {self.path}: expected {expected}, got {got}", self.exchange
        )

    def at(self, raw: object, path: str) -> Reader:
        """Return a reader of another value of the same answer."""
        return Reader(raw, path, self.what, self.exchange)

    def child(self, name: str) -> Reader:
        """Return the member of this object; its value is `ABSENT` if there is none."""
        return self.at(self.mapping().get(name, jsonrpc.ABSENT), f"{self.path}.{name}")

    def has(self, name: str) -> bool:
        """Return whether this object has the member."""
        return name in self.mapping()

    def mapping(self) -> dict[str, Any]:
        """Return this value, which has to be an object."""
        if not isinstance(self.raw, dict):
            raise self.fail("an object")
        return self.raw

    def items(self) -> Iterator[Reader]:
        """Go through this value, which has to be an array."""
        if not isinstance(self.raw, list):
            raise self.fail("an array")
        for index, each in enumerate(self.raw):
            yield self.at(each, f"{self.path}[{index}]")

    def each(self, name: str, read: Callable[[Reader], _T]) -> tuple[_T, ...]:
        """Read each item of the array that is a member."""
        return tuple(read(item) for item in self.child(name).items())

    def text(self) -> str:
        """Return this value, which has to be a string."""
        if not isinstance(self.raw, str):
            raise self.fail("a string")
        return self.raw

    def number(self) -> float:
        """Return this value, which has to be a number."""
        if isinstance(self.raw, bool) or not isinstance(self.raw, (int, float)):
            raise self.fail("a number")
        return self.raw

    def integer(self) -> int:
        """Return this value, which has to be an integer."""
        if isinstance(self.raw, bool) or not isinstance(self.raw, int):
            raise self.fail("an integer")
        return self.raw

    def boolean(self) -> bool:
        """Return this value, which has to be true or false."""
        if not isinstance(self.raw, bool):
            raise self.fail("true or false")
        return self.raw

    def data(self) -> bytes:
        """Return what this value, which has to be Base64, stands for."""
        try:
            return base64.b64decode(self.text(), validate=True)
        except (binascii.Error, ValueError):
            raise self.fail("Base64") from None

    def optional(self, name: str, read: Callable[[Reader], _T]) -> _T | None:
        """Read a member, or return None if there is none."""
        return read(self.child(name)) if self.has(name) else None

    def optional_text(self, name: str) -> str | None:
        """Return a member that is a string, or None if there is none."""
        return self.optional(name, Reader.text)

    def optional_mapping(self, name: str) -> Mapping[str, Any] | None:
        """Return a member that is an object, or None if there is none."""
        return self.optional(name, Reader.mapping)
