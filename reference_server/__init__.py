"""The bundled reference server: the article's tools on the official SDK, clean at every revision.

Importing this package costs nothing: the SDK is loaded by `create_app`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reference_server._context import ASGIApp

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
    origins: Iterable[str] = (),
) -> ASGIApp:
    """Build the reference server as an ASGI app.

    Args:
        mode: `stateless` (no session, POST only) or `stateful` (session ids, GET stream, DELETE).
        era: `handshake` (up to 2025-11-25), `modern` (2026-07-28), or `dual` for both on one endpoint.
        json_response: Answer requests with one JSON object instead of an event stream.
        resumable: Give every event an id and replay missed events to a client that resumes (stateful only).
        fixtures: Offer the tools, prompts and resources that the official conformance suite asks for.
        faults: Ids of deviations to put in, see `reference_server.faults.catalogue`.
        variants: Names of legal but unusual behaviours, see `reference_server.variants.catalogue`.
        path: Path of the endpoint, starting with a slash.
        origins: Origins whose pages may use the server from a browser, such as `https://app.example.com`.

    Returns:
        An ASGI app that has to be run with its lifespan.

    Raises:
        ValueError: If a value is not accepted; the message names the option, the value and what is accepted.
        ReferenceServerUnavailable: If the installed `mcp` package is missing or older than 2.
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
        origins=tuple(origins),
    )
