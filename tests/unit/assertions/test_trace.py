from __future__ import annotations

from typing import Any

import pytest

from pytest_mcp_http.assertions.trace import (
    assert_trace_context,
    is_baggage,
    is_traceparent,
    is_tracestate,
    trace_keys,
)
from pytest_mcp_http.errors import RequirementViolated

TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@pytest.mark.parametrize(
    ("value", "valid"),
    [
        (f"00-{TRACE}-{PARENT}-01", True),
        (f"00-{TRACE}-{PARENT}-ff", True),
        (f"01-{TRACE}-{PARENT}-00", True),
        (f"cc-{TRACE}-{PARENT}-00-what-comes-later", True),
        (f"00-{TRACE}-{PARENT}-01-more", False),
        (f"ff-{TRACE}-{PARENT}-01", False),
        (f"00-{'0' * 32}-{PARENT}-01", False),
        (f"00-{TRACE}-{'0' * 16}-01", False),
        (f"00-{TRACE.upper()}-{PARENT}-01", False),
        (f"00-{TRACE}-{PARENT}-1", False),
        (f"00-{TRACE}-{PARENT}-01\n", False),
        (f"cc-{TRACE}-{PARENT}-00more", False),
        (TRACE, False),
        ("", False),
    ],
)
def test_traceparent(value: str, valid: bool) -> None:
    assert is_traceparent(value) is valid


@pytest.mark.parametrize(
    ("value", "valid"),
    [
        ("rojo=00f067aa0ba902b7", True),
        ("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE", True),
        ("rojo=1 ,\tcongo=2", True),
        ("tenant@vendor=a b", True),
        ("1a-_*/=~!", True),
        ("", True),
        ("a=1,,b=2", True),
        ("a=1,a=2", False),
        ("A=1", False),
        ("_a=1", False),
        ("a", False),
        ("a=", False),
        ("a=1=2", False),
        ("a=é", False),
        (f"a={'x' * 256}", True),
        (f"a={'x' * 257}", False),
        (",".join(f"k{i}=1" for i in range(32)), True),
        (",".join(f"k{i}=1" for i in range(33)), False),
    ],
)
def test_tracestate(value: str, valid: bool) -> None:
    assert is_tracestate(value) is valid


@pytest.mark.parametrize(
    ("value", "valid"),
    [
        ("user=alice", True),
        ("user=alice,plan=a%20b", True),
        ("user = alice ; secret ; level = 3 , plan=", True),
        ("a=b=c", True),
        ("user=a person", False),
        ('user="alice"', False),
        ("user", False),
        ("=x", False),
        ("a b=c", False),
        ("a=1,", False),
        ("a=é", False),
        ("", False),
    ],
)
def test_baggage(value: str, valid: bool) -> None:
    assert is_baggage(value) is valid


def answer(**meta: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "result": {"_meta": meta, "tools": [{"name": "x"}]}}


def test_keys_are_found_with_their_place(reply: Any) -> None:
    found = trace_keys(reply(answer(traceparent="x", other=1)))
    assert [(key.key, key.value, key.path) for key in found] == [("traceparent", "x", "result._meta")]


def test_right_values_pass(reply: Any) -> None:
    exchange = reply(answer(traceparent=f"00-{TRACE}-{PARENT}-01", tracestate="a=1", baggage="a=1", x=5))
    assert assert_trace_context(exchange) is exchange
    assert_trace_context(reply(answer()))
    assert_trace_context(reply(b"<h1>Oops</h1>"))


@pytest.mark.parametrize(
    "meta", [{"traceparent": TRACE}, {"tracestate": {"a": "1"}}, {"baggage": None}, {"traceparent": 5}]
)
def test_wrong_values_are_violations(reply: Any, meta: dict[str, Any]) -> None:
    with pytest.raises(RequirementViolated, match=next(iter(meta))):
        assert_trace_context(reply(answer(**meta)))
