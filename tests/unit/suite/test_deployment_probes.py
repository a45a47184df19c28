"""The probes of the chapter deployment: twins of paths, redirects, arrival of events, silent gaps."""

from __future__ import annotations

import gzip
import json
import zlib

import pytest

from pytest_mcp_http.suite._arrival import Arrival, reports
from pytest_mcp_http.suite._deployment import leads_elsewhere, twin_of
from pytest_mcp_http.suite._idle import Held
from pytest_mcp_http.wire.exchange import Chunk, Exchange, Request
from pytest_mcp_http.wire.headers import Headers

SSE = ("Content-Type", "text/event-stream")


def exchange(status: int, *lines: tuple[str, str], chunks: tuple[Chunk, ...] = ()) -> Exchange:
    request = Request("POST", "https://h.example/mcp/", Headers(()), b"{}")
    return Exchange(request, status, headers=Headers(lines), chunks=chunks)


@pytest.mark.parametrize(
    ("url", "twin"),
    [
        ("http://h/mcp", "http://h/mcp/"),
        ("http://h/mcp/", "http://h/mcp"),
        ("https://h:8/a/b?k=v", "https://h:8/a/b/?k=v"),
        ("http://h", "http://h/"),
    ],
)
def test_twin_of_a_url(url: str, twin: str) -> None:
    assert twin_of(url) == twin


@pytest.mark.parametrize(
    ("location", "elsewhere"),
    [
        ("/mcp", False),
        ("mcp", False),
        ("https://h.example/mcp", False),
        ("https://H.EXAMPLE/mcp", False),
        ("http://h.example/mcp", True),
        ("https://h.example:8443/mcp", True),
        ("//other.example/mcp", True),
        (None, False),
    ],
)
def test_redirects_that_lead_elsewhere(location: str | None, elsewhere: bool) -> None:
    lines = () if location is None else (("Location", location),)
    assert leads_elsewhere(exchange(307, *lines)) is elsewhere
    assert not leads_elsewhere(exchange(200, *lines))


def progress(number: int) -> bytes:
    message = {"jsonrpc": "2.0", "method": "notifications/progress", "params": {"progress": number}}
    return f"data: {json.dumps(message)}\n\n".encode()


def test_arrival_of_plain_events() -> None:
    chunks = (Chunk(progress(1)[:20], 0.1), Chunk(progress(1)[20:], 0.2), Chunk(progress(2) * 2, 0.5))
    assert reports(exchange(200, SSE, chunks=chunks), packed=False) == (0.2, 0.5, 0.5)


def test_arrival_of_compressed_events() -> None:
    packer = zlib.compressobj(wbits=31)
    chunks = [Chunk(packer.compress(progress(n)) + packer.flush(zlib.Z_SYNC_FLUSH), n / 10) for n in (1, 2)]
    assert reports(exchange(200, SSE, chunks=tuple(chunks)), packed=True) == (0.1, 0.2)
    whole = gzip.compress(progress(1) + progress(2))
    late = (Chunk(whole[:10], 0.1), Chunk(whole[10:], 0.9))
    assert reports(exchange(200, SSE, chunks=late), packed=True) == (0.9, 0.9)
    assert reports(exchange(200, SSE, chunks=(Chunk(b"no gzip at all", 0.1),)), packed=True) == ()


@pytest.mark.parametrize(("times", "lumped"), [((0.1, 0.2, 0.3, 0.4), False), ((0.4, 0.4, 0.4, 0.41), True)])
def test_events_in_one_lump(times: tuple[float, ...], lumped: bool) -> None:
    assert Arrival(exchange(200, SSE), "", times, 0.1).lumped is lumped


def test_silence_of_a_stream() -> None:
    chunks = (Chunk(b": \n\n", 1.0), Chunk(b": \n\n", 4.0), Chunk(b"id: 1\ndata:\n\n", 4.5))
    held = Held("the stream", exchange(200, SSE, chunks=chunks), 6.0, alive=True)
    assert held.gap == 3.0
    assert held.keep_alives == 2
    assert held.fate == "the stream was open after 6.0 s; the longest silence was 3.0 s, 2 keep-alives"
    silent = Held("the stream", exchange(200, SSE), 6.0, alive=False)
    assert silent.gap == 6.0
    assert "in good order" in silent.fate
    assert "no keep-alive" in silent.fate
