from __future__ import annotations

import gzip
import resource
import socket
import ssl
import sys
import threading
from dataclasses import replace

import pytest

from pytest_mcp_http.wire.exchange import End, Request
from pytest_mcp_http.wire.headers import Headers
from pytest_mcp_http.wire.http import HttpWire, Limits, not_http, ssl_context
from pytest_mcp_http.wire.open_streams import Call
from pytest_mcp_http.wire.recorder import MAX_HEAD, MAX_PIECES, Recorder

SHORT = Limits(connect=2.0, first_byte=0.3, total=0.6, body=1024 * 1024)
SSE_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


def post(url, body=b"{}", *lines):
    return Request("POST", url, Headers(lines), body)


@pytest.fixture
def wire():
    with HttpWire(Limits(connect=5.0, first_byte=10.0, total=15.0, body=1024 * 1024)) as wire:
        yield wire


def answer(*lines, body=b"{}", status=b"200 OK"):
    def handle(connection):
        while connection.read_request():
            connection.reply(body, *lines, status=status)

    return handle


class TestWhatIsSent:
    def test_header_lines_keep_case_order_and_doubles(self, serve, wire):
        peer = serve(answer())
        lines = [("X-b", "1"), ("x-A", "2"), ("X-B", "3"), ("ACCEPT", "a, b"), ("x-bytes", "\xe9\xff")]
        wire.send(Request("POST", peer.url, Headers(lines), b'{"a":1}'))
        assert peer.requests == [
            b"POST /mcp HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nX-b: 1\r\nx-A: 2\r\nX-B: 3\r\nACCEPT: a, b\r\n"
            b'x-bytes: \xe9\xff\r\nContent-Length: 7\r\n\r\n{"a":1}' % peer.port
        ]

    @pytest.mark.parametrize("method", ["GET", "DELETE"])
    def test_a_request_without_body_has_only_a_host_line(self, serve, wire, method):
        peer = serve(answer())
        wire.send(Request(method, peer.url, Headers(())))
        assert peer.requests == [
            b"%s /mcp HTTP/1.1\r\nHost: 127.0.0.1:%d\r\n\r\n" % (method.encode(), peer.port)
        ]

    def test_a_host_line_of_the_caller_replaces_ours(self, serve, wire):
        peer = serve(answer())
        wire.send(post(peer.url, b"", ("Host", "other.example"), ("Content-Length", "0")))
        assert peer.requests == [b"POST /mcp HTTP/1.1\r\nHost: other.example\r\nContent-Length: 0\r\n\r\n"]

    def test_no_redirect_is_followed(self, serve, wire):
        peer = serve(answer(b"Location: /elsewhere", status=b"307 Temporary Redirect"))
        exchange = wire.send(post(peer.url))
        assert (exchange.status, exchange.headers.get("location")) == (307, "/elsewhere")
        assert len(peer.requests) == 1

    def test_no_cookie_is_kept(self, serve, wire):
        peer = serve(answer(b"Set-Cookie: a=b; Path=/"))
        for _ in range(2):
            wire.send(post(peer.url))
        assert peer.requests[0] == peer.requests[1]
        assert b"cookie" not in peer.requests[1].lower()

    def test_nothing_is_sent_again_after_a_reset(self, serve, wire):
        def handle(connection):
            connection.read_request()
            connection.reset()

        peer = serve(handle)
        assert wire.send(post(peer.url)).end is End.RESET
        assert peer.connections == 1

    def test_environment_proxies_and_netrc_are_ignored(self, serve, wire, monkeypatch):
        peer = serve(answer())
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
        monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
        with HttpWire() as fresh:
            assert fresh.send(post(peer.url)).status == 200

    @pytest.mark.parametrize(
        ("lines", "body"),
        [
            ([("X", "a\r\nb")], b""),
            ([("a b", "c")], b""),
            ([("X", "\u20ac")], b""),
            ([("Content-Length", "1")], b"22"),
        ],
        ids=["newline", "name", "beyond-latin-1", "length"],
    )
    def test_what_http_cannot_carry_is_a_value_error(self, serve, wire, lines, body):
        peer = serve(answer())
        with pytest.raises(ValueError, match=r"."):
            wire.send(Request("POST", peer.url, Headers(lines), body))
        with pytest.raises(ValueError, match=r"."):
            wire.open(Request("POST", peer.url, Headers(lines), body))
        assert wire.send(post(peer.url)).status == 200


