"""Reads every option and ini value once, and turns them into one frozen `Settings`.

Imported in each pytest run, so it needs pytest and the standard library only, and it opens no connection.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final, Literal

import pytest

from pytest_mcp_http import _option_values as values
from pytest_mcp_http._login import Login
from pytest_mcp_http._option_table import BY_FLAG, OPTIONS, Option
from pytest_mcp_http._roles import CallTools, Role

_TARGETS: Final = ("url", "command", "app", "reference")


@dataclass(frozen=True, slots=True)
class Settings:
    """What the options and ini values ask for, checked.

    Attributes:
        url: URL of a running server.
        command: Command line that starts a server, with the placeholders `{port}` and `{host}`.
        app: ASGI application or factory, as `package.module:attribute`.
        reference: Mode of the bundled reference server.
        suite: Run the suite against an overridden `mcp_target` fixture.
        path: Path of the endpoint of a server that we start.
        headers: Header lines sent with every request, values from the environment already read.
        second_headers: The header lines that are different for a second user.
        tokens: Tokens for single checks, by kind.
        oauth: How to log in before the run.
        ca: Absolute path of a PEM file with the authorities to trust.
        insecure: Accept any certificate.
        connect_timeout: Seconds to make a connection.
        first_byte_timeout: Seconds until the response head is complete.
        timeout: Seconds for a whole exchange.
        startup_timeout: Seconds until a server that we start has to answer.
        max_body: Bytes of a response body.
        revision: `auto` (newest of each era that the server speaks), `all`, or the revisions to judge.
        strict: Warnings fail.
        level: `must` leaves out the SHOULD requirements.
        cases: Globs on requirement ids; empty for all.
        report: Absolute path of the JSON report to write.
        roles: Tools that may be called, with what they can be used for.
        call_tools: Which tools may be called besides: `none` (not even those), `safe` or `all`.
        reference_options: Era, faults, variants and switches of the reference server.
        surface: Absolute path of the file that the surface is recorded in.
        surface_update: Record the surface instead of comparing it.
        concurrency: Clients that the chapter isolation connects at once.
        flood: Sessions to open and abandon; 0 for none.
        browser: Origin of a page that the server is judged for; None to judge it for none.
        fuzz: Changed requests to send per revision and source; 0 for none.
        fuzz_seed: Which requests these are; None for fresh ones.
        client_command: Command line that starts a client, with the placeholder `{url}`.
        client_timeout: Seconds that the command of a client may run.
        replicas: URLs of other replicas of the server.
        direct: URL of the same server past the proxy.
        idle_budget: Seconds that a stream without messages may be silent; None to hold none.
        shutdown: Start the command once more, and see how it ends.
    """

    url: str | None = None
    command: str | None = None
    app: str | None = None
    reference: Literal["stateless", "stateful", "shared"] | None = None
    suite: bool = False
    path: str = "/mcp"
    # Not in the repr: values are credentials more often than not.
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    second_headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    tokens: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    oauth: Login | None = None
    ca: str | None = None
    insecure: bool = False
    connect_timeout: float = 5.0
    first_byte_timeout: float = 10.0
    timeout: float = 30.0
    startup_timeout: float = 20.0
    max_body: int = 16 * 1024 * 1024
    revision: Literal["auto", "all"] | tuple[str, ...] = "auto"
    strict: bool = False
    level: Literal["must", "should"] = "should"
    cases: tuple[str, ...] = ()
    report: str | None = None
    roles: tuple[Role, ...] = ()
    call_tools: CallTools = "safe"
    reference_options: tuple[str, ...] = ()
    surface: str | None = None
    surface_update: bool = False
    concurrency: int = 16
    flood: int = 0
    browser: str | None = None
    fuzz: int = 0
    fuzz_seed: int | None = None
    client_command: str | None = None
    client_timeout: float = 30.0
    replicas: tuple[str, ...] = ()
    direct: str | None = None
    idle_budget: float | None = None
    shutdown: bool = False

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret value that is given, whatever it is for."""
        login = () if self.oauth is None else (self.oauth.client_secret, self.oauth.refresh_token)
        values = (value for _, value in (*self.headers, *self.second_headers, *self.tokens))
        return (*values, *(value for value in login if value is not None))

    def of_another(self, **target: Any) -> Settings:
        """Return these settings for another server: what they say of one server alone is left out.

        Args:
            target: Names the other server, and says what else is different for it.
        """
        # Which revisions are judged concerns the server that the options name.
        none = Settings()
        alone = ("reference_options", "replicas", "direct", "shutdown", "revision")
        return replace(self, **{name: getattr(none, name) for name in (*_TARGETS, *alone)} | target)

    @property
    def names_target(self) -> bool:
        """Whether an option or ini value says which server to judge."""
        return any(getattr(self, name) is not None for name in _TARGETS)

    @property
    def wanted(self) -> bool:
        """Whether anything is to be judged at all."""
        return self.judges_server or self.client_command is not None

    @property
    def judges_server(self) -> bool:
        """Whether the suite for servers is to run."""
        return self.suite or self.names_target


