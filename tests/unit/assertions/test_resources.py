from __future__ import annotations

from typing import Any

import pytest

from pytest_mcp_http.assertions.resources import (
    annotations_in,
    assert_blobs_encoded,
    assert_last_modified,
    assert_no_empty_contents,
    assert_not_traversed,
    assert_resource_not_found,
    assert_resource_uris,
    assert_text_is_text,
    assert_text_or_blob,
    assert_unreadable_is_internal,
    assert_uri_refused,
    assert_uris_unique,
    contents_in,
)
from pytest_mcp_http.errors import RequirementViolated


def result(**members: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "result": members}


def contents(*items: Any) -> dict[str, Any]:
    return result(contents=list(items))


def error(code: object) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "error": {"code": code, "message": "m"}}


def caught(judge: Any, *args: Any, **kwargs: Any) -> RequirementViolated:
    with pytest.raises(RequirementViolated) as found:
        judge(*args, **kwargs)
    return found.value


@pytest.mark.parametrize("body", [result(), result(contents=None), result(contents={}), error(1), b"x", 5])
def test_no_contents(reply: Any, body: Any) -> None:
    exchange = reply(body)
    assert contents_in(exchange) is None
    for judge in (assert_text_or_blob, assert_blobs_encoded, assert_text_is_text, assert_no_empty_contents):
        assert judge(exchange) is exchange


def test_contents_that_are_objects(reply: Any) -> None:
    assert contents_in(reply(contents({"text": ""}, 5, None, []))) == [{"text": ""}]


@pytest.mark.parametrize("item", [{"text": ""}, {"blob": ""}])
def test_one_of_text_and_blob(reply: Any, item: Any) -> None:
    assert_text_or_blob(reply(contents(item)))


@pytest.mark.parametrize(
    ("item", "said"), [({"uri": "a:b"}, "no text and no blob"), ({"text": "", "blob": ""}, "text and blob")]
)
def test_both_or_none_of_text_and_blob(reply: Any, item: Any, said: str) -> None:
    assert (
        caught(assert_text_or_blob, reply(contents({"text": ""}, item))).actual == f"contents[1] has {said}"
    )


@pytest.mark.parametrize("blob", ["", "AA==", "YWJj", "+/+/", 5, None])
def test_base64(reply: Any, blob: Any) -> None:
    assert_blobs_encoded(reply(contents({"blob": blob})))


@pytest.mark.parametrize(
    "blob", ["AA", "AA=", "A", "-_-_", "YW Jj", "YWJj\n", "data:,x", "ü", "AAAA" * 99 + "="]
)
def test_no_base64(reply: Any, blob: str) -> None:
    assert caught(assert_blobs_encoded, reply(contents({"blob": blob}))).expected == (
        "base64 (RFC 4648, section 4)",
    )


@pytest.mark.parametrize(
    "item",
    [
        {"text": "Grüße ✓\n"},
        {"text": "<svg/>", "mimeType": "image/svg+xml"},
        {"text": "{}", "mimeType": "application/json; charset=utf-8"},
        {"text": "x", "mimeType": "application/octet-stream"},
        {"text": "x", "mimeType": 5},
        {"text": 5, "mimeType": "image/png"},
        {"blob": "AAAA", "mimeType": "image/png"},
    ],
)
def test_text(reply: Any, item: Any) -> None:
    assert_text_is_text(reply(contents(item)))


@pytest.mark.parametrize(
    ("item", "said", "note"),
    [
        (
            {"text": "aGk=", "mimeType": "Image/PNG; x=y"},
            "contents[0] of the type Image/PNG has a text",
            False,
        ),
        ({"text": "a\0b"}, "the text of contents[0] holds NUL characters", False),
        ({"text": "a\ufffd"}, "the text of contents[0] holds replacement characters", True),
    ],
)
def test_no_text(reply: Any, item: Any, said: str, note: bool) -> None:
    found = caught(assert_text_is_text, reply(contents(item)))
    assert (found.actual, found.note) == (said, note)


@pytest.mark.parametrize(
    "uri",
    [
        "file:///a/b",
        "a:",
        "urn:isbn:1",
        "x+y.z-1://u@[::1]:8/%C3%BC?q=(a)#f",
        "https://a.example",
        "A:b",
        5,
        None,
    ],
)
def test_uris(reply: Any, uri: Any) -> None:
    assert_resource_uris(reply(result(resources=[{"uri": uri}, 7])))


@pytest.mark.parametrize(
    ("uri", "note"),
    [
        ("", False),
        ("notes/today", False),
        ("my_notes://x", False),
        ("1a:b", False),
        ("docs://a b", False),
        ("docs://ü", False),
        ("docs://%zz", False),
        ("docs://a#b#c", False),
        ("docs://<x>", False),
        ("file:///a b", True),
        ("https://a.example/{id}", True),
    ],
)
def test_no_uris(reply: Any, uri: str, note: bool) -> None:
    found = caught(assert_resource_uris, reply(result(resources=[{"uri": "a:b"}, {"uri": uri}])))
    assert (found.actual, found.note) == (f"the uri {uri!r}", note)