class TestWhatComesBack:
    def test_header_lines_keep_case_order_and_doubles(self, serve, wire):
        peer = serve(answer(b"B: 1", b"a: x", b"b: 2", b"X-Raw: \xe9"))
        exchange = wire.send(post(peer.url))
        assert exchange.headers.lines == (
            ("B", "1"),
            ("a", "x"),
            ("b", "2"),
            ("X-Raw", "\xe9"),
            ("Content-Length", "2"),
        )
        assert exchange.headers.get_all("B") == ["1", "2"]
        assert exchange.reason == "OK"

    def test_gzip_is_not_decoded(self, serve, wire):
        packed = gzip.compress(b"{}")
        peer = serve(answer(b"Content-Encoding: gzip", body=packed))
        assert wire.send(post(peer.url)).body == packed

    def test_chunks_keep_their_boundaries_and_order(self, serve, wire):
        seen = [threading.Event() for _ in range(3)]

        def handle(connection):
            connection.read_request()
            connection.send(SSE_HEAD)
            for number, event in enumerate(seen):
                connection.send(chunk(b"data: %d\n\n" % number))
                event.wait(10)
            connection.send(b"0\r\n\r\n")

        def stop(exchange):
            seen[len(exchange.chunks) - 1].set()
            return False

        exchange = wire.send(post(serve(handle).url), stop=stop)
        assert [part.data for part in exchange.chunks] == [b"data: 0\n\n", b"data: 1\n\n", b"data: 2\n\n"]
        times = [exchange.headers_at, *(part.at for part in exchange.chunks), exchange.ended_at]
        assert times == sorted(times)
        assert [event.data for event in exchange.events] == ["0", "1", "2"]
        assert exchange.end is End.EOF

    def test_time_counts_from_the_moment_the_connection_stands(self, serve, monkeypatch):
        peer = serve(answer())
        clock = Clock(monkeypatch)
        lookup = socket.getaddrinfo

        def slow_lookup(*args, **kwargs):
            clock.now += 100.0
            return lookup(*args, **kwargs)

        monkeypatch.setattr(socket, "getaddrinfo", slow_lookup)
        with HttpWire() as wire:
            exchange = wire.send(post(peer.url))
        assert exchange.status == 200
        assert exchange.ended_at < 50.0

    def test_stop_closes_the_stream(self, serve, wire):
        closed = threading.Event()

        def handle(connection):
            connection.read_request()
            connection.send(SSE_HEAD + chunk(b"data: 1\n\n"))
            connection.wait_for_end()
            closed.set()

        exchange = wire.send(post(serve(handle).url), stop=lambda exchange: bool(exchange.events))
        assert exchange.end is End.STOPPED
        assert closed.wait(10)

    def test_informational_responses_are_skipped(self, serve, wire):
        def handle(connection):
            connection.read_request()
            connection.send(b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n")
            connection.reply(b"{}")

        assert wire.send(post(serve(handle).url)).status == 200

    @pytest.mark.parametrize("keep_alive", [False, True])
    def test_bytes_after_the_response_are_told_and_reach_no_other_exchange(self, serve, keep_alive):
        def handle(connection):
            if connection.read_request():
                connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}HTTP/1.1 418 Lost\r\n\r\n")
                connection.wait_for_end()

        peer = serve(handle)
        with HttpWire(keep_alive=keep_alive) as wire:
            first, second = wire.send(post(peer.url)), wire.send(post(peer.url))
        assert (first.status, first.body, first.end) == (200, b"{}", End.EOF)
        assert first.detail == "21 more bytes follow the response"
        assert (second.status, second.body) == (200, b"{}")
        assert peer.connections == 2

    @pytest.mark.parametrize(("keep_alive", "connections"), [(False, 3), (True, 1)])
    def test_connections_are_used_again_only_when_asked(self, serve, keep_alive, connections):
        peer = serve(answer())
        with HttpWire(keep_alive=keep_alive) as wire:
            for _ in range(3):
                assert wire.send(post(peer.url)).detail == ""
        assert peer.connections == connections

    def test_a_kept_connection_that_the_server_ended_is_not_used_again(self, serve):
        ended = threading.Event()

        def handle(connection):
            connection.read_request()
            connection.reply(b"{}")
            connection.socket.close()
            ended.set()

        peer = serve(handle)
        with HttpWire(keep_alive=True) as wire:
            for _ in range(2):
                assert wire.send(post(peer.url)).status == 200
                assert ended.wait(10)
                ended.clear()


