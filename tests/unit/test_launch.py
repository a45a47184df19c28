from __future__ import annotations

import os
import signal
import sys
import textwrap
import threading
from importlib.metadata import version
from pathlib import Path

import pytest

from pytest_mcp_http import _launch, _process_group, _serve
from pytest_mcp_http._options import Settings
from pytest_mcp_http._output import LOG_BYTES
from pytest_mcp_http._target import open_target
from pytest_mcp_http.errors import TargetError
from pytest_mcp_http.spec.revisions import REVISIONS

SECRET = "tok-5up3r-s3cr3t"
HEADERS = (("Authorization", f"Bearer {SECRET}"),)
PYTHON = sys.executable

# A server in a few lines of the standard library: what the two kinds of launch start.
ANSWERS = """
import json

def answer(body):
    message = json.loads(body)
    found = {"error": {"code": -32601, "message": "Method not found"}}
    if message["method"] == "initialize":
        version = message["params"]["protocolVersion"]
        found = {"result": {"protocolVersion": version, "capabilities": {}, "serverInfo": {"name": "small"}}}
    return json.dumps({"jsonrpc": "2.0", "id": message["id"], **found}).encode()
"""
SERVER = (
    ANSWERS
    + """
import os, signal, sys
from http.server import BaseHTTPRequestHandler, HTTPServer

class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        data = answer(self.rfile.read(int(self.headers["Content-Length"])))
        print(self.headers["Authorization"], flush=True)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

print("serving", self_id := os.getpid(), flush=True)
HTTPServer((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
"""
)
APP = (
    ANSWERS
    + """
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        raise RuntimeError("no lifespan here")
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    headers = [(b"content-type", b"application/json")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer(body)})

def factory():
    return app

class Holder:
    def make(self):
        return app

holder = Holder()
number = 3
"""
)


@pytest.fixture
def script(tmp_path):
    """Write a program and return the command line that runs it."""

    def write(text: str, arguments: str = "{host} {port}") -> str:
        path = tmp_path / "server.py"
        path.write_text(textwrap.dedent(text))
        return f"'{PYTHON}' '{path}' {arguments}"

    return write


def failure(**settings) -> str:
    with pytest.raises(TargetError) as caught:
        open_target(Settings(headers=HEADERS, **settings))
    assert SECRET not in str(caught.value)
    return str(caught.value)


