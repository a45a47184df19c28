"""The ASGI app of the reference server: its layers in order, its lifespan, its one path."""

from __future__ import annotations

import math
import os
import re
import secrets
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Protocol

import anyio

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
from reference_server._sdk import require_sdk
from reference_server.cors import ORIGIN
from reference_server.memory import Memory
from reference_server.replicas import Replica
from reference_server.store import (
    EmbeddedStore,
    Json,
    Store,
    StoreUnavailable,
    from_environment,
    named_store,
)

if TYPE_CHECKING:
    from reference_server.authorization import Authorization
    from reference_server.principals import Principal

MODES: Final = ("stateless", "stateful", "shared")
SESSION_SECONDS: Final = 1800.0
"""How long a session in a store is kept that is not used."""

KEY_SECONDS: Final = 30 * 86400.0
"""How long the store keeps the secret behind request states, counted from the last start of a replica."""

MIN_KEY_BYTES: Final = 32
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
    store: str | Store | None = None,
    state_key: str | None = None,
    session_prefix: str = "",
    session_seconds: float = SESSION_SECONDS,
    tokens: tuple[str, ...] = (),
    issuer: str | None = None,
    resource: str | None = None,
    origins: tuple[str, ...] = (),
) -> ReferenceApp:
    """Build the app, see `reference_server.create_app`."""
    if mode not in MODES:
        raise ValueError(f"mode {mode!r} is not accepted; accepted: {', '.join(MODES)}")
    if era not in ERAS:
        raise ValueError(f"era {era!r} is not accepted; accepted: {', '.join(ERAS)}")
    if not path.startswith("/") or "?" in path or "#" in path:
        raise ValueError(f"path {path!r} is not accepted; accepted: a path that starts with /")
    if not re.fullmatch(r"[A-Za-z0-9_.-]{0,32}", session_prefix):
        accepted = "up to 32 letters, digits, dots, hyphens and underscores"
        raise ValueError(f"session prefix {session_prefix!r} is not accepted; accepted: {accepted}")
    if not (math.isfinite(session_seconds) and session_seconds > 0):
        raise ValueError(f"session seconds {session_seconds!r} is not accepted; accepted: more than 0")
    if state_key is not None:
        state_key = from_environment("state key", state_key)
        if len(state_key.encode()) < MIN_KEY_BYTES:
            raise ValueError(f"the state key is not accepted; accepted: at least {MIN_KEY_BYTES} bytes")
    for origin in origins:
        if not ORIGIN.fullmatch(origin):
            raise ValueError(f"origin {origin!r} is not accepted; accepted: http(s)://host or with :port")
    # What deviates with sessions does so wherever they are kept.
    sessions = "stateful" if mode == "shared" else mode
    grants = _grants(tokens, issuer, resource)
    added = [*_variants(variants, sessions), *_faults(faults, sessions)]
    options = _options(
        {
            "era": era,
            "json_response": json_response,
            "resumable": resumable,
            "state_seconds": 120.0,
            "paged": "resources",
            "fixtures": fixtures,
            "twin": "unknown",
            "origins": origins,
            "unchecked": "",
        },
        added,
    )
    if options["resumable"] and mode == "stateless":
        accepted = "mode 'stateful' or 'shared'"
        raise ValueError(f"resumable is not accepted with mode {mode!r}; accepted: {accepted}")
    require_sdk()
    layers = [entry.layer for entry in added]
    found = named_store(store) if isinstance(store, str) else store
    return ReferenceApp(
        mode,
        layers,
        path,
        store=found,
        state_key=state_key,
        session_prefix=session_prefix,
        session_seconds=session_seconds,
        **options,
        principals=grants,
        issuer=issuer,
        resource=resource,
    )


