from __future__ import annotations

import pytest

from pytest_mcp_http.suite._task_messages import _silence
from pytest_mcp_http.wire.exchange import Chunk, Exchange, Request
from pytest_mcp_http.wire.headers import Headers


@pytest.mark.parametrize(
    ("arrivals", "longest"),
    [([], 1.0), ([0.5], 1.0), ([1.5, 1.75], 0.5), ([1.25, 1.5, 1.75], 0.25), ([1.1, 2.0, 2.5], 0.9)],
)
def test_silence_is_the_longest_time_without_a_byte(arrivals: list[float], longest: float) -> None:
    chunks = tuple(Chunk(b".", at) for at in arrivals)
    exchange = Exchange(Request("GET", "http://127.0.0.1/mcp", Headers(())), chunks=chunks)
    assert _silence(exchange, 1.0, 2.0) == pytest.approx(longest)
