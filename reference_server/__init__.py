"""The bundled reference server: the article's tools on the official SDK, clean at every revision.

Importing this package costs nothing: the SDK is loaded by `create_app`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reference_server.app import ReferenceApp
    from reference_server.store import Store

__all__ = ["ReferenceServerUnavailable", "create_app"]


class ReferenceServerUnavailable(RuntimeError):  # noqa: N818 - the name is public
    """The installed `mcp` package cannot carry the reference server; the message names what to install."""


def create_app(
    *,
    mode: str,
    era: str = "dual",
    json_response: bool = False,
    resumable: bool = False,
    fixtures: bool = False,
    faults: Iterable[str] = (),
    variants: Iterable[str] = (),
    path: str = "/mcp",
    store: str | Store | None = None,
    state_key: str | None = None,
    session_prefix: str = "",
    session_seconds: float = 1800.0,
    tokens: Iterable[str] = (),
    issuer: str | None = None,
    resource: str | None = None,
    origins: Iterable[str] = (),
) -> ReferenceApp:
    """Build the reference server as an ASGI app.

    Args:
        mode: `stateless` (no session, POST only), `stateful` (session ids, GET stream, DELETE), or `shared`
            (the same, with sessions in the store, so that every replica serves every session).
        era: `handshake` (up to 2025-11-25), `modern` (2026-07-28), or `dual` for both on one endpoint.
        json_response: Answer requests with one JSON object instead of an event stream.
        resumable: Give every event an id and replay missed events to a client that resumes (with sessions
            only).
        fixtures: Offer the tools, prompts and resources that the official conformance suite asks for.
        faults: Ids of deviations to put in, see `reference_server.faults.catalogue`.
        variants: Names of legal but unusual behaviours, see `reference_server.variants.catalogue`.
        path: Path of the endpoint, starting with a slash.
        store: What the app shares with other replicas: the URL of a Redis or Valkey server, `env:VARIABLE`
            for one in the environment, or a store of `reference_server.store`. Without one, mode `shared`
            keeps its sessions in this process, and the other modes share nothing.
        state_key: The secret behind the request states of 2026-07-28, of at least 32 bytes, or
            `env:VARIABLE`. Otherwise replicas with one store have one secret in it, and an app alone has its
            own.
        session_prefix: What every session id begins with, so that a balancer can tell who gave it out.
        session_seconds: How long a session in the store is kept that is not used.
        tokens: Bearer tokens that are accepted: `TOKEN`, `NAME=TOKEN` or `NAME/SCOPE,SCOPE=TOKEN`, where NAME
            is a principal and TOKEN may be `env:VAR`. Without tokens and issuer the server is open to all.
        issuer: URL of an authorization server whose JWT access tokens are accepted.
        resource: Canonical URL of the server, which tokens have to be issued for; default the URL that a
            request names.
        origins: Origins whose pages may use the server from a browser, such as `https://app.example.com`.

    Returns:
        An ASGI app that has to be run with its lifespan. Where it is mounted in another app, it hears of
        none; its method `lifespan` is a context manager for this case.

    Raises:
        ValueError: If a value is not accepted; the message names the option, the value and what is accepted.
        ReferenceServerUnavailable: If the installed `mcp` package is missing or older than 2, or the store
            needs a package that is missing.
    """
    from reference_server.app import build_app

    return build_app(
        mode=mode,
        era=era,
        json_response=json_response,
        resumable=resumable,
        fixtures=fixtures,
        faults=tuple(faults),
        variants=tuple(variants),
        path=path,
        store=store,
        state_key=state_key,
        session_prefix=session_prefix,
        session_seconds=session_seconds,
        tokens=tuple(tokens),
        issuer=issuer,
        resource=resource,
        origins=tuple(origins),
    )
