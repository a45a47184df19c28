"""What `--mcp-oauth` and `--mcp-token` say: how to log in, and tokens that are kept for single checks.

Imported with the options, so it needs the standard library only. The login itself is in `_oauth`.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

GRANTS: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "client-credentials": frozenset({"client_id", "client_secret"}),
        "refresh-token": frozenset({"client_id", "refresh_token"}),
    }
)
"""Ways to log in without a person, each with what has to be given for it."""

OPTIONAL: Final = frozenset({"scope", "issuer", "client_secret"})

SECRET: Final = frozenset({"client_secret", "refresh_token"})
"""What is taken from the environment only."""

TOKEN_KINDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "expired": "that has expired",
        "other-audience": "that the same authorization server issued for another server",
        "less-scope": "of the first user with fewer scopes",
        "broad-scope": "whose only scope implies those that the server needs",
        "in-query": "that is valid and may be written to logs",
    }
)
"""Tokens that only a user can give -> what each is, after "a token"."""

ACCEPTED: Final = (
    "'client-credentials client_id=ID client_secret=env:VAR' or "
    "'refresh-token client_id=ID refresh_token=env:VAR', with scope='A B' and issuer=URL if you like"
)


@dataclass(frozen=True, slots=True)
class Login:
    """How to log in.

    Attributes:
        grant: A key of `GRANTS`.
        client_id: Id of a registered client.
        client_secret: Its secret, or None for a public client.
        refresh_token: A refresh token that was given to it.
        scope: Scopes to ask for, separated by blanks; None for those that the server asks for.
        issuer: The only authorization server that may be given the secrets; None for the one that the server
            names.
    """

    grant: str
    client_id: str
    client_secret: str | None = field(default=None, repr=False)
    refresh_token: str | None = field(default=None, repr=False)
    scope: str | None = None
    issuer: str | None = None


def parse_login(line: str, read: Callable[[str, str], str]) -> Login:
    """Read the value of `--mcp-oauth`.

    Args:
        line: `GRANT NAME=VALUE ...`, quoted like words of a shell.
        read: Gets a name and a value, and returns the value with `env:VAR` replaced.

    Raises:
        ValueError: If it is no such line; the message says what is accepted and shows no secret.
    """
    try:
        grant, *words = shlex.split(line)
    except ValueError:
        raise ValueError(ACCEPTED) from None
    if grant not in GRANTS:
        raise ValueError(ACCEPTED)
    given: dict[str, str] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not equals or name not in GRANTS[grant] | OPTIONAL or name in given:
            # The word is not shown: without its name, all of it may be a secret.
            raise ValueError(f"{ACCEPTED}; word {len(given) + 2} is none of these, or is given twice")
        if name in SECRET and not value.startswith("env:"):
            raise ValueError(f"{name}=env:VAR, so that the secret stands in no list of processes")
        given[name] = read(name, value)
    missing = sorted(GRANTS[grant] - given.keys())
    if missing:
        raise ValueError(f"{grant} with {' and '.join(missing)}")
    return Login(grant, **given)


def parse_token(line: str, read: Callable[[str, str], str]) -> tuple[str, str]:
    """Read a value of `--mcp-token`: return the kind and the token.

    Args:
        line: `KIND=env:VAR`.
        read: Gets a name and a value, and returns the value with `env:VAR` replaced.

    Raises:
        ValueError: If it is no such line; the message says what is accepted and shows no secret.
    """
    kind, _, value = (part.strip() for part in line.partition("="))
    if kind not in TOKEN_KINDS or not value.startswith("env:"):
        raise ValueError(f"KIND=env:VAR, with one of the kinds {', '.join(TOKEN_KINDS)}")
    return kind, read(kind, value)


def lacking(kind: str) -> str:
    """Return why there is no token of a kind, with the option that would give one."""
    return f"no token is given {TOKEN_KINDS[kind]}: add --mcp-token {kind}=env:VAR"