@dataclass(frozen=True, slots=True)
class _Given:
    """Values as given, by option name: those of the command line and those of the ini file."""

    line: dict[str, Any]
    ini: dict[str, Any]

    def value(self, flag: str, default: Any, convert: Callable[[Any, str], Any]) -> Any:
        """Return the converted value with the highest precedence, or the default."""
        name = BY_FLAG[flag].name
        if name in self.line:
            return convert(self.line[name], flag)
        if name in self.ini:
            return convert(self.ini[name], f"ini value {name}")
        return default


_ACCEPTED: Final = {
    "string": "a string",
    "linelist": "a list of strings",
    "bool": "true or false",
    "float": "a number of seconds",
    "int": "a whole number",
}


def _ini(config: pytest.Config, option: Option) -> Any:
    try:
        value = config.getini(option.name)
    except (TypeError, ValueError, pytest.UsageError) as error:
        accepted = _ACCEPTED[option.type]
        raise pytest.UsageError(f"ini value {option.name}: {error}; accepted: {accepted}") from None
    # An empty value unsets: `-o mcp_url=` runs without the target of the ini file.
    return None if value in ("", []) else value


def settings_from(config: pytest.Config) -> Settings:
    """Read options and ini values: the command line wins over the ini file, which wins over the default.

    Headers are merged by name; every other list of the command line replaces that of the ini file. A target
    on the command line replaces that of the ini file, whatever kind it is.

    Args:
        config: The configuration of the run, after `_option_table.add_options`.

    Raises:
        pytest.UsageError: If a value is wrong or two values contradict each other. The message names the
            option, the value (never that of a header) and what is accepted.
    """
    given = _Given(
        {o.name: v for o in OPTIONS if (v := config.getoption(o.name)) is not None},
        {o.name: v for o in OPTIONS if (v := _ini(config, o)) is not None},
    )
    here = Path.cwd()
    base = config.inipath.parent if config.inipath is not None else here

    def path_of(value: str, source: str) -> Path:
        return (here if source.startswith("--") else base) / Path(value).expanduser()

    def ca(value: str, source: str) -> str | None:
        return values.authorities(path_of(value, source), source)

    def report(value: str, source: str) -> str | None:
        return values.report_file(path_of(value, source), source)

    def surface(value: str, source: str) -> str:
        return values.surface_file(path_of(value, source), source)

    oauth = given.value("--mcp-oauth", None, values.login)
    first, second = _headers(given)
    if oauth is not None:
        first, second = _beside_login(first, second)
    settings = Settings(
        **_target(given),
        suite=given.value("--mcp-suite", False, values.flag),
        path=given.value("--mcp-path", "/mcp", values.url_path),
        headers=first,
        second_headers=second,
        tokens=given.value("--mcp-token", (), values.tokens),
        oauth=oauth,
        ca=given.value("--mcp-ca", None, ca),
        insecure=given.value("--mcp-insecure", False, values.flag),
        connect_timeout=given.value("--mcp-connect-timeout", 5.0, values.seconds),
        first_byte_timeout=given.value("--mcp-first-byte-timeout", 10.0, values.seconds),
        timeout=given.value("--mcp-exchange-timeout", 30.0, values.seconds),
        startup_timeout=given.value("--mcp-startup-timeout", 20.0, values.seconds),
        max_body=given.value("--mcp-max-body", 16 * 1024 * 1024, values.byte_count),
        revision=given.value("--mcp-revision", "auto", values.revisions),
        strict=given.value("--mcp-strict", False, values.flag),
        level=given.value("--mcp-level", "should", values.choice("must", "should")),
        cases=given.value("--mcp-case", (), values.lines),
        report=given.value("--mcp-report", None, report),
        roles=given.value("--mcp-role", (), values.roles),
        call_tools=given.value("--mcp-call-tools", "safe", values.choice("none", "safe", "all")),
        reference_options=given.value("--mcp-reference-option", (), values.reference_options),
        surface=given.value("--mcp-surface", None, surface),
        surface_update=given.value("--mcp-surface-update", False, values.flag),
        concurrency=given.value("--mcp-concurrency", 16, values.client_count),
        flood=given.value("--mcp-flood", 0, values.session_count),
        browser=given.value("--mcp-browser", None, values.web_origin),
        fuzz=given.value("--mcp-fuzz", 0, values.example_count),
        fuzz_seed=given.value("--mcp-fuzz-seed", None, values.seed),
        client_command=given.value("--mcp-client-command", None, values.client_command),
        client_timeout=given.value("--mcp-client-timeout", 30.0, values.seconds),
        **_other_ways(given),
        idle_budget=given.value("--mcp-idle-budget", None, values.idle_seconds),
        shutdown=given.value("--mcp-shutdown", False, values.flag),
    )
    _refuse_contradictions(settings, given)
    return settings