def test_worse_uri_counts(reply: Any) -> None:
    exchange = reply(result(resources=[{"uri": "file:///a b"}, {"uri": "x" * 200}]))
    assert caught(assert_resource_uris, exchange).actual == f"the uri {'x' * 97 + '...'!r}"
    assert_resource_uris(reply(result(resources={})))


def test_unique_uris(reply: Any) -> None:
    exchange = reply(result())
    assert assert_uris_unique(exchange, ["a", "b"]) is assert_uris_unique(exchange, [])
    assert caught(assert_uris_unique, exchange, ["a", "b", "b"]).actual == "'b' is listed 2 times"


def test_annotations_are_found_however_deep(reply: Any) -> None:
    value = {"a": [{"annotations": {"n": 1}}, {"b": {"annotations": {"n": 2}}}, {"annotations": 5}]}
    assert sorted(found["n"] for found in annotations_in(value)) == [1, 2]
    assert not list(annotations_in("x"))


@pytest.mark.parametrize(
    "when",
    [
        "2026-01-12T15:00:58Z",
        "2026-01-12T15:00:58.123+01:00",
        "2026-01-12",
        "2026-01",
        "2026",
        "20260112T150058Z",
        "2026-W03-1",
        "2026-012",
        "2026-01-12T15:00",
        "2026-01-12T24:00:00",
        5,
        None,
    ],
)
def test_timestamps(reply: Any, when: Any) -> None:
    assert_last_modified(reply(result(resources=[{"annotations": {"lastModified": when}}, {}])))


@pytest.mark.parametrize(
    "when",
    [
        "",
        "now",
        "12/01/2026",
        "2026-13-01",
        "2026-01-32",
        "2026-01-12 15:00:58",
        "2026-01-12T25:00Z",
        "1768230058",
    ],
)
def test_no_timestamps(reply: Any, when: str) -> None:
    exchange = reply(result(resources=[{"annotations": {"lastModified": when}}]))
    assert caught(assert_last_modified, exchange).actual == f"lastModified is {when!r}"


def test_not_found(reply: Any) -> None:
    assert_resource_not_found(reply(error(-32002)), -32002)
    assert_resource_not_found(reply(error(-32602), status=404), -32602)


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        (error(-32603), 200, "HTTP 200, application/json, JSON-RPC error -32603"),
        (contents(), 200, "HTTP 200, application/json, JSON-RPC result with 0 contents"),
        (contents({"text": "x"}), 200, "HTTP 200, application/json, JSON-RPC result with 1 contents"),
        (b"gone", 404, "HTTP 404, text/html"),
    ],
)
def test_found(reply: Any, body: Any, status: int, said: str) -> None:
    assert caught(assert_resource_not_found, reply(body, status=status), -32602).actual == said


def test_empty_contents(reply: Any) -> None:
    assert_no_empty_contents(reply(contents({"text": ""})))
    assert caught(assert_no_empty_contents, reply(contents())).actual == "a result with no contents"


@pytest.mark.parametrize("status", [200, 400, 500])
def test_internal_error(reply: Any, status: int) -> None:
    assert_unreadable_is_internal(reply(error(-32603), status=status))


@pytest.mark.parametrize(
    ("body", "status", "note"),
    [
        (error(-32601), 200, False),
        (error(-32600), 400, False),
        (error(0), 500, False),
        (b"crash", 500, False),
        (error(0), 200, True),
        (error(-32000), 200, True),
        (b"no", 403, True),
    ],
)
def test_other_error(reply: Any, body: Any, status: int, note: bool) -> None:
    assert caught(assert_unreadable_is_internal, reply(body, status=status)).note is note


@pytest.mark.parametrize(
    ("body", "status"), [(error(-32602), 200), (error(-32603), 200), (contents(), 200), (b"no", 414)]
)
def test_refused_uri(reply: Any, body: Any, status: int) -> None:
    assert_uri_refused(reply(body, status=status), "x")


@pytest.mark.parametrize(
    ("body", "status"), [(contents({"text": ""}), 200), (error(-32602), 500), (b"", None)]
)
def test_unrefused_uri(reply: Any, body: Any, status: int | None) -> None:
    assert caught(assert_uri_refused, reply(body, status=status), "x").actual.endswith(", to the uri x")


def test_odd_uri_may_be_served(reply: Any) -> None:
    assert_uri_refused(reply(contents({"text": ""})), "x", legal=True)
    caught(assert_uri_refused, reply(b"x", status=500), "x", legal=True)


@pytest.mark.parametrize("body", [error(-32602), contents(), b"x", result()])
def test_not_traversed(reply: Any, body: Any) -> None:
    assert_not_traversed(reply(body), "localhost")


@pytest.mark.parametrize(
    ("item", "note"),
    [
        ({"text": "127.0.0.1 localhost"}, False),
        ({"blob": "MTI3LjAuMC4xIGxvY2FsaG9zdAo="}, False),
        ({"text": "Not found"}, True),
        ({"blob": "A"}, True),
        ({"text": 5, "blob": None}, True),
    ],
)
def test_traversed(reply: Any, item: Any, note: bool) -> None:
    assert caught(assert_not_traversed, reply(contents(item)), "localhost").note is note
