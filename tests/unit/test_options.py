from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import certifi
import pytest

from pytest_mcp_http import _option_table, _options
from pytest_mcp_http._login import Login
from pytest_mcp_http._options import Settings, settings_from

SECRET = "tok-5up3r-s3cr3t"


class OptionsOnly:
    """A plugin with our options and nothing else."""

    def pytest_addoption(self, parser):
        _option_table.add_options(parser)


@pytest.fixture
def read(pytester, monkeypatch):
    """Read settings from a command line and a configuration file, as a run would."""
    # The same whether or not the package is installed, and much faster than with every plugin there is.
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")

    def read(*args: str, toml: str = "", ini: str = "", ini_options: str = "") -> Settings:
        if toml:
            pytester.makefile(".toml", pytest="[pytest]\n" + toml)
        if ini:
            pytester.makefile(".ini", pytest="[pytest]\n" + ini)
        if ini_options:
            pytester.makefile(".toml", pyproject="[tool.pytest.ini_options]\n" + ini_options)
        pytester.plugins = [OptionsOnly()]
        return settings_from(pytester.parseconfig(*args))

    return read


def settings_of(line=None, ini=None, inipath=None) -> Settings:
    """Read settings from values as pytest hands them over: much faster than a whole configuration."""
    config = SimpleNamespace(getoption=(line or {}).get, getini=(ini or {}).get, inipath=inipath)
    return settings_from(config)  # type: ignore[arg-type]


def values(option: str, text: str) -> dict[str, object]:
    known = _option_table.BY_FLAG[option]
    return {known.name: [text] if known.type == "linelist" else text}


class TestDefaults:
    def test_nothing_is_wanted(self, read):
        settings = read()
        assert settings == Settings()
        assert not settings.wanted

    @pytest.mark.parametrize(
        ("args", "named"),
        [
            (["--mcp-url", "http://h/mcp"], True),
            (["--mcp-command", "x {port}"], True),
            (["--mcp-app", "a.b:c"], True),
            (["--mcp-reference", "stateless"], True),
            (["--mcp-suite"], False),
        ],
    )
    def test_a_target_or_the_suite_is_wanted(self, read, args, named):
        settings = read(*args)
        assert settings.wanted
        assert settings.names_target is named

    def test_limits_of_the_wire_are_the_defaults(self):
        from pytest_mcp_http._target import limits_of
        from pytest_mcp_http.wire.http import Limits

        assert limits_of(Settings()) == Limits()

    def test_settings_are_frozen_and_their_repr_has_no_header(self):
        settings = Settings(headers=(("Authorization", SECRET),))
        assert SECRET not in repr(settings)
        with pytest.raises(dataclasses.FrozenInstanceError):
            settings.url = "http://h"  # type: ignore[misc]


# Option, text, field, value; the ini twin of a list takes one line per value.
RIGHT = [
    ("--mcp-url", "https://h.example:8443/mcp?x=1", "url", "https://h.example:8443/mcp?x=1"),
    ("--mcp-url", "http://[::1]:80/mcp", "url", "http://[::1]:80/mcp"),
    ("--mcp-command", "node 'my server.js' --port {port}", "command", "node 'my server.js' --port {port}"),
    ("--mcp-app", "package.module:make.app", "app", "package.module:make.app"),
    ("--mcp-reference", "stateful", "reference", "stateful"),
    ("--mcp-path", "/api/v1/mcp", "path", "/api/v1/mcp"),
    ("--mcp-connect-timeout", "0.5", "connect_timeout", 0.5),
    ("--mcp-first-byte-timeout", "3", "first_byte_timeout", 3.0),
    ("--mcp-exchange-timeout", "86400", "timeout", 86400.0),
    ("--mcp-startup-timeout", "60", "startup_timeout", 60.0),
    ("--mcp-max-body", "1024", "max_body", 1024),
    ("--mcp-revision", "all", "revision", "all"),
    ("--mcp-revision", "2025-11-25, 2025-03-26", "revision", ("2025-03-26", "2025-11-25")),
    ("--mcp-level", "must", "level", "must"),
    ("--mcp-case", "session.*", "cases", ("session.*",)),
    ("--mcp-header", "X-Tenant:  a b ", "headers", (("X-Tenant", "a b"),)),
]


