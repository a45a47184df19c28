"""Checks the text of each option and turns it into its value.

Knows nothing of pytest's configuration but `UsageError`; no message shows the value of a header.
"""

from __future__ import annotations

import math
import os
import re
import shlex
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from pytest_mcp_http._login import Login, parse_login, parse_token
from pytest_mcp_http._roles import Role, parse
from pytest_mcp_http.spec.revisions import REVISIONS

MAX_SECONDS: Final = 86_400.0
"""The longest time limit that can be asked for."""

MIN_IDLE: Final = 0.5
MAX_IDLE: Final = 900.0
"""The range of the time that silent streams are held, in seconds."""

MIN_BODY: Final = 1024
MAX_BODY: Final = 1024**3
"""The range of the size limit of a response body, in bytes."""

MAX_EXAMPLES: Final = 1_000_000
"""The most changed requests that can be asked for."""

MAX_CLIENTS: Final = 256

INSPECTOR: Final = "http://localhost:6274"
"""The origin of the MCP Inspector, a client in a page that many developers have open."""

MAX_SESSIONS: Final = 100_000
MAX_SEED: Final = 2**64 - 1

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_FROM_ENVIRONMENT: Final = re.compile(r"(?<!\S)env:(\S*)")
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_OURS: Final = frozenset(
    {
        "accept",
        "connection",
        "content-length",
        "content-type",
        "expect",
        "last-event-id",
        "mcp-method",
        "mcp-name",
        "mcp-protocol-version",
        "mcp-session-id",
        "transfer-encoding",
    }
)


def mask_url(url: str) -> str:
    """Return a URL fit to be shown: without user information, query values masked."""
    url = re.sub(r"//[^/?#]*@", "//", url)
    base, mark, query = url.partition("?")
    pairs = (pair.rpartition("=") for pair in re.findall(r"[^&]+", query))
    # A pair without "=" is a value as well: some servers take a bare token there.
    return base + mark + "&".join(f"{name.partition('=')[0]}{equals}***" for name, equals, _ in pairs)


def _wrong(source: str, value: object, accepted: str) -> pytest.UsageError:
    return pytest.UsageError(f"{source}: {value!r} is not accepted; accepted: {accepted}")


def flag(value: bool, _: str) -> bool:
    """Return a switch as it is."""
    return value


def lines(value: Sequence[str], source: str) -> tuple[str, ...]:
    """Return the lines of a list option, none of them empty."""
    stripped = tuple(line.strip() for line in value)
    if not all(stripped):
        raise _wrong(source, "", "a text that is not empty")
    return stripped


def choice(*choices: str) -> Callable[[Any, str], Any]:
    """Return a conversion that takes one of these words."""

    def convert(value: str, source: str) -> str:
        if value not in choices:
            raise _wrong(source, value, " or ".join(choices))
        return value

    return convert


def seconds(value: str | float, source: str) -> float:
    """Return a time limit in seconds."""
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds <= MAX_SECONDS:
        raise _wrong(source, value, f"seconds, more than 0 and at most {MAX_SECONDS:g}")
    return seconds


def idle_seconds(value: str | float, source: str) -> float:
    """Return how long silent streams are held, in seconds."""
    found = seconds(value, source)
    if not MIN_IDLE <= found <= MAX_IDLE:
        raise _wrong(source, value, f"seconds, at least {MIN_IDLE:g} and at most {MAX_IDLE:g}")
    return found


def byte_count(value: str | int, source: str) -> int:
    """Return a size limit in bytes."""
    try:
        size = int(value)
    except ValueError:
        size = -1
    if not MIN_BODY <= size <= MAX_BODY:
        raise _wrong(source, value, f"bytes, a whole number from {MIN_BODY} to {MAX_BODY}")
    return size


def example_count(value: str | int, source: str) -> int:
    """Return a number of changed requests."""
    return _whole(value, source, MAX_EXAMPLES)


def client_count(value: str | int, source: str) -> int:
    """Return a number of clients to connect at once."""
    number = _whole(value, source, MAX_CLIENTS)
    if number < 2:
        raise _wrong(source, value, f"a whole number from 2 to {MAX_CLIENTS}")
    return number


