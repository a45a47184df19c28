"""The command line: `python -m pytest_mcp_http list` prints the requirements, `locustfile` a path.

Servers are judged by pytest.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from pytest_mcp_http.spec.client_registry import CLIENT_CHAPTERS
from pytest_mcp_http.spec.registry import CHAPTERS
from pytest_mcp_http.spec.revisions import REVISIONS


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: Words after the program's name; None for those of the process.

    Returns:
        The exit status: 0; a usage error exits with 2.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    chapters = CLIENT_CHAPTERS if getattr(options, "clients", False) else CHAPTERS
    if getattr(options, "chapter", None) not in (None, *chapters):
        parser.error(f"argument --chapter: {options.chapter!r}; accepted: {', '.join(chapters)}")
    try:
        print(options.text(options), flush=True)
    except BrokenPipeError:
        # The reader, `head` for one, has seen enough; without this the interpreter complains as it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _listed(options: argparse.Namespace) -> str:
    from pytest_mcp_http import _list

    if not options.clients and (reason := _list.no_faults_because()) is not None:
        print(reason, file=sys.stderr)
    rows = _list.client_rows if options.clients else _list.rows
    listed = rows(options.chapter, options.revision)
    return _list.as_json(listed) if options.json else _list.as_text(listed)


def _locustfile(options: argparse.Namespace) -> str:
    # Found by its place, since importing it would import Locust.
    return str(Path(__file__).resolve().parent / "load" / "locustfile.py")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m pytest_mcp_http", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    listing = commands.add_parser("list", help="print each requirement with its checks and faults")
    listing.set_defaults(text=_listed)
    listing.add_argument("--json", action="store_true", help="print a JSON array")
    listing.add_argument("--clients", action="store_true", help="requirements of clients, with their scripts")
    listing.add_argument("--chapter", metavar="NAME", help="only this chapter, for example session")
    listing.add_argument("--revision", choices=REVISIONS, help="only requirements of this revision")
    locustfile = commands.add_parser("locustfile", help="print the path of the locustfile, for locust -f")
    locustfile.set_defaults(text=_locustfile)
    return parser


if __name__ == "__main__":
    sys.exit(main())
