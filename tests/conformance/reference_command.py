"""The command line of the reference server, from the options of `create_app`."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping
from typing import Any

_SINGULAR = {"faults": "fault", "variants": "variant"}


def arguments(options: Mapping[str, Any]) -> list[str]:
    """Return the words for options."""
    words: list[str] = []
    for name, value in options.items():
        flag = "--" + _SINGULAR.get(name, name.replace("_", "-"))
        if isinstance(value, bool):
            words += [flag] * value
        else:
            words += [f"{flag}={each}" for each in ([value] if isinstance(value, str | float) else value)]
    return words


def command(options: Mapping[str, Any]) -> str:
    """Return the line for `--mcp-command`."""
    return shlex.join([sys.executable, "-m", "reference_server", "--port", "{port}", *arguments(options)])