def web_origin(value: str, source: str) -> str:
    """Return the origin of a page as browsers write it."""
    parts = urlsplit(value)
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if parts.scheme not in ("http", "https") or not host or value != f"{parts.scheme}://{parts.netloc}":
        raise _wrong(source, value, f"an origin such as {INSPECTOR}, without a path")
    default = {"http": 80, "https": 443}[parts.scheme]
    name = f"[{host}]" if ":" in host else host
    if parts.username is not None or not value.isascii():
        raise _wrong(source, value, f"an origin such as {INSPECTOR}, in ASCII and without a user")
    return f"{parts.scheme}://{name}" + (f":{port}" if port not in (None, default) else "")


def session_count(value: str | int, source: str) -> int:
    """Return a number of sessions to abandon."""
    return _whole(value, source, MAX_SESSIONS)


def seed(value: str | int, source: str) -> int:
    """Return a seed."""
    return _whole(value, source, MAX_SEED)


def _whole(value: str | int, source: str, most: int) -> int:
    try:
        number = int(value)
    except ValueError:
        number = -1
    if not 0 <= number <= most:
        raise _wrong(source, value, f"a whole number from 0 to {most}")
    return number


def absolute_url(value: str, source: str) -> str:
    """Return an http or https URL without user information and fragment."""
    accepted = "an absolute URL such as https://host/mcp"
    shown = mask_url(value)
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise _wrong(source, shown, f"{accepted} ({error})") from None
    if parts.scheme not in ("http", "https") or not host or not re.fullmatch(r"[\x21-\x7e]+", value):
        raise _wrong(source, shown, accepted)
    if parts.fragment or value.endswith("#"):
        raise _wrong(source, shown, f"{accepted}, without #fragment")
    if "@" in parts.netloc:
        raise _wrong(
            source,
            shown,
            f"{accepted}; user and password belong in --mcp-header 'Authorization: Basic env:VAR'",
        )
    return value


def absolute_urls(value: Sequence[str], source: str) -> tuple[str, ...]:
    """Return http or https URLs, none of them twice."""
    found = tuple(absolute_url(each.strip(), source) for each in value)
    for url in found:
        if found.count(url) > 1:
            raise pytest.UsageError(f"{source}: {mask_url(url)} is given twice; give each URL once")
    return found


def command_line(value: str, source: str) -> str:
    """Return a command line that is not empty; what it starts is found out when it is started."""
    if not value.strip():
        raise _wrong(source, value, "a command line such as 'node server.js --port {port}'")
    return value


def client_command(value: str, source: str) -> str:
    """Return a command line with `{url}` whose program can be found."""
    try:
        words = shlex.split(value)
    except ValueError as error:
        raise _wrong(source, value, f"a command line; it cannot be split into words: {error}") from None
    if not words or "{url}" not in value:
        raise _wrong(source, value, "a command line with {url}, such as 'python my_client.py {url}'")
    if shutil.which(words[0]) is None:
        raise _wrong(source, words[0], "a program that can be run")
    return value


def app_name(value: str, source: str) -> str:
    """Return the name of an ASGI application, `package.module:attribute`."""
    module, colon, attribute = value.partition(":")
    names = [*module.split("."), *attribute.split(".")]
    if not colon or not all(name.isidentifier() for name in names):
        raise _wrong(source, value, "package.module:app, an ASGI application or a factory without arguments")
    return value


def url_path(value: str, source: str) -> str:
    """Return the path of an endpoint, without query."""
    if not value.startswith("/") or not value.isascii() or not value.isprintable() or set(value) & set(" ?#"):
        raise _wrong(source, value, "a URL path such as /mcp")
    return value


def revisions(value: str, source: str) -> str | tuple[str, ...]:
    """Return `auto`, `all`, or the revisions named, oldest first."""
    if value in ("auto", "all"):
        return value
    names = {name.strip() for name in value.split(",")}
    if not names <= set(REVISIONS):
        raise _wrong(source, value, f"auto, all, or a list of {', '.join(REVISIONS)} with commas")
    return tuple(name for name in REVISIONS if name in names)


def authorities(path: Path, source: str) -> str:
    """Return the absolute path of a PEM file with at least one certificate."""
    import ssl

    try:
        ssl.create_default_context(cafile=str(path))
    except (OSError, ssl.SSLError) as error:
        raise _wrong(source, str(path), f"a PEM file with certificates ({error})") from None
    return str(path.resolve())


def report_file(path: Path, source: str) -> str:
    """Return the absolute path of a JSON file to write."""
    if path.suffix != ".json" or path.is_dir():
        raise _wrong(source, str(path), "the name of a file that ends in .json")
    if not path.resolve().parent.is_dir():
        raise _wrong(source, str(path), "a file in a directory that exists")
    return str(path.resolve())