class TestRightValues:
    @pytest.mark.parametrize(("option", "text", "field", "value"), RIGHT)
    def test_on_the_command_line(self, option, text, field, value):
        assert getattr(settings_of(values(option, text)), field) == value

    @pytest.mark.parametrize(("option", "text", "field", "value"), RIGHT)
    def test_in_an_ini_file(self, read, option, text, field, value):
        name = _option_table.BY_FLAG[option].name
        assert getattr(read(ini=f"{name} = {text}"), field) == value

    @pytest.mark.parametrize(
        ("option", "field"), [("--mcp-strict", "strict"), ("--mcp-insecure", "insecure")]
    )
    def test_switches(self, read, option, field):
        name = _option_table.BY_FLAG[option].name
        assert getattr(read(option), field) is True
        assert getattr(read(ini=f"{name} = true"), field) is True
        assert getattr(read(toml=f"{name} = true"), field) is True
        assert getattr(read(toml=f"{name} = false"), field) is False

    def test_native_toml_has_types(self, read):
        settings = read(
            toml="""
mcp_url = "http://h/mcp"
mcp_exchange_timeout = 5
mcp_connect_timeout = 0.25
mcp_max_body = 4096
mcp_strict = true
mcp_headers = ["X-A: 1", "X-B: 2"]
mcp_cases = ["session.*", "sse.*"]
"""
        )
        assert settings == Settings(
            url="http://h/mcp",
            timeout=5.0,
            connect_timeout=0.25,
            max_body=4096,
            strict=True,
            headers=(("X-A", "1"), ("X-B", "2")),
            cases=("session.*", "sse.*"),
        )
        assert type(settings.timeout) is float

    def test_toml_in_ini_mode(self, read):
        settings = read(ini_options='mcp_exchange_timeout = 5\nmcp_strict = true\nmcp_headers = ["X-A: 1"]')
        assert (settings.timeout, settings.strict, settings.headers) == (5.0, True, (("X-A", "1"),))

    def test_lists_may_be_repeated(self, read):
        settings = read(
            "--mcp-case", "a.*", "--mcp-case", "b.*", "--mcp-header", "A: 1", "--mcp-header", "B: 2"
        )
        assert settings.cases == ("a.*", "b.*")
        assert settings.headers == (("A", "1"), ("B", "2"))

    def test_files_are_relative_to_who_names_them(self, read, pytester, monkeypatch):
        below = pytester.mkdir("below")
        pytester.makefile(".ini", pytest="[pytest]\nmcp_report = out.json")
        monkeypatch.chdir(below)
        assert read("-c", "../pytest.ini").report == str(pytester.path / "out.json")
        assert read("--mcp-report", "out.json").report == str(below / "out.json")

    def test_reference_options(self, read):
        options = ["era=modern", "fault=x", "variant=y", "json-response", "resumable"]
        args = [arg for option in options for arg in ("--mcp-reference-option", option)]
        assert read("--mcp-reference", "stateful", *args).reference_options == tuple(options)


class TestPrecedence:
    def test_the_command_line_wins(self, read):
        settings = read("--mcp-level", "should", "--mcp-case", "b", ini="mcp_level = must\nmcp_cases = a")
        assert (settings.level, settings.cases) == ("should", ("b",))

    def test_a_target_of_another_kind_replaces_that_of_the_ini_file(self, read):
        settings = read("--mcp-app", "a:b", ini="mcp_url = http://h/mcp")
        assert (settings.url, settings.app) == (None, "a:b")

    def test_headers_are_merged_by_name(self, read):
        settings = read("--mcp-header", "x-b: 3", ini="mcp_headers =\n  X-A: 1\n  X-B: 2")
        assert settings.headers == (("X-A", "1"), ("x-b", "3"))

    def test_an_empty_ini_value_unsets(self, read):
        assert read("-o", "mcp_url=", ini="mcp_url = http://h/mcp").wanted is False

    def test_a_path_of_the_ini_file_does_not_matter_for_a_url(self, read):
        assert read("--mcp-url", "http://h/x", ini="mcp_path = /y").url == "http://h/x"


