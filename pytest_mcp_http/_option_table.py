"""Names every option and ini value once, with its type and help, and registers them.

Imported in each pytest run, so it needs pytest and the standard library only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import pytest

from pytest_mcp_http import _option_values as values

_IniType = Literal["string", "linelist", "bool", "float", "int"]


@dataclass(frozen=True, slots=True)
class Option:
    """One command line option and its ini twin of the same name.

    Attributes:
        alone: The value of an option that is given without one; None if it needs a value.
    """

    flag: str
    type: _IniType
    help: str
    metavar: str | None = None
    ini: str = ""
    alone: str | None = None

    @property
    def name(self) -> str:
        """Name of the ini value, which is the `dest` of the command line option too."""
        return self.ini or self.flag.removeprefix("--").replace("-", "_")


OPTIONS: Final = (
    Option("--mcp-url", "string", "judge the MCP server at this URL", "URL"),
    Option("--mcp-command", "string", "start and judge this server; {port} and {host} are filled in", "CMD"),
    Option("--mcp-app", "string", "serve this ASGI application or factory and judge it", "MODULE:APP"),
    Option("--mcp-reference", "string", "judge the bundled reference server", "stateless|stateful|shared"),
    Option("--mcp-suite", "bool", "run the suite against the mcp_target fixture of your conftest"),
    Option("--mcp-path", "string", "endpoint path of a server started here (default /mcp)", "PATH"),
    Option(
        "--mcp-header",
        "linelist",
        "header line 'Name: value' of every request, env:VAR is read from the environment (repeatable; "
        "the same name twice is for two users)",
        "LINE",
        "mcp_headers",
    ),
    Option(
        "--mcp-token",
        "linelist",
        "token for single checks: expired, other-audience, less-scope, broad-scope or in-query (repeatable)",
        "KIND=env:VAR",
        "mcp_tokens",
    ),
    Option(
        "--mcp-oauth",
        "string",
        "log in first: 'client-credentials client_id=ID client_secret=env:VAR', or with a refresh-token",
        "LOGIN",
    ),
    Option("--mcp-ca", "string", "PEM file with the authorities to trust", "FILE"),
    Option("--mcp-insecure", "bool", "accept any TLS certificate"),
    Option("--mcp-connect-timeout", "float", "seconds to connect (default 5)", "SECONDS"),
    Option("--mcp-first-byte-timeout", "float", "seconds until the response head (default 10)", "SECONDS"),
    Option("--mcp-exchange-timeout", "float", "seconds for one whole exchange (default 30)", "SECONDS"),
    Option(
        "--mcp-startup-timeout", "float", "seconds until a started server answers (default 20)", "SECONDS"
    ),
    Option("--mcp-max-body", "int", "bytes of a response body (default 16777216)", "BYTES"),
    Option(
        "--mcp-revision",
        "string",
        "auto (default: the newest of each era the server speaks), all, or a list: 2025-06-18,2025-11-25",
        "auto|all|LIST",
    ),
    Option("--mcp-strict", "bool", "broken SHOULD requirements fail instead of warn"),
    Option(
        "--mcp-level", "string", "must leaves out the SHOULD requirements (default should)", "must|should"
    ),
    Option("--mcp-case", "linelist", "only requirements whose id matches (repeatable)", "GLOB", "mcp_cases"),
    Option(
        "--mcp-role",
        "linelist",
        "'ROLE = TOOL {arguments}': a tool that may be called, and what it can be used for (repeatable)",
        "LINE",
        "mcp_roles",
    ),
    Option(
        "--mcp-call-tools",
        "string",
        "tools to call: none, safe (those with a role or a readOnlyHint; the default), or all",
        "none|safe|all",
    ),
    Option("--mcp-report", "string", "write the verdicts to this JSON file", "FILE.json"),
    Option(
        "--mcp-reference-option",
        "linelist",
        "era=ERA, fault=ID, variant=NAME, json-response, resumable or fixtures, for the reference server "
        "(repeatable)",
        "OPTION",
        "mcp_reference_options",
    ),
    Option("--mcp-surface", "string", "compare tools, prompts and resources with this file", "FILE.json"),
    Option("--mcp-surface-update", "bool", "record them in the file of --mcp-surface instead"),
    Option("--mcp-concurrency", "int", "connect this many clients at once (default 16)", "N"),
    Option("--mcp-flood", "int", "open and abandon this many sessions, to see what it does", "N"),
    Option(
        "--mcp-browser",
        "string",
        f"judge the server for clients in pages of this origin (without a value: {values.INSPECTOR})",
        "ORIGIN",
        alone=values.INSPECTOR,
    ),
    Option("--mcp-fuzz", "int", "send this many changed requests per revision and property", "N"),
    Option("--mcp-fuzz-seed", "int", "send the same changed requests as the run that printed this", "SEED"),
    Option("--mcp-client-command", "string", "judge the client that this starts; {url} is filled in", "CMD"),
    Option("--mcp-client-timeout", "float", "seconds a client may take per script (default 30)", "SECONDS"),
    Option("--mcp-replica", "linelist", "URL of another replica (repeatable)", "URL", "mcp_replicas"),
    Option("--mcp-direct", "string", "URL of the same server past the proxy that --mcp-url leads to", "URL"),
    Option("--mcp-idle-budget", "float", "hold silent streams for so long, and longer calls", "SECONDS"),
    Option("--mcp-shutdown", "bool", "start the command of --mcp-command once more, and judge how it ends"),
)

BY_FLAG: Final = {option.flag: option for option in OPTIONS}


def add_options(parser: pytest.Parser) -> None:
    """Register every option and its ini twin."""
    group = parser.getgroup("mcp", "MCP servers over Streamable HTTP")
    for option in OPTIONS:
        if option.type == "bool":
            group.addoption(
                option.flag, dest=option.name, action="store_true", default=None, help=option.help
            )
        else:
            action = "append" if option.type == "linelist" else "store"
            group.addoption(
                option.flag,
                dest=option.name,
                action=action,
                default=None,
                metavar=option.metavar,
                help=option.help,
                **({"nargs": "?", "const": option.alone} if option.alone is not None else {}),
            )
        parser.addini(option.name, option.help, type=option.type, default=None)