class ReferenceApp:
    """The ASGI app. It can be run again after its lifespan ended, and then starts anew.

    Args:
        mode: `stateless`, `stateful` or `shared`.
        layers: Layers of variants and faults, innermost first.
        path: Path of the endpoint.
        era: `handshake`, `modern` or `dual`.
        json_response: Answer requests with JSON.
        resumable: Keep events for replay.
        state_seconds: How long a client has to answer what a tool asked back for, in the modern era.
        paged: Which lists come on two pages, see `paging.PAGED`.
        fixtures: Offer what the official conformance suite asks for.
        store: What the app shares with other replicas; mode `shared` has one of its own otherwise.
        state_key: The secret behind request states; otherwise the store has one, or the process.
        session_prefix: What every session id begins with.
        session_seconds: How long a session in the store is kept that is not used.
        principals: Principal by token; with an issuer or without, the server is not open then.
        issuer: URL of the authorization server whose tokens are taken.
        resource: Canonical URL of the server, if requests do not name it.
        twin: What the path with another slash at its end is: `unknown`, `served`, or where it redirects to.
        origins: Origins whose pages may use the server.
        unchecked: What is not looked at in a JWT, see `tokens.IssuedTokens`.

    Attributes:
        failure: Why the app could not start, or None.
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
        store: Store | None = None,
        state_key: str | None = None,
        session_prefix: str = "",
        session_seconds: float = SESSION_SECONDS,
        principals: Mapping[str, Principal] = MappingProxyType({}),
        issuer: str | None = None,
        resource: str | None = None,
        twin: str = "unknown",
        origins: tuple[str, ...] = (),
        unchecked: str = "",
    ) -> None:
        self.failure: str | None = None
        self._twin = twin
        self._mode = mode
        self._store = EmbeddedStore() if store is None and mode == "shared" else store
        self._state_key = state_key
        self._session_prefix = session_prefix
        self._session_seconds = session_seconds
        self._era = era
        self._state_seconds = state_seconds
        self._paged = paged
        self._fixtures = fixtures
        self._principals = principals
        self._issuer = issuer
        self._resource = resource
        self._origins = origins
        self._unchecked = unchecked
        self._layers = layers
        self._path = path
        self._json_response = json_response
        self._resumable = resumable
        self._endpoint: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI scope: the lifespan or an HTTP request."""
        # Where the app is mounted, the path begins with what leads to it.
        place = scope.get("path", "").removeprefix(scope.get("root_path", ""))
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] != "http":
            raise RuntimeError(f"the reference server does not serve {scope['type']}")
        elif self._endpoint is None:
            raise RuntimeError("the reference server has to be run with its lifespan")
        elif place.rstrip("/") == self._path.rstrip("/") and self._twin == "served":
            await self._endpoint({**scope, "path": self._path, "root_path": ""}, receive, send)
        elif place.rstrip("/") == self._path.rstrip("/") != place and self._twin != "unknown":
            await respond(send, 307, [("location", self._twin + self._path)])
        elif place != self._path and self._issuer is None:
            await respond(
                send, 404, [("content-type", "text/plain; charset=utf-8")], f"Serving at {self._path}\n"
            )
        else:
            await self._endpoint(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        try:
            async with self.lifespan():
                await send({"type": "lifespan.startup.complete"})
                await receive()
        except StoreUnavailable as error:
            self.failure = str(error)
            await send({"type": "lifespan.startup.failed", "message": self.failure})
            return
        await send({"type": "lifespan.shutdown.complete"})

    @asynccontextmanager
    async def lifespan(self, _: object = None) -> AsyncIterator[None]:
        """Serve while the context is open, for an app that this one is mounted in.

        Raises:
            StoreUnavailable: If the store cannot be reached.
        """
        from reference_server.authorization import serve_documents
        from reference_server.corrections import corrected, refusing
        from reference_server.engine import Engine
        from reference_server.task_polls import answered_with_json

        async with AsyncExitStack() as stack:
            facts = await self._facts(stack)
            engine = Engine(facts)
            endpoint = serve_documents(corrected(answered_with_json(engine)))
            for layer in self._layers:
                endpoint = layer(endpoint)
            await stack.enter_async_context(engine.run())
            facts.background = await stack.enter_async_context(anyio.create_task_group())
            if facts.replica is not None:
                await stack.enter_async_context(facts.replica.run(endpoint))
                endpoint = refusing(facts.replica.in_front_of(endpoint))
            self._endpoint = read_requests(facts)(endpoint)
            try:
                yield
            finally:
                self._endpoint = None
                facts.background.cancel_scope.cancel()

    async def _facts(self, stack: AsyncExitStack) -> Facts:
        """Reach the store, and return what is true of the app from now on."""
        state_key, store = self._state_key, self._store
        if store is not None:
            stack.push_async_callback(store.close)
            await store.open()
            state_key = state_key or await store.update("state-key", _shared_key, KEY_SECONDS)
        facts = Facts(
            "stateless" if self._mode == "stateless" else "stateful",
            self._json_response,
            self._resumable,
            era=self._era,
            state_seconds=self._state_seconds,
            paged=self._paged,
            fixtures=self._fixtures,
            state_key=state_key,
            session_prefix=self._session_prefix,
            path=self._path,
            authorization=self._authorization(),
            origins=self._origins,
        )
        if store is not None:
            facts.memory = Memory(store)
            facts.replica = Replica(
                store, facts, seconds=self._session_seconds, keeps_sessions=self._mode == "shared"
            )
        return facts

    def _authorization(self) -> Authorization | None:
        if not self._principals and self._issuer is None:
            return None
        from reference_server.authorization import Authorization
        from reference_server.tokens import FixedTokens, IssuedTokens, Issuer

        issuer = None if self._issuer is None else Issuer(self._issuer)
        issued = None if issuer is None else IssuedTokens(issuer, self._unchecked)
        return Authorization(FixedTokens(self._principals, issued), issuer, self._resource)


def _grants(tokens: tuple[str, ...], issuer: str | None, resource: str | None) -> dict[str, Principal]:
    """Return the principals by token, and look at the URLs beside them."""
    for name, url in (("issuer", issuer), ("resource", resource)):
        if url is not None and not re.fullmatch(r"https?://[^/?#\s]+(/[^?#\s]*)?", url):
            raise ValueError(f"{name} {url!r} is not accepted; accepted: an http or https URL without query")
    if not tokens and issuer is None and resource is not None:
        raise ValueError("resource is not accepted without token or issuer")
    from reference_server.principals import parse_grant

    return dict(parse_grant(text, os.environ) for text in tokens)


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


def _shared_key(document: Json) -> str:
    """Return the secret behind request states that all replicas have."""
    return str(document.setdefault("key", secrets.token_hex(32)))
