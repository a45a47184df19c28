"""Reads `text/event-stream` bytes into blocks, and notes what is wrong or unusual about them.

It must not know HTTP, JSON or MCP: what an event carries, and whether a finding matters, others judge.
Rules: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DEFAULT_MAX_EVENT_BYTES: Final = 16 * 1024 * 1024
"""Longest block a parser takes unless told otherwise, in bytes."""

MAX_FINDINGS_PER_CODE: Final = 100
"""A parser lists this many findings of each code and only counts the rest."""

MAX_RETRY_MILLISECONDS: Final = 2**53 - 1
"""A longer `retry` is cut to this, the largest integer that JavaScript holds exactly."""


class WireError(Exception):
    """What the wire readers raise; every subclass names the limit or rule that stopped the reader."""


class EventTooLarge(WireError):  # noqa: N818 - says what happened
    """Say that one block of an event stream is longer than the parser may hold.

    Args:
        limit: The limit that tripped, in bytes.
        offset: Where the block begins in the stream, in bytes.
    """

    def __init__(self, limit: int, offset: int) -> None:
        super().__init__(f"the event at byte {offset} of the stream exceeds the limit of {limit} bytes")
        self.limit = limit
        self.offset = offset


@dataclass(frozen=True, slots=True)
class Meaning:
    """Explain a finding code.

    Args:
        text: What was seen, in one line.
        legal: True if the grammar of the format allows it, even where readers then ignore something.
    """

    text: str
    legal: bool


FINDING_MEANINGS: Final[Mapping[str, Meaning]] = MappingProxyType(
    {
        "invalid-utf8": Meaning("bytes that are not UTF-8 and read as U+FFFD", legal=False),
        "unfinished-block": Meaning("the stream ends inside a block; readers discard it", legal=False),
        "unfinished-comment": Meaning("the stream ends after a comment without a blank line", legal=False),
        "bom": Meaning("a byte order mark before the first line; readers skip it, some fail to", legal=True),
        "lone-cr": Meaning("lines end with CR alone, which some readers do not know", legal=True),
        "nul-in-id": Meaning("an id with a NUL; readers ignore the field", legal=True),
        "bad-retry": Meaning("a retry that is not only ASCII digits; readers ignore the field", legal=True),
        "huge-retry": Meaning("a retry of 2**53 - 1 milliseconds or more; cut to that", legal=True),
        "unknown-field": Meaning("a field that the format does not define; readers ignore it", legal=True),
        "event-type": Meaning("a type other than message, for which readers need a listener", legal=True),
        "no-data": Meaning("an event type without data; readers dispatch nothing", legal=True),
        "id-only": Meaning("an id without data; it becomes the last event ID, nothing is dispatched", legal=True),
        "too-large": Meaning("a block longer than the limit of this parser, which stopped there", legal=True),
    }
)
"""Every finding code, and whether the grammar allows what it stands for."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong or unusual in a stream.

    Args:
        code: A key of `FINDING_MEANINGS`.
        detail: What was seen here.
        offset: Where it is in the stream, in bytes from its beginning.
    """

    code: str
    detail: str
    offset: int

    @property
    def legal(self) -> bool:
        """Return whether the grammar of the format allows this."""
        return FINDING_MEANINGS[self.code].legal


class Event(NamedTuple):
    """One block of a stream: the lines up to a blank line, whether or not readers dispatch it.

    A named tuple, not a dataclass like the other values: streams have very many, and it is made four times faster.

    Args:
        type: The event type; `message` unless the block names another.
        data: The data lines joined by LF. Empty with `has_data` for a priming event.
        id: The id field of this block; None if there is none, or if a NUL made readers ignore it.
        last_event_id: The last event ID of the stream after this block.
        retry: The reconnection time set by this block, in milliseconds.
        dispatched: Whether readers dispatch this block as an event, which they do if it has data, be it empty.
        has_data: Whether the block has a data field, be it empty.
        comments: The comment lines, without the colon and one space after it.
        raw: The lines as they came, with their line ends, without the blank line.
        offset: Where `raw` begins in the stream, in bytes.
        end_offset: How many bytes of the stream complete this block: up to and with the first byte of the
            blank line, since a CR there is enough and must not wait for a LF.
    """

    type: str
    data: str
    id: str | None
    last_event_id: str
    retry: int | None
    dispatched: bool
    has_data: bool
    comments: tuple[str, ...]
    raw: bytes
    offset: int
    end_offset: int


_BOM: Final = b"\xef\xbb\xbf"
_CR: Final = 0x0D
_FIELDS: Final = frozenset({"data", "event", "id", "retry", ""})
# A blank line is a line end after a line end. CR LF is one line end, hence no mark for it: in CR LF CR LF the mark is
# the LF CR in the middle, and the LF left over opens the next block, where line ends are skipped.
_MARKS: Final = (b"\n\n", b"\n\r", b"\r\r")
_ANY_MARK: Final = re.compile(rb"\n[\n\r]|\r\r")


class EventStreamParser:
    """Read one event stream, fed in pieces of any size.

    The pieces do not matter: any split of the same bytes gives the same events and findings. The bytes of finished
    blocks are dropped, so memory is bounded by the longest block.

    Args:
        max_event_bytes: The longest block to hold, in bytes, without its blank line.

    Raises:
        ValueError: If the limit is not positive.
    """

    def __init__(self, *, max_event_bytes: int = DEFAULT_MAX_EVENT_BYTES) -> None:
        if max_event_bytes < 1:
            raise ValueError(f"max_event_bytes must be at least 1, not {max_event_bytes}")
        self.findings: list[Finding] = []
        """The findings so far, at most `MAX_FINDINGS_PER_CODE` of each code."""
        self.counts: Counter[str] = Counter()
        """How often each code was found, listed or not."""
        self.last_event_id = ""
        """The last event ID of the stream after the blocks so far."""
        self._limit = max_event_bytes
        self._pending = bytearray()
        self._pending_offset = 0
        self._received = 0
        self._failure: EventTooLarge | None = None
        self._closed = False

    def feed(self, data: bytes) -> list[Event]:
        """Read the next bytes of the stream.

        Args:
            data: Any number of bytes.

        Returns:
            The blocks that these bytes complete, in order.

        Raises:
            EventTooLarge: If a block exceeds the limit. Blocks before it are returned first, and the next call raises.
            ValueError: If the parser was closed.
        """
        if self._failure is not None:
            raise self._failure
        if self._closed:
            raise ValueError("the parser is closed")
        events: list[Event] = []
        try:
            self._read(data, events)
        except EventTooLarge as error:
            self._failure = error
            self._pending = bytearray()
            self._note("too-large", str(error), error.offset)
            if not events:
                raise
        return events

    def close(self) -> list[Event]:
        """Take note that the stream ended; a block without its blank line is discarded, and found.

        Call it only if the sender ended the stream: a stream that was cut by the reader proves nothing.

        Returns:
            An empty list, since readers dispatch nothing at the end of a stream.

        Raises:
            EventTooLarge: If a block exceeded the limit.
        """
        if self._failure is not None:
            raise self._failure
        self._closed = True
        raw, offset = self._without_bom(bytes(self._pending), self._pending_offset)
        self._pending = bytearray()
        if raw:
            comments_only = all(line.startswith(b":") for line in raw.splitlines())
            code = "unfinished-comment" if comments_only else "unfinished-block"
            self._note(code, f"{len(raw)} bytes after the last blank line", offset)
        return []

    def _read(self, data: bytes, events: list[Event]) -> None:
        base = self._received
        self._received += len(data)
        start = self._resume(data, base, events) if self._pending else 0
        for blank in _blank_lines(data, start):
            start = _skip_line_ends(data, start, blank)
            if start < blank:
                self._finish(data[start : blank + 1], base + start, base + blank + 2, events)
            start = blank + 2
        start = _skip_line_ends(data, start, len(data))
        if start < len(data):
            self._pending_offset = base + start
            self._hold(data[start:])

    def _resume(self, data: bytes, base: int, events: list[Event]) -> int:
        """Go on with the block that began in an earlier piece; return the position up to which data is used."""
        if bytes(self._pending[-1:]) + data[:1] in _MARKS:
            end = 0
        else:
            end = next(_blank_lines(data, 0), -1) + 1
            self._hold(data[:end] if end else data)
            if not end:
                return len(data)
        raw = bytes(self._pending)
        self._pending = bytearray()
        self._finish(raw, self._pending_offset, base + end + 1, events)
        return end + 1

    def _hold(self, data: bytes) -> None:
        self._pending += data
        if len(self._pending) > self._limit:
            raise EventTooLarge(self._limit, self._pending_offset)

    def _finish(self, raw: bytes, offset: int, end_offset: int, events: list[Event]) -> None:
        """Interpret one complete block, which holds at least one byte that ends no line, or a BOM."""
        if len(raw) > self._limit:
            raise EventTooLarge(self._limit, offset)
        if offset == 0:
            raw, offset = self._without_bom(raw, offset)
            if not raw:
                return
        event_type = ""
        data: list[str] = []
        event_id: str | None = None
        retry: int | None = None
        comments: list[str] = []
        odd = raw[-1] == _CR
        for line in self._text(raw, offset).split("\n"):
            if line[:6] == "data: ":
                data.append(line[6:])
                continue
            name, _, value = line.partition(":")
            if value[:1] == " ":
                value = value[1:]
            if name == "id":
                if "\0" in value:
                    odd = True
                else:
                    event_id = value
            elif name == "event":
                event_type = value
            elif name == "data":
                data.append(value)
            elif not name:
                if line:
                    comments.append(value)
            else:
                odd = True
                if name == "retry":
                    retry = _milliseconds(value, retry)
        if event_id is not None:
            self.last_event_id = event_id
        if event_type not in ("", "message") or not data:
            odd = True
        event = Event(
            event_type or "message",
            "\n".join(data),
            event_id,
            self.last_event_id,
            retry,
            bool(data),
            bool(data),
            tuple(comments),
            raw,
            offset,
            end_offset,
        )
        if odd:
            self._examine(event, bool(event_type))
        events.append(event)

    def _text(self, raw: bytes, offset: int) -> str:
        """Decode a block and write its line ends as LF."""
        try:
            text = raw.decode()
        except UnicodeDecodeError as error:
            bad = raw[error.start : error.end].hex(" ")
            self._note("invalid-utf8", f"{error.reason}: {bad}", offset + error.start)
            text = raw.decode(errors="replace")
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        return text

    def _without_bom(self, raw: bytes, offset: int) -> tuple[bytes, int]:
        if offset or not raw.startswith(_BOM):
            return raw, offset
        self._note("bom", "the stream begins with EF BB BF", 0)
        rest = raw[len(_BOM) :].lstrip(b"\r\n")
        return rest, len(raw) - len(rest)

    def _examine(self, event: Event, typed: bool) -> None:
        """Note what is unusual about a block; apart from reading it, since most blocks need no second look."""
        offset = event.offset
        if event.raw[-1] == _CR:
            self._note("lone-cr", "the last line of the block ends with CR alone", offset + len(event.raw) - 1)
        if event.type != "message":
            self._note("event-type", f"event type {_cut(event.type)}", offset)
        if not event.has_data and event.id is not None:
            self._note("id-only", f"id {_cut(event.id)} without data", offset)
        if not event.has_data and typed:
            self._note("no-data", f"event type {_cut(event.type)} without data", offset)
        for line in event.raw.splitlines(keepends=True):
            name, _, value = line.decode(errors="replace").rstrip("\r\n").partition(":")
            value = value.removeprefix(" ")
            if name == "id" and "\0" in value:
                self._note("nul-in-id", f"id {_cut(value)}", offset)
            elif name == "retry" and not _is_digits(value):
                self._note("bad-retry", f"retry {_cut(value)}", offset)
            elif name == "retry" and _milliseconds(value, None) == MAX_RETRY_MILLISECONDS:
                self._note("huge-retry", f"retry {_cut(value)}", offset)
            elif name not in _FIELDS:
                self._note("unknown-field", f"field {_cut(name)}", offset)
            offset += len(line)

    def _note(self, code: str, detail: str, offset: int) -> None:
        self.counts[code] += 1
        if self.counts[code] <= MAX_FINDINGS_PER_CODE:
            self.findings.append(Finding(code, detail, offset))


def parse_event_stream(data: bytes) -> tuple[list[Event], list[Finding]]:
    """Read a whole event stream.

    Args:
        data: The bytes from the first to the last.

    Returns:
        All blocks and all findings, in order.

    Raises:
        EventTooLarge: If a block exceeds `DEFAULT_MAX_EVENT_BYTES`.
    """
    parser = EventStreamParser()
    events = parser.feed(data)
    events += parser.close()
    return events, parser.findings


def _blank_lines(data: bytes, start: int) -> Iterator[int]:
    """Give the position of each mark from `start` on; any of the marks is searched at the speed of `bytes.find`."""
    marks = [mark for mark in _MARKS if mark in data] if b"\r" in data else [b"\n\n"]
    if len(marks) > 1:
        yield from (match.start() for match in _ANY_MARK.finditer(data, start))
    elif marks:
        at = data.find(marks[0], start)
        while at >= 0:
            yield at
            at = data.find(marks[0], at + 2)


def _skip_line_ends(data: bytes, start: int, stop: int) -> int:
    while start < stop and data[start] in b"\r\n":
        start += 1
    return start


def _is_digits(value: str) -> bool:
    return value.isascii() and value.isdigit()


def _milliseconds(value: str, otherwise: int | None) -> int | None:
    """Read the value of a retry field; a huge one is cut, since Python refuses to read thousands of digits."""
    if not _is_digits(value):
        return otherwise
    digits = value.lstrip("0") or "0"
    return min(int(digits), MAX_RETRY_MILLISECONDS) if len(digits) <= 16 else MAX_RETRY_MILLISECONDS


def _cut(value: str) -> str:
    return repr(value) if len(value) <= 80 else f"{value[:80]!r}..."
