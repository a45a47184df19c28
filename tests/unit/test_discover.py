from __future__ import annotations

import json
import socket
import subprocess
import sys
import textwrap

import pytest

from pytest_mcp_http._diagnosis import NotReady
from pytest_mcp_http._discover import Facts, discover
from pytest_mcp_http.errors import TargetError
from pytest_mcp_http.spec.revisions import HANDSHAKE_REVISIONS
from pytest_mcp_http.wire.http import HttpWire, Limits, ssl_context

SECRET = "tok-5up3r-s3cr3t"
HEADERS = (("Authorization", f"Bearer {SECRET}"),)
LIMITS = Limits(connect=2.0, first_byte=5.0, total=5.0)
SHORT = Limits(connect=2.0, first_byte=0.3, total=0.6)


class Server:
    """A small MCP server: what it answers to `initialize` is a table of versions."""

    def __init__(self, versions=None, *, sessions=False, sse=False, modern=(), info=None, keep_open=False):
        self.versions = versions if versions is not None else {name: name for name in HANDSHAKE_REVISIONS}
        self.sessions = sessions
        self.sse = sse
        self.modern = modern
        self.info = {"name": "small", "version": "1.0"} if info is None else info
        self.keep_open = keep_open
        self.assigned = []
        self.deleted = []

    def __call__(self, connection):
        while request := connection.read_request():
            head, _, body = request.partition(b"\r\n\r\n")
            if head.startswith(b"DELETE"):
                lines = dict(line.lower().split(b": ") for line in head.split(b"\r\n")[1:])
                self.deleted.append(lines[b"mcp-session-id"].decode())
                connection.reply()
                continue
            message = json.loads(body)
            if message["method"] == "initialize":
                self.initialize(connection, message)
            else:
                self.modern_call(connection, message)

    def initialize(self, connection, message):
        asked = message["params"]["protocolVersion"]
        negotiated = self.versions.get(asked)
        lines = []
        if negotiated is None:
            answer = {"error": {"code": -32602, "message": f"Unsupported protocol version {asked}"}}
        else:
            answer = {"result": {"protocolVersion": negotiated, "capabilities": {}, "serverInfo": self.info}}
            if self.sessions:
                self.assigned.append(f"session-{len(self.assigned)}")
                lines.append(b"Mcp-Session-Id: " + self.assigned[-1].encode())
        self.answer(connection, {"jsonrpc": "2.0", "id": message["id"], **answer}, lines)

    def modern_call(self, connection, message):
        if self.modern:
            answer = {"result": {"supportedVersions": list(self.modern), "capabilities": {}}}
        else:
            answer = {"error": {"code": -32601, "message": "Method not found"}}
        self.answer(connection, {"jsonrpc": "2.0", "id": message["id"], **answer}, [])

    def answer(self, connection, message, lines):
        data = json.dumps(message).encode()
        if not self.sse:
            connection.reply(data, b"Content-Type: application/json", *lines)
            return
        body = b"id: 1\ndata:\n\nevent: message\ndata: " + data + b"\n\n"
        head = [b"HTTP/1.1 200 OK", b"Content-Type: text/event-stream", b"Transfer-Encoding: chunked", *lines]
        connection.send(b"\r\n".join(head) + b"\r\n\r\n" + b"%x\r\n%s\r\n" % (len(body), body))
        if self.keep_open:
            connection.wait_for_end()
        else:
            connection.send(b"0\r\n\r\n")


def facts_of(peer, limits=LIMITS, headers=()):
    with HttpWire(limits) as wire:
        return discover(wire, peer.url, headers)


def diagnosis_of(url, limits=LIMITS, context=None, kind=TargetError):
    with HttpWire(limits, context) as wire, pytest.raises(TargetError) as caught:
        discover(wire, url, HEADERS)
    message = str(caught.value)
    assert SECRET not in message
    lines = message.splitlines()
    assert lines[0].startswith("The MCP server cannot be judged: ")
    assert lines[1].startswith("  sent: POST http")
    assert lines[1].endswith(" (initialize, protocolVersion 2025-11-25)")
    assert lines[2].startswith("  got:  ")
    assert lines[-1].startswith("  do:   ")
    assert type(caught.value) is kind
    return message


