"""Opens the server under test and holds what is known of it: how to reach it, and the facts learnt about it.

Knows options, launching and discovery; nothing of pytest but `UsageError`, nothing of what is judged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from types import TracebackType
from typing import TYPE_CHECKING, Any

import pytest

from pytest_mcp_http._diagnosis import without_secrets
from pytest_mcp_http._discover import Facts as Facts
from pytest_mcp_http._discover import discover
from pytest_mcp_http._launch import Launched, start, wait_until_ready
from pytest_mcp_http._option_values import absolute_url, mask_url
from pytest_mcp_http._options import Settings
from pytest_mcp_http._roles import CallTools, Role
from pytest_mcp_http._well_known import is_loopback
from pytest_mcp_http.errors import TargetError
from pytest_mcp_http.spec.revisions import era_of
from pytest_mcp_http.wire.http import HttpWire, Limits, ssl_context

if TYPE_CHECKING:
    from pytest_mcp_http._oauth import LoggedIn


@dataclass(frozen=True)
class Command:
    """A command that starts the server under test.

    Attributes:
        line: The command line, with the placeholders `{port}` and `{host}`.
        path: Path of the endpoint.
        startup_timeout: Seconds until it has to answer.
    """

    line: str
    path: str
    startup_timeout: float


@dataclass(frozen=True)
class Target:
    """The server under test.

    Attributes:
        url: The MCP endpoint.
        headers: Header lines sent with every request, those of the first user; their values are secret.
        second_headers: The header lines that are different for the second user; empty if there is none.
        tokens: Tokens for single checks, by kind; secret as well.
        login: The login that the token of the first user comes from, if there was one.
        limits: Time and size limits of each exchange.
        ca: PEM file with the authorities to trust.
        insecure: Whether any certificate is accepted.
        facts: What discovery learnt.
        roles: Tools that the user names, with what they can be used for.
        call_tools: Which tools may be called: `none`, `safe` (those with a role, and those that say of
            themselves that they only read) or `all`.
        replicas: URLs of other replicas of the server.
        direct: URL of the same server past the proxy; None if it is not known.
        idle_budget: Seconds that silent streams are held; None to hold none.
        concurrency: Clients to connect at once, where that is probed.
        flood: Sessions to open and abandon.
        browser: Origin of the page whose requests are judged; None for none.
        process: Id of the process behind the server, if it was started here.
        command: What starts the server once more, to see how it ends; None if it is not to be.
    """

    url: str = field(repr=False)
    facts: Facts
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    second_headers: tuple[tuple[str, str], ...] = field(default=(), repr=False, kw_only=True)
    tokens: Mapping[str, str] = field(default_factory=dict, repr=False, kw_only=True)
    login: LoggedIn | None = field(default=None, repr=False, kw_only=True)
    limits: Limits = field(default_factory=Limits)
    ca: str | None = None
    insecure: bool = False
    roles: tuple[Role, ...] = ()
    call_tools: CallTools = "safe"
    replicas: tuple[str, ...] = field(default=(), repr=False)
    direct: str | None = field(default=None, repr=False)
    idle_budget: float | None = None
    concurrency: int = 16
    flood: int = 0
    browser: str | None = None
    process: int | None = None
    command: Command | None = None

    @property
    def headers_of_second(self) -> tuple[tuple[str, str], ...]:
        """Every header line of the second user; empty if there is none."""
        named = {name.lower() for name, _ in self.second_headers}
        shared = tuple(line for line in self.headers if line[0].lower() not in named)
        return shared + self.second_headers if named else ()

    @property
    def secret_lines(self) -> tuple[tuple[str, str], ...]:
        """Whatever must not turn up in any text, as header lines."""
        tokens = tuple(("Authorization", f"Bearer {token}") for token in self.tokens.values())
        return (*self.headers, *self.second_headers, *tokens)

    @property
    def others(self) -> dict[tuple[str, str], str]:
        """Lower-case name and value of each line that is not the first user's -> in words whose it is."""
        second = dict.fromkeys(self.second_headers, "second user")
        tokens = {("Authorization", f"Bearer {token}"): kind for kind, token in self.tokens.items()}
        known = {(name.lower(), value) for name, value in self.headers}
        found = {(name.lower(), value): words for (name, value), words in {**tokens, **second}.items()}
        return {line: words for line, words in found.items() if line not in known}

    @property
    def loopback(self) -> bool:
        """Whether the URL names this machine, so that the server is reached without a network."""
        return is_loopback(self.url)

    @property
    def display_url(self) -> str:
        """The URL fit to be shown: without user information, query values masked."""
        return mask_url(self.url)

    def judged(self, setting: str | tuple[str, ...] = "auto") -> tuple[str, ...]:
        """Return the revisions to judge, oldest first.

        Args:
            setting: `auto` for the newest of each era that the server speaks and this release judges, `all`
                for all of these, or a list of revisions.

        Raises:
            TargetError: If a listed revision is not one that the server speaks.
        """
        spoken = self.facts.revisions
        if setting == "auto":
            return tuple([r for r in spoken if era_of(r) == era][-1] for era in self.facts.eras)
        if setting == "all":
            return spoken
        missing = [revision for revision in setting if revision not in spoken]
        if missing:
            raise TargetError(
                f"The MCP server at {self.display_url} does not speak {', '.join(missing)}.\n"
                f"  got:  it speaks {', '.join(spoken)}: {'; '.join(self.facts.evidence)}\n"
                "  do:   name only these with --mcp-revision, or leave it at auto"
            )
        return tuple(revision for revision in spoken if revision in setting)

    @property
    def default_revision(self) -> str:
        """The revision of a test that asks for none: the newest of the oldest era that is spoken."""
        return self.judged()[0]

    def open_wire(self, url: str | None = None) -> HttpWire:
        """Return a wire to this server with its limits and TLS settings; close it when done.

        Args:
            url: Another address of it.
        """
        wire = open_wire(url or self.url, self.limits, self.ca, insecure=self.insecure)
        if self.login is None:
            return wire
        from pytest_mcp_http._oauth import RenewingWire

        return RenewingWire(self.login, wire)

    def to_json(self) -> dict[str, Any]:
        """Return the target as plain JSON values, secrets included: for the workers of pytest-xdist only."""
        return {
            "url": self.url,
            "headers": [list(line) for line in self.headers],
            "second_headers": [list(line) for line in self.second_headers],
            "tokens": dict(self.tokens),
            "login": None if self.login is None else self.login.to_json(),
            "limits": asdict(self.limits),
            "ca": self.ca,
            "insecure": self.insecure,
            "facts": self.facts.to_json(),
            "roles": [asdict(role) for role in self.roles],
            "call_tools": self.call_tools,
            "replicas": list(self.replicas),
            "direct": self.direct,
            "idle_budget": self.idle_budget,
            "concurrency": self.concurrency,
            "flood": self.flood,
            "browser": self.browser,
            "process": self.process,
            "command": asdict(self.command) if self.command is not None else None,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Target:
        """Read what `to_json` returned."""
        return cls(
            url=value["url"],
            headers=tuple((name, text) for name, text in value["headers"]),
            second_headers=tuple((name, text) for name, text in value["second_headers"]),
            tokens=dict(value["tokens"]),
            login=None if value["login"] is None else _login_from(value["login"]),
            limits=Limits(**value["limits"]),
            ca=value["ca"],
            insecure=value["insecure"],
            facts=Facts.from_json(value["facts"]),
            roles=tuple(Role(**role) for role in value["roles"]),
            call_tools=value["call_tools"],
            replicas=tuple(value["replicas"]),
            direct=value["direct"],
            idle_budget=value["idle_budget"],
            concurrency=value["concurrency"],
            flood=value["flood"],
            browser=value["browser"],
            process=value["process"],
            command=Command(**value["command"]) if value["command"] is not None else None,
        )


class RunningTarget:
    """A target that answers, and the server behind it if we started it.

    Use it as a context manager, or call `close`.

    Attributes:
        target: What is known of it.
        closed: Whether it was closed.
    """

    def __init__(self, target: Target, launched: Launched | None = None) -> None:
        self.target = target
        self.closed = False
        self._launched = launched

    @property
    def url(self) -> str:
        """The URL of the endpoint."""
        return self.target.url

    @property
    def description(self) -> str:
        """What was started, one line; the URL of a server that was not."""
        return self._launched.description if self._launched is not None else self.target.display_url

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.target.display_url}: {self.description}>"

    def written(self) -> int:
        """Return a mark for `log`: what was written until now lies before it."""
        return self._launched.written() if self._launched is not None else 0

    def log(self, since: int = 0) -> str:
        """Return the last output of the server that was started, at most 64 KiB; empty for one that was not.

        The secret values of our headers are masked in it.

        Args:
            since: A mark, what `written` returned earlier: only what came after it.
        """
        found = self._launched.log(since) if self._launched is not None else ""
        return without_secrets(found, [value for _, value in self.target.secret_lines])

    def close(self) -> None:
        """End the server if we started it; may be called again."""
        self.closed = True
        if self._launched is not None:
            self._launched.close()

    def __enter__(self) -> RunningTarget:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _login_from(value: Mapping[str, Any]) -> LoggedIn:
    from pytest_mcp_http._oauth import LoggedIn

    return LoggedIn.from_json(value)


