from __future__ import annotations

import gc
import gzip
import socket
import threading

import pytest

from pytest_mcp_http.wire.exchange import End, Request
from pytest_mcp_http.wire.headers import Headers
from pytest_mcp_http.wire.http import Limits, ssl_context
from pytest_mcp_http.wire.raw import Pause, RawConnection, request_bytes, send_raw
from pytest_mcp_http.wire.recorder import MAX_HEAD, MAX_PIECES

SHORT = Limits(connect=2.0, first_byte=0.3, total=0.6, body=1024 * 1024)


def post(url, body=b"{}", *lines):
    return Request("POST", url, Headers(lines), body)


def answer(body=b"{}", *lines):
    def handle(connection):
        connection.read_request()
        connection.reply(body, *lines)

    return handle


class TestRequestBytes:
    def test_lines_keep_case_order_and_doubles(self):
        request = Request(
            "POST", "http://h.example:81/a?b=c", Headers([("X-b", "1"), ("x-A", "2"), ("X-B", "3")]), b"{}"
        )
        assert request_bytes(request) == (
            b"POST /a?b=c HTTP/1.1\r\nHost: h.example:81\r\nX-b: 1\r\nx-A: 2\r\nX-B: 3\r\n"
            b"Content-Length: 2\r\n\r\n{}"
        )

    def test_lines_of_the_caller_replace_ours(self):
        request = Request("PUT", "http://h", Headers([("host", "x"), ("content-length", "9")]), b"{}")
        assert request_bytes(request) == b"PUT / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\n{}"

    def test_user_information_is_left_out(self):
        assert b"Host: h.example\r\n" in request_bytes(Request("GET", "http://u:p@h.example/", Headers(())))


class TestSending:
    def test_parts_are_sent_as_they_are(self, serve):
        got = bytearray()
        complete = threading.Event()

        def handle(connection):
            while piece := connection.socket.recv(100):
                got.extend(piece)
            complete.set()

        exchange = send_raw(
            post(serve(handle).url), [b"BREW  / HTCPCP\n", Pause(0.001), b"\0half"], read=False
        )
        assert complete.wait(10)
        assert bytes(got) == b"BREW  / HTCPCP\n\0half"
        assert (exchange.end, exchange.status, exchange.detail) == (
            End.STOPPED,
            None,
            "connection closed by us",
        )

    def test_reset_ends_the_connection_with_a_reset(self, serve):
        ends = []
        done = threading.Event()

        def handle(connection):
            try:
                while connection.socket.recv(100):
                    pass
                ends.append("closed")
            except ConnectionResetError:
                ends.append("reset")
            done.set()

        send_raw(post(serve(handle).url), [b"POST"], read=False, reset=True)
        assert done.wait(10)
        assert ends == ["reset"]

    def test_an_early_answer_to_half_a_body_is_read(self, serve):
        def handle(connection):
            connection.socket.recv(10)
            connection.reply(b"{}", status=b"413 Content Too Large")
            connection.wait_for_end()

        exchange = send_raw(post(serve(handle).url), [b"POST / HTTP/1.1\r\n", b"x" * 100])
        assert (exchange.status, exchange.end) == (413, End.EOF)

    def test_a_pause_ends_with_the_exchange(self, serve):
        peer = serve(lambda connection: connection.wait_for_end())
        exchange = send_raw(post(peer.url), [b"POST", Pause(3600), b" /"], limits=SHORT)
        assert exchange.end is End.TIMEOUT

    def test_a_server_that_never_reads_ends_at_the_deadline(self, serve):
        peer = serve(lambda connection: connection.peer.released.wait(20))
        exchange = send_raw(post(peer.url), [b"x" * 50_000_000], limits=SHORT)
        assert (exchange.end, exchange.status) == (End.TIMEOUT, None)