class TestFacts:
    @pytest.mark.parametrize("sse", [False, True], ids=["json", "sse"])
    @pytest.mark.parametrize("sessions", [False, True], ids=["no-session", "session"])
    def test_a_server_that_speaks_all(self, serve, sse, sessions):
        server = Server(sse=sse, sessions=sessions)
        facts = facts_of(serve(server))
        assert (facts.server_name, facts.server_version) == ("small", "1.0")
        assert facts.revisions == HANDSHAKE_REVISIONS
        assert facts.sessions == dict.fromkeys(HANDSHAKE_REVISIONS, sessions)
        assert facts.era == "handshake"
        assert facts.evidence[0] == "initialize negotiates 2025-03-26, 2025-06-18, 2025-11-25"
        assert facts.evidence[1].startswith("server/discover gets HTTP 200")

    def test_the_sessions_that_it_opens_are_ended(self, serve):
        server = Server(sessions=True)
        facts_of(serve(server))
        assert server.assigned == server.deleted == [f"session-{n}" for n in range(4)]

    def test_a_session_of_a_useless_answer_is_ended_too(self, serve):
        server = Server({"2025-11-25": "2024-11-05"}, sessions=True)
        with pytest.raises(TargetError):
            facts_of(serve(server))
        assert server.assigned == server.deleted == ["session-0"]

    @pytest.mark.parametrize(
        ("versions", "spoken"),
        [
            (
                {"2025-11-25": "2025-06-18", "2025-06-18": "2025-06-18", "2025-03-26": "2025-06-18"},
                ("2025-06-18",),
            ),
            ({"2025-03-26": "2025-03-26"}, ("2025-03-26",)),
            ({"2025-11-25": "2024-11-05", "2025-06-18": "2025-06-18"}, ("2025-06-18",)),
        ],
        ids=["one-for-all", "errors", "older"],
    )
    def test_a_revision_counts_only_if_it_is_negotiated_as_asked(self, serve, versions, spoken):
        facts = facts_of(serve(Server(versions)))
        assert facts.revisions == spoken
        assert tuple(facts.sessions) == spoken

    def test_a_server_of_both_eras(self, serve):
        facts = facts_of(serve(Server(modern=["2026-07-28", "2025-11-25"])))
        assert facts.revisions == (*HANDSHAKE_REVISIONS, "2026-07-28")
        assert facts.eras == ("handshake", "modern")
        assert facts.era == "dual"
        assert facts.evidence[1] == "server/discover lists 2026-07-28"
        assert facts.named == ("2026-07-28", "2025-11-25")

    def test_a_stream_that_stays_open_is_left_at_its_answer(self, serve):
        limits = Limits(connect=2, first_byte=600, total=600, linger=600)
        assert facts_of(serve(Server(sse=True, keep_open=True)), limits).revisions == HANDSHAKE_REVISIONS

    def test_headers_go_with_every_request(self, serve):
        peer = serve(Server(sessions=True))
        facts_of(peer, headers=HEADERS)
        assert len(peer.requests) == 11
        assert all(f"\r\nAuthorization: Bearer {SECRET}\r\n".encode() in request for request in peer.requests)

    @pytest.mark.parametrize(
        ("info", "name", "version"),
        [
            ({}, "", ""),
            ("none", "", ""),
            ({"name": 1, "version": None}, "", ""),
            ({"name": "a\x1b[31mb\n", "version": "x" * 200}, "a?[31mb?", "x" * 80),
        ],
    )
    def test_what_a_server_says_of_itself_is_safe_to_print(self, serve, info, name, version):
        facts = facts_of(serve(Server(info=info)))
        assert (facts.server_name, facts.server_version) == (name, version)

    def test_facts_survive_json(self):
        facts = Facts("a", "1", ("2025-06-18", "2026-07-28"), {"2025-06-18": True}, ("so", "so"), ("x",))
        assert Facts.from_json(json.loads(json.dumps(facts.to_json()))) == facts


