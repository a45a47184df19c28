"""The ASGI app of the reference server: its layers in order, its lifespan, its one path."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable
from typing import Any, Final, Protocol

import anyio

from reference_server import ReferenceServerUnavailable
from reference_server._calls import respond
from reference_server._catalogue import choose
from reference_server._context import (
    SERVED_REVISIONS,
    ASGIApp,
    Facts,
    Layer,
    Receive,
    Scope,
    Send,
)
from reference_server._reading import read_requests
from reference_server.cors import ORIGIN

MODES: Final = ("stateless", "stateful")
ERAS: Final = tuple(SERVED_REVISIONS)


class _Optional(Protocol):
    @property
    def name(self) -> str: ...
    @property
    def options(self) -> Any: ...
    @property
    def layer(self) -> Any: ...


def build_app(
    *,
    mode: str,
    era: str,
    json_response: bool,
    resumable: bool,
    fixtures: bool,
    faults: tuple[str, ...],
    variants: tuple[str, ...],
    path: str,
    origins: tuple[str, ...],
) -> ASGIApp:
    """Build the app, see `reference_server.create_app`."""
    if mode not in MODES:
        raise ValueError(f"mode {mode!r} is not accepted; accepted: {', '.join(MODES)}")
    if era not in ERAS:
        raise ValueError(f"era {era!r} is not accepted; accepted: {', '.join(ERAS)}")
    if not path.startswith("/") or "?" in path or "#" in path:
        raise ValueError(f"path {path!r} is not accepted; accepted: a path that starts with /")
    for origin in origins:
        if not ORIGIN.fullmatch(origin):
            raise ValueError(f"origin {origin!r} is not accepted; accepted: http(s)://host or with :port")
    added = [*_variants(variants, mode), *_faults(faults, mode)]
    options = _options(
        {
            "era": era,
            "json_response": json_response,
            "resumable": resumable,
            "state_seconds": 120.0,
            "paged": "resources",
            "fixtures": fixtures,
            "origins": origins,
        },
        added,
    )
    if options["resumable"] and mode != "stateful":
        raise ValueError(f"resumable is not accepted with mode {mode!r}; accepted: mode 'stateful'")
    _require_sdk()
    layers = [entry.layer for entry in added]
    return ReferenceApp(mode, layers, path, **options)


class ReferenceApp:
    """The ASGI app. It can be run again after its lifespan ended, and then starts anew.

    Args:
        mode: `stateless` or `stateful`.
        layers: Layers of variants and faults, innermost first.
        path: Path of the endpoint.
        era: `handshake`, `modern` or `dual`.
        json_response: Answer requests with JSON.
        resumable: Keep events for replay.
        state_seconds: How long a client has to answer what a tool asked back for, in the modern era.
        paged: Which lists come on two pages, see `paging.PAGED`.
        fixtures: Offer what the official conformance suite asks for.
        origins: Origins whose pages may use the server.
    """

    def __init__(
        self,
        mode: str,
        layers: list[Layer],
        path: str,
        *,
        era: str = "dual",
        json_response: bool = False,
        resumable: bool = False,
        state_seconds: float = 120.0,
        paged: str = "resources",
        fixtures: bool = False,
        origins: tuple[str, ...] = (),
    ) -> None:
        self._mode = mode
        self._era = era
        self._state_seconds = state_seconds
        self._paged = paged
        self._fixtures = fixtures
        self._origins = origins
        self._layers = layers
        self._path = path
        self._json_response = json_response
        self._resumable = resumable
        self._endpoint: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI scope: the lifespan or an HTTP request."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] != "http":
            raise RuntimeError(f"the reference server does not serve {scope['type']}")
        elif self._endpoint is None:
            raise RuntimeError("the reference server has to be run with its lifespan")
        elif scope["path"] != self._path:
            await respond(
                send, 404, [("content-type", "text/plain; charset=utf-8")], f"Serving at {self._path}\n"
            )
        else:
            await self._endpoint(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        from reference_server.corrections import corrected
        from reference_server.engine import Engine
        from reference_server.task_polls import answered_with_json

        await receive()
        facts = Facts(
            self._mode,
            self._json_response,
            self._resumable,
            era=self._era,
            state_seconds=self._state_seconds,
            paged=self._paged,
            fixtures=self._fixtures,
            origins=self._origins,
        )
        engine = Engine(facts)
        endpoint = corrected(answered_with_json(engine))
        for layer in self._layers:
            endpoint = layer(endpoint)
        async with engine.run(), anyio.create_task_group() as facts.background:
            self._endpoint = read_requests(facts)(endpoint)
            await send({"type": "lifespan.startup.complete"})
            await receive()
            self._endpoint = None
            facts.background.cancel_scope.cancel()
        await send({"type": "lifespan.shutdown.complete"})


def _faults(names: tuple[str, ...], mode: str) -> Iterable[_Optional]:
    if not names:
        return ()
    from reference_server.crashes import catalogue as crashes
    from reference_server.faults import catalogue

    return choose("fault", names, {**catalogue(), **crashes()}, mode)


def _variants(names: tuple[str, ...], mode: str) -> Iterable[_Optional]:
    if not names:
        return ()
    from reference_server.variants import catalogue

    return choose("variant", names, catalogue(), mode)


def _options(options: dict[str, Any], added: list[_Optional]) -> dict[str, Any]:
    """Return the options with those that faults and variants need switched on or off."""
    for entry in added:
        for name, value in entry.options.items():
            if name not in options:
                raise ValueError(
                    f"option {name!r} of {entry.name!r} is unknown; accepted: {', '.join(options)}"
                )
            options = {**options, name: value}
    return options


def _require_sdk() -> None:
    try:
        found = importlib.util.find_spec("mcp.server.mcpserver")
    except (ImportError, ValueError):
        found = None
    if found is None:
        raise ReferenceServerUnavailable(
            'the reference server needs the SDK of version 2: pip install "mcp>=2"'
        )
