"""The HTTP side of authorization: who may pass, what a refusal says, and the metadata documents.

Sections are those of basic/authorization at 2025-11-25. Knows no tokens and not what they allow.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any, Final

from reference_server._calls import respond
from reference_server._context import ASGIApp, Receive, RequestContext, Scope, Send, context_of, scope_with
from reference_server._jsonrpc import INTERNAL_ERROR, INVALID_REQUEST, Refusal
from reference_server.principals import ALL_SCOPES, Principal, current_principal, needed_scopes
from reference_server.tokens import InvalidToken, Issuer, IssuerUnreachable, Tokens

RESOURCE_METADATA: Final = "/.well-known/oauth-protected-resource"
SERVER_METADATA: Final = "/.well-known/oauth-authorization-server"

PUBLIC_DOCUMENT: Final = (("access-control-allow-origin", "*"), ("cache-control", "no-store"))
"""Headers of metadata, which clients in browsers read from anywhere."""

_BEARER: Final = re.compile(r"bearer +([A-Za-z0-9._~+/-]+=*)", re.IGNORECASE)


@dataclass(frozen=True)
class Authorization:
    """How an app finds out whom it serves.

    Args:
        tokens: What knows the tokens.
        issuer: The authorization server, if there is one; without one nothing leads clients to a token.
        resource: The canonical URL of the server; None for the address that a request names.
    """

    tokens: Tokens
    issuer: Issuer | None = None
    resource: str | None = None

    def base(self, context: RequestContext) -> str:
        """Return scheme and host of the server."""
        if self.resource is not None:
            found = re.match(r"[^/]+//[^/]+", self.resource)
            assert found is not None  # checked with the options
            return found[0]
        return f"{context.scheme}://{context.header('host')}"

    def url(self, context: RequestContext) -> str:
        """Return the canonical URL of the server."""
        return self.resource or f"{self.base(context)}{context.facts.path}"

    async def identify(self, context: RequestContext) -> Principal:
        """Return whom a request comes from.

        Raises:
            Refusal: With 401 without a valid token, and with 400 for what is no token at all
                (#error-handling).
        """
        values = context.header_values("authorization")
        if not values:
            raise self._refusal(context, 401, "A token is needed")
        found = _BEARER.fullmatch(values[0])
        if len(values) > 1 or (found is None and values[0].lower().startswith("bearer")):
            raise self._refusal(context, 400, "The Authorization is malformed", "invalid_request")
        if found is None:
            raise self._refusal(context, 401, "A bearer token is needed")
        try:
            return await self.tokens.principal_of(found[1], self.url(context))
        except InvalidToken as error:
            raise self._refusal(context, 401, str(error), "invalid_token") from None
        except IssuerUnreachable:
            raise Refusal(503, INTERNAL_ERROR, "The authorization server cannot be reached") from None

    def check_scopes(self, context: RequestContext, principal: Principal) -> None:
        """Refuse what a principal may not do with 403 (#runtime-insufficient-scope-errors).

        Raises:
            Refusal: If it lacks a scope.
        """
        needed = needed_scopes(context.members)
        if not all(map(principal.has, needed)):
            raise self._refusal(
                context, 403, "The token lacks a scope", "insufficient_scope", scope=" ".join(needed)
            )

    def _refusal(
        self, context: RequestContext, status: int, message: str, error: str | None = None, scope: str = ""
    ) -> Refusal:
        parameters = {"error": error, "error_description": message} if error is not None else {}
        parameters["scope"] = scope or " ".join(needed_scopes(context.members))
        if self.issuer is not None:
            parameters["resource_metadata"] = f"{self.base(context)}{RESOURCE_METADATA}{context.facts.path}"
        challenge = ", ".join(f'{name}="{value}"' for name, value in parameters.items())
        headers = (("www-authenticate", f"Bearer {challenge}"),)
        return Refusal(status, INVALID_REQUEST, message, headers=headers)

    # -- documents ----------------------------------------------------------------------------------------

    async def document(self, context: RequestContext) -> dict[str, Any] | None:
        """Return the metadata at a path, or None if there is none.

        At 2025-03-26 clients look for that of the authorization server at the root of this host, so it is
        passed on there (basic/authorization#authorization-base-url of 2025-03-26).
        """
        if self.issuer is None or context.method != "GET":
            return None
        if context.path in (RESOURCE_METADATA, RESOURCE_METADATA + context.facts.path):
            return {
                "resource": self.url(context),
                "authorization_servers": [self.issuer.url],
                "scopes_supported": list(ALL_SCOPES),
                "bearer_methods_supported": ["header"],
            }
        if context.path == SERVER_METADATA:
            try:
                return await self.issuer.metadata()
            except IssuerUnreachable:
                return None
        return None


def serve_documents(inner: ASGIApp) -> ASGIApp:
    """Serve the metadata documents beside the endpoint, and nothing else there."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        context = context_of(scope)
        authorization = context.facts.authorization
        if authorization is None or context.path == context.facts.path:
            await inner(scope, receive, send)
            return
        found = await authorization.document(context)
        if found is None:
            await respond(send, 404, [("content-type", "text/plain; charset=utf-8")], "Not found\n")
        else:
            await respond(send, 200, PUBLIC_DOCUMENT, found)

    return app


def authorized(inner: ASGIApp) -> ASGIApp:
    """Let nothing pass whose principal is unknown or may not do it; a CORS preflight carries no token."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        context = context_of(scope)
        authorization = context.facts.authorization
        if authorization is None or context.method == "OPTIONS":
            await inner(scope, receive, send)
            return
        principal = context.principal or await authorization.identify(context)
        authorization.check_scopes(context, principal)
        token = current_principal.set(principal)
        try:
            await inner(scope_with(scope, replace(context, principal=principal)), receive, send)
        finally:
            current_principal.reset(token)

    return app
