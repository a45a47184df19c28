"""Who uses the server, and what each may do: principals, scopes, and what a message needs.

Knows nothing of tokens, HTTP and the SDK.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

from reference_server.vault import VAULT_PROMPT, VAULT_TOOL, VAULT_URI

USE: Final = "mcp:use"
"""The scope that every request needs."""

VAULT: Final = "mcp:vault"
"""The scope that the vault needs as well."""

ADMIN: Final = "mcp:admin"
"""The scope that implies the others."""

ALL_SCOPES: Final = (USE, VAULT, ADMIN)

DEFAULT_NAME: Final = "user"
"""The principal of a token that names none."""

_GRANT: Final = re.compile(r"(?P<name>[\w.@-]+)(/(?P<scopes>[\w:,.-]*))?=(?P<token>.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who a request comes from.

    Args:
        name: Its name; two tokens with the same name belong to the same principal.
        scopes: What the token allows.
    """

    name: str
    scopes: frozenset[str]

    def has(self, scope: str) -> bool:
        """Tell whether a scope was granted, by itself or by the broader one that implies it."""
        return scope in self.scopes or ADMIN in self.scopes


current_principal: ContextVar[Principal | None] = ContextVar("current_principal", default=None)
"""Who the request that is being served comes from; None on a server that is open to all."""


def owner() -> str | None:
    """Return the name of the current principal: what is made now belongs to it."""
    found = current_principal.get()
    return None if found is None else found.name


def may_enter_vault() -> bool:
    """Tell whether the current principal may use the vault, which an open server has not."""
    found = current_principal.get()
    return found is not None and found.has(VAULT)


def parse_grant(text: str, read: Mapping[str, str]) -> tuple[str, Principal]:
    """Read a grant: `TOKEN`, `NAME=TOKEN` or `NAME/SCOPE,SCOPE=TOKEN`.

    Args:
        text: The grant. A token `env:VAR` is read from the environment.
        read: The environment.

    Returns:
        The token and its principal, with the scopes of the grant or else those of the vault and of use.

    Raises:
        ValueError: If it is no grant; the message shows no token.
    """
    found = _GRANT.fullmatch(text)
    token = found["token"] if found else text
    if token.startswith("env:"):
        variable = token.removeprefix("env:")
        token = read.get(variable, "").strip()
        if not token:
            raise ValueError(f"token: the environment variable {variable!r} is empty or not set")
    if not re.fullmatch(r"[A-Za-z0-9._~+/-]+=*", token):
        raise ValueError("token: the value (not shown) is no bearer token; accepted: letters, digits, -._~+/")
    scopes = (USE, VAULT) if found is None or found["scopes"] is None else found["scopes"].split(",")
    unknown = [scope for scope in scopes if scope and scope not in ALL_SCOPES]
    if unknown:
        raise ValueError(f"token: scope {unknown[0]!r} is not accepted; accepted: {', '.join(ALL_SCOPES)}")
    return token, Principal(found["name"] if found else DEFAULT_NAME, frozenset(filter(None, scopes)))


def needed_scopes(messages: Iterable[Any]) -> tuple[str, ...]:
    """Return the scopes that some messages need, those of the vault after that of every request."""
    return (USE, VAULT) if any(map(_enters_vault, messages)) else (USE,)


def _enters_vault(message: Any) -> bool:
    params = message.get("params") if isinstance(message, dict) else None
    if not isinstance(params, dict):
        return False
    ref = params["ref"] if isinstance(params.get("ref"), dict) else {}
    wanted = params["notifications"] if isinstance(params.get("notifications"), dict) else {}
    listened = wanted.get("resourceSubscriptions")
    method = message.get("method")
    names = {
        "tools/call": [params.get("name")],
        "prompts/get": [params.get("name")],
        "resources/read": [params.get("uri")],
        "resources/subscribe": [params.get("uri")],
        "completion/complete": [ref.get("uri"), ref.get("name")],
        "subscriptions/listen": listened if isinstance(listened, list) else [],
    }.get(method if isinstance(method, str) else "", [])
    return any(
        isinstance(name, str) and (name in (VAULT_TOOL.name, VAULT_PROMPT.name) or name.startswith(VAULT_URI))
        for name in names
    )
