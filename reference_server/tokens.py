"""Tells whom a token belongs to: a token of a fixed list, or a JWT of an authorization server.

Knows nothing of HTTP requests but that of the keys, and nothing of what a principal may do.
"""

from __future__ import annotations

import hashlib
import json
import time
import urllib.request
from collections.abc import Iterator, Mapping
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import anyio.to_thread
import jwt

from reference_server.principals import Principal

FETCH_SECONDS: Final = 5.0
"""How long the authorization server may take to answer."""

REFETCH_SECONDS: Final = 5.0
"""How long keys are kept before an unknown one makes them be fetched again."""

MAX_DOCUMENT: Final = 256 * 1024

ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "ES256", "ES384", "EdDSA")
"""Signatures that are accepted: those with a public key, so neither `none` nor one with a shared secret."""


class InvalidToken(Exception):  # noqa: N818 - it is an answer, not an error
    """A token that proves nothing; the message says why, without the token."""


class IssuerUnreachable(Exception):  # noqa: N818 - it is an answer, not an error
    """The authorization server did not give its keys, so that no token can be looked at."""


class Tokens(Protocol):
    """Knows some tokens."""

    async def principal_of(self, token: str, resource: str) -> Principal:
        """Return whom a token belongs to that was issued for a resource, or raise `InvalidToken`."""


class FixedTokens:
    """The tokens of a list.

    Args:
        principals: Principal by token. The tokens themselves are not kept.
        others: What knows tokens that are not in the list.
    """

    def __init__(self, principals: Mapping[str, Principal], others: Tokens | None = None) -> None:
        self._others = others
        self._principals = {_digest(token): principal for token, principal in principals.items()}

    async def principal_of(self, token: str, resource: str) -> Principal:
        """Return whom a token of the list belongs to, or what the others say of it."""
        found = self._principals.get(_digest(token))
        if found is not None:
            return found
        if self._others is None:
            raise InvalidToken("The token is unknown")
        return await self._others.principal_of(token, resource)


class IssuedTokens:
    """The JWT access tokens of an authorization server (RFC 9068).

    Args:
        issuer: The authorization server that issues them.
        unchecked: What is not looked at, for faults: `signature`, `exp`, `aud`, or `lifetime` for
            whether there is an `exp` at all.
    """

    def __init__(self, issuer: Issuer, unchecked: str = "") -> None:
        self._issuer = issuer
        self._unchecked = unchecked
        required = ["iss", "sub", "aud", *([] if unchecked in ("exp", "lifetime") else ["exp"])]
        checks = {f"verify_{name}": unchecked != name for name in ("signature", "exp")}
        self._options: Any = {"verify_iss": True, **checks, "require": required, "verify_aud": False}

    async def principal_of(self, token: str, resource: str) -> Principal:
        """Return the subject of a JWT whose signature, issuer, time and audience are right."""
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            key = await self._issuer.key(kid)
            claims = jwt.decode(
                token,
                key,
                algorithms=list(ALGORITHMS),
                issuer=self._issuer.url,
                options=self._options,
            )
        except jwt.PyJWTError as error:
            raise InvalidToken(f"The token is not valid: {type(error).__name__}") from None
        audiences = claims["aud"] if isinstance(claims["aud"], list) else [claims["aud"]]
        if self._unchecked != "aud" and canonical(resource) not in map(canonical, audiences):
            raise InvalidToken("The token was issued for another audience")
        return Principal(str(claims["sub"]), frozenset(_scopes(claims)))


class Issuer:
    """An authorization server: its metadata and its keys, fetched when they are needed.

    Args:
        url: Its issuer URL.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._metadata: dict[str, Any] | None = None
        self._keys: dict[Any, Any] = {}
        self._fetched = 0.0
        self._lock = anyio.Lock()

    async def metadata(self) -> dict[str, Any]:
        """Return its metadata.

        Raises:
            IssuerUnreachable: If it serves none.
        """
        async with self._lock:
            if self._metadata is None:
                self._metadata = await anyio.to_thread.run_sync(self._find_metadata)
            return self._metadata

    async def key(self, kid: object) -> Any:
        """Return the public key with an id, or its only key for None.

        Raises:
            InvalidToken: If it has no such key.
            IssuerUnreachable: If it serves no keys.
        """
        metadata = await self.metadata()
        async with self._lock:
            if kid not in self._keys and time.monotonic() > self._fetched + REFETCH_SECONDS:
                document = await anyio.to_thread.run_sync(_fetch, str(metadata.get("jwks_uri")))
                self._keys = {key.key_id: key for key in jwt.PyJWKSet.from_dict(document).keys}
                self._fetched = time.monotonic()
        if kid is None and len(self._keys) == 1:
            return next(iter(self._keys.values()))
        if kid not in self._keys:
            raise InvalidToken("The token was signed with an unknown key")
        return self._keys[kid]

    def _find_metadata(self) -> dict[str, Any]:
        for place in metadata_places(self.url):
            try:
                found = _fetch(place)
            except IssuerUnreachable:
                continue
            if found.get("issuer") == self.url:
                return found
        raise IssuerUnreachable(f"{self.url} serves no metadata of its own")


def metadata_places(issuer: str) -> Iterator[str]:
    """Yield where the metadata of an authorization server may be, in the order in which to try.

    Section: basic/authorization#authorization-server-metadata-discovery of 2025-11-25.
    """
    parts = urlsplit(issuer)
    base, path = f"{parts.scheme}://{parts.netloc}/.well-known", parts.path.rstrip("/")
    yield f"{base}/oauth-authorization-server{path}"
    yield f"{base}/openid-configuration{path}"
    if path:
        yield f"{issuer.rstrip('/')}/.well-known/openid-configuration"


def canonical(resource: object) -> str:
    """Return a resource URI with scheme and host in lower case and without a slash at its end."""
    parts = urlsplit(str(resource))
    return parts._replace(
        scheme=parts.scheme.lower(), netloc=parts.netloc.lower(), path=parts.path.rstrip("/")
    ).geturl()


def _scopes(claims: Mapping[str, Any]) -> list[str]:
    found = claims.get("scope", claims.get("scp", ""))
    return [str(scope) for scope in found] if isinstance(found, list) else str(found).split()


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _fetch(url: str) -> dict[str, Any]:
    """Fetch a JSON object; blocks for `FETCH_SECONDS` at most."""
    if urlsplit(url).scheme not in ("http", "https"):
        raise IssuerUnreachable("the authorization server names no address")
    try:
        with urllib.request.urlopen(url, timeout=FETCH_SECONDS) as response:  # noqa: S310 - http(s) as checked
            found = json.loads(response.read(MAX_DOCUMENT))
    except (OSError, ValueError) as error:
        raise IssuerUnreachable(f"{url}: {type(error).__name__}") from None
    if not isinstance(found, dict):
        raise IssuerUnreachable(f"{url} gives no JSON object")
    return found
