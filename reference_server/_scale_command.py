"""The command line of `python -m reference_server scale`: several replicas behind nginx."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Sequence

from reference_server import ReferenceServerUnavailable
from reference_server.nginx import BALANCES, BUFFERINGS
from reference_server.scale import MODES, Scale, ScaleFailed, scaled


def main(arguments: Sequence[str]) -> int:
    """Run replicas behind nginx until SIGTERM or SIGINT.

    Returns:
        The exit status, see `run`; 2 for wrong values.
    """
    parser = _parser()
    options, passed_on = parser.parse_known_args(arguments)
    try:
        scale = Scale(
            mode=options.mode,
            replicas=options.replicas,
            balance=options.balance,
            buffering=options.buffering,
            idle_limit=options.idle_limit,
            port=options.port,
            path=options.path,
            store=options.store,
            arguments=tuple(passed_on),
        )
    except ValueError as error:
        parser.error(str(error))
    return run(scale)


def run(scale: Scale) -> int:
    """Run replicas behind nginx until SIGTERM or SIGINT, and tell what happens.

    Returns:
        The exit status: 0 after a signal, 1 if nginx ended or something did not start, 2 if something is not
        installed.
    """
    ended = threading.Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signal_number, lambda *_: ended.set())
    try:
        with scaled(scale) as found:
            print(f"reference_server scale listening on {found.url}", flush=True)
            for number, url in enumerate(found.replica_urls, 1):
                print(f"replica r{number} listening on {url}", flush=True)
            while not ended.wait(0.2):
                for line in found.news():
                    print(f"reference_server scale: {line}", file=sys.stderr, flush=True)
                if not found.serves:
                    print("reference_server scale: nginx ended", file=sys.stderr, flush=True)
                    return 1
    except ScaleFailed as error:
        print(f"reference_server scale: {error}", file=sys.stderr)
        return 1
    except ReferenceServerUnavailable as error:
        print(f"reference_server scale: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="reference_server scale",
        description="Several replicas of the reference server behind nginx.",
        epilog="All other arguments go to each replica, for example --json-response or --fault ID.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("--replicas", type=int, default=3, metavar="N", help="how many (default %(default)s)")
    add("--mode", choices=MODES, default="shared", help="mode of the replicas (default %(default)s)")
    add(
        "--balance",
        choices=BALANCES,
        help="how requests are spread (default sticky with --mode stateful, else round-robin)",
    )
    add(
        "--buffering",
        choices=BUFFERINGS,
        default="off",
        help="whether nginx holds answers back (default %(default)s)",
    )
    add(
        "--idle-limit",
        type=int,
        default=3600,
        metavar="SECONDS",
        help="after what time nginx cuts a silent stream (default %(default)s)",
    )
    add("--port", type=int, default=0, help="port of nginx, 0 for a free one (default %(default)s)")
    add("--path", default="/mcp", help="path of the endpoint (default %(default)s)")
    add(
        "--store",
        default="auto",
        metavar="URL",
        help="store of the replicas: a URL, env:VARIABLE, none, or auto to start one (default %(default)s)",
    )
    return parser