def _refuse_contradictions(settings: Settings, given: _Given) -> None:
    if settings.client_command and settings.judges_server:
        raise pytest.UsageError("--mcp-client-command judges a client; give no server to judge beside it")
    if settings.ca and settings.insecure:
        raise pytest.UsageError("--mcp-ca and --mcp-insecure contradict each other; give one of them")
    if settings.url and "mcp_path" in given.line:
        raise pytest.UsageError(
            "--mcp-path is for a server that is started here; with --mcp-url the path is part of the URL"
        )
    if "mcp_reference_options" in given.line and not settings.reference:
        raise pytest.UsageError("--mcp-reference-option needs --mcp-reference stateless, stateful or shared")
    if settings.surface_update and "mcp_surface_update" not in given.line:
        raise pytest.UsageError(
            "ini value mcp_surface_update: give --mcp-surface-update on the command line, for one run; "
            "in the ini file it would accept every change"
        )
    if settings.surface_update and not settings.surface:
        raise pytest.UsageError("--mcp-surface-update needs --mcp-surface FILE.json")
    if "mcp_surface" in given.line and not settings.wanted:
        raise pytest.UsageError(
            "--mcp-surface needs a target: give --mcp-url, --mcp-command, --mcp-app, --mcp-reference "
            "or --mcp-suite"
        )
    if "mcp_shutdown" in given.line and not settings.command:
        raise pytest.UsageError("--mcp-shutdown needs --mcp-command: only what is started here is ended")
    if "mcp_fuzz_seed" in given.line and not settings.fuzz:
        raise pytest.UsageError("--mcp-fuzz-seed needs --mcp-fuzz N")
    if settings.oauth and settings.wanted:
        from importlib.util import find_spec

        if find_spec("authlib") is None:
            raise pytest.UsageError("--mcp-oauth needs more packages: pip install pytest-mcp-http[oauth]")
    if settings.fuzz and settings.wanted:
        from pytest_mcp_http.fuzz import INSTALL, is_installed

        if not is_installed():
            raise pytest.UsageError(f"--mcp-fuzz needs more packages: {INSTALL}")


def _target(given: _Given) -> dict[str, Any]:
    """Return the one target that is named, as arguments of `Settings`."""
    convert: dict[str, Callable[[Any, str], Any]] = {
        "url": values.absolute_url,
        "command": values.command_line,
        "app": values.app_name,
        "reference": values.choice("stateless", "stateful", "shared"),
    }
    for level, prefix in ((given.line, "--mcp-"), (given.ini, "ini value mcp_")):
        named = [kind for kind in _TARGETS if f"mcp_{kind}" in level]
        if len(named) > 1:
            names = " and ".join(prefix + kind for kind in named)
            raise pytest.UsageError(f"{names} each name a target; give one of them")
        if named:
            kind = named[0]
            return {kind: convert[kind](level[f"mcp_{kind}"], prefix + kind)}
    return {}


def _headers(given: _Given) -> tuple[values.HeaderLines, values.HeaderLines]:
    """Return the header lines of the first user, and those that are different for the second."""
    ini = values.principals(given.ini.get("mcp_headers", ()), "ini value mcp_headers")
    line = values.principals(given.line.get("mcp_headers", ()), "--mcp-header")
    named = {name.lower() for name, _ in line[0]}
    first, second = (
        tuple(item for item in below if item[0].lower() not in named) + above
        for below, above in zip(ini, line, strict=True)
    )
    return first, second


def _other_ways(given: _Given) -> dict[str, Any]:
    """Return the other addresses of the server, as arguments of `Settings`.

    Those of the ini file belong to the URL of the ini file, so they go when the command line names a target.
    """
    if any(f"mcp_{kind}" in given.line for kind in _TARGETS):
        given = _Given(given.line, {})
    found = {
        "replicas": given.value("--mcp-replica", (), values.absolute_urls),
        "direct": given.value("--mcp-direct", None, values.absolute_url),
    }
    for flag, name in (("--mcp-replica", "replicas"), ("--mcp-direct", "direct")):
        if found[name] and "mcp_url" not in {**given.ini, **given.line}:
            raise pytest.UsageError(f"{flag} needs --mcp-url: it is another address of the server there")
    return found


def _beside_login(
    first: values.HeaderLines, second: values.HeaderLines
) -> tuple[values.HeaderLines, values.HeaderLines]:
    """Return the same where the first user logs in, so that a token beside it is that of the second.

    Raises:
        pytest.UsageError: If there are two.
    """
    given = tuple(line for line in first if line[0].lower() == "authorization")
    if any(name.lower() == "authorization" for name, _ in second):
        raise pytest.UsageError(
            "--mcp-oauth gets the token of the first user; give one Authorization beside it, for the second"
        )
    return tuple(line for line in first if line not in given), second + given