def surface_file(path: Path, source: str) -> str:
    """Return the absolute path of a JSON file that is one of ours, or does not exist yet."""
    from pytest_mcp_http.surface import file

    place = report_file(path, source)
    try:
        file.read(place)
    except ValueError as error:
        raise _wrong(source, place, f"a file that --mcp-surface-update wrote ({error})") from None
    return place


def roles(value: Sequence[str], source: str) -> tuple[Role, ...]:
    """Return the roles that lines name."""
    return tuple(_role(line, source) for line in value)


def _role(line: str, source: str) -> Role:
    try:
        return parse(line)
    except ValueError as error:
        raise _wrong(source, line, str(error)) from None


def reference_options(value: Sequence[str], source: str) -> tuple[str, ...]:
    """Return the options of the reference server; whether what they name exists is for the server to say."""
    for option in value:
        kind, equals, name = option.partition("=")
        named, switches = ("era", "fault", "variant"), ("json-response", "resumable", "fixtures")
        if not ((name and kind in named) if equals else kind in switches):
            raise _wrong(
                source, option, "era=ERA, fault=ID, variant=NAME, json-response, resumable or fixtures"
            )
    return tuple(value)


HeaderLines = tuple[tuple[str, str], ...]


def header_lines(lines: Sequence[str], source: str) -> HeaderLines:
    """Return the names and values of header lines, values from the environment read; no name twice."""
    first, second = principals(lines, source)
    if second:
        raise pytest.UsageError(f"{source}: {second[0][0]} is given twice; give it once")
    return first


def principals(lines: Sequence[str], source: str) -> tuple[HeaderLines, HeaderLines]:
    """Return the header lines of the first principal, and those of the second that are different.

    A name that is given twice has a value of each.
    """
    first: dict[str, tuple[str, str]] = {}
    second: dict[str, tuple[str, str]] = {}
    for number, line in enumerate(lines, 1):
        name, colon, value = line.partition(":")
        if not colon or not _TOKEN.fullmatch(name):
            # The line is not shown: without its name, all of it may be a secret.
            raise pytest.UsageError(f"{source}: number {number} is not accepted; accepted: 'Name: value'")
        if name.lower() in _OURS:
            raise pytest.UsageError(f"{source}: {name} is set by the suite itself and cannot be given")
        if name.lower() in second:
            raise pytest.UsageError(
                f"{source}: {name} is given more than twice; give it once, or once for each of two users"
            )
        found = second if name.lower() in first else first
        found[name.lower()] = (name, _header_value(name, value.strip(" \t"), source))
    return tuple(first.values()), tuple(second.values())


def login(value: str, source: str) -> Login:
    """Return how to log in, secrets from the environment read."""
    try:
        return parse_login(value, lambda name, text: _header_value(name, text, source))
    except ValueError as error:
        # The value is not shown: a secret may stand in it by mistake.
        raise pytest.UsageError(f"{source}: the value is not accepted; accepted: {error}") from None


def tokens(lines: Sequence[str], source: str) -> tuple[tuple[str, str], ...]:
    """Return tokens by their kind, read from the environment."""
    found: dict[str, str] = {}
    for number, line in enumerate(lines, 1):
        try:
            kind, token = parse_token(line, lambda name, text: _header_value(name, text, source))
        except ValueError as error:
            raise pytest.UsageError(f"{source}: number {number} is not accepted; accepted: {error}") from None
        if kind in found:
            raise pytest.UsageError(f"{source}: {kind} is given twice; give it once")
        found[kind] = token
    return tuple(found.items())


def _header_value(name: str, value: str, source: str) -> str:
    def read(match: re.Match[str]) -> str:
        variable = match[1]
        if not _VARIABLE.fullmatch(variable):
            raise pytest.UsageError(f"{source}: {name} names no environment variable; accepted: env:VAR")
        found = os.environ.get(variable, "").strip()
        if not found:
            state = "empty" if variable in os.environ else "not set"
            raise pytest.UsageError(
                f"{source}: {name} wants the environment variable {variable}, which is {state}"
            )
        return found

    value = _FROM_ENVIRONMENT.sub(read, value)
    # Latin-1 without control characters: what a header line can carry, RFC 9110 section 5.5.
    if not re.fullmatch(r"[\t\x20-\x7e\x80-\xff]+", value):
        raise pytest.UsageError(
            f"{source}: the value of {name} (not shown) is empty or cannot be carried by a header line"
        )
    return value