def gone(pid: int) -> bool:
    """Whether a process has ended; one that nobody has waited for yet has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


linux = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks into /proc")


class TestCommand:
    def test_a_server(self, script):
        with open_target(Settings(command=script(SERVER), headers=HEADERS, path="/x")) as running:
            assert running.target.facts.server_name == "small"
            assert running.target.url.endswith("/x")
            pid = int(running.log().split()[1])
            assert "Bearer ***" in running.log() or "***" in running.log()
            assert SECRET not in running.log()
            os.kill(pid, 0)
        assert gone(pid)
        running.close()

    def test_a_server_on_ipv6_only(self, script):
        text = SERVER.replace("HTTPServer((", "HTTPServer.address_family = 10\nHTTPServer((").replace(
            "sys.argv[1]", "'::1'"
        )
        try:
            __import__("socket").create_server(("::1", 0), family=10).close()
        except OSError:
            pytest.skip("this machine has no IPv6 loopback")
        with open_target(Settings(command=script(text))) as running:
            assert running.target.url.startswith("http://[::1]:")
            assert running.target.loopback

    def test_a_server_that_is_slow_to_listen(self, script):
        text = "import time\ntime.sleep(0.3)\n" + SERVER
        with open_target(Settings(command=script(text))) as running:
            assert running.target.facts.server_name == "small"

    def test_a_server_that_is_not_ready_at_first(self, script):
        text = SERVER.replace(
            "    def do_POST(self):\n",
            "    left = 2\n"
            "    def do_POST(self):\n"
            "        if Handler.left:\n"
            "            Handler.left -= 1\n"
            "            return self.send_error(503)\n",
        )
        with open_target(Settings(command=script(text))) as running:
            assert running.target.facts.server_name == "small"

    def test_a_placeholder_in_a_variable(self, script):
        text = "import os, sys\nsys.argv[1:] = ['127.0.0.1', os.environ['PORT']]\n" + SERVER
        with open_target(Settings(command="env PORT={port} " + script(text, ""))) as running:
            assert running.target.facts.server_name == "small"

    @pytest.mark.parametrize(
        ("command", "said"),
        [
            ("no-such-program {port}", ["'no-such-program' cannot be run: No such file"]),
            ("/ {port}", ["'/' cannot be run: Permission denied"]),
            ("node {prot} {port}", ["{prot} is not a placeholder", "{port} and {host}"]),
            ("node server.js", ["has no {port}", "env PORT={port}", "--mcp-url"]),
            ("node 'server.js {port}", ["No closing quotation", "quotes"]),
        ],
    )
    def test_a_command_that_cannot_be_started(self, command, said):
        message = failure(command=command)
        assert message.startswith("The MCP server cannot be started.\n")
        assert f"  started: {command}\n" in message
        for text in said:
            assert text in message

    def test_braces_that_are_no_placeholder_stay(self):
        words = _launch._arguments("""x '{"a": {}}' {port}""", {"host": "h", "port": "1"})
        assert words == ["x", '{"a": {}}', "1"]

    def test_values_are_not_split(self):
        assert _launch._arguments("x --at={host}:{port} 'a b'", {"host": "h", "port": "1"}) == [
            "x",
            "--at=h:1",
            "a b",
        ]

    @pytest.mark.parametrize(
        ("text", "end"),
        [
            ("import sys; print('wrong flag'); sys.exit(3)", "exit status 3"),
            ("print('wrong flag')", "exit status 0"),
            (
                "import os; print('wrong flag', flush=True); os.kill(os.getpid(), 9)",
                "ended by signal 9 (SIGKILL)",
            ),
        ],
    )
    def test_a_server_that_ends_at_once(self, script, text, end):
        message = failure(command=script(text), startup_timeout=600.0)
        assert "it ended before it answered" in message
        assert f"  got:     {end}\n" in message
        assert message.endswith("its last output:\n    | wrong flag")

    def test_the_output_is_cut_to_its_end(self, script):
        text = f"for n in range(30000): print(n, '{SECRET}')"
        message = failure(command=script(text))
        assert "| 29999 ***" in message
        assert len(message.splitlines()) < 30

    def test_a_server_that_ends_while_it_is_examined(self, script):
        text = SERVER.replace(
            "        data = answer(", "        print('fell over', flush=True); os._exit(5)\n        data = ("
        )
        message = failure(command=script(text))
        assert "exit status 5" in message
        assert "| fell over" in message

    def test_a_server_that_never_listens(self, script):
        message = failure(
            command=script("print('hello', flush=True)\nimport time\ntime.sleep(600)"), startup_timeout=0.5
        )
        assert "it did not listen in time" in message
        assert "within 0.5 s" in message
        assert "--mcp-startup-timeout" in message

    def test_a_server_that_is_no_mcp_server_shows_its_output(self, script):
        message = failure(command=script(SERVER.replace("send_response(200)", "send_response(404)")))
        assert "there is no MCP endpoint at this path" in message
        assert "    | serving " in message

    def test_one_that_does_not_get_ready_in_time(self, script):
        message = failure(
            command=script(SERVER.replace("send_response(200)", "send_response(503)")), startup_timeout=0.5
        )
        assert "HTTP 503" in message


@linux
class TestEnding:
    def start(self, script, text):
        server = _launch.start_command(Settings(command=script(text)))
        said = threading.Event()
        add = server._output.add

        def tell(data):
            add(data)
            said.set()

        server._output.add = tell
        if not server.log():
            assert said.wait(20)
        return server

    def test_a_polite_end_comes_first(self, script):
        text = """
            import os, signal, sys, time
            signal.signal(signal.SIGTERM, lambda *_: (os.write(1, b"good bye\\n"), sys.exit(0)))
            os.write(1, b"up\\n")
            time.sleep(600)
        """
        server = self.start(script, text)
        server.close()
        assert server.log().split("\n")[:2] == ["up", "good bye"]
        assert server.ended(0) == "exit status 0"

    def test_a_firm_end_comes_second(self, script, monkeypatch):
        monkeypatch.setattr(_process_group, "STOP_SECONDS", 0.3)
        text = """
            import signal, time
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            print("up", flush=True)
            time.sleep(600)
        """
        server = self.start(script, text)
        server.close()
        assert server.ended(0) == f"ended by signal {signal.SIGKILL:d} (SIGKILL)"

    @pytest.mark.parametrize("action", ["SIG_DFL", "SIG_IGN"])
    def test_children_end_with_it(self, script, monkeypatch, action):
        monkeypatch.setattr(_process_group, "STOP_SECONDS", 0.5)
        text = f"""
            import os, signal, subprocess, sys, time
            child = "import signal, time; signal.signal(signal.SIGTERM, signal.{action}); "
            child += "print('child', flush=True); time.sleep(600)"
            process = subprocess.Popen([sys.executable, "-c", child], stdout=subprocess.PIPE, text=True)
            process.stdout.readline()
            os.write(1, b"%d\\n" % process.pid)
            time.sleep(600)
        """
        server = self.start(script, text)
        child = int(server.log().split()[0])
        assert not gone(child)
        server.close()
        assert gone(child)
        assert not server._reader.is_alive()

    def test_a_child_that_outlives_its_parent_is_ended(self, script, monkeypatch):
        monkeypatch.setattr(_process_group, "STOP_SECONDS", 0.5)
        text = """
            import os, subprocess, sys
            process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
            os.write(1, b"%d\\n" % process.pid)
        """
        server = self.start(script, text)
        child = int(server.log().split()[0])
        assert server.ended(20) == "exit status 0"
        server.close()
        assert gone(child)

    def test_a_flood_of_output_is_drained_and_bounded(self, script):
        text = """
            import sys
            for _ in range(2000):
                sys.stdout.write("x" * 10000 + "\\n")
        """
        server = self.start(script, text)
        assert server.ended(60) == "exit status 0"
        server.close()
        assert len(server.log()) <= LOG_BYTES
        assert len(server.log()) > LOG_BYTES // 2

    def test_close_may_be_called_again_and_at_once(self, script):
        server = _launch.start_command(Settings(command=script("import time; time.sleep(600)")))
        threads = [threading.Thread(target=server.close) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert server.ended(0) is not None


@pytest.fixture
def module(tmp_path, monkeypatch):
    """Write a module under a fresh name, importable for the length of a test."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path])
    written = []

    def write(text: str) -> str:
        name = f"app_under_test_{tmp_path.name.replace('-', '_')}_{len(written)}"
        (tmp_path / f"{name}.py").write_text(textwrap.dedent(text))
        written.append(name)
        return name

    yield write
    for name in written:
        sys.modules.pop(name, None)


