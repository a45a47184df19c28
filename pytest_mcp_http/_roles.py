"""Tools with a known behaviour: what each can be used for in a probe, and how it is called.

A tool is never called on a guess. Roles come from the user's `--mcp-role` and `mcp_roles`, else from the
bundled reference server, which is known by its name.
Imported with the options, so it needs the standard library only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

ROLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ask": "asks the client for input before it ends: ask = book {}",
        "slow": "works for a while, counting ticks: "
        'slow = count {"key": "$KEY", "ticks": $N, "milliseconds": $MS}',
        "witness": 'tells how many ticks were counted: witness = read {"key": "$KEY"}',
    }
)
"""Role -> what its tool does, with an example of the line that names one."""

PLACEHOLDERS: Final[Mapping[str, object]] = MappingProxyType({"KEY": "k", "MS": 1, "N": 1})
"""What stands for a value in the arguments of a role, each with a value of its type.

`$KEY` is a text that is new for each probe, `$N` a number of ticks, `$MS` a number of milliseconds.
"""

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
            values: A value for each placeholder that may be used, by name in lower case (`key`, `ms`, `n`).
        """
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
)
"""The roles of the bundled reference server."""


def missing(name: str) -> str:
    """Return why a role has no tool, with the line that would name one."""
    does, _, example = ROLES[name].partition(": ")
    return f"no tool is named that {does}: add {example!r} to the ini value mcp_roles"