# Option, wrong text, what the error says is accepted.
WRONG = [
    ("--mcp-url", "", "absolute URL"),
    ("--mcp-url", "host/mcp", "absolute URL"),
    ("--mcp-url", "ftp://h/mcp", "absolute URL"),
    ("--mcp-url", "http:///mcp", "absolute URL"),
    ("--mcp-url", "http://h:99999/mcp", "absolute URL"),
    ("--mcp-url", "http://h:x/mcp", "absolute URL"),
    ("--mcp-url", "http://[::1/mcp", "absolute URL"),
    ("--mcp-url", "http://h/a b", "absolute URL"),
    ("--mcp-url", "http://h/\u00fc", "absolute URL"),
    ("--mcp-url", "http://h/mcp#part", "without #fragment"),
    ("--mcp-command", " ", "command line"),
    ("--mcp-app", "package.module", "package.module:app"),
    ("--mcp-app", "package/module.py:app", "package.module:app"),
    ("--mcp-app", ":app", "package.module:app"),
    ("--mcp-reference", "both", "stateless or stateful"),
    ("--mcp-reference", "", "stateless or stateful"),
    ("--mcp-path", "mcp", "URL path"),
    ("--mcp-path", "/mcp?x", "URL path"),
    ("--mcp-path", "/m cp", "URL path"),
    ("--mcp-path", "", "URL path"),
    ("--mcp-connect-timeout", "soon", "seconds"),
    ("--mcp-connect-timeout", "0", "more than 0"),
    ("--mcp-first-byte-timeout", "-1", "more than 0"),
    ("--mcp-exchange-timeout", "nan", "more than 0"),
    ("--mcp-exchange-timeout", "inf", "at most 86400"),
    ("--mcp-startup-timeout", "1e9", "at most 86400"),
    ("--mcp-max-body", "1k", "whole number"),
    ("--mcp-max-body", "1.5", "whole number"),
    ("--mcp-max-body", "1023", "from 1024"),
    ("--mcp-max-body", "9999999999", "to 1073741824"),
    ("--mcp-revision", "latest", "auto, all, or a list of 2025-03-26"),
    ("--mcp-revision", "2024-11-05", "auto, all, or a list of 2025-03-26"),
    ("--mcp-revision", "2025-11-25,", "auto, all, or a list of 2025-03-26"),
    ("--mcp-revision", "2026-07-29", "2025-11-25, 2026-07-28 with commas"),
    ("--mcp-level", "may", "must or should"),
    ("--mcp-case", " ", "not empty"),
    ("--mcp-ca", "no-such.pem", "PEM file"),
    ("--mcp-report", "report.xml", ".json"),
    ("--mcp-reference-option", "fault", "fault=ID"),
    ("--mcp-reference-option", "fault=", "fault=ID"),
    ("--mcp-reference-option", "era", "era=ERA"),
    ("--mcp-reference-option", "json-response=yes", "json-response"),
    ("--mcp-reference-option", "bug=x", "variant=NAME"),
]


