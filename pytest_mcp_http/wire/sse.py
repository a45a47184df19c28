"""Reads `text/event-stream` bytes into blocks, and notes what is wrong or unusual about them.

It must not know HTTP, JSON or MCP: what an event carries, and whether a finding matters, others judge.
Rules: https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

DEFAULT_MAX_EVENT_BYTES: Final = 16 * 1024 * 1024
"""Longest block a parser takes unless told otherwise, in bytes."""

MAX_FINDINGS_PER_CODE: Final = 100
"""A parser lists this many findings of each code and only counts the rest."""

MAX_RETRY_MILLISECONDS: Final = 2**53 - 1
"""A longer `retry` is cut to this, the largest integer that JavaScript holds exactly."""


class WireError(Exception):
    """Base of what the wire readers raise; each names the limit that stopped the reader."""


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
        "lone-cr": Meaning(
            "a line ends with CR alone, which some readers do not know; noted once", legal=True
        ),
        "nul-in-id": Meaning("an id with a NUL; readers ignore the field", legal=True),
        "bad-retry": Meaning("a retry that is not only ASCII digits; readers ignore the field", legal=True),
        "huge-retry": Meaning("a retry of 2**53 - 1 milliseconds or more; cut to that", legal=True),
        "unknown-field": Meaning("a field that the format does not define; readers ignore it", legal=True),
        "event-type": Meaning("a type other than message, for which readers need a listener", legal=True),
        "no-data": Meaning("an event type without data; readers dispatch nothing", legal=True),
        "id-only": Meaning("an id without data; it becomes the last event ID", legal=True),
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

    A named tuple, not a dataclass like the other values: streams hold many, and it is made four times faster.

    Args:
        type: The event type; `message` unless the block names another.
        data: The data lines joined by LF. Empty with `has_data` for a priming event.
        id: The id field of this block; None if there is none, or if a NUL made readers ignore it.
        last_event_id: The last event ID of the stream after this block.
        retry: The reconnection time set by this block, in milliseconds.
        dispatched: Whether readers dispatch this block as an event: they do if it has data.
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
_LF: Final = 0x0A
_CR: Final = 0x0D
_BLANK_LINES: Final = (b"\n", b"\r\n", b"\r")
_LONG_LINE: Final = 4096  # bytes from which on a view is cheaper than one more copy
_FIELDS: Final = frozenset({"data", "event", "id", "retry", ""})


class EventStreamParser:
    """Read one event stream, fed in pieces of any size.

    The pieces do not matter: any split of the same bytes gives the same events and findings. The bytes of
    finished blocks are dropped, so memory is bounded by a small multiple of the longest block.

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
        self._head: bytes | None = b""  # the first bytes, as long as they may be a BOM; None after that
        self._block: list[bytes] = []  # the finished lines of the open block
        self._line = bytearray()  # the line that has no end yet
        self._after_cr = False  # whether a LF that comes next belongs to the CR before it
        self._received = 0
        self._offset = 0  # where the open block begins
        self._failure: EventTooLarge | None = None
        self._closed = False

    def feed(self, data: bytes) -> list[Event]:
        """Read the next bytes of the stream.

        Args:
            data: Any number of bytes.

        Returns:
            The blocks that these bytes complete, in order.

        Raises:
            EventTooLarge: If a block exceeds the limit. Blocks before it are returned first; then the next
                call raises.
            ValueError: If the parser was closed.
        """
        if self._failure is not None:
            raise self._failure
        if self._closed:
            raise ValueError("the parser is closed")
        self._received += len(data)
        if self._head is not None:
            data = self._skip_bom(data)
        if self._after_cr:
            data = self._skip_lf(data)
        events: list[Event] = []
        try:
            if b"\n" in data or b"\r" in data:
                self._read_lines(data, events)
            else:
                self._line += data
            if self._received - self._offset > self._limit and (self._block or self._line):
                raise EventTooLarge(self._limit, self._offset)
        except EventTooLarge as error:
            self._failure = error
            self._block, self._line = [], bytearray()
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
        raw = (self._head or b"") + b"".join(self._block) + self._line
        self._head, self._block, self._line = None, [], bytearray()
        if raw:
            comments_only = all(line.startswith(b":") for line in raw.splitlines())
            code = "unfinished-comment" if comments_only else "unfinished-block"
            self._note(code, f"{len(raw)} bytes after the last blank line", self._offset)
        return []

    def _skip_bom(self, data: bytes) -> bytes:
        data = (self._head or b"") + data
        if len(data) < len(_BOM) and _BOM.startswith(data):
            self._head = data
            return b""
        self._head = None
        if not data.startswith(_BOM):
            return data
        self._note("bom", "the stream begins with EF BB BF", 0)
        self._offset = len(_BOM)
        return data[len(_BOM) :]

    def _skip_lf(self, data: bytes) -> bytes:
        self._after_cr = not data
        if not data.startswith(b"\n"):
            return data
        if self._block:
            self._block[-1] += b"\n"
        else:
            self._offset += 1
        return data[1:]

    def _read_lines(self, data: bytes, events: list[Event]) -> None:
        # For bytes, unlike for text, splitlines knows exactly the three line ends of the format.
        lines = data.splitlines(keepends=True)
        last = data[-1]
        self._after_cr = last == _CR
        tail = lines.pop() if last not in (_LF, _CR) else b""
        if self._line:
            self._line += lines[0]
            lines[0] = bytes(self._line)
            self._line = bytearray()
        self._line += tail
        block = self._block
        for line in lines:
            if len(line) > 2 or line not in _BLANK_LINES:
                block.append(line)
                continue
            if block:
                events.append(self._event(block))
                block.clear()
            self._offset += len(line)

    def _event(self, block: list[bytes]) -> Event:
        """Read one complete block: at least one line, none of them blank."""
        raw = b"".join(block)
        offset = self._offset
        if len(raw) > self._limit:
            raise EventTooLarge(self._limit, offset)
        self._offset = offset + len(raw)
        try:
            event, odd = _read_block(block, raw, offset, self.last_event_id)
        except UnicodeDecodeError:
            readable = [line.decode(errors="replace").encode() for line in block]
            event, odd = _read_block(readable, raw, offset, self.last_event_id)
            self._note_invalid_utf8(raw, offset)
        self.last_event_id = event.last_event_id
        if odd or (raw[-1] == _CR and not self.counts["lone-cr"]):
            self._examine(event)
        return event

    def _examine(self, event: Event) -> None:
        """Note what is unusual about a block; most blocks need no such second look."""
        raw, offset = event.raw, event.offset
        if raw[-1] == _CR and not self.counts["lone-cr"]:
            self._note("lone-cr", "the last line of the block ends with CR alone", offset + len(raw) - 1)
        if event.type != "message":
            self._note("event-type", f"event type {_cut(event.type)}", offset)
        for line in raw.splitlines(keepends=True):
            name, _, value = line.decode(errors="replace").rstrip("\r\n").partition(":")
            finding = _field_finding(name, value.removeprefix(" "), event.has_data)
            if finding is not None:
                self._note(finding, f"{_cut(name)} with {_cut(value)}", offset)
            offset += len(line)

    def _note_invalid_utf8(self, raw: bytes, offset: int) -> None:
        try:
            raw.decode()
        except UnicodeDecodeError as error:
            bad = raw[error.start : error.end].hex(" ")
            self._note("invalid-utf8", f"{error.reason}: {bad}", offset + error.start)

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


