"""Server-sent events as blocks of fields: split a stream into blocks, take a block apart, put it together."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

_BLOCK_END = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_LINE_END = re.compile("\r\n|\n|\r")


@dataclass(frozen=True, slots=True)
class EventBlock:
    """One block of an event stream.

    Args:
        fields: Pairs of field name and value in order; a comment has the name "".
    """

    fields: tuple[tuple[str, str], ...]

    @classmethod
    def parse(cls, raw: bytes) -> EventBlock:
        """Take the bytes of one block apart; bytes that are no UTF-8 become U+FFFD."""
        fields = []
        for line in _LINE_END.split(raw.decode("utf-8", "replace")):
            if line:
                name, _, value = line.partition(":")
                fields.append((name, value.removeprefix(" ")))
        return cls(tuple(fields))

    def get(self, name: str) -> str | None:
        """Return the last value of a field, or None."""
        return next((value for key, value in reversed(self.fields) if key == name), None)

    @property
    def data(self) -> str | None:
        """The data lines joined by line feeds, or None without a data field."""
        lines = [value for name, value in self.fields if name == "data"]
        return "\n".join(lines) if lines else None

    def with_data(self, data: str) -> EventBlock:
        """Return a copy with other data, in the place of the first data field."""
        rest = [item for item in self.fields if item[0] != "data"]
        place = next((i for i, item in enumerate(self.fields) if item[0] == "data"), len(rest))
        lines = [("data", line) for line in data.split("\n")]
        return replace(self, fields=(*rest[:place], *lines, *rest[place:]))

    def with_field(self, name: str, value: str | None) -> EventBlock:
        """Return a copy in which a field has just this value, put first, or is absent for None."""
        rest = tuple(item for item in self.fields if item[0] != name)
        return replace(self, fields=rest if value is None else ((name, value), *rest))

    def encode(self, newline: str = "\n", *, end: bool = True) -> bytes:
        """Return the bytes of the block.

        Args:
            newline: The line end.
            end: Whether to add the blank line that ends the block.
        """
        lines = [f"{name}: {value}" for name, value in self.fields]
        return (newline.join(lines) + newline + (newline if end else "")).encode()


class BlockSplitter:
    """Splits a stream of bytes into the raw bytes of blocks, each with its blank line."""

    def __init__(self) -> None:
        self._pending = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes and return the blocks that are complete now."""
        self._pending += data
        blocks = []
        while found := _BLOCK_END.search(self._pending):
            blocks.append(self._pending[: found.end()])
            self._pending = self._pending[found.end() :]
        return blocks

    def close(self) -> bytes:
        """Return the bytes after the last complete block."""
        rest, self._pending = self._pending, b""
        return rest