class TestWrongValues:
    @pytest.mark.parametrize(("option", "text", "accepted"), WRONG)
    def test_on_the_command_line(self, option, text, accepted):
        with pytest.raises(pytest.UsageError) as caught:
            settings_of(values(option, text))
        message = str(caught.value)
        assert message.startswith(option + ": ")
        assert accepted in message
        assert text.strip() in message

    @pytest.mark.parametrize(("option", "text", "accepted"), [row for row in WRONG if row[1]])
    def test_in_an_ini_file(self, option, text, accepted):
        with pytest.raises(pytest.UsageError) as caught:
            settings_of(ini=values(option, text))
        message = str(caught.value)
        assert message.startswith(f"ini value {_option_table.BY_FLAG[option].name}: ")
        assert accepted in message
        assert text.strip() in message

    @pytest.mark.parametrize(
        ("ini", "name"),
        [
            ("mcp_level = may", "mcp_level"),
            ("mcp_exchange_timeout = soon", "mcp_exchange_timeout"),
            ("mcp_exchange_timeout = 0", "mcp_exchange_timeout"),
            ("mcp_max_body = 1k", "mcp_max_body"),
            ("mcp_max_body = 12", "mcp_max_body"),
            ("mcp_strict = perhaps", "mcp_strict"),
            ("mcp_cases =\n  a.*\nmcp_headers = X", "mcp_headers"),
        ],
    )
    def test_in_a_real_ini_file(self, read, ini, name):
        with pytest.raises(pytest.UsageError, match=f"^ini value {name}: .*accepted: "):
            read(ini=ini)

    @pytest.mark.parametrize(
        ("toml", "name"),
        [
            ("mcp_url = 5", "mcp_url"),
            ('mcp_exchange_timeout = "5"', "mcp_exchange_timeout"),
            ("mcp_exchange_timeout = true", "mcp_exchange_timeout"),
            ("mcp_max_body = 2048.5", "mcp_max_body"),
            ('mcp_strict = "yes"', "mcp_strict"),
            ('mcp_headers = "A: 1"', "mcp_headers"),
            ("mcp_cases = [1]", "mcp_cases"),
        ],
    )
    def test_of_the_wrong_type_in_toml(self, read, toml, name):
        with pytest.raises(pytest.UsageError, match=f"^ini value {name}: .*accepted: "):
            read(toml=toml)

    def test_a_directory_as_report(self, tmp_path):
        (tmp_path / "out.json").mkdir()
        with pytest.raises(pytest.UsageError, match=r"^--mcp-report: .*ends in \.json"):
            settings_of({"mcp_report": str(tmp_path / "out.json")})

    def test_a_file_without_certificate(self, tmp_path):
        (tmp_path / "ca.pem").write_text("no certificate")
        with pytest.raises(pytest.UsageError, match=r"^--mcp-ca: .*PEM file with certificates"):
            settings_of({"mcp_ca": str(tmp_path / "ca.pem")})

    def test_a_file_with_certificates(self, tmp_path):
        path = tmp_path / "ca.pem"
        path.write_bytes(Path(certifi.where()).read_bytes())
        assert settings_of({"mcp_ca": str(path)}).ca == str(path)
        assert settings_of(ini={"mcp_ca": "ca.pem"}, inipath=tmp_path / "pytest.ini").ca == str(path)

    @pytest.mark.parametrize(
        "args",
        [
            ["--mcp-url", "http://h/", "--mcp-app", "a:b"],
            ["--mcp-command", "x", "--mcp-reference", "stateful"],
        ],
    )
    def test_two_targets_on_the_command_line(self, read, args):
        with pytest.raises(pytest.UsageError) as caught:
            read(*args)
        assert str(caught.value) == f"{args[0]} and {args[2]} each name a target; give one of them"

    def test_two_targets_in_the_ini_file(self, read):
        with pytest.raises(
            pytest.UsageError, match="ini value mcp_url and ini value mcp_app each name a target"
        ):
            read(ini="mcp_url = http://h/\nmcp_app = a:b")

    @pytest.mark.parametrize(
        ("args", "message"),
        [
            (["--mcp-url", "http://h/", "--mcp-path", "/x"], "the path is part of the URL"),
            (["--mcp-reference-option", "fault=x"], "needs --mcp-reference"),
        ],
    )
    def test_options_that_would_be_ignored(self, read, args, message):
        with pytest.raises(pytest.UsageError, match=message):
            read(*args)

    def test_a_contradiction(self):
        given = _options._Given({}, {})
        with pytest.raises(pytest.UsageError, match="contradict"):
            _options._refuse_contradictions(Settings(ca="/x.pem", insecure=True), given)