class TestApp:
    @pytest.mark.parametrize("attribute", ["app", "factory", "holder.make"])
    def test_an_app_or_factory(self, module, attribute):
        with open_target(Settings(app=f"{module(APP)}:{attribute}", path="/any")) as running:
            assert running.target.facts.server_name == "small"
            assert running.target.url.endswith("/any")
            server = running._launched
        assert isinstance(server, _serve.AppServer)
        assert not server._thread.is_alive()

    def test_a_lifespan_runs_around_the_requests(self, module):
        text = APP.replace(
            '        raise RuntimeError("no lifespan here")\n',
            """        while True:
            message = await receive()
            seen.append(message["type"])
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
""",
        )
        name = module("seen = []\n" + text)
        with open_target(Settings(app=f"{name}:app")):
            assert sys.modules[name].seen == ["lifespan.startup"]
        assert sys.modules[name].seen == ["lifespan.startup", "lifespan.shutdown"]

    @pytest.mark.parametrize(
        ("attribute", "said"),
        [
            ("nothing", "has no attribute 'nothing'"),
            ("holder.nothing", "has no attribute 'nothing'"),
            ("number", "a int is no ASGI application"),
            ("holder", "a Holder is no ASGI application"),
            ("answer", "a function is no ASGI application"),
            ("json.loads", "a function is no ASGI application"),
        ],
    )
    def test_what_is_no_app(self, module, attribute, said):
        name = module(APP)
        message = failure(app=f"{name}:{attribute}")
        assert message.startswith(
            f"The MCP server cannot be started.\n  started: --mcp-app {name}:{attribute}\n"
        )
        assert said in message

    def test_a_module_that_does_not_exist(self):
        message = failure(app="no_such_module_xyz:app")
        assert "'no_such_module_xyz' cannot be imported: ModuleNotFoundError" in message

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("1 / 0", "ZeroDivisionError: division by zero"),
            ("import sys; sys.exit('no config')", "SystemExit: no config"),
            ("def broken(:", "SyntaxError"),
        ],
    )
    def test_a_module_that_fails(self, module, text, said):
        message = failure(app=f"{module(text)}:app")
        assert "cannot be imported: " + said in message

    def test_a_factory_that_fails(self, module):
        message = failure(app=module("def make():\n    raise KeyError('TOKEN')\n") + ":make")
        assert "the factory failed: KeyError: 'TOKEN' (app_under_test" in message

    def test_a_lifespan_that_fails(self, module):
        text = """
            async def app(scope, receive, send):
                assert scope["type"] == "lifespan"
                await receive()
                await send({"type": "lifespan.startup.failed", "message": "no database\\nat db:5432"})
        """
        message = failure(app=f"{module(text)}:app", startup_timeout=600.0)
        assert "the lifespan of the application failed" in message
        assert message.endswith("    | no database\n    | at db:5432")

    def test_a_lifespan_that_never_starts(self, module):
        text = """
            import asyncio
            async def app(scope, receive, send):
                await asyncio.sleep(600 if scope["type"] == "lifespan" else 0)
        """
        message = failure(app=f"{module(text)}:app", startup_timeout=0.3)
        assert "it did not listen in time" in message

    def test_an_app_that_fails_shows_its_traceback(self, module):
        text = f"""
            async def app(scope, receive, send):
                raise ValueError("broken {SECRET}")
        """
        message = failure(app=f"{module(text)}:app")
        assert "HTTP 500" in message
        assert "    | ValueError: broken ***" in message

    def test_open_streams_do_not_hold_up_the_end(self, module):
        text = APP.replace(
            '    body = b""\n',
            """    if scope["method"] == "GET":
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b": hello", "more_body": True})
        while (await receive())["type"] != "http.disconnect":
            pass
        return
    body = b""
""",
        )
        from pytest_mcp_http.wire.exchange import Request
        from pytest_mcp_http.wire.headers import Headers

        running = open_target(Settings(app=f"{module(text)}:app"))
        with running.target.open_wire() as wire:
            stream = wire.open(Request("GET", running.target.url, Headers(())))
            assert stream.wait(lambda exchange: bool(exchange.chunks), 10)
            running.close()
            assert stream.wait(lambda exchange: not stream.alive, 10)
            stream.close()
        assert isinstance(running._launched, _serve.AppServer)
        assert not running._launched._thread.is_alive()


