"""JSON-RPC messages: kinds, findings about the text and the envelope, ids, writing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pytest_mcp_http.wire import jsonrpc
from pytest_mcp_http.wire.jsonrpc import ABSENT, Kind, Message, classify, decode, same_id

V = {"jsonrpc": "2.0"}
ERROR = {"code": -32600, "message": "no"}


def codes(message: Message) -> list[str]:
    return [finding.code for finding in message.findings]


ENVELOPES: dict[str, tuple[Any, Kind, list[str]]] = {
    "request": ({**V, "id": 1, "method": "ping"}, Kind.REQUEST, []),
    "request with params": ({**V, "id": "a", "method": "ping", "params": {}}, Kind.REQUEST, []),
    "notification": ({**V, "method": "notifications/x"}, Kind.NOTIFICATION, []),
    "result": ({**V, "id": 0, "result": {}}, Kind.RESULT, []),
    "result with an empty id": ({**V, "id": "", "result": {}}, Kind.RESULT, []),
    "error": ({**V, "id": -1, "error": ERROR}, Kind.ERROR, []),
    "error with null id": ({**V, "id": None, "error": ERROR}, Kind.ERROR, []),
    "error without id": ({**V, "error": ERROR}, Kind.ERROR, []),
    "extra members": ({**V, "id": 1, "result": {}, "x": 1}, Kind.RESULT, []),
    "no version": ({"id": 1, "method": "ping"}, Kind.REQUEST, ["version"]),
    "version 1.0": ({"jsonrpc": "1.0", "id": 1, "method": "ping"}, Kind.REQUEST, ["version"]),
    "version as number": ({"jsonrpc": 2.0, "id": 1, "method": "ping"}, Kind.REQUEST, ["version"]),
    "null id": ({**V, "id": None, "method": "ping"}, Kind.REQUEST, ["id-null"]),
    "true id": ({**V, "id": True, "method": "ping"}, Kind.REQUEST, ["id-type"]),
    "object id": ({**V, "id": {}, "method": "ping"}, Kind.REQUEST, ["id-type"]),
    "fraction id": ({**V, "id": 1.5, "method": "ping"}, Kind.REQUEST, ["id-type"]),
    "id 1.0": ({**V, "id": 1.0, "result": {}}, Kind.RESULT, ["id-float"]),
    "array id of an error": ({**V, "id": [], "error": ERROR}, Kind.ERROR, ["id-type"]),
    "result without id": ({**V, "result": {}}, Kind.RESULT, ["id-missing"]),
    "result with null id": ({**V, "id": None, "result": {}}, Kind.RESULT, ["id-null"]),
    "result and error": ({**V, "id": 1, "result": {}, "error": ERROR}, Kind.INVALID, ["result-and-error"]),
    "null result and error": (
        {**V, "id": 1, "result": None, "error": ERROR},
        Kind.INVALID,
        ["result-and-error"],
    ),
    "method and result": ({**V, "id": 1, "method": "x", "result": {}}, Kind.INVALID, ["method-and-response"]),
    "neither": ({**V, "id": 1}, Kind.INVALID, ["neither"]),
    "empty object": ({}, Kind.INVALID, ["version", "neither"]),
    "method number": ({**V, "id": 1, "method": 7}, Kind.INVALID, ["method-type"]),
    "notification with id": (
        {**V, "id": 1, "method": "notifications/x"},
        Kind.REQUEST,
        ["notification-with-id"],
    ),
    "params array": ({**V, "id": 1, "method": "x", "params": []}, Kind.REQUEST, ["params-type"]),
    "params null": ({**V, "method": "x", "params": None}, Kind.NOTIFICATION, ["params-type"]),
    "result null": ({**V, "id": 1, "result": None}, Kind.RESULT, ["result-not-object"]),
    "result array": ({**V, "id": 1, "result": []}, Kind.RESULT, ["result-not-object"]),
    "error string": ({**V, "id": 1, "error": "no"}, Kind.ERROR, ["error-shape"]),
    "error null": ({**V, "id": 1, "error": None}, Kind.ERROR, ["error-shape"]),
    "empty error": ({**V, "id": 1, "error": {}}, Kind.ERROR, ["error-shape", "error-shape"]),
    "code string": ({**V, "id": 1, "error": {"code": "1", "message": ""}}, Kind.ERROR, ["error-code-type"]),
    "code true": ({**V, "id": 1, "error": {"code": True, "message": ""}}, Kind.ERROR, ["error-code-type"]),
    "code 1.5": ({**V, "id": 1, "error": {"code": 1.5, "message": ""}}, Kind.ERROR, ["error-code-type"]),
    "message null": (
        {**V, "id": 1, "error": {"code": 1, "message": None}},
        Kind.ERROR,
        ["error-message-type"],
    ),
    "string": ("ping", Kind.INVALID, ["not-an-object"]),
    "null": (None, Kind.INVALID, ["not-an-object"]),
    "empty batch": ([], Kind.INVALID, ["empty-batch"]),
    "huge batch": ([{}] * (jsonrpc.MAX_MEMBERS + 1), Kind.INVALID, ["huge-batch"]),
}


@pytest.mark.parametrize("case", ENVELOPES.values(), ids=ENVELOPES)
def test_envelope(case: tuple[Any, Kind, list[str]]) -> None:
    value, kind, expected = case
    message = classify(value)
    assert (message.kind, codes(message)) == (kind, expected)
    assert decode(json.dumps(value).encode()) == message


TEXTS: dict[str, tuple[bytes, Kind, list[str]]] = {
    "space around": (b' \r\n\t{"jsonrpc":"2.0","method":"x"}\n', Kind.NOTIFICATION, []),
    "empty": (b"", Kind.INVALID, ["invalid-json"]),
    "space": (b" \n", Kind.INVALID, ["invalid-json"]),
    "HTML": (b"<html>", Kind.INVALID, ["invalid-json"]),
    "cut": (b'{"jsonrpc":"2.0","id":1,"res', Kind.INVALID, ["invalid-json"]),
    "single quotes": (b"{'a':1}", Kind.INVALID, ["invalid-json"]),
    "trailing comma": (b'{"a":1,}', Kind.INVALID, ["invalid-json"]),
    "raw line end in a string": (b'{"a":"\n"}', Kind.INVALID, ["invalid-json"]),
    "no-break space": ('\u00a0{"a":1}'.encode(), Kind.INVALID, ["invalid-json"]),
    "two messages": (b'{"jsonrpc":"2.0","method":"x"}\n{}', Kind.INVALID, ["trailing-data"]),
    "BOM": (b'\xef\xbb\xbf{"jsonrpc":"2.0","method":"x"}', Kind.NOTIFICATION, ["bom"]),
    "invalid byte": (b'{"jsonrpc":"2.0","method":"\xff"}', Kind.INVALID, ["invalid-utf8"]),
    "UTF-16": ('{"jsonrpc":"2.0"}'.encode("utf-16"), Kind.INVALID, ["invalid-utf8", "invalid-json"]),
    "NaN": (b'{"jsonrpc":"2.0","id":1,"result":{"a":NaN}}', Kind.INVALID, ["non-finite-number"]),
    "-Infinity": (b'{"jsonrpc":"2.0","id":1,"result":{"a":-Infinity}}', Kind.INVALID, ["non-finite-number"]),
    "1e999": (b'{"jsonrpc":"2.0","id":1,"result":{"a":1e999}}', Kind.RESULT, ["huge-number"]),
    "5000 digits": (
        b'{"jsonrpc":"2.0","id":1,"result":{"a":-%s}}' % (b"9" * 5000),
        Kind.RESULT,
        ["huge-number"],
    ),
    "twice the same member": (b'{"jsonrpc":"2.0","id":1,"id":2,"result":{}}', Kind.RESULT, ["duplicate-key"]),
    "half a pair": (b'{"jsonrpc":"2.0","method":"\\ud800"}', Kind.NOTIFICATION, ["lone-surrogate"]),
    "a whole pair": (b'{"jsonrpc":"2.0","method":"\\ud83c\\udf89"}', Kind.NOTIFICATION, []),
    "escaped backslash": (b'{"jsonrpc":"2.0","method":"\\\\ud800"}', Kind.NOTIFICATION, []),
}


@pytest.mark.parametrize("case", TEXTS.values(), ids=TEXTS)
def test_text(case: tuple[bytes, Kind, list[str]]) -> None:
    body, kind, expected = case
    message = decode(body)
    assert message.kind is kind
    assert codes(message)[: len(expected)] == expected
    assert kind is Kind.INVALID or codes(message) == expected


def test_every_code_is_explained_and_seen() -> None:
    cases = [*ENVELOPES.values(), *TEXTS.values()]
    seen = {code for _, _, expected in cases for code in expected}
    assert seen | {"too-deep"} == set(jsonrpc.FINDING_MEANINGS)


def test_invalid_message_keeps_what_could_be_read() -> None:
    message = decode(b'{"jsonrpc":"2.0","id":7,"result":{"a":"\xff"}}')
    assert (message.kind, message.id, message.result) == (Kind.INVALID, 7, {"a": "\ufffd"})


def test_findings_name_the_place() -> None:
    body = b'{"jsonrpc":"2.0","id":1,"result":{"a/b":[{"x":1,"x":2}],"c~":"\\udc00"}}'
    assert [(f.code, f.path) for f in decode(body).findings] == [
        ("duplicate-key", "/result/a~1b/0"),
        ("lone-surrogate", "/result/c~0"),
    ]


def test_duplicate_in_a_lost_member_is_still_found() -> None:
    message = decode(b'{"jsonrpc":"2.0","method":"x","params":{"a":1,"a":2},"params":{}}')
    assert sorted(finding.detail for finding in message.findings) == [
        'member "a" is given twice',
        'member "params" is given twice',
    ]


def test_findings_are_bounded() -> None:
    body = b'{"jsonrpc":"2.0","id":1,"result":{"a":[%s]}}' % b",".join([b'{"x":1,"x":"\\ud800"}'] * 1000)
    assert len(decode(body).findings) == jsonrpc.MAX_FINDINGS


def test_batch_has_a_message_per_member() -> None:
    batch = decode(b'[{"jsonrpc":"2.0","id":1,"method":"x"}, 7, [], {"jsonrpc":"2.0","method":"y"}]')
    assert batch.kind is Kind.BATCH
    assert [m.kind for m in batch.members] == [Kind.REQUEST, Kind.INVALID, Kind.INVALID, Kind.NOTIFICATION]
    assert [codes(m) for m in batch.members] == [[], ["not-an-object"], ["not-an-object"], []]
    assert batch.findings == ()


def test_members_that_are_absent_are_not_null() -> None:
    message = classify({**V, "id": None, "error": ERROR})
    assert message.id is None
    assert message.params is ABSENT
    assert classify({**V, "error": ERROR}).id is ABSENT
    assert repr(ABSENT) == "ABSENT"


@pytest.mark.parametrize("depth", [9, 10, 11, 100_000])
@pytest.mark.parametrize("shape", [(b"[", b"]"), (b'{"a":', b"}")], ids=["array", "object"])
def test_depth_is_limited(depth: int, shape: tuple[bytes, bytes]) -> None:
    body = shape[0] * depth + b"1" + shape[1] * depth
    assert ("too-deep" in codes(decode(body, max_depth=10))) == (depth > 10)


@pytest.mark.parametrize("depth", [10, 11])
def test_depth_is_limited_beside_other_brackets(depth: int) -> None:
    body = b"[[],[],[]," + b"[" * (depth - 1) + b"]" * depth
    assert ("too-deep" in codes(decode(body, max_depth=10))) == (depth > 10)


def test_brackets_in_strings_do_not_nest() -> None:
    text = '\\" [[[[ {{{{ \\\\'
    message = decode(json.dumps({**V, "method": text, "params": {"a": ["["] * 50}}).encode(), max_depth=4)
    assert (message.kind, message.method, message.findings) == (Kind.NOTIFICATION, text, ())


def test_many_brackets_side_by_side_do_not_nest() -> None:
    assert decode(json.dumps({**V, "id": 1, "result": {"a": [[]] * 1000}}).encode()).findings == ()


def test_a_limit_beyond_the_stack_still_does_not_raise() -> None:
    assert codes(decode(b"[" * 200_000, max_depth=10**6)) == ["too-deep"]


JSONISH = st.lists(
    st.sampled_from(
        [b"{", b"}", b"[", b"]", b":", b",", b'"', b"\\", b"\\ud800", b'"id"', b'"jsonrpc":"2.0"', b"1"]
    )
    | st.sampled_from(
        [b"NaN", b"1e999", b"null", b"true", b"-", b" ", b"\xff", b"\xef\xbb\xbf", b"9" * 2000]
    ),
    max_size=30,
).map(b"".join)


@given(body=st.binary(max_size=60) | JSONISH)
def test_any_bytes_give_a_message(body: bytes) -> None:
    message = decode(body)
    invalid = any(jsonrpc.FINDING_MEANINGS[code].invalid for code in codes(message))
    assert invalid == (message.kind is Kind.INVALID)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
NAMES = st.sampled_from(["jsonrpc", "id", "method", "params", "result", "error"])


@given(value=VALUES | st.dictionaries(NAMES, VALUES | st.just("2.0"), max_size=6))
def test_any_value_is_classified_and_survives_writing(value: Any) -> None:
    message = classify(value)
    assert decode(jsonrpc.encode(value)) == message
    assert message.value == value


SAME_IDS = [(1, 1), ("1", "1"), ("", ""), (None, None), (1, 1.0)]
OTHER_IDS = [
    (1, "1"),
    (1, True),
    (0, False),
    (0, None),
    (1, 1.5),
    ("é", "e\u0301"),
    ("a", "A"),
    (2**53, 2**53 + 1),
]


@pytest.mark.parametrize("pair", SAME_IDS, ids=repr)
def test_same_id(pair: tuple[object, object]) -> None:
    assert same_id(*pair)
    assert same_id(*reversed(pair))


@pytest.mark.parametrize("pair", [*OTHER_IDS, (None, ABSENT)], ids=repr)
def test_other_id(pair: tuple[object, object]) -> None:
    assert not same_id(*pair)
    assert not same_id(*reversed(pair))


def test_building_and_writing() -> None:
    assert jsonrpc.request("x", id=1) == {**V, "id": 1, "method": "x"}
    assert jsonrpc.request("x", None, id=None) == {**V, "id": None, "method": "x", "params": None}
    assert jsonrpc.notification("x", {"a": 1}) == {**V, "method": "x", "params": {"a": 1}}
    assert "params" not in jsonrpc.notification("x")
    assert jsonrpc.encode({"a": ["é", 1]}) == '{"a":["é",1]}'.encode()


def test_half_a_pair_is_written_as_an_escape() -> None:
    assert jsonrpc.encode("\ud800é") == '"\\ud800é"'.encode()


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_json_does_not_have_are_refused(number: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        jsonrpc.encode(number)