class TestSecrets:
    def test_a_value_comes_from_the_environment(self, read, monkeypatch):
        monkeypatch.setenv("MCP_TOKEN", f"{SECRET}\n")
        settings = read(
            "--mcp-header", "Authorization: Bearer env:MCP_TOKEN", "--mcp-header", "X: env:MCP_TOKEN"
        )
        assert settings.headers == (("Authorization", f"Bearer {SECRET}"), ("X", SECRET))

    def test_the_ini_file_names_variables_too(self, read, monkeypatch):
        monkeypatch.setenv("MCP_TOKEN", SECRET)
        assert read(ini="mcp_headers = X: env:MCP_TOKEN").headers == (("X", SECRET),)

    @pytest.mark.parametrize(("value", "state"), [(None, "not set"), ("", "empty"), (" \n", "empty")])
    def test_a_missing_variable_is_named(self, read, monkeypatch, value, state):
        if value is None:
            monkeypatch.delenv("MCP_TOKEN", raising=False)
        else:
            monkeypatch.setenv("MCP_TOKEN", value)
        with pytest.raises(pytest.UsageError) as caught:
            read("--mcp-header", "X: env:MCP_TOKEN")
        assert str(caught.value) == (
            f"--mcp-header: X wants the environment variable MCP_TOKEN, which is {state}"
        )

    @pytest.mark.parametrize(
        "line",
        [
            SECRET,
            f": {SECRET}",
            f"A B: {SECRET}",
            f"X: {SECRET}\r\nY: 1",
            f"X: {SECRET}\0",
            f"X: {SECRET}\u20ac",
            f"X: env:9 {SECRET}",
            f"Mcp-Session-Id: {SECRET}",
            f"content-length: {SECRET}",
            f"Accept: {SECRET}",
        ],
    )
    @pytest.mark.parametrize("where", ["line", "ini"])
    def test_a_wrong_line_is_not_shown(self, monkeypatch, line, where):
        values = {"mcp_headers": [line]}
        given = _options._Given(values, {}) if where == "line" else _options._Given({}, values)
        with pytest.raises(pytest.UsageError) as caught:
            _options._headers(given)
        assert SECRET not in str(caught.value)

    def test_a_secret_that_breaks_the_header_is_not_shown(self, read, monkeypatch):
        monkeypatch.setenv("MCP_TOKEN", f"{SECRET}\nX-Other: 1")
        with pytest.raises(pytest.UsageError) as caught:
            read("--mcp-header", "X: env:MCP_TOKEN")
        assert SECRET not in str(caught.value)
        assert "X (not shown)" in str(caught.value)

    def test_a_name_twice(self, read):
        settings = read("--mcp-header", "X-A: 1", "--mcp-header", "B: 1", "--mcp-header", "x-a: 2")
        assert (settings.headers, settings.second_headers) == ((("X-A", "1"), ("B", "1")), (("x-a", "2"),))

    def test_two_users_in_the_ini_file(self, read, monkeypatch):
        monkeypatch.setenv("SECOND", SECRET)
        settings = read("--mcp-header", "b: 3", ini="mcp_headers =\n  A: 1\n  A: env:SECOND\n  B: 1\n  B: 2")
        assert settings.headers == (("A", "1"), ("b", "3"))
        assert settings.second_headers == (("A", SECRET),)
        assert SECRET in settings.secrets
        assert SECRET not in repr(settings)

    def test_a_name_three_times(self, read):
        lines = [word for number in "123" for word in ("--mcp-header", f"X-A: {number}")]
        with pytest.raises(pytest.UsageError, match=r"^--mcp-header: X-A is given more than twice"):
            read(*lines)

    def test_tokens(self, read, monkeypatch):
        monkeypatch.setenv("T", SECRET)
        settings = read("--mcp-token", "expired=env:T", ini="mcp_tokens = less-scope=env:T")
        assert settings.tokens == (("expired", SECRET),)
        assert read(ini="mcp_tokens = less-scope = env:T").tokens == (("less-scope", SECRET),)
        assert SECRET not in repr(settings)

    @pytest.mark.parametrize(
        "line", [f"expired={SECRET}", f"stale=env:{SECRET}", SECRET, "expired=env:UNSET"]
    )
    def test_a_wrong_token_is_not_shown(self, read, line):
        with pytest.raises(pytest.UsageError, match=r"^--mcp-token: ") as caught:
            read("--mcp-token", line)
        assert SECRET not in str(caught.value)

    def test_the_same_token_twice(self, read, monkeypatch):
        monkeypatch.setenv("T", SECRET)
        with pytest.raises(pytest.UsageError, match="expired is given twice"):
            read("--mcp-token", "expired=env:T", "--mcp-token", "expired=env:T")

    def test_login(self, read, monkeypatch):
        monkeypatch.setenv("S", SECRET)
        line = "client-credentials client_id=me client_secret=env:S scope='a b' issuer=https://as"
        login = read("--mcp-oauth", line).oauth
        assert login == Login("client-credentials", "me", SECRET, None, "a b", "https://as")
        assert SECRET not in repr(login)
        login = read(ini="mcp_oauth = refresh-token client_id=me refresh_token=env:S").oauth
        assert login == Login("refresh-token", "me", None, SECRET)

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ("password user=me", "client-credentials client_id=ID"),
            ("", "client-credentials client_id=ID"),
            ("client-credentials 'x", "client-credentials client_id=ID"),
            ("client-credentials client_id=me", "with client_secret"),
            (f"client-credentials client_id=me client_secret={SECRET}", "client_secret=env:VAR"),
            (f"client-credentials client_id=me {SECRET}", "word 3 is none of these"),
            ("client-credentials client_id=me client_id=you", "given twice"),
            ("client-credentials client_id=me client_secret=env:UNSET", "variable UNSET, which is not set"),
            ("refresh-token client_secret=env:S", "with client_id and refresh_token"),
        ],
    )
    def test_a_wrong_login(self, read, monkeypatch, line, said):
        monkeypatch.setenv("S", SECRET)
        with pytest.raises(pytest.UsageError, match=r"^--mcp-oauth: ") as caught:
            read("--mcp-oauth", line)
        assert said in str(caught.value)
        assert SECRET not in str(caught.value)

    def test_a_login_beside_a_token(self, read, monkeypatch):
        monkeypatch.setenv("S", SECRET)
        login = "client-credentials client_id=me client_secret=env:S"
        settings = read(
            "--mcp-oauth", login, "--mcp-header", "X: 1", "--mcp-header", "authorization: Bearer x"
        )
        assert settings.headers == (("X", "1"),)
        assert settings.second_headers == (("authorization", "Bearer x"),)
        twice = ("--mcp-header", "authorization: a") * 2
        with pytest.raises(pytest.UsageError, match="give one Authorization beside it"):
            read("--mcp-oauth", login, *twice)

    @pytest.mark.parametrize(
        "url", [f"https://user:{SECRET}@h/mcp", f"https://{SECRET}@h/mcp?token={SECRET}"]
    )
    def test_user_information_is_refused_and_not_shown(self, read, url):
        with pytest.raises(pytest.UsageError) as caught:
            read("--mcp-url", url)
        assert SECRET not in str(caught.value)
        assert "env:VAR" in str(caught.value)