def _read_block(block: list[bytes], raw: bytes, offset: int, last_event_id: str) -> tuple[Event, bool]:
    """Read the lines of a block, none of them blank; say also whether the block needs a second look.

    Lines are cut as bytes and decoded after that: to cut text that is not ASCII costs a scan for its widest
    character. The branches for the usual spellings are there for speed alone.

    Raises:
        UnicodeDecodeError: If a line is not UTF-8.
    """
    event_type = "message"
    data: list[str] = []
    event_id: str | None = None
    retry: int | None = None
    comments: list[str] = []
    odd = False
    for line in block:
        stop = -2 if line[-2] == _CR else -1  # a line that is not blank has a byte before its end
        if line[:6] == b"data: ":
            long = len(line) > _LONG_LINE
            data.append(str(memoryview(line)[6:stop], "utf-8") if long else line[6:stop].decode())
            continue
        if line[:7] == b"event: ":
            event_type = line[7:stop].decode() or "message"
            continue
        name, _, value = line[:stop].decode().partition(":")
        if value[:1] == " ":
            value = value[1:]
        if name == "id" and "\0" not in value:
            event_id = last_event_id = value
        elif name == "event":
            event_type = value or "message"
        elif name == "data":
            data.append(value)
        elif not name:
            comments.append(value)
        else:
            odd = True
            if name == "retry":
                retry = _milliseconds(value, retry)
    has_data = bool(data)
    fields = (
        event_type,
        data[0] if len(data) == 1 else "\n".join(data),
        event_id,
        last_event_id,
        retry,
        has_data,
        has_data,
        tuple(comments),
        raw,
        offset,
        offset + len(raw) + 1,
    )
    # Calling the type would do the same through one more function call.
    return tuple.__new__(Event, fields), odd or not has_data or event_type != "message"


def _field_finding(name: str, value: str, has_data: bool) -> str | None:
    """Return the code of what is unusual about one field, if anything is."""
    if name not in _FIELDS:
        return "unknown-field"
    if name == "id" and "\0" in value:
        return "nul-in-id"
    if name == "retry" and not _is_digits(value):
        return "bad-retry"
    if name == "retry" and _milliseconds(value, None) == MAX_RETRY_MILLISECONDS:
        return "huge-retry"
    if name == "id" and not has_data:
        return "id-only"
    if name == "event" and value and not has_data:
        return "no-data"
    return None


def _is_digits(value: str) -> bool:
    return value.isascii() and value.isdigit()


def _milliseconds(value: str, otherwise: int | None) -> int | None:
    """Read the value of a retry field; a huge one is cut, since Python refuses thousands of digits."""
    if not _is_digits(value):
        return otherwise
    digits = value.lstrip("0") or "0"
    return min(int(digits), MAX_RETRY_MILLISECONDS) if len(digits) <= 16 else MAX_RETRY_MILLISECONDS


def _cut(value: str) -> str:
    return repr(value) if len(value) <= 80 else f"{value[:80]!r}..."
