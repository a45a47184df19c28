"""Header lines as they came, media types, visible ASCII."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_mcp_http.wire.headers import Headers, is_visible_ascii, parse_media_type


def test_lines_keep_order_spelling_and_repetition() -> None:
    headers = Headers([(b"X-A", b"1"), ("mcp-session-id", " s\t"), (b"x-a", b"2"), (b"X-B", b"caf\xe9")])
    assert headers.items() == [("X-A", "1"), ("mcp-session-id", " s\t"), ("x-a", "2"), ("X-B", "café")]
    assert list(headers) == headers.items()
    assert len(headers) == 4


def test_names_are_matched_in_any_case_and_values_without_space_around() -> None:
    headers = Headers([("X-A", " 1, 2 "), ("x-a", "3")])
    assert headers.get("x-A") == "1, 2"
    assert headers.get_all("X-a") == ["1, 2", "3"]
    assert headers.get("x-b") is None
    assert headers.get_all("x-b") == []
    assert "X-a" in headers
    assert "x-b" not in headers
    assert 1 not in headers


def test_equality_is_of_lines() -> None:
    assert Headers([("a", "1")]) == Headers([(b"a", b"1")])
    assert hash(Headers([("a", "1")])) == hash(Headers([(b"a", b"1")]))
    assert Headers([("a", "1")]) != Headers([("A", "1")])
    assert Headers() != ()
    assert repr(Headers([("a", "1")])) == "Headers(['a'])"  # a value may be a secret


@given(st.lists(st.tuples(st.binary(max_size=8), st.binary(max_size=8))))
def test_any_bytes_survive(lines: list[tuple[bytes, bytes]]) -> None:
    kept = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in Headers(lines).items()]
    assert kept == lines


@pytest.mark.parametrize(
    ("value", "essence", "parameters"),
    [
        ("application/json", "application/json", {}),
        (" Text/Event-Stream\t", "text/event-stream", {}),
        ("text/event-stream;charset=UTF-8", "text/event-stream", {"charset": "UTF-8"}),
        ("text/html ; Charset=utf-8 ; a=b", "text/html", {"charset": "utf-8", "a": "b"}),
        ('a/b; x="q; \\"r\\" é"', "a/b", {"x": 'q; "r" é'}),
        ('a/b; x=""', "a/b", {"x": ""}),
        ("a/b;", "a/b", {}),
        ("a/b; ; x=1", "a/b", {"x": "1"}),
        ("a/b; x=1; X=2", "a/b", {"x": "1"}),
        ("application/vnd.a+json", "application/vnd.a+json", {}),
        ("application/x-text/event-streamz", None, {}),
        ("application/json, text/html", None, {}),
        ("", None, {}),
        ("json", None, {}),
        ("/json", None, {}),
        ("application/", None, {}),
        ("application / json", None, {}),
        ("a/b; x", None, {}),
        ("a/b; x=", None, {}),
        ("a/b; x = 1", None, {}),
        ('a/b; x="1', None, {}),
        ("a/b x=1", None, {}),
        ("a/b\n", None, {}),
    ],
)
def test_media_type(value: str, essence: str | None, parameters: dict[str, str]) -> None:
    media_type = parse_media_type(value)
    assert (media_type and media_type.essence) == essence
    if media_type is not None:
        assert media_type.parameters == parameters
        assert f"{media_type.type}/{media_type.subtype}" == essence


@given(st.text(max_size=40) | st.text('ab/;="\\ \t', max_size=40))
def test_any_value_gives_a_media_type_or_none(value: str) -> None:
    media_type = parse_media_type(value)
    assert media_type is None or media_type.essence == media_type.essence.lower()


@pytest.mark.parametrize("value", ["!", "~", "abc-123", "".join(map(chr, range(0x21, 0x7F)))])
def test_visible_ascii(value: str) -> None:
    assert is_visible_ascii(value)


@pytest.mark.parametrize("value", ["", " ", "a b", "a\t", "\x7f", "\x00", "é", "a\n", "٣"])
def test_not_visible_ascii(value: str) -> None:
    assert not is_visible_ascii(value)