class TestNoAnswer:
    def test_a_dead_port(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            message = diagnosis_of(
                f"http://127.0.0.1:{free.getsockname()[1]}/mcp?key={SECRET}", kind=NotReady
            )
        assert "nothing listens at this address" in message
        assert "/mcp?key=*** (initialize" in message

    def test_an_unknown_host(self, monkeypatch):
        def lookup(*args, **kwargs):
            raise socket.gaierror(socket.EAI_NONAME, "not known")

        monkeypatch.setattr(socket, "getaddrinfo", lookup)
        message = diagnosis_of("http://nowhere.example/mcp")
        assert "the host is not known" in message
        assert "'nowhere.example'" in message

    def test_tls_against_a_plain_server(self, serve):
        peer = serve(
            lambda connection: (connection.socket.recv(999), connection.send(b"HTTP/1.1 400 No\r\n\r\n"))
        )
        message = diagnosis_of(peer.url.replace("http:", "https:"), context=ssl_context(insecure=True))
        assert "the TLS handshake failed" in message
        assert "--mcp-ca" in message

    def test_plain_against_a_tls_server(self, serve):
        def handle(connection):
            connection.read_request()
            connection.send(b"\x15\x03\x01\x00\x02\x02\x16")

        message = diagnosis_of(serve(handle).url)
        assert "breaks HTTP" in message
        assert "https://" in message

    def test_a_port_that_does_not_speak_http(self, serve):
        def handle(connection):
            connection.send(b"SSH-2.0-OpenSSH_9.2\r\n")
            connection.wait_for_end()

        message = diagnosis_of(serve(handle).url)
        assert "breaks HTTP" in message
        assert "SSH-2.0-OpenSSH_9.2" in message

    @pytest.mark.parametrize("reads", [True, False], ids=["hang", "silence"])
    def test_a_server_that_says_nothing(self, serve, reads):
        def handle(connection):
            if reads:
                connection.read_request()
            connection.peer.released.wait(20)

        peer = serve(handle)
        message = diagnosis_of(peer.url, SHORT)
        assert "did not answer in time" in message
        assert "no response head within 0.3 s" in message
        # The handshake, and one probe of the modern era; more would only make the user wait.
        assert peer.connections == 2

    def test_a_connection_closed_without_answer(self, serve):
        message = diagnosis_of(serve(lambda connection: connection.read_request()).url, kind=NotReady)
        assert "closed the connection without an answer" in message

    def test_an_endless_head(self, serve):
        def handle(connection):
            connection.send(b"HTTP/1.1 200 OK\r\n")
            while True:
                connection.send(b"X-Filler: %s\r\n" % (b"x" * 1000))

        assert "the response head does not end" in diagnosis_of(serve(handle).url)


def reply(status, *lines, body=b""):
    def handle(connection):
        while connection.read_request():
            connection.reply(body, *lines, status=status)

    return handle


class TestRefusals:
    @pytest.mark.parametrize(
        ("status", "lines", "said"),
        [
            (
                b"401 Unauthorized",
                [b'WWW-Authenticate: Bearer realm="x"'],
                ["credentials", 'Bearer realm="x"', "env:TOKEN"],
            ),
            (b"403 Forbidden", [], ["forbids", "env:TOKEN", "Host and Origin"]),
            (b"404 Not Found", [], ["no MCP endpoint at this path", "--mcp-path"]),
            (b"405 Method Not Allowed", [b"Allow: GET"], ["does not take POST", "Allow: GET"]),
            (b"406 Not Acceptable", [], ["Accept"]),
            (b"407 Proxy Authentication Required", [], ["proxy"]),
            (b"415 Unsupported Media Type", [], ["application/json"]),
            (b"421 Misdirected Request", [], ["host name", "rebinding"]),
            (b"429 Too Many Requests", [b"Retry-After: 7"], ["rate", "Retry-After: 7"]),
            (
                b"307 Temporary Redirect",
                [b"Location: https://h/mcp/?t=1"],
                ["redirects", "Location: https://h/mcp/?t=***"],
            ),
            (b"418 Teapot", [], ["refuses the request"]),
            (b"500 Internal Server Error", [], ["the server fails"]),
        ],
        ids=["401", "403", "404", "405", "406", "407", "415", "421", "429", "307", "418", "500"],
    )
    def test_a_status(self, serve, status, lines, said):
        message = diagnosis_of(serve(reply(status, *lines)).url)
        assert f"HTTP {status[:3].decode()}" in message
        for text in said:
            assert text in message

    @pytest.mark.parametrize("status", [b"502 Bad Gateway", b"503 Unavailable", b"504 Gateway Timeout"])
    def test_a_gateway_may_get_ready(self, serve, status):
        message = diagnosis_of(serve(reply(status)).url, kind=NotReady)
        assert f"HTTP {status[:3].decode()}" in message

    def test_the_beginning_of_the_body_is_shown_safely(self, serve):
        body = b"\x1b[31mno\xff " + SECRET.encode() + b" \r\n" + b"x" * 10_000
        message = diagnosis_of(serve(reply(b"500 Oops", body=body)).url)
        assert "\x1b" not in message
        assert "body begins: ?[31mno\ufffd *** xxx" in message
        assert len(message) < 1000

    def test_every_revision_refused(self, serve):
        message = diagnosis_of(serve(Server({})).url)
        assert "refuses initialize at every revision" in message
        assert "Unsupported protocol version 2025-11-25" in message

    def test_a_bad_request_without_json_rpc(self, serve):
        message = diagnosis_of(serve(reply(b"400 Bad Request", b"Content-Type: text/plain", body=b"no")).url)
        assert "neither JSON nor an event stream" in message
        assert "HTTP 400" in message

    @pytest.mark.parametrize("version", ["2024-11-05", "2099-01-01"])
    def test_only_a_version_that_is_not_judged_here(self, serve, version):
        message = diagnosis_of(serve(Server(dict.fromkeys(HANDSHAKE_REVISIONS, version))).url)
        assert f"negotiates {version} only" in message
        assert "upgrade the server" in message


JSON = b"Content-Type: application/json"
RESULT = b'{"jsonrpc":"2.0","id":1,"result":%s}'


class TestBrokenAnswers:
    @pytest.mark.parametrize(
        ("lines", "body", "said"),
        [
            ([b"Content-Type: text/html; charset=utf-8"], b"<html>Log in</html>", "a web page answers"),
            ([b"Content-Type: text/plain"], b"hello", "neither JSON nor an event stream"),
            ([JSON], b"", "the answer to initialize is empty"),
            ([JSON], b"{oops", "the answer is not JSON"),
            ([JSON], b"\xff\xfe", "the answer is not JSON"),
            ([JSON], b"[" * 100_000, "the answer is not JSON"),
            ([JSON], b'{"hello": "world"}', "JSON, but not JSON-RPC"),
            ([JSON], b"42", "JSON, but not JSON-RPC"),
            ([JSON], b'{"jsonrpc":"2.0","method":"ping","id":1}', "no JSON-RPC response"),
            ([JSON], RESULT % b"{}", "has no protocolVersion"),
            ([JSON], RESULT % b'{"protocolVersion": 3}', "has no protocolVersion"),
            ([JSON], RESULT % b"null", "has no protocolVersion"),
            ([b"Content-Type: text/event-stream"], b": nothing\n\n", "the event stream holds no message"),
            ([b"Content-Type: text/event-stream"], b"data: {oops\n\n", "the answer is not JSON"),
        ],
        ids=[
            "html",
            "text",
            "empty",
            "brace",
            "utf8",
            "deep",
            "object",
            "number",
            "request",
            "no-version",
            "wrong-version",
            "null",
            "no-event",
            "bad-event",
        ],
    )
    def test_a_body(self, serve, lines, body, said):
        assert said in diagnosis_of(serve(reply(b"200 OK", *lines, body=body)).url)

    def test_accepted_without_a_body(self, serve):
        assert "the answer to initialize is empty" in diagnosis_of(serve(reply(b"202 Accepted")).url)

    def test_half_a_body(self, serve):
        def handle(connection):
            connection.read_request()
            connection.send(
                b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"json'
            )

        assert "the answer breaks off" in diagnosis_of(serve(handle).url, kind=NotReady)

    def test_an_endless_wait_for_the_rest(self, serve):
        def handle(connection):
            connection.read_request()
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n: wait\n\n")
            connection.wait_for_end()

        assert "did not come to its end in time" in diagnosis_of(serve(handle).url, SHORT)

    def test_an_oversized_body(self, serve):
        def handle(connection):
            connection.read_request()
            connection.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
            while True:
                connection.send(b" " * 65536)

        message = diagnosis_of(serve(handle).url)
        assert "the answer is too large" in message
        assert "more than 262144 bytes" in message


HOSTILE = {
    "10 GB": (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 10000000000\r\n\r\n",
        b"x" * 65536,
    ),
    "endless head": (b"HTTP/1.1 200 OK\r\n", b"X: " + b"y" * 1000 + b"\r\n"),
    "tiny chunks": (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 9000),
    "tiny events": (b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n", b":\n\n" * 20_000),
    "batch": (
        b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 262144\r\n\r\n["
        + b"{}," * 87380
        + b"{}]",
        b"",
    ),
    "one event": (b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: ", b"x" * 65536),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_server_costs_little_time_and_memory(serve, name):
    start, block = HOSTILE[name]

    def handle(connection):
        connection.read_request()
        connection.send(start)
        while block:
            connection.send(block)
        connection.wait_for_end()

    # In a process of its own: the peak of this one has seen other tests. On Linux getrusage hands the peak of
    # a parent down to its child, so what the kernel says of the new program is read there.
    program = textwrap.dedent(f"""
        import pathlib, re, resource, sys
        from pytest_mcp_http._options import Settings
        from pytest_mcp_http._target import open_target
        from pytest_mcp_http.errors import TargetError
        try:
            open_target(Settings(url={serve(handle).url!r}))
        except TargetError as error:
            print(error)
        status = pathlib.Path("/proc/self/status")
        if status.exists():
            print(re.search(r"VmHWM:\\s+(\\d+) kB", status.read_text())[1])
        else:
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            print(peak // (1024 if sys.platform == "darwin" else 1))
    """)
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    *message, peak = done.stdout.splitlines()
    assert message[0].startswith("The MCP server cannot be judged: ")
    assert int(peak) < 200 * 1024