def open_wire(url: str, limits: Limits, ca: str | None = None, *, insecure: bool = False) -> HttpWire:
    """Return a wire for a URL; TLS settings are read for https only, which saves their cost elsewhere."""
    return HttpWire(limits, ssl_context(ca, insecure=insecure) if url.startswith("https:") else None)


def limits_of(settings: Settings) -> Limits:
    """Return the limits of each exchange."""
    return Limits(
        connect=settings.connect_timeout,
        first_byte=settings.first_byte_timeout,
        total=settings.timeout,
        body=settings.max_body,
    )


def open_target(settings: Settings) -> RunningTarget:
    """Start what has to be started, wait until it answers, and find out what it speaks.

    Args:
        settings: Names one target.

    Returns:
        The running target. Close it, which ends a server that was started here.

    Raises:
        TargetError: If the target cannot be judged. Nothing is left running then.
    """
    if not settings.names_target:
        raise TargetError(
            "No MCP server is named.\n  do:   give --mcp-url, --mcp-command, --mcp-app or --mcp-reference"
        )
    if settings.url is not None:
        try:
            # Checked with the options already, but a fixture can name a URL too.
            absolute_url(settings.url, "The URL of the MCP server")
        except pytest.UsageError as error:
            raise TargetError(str(error)) from None
        return RunningTarget(_with_other_ways(_examine(settings, settings.url), settings))
    running = await_target(start(settings), settings)
    if settings.command is not None and settings.shutdown:
        command = Command(settings.command, settings.path, settings.startup_timeout)
        running.target = replace(running.target, command=command)
    return running