class TestReading:
    def test_a_response(self, serve):
        peer = serve(answer(gzip.compress(b"{}"), b"B: 1", b"a: x", b"b: 2", b"Content-Encoding: gzip"))
        exchange = send_raw(post(peer.url))
        assert peer.requests == [request_bytes(post(peer.url))]
        assert (exchange.status, exchange.reason, exchange.end) == (200, "OK", End.EOF)
        assert [name for name, _ in exchange.headers] == ["B", "a", "b", "Content-Encoding", "Content-Length"]
        assert exchange.body == gzip.compress(b"{}")

    def test_a_body_until_the_connection_closes(self, serve):
        def handle(connection):
            connection.read_request()
            connection.send(b"HTTP/1.0 200 OK\r\n\r\n{}")

        exchange = send_raw(post(serve(handle).url))
        assert (exchange.body, exchange.end) == (b"{}", End.EOF)

    def test_the_head_of_a_response_to_head(self, serve):
        def handle(connection):
            connection.read_request()
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
            connection.wait_for_end()

        peer = serve(handle)
        exchange = send_raw(Request("HEAD", peer.url, Headers(())))
        assert (exchange.status, exchange.body, exchange.end) == (200, b"", End.EOF)

    def test_bytes_after_the_response_are_told(self, serve):
        def handle(connection):
            connection.read_request()
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}more")

        exchange = send_raw(post(serve(handle).url))
        assert (exchange.body, exchange.detail) == (b"{}", "4 more bytes follow the response")

    def test_a_switch_of_protocol_that_nobody_asked_for(self, serve):
        def handle(connection):
            connection.read_request()
            connection.send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n")
            connection.wait_for_end()

        exchange = send_raw(post(serve(handle).url), limits=SHORT)
        assert (exchange.end, exchange.status) == (End.NOT_HTTP, None)

    @pytest.mark.parametrize(
        ("sent", "status"),
        [(b"", None), (b"HTTP/1.1 200", None), (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nhalf", 200)],
        ids=["nothing", "half-head", "half-body"],
    )
    def test_a_broken_connection(self, serve, sent, status):
        def handle(connection):
            connection.read_request()
            connection.send(sent)

        exchange = send_raw(post(serve(handle).url))
        assert (exchange.end, exchange.status) == (End.RESET, status)
        assert exchange.body == (b"half" if status else b"")

    def test_a_reset(self, serve):
        def handle(connection):
            connection.read_request()
            connection.reset()

        assert send_raw(post(serve(handle).url)).end is End.RESET

    @pytest.mark.parametrize("sent", [b"SSH-2.0-OpenSSH_9.2\r\n", b"\x15\x03\x01", b"HTTP/1.1 x y\r\n\r\n"])
    def test_what_is_not_http(self, serve, sent):
        def handle(connection):
            connection.send(sent)
            connection.wait_for_end()

        assert send_raw(post(serve(handle).url)).end is End.NOT_HTTP

    def test_silence(self, serve):
        exchange = send_raw(post(serve(lambda connection: connection.wait_for_end()).url), limits=SHORT)
        assert (exchange.end, exchange.detail) == (End.TIMEOUT, "no response head within 0.3 s")

    @pytest.mark.parametrize(
        ("start", "drip"),
        [
            (b"HTTP/1.1 200 OK\r\n", b"A: b\r\n"),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", b"x"),
        ],
        ids=["head", "body"],
    )
    def test_a_slow_drip_ends_at_the_deadline(self, serve, start, drip):
        def handle(connection):
            connection.read_request()
            connection.send(start)
            while not connection.peer.released.wait(0.02):
                connection.send(drip)

        assert send_raw(post(serve(handle).url), limits=SHORT).end is End.TIMEOUT

    def test_an_endless_head(self, serve):
        def handle(connection):
            connection.read_request()
            connection.send(b"HTTP/1.1 200 OK\r\n")
            while True:
                connection.send(b"X-Filler: %s\r\n" % (b"x" * 1000))

        exchange = send_raw(post(serve(handle).url))
        assert exchange.end is End.NOT_HTTP
        assert exchange.detail == f"the response head is longer than {MAX_HEAD} bytes"

    @pytest.mark.parametrize("piece", [b"x" * 1000, b"x"])
    def test_an_endless_body(self, serve, piece):
        def handle(connection):
            connection.read_request()
            connection.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            block = b"%x\r\n%s\r\n" % (len(piece), piece) * 1000
            while True:
                connection.send(block)

        exchange = send_raw(post(serve(handle).url), limits=Limits(body=1024 * 1024))
        assert exchange.end is End.TOO_LARGE
        assert len(exchange.body) <= 1024 * 1024
        assert len(exchange.chunks) <= MAX_PIECES


class TestConnecting:
    def test_refused(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            exchange = send_raw(post(f"http://127.0.0.1:{free.getsockname()[1]}/"))
        assert exchange.end is End.UNREACHABLE
        assert "refused" in exchange.detail.lower()

    def test_a_tls_failure_leaves_no_socket_open(self, serve):
        def handle(connection):
            connection.socket.recv(1000)
            connection.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            connection.wait_for_end()

        peer = serve(handle)
        exchange = send_raw(post(peer.url.replace("http:", "https:")), context=ssl_context(insecure=True))
        gc.collect()  # a socket left open is a ResourceWarning now, and so an error
        assert exchange.end is End.UNREACHABLE

    def test_a_silent_tls_handshake_ends_at_the_connect_limit(self, serve):
        peer = serve(lambda connection: connection.wait_for_end())
        limits = Limits(connect=0.3)
        exchange = send_raw(
            post(peer.url.replace("http:", "https:")), limits=limits, context=ssl_context(insecure=True)
        )
        assert exchange.end is End.UNREACHABLE


class TestOneConnection:
    def test_takes_one_exchange_after_the_other(self, serve):
        def handle(connection):
            for number in (1, 2):
                connection.read_request()
                connection.reply(b"%d" % number)

        request = post(serve(handle).url)
        with RawConnection(request, limits=SHORT) as connection:
            assert [connection.exchange(request).body for _ in (1, 2)] == [b"1", b"2"]

    def test_tells_that_the_server_ended_it(self, serve):
        request = post(serve(answer()).url)
        with RawConnection(request, limits=SHORT) as connection:
            assert connection.exchange(request).status == 200
            later = connection.exchange(request)
        assert later.status is None
        assert later.end is End.RESET

    def test_half_a_request_can_be_waited_behind(self, serve):
        def handle(connection):
            connection.socket.recv(1000)
            connection.reply(b"late", status=b"408 Request Timeout")

        request = post(serve(handle).url)
        with RawConnection(request, limits=SHORT) as connection:
            sent = connection.exchange(request, (request_bytes(request)[:-1],), read=False)
            assert sent.end is End.STOPPED
            assert connection.exchange(request, ()).status == 408

    def test_needs_somebody_who_listens(self):
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
        with pytest.raises(OSError, match="refused"):
            RawConnection(post(url), limits=SHORT)

    @pytest.mark.parametrize(
        ("response", "reusable"),
        [
            (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", True),
            (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", True),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive, Close\r\n\r\n{}", False),
            (b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}", False),
            (b"HTTP/1.1 200 OK\r\n\r\n{}", False),
            (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}", False),
        ],
        ids=["length", "chunks", "close", "http-1.0", "until-the-end", "cut"],
    )
    def test_tells_whether_it_goes_on(self, serve, response, reusable):
        def handle(connection):
            connection.read_request()
            connection.socket.sendall(response)

        request = post(serve(handle).url)
        with RawConnection(request, limits=SHORT) as connection:
            assert connection.exchange(request).status == 200
            assert connection.reusable is reusable
