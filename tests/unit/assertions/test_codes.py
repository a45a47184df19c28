from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pytest_mcp_http.assertions.codes import (
    assert_code_retired,
    assert_custom_codes_outside,
    assert_defined_code_fits,
    assert_legacy_codes_avoided,
    assert_reserved_codes_defined,
    headers_at_fault,
)
from pytest_mcp_http.client import McpClient
from pytest_mcp_http.dialect import PROTOCOL_VERSION
from pytest_mcp_http.errors import RequirementViolated
from pytest_mcp_http.wire import jsonrpc
from pytest_mcp_http.wire.exchange import Chunk, Exchange
from pytest_mcp_http.wire.headers import Headers
from pytest_mcp_http.wire.http import HttpWire

CHECKS: dict[str, Callable[[Exchange], Exchange]] = {
    "-32002": lambda exchange: assert_code_retired(exchange, -32002),
    "-32042": lambda exchange: assert_code_retired(exchange, -32042),
    "reserved": assert_reserved_codes_defined,
    "legacy": assert_legacy_codes_avoided,
    "custom": assert_custom_codes_outside,
}


def error(code: object, id: object = 1) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": "no"}}


def broken(exchange: Exchange) -> set[str]:
    return {name for name, check in CHECKS.items() if violates(check, exchange)}


def violates(check: Callable[[Exchange], Exchange], exchange: Exchange) -> bool:
    try:
        return check(exchange) is not exchange
    except RequirementViolated:
        return True


@pytest.mark.parametrize(
    ("code", "names"),
    [
        (-32769, set()),
        (-32768, {"custom"}),
        (-32700, set()),
        (-32604, {"custom"}),
        (-32603, set()),
        (-32600, set()),
        (-32500, {"custom"}),
        (-32100, {"custom"}),
        (-32099, {"reserved"}),
        (-32042, {"-32042"}),
        (-32023, {"reserved"}),
        (-32022, set()),
        (-32020, set()),
        (-32019, {"legacy"}),
        (-32002, {"-32002"}),
        (-32000, {"legacy"}),
        (-31999, set()),
        (0, set()),
        (1001, set()),
    ],
)
def test_each_code_breaks_one_rule_at_most(reply: Any, code: int, names: set[str]) -> None:
    assert broken(reply(error(code), status=400)) == names
    assert broken(reply(error(code), stream=True)) == names


@pytest.mark.parametrize("code", ["-32002", -32002.5, None, True, [-32002], {}])
def test_what_is_no_integer_is_judged_elsewhere(reply: Any, code: object) -> None:
    assert broken(reply(error(code))) == set()


def test_every_error_of_a_stream_counts(reply: Any) -> None:
    assert broken(reply(error(-32600), error(-32002), stream=True)) == {"-32002"}


@pytest.mark.parametrize(
    "body", [b"", b"<h1>Oops</h1>", b"[]", b"[[]]", b"5", b'{"error":5}', b'{"error":{}}']
)
def test_other_bodies_are_none_of_theirs(reply: Any, body: Any) -> None:
    assert broken(reply(body)) == set()


def sent(
    method: str = "prompts/get",
    params: object = None,
    *,
    meta: Any = {},  # noqa: B006 - read only
    headers: dict[str, str | None] | None = None,
    body: bytes | None = None,
    code: int = -32020,
    revision: str = "2026-07-28",
) -> Exchange:
    """Return the exchange of a client that was answered with an error."""
    with HttpWire() as wire:
        client = McpClient("http://127.0.0.1/mcp", revision, wire)
        message = client.message(method, {"name": "é"} if params is None else params, meta=meta)
        request = client.build("POST", message if body is None else body, headers)
    answer = jsonrpc.encode(error(code, message.get("id")))
    lines = Headers((("content-type", "application/json"),))
    return Exchange(request, 400, headers=lines, chunks=(Chunk(answer, 0.0),))


def test_headers_of_a_right_request_are_right() -> None:
    for method, params in (
        ("server/discover", jsonrpc.ABSENT),
        ("prompts/get", {"name": "é"}),
        ("prompts/get", {"name": "plain"}),
        ("resources/read", {"uri": "a://b"}),
        ("vendor/none", {}),
    ):
        assert not headers_at_fault(sent(method, params))


@pytest.mark.parametrize(
    "options",
    [
        {"headers": {"Mcp-Method": None}},
        {"headers": {"Mcp-Method": "prompts/list"}},
        {"headers": {"mcp-name": None}},
        {"headers": {"Mcp-Name": "other"}},
        {"headers": {"MCP-Protocol-Version": None}},
        {"headers": {"MCP-Protocol-Version": "2027-01-01"}},
        {"meta": None},
        {"meta": {PROTOCOL_VERSION: 5}},
        {"params": {}},
        {"params": {"name": 5}},
        {"params": {"name": 5}, "headers": {"Mcp-Name": "5"}},
        {"params": "x"},
        {"params": {"name": "x", "_meta": []}},
        {"body": b"1", "headers": {"Mcp-Method": "server/discover"}},
        {"body": b'{"jsonrpc":"2.0","id":1,"method":5}', "headers": {"Mcp-Method": "server/discover"}},
        {"body": b"{}"},
    ],
)
def test_headers_that_are_missing_or_differ_are_at_fault(options: dict[str, Any]) -> None:
    assert headers_at_fault(sent(**options))


def test_what_cannot_be_read_is_compared_with_nothing() -> None:
    assert not headers_at_fault(sent(body=b"{"))
    assert not headers_at_fault(Exchange(sent(body=b"").request))


def test_handshake_revisions_repeat_nothing() -> None:
    assert not headers_at_fault(sent(revision="2025-11-25"))


@pytest.mark.parametrize(
    ("options", "needs_capability", "fits"),
    [
        ({"code": -32020}, True, False),
        ({"code": -32020, "headers": {"Mcp-Name": None}}, True, True),
        ({"code": -32021}, True, True),
        ({"code": -32021}, False, False),
        ({"code": -32022}, True, False),
        ({"code": -32602}, False, True),
        ({"code": -32023}, False, True),
    ],
)
def test_defined_codes_fit_their_meaning(options: dict[str, Any], needs_capability: bool, fits: bool) -> None:
    exchange = sent(**options)
    if fits:
        assert assert_defined_code_fits(exchange, needs_capability=needs_capability) is exchange
    else:
        with pytest.raises(RequirementViolated, match=str(options["code"])):
            assert_defined_code_fits(exchange, needs_capability=needs_capability)
