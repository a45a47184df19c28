"""The event stream parser: cases by the bytes, any split, a naive second reader, and httpx-sse."""

from __future__ import annotations

import codecs
from itertools import pairwise

import pytest
from httpx_sse._decoders import SSEDecoder, SSELineDecoder
from hypothesis import given
from hypothesis import strategies as st

from pytest_mcp_http.wire import sse
from pytest_mcp_http.wire.sse import Event, EventStreamParser, EventTooLarge, Finding

Dispatched = tuple[str, str, str, int | None]


def feed(pieces: list[bytes], **limit: int) -> tuple[list[Event], list[Finding]]:
    parser = EventStreamParser(**limit)
    events = [event for piece in pieces for event in parser.feed(piece)]
    return events + parser.close(), parser.findings


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[start:stop] for start, stop in pairwise(edges)]


def bytewise(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def dispatched(events: list[Event]) -> list[Dispatched]:
    return [(e.type, e.data, e.last_event_id, e.retry) for e in events if e.dispatched]


def naive(data: bytes) -> list[tuple[str, str, str]]:
    """Read a stream one character after the other, by the steps of the WHATWG text."""
    text = data.decode(errors="replace").removeprefix("\ufeff")
    lines, line, before = [], "", ""
    for character in text:
        if character in "\r\n":
            if not (character == "\n" and before == "\r"):
                lines.append(line)
            line = ""
        else:
            line += character
        before = character
    events = []
    kind = buffer = last_id = ""
    for line in lines:
        if not line:
            if buffer:
                events.append((kind or "message", buffer[:-1], last_id))
            kind = buffer = ""
        elif not line.startswith(":"):
            name, value = line.split(":", 1) if ":" in line else (line, "")
            value = value[1:] if value.startswith(" ") else value
            if name == "event":
                kind = value
            elif name == "data":
                buffer += value + "\n"
            elif name == "id" and "\0" not in value:
                last_id = value
    return events


def by_httpx_sse(data: bytes) -> list[Dispatched]:
    to_text, to_lines, decoder = (
        codecs.getincrementaldecoder("utf-8")("replace"),
        SSELineDecoder(),
        SSEDecoder(),
    )
    lines = to_lines.decode(to_text.decode(data, final=True)) if data else []
    found = [decoder.decode(line) for line in lines + to_lines.flush()]
    return [(one.event, one.data, one.id, one.retry) for one in found if one is not None]


CASES: dict[str, tuple[bytes, list[Dispatched], list[str]]] = {
    "empty": (b"", [], []),
    "one event": (b"data: x\n\n", [("message", "x", "", None)], []),
    "all fields": (b"event: message\nid: 7\nretry: 10\ndata: x\n\n", [("message", "x", "7", 10)], []),
    "LF": (b"data: a\ndata: b\n\n", [("message", "a\nb", "", None)], []),
    "CR LF": (b"data: a\r\ndata: b\r\n\r\n", [("message", "a\nb", "", None)], []),
    "CR": (b"data: a\rdata: b\r\r", [("message", "a\nb", "", None)], ["lone-cr"]),
    "mixed line ends": (b"data: a\rdata: b\ndata: c\r\n\n", [("message", "a\nb\nc", "", None)], []),
    "LF then CR LF": (
        b"data: a\n\r\ndata: b\r\n\n",
        [("message", "a", "", None), ("message", "b", "", None)],
        [],
    ),
    "no space": (b"data:x\n\n", [("message", "x", "", None)], []),
    "two spaces": (b"data:  x\n\n", [("message", " x", "", None)], []),
    "tab is no space": (b"data:\tx\n\n", [("message", "\tx", "", None)], []),
    "colons in the value": (b"data: a: b:c\n\n", [("message", "a: b:c", "", None)], []),
    "data without colon": (b"data\n\n", [("message", "", "", None)], []),
    "two empty data lines": (b"data\ndata\n\n", [("message", "\n", "", None)], []),
    "priming": (b"id: 1\ndata:\n\n", [("message", "", "1", None)], []),
    "priming with a space": (b"id: 1\ndata: \n\n", [("message", "", "1", None)], []),
    "id stays": (
        b"id: 1\ndata: a\n\ndata: b\n\n",
        [("message", "a", "1", None), ("message", "b", "1", None)],
        [],
    ),
    "empty id resets": (
        b"id: 1\ndata: a\n\nid\ndata: b\n\n",
        [("message", "a", "1", None), ("message", "b", "", None)],
        [],
    ),
    "last id counts": (b"id: 1\nid: 2\ndata: a\n\n", [("message", "a", "2", None)], []),
    "id with NUL": (b"id: 1\0\ndata: a\n\n", [("message", "a", "", None)], ["nul-in-id"]),
    "comment": (b": hi\ndata: a\n\n", [("message", "a", "", None)], []),
    "blank lines": (b"\n\n\r\n\rdata: a\n\n\n\n", [("message", "a", "", None)], []),
    "type": (b"event: ping\ndata: a\n\n", [("ping", "a", "", None)], ["event-type"]),
    "empty type": (b"event: x\nevent:\ndata: a\n\n", [("message", "a", "", None)], []),
    "type ends with its block": (
        b"event: x\n\ndata: a\n\n",
        [("message", "a", "", None)],
        ["event-type", "no-data"],
    ),
    "unknown field": (b"Data: b\ndata: a\n\n", [("message", "a", "", None)], ["unknown-field"]),
    "space before the name": (b" data: b\ndata: a\n\n", [("message", "a", "", None)], ["unknown-field"]),
    "separators of Unicode": (
        "data: a\u2028b\u2029c\x85d\x0be\x0cf\x1cg\n\n".encode(),
        [("message", "a\u2028b\u2029c\x85d\x0be\x0cf\x1cg", "", None)],
        [],
    ),
    "four bytes": ("data: 🎉é日\n\n".encode(), [("message", "🎉é日", "", None)], []),
    "NUL in data": (b"data: a\0b\n\n", [("message", "a\0b", "", None)], []),
    "invalid byte": (b"data: a\xffb\n\n", [("message", "a\ufffdb", "", None)], ["invalid-utf8"]),
    "cut character": (
        b"data: a\xe6\x97\ndata: b\n\n",
        [("message", "a\ufffd\nb", "", None)],
        ["invalid-utf8"],
    ),
    "Latin-1": (b"data: caf\xe9\n\n", [("message", "caf\ufffd", "", None)], ["invalid-utf8"]),
    "invalid comment": (b": \xff\ndata: a\n\n", [("message", "a", "", None)], ["invalid-utf8"]),
    "BOM": (b"\xef\xbb\xbfdata: a\n\n", [("message", "a", "", None)], ["bom"]),
    "two BOMs": (b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\n", [], ["bom", "unknown-field"]),
    "BOM later": (b"\n\xef\xbb\xbfdata: a\n\n", [], ["unknown-field"]),
    "half a BOM": (b"\xef\xbbdata: a\n\n", [], ["invalid-utf8", "unknown-field"]),
    "only a BOM": (b"\xef\xbb\xbf", [], ["bom"]),
    "only half a BOM": (b"\xef\xbb", [], ["unfinished-block"]),
    "negative retry": (b"retry: -5\ndata: a\n\n", [("message", "a", "", None)], ["bad-retry"]),
    "retry with underscore": (b"retry: 1_000\ndata: a\n\n", [("message", "a", "", None)], ["bad-retry"]),
    "retry with a space": (b"retry: 5 \ndata: a\n\n", [("message", "a", "", None)], ["bad-retry"]),
    "retry in other digits": ("retry: ٣\ndata: a\n\n".encode(), [("message", "a", "", None)], ["bad-retry"]),
    "superscript retry": ("retry: ²\ndata: a\n\n".encode(), [("message", "a", "", None)], ["bad-retry"]),
    "empty retry": (b"retry:\ndata: a\n\n", [("message", "a", "", None)], ["bad-retry"]),
    "retry with zeros": (b"retry: 0005\ndata: a\n\n", [("message", "a", "", 5)], []),
    "retry nought": (b"retry: 0\ndata: a\n\n", [("message", "a", "", 0)], []),
    "last good retry": (b"retry: 5\nretry: x\ndata: a\n\n", [("message", "a", "", 5)], ["bad-retry"]),
    "retry of 5000 digits": (
        b"retry: " + b"9" * 5000 + b"\ndata: a\n\n",
        [("message", "a", "", sse.MAX_RETRY_MILLISECONDS)],
        ["huge-retry"],
    ),
    "no blank line": (b"data: a\n\ndata: b\n", [("message", "a", "", None)], ["unfinished-block"]),
    "no line end": (b"data: a", [], ["unfinished-block"]),
    "unfinished id": (b"id: 9", [], ["unfinished-block"]),
    "unfinished comment": (b"data: a\n\n: bye\n", [("message", "a", "", None)], ["unfinished-comment"]),
    "comment block after an id": (b"id: 1\ndata: a\n\n: ping\n\n", [("message", "a", "1", None)], []),
    "id block": (b"id: 1\n\ndata: a\n\n", [("message", "a", "1", None)], ["id-only"]),
    "retry block": (b"retry: 5\n\n", [], []),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@pytest.mark.parametrize("split", [lambda data: [data], bytewise], ids=["whole", "bytewise"])
def test_case(case: tuple[bytes, list[Dispatched], list[str]], split: object) -> None:
    data, events, codes = case
    found, findings = feed(split(data))  # type: ignore[operator]
    assert dispatched(found) == events
    assert [finding.code for finding in findings] == codes


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
@given(places=st.lists(st.integers(0, 10**6), max_size=8))
def test_case_in_random_pieces(case: tuple[bytes, list[Dispatched], list[str]], places: list[int]) -> None:
    assert feed(cut(case[0], places)) == sse.parse_event_stream(case[0])


# Streams near the grammar, and bytes that mean something to it in any order.
TOKENS = [
    b"data",
    b"event",
    b"id",
    b"retry",
    b":",
    b" ",
    b"\n",
    b"\r",
    b"\r\n",
    b"\n\n",
    b"\r\r",
    b"x",
    b"1",
    b"\0",
]
TOKENS += [
    "é".encode(),
    "\u2028".encode(),
    b"\xef\xbb\xbf",
    b"\xff",
    b"\xe6\x97",
    b"data: ",
    b"event: message\n",
]
NEAR = st.lists(st.sampled_from(TOKENS), max_size=40).map(b"".join)
STREAMS = NEAR | st.binary(max_size=60)


@given(data=STREAMS, places=st.lists(st.integers(0, 10**6), max_size=12))
def test_any_split_gives_the_same(data: bytes, places: list[int]) -> None:
    whole = sse.parse_event_stream(data)
    assert feed(cut(data, places)) == whole
    assert feed(bytewise(data)) == whole


@given(data=STREAMS)
def test_agrees_with_the_naive_reader(data: bytes) -> None:
    events, _ = sse.parse_event_stream(data)
    assert [(e.type, e.data, e.last_event_id) for e in events if e.dispatched] == naive(data)


@given(data=STREAMS)
def test_raw_and_offsets_point_into_the_stream(data: bytes) -> None:
    end = 0
    for event in sse.parse_event_stream(data)[0]:
        assert event.raw == data[event.offset : event.offset + len(event.raw)]
        assert event.offset >= end
        assert event.end_offset == event.offset + len(event.raw) + 1
        assert data[event.end_offset - 1] in b"\r\n"
        end = event.end_offset


@given(data=STREAMS, limit=st.integers(1, 30), places=st.lists(st.integers(0, 10**6), max_size=8))
def test_any_bytes_raise_at_most_too_large(data: bytes, limit: int, places: list[int]) -> None:
    def outcome(pieces: list[bytes]) -> tuple[list[Event], list[Finding], int | None]:
        parser = EventStreamParser(max_event_bytes=limit)
        events: list[Event] = []
        try:
            for piece in pieces:
                events += parser.feed(piece)
            parser.close()
        except EventTooLarge as error:
            return events, parser.findings, error.offset
        return events, parser.findings, None

    whole = outcome([data])
    assert outcome(cut(data, places)) == whole
    assert outcome(bytewise(data)) == whole
    assert all(len(event.raw) <= limit for event in whole[0])


FIELD_TEXT = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), max_size=12)
DATA = st.tuples(st.sampled_from(["data: ", "data:"]), FIELD_TEXT).map("".join)
OTHER = st.one_of(
    st.tuples(st.sampled_from(["event: ", "event:", "id: ", "id:", ":", ": ", "other: "]), FIELD_TEXT).map(
        "".join
    ),
    st.integers(0, 10**9).map("retry: {}".format),
)
# Blocks have data, so that the deviations listed below cannot arise; the first line is no BOM.
BLOCK = st.tuples(st.lists(OTHER, max_size=3), DATA, st.lists(OTHER | DATA, max_size=3)).map(
    lambda parts: [*parts[0], parts[1], *parts[2]]
)


@given(blocks=st.lists(BLOCK, max_size=6), line_end=st.sampled_from(["\n", "\r\n", "\r"]))
def test_agrees_with_httpx_sse_where_both_are_right(blocks: list[list[str]], line_end: str) -> None:
    data = "".join(line + line_end for block in blocks for line in [*block, ""]).encode()
    ours = dispatched(sse.parse_event_stream(data)[0])
    assert ours == [(kind or "message", *rest) for kind, *rest in by_httpx_sse(data)]
    assert len(ours) == len(blocks)


DEVIATIONS: dict[str, tuple[bytes, list[Dispatched]]] = {
    "comment block after an id": (b"id: 1\ndata: a\n\n: ping\n\n", [("message", "a", "1", None)]),
    "blank line after an id": (b"id: 1\ndata: a\n\n\n", [("message", "a", "1", None)]),
    "BOM": (b"\xef\xbb\xbfdata: a\n\n", [("message", "a", "", None)]),
    "negative retry": (b"retry: -5\ndata: a\n\n", [("message", "a", "", None)]),
    "retry with underscore": (b"retry: 1_000\ndata: a\n\n", [("message", "a", "", None)]),
    "retry in spaces": (b"retry:  5 \ndata: a\n\n", [("message", "a", "", None)]),
    "retry in other digits": ("retry: ٣\ndata: a\n\n".encode(), [("message", "a", "", None)]),
    "type without data": (b"event: x\n\n", []),
    "id without data": (b"id: 1\n\n", []),
    "retry without data": (b"retry: 5\n\n", []),
    "retry that JavaScript cannot hold": (
        b"retry: 99999999999999999\ndata: a\n\n",
        [("message", "a", "", sse.MAX_RETRY_MILLISECONDS)],
    ),
}


@pytest.mark.parametrize("case", DEVIATIONS.values(), ids=DEVIATIONS)
def test_known_deviation_of_httpx_sse(case: tuple[bytes, list[Dispatched]]) -> None:
    data, expected = case
    assert dispatched(sse.parse_event_stream(data)[0]) == expected
    assert [event[:3] for event in expected] == naive(data)


def test_block_without_data_is_given_but_not_dispatched() -> None:
    (comment, priming, ident), _ = sse.parse_event_stream(b": a\n:b\n\nid: 1\ndata:\n\nid: 2\nretry: 5\n\n")
    assert comment.comments == ("a", "b")
    assert not comment.dispatched
    assert not comment.has_data
    assert comment.id is None
    assert priming.dispatched
    assert priming.has_data
    assert (priming.data, priming.id) == ("", "1")
    assert not ident.dispatched
    assert (ident.id, ident.last_event_id, ident.retry) == ("2", "2", 5)


def test_cr_dispatches_without_waiting_for_a_lf() -> None:
    parser = EventStreamParser()
    assert [event.data for event in parser.feed(b"data: a\r\n\r")] == ["a"]
    assert parser.feed(b"\n") == []
    assert [event.data for event in parser.feed(b"data: b\r\r")] == ["b"]


def test_offsets_count_the_bom() -> None:
    (event,), findings = sse.parse_event_stream(b"\xef\xbb\xbfdata: a\n\n: x")
    assert (event.raw, event.offset, event.end_offset) == (b"data: a\n", 3, 12)
    places = [(finding.code, finding.offset) for finding in findings]
    assert places == [("bom", 0), ("unfinished-comment", 12)]


def test_findings_name_the_place() -> None:
    data = b"data: a\r\n\r\n: x\r\nretry: y\r\nid: \0\r\nfoo: 1\r\ndata: \xff\r\n\r\n"
    findings = sse.parse_event_stream(data)[1]
    places = {finding.code: finding.offset for finding in findings}
    wanted = {"bad-retry": b"retry", "nul-in-id": b"id:", "unknown-field": b"foo", "invalid-utf8": b"\xff"}
    assert places == {code: data.index(place) for code, place in wanted.items()}


def test_every_code_is_explained() -> None:
    seen = {code for _, _, codes in CASES.values() for code in codes}
    assert seen | {"too-large"} == set(sse.FINDING_MEANINGS)
    illegal = {code for code, meaning in sse.FINDING_MEANINGS.items() if not meaning.legal}
    assert illegal == {"invalid-utf8", "unfinished-block", "unfinished-comment"}
    assert not Finding("invalid-utf8", "", 0).legal


def test_findings_are_bounded_but_counted() -> None:
    parser = EventStreamParser()
    parser.feed(b"foo: 1\n\n" * 500 + b"data: \xff\n\n")
    assert len(parser.findings) == sse.MAX_FINDINGS_PER_CODE + 1
    assert parser.counts["unknown-field"] == 500


def test_too_large_comes_after_the_events_before_it() -> None:
    parser = EventStreamParser(max_event_bytes=20)
    assert [event.data for event in parser.feed(b"data: a\n\ndata: " + b"x" * 30)] == ["a"]
    with pytest.raises(EventTooLarge, match="limit of 20 bytes") as caught:
        parser.feed(b"data: b\n\n")
    assert (caught.value.limit, caught.value.offset) == (20, 9)
    with pytest.raises(EventTooLarge):
        parser.close()
    assert [finding.code for finding in parser.findings] == ["too-large"]


@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_limit_counts_the_lines_without_the_blank_line(line_end: bytes) -> None:
    data = b"data: abc" + line_end
    assert len(feed([data + line_end], max_event_bytes=len(data))[0]) == 1
    with pytest.raises(EventTooLarge):
        feed([data + line_end], max_event_bytes=len(data) - 1)


def test_long_event_in_many_pieces() -> None:
    text = "é" * 100_000
    events, findings = feed(cut(f"id: 1\r\ndata: {text}\r\n\r\n".encode(), list(range(7, 200_000, 997))))
    assert dispatched(events) == [("message", text, "1", None)]
    assert findings == []


def test_closed_parser_takes_no_more() -> None:
    parser = EventStreamParser()
    parser.close()
    assert parser.close() == []
    with pytest.raises(ValueError, match="closed"):
        parser.feed(b"")


def test_limit_has_to_be_positive() -> None:
    with pytest.raises(ValueError, match="at least 1"):
        EventStreamParser(max_event_bytes=0)
