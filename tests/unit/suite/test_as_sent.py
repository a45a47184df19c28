"""Which streams are judged by a header that proxies take out."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from pytest_mcp_http.errors import NotVerified
from pytest_mcp_http.suite import _as_sent
from pytest_mcp_http.suite._as_sent import streams_as_sent
from pytest_mcp_http.suite._hops import Pair
from pytest_mcp_http.wire.exchange import Exchange, Request
from pytest_mcp_http.wire.headers import Headers

REQUEST = Request("POST", "http://h/mcp", Headers(()), b"{}")
NO = ("X-Accel-Buffering", "no")


def stream(*lines: tuple[str, str], media_type: str = "text/event-stream") -> Exchange:
    return Exchange(REQUEST, 200, headers=Headers([("Content-Type", media_type), *lines]))


def judged(
    monkeypatch: pytest.MonkeyPatch, seen: list[Exchange], past: list[Exchange] | None = None
) -> list[Exchange]:
    pairs = [Pair("listen", each, each, each) for each in past or []]
    monkeypatch.setattr(_as_sent, "all_streams", lambda tour: seen)
    monkeypatch.setattr(_as_sent, "comparison", lambda tour: SimpleNamespace(pairs=pairs))
    tour: Any = SimpleNamespace(
        target=SimpleNamespace(direct=None if past is None else "http://10.0.0.11/mcp")
    )
    return streams_as_sent(tour)


@pytest.mark.parametrize("server", ["nginx", "nginx/1.31.3", "openresty/1.27.1.2"])
def test_nginx_that_takes_the_header_out_is_not_held_against_the_server(
    monkeypatch: pytest.MonkeyPatch, server: str
) -> None:
    with pytest.raises(NotVerified, match=f"^{server} answers.*add --mcp-direct URL"):
        judged(monkeypatch, [stream(NO), stream(("Server", server))])


@pytest.mark.parametrize(
    "lines", [(), (("Server", "uvicorn"),), (("Server", "my-nginx"),)], ids=["none", "other", "like"]
)
def test_without_such_a_proxy_the_server_left_it_out(
    monkeypatch: pytest.MonkeyPatch, lines: tuple[tuple[str, str], ...]
) -> None:
    seen = [stream(*lines)]
    assert judged(monkeypatch, seen) == seen


def test_nginx_that_passes_it_on_is_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = [stream(("Server", "nginx"), ("X-Accel-Buffering", "yes"))]
    assert judged(monkeypatch, seen) == seen


def test_past_the_proxy_it_is_judged_as_it_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, sent = [stream(("Server", "nginx"))], stream()
    assert judged(monkeypatch, seen, [stream(media_type="application/json"), sent]) == [sent]


def test_past_the_proxy_without_streams_the_proxy_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    past = [stream(media_type="application/json")]
    assert judged(monkeypatch, plain := [stream()], past) == plain
    with pytest.raises(NotVerified):
        judged(monkeypatch, [stream(("Server", "nginx"))], past)


@pytest.mark.parametrize("server", ["nginx", "uvicorn"])
def test_what_is_passed_on_once_was_left_out_elsewhere(monkeypatch: pytest.MonkeyPatch, server: str) -> None:
    seen = [stream(("Server", server), NO), stream(("Server", server))]
    assert judged(monkeypatch, seen) == seen
    assert judged(monkeypatch, seen, [stream(NO)]) == seen