def await_target(launched: Launched, settings: Settings) -> RunningTarget:
    """Wait until a server that was just started answers, and find out what it speaks.

    Args:
        launched: The server.
        settings: How long to wait, the headers, and the limits of each exchange.

    Returns:
        The running target. Close it, which ends the server.

    Raises:
        TargetError: If the server cannot be judged. It is ended then.
    """
    try:
        target = wait_until_ready(launched, settings.startup_timeout, lambda url: _examine(settings, url))
    except BaseException:
        launched.close()
        raise
    return RunningTarget(replace(target, process=launched.process_id), launched)


def _examine(settings: Settings, url: str) -> Target:
    limits = limits_of(settings)
    headers, login = settings.headers, None
    with open_wire(url, limits, settings.ca, insecure=settings.insecure) as wire:
        if settings.oauth is not None:
            from pytest_mcp_http._oauth import log_in

            login = log_in(settings.oauth, wire, url, headers)
            headers = (*headers, ("Authorization", f"Bearer {login.access_token}"))
        facts = discover(wire, url, headers)
    target = Target(
        url,
        facts,
        headers,
        limits,
        settings.ca,
        settings.insecure,
        settings.roles,
        settings.call_tools,
        second_headers=settings.second_headers,
        tokens=dict(settings.tokens),
        login=login,
        idle_budget=settings.idle_budget,
        concurrency=settings.concurrency,
        flood=settings.flood,
        browser=settings.browser,
    )
    target.judged(settings.revision)
    return target


def _with_other_ways(target: Target, settings: Settings) -> Target:
    """Return a target with its other addresses, once the same server was found at each.

    Raises:
        TargetError: If one of them leads to no server that can be judged, or to one of other revisions.
    """
    ways = [("--mcp-replica", url) for url in settings.replicas]
    ways += [("--mcp-direct", settings.direct)] if settings.direct is not None else []
    for option, url in ways:
        try:
            spoken = _examine(settings, url).facts.revisions
        except TargetError as error:
            raise TargetError(f"{option} {mask_url(url)} cannot be used. {error}") from None
        if spoken != target.facts.revisions:
            raise TargetError(
                f"{option} {mask_url(url)} cannot be used: it is not the same server.\n"
                f"  got:  it speaks {', '.join(spoken)}, and {target.display_url} speaks "
                f"{', '.join(target.facts.revisions)}\n"
                "  do:   check the address, and that the same release runs there"
            )
    return replace(target, replicas=settings.replicas, direct=settings.direct)