class Clock:
    """A monotonic clock that a test moves; what waits on sockets keeps real time."""

    def __init__(self, monkeypatch):
        import time

        self.now = 0.0
        real = time.monotonic
        monkeypatch.setattr(time, "monotonic", lambda: real() + self.now)


class TestWhatGoesWrong:
    def send(self, peer, limits=SHORT):
        with HttpWire(limits) as wire:
            return wire.send(post(peer.url))

    def test_refused_connection(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{free.getsockname()[1]}/"
        with HttpWire() as wire:
            exchange = wire.send(post(url))
        assert (exchange.end, exchange.status) == (End.UNREACHABLE, None)
        assert "refused" in exchange.detail.lower()

    def test_unknown_host(self, monkeypatch):
        def lookup(*args, **kwargs):
            raise socket.gaierror(socket.EAI_NONAME, "not known")

        monkeypatch.setattr(socket, "getaddrinfo", lookup)
        with HttpWire() as wire:
            exchange = wire.send(post("http://nowhere.example/"))
        assert exchange.end is End.UNREACHABLE
        assert exchange.detail.startswith("unknown host 'nowhere.example'")

    def test_a_dead_first_address_leaves_the_second(self, serve, monkeypatch):
        peer = serve(answer())
        lookup = socket.getaddrinfo

        def two(host, port, *args, **kwargs):
            alive = lookup("127.0.0.1", peer.port, *args, **kwargs)
            dead = [(*entry[:4], ("127.0.0.2", peer.port)) for entry in alive]
            return dead + alive if host == "two.example" else lookup(host, port, *args, **kwargs)

        monkeypatch.setattr(socket, "getaddrinfo", two)
        with HttpWire() as wire:
            assert wire.send(post(f"http://two.example:{peer.port}/")).status == 200

    def test_silence(self, serve):
        exchange = self.send(serve(lambda connection: connection.wait_for_end()))
        assert (exchange.end, exchange.status) == (End.TIMEOUT, None)
        assert exchange.detail == "no response head within 0.3 s"

    @pytest.mark.parametrize(
        ("start", "drip", "status"),
        [
            (b"HTTP/1.1 200 OK\r\n", b"A: b\r\n", None),
            (b"", b"HTTP/1.1 103 Early Hints\r\n\r\n", None),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", b"x", 200),
            (SSE_HEAD, chunk(b": still here\n\n"), 200),
        ],
        ids=["head", "hints", "body", "keepalive"],
    )
    def test_a_slow_drip_ends_at_the_deadline(self, serve, start, drip, status):
        def handle(connection):
            connection.read_request()
            connection.send(start)
            while not connection.peer.released.wait(0.02):
                connection.send(drip)

        exchange = self.send(serve(handle))
        assert (exchange.end, exchange.status) == (End.TIMEOUT, status)

    def test_a_server_that_never_reads_ends_at_the_deadline(self, serve):
        peer = serve(lambda connection: connection.peer.released.wait(20))
        with HttpWire(SHORT) as wire:
            exchange = wire.send(post(peer.url, b"x" * 50_000_000))
        assert (exchange.end, exchange.status) == (End.TIMEOUT, None)

    def test_an_endless_head_is_bounded(self, serve):
        def handle(connection):
            connection.read_request()
            connection.send(b"HTTP/1.1 200 OK\r\n")
            while True:
                connection.send(b"X-Filler: %s\r\n" % (b"x" * 1000))

        exchange = self.send(serve(handle), Limits())
        assert (exchange.end, exchange.status) == (End.NOT_HTTP, None)
        assert exchange.detail == f"the response head is longer than {MAX_HEAD} bytes"

    def test_a_stream_of_10_gigabytes_is_bounded(self, serve):
        def handle(connection):
            connection.read_request()
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % 10**10)
            block = b"x" * 1024 * 1024
            for _ in range(10_000):
                connection.send(block)

        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        exchange = self.send(serve(handle), Limits())
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert (exchange.end, exchange.status) == (End.TOO_LARGE, 200)
        assert len(exchange.body) == Limits().body
        # Twice the limit is the join above; ru_maxrss counts bytes on macOS and KiB elsewhere.
        assert grown * (1 if sys.platform == "darwin" else 1024) < 100 * 1024 * 1024

    @pytest.mark.parametrize("piece", [b"1\r\nx\r\n", b"3\r\n:\n\n\r\n"], ids=["chunks", "events"])
    def test_tiny_pieces_are_bounded(self, serve, piece):
        def handle(connection):
            connection.read_request()
            connection.send(SSE_HEAD)
            block = piece * 10_000
            while True:
                connection.send(block)

        exchange = self.send(serve(handle), Limits())
        assert exchange.end is End.TOO_LARGE
        assert len(exchange.chunks) == MAX_PIECES

    def test_many_events_in_few_chunks_are_bounded(self, serve):
        def handle(connection):
            connection.read_request()
            connection.send(SSE_HEAD)
            block = chunk(b":\n\n" * 20_000)
            while True:
                connection.send(block)

        exchange = self.send(serve(handle), Limits())
        assert (exchange.end, exchange.detail) == (End.TOO_LARGE, f"more than {MAX_PIECES} pieces of body")
        assert MAX_PIECES <= len(exchange.events) < 2 * MAX_PIECES

    @pytest.mark.parametrize(
        ("sent", "status"),
        [(b"", None), (b"HTTP/1.1 200", None), (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf", 200)],
        ids=["nothing", "half-head", "half-body"],
    )
    @pytest.mark.parametrize("reset", [True, False], ids=["reset", "closed"])
    def test_a_broken_connection(self, serve, sent, status, reset):
        def handle(connection):
            connection.read_request()
            connection.send(sent)
            if reset:
                connection.reset()

        exchange = self.send(serve(handle), Limits(connect=5, first_byte=10, total=10))
        assert exchange.end is End.RESET
        # A reset may take back bytes that were not read yet.
        assert exchange.status in ((status, None) if reset else (status,))
        if not reset and status:
            assert exchange.body == b"half"

    def test_a_half_chunk_is_a_reset(self, serve):
        def handle(connection):
            connection.read_request()
            connection.send(SSE_HEAD + b"ff\r\ndata: 1\n\n")

        exchange = self.send(serve(handle))
        assert (exchange.end, exchange.body) == (End.RESET, b"data: 1\n\n")

    @pytest.mark.parametrize(
        "sent",
        [b"SSH-2.0-OpenSSH_9.2\r\n", b"\x15\x03\x01\x00\x02\x02\x50", b"<html>", b"HTT\0", b"\r\n\r\n"],
    )
    def test_what_is_not_http_is_told_at_once(self, serve, sent):
        def handle(connection):
            connection.send(sent)
            connection.wait_for_end()

        exchange = self.send(serve(handle), Limits())
        assert (exchange.end, exchange.status) == (End.NOT_HTTP, None)
        assert repr(sent)[2:-1] in exchange.detail

    @pytest.mark.parametrize(
        "sent",
        [
            b"HTTP/1.1 abc OK\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            SSE_HEAD + b"zz\r\n",
        ],
        ids=["status", "header", "lengths", "chunk-size"],
    )
    def test_broken_http(self, serve, sent):
        def handle(connection):
            connection.read_request()
            connection.send(sent)
            connection.wait_for_end()

        assert self.send(serve(handle)).end is End.NOT_HTTP

    def test_tls_against_a_plain_server(self, serve):
        def handle(connection):
            connection.socket.recv(1000)
            connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        peer = serve(handle)
        with HttpWire(context=ssl_context(insecure=True)) as wire:
            exchange = wire.send(post(peer.url.replace("http:", "https:")))
        assert exchange.end is End.UNREACHABLE
        assert exchange.detail.startswith("TLS: ")

    def test_a_silent_tls_handshake_ends_at_the_connect_limit(self, serve):
        peer = serve(lambda connection: connection.wait_for_end())
        with HttpWire(replace(SHORT, connect=0.3), ssl_context(insecure=True)) as wire:
            exchange = wire.send(post(peer.url.replace("http:", "https:")))
        assert (exchange.end, exchange.detail) == (End.UNREACHABLE, "no connection within 0.3 s")


class TestOpenStream:
    def stream_of(self, *parts):
        def handle(connection):
            connection.read_request()
            connection.send(SSE_HEAD)
            for part in parts:
                connection.send(chunk(part))
            connection.wait_for_end()

        return handle

    def test_it_returns_with_the_head_and_goes_on(self, serve, wire):
        go = threading.Event()

        def handle(connection):
            connection.read_request()
            connection.send(SSE_HEAD)
            go.wait(10)
            connection.send(chunk(b"data: 1\n\n") + b"0\r\n\r\n")

        with wire.open(post(serve(handle).url)) as stream:
            assert (stream.exchange.status, stream.exchange.events, stream.alive) == (200, (), True)
            go.set()
            assert stream.wait(lambda exchange: bool(exchange.events), 10)
            assert stream.wait(lambda exchange: exchange.end is End.EOF, 10)
            assert not stream.alive
        assert stream.exchange.end is End.EOF

    def test_close_ends_the_connection_and_the_thread(self, serve, wire):
        peer = serve(self.stream_of(b"data: 1\n\n"))
        before = set(threading.enumerate())
        stream = wire.open(post(peer.url))
        assert stream.wait(lambda exchange: len(exchange.events) == 1, 10)
        exchange = stream.close()
        assert (exchange.end, stream.alive) == (End.STOPPED, False)
        assert not [t for t in set(threading.enumerate()) - before if t.name == "mcp-stream"]
        assert stream.close() == exchange

    def test_close_while_no_byte_comes_ends_the_reader_at_once(self, serve):
        with HttpWire(Limits(first_byte=60, total=60)) as wire:
            stream = wire.open(post(serve(self.stream_of()).url))
            assert stream.close().end is End.STOPPED
            assert not [thread for thread in threading.enumerate() if thread.name == "mcp-stream"]

    def test_a_call_without_a_head_can_be_cancelled(self, serve):
        asked = threading.Event()

        def handle(connection):
            connection.read_request()
            asked.set()
            connection.wait_for_end()

        peer = serve(handle)
        with HttpWire(Limits(first_byte=60, total=60)) as wire:
            call = Call(Recorder(post(peer.url), wire.limits))
            reader = threading.Thread(target=wire.run, args=(call, None))
            reader.start()
            assert asked.wait(10)
            call.cancel()
            reader.join(10)
            assert not reader.is_alive()
        assert call.recorder.exchange().end is End.RESET

    def test_it_ends_by_itself_at_its_limit(self, serve):
        with HttpWire(SHORT) as wire:
            stream = wire.open(post(serve(self.stream_of()).url))
            assert stream.wait(lambda exchange: exchange.end is End.TIMEOUT, 10)
            stream._thread.join(10)
            assert not stream._thread.is_alive()

    def test_a_server_without_answer(self, serve):
        with HttpWire(SHORT) as wire:
            stream = wire.open(post(serve(lambda connection: connection.wait_for_end()).url))
            assert (stream.exchange.end, stream.exchange.status) == (End.TIMEOUT, None)

    def test_a_wait_that_does_not_come_true_ends(self, serve, wire):
        with wire.open(post(serve(self.stream_of(b"data: 1\n\n")).url)) as stream:
            assert not stream.wait(lambda exchange: len(exchange.events) == 2, 0.05)
            assert stream.alive

    def test_many_threads_share_one_wire(self, serve, wire):
        def handle(connection):
            while request := connection.read_request():
                connection.reply(request.rpartition(b"\r\n\r\n")[2])

        peer = serve(handle)
        wrong = []

        def work(number):
            for turn in range(20):
                body = b"%d-%d" % (number, turn)
                if wire.send(post(peer.url, body)).body != body:
                    wrong.append(body)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert not wrong
        assert len(peer.requests) == 160


def test_not_http_wants_the_beginning_of_a_status_line():
    assert not_http(b"") is None
    assert not_http(b"HT") is None
    assert not_http(b"HTTP/1.1 200 OK") is None
    assert not_http(b"http/1.1 200 OK") == "the answer begins with b'http/1.1 200 OK'"


def test_ssl_context_verifies_unless_told_otherwise():
    assert ssl_context().verify_mode is ssl.CERT_REQUIRED
    assert ssl_context(insecure=True).verify_mode is ssl.CERT_NONE
    with pytest.raises(OSError, match=r"."):
        ssl_context("/no/such/file.pem")