class TestReference:
    @pytest.mark.parametrize("mode", ["stateful", "stateless"])
    def test_it_speaks_every_revision(self, mode):
        if version("mcp").startswith("1."):
            pytest.skip("the reference server needs mcp 2")
        with open_target(Settings(reference=mode, path="/here")) as running:
            assert running.target.judged("all") == REVISIONS
            assert set(running.target.facts.sessions.values()) == {mode == "stateful"}

    def test_an_unknown_fault(self):
        message = failure(reference="stateful", reference_options=("fault=no-such-fault",))
        assert message.startswith("The MCP server cannot be started.")
        assert "no-such-fault" in message

    def test_without_the_sdk_it_says_what_to_install(self, monkeypatch):
        import reference_server

        def unavailable(**options):
            raise reference_server.ReferenceServerUnavailable("install mcp 2 or newer")

        monkeypatch.setattr(reference_server, "create_app", unavailable)
        message = failure(reference="stateless")
        assert "install mcp 2 or newer" in message

    def test_its_options_reach_it(self, monkeypatch):
        import reference_server

        asked = {}

        def create_app(**options):
            asked.update(options)
            raise ValueError("enough")

        monkeypatch.setattr(reference_server, "create_app", create_app)
        options = ("fault=a", "variant=b", "fault=c", "json-response", "resumable", "fixtures", "era=modern")
        failure(reference="stateful", reference_options=options, path="/p")
        assert asked == {
            "mode": "stateful",
            "era": "modern",
            "json_response": True,
            "resumable": True,
            "fixtures": True,
            "faults": ["a", "c"],
            "variants": ["b"],
            "path": "/p",
        }
