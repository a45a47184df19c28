"""Building blocks for faults of who is served: requests that pass for those of somebody, other challenges."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Final
from urllib.parse import parse_qs

from reference_server._context import HeaderLines, RequestContext
from reference_server._layers import Call, Layer, handle, rewrite_body, rewrite_response_start, when
from reference_server.authorization import RESOURCE_METADATA, SERVER_METADATA
from reference_server.principals import ALL_SCOPES, USE, VAULT, Principal

GUEST: Final = Principal("guest", frozenset({USE, VAULT}))
"""Whom a request without a principal of its own passes for."""

ANYONE: Final = Principal("anyone", frozenset({USE, VAULT}))
"""Whom the requests of all pass for."""

Predicate = Callable[[RequestContext], bool]
Parameters = dict[str, str]


# -- requests -----------------------------------------------------------------------------------------------


def token_of(context: RequestContext) -> str | None:
    """Return the token of a request, or None."""
    return (context.header("authorization") or "").partition(" ")[2] or None


def claims(context: RequestContext) -> Mapping[str, Any]:
    """Return what the token of a request claims; nothing if it is no JWT."""
    parts = (token_of(context) or "").split(".")
    if len(parts) != 3:
        return {}
    try:
        found = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def has_no_token(context: RequestContext) -> bool:
    """Select requests to the endpoint without a token."""
    return context.path == context.facts.path and context.header("authorization") is None


def is_made_up(context: RequestContext) -> bool:
    """Select requests to the endpoint with a token that is no JWT."""
    return context.path == context.facts.path and token_of(context) is not None and not claims(context)


def is_malformed(context: RequestContext) -> bool:
    """Select requests whose Authorization is no scheme with one token."""
    value = context.header("authorization")
    return value is not None and len(value.split()) != 2


def has_query_token(call: Call) -> bool:
    """Tell whether the query of a request has a token."""
    return "access_token" in parse_qs(call.scope.get("query_string", b"").decode("latin-1"))


def passing_for(principal: Callable[[RequestContext], Principal | None]) -> Layer:
    """Let requests pass for those of a principal, whatever their token is; None leaves one as it is."""

    async def run(call: Call) -> None:
        found = principal(call.context)
        await call.forward(None if found is None else replace(call.context, principal=found))

    return handle(run)


def trusting(select: Predicate) -> Layer:
    """Let the selected requests pass for those of the owner of their session, or of a guest."""

    def principal(context: RequestContext) -> Principal | None:
        if not select(context):
            return None
        session = context.session
        return GUEST if session is None or session.owner is None else replace(GUEST, name=session.owner)

    return passing_for(principal)


def privileged(select: Predicate) -> Layer:
    """Give the selected requests every scope, if they have a token at all."""

    def principal(context: RequestContext) -> Principal | None:
        name = claims(context).get("sub")
        return Principal(name, frozenset(ALL_SCOPES)) if select(context) and isinstance(name, str) else None

    return passing_for(principal)


def shared(select: Predicate) -> Layer:
    """Let the selected requests pass for those of one principal, if they have a token at all."""
    return passing_for(lambda context: ANYONE if select(context) and claims(context) else None)


# -- refusals -----------------------------------------------------------------------------------------------


def with_status(old: int, new: int, select: Predicate) -> Layer:
    """Change a status of the answers to the selected requests."""

    def change(status: int, lines: HeaderLines, context: RequestContext) -> tuple[int, HeaderLines]:
        return new if status == old and select(context) else status, lines

    return rewrite_response_start(change)


def challenges(
    change: Callable[[Parameters, RequestContext], Parameters | None],
    *,
    status: int = 401,
    scheme: str = "Bearer",
) -> Layer:
    """Change the parameters of the challenges with a status; None leaves the header out."""

    def rewritten(found: int, lines: HeaderLines, context: RequestContext) -> tuple[int, HeaderLines]:
        if found != status:
            return found, lines
        kept = [line for line in lines if line[0] != "www-authenticate"]
        for name, value in lines:
            changed = change(_parameters(value), context) if name == "www-authenticate" else None
            if changed is not None:
                said = ", ".join(f'{name}="{value}"' for name, value in changed.items())
                kept.append((name, f"{scheme} {said}".rstrip()))
        return found, tuple(kept)

    return rewrite_response_start(rewritten)


def _parameters(value: str) -> Parameters:
    """Read a challenge of this server, whose parameters are all quoted and hold no quotes."""
    pairs = (pair.partition("=") for pair in value.partition(" ")[2].split(", "))
    return {name: quoted.strip('"') for name, _, quoted in pairs}


def without(*names: str) -> Callable[[Parameters, RequestContext], Parameters]:
    """Return a change of challenges that leaves parameters out."""
    return lambda parameters, _: {name: value for name, value in parameters.items() if name not in names}


# -- documents ----------------------------------------------------------------------------------------------


def is_resource_document(context: RequestContext) -> bool:
    """Select requests for the metadata of the server."""
    return context.path.startswith(RESOURCE_METADATA)


def is_server_document(context: RequestContext) -> bool:
    """Select requests for the metadata of the authorization server."""
    return context.path == SERVER_METADATA


def document(select: Predicate, change: Callable[[dict[str, Any], RequestContext], dict[str, Any]]) -> Layer:
    """Change the members of the selected documents."""

    def rewritten(body: bytes, context: RequestContext) -> bytes:
        try:
            found = json.loads(body)
        except ValueError:
            return body
        return json.dumps(change(found, context)).encode()

    return when(select, rewrite_body(rewritten))


def moved(select: Predicate, path: Callable[[RequestContext], str]) -> Layer:
    """Serve the selected requests as if another path had been asked for."""

    async def run(call: Call) -> None:
        context = call.context
        await call.forward(replace(context, path=path(context)) if select(context) else None)

    return handle(run)
