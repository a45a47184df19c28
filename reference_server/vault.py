"""What not every principal may use: a tool, a prompt, a resource and a template, listed to those who may."""

from __future__ import annotations

import json
from typing import Final

from reference_server._tool import Tool
from reference_server.prompts import Prompt, text_message
from reference_server.resources import Content, Resource

ENTRIES: Final = ("audit", "budget", "contracts")
"""What is in the vault."""

VAULT_URI: Final = "reference://vault"
VAULT_TEMPLATE_URI: Final = "reference://vault/{entry}"


async def _read_vault() -> str:
    return json.dumps({"entries": list(ENTRIES)})


VAULT_TOOL: Final = Tool("read_vault", "Tell what is in the vault. It needs a further scope.", _read_vault)
VAULT_PROMPT: Final = Prompt(
    "vault_report",
    "Ask for a report on the vault. It needs a further scope.",
    lambda _: (text_message(f"Report on {', '.join(ENTRIES)}."),),
)
VAULT_RESOURCE: Final = Resource(
    VAULT_URI,
    "vault",
    "What is in the vault. It needs a further scope.",
    Content("text/plain", text="\n".join(ENTRIES) + "\n"),
)


def read(uri: str) -> Content | None:
    """Return the content of an entry of the vault, or None."""
    entry = uri.removeprefix(f"{VAULT_URI}/")
    return Content("application/json", text=json.dumps({"entry": entry})) if entry in ENTRIES else None