def test_every_ini_value_is_read_once():
    reads = []

    def getini(name):
        reads.append(name)

    config = SimpleNamespace(getini=getini, getoption=lambda name: None, inipath=None)
    settings_from(config)  # type: ignore[arg-type]
    assert sorted(reads) == sorted(option.name for option in _option_table.OPTIONS)


def test_names_stay_out_of_the_way_of_other_plugins():
    names = {option.flag for option in _option_table.OPTIONS}
    assert all(name.startswith("--mcp-") for name in names)
    assert not names & {"--mcp-timeout", "--mcp-server"}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://host/mcp", "https://host/mcp"),
        ("https://host/mcp?s3cr3t", "https://host/mcp?***"),
        ("https://host/mcp?key=s3cr3t&s3cr3t&a=b=s3cr3t", "https://host/mcp?key=***&***&a=***"),
        ("https://me:s3cr3t@host/mcp?", "https://host/mcp?"),
    ],
)
def test_shown_url_has_no_secrets(url: str, shown: str) -> None:
    from pytest_mcp_http._option_values import mask_url

    assert mask_url(url) == shown


class TestOtherAddresses:
    URL = "http://127.0.0.1:1/mcp"
    REPLICAS = ("http://127.0.0.1:2/mcp", "http://127.0.0.1:3/mcp")

    def test_command_line(self):
        settings = settings_of(
            {"mcp_url": self.URL, "mcp_replicas": list(self.REPLICAS), "mcp_direct": self.REPLICAS[0]}
        )
        assert settings.replicas == self.REPLICAS
        assert settings.direct == self.REPLICAS[0]

    def test_ini_file(self, read):
        settings = read(toml=f'mcp_url = "{self.URL}"\nmcp_replicas = ["{self.REPLICAS[0]}"]\n')
        assert settings.replicas == self.REPLICAS[:1]
        assert settings.direct is None

    @pytest.mark.parametrize("name", ["mcp_url", "mcp_command"])
    def test_those_of_the_ini_file_belong_to_its_url(self, name):
        ini = {"mcp_url": self.URL, "mcp_replicas": list(self.REPLICAS), "mcp_direct": self.REPLICAS[0]}
        line = {name: "http://127.0.0.1:9/mcp" if name == "mcp_url" else "serve {port}"}
        settings = settings_of(line, ini)
        assert settings.replicas == ()
        assert settings.direct is None

    @pytest.mark.parametrize(("flag", "value"), [("--mcp-replica", [URL]), ("--mcp-direct", URL)])
    def test_they_need_a_url(self, flag, value):
        name = _option_table.BY_FLAG[flag].name
        for line in ({}, {"mcp_reference": "stateful"}):
            with pytest.raises(pytest.UsageError, match=f"{flag} needs --mcp-url"):
                settings_of({**line, name: value})

    @pytest.mark.parametrize("value", ["ftp://h/mcp", "http://u:s3cr3t-pass@h/mcp", "http://h/mcp#x", "mcp"])
    def test_they_are_checked_like_the_url(self, value):
        for name in ("mcp_replicas", "mcp_direct"):
            given = [value] if name == "mcp_replicas" else value
            with pytest.raises(pytest.UsageError, match="accepted: an absolute URL") as caught:
                settings_of({"mcp_url": self.URL, name: given})
            assert "s3cr3t-pass" not in str(caught.value)

    def test_no_replica_is_named_twice(self):
        with pytest.raises(pytest.UsageError, match="is given twice"):
            settings_of({"mcp_url": self.URL, "mcp_replicas": [self.URL, self.URL]})

    @pytest.mark.parametrize("value", ["0.5", "900", "60"])
    def test_idle_budget(self, value):
        assert settings_of({"mcp_idle_budget": value}).idle_budget == float(value)

    @pytest.mark.parametrize("value", ["0", "0.4", "901", "-1", "nan", "soon"])
    def test_wrong_idle_budget(self, value):
        with pytest.raises(pytest.UsageError, match="--mcp-idle-budget"):
            settings_of({"mcp_idle_budget": value})

    def test_shutdown_needs_a_command(self):
        assert settings_of({"mcp_command": "serve {port}", "mcp_shutdown": True}).shutdown
        with pytest.raises(pytest.UsageError, match="--mcp-shutdown needs --mcp-command"):
            settings_of({"mcp_url": self.URL, "mcp_shutdown": True})
