"""The nginx that stands in front of the replicas: its settings, each with what it is for.

`deploy/nginx.conf` is rendered here too, so what the tests run is what a deployment gets.
"""

from __future__ import annotations

import getpass
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

BALANCES: Final = ("round-robin", "sticky")
BUFFERINGS: Final = ("off", "on", "forced")

KEEP_ALIVE_SECONDS: Final = 30
"""How long nginx keeps an idle connection to a replica: shorter than the replica does, see `serving`."""

MAX_BODY: Final = "8m"
"""More than the reference server reads, so that it is the server that refuses a body, in JSON."""


@dataclass(frozen=True)
class Proxy:
    """How nginx hands requests to replicas.

    Args:
        listen: Address and port to listen on.
        replicas: The address and port of each replica by its session prefix without the hyphen.
        balance: `round-robin`, or `sticky`: a request goes to the replica that its session id names.
        buffering: `off`; `on` as nginx has it unless told otherwise, where the header X-Accel-Buffering of an
            answer switches it off; or `forced`, where it does not.
        idle_limit: Seconds after which a stream is cut on which nothing was sent.
    """

    listen: str
    replicas: Sequence[tuple[str, str]] = field(default=())
    balance: str = "round-robin"
    buffering: str = "off"
    idle_limit: int = 3600

    def __post_init__(self) -> None:
        for name, accepted in (("balance", BALANCES), ("buffering", BUFFERINGS)):
            if getattr(self, name) not in accepted:
                value = getattr(self, name)
                raise ValueError(f"{name} {value!r} is not accepted; accepted: {', '.join(accepted)}")
        if self.idle_limit < 1:
            raise ValueError(f"idle limit {self.idle_limit!r} is not accepted; accepted: 1 second or more")


def render(proxy: Proxy) -> str:
    """Return the settings that go inside of `http { }`."""
    sticky = proxy.balance == "sticky"
    lines = [
        "# What nginx needs to carry MCP over Streamable HTTP. It belongs inside of http { }.",
        "",
        "# Requests without a session go to the replicas in turn. One that cannot be reached is left out",
        "# for a while.",
        *_upstream("mcp", [f"{address} max_fails=3 fail_timeout=5s" for _, address in proxy.replicas]),
        "",
    ]
    if sticky:
        lines += [
            "# A session lives in one replica, and its id begins with the name of that replica. If it is",
            "# gone, another one answers 404, by which a client knows that it has to begin a new session.",
        ]
        for name, address in proxy.replicas:
            others = [f"{other} backup" for _, other in proxy.replicas if other != address]
            lines += _upstream(f"mcp_{name}", [f"{address} max_fails=3 fail_timeout=5s", *others])
        lines += [
            "map $http_mcp_session_id $mcp_replicas {",
            "    default mcp;",
            *(f'    "~^{name}-" mcp_{name};' for name, _ in proxy.replicas),
            "}",
            "",
        ]
    lines += [
        "server {",
        f"    listen {proxy.listen};",
        "",
        "    location / {",
        f"        proxy_pass http://{'$mcp_replicas' if sticky else 'mcp'};",
        "",
        "        # Connections to replicas are kept, and the length of an answer need not be known before.",
        "        proxy_http_version 1.1;",
        '        proxy_set_header Connection "";',
        "",
        "        # The server compares Host and Origin, so it has to see what the client sent.",
        "        proxy_set_header Host $http_host;",
        "        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
        "        proxy_set_header X-Forwarded-Proto $scheme;",
        "",
        *_buffering(proxy.buffering),
        "",
        "        # A stream on which nothing is sent is cut after this time; nginx has 60s otherwise. It has",
        "        # to be longer than the longest silence: of a tool, and of a client that only listens.",
        f"        proxy_read_timeout {proxy.idle_limit}s;",
        f"        proxy_send_timeout {proxy.idle_limit}s;",
        "",
        "        # Larger bodies are for the server to refuse, with JSON; nginx has 1m otherwise.",
        f"        client_max_body_size {MAX_BODY};",
        "",
        "        # A request that reached a replica is not sent to another one, since a call could run",
        "        # twice. That is the default; it is said here because a call is no page to load again.",
        "        proxy_next_upstream error timeout;",
        "        proxy_connect_timeout 2s;",
        "    }",
        "}",
    ]
    return "\n".join(lines) + "\n"


def _upstream(name: str, servers: Sequence[str]) -> list[str]:
    return [
        f"upstream {name} {{",
        f"    zone {name} 64k;",
        *(f"    server {server};" for server in servers),
        "    # Idle connections to a replica end here first, for the replica keeps them for 60s. A request",
        "    # on a connection that the replica closes at that moment would be answered with 502.",
        "    keepalive 32;",
        f"    keepalive_timeout {KEEP_ALIVE_SECONDS}s;",
        "}",
    ]


def _buffering(buffering: str) -> list[str]:
    if buffering == "off":
        return [
            "        # Each event has to reach the client when it is sent, not when a buffer is full.",
            "        proxy_buffering off;",
            "        # nginx keeps this header to itself otherwise, and the next proxy would not see it.",
            "        proxy_pass_header X-Accel-Buffering;",
        ]
    lines = [
        "        # Events are held back until a buffer is full, unless an answer has X-Accel-Buffering: no.",
        "        proxy_buffering on;",
    ]
    if buffering == "forced":
        lines += [
            "        # And that header is ignored here.",
            "        proxy_ignore_headers X-Accel-Buffering;",
        ]
    return lines


def main_file(directory: str, included: str) -> str:
    """Return a whole configuration for an nginx of its own, which keeps to one directory.

    Args:
        directory: Where it may write.
        included: Path of the file that `render` made.
    """
    # As root, nginx gives its workers to a user who could not read the directory.
    user = f"user {getpass.getuser()};\n" if hasattr(os, "geteuid") and os.geteuid() == 0 else ""
    temporary = "".join(
        f'    {kind}_temp_path "{directory}/{kind}";\n'
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return (
        f"{user}daemon off;\nworker_processes 1;\n"
        f'pid "{directory}/nginx.pid";\nerror_log "{directory}/error.log";\n'
        "events { worker_connections 1024; }\n"
        f'http {{\n    access_log off;\n{temporary}    include "{included}";\n}}\n'
    )
