from __future__ import annotations

from typing import Any

import pytest

from pytest_mcp_http.errors import NotVerified, RequirementViolated
from pytest_mcp_http.suite._header_judging import refuses_one
from pytest_mcp_http.suite._header_probes import Wrong
from pytest_mcp_http.wire.exchange import Chunk, Exchange, Request
from pytest_mcp_http.wire.headers import Headers
from pytest_mcp_http.wire.jsonrpc import encode


def answer(status: int = 200, **members: Any) -> Exchange:
    return Exchange(
        request=Request("POST", "http://127.0.0.1/mcp", Headers(())),
        status=status,
        headers=Headers((("content-type", "application/json"),)),
        chunks=(Chunk(encode({"jsonrpc": "2.0", "id": 1, **members}), 0.0),),
    )


def error(code: int, status: int = 200) -> Exchange:
    return answer(status, error={"code": code, "message": "m"})


FAILED = answer(result={"content": [], "isError": True})
SERVED = answer(result={"content": []})


@pytest.mark.parametrize(
    ("exchange", "otherwise", "masked"),
    [
        (error(-32602), error(-32602), True),
        (error(-32602, 400), error(-32602), False),
        (error(-32020, 400), error(-32602), False),
        (error(-32602), None, False),
        (FAILED, FAILED, True),
        (SERVED, SERVED, False),
        (FAILED, error(-32602), False),
        (answer(), answer(), False),
    ],
)
def test_the_refusal_that_right_headers_get_masks_the_header(
    exchange: Exchange, otherwise: Exchange | None, masked: bool
) -> None:
    assert Wrong("tools/call without Mcp-Name", exchange, otherwise).masked is masked


def test_what_is_masked_is_noted() -> None:
    with pytest.raises(RequirementViolated, match="before it looks at headers") as caught:
        refuses_one(Wrong("tools/call without Mcp-Name", error(-32602), error(-32602)))
    assert caught.value.note


def test_what_is_served_is_a_violation_whatever_else_is_wrong() -> None:
    with pytest.raises(RequirementViolated) as caught:
        refuses_one(Wrong("tools/call without Mcp-Name", SERVED, error(-32602)))
    assert not caught.value.note


def test_refusals_of_others_tell_nothing() -> None:
    with pytest.raises(NotVerified):
        refuses_one(Wrong("tools/call without Mcp-Name", answer(401)))
    refuses_one(Wrong("tools/call without Mcp-Name", error(-32602, 400), error(-32602)))
