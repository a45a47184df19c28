"""Tools with a known behaviour: what each can be used for in a probe, and how it is called.

A tool is never called on a guess. Roles come from the user's `--mcp-role` and `mcp_roles`, else from the
bundled reference server, which is known by its name, else from the tools of the official conformance suite.
Imported with the options, so it needs the standard library only.
"""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Literal

ROLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ask": "asks the client for input before it ends: ask = book {}",
        "call": "may be called, whatever it does: call = search {}",
        "change": "changes something that the server lists or lets read: change = touch {}",
        "echo": 'returns the text that it is given: echo = say {"text": "$NONCE"}',
        "error": "fails while it works: error = divide_by_zero {}",
        "handle": "makes something new and returns a handle for it: handle = create_basket {}",
        "impatient": "asks the client for input, and gives up after a while: "
        'impatient = book {"milliseconds": $MS}',
        "keeper": "takes the handle that the tool of the role handle gives: "
        'keeper = show_basket {"basket": "$HANDLE"}',
        "lapse": "asks the client and takes an answer for $MS milliseconds only: "
        'lapse = book {"valid_for": $MS}',
        "log": "logs messages of several levels while it works: log = import {}",
        "once": "asks the client and takes each answer once only: once = redeem {}",
        "progress": "reports progress several times while it works: progress = import {}",
        "restricted": "may be called by the first user only: restricted = delete_all {}",
        "slow": "works for a while, counting ticks: "
        'slow = count {"key": "$KEY", "ticks": $N, "milliseconds": $MS}',
        "task": "can run as a task: task = report {}",
        "witness": 'tells how many ticks were counted: witness = read {"key": "$KEY"}',
    }
)
"""Role -> what its tool does, with an example of the line that names one."""

PLACEHOLDERS: Final[Mapping[str, object]] = MappingProxyType(
    {"HANDLE": "h", "KEY": "k", "MS": 1, "N": 1, "NONCE": "n"}
)
"""What stands for a value in the arguments of a role, each with a value of its type.

`$KEY` and `$NONCE` are texts that are new for each probe and each call, `$HANDLE` is a handle that was given,
`$N` is a number of ticks, `$MS` one of milliseconds.
"""

CallTools = Literal["none", "safe", "all"]
"""Which tools may be called: none; those with a role or a `readOnlyHint`; all with arguments made up."""

REFERENCE_NAME: Final = "pytest-mcp-http reference server"

_LINE: Final = re.compile(r"\s*(?P<role>\w+)\s*=\s*(?P<tool>\S+)\s*(?P<arguments>.*)", re.DOTALL)
_PLACEHOLDER: Final = re.compile(r"\$([A-Z]+)\b")


@dataclass(frozen=True, slots=True)
class Role:
    """A tool and how to call it.

    Attributes:
        name: The role, a key of `ROLES`.
        tool: Name of the tool.
        template: Its arguments as JSON text, with placeholders.
    """

    name: str
    tool: str
    template: str = "{}"

    def params(self, **values: object) -> dict[str, Any]:
        """Return the params of a `tools/call`.

        Args:
            values: Values of placeholders by name in lower case (`handle`, `key`, `ms`, `n`, `nonce`);
                without one, a text is new, and a number 1.
        """
        fresh = {name: secrets.token_hex(8) for name in ("key", "nonce", "handle")}
        values = {"n": 1, "ms": 1, **fresh, **values}
        text = _PLACEHOLDER.sub(lambda found: str(values[found[1].lower()]), self.template)
        return {"name": self.tool, "arguments": json.loads(text)}


def parse(line: str) -> Role:
    """Read a line `ROLE = TOOL {json arguments}`.

    Raises:
        ValueError: If it is no such line; the message says what is accepted.
    """
    found = _LINE.fullmatch(line)
    if found is None or found["role"] not in ROLES:
        raise ValueError(f"ROLE = TOOL {{arguments}}, with one of the roles {', '.join(ROLES)}")
    role = Role(found["role"], found["tool"], found["arguments"].strip() or "{}")
    unknown = [name for name in _PLACEHOLDER.findall(role.template) if name not in PLACEHOLDERS]
    if unknown:
        raise ValueError(f"the placeholders ${', $'.join(PLACEHOLDERS)} (${unknown[0]} is none)")
    try:
        arguments = role.params(**{name.lower(): value for name, value in PLACEHOLDERS.items()})["arguments"]
    except ValueError:
        arguments = None
    if not isinstance(arguments, dict):
        raise ValueError(f"a JSON object as arguments, for example {ROLES[role.name].partition(': ')[2]}")
    return role


REFERENCE_ROLES: Final = (
    Role("slow", "count_ticks", '{"key": "$KEY", "ticks": $N, "milliseconds": $MS}'),
    Role("witness", "read_ticks", '{"key": "$KEY"}'),
    Role("ask", "ask_back", '{"kind": "elicitation"}'),
    Role("ask", "ask_back", '{"kind": "sampling"}'),
    Role("ask", "ask_back", '{"kind": "roots"}'),
    Role("impatient", "ask_briefly", '{"milliseconds": $MS}'),
    Role("ask", "ask_back", '{"kind": "url"}'),
    Role("ask", "ask_back", '{"kind": "tools"}'),
    Role("lapse", "ask_back", '{"kind": "roots", "milliseconds": $MS}'),
    Role("once", "ask_back", '{"kind": "roots", "once": true}'),
    Role("log", "log_each_level"),
    Role("progress", "count_slowly", '{"steps": 3, "milliseconds": 5}'),
    Role("change", "touch_resource", '{"uri": "reference://greeting"}'),
    Role("change", "toggle_item", '{"kind": "tools"}'),
    Role("change", "toggle_item", '{"kind": "prompts"}'),
    Role("change", "toggle_item", '{"kind": "resources"}'),
    Role("echo", "echo_text", '{"text": "$NONCE"}'),
    Role("task", "count_ticks", '{"key": "$KEY", "ticks": $N, "milliseconds": $MS}'),
    Role("task", "run_job", '{"outcome": "error", "milliseconds": $MS}'),
    Role("task", "run_job", '{"outcome": "refused", "milliseconds": $MS}'),
    Role("task", "run_batch", '{"milliseconds": $MS}'),
    Role("task", "ask_back", '{"kind": "elicitation"}'),
    Role("call", "show_content"),
    Role("handle", "new_key"),
    Role("keeper", "check_key", '{"key": "$HANDLE"}'),
    Role("restricted", "read_vault"),
    Role("error", "convert_units", '{"value": 1, "from_unit": "kg", "to_unit": "parsec"}'),
)
"""The roles of the bundled reference server."""


OFFICIAL_ROLES: Final = (
    Role("call", "test_simple_text"),
    Role("call", "test_image_content"),
    Role("call", "test_audio_content"),
    Role("call", "test_embedded_resource"),
    Role("call", "test_multiple_content_types"),
    Role("error", "test_error_handling"),
    Role("log", "test_tool_with_logging"),
    Role("progress", "test_tool_with_progress"),
    Role("ask", "test_elicitation", '{"message": "$NONCE"}'),
    Role("ask", "test_elicitation_sep1034_defaults"),
    Role("ask", "test_elicitation_sep1330_enums"),
    Role("ask", "test_sampling", '{"prompt": "$NONCE"}'),
)
"""The tools that the official conformance suite asks a server for: they do nothing but what it tests."""


def missing(name: str) -> str:
    """Return why a role has no tool, with the line that would name one."""
    does, _, example = ROLES[name].partition(": ")
    return f"no tool is named that {does}: add {example!r} to the ini value mcp_roles"
