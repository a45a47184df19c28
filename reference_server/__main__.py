"""The command line of the reference server: `python -m reference_server --mode stateful --port 0`."""

from __future__ import annotations

import argparse
import contextlib
import logging
import signal
import socket
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from reference_server import ReferenceServerUnavailable, create_app

if TYPE_CHECKING:
    from reference_server.app import ReferenceApp


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the server until it gets SIGTERM or SIGINT.

    Returns:
        The exit status: 0 after a graceful end, 1 if the address cannot be used, 2 for wrong values or a
        missing SDK.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)
    if given[:1] == ["scale"]:
        from reference_server._scale_command import main as scale

        return scale(given[1:])
    parser = _parser()
    options = parser.parse_args(given)
    lists = options.list_faults or options.list_variants
    if options.mode is None and not lists:
        parser.error("the following arguments are required: --mode")
    try:
        if lists:
            _print_catalogues(options)
            return 0
        app = create_app(
            mode=options.mode,
            era=options.era,
            json_response=options.json_response,
            resumable=options.resumable,
            fixtures=options.fixtures,
            faults=options.fault,
            variants=options.variant,
            path=options.path,
            store=options.store,
            state_key=options.state_key,
            session_prefix=options.session_prefix,
            session_seconds=options.session_seconds,
            tokens=options.token,
            issuer=options.issuer,
            resource=options.resource,
            origins=options.allow_origin,
        )
    except ValueError as error:
        parser.error(str(error))
    except ReferenceServerUnavailable as error:
        print(f"reference_server: {error}", file=sys.stderr)
        return 2
    from reference_server.serving import listen

    try:
        listener = listen(options.host, options.port)
    except OSError as error:
        place = f"{options.host}:{options.port}"
        print(f"reference_server: cannot listen on {place}: {error.strerror}", file=sys.stderr)
        return 1
    with listener:
        return _serve(app, listener, _url(options.host, listener, options.path))


def _serve(app: ReferenceApp, listener: socket.socket, url: str) -> int:
    import uvicorn

    from reference_server.serving import config

    class Server(uvicorn.Server):
        """Tells where it listens once it accepts, and ends with status 0 on a signal."""

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            if self.started:
                print(f"reference_server listening on {url}", flush=True)

        @contextlib.contextmanager
        def capture_signals(self) -> Iterator[None]:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, self.handle_exit)
            yield

    logging.basicConfig(level=logging.CRITICAL)
    server = Server(config(app))
    server.run(sockets=[listener])
    if app.failure is not None:
        print(f"reference_server: cannot start: {app.failure}", file=sys.stderr)
    return 0 if server.started else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="reference_server",
        description="An MCP server over Streamable HTTP.",
        epilog="With `scale` as first argument: several of them behind nginx, see `scale --help`.",
    )
    add = parser.add_argument
    add(
        "--mode",
        choices=("stateless", "stateful", "shared"),
        help="without sessions, with sessions, or with sessions that all replicas serve",
    )
    add(
        "--era",
        choices=("handshake", "modern", "dual"),
        default="dual",
        help="revisions (default %(default)s)",
    )
    add("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    add("--port", type=_port, default=8001, help="port to listen on, 0 for a free one (default %(default)s)")
    add("--path", default="/mcp", help="path of the endpoint (default %(default)s)")
    add("--json-response", action="store_true", help="answer with JSON instead of event streams")
    add("--resumable", action="store_true", help="give events ids and replay them (with sessions)")
    add("--store", metavar="URL", help="Redis or Valkey that replicas share, or env:VARIABLE")
    add("--state-key", metavar="env:VARIABLE", type=_secret, help="secret behind request states")
    add("--session-prefix", default="", metavar="TEXT", help="what session ids begin with")
    add(
        "--session-seconds",
        type=float,
        default=1800.0,
        metavar="SECONDS",
        help="how long the store keeps a session that is not used (default %(default)s)",
    )
    add("--fixtures", action="store_true", help="offer what the official conformance suite asks for")
    add("--fault", action="append", default=[], metavar="ID", help="deviate in this way (repeatable)")
    add(
        "--variant",
        action="append",
        default=[],
        metavar="NAME",
        help="behave in this unusual way (repeatable)",
    )
    add(
        "--token",
        action="append",
        default=[],
        metavar="[NAME[/SCOPE,...]=]TOKEN",
        help="accept this bearer token, or the one in env:VAR (repeatable)",
    )
    add("--issuer", metavar="URL", help="accept the JWT access tokens of this authorization server")
    add("--resource", metavar="URL", help="canonical URL of the server, which tokens are issued for")
    add(
        "--allow-origin",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="let pages of this origin use the server from a browser (repeatable)",
    )
    add("--list-faults", action="store_true", help="list the faults and end")
    add("--list-variants", action="store_true", help="list the variants and end")
    return parser


def _secret(text: str) -> str:
    if not text.startswith("env:"):
        # The command line is no place for a secret: everybody on the machine can read it.
        raise argparse.ArgumentTypeError("the value is not accepted; accepted: env:VARIABLE")
    return text


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= 65535):
        raise argparse.ArgumentTypeError(f"{text!r} is not accepted; accepted: 0 to 65535")
    return int(text)


def _print_catalogues(options: argparse.Namespace) -> None:
    from reference_server import crashes, faults, variants

    if options.list_faults:
        for fault in (*faults.catalogue().values(), *crashes.catalogue().values()):
            print(f"{fault.id}\t{','.join(fault.modes)}\t{','.join(fault.requirements)}\t{fault.summary}")
    if options.list_variants:
        for variant in variants.catalogue().values():
            print(f"{variant.name}\t{','.join(variant.modes)}\t{variant.summary}")


def _url(host: str, listener: socket.socket, path: str) -> str:
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{listener.getsockname()[1]}{path}"


if __name__ == "__main__":
    sys.exit(main())
