"""An authorization server for tests, made of Authlib: two grants, JWT access tokens, metadata."""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import flask
from authlib.integrations.flask_oauth2 import AuthorizationServer
from authlib.oauth2.rfc6749 import ClientCredentialsGrant, ClientMixin, InvalidGrantError, RefreshTokenGrant
from joserfc import jwt
from joserfc.jwk import ECKey
from werkzeug.serving import WSGIRequestHandler, make_server

KEY = ECKey.generate_key("P-256", {"kid": "test-key", "use": "sig", "alg": "ES256"})
"""The key of every authorization server of this process; making one takes long."""


class Client(ClientMixin):
    """A registered client, which may use either grant."""

    def __init__(self, client_id: str, secret: str, scope: str) -> None:
        self.client_id, self.secret, self.scope = client_id, secret, scope

    def get_client_id(self) -> str:
        return self.client_id

    def get_allowed_scope(self, scope: str) -> str:
        return " ".join(each for each in scope.split() if each in self.scope.split())

    def check_client_secret(self, client_secret: str) -> bool:
        return secrets.compare_digest(self.secret, client_secret)

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method in ("client_secret_basic", "client_secret_post")

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in ("client_credentials", "refresh_token")


class RefreshToken:
    """A refresh token; it may be used again and again."""

    def __init__(self, client: Client, scope: str) -> None:
        self.client, self.scope = client, scope

    def check_client(self, client: Client) -> bool:
        return client is self.client

    def get_scope(self) -> str:
        return self.scope


class Provider:
    """What an authorization server knows.

    Attributes:
        url: Its issuer URL.
        lifetime: Seconds for which a token is valid.
        clients: Its clients by id.
        refresh_tokens: Its refresh tokens.
        issued: How many access tokens clients fetched.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.lifetime = 3600
        self.clients: dict[str, Client] = {}
        self.refresh_tokens: dict[str, RefreshToken] = {}
        self.issued = 0

    def client(self, client_id: str, secret: str, scope: str = "mcp:use mcp:vault") -> Client:
        """Register a client."""
        self.clients[client_id] = Client(client_id, secret, scope)
        return self.clients[client_id]

    def token(
        self, subject: str, audience: str, *scopes: str, lifetime: float | None = None, **claims: Any
    ) -> str:
        """Return a JWT access token; a claim that is None is left out."""
        now = int(time.time())
        expires = now + int(self.lifetime if lifetime is None else lifetime)
        known = {"iss": self.url, "sub": subject, "aud": audience, "iat": now, "exp": expires}
        scope = {"scope": " ".join(scopes), "client_id": subject, "jti": secrets.token_hex(8)}
        said = {name: value for name, value in {**known, **scope, **claims}.items() if value is not None}
        return jwt.encode({"alg": "ES256", "kid": "test-key"}, said, KEY)


class _ClientCredentials(ClientCredentialsGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic", "client_secret_post"]  # noqa: RUF012


class _Refresh(RefreshTokenGrant):
    TOKEN_ENDPOINT_AUTH_METHODS = ["client_secret_basic", "client_secret_post"]  # noqa: RUF012

    def authenticate_refresh_token(self, refresh_token: str) -> RefreshToken:
        found = flask.current_app.config["provider"].refresh_tokens.get(refresh_token)
        if found is None:
            raise InvalidGrantError("unknown refresh token")
        return found

    def authenticate_user(self, refresh_token: RefreshToken) -> str:
        return refresh_token.client.client_id

    def revoke_old_credential(self, refresh_token: RefreshToken) -> None:
        pass


def _app(provider: Provider) -> flask.Flask:
    app = flask.Flask("authorization_server")
    app.config["provider"] = provider
    server = AuthorizationServer(
        app, query_client=provider.clients.get, save_token=lambda token, request: None
    )
    server.register_grant(_ClientCredentials)
    server.register_grant(_Refresh)

    def issue(
        grant_type: str, client: Client, user: Any = None, scope: str | None = None, **_: Any
    ) -> dict[str, Any]:
        provider.issued += 1
        audience = flask.request.form.get("resource", "")
        granted = client.get_allowed_scope(scope or client.scope)
        token = provider.token(client.client_id, audience, *granted.split())
        return {
            "token_type": "Bearer",
            "access_token": token,
            "expires_in": provider.lifetime,
            "scope": granted,
        }

    server.register_token_generator("default", issue)

    @app.get("/.well-known/oauth-authorization-server")
    def metadata() -> dict[str, Any]:
        return {
            "issuer": provider.url,
            "authorization_endpoint": f"{provider.url}/authorize",
            "token_endpoint": f"{provider.url}/token",
            "registration_endpoint": f"{provider.url}/register",
            "jwks_uri": f"{provider.url}/jwks",
            "response_types_supported": ["code"],
            "grant_types_supported": ["client_credentials", "refresh_token"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
            "code_challenge_methods_supported": ["S256"],
        }

    @app.get("/jwks")
    def jwks() -> dict[str, Any]:
        return {"keys": [KEY.as_dict(private=False)]}

    @app.get("/authorize")
    def authorize() -> tuple[str, int]:
        return "No client with this redirect URI is known", 400

    @app.post("/token")
    def token() -> Any:
        return server.create_token_response()

    return app


class _Quiet(WSGIRequestHandler):
    def log_request(self, *args: Any) -> None:
        pass


@contextmanager
def running_provider() -> Iterator[Provider]:
    """Run an authorization server on a free port of 127.0.0.1."""
    provider = Provider("")
    server = make_server("127.0.0.1", 0, _app(provider), threaded=True, request_handler=_Quiet)
    provider.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join(10)
        server.server_close()
