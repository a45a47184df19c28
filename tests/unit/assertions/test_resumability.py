from __future__ import annotations

import pytest

from pytest_mcp_http.assertions import RequirementViolated, assert_event_ids_unique
from pytest_mcp_http.wire.exchange import Chunk, Exchange, Request
from pytest_mcp_http.wire.headers import Headers


def stream(*ids: str) -> Exchange:
    body = "".join(f"id: {id}\ndata: {{}}\n\n" for id in ids) + "data: {}\n\n"
    return Exchange(
        Request("POST", "http://127.0.0.1/mcp", Headers(())),
        status=200,
        headers=Headers((("Content-Type", "text/event-stream"),)),
        chunks=(Chunk(body.encode(), 0.0),),
    )


def test_event_ids_are_unique() -> None:
    assert_event_ids_unique([stream("a-1", "a-2"), stream("b-1"), stream()])
    with pytest.raises(RequirementViolated, match="another stream"):
        assert_event_ids_unique([stream("1", "2"), stream("1")])
    with pytest.raises(RequirementViolated, match="the same stream"):
        assert_event_ids_unique([stream("1", "1")])
