"""Faults of authorization: whose tokens are taken, how others are refused, and what metadata say."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qs

from reference_server._context import RequestContext
from reference_server._jsonrpc import METHOD_NOT_FOUND, error_message
from reference_server._layers import (
    ASGIApp,
    Call,
    Layer,
    answer_instead,
    combine,
    handle,
    rewrite_response_start,
    when,
)
from reference_server.authorization import RESOURCE_METADATA, SERVER_METADATA
from reference_server.corrections import SERVED_METHODS, SESSION_METHODS
from reference_server.corrections_modern import SERVED_METHODS as MODERN_METHODS
from reference_server.faults import Fault
from reference_server.faults._users import (
    GUEST,
    challenges,
    claims,
    document,
    has_no_token,
    has_query_token,
    is_made_up,
    is_malformed,
    is_resource_document,
    is_server_document,
    moved,
    passing_for,
    trusting,
    with_status,
    without,
)
from reference_server.faults.security import LISTS
from reference_server.principals import ADMIN, USE, VAULT

STATEFUL: Final = ("stateful",)
FIRST: Final = ("2025-03-26",)
SINCE_ONE_OF: Final = ("2025-11-25", "2026-07-28")

KNOWN: Final = SERVED_METHODS | SESSION_METHODS | MODERN_METHODS


def unchanged(inner: ASGIApp) -> ASGIApp:
    """Leave everything as it is: the option of the fault does it."""
    return inner


def fault(
    id: str,
    summary: str,
    layer: Layer,
    *,
    breaks: str,
    modes: tuple[str, ...] = ("stateless", "stateful"),
    options: Mapping[str, bool | float | str] | None = None,
    revisions: tuple[str, ...] | None = None,
    rig: str = "auth",
) -> Fault:
    """Make a fault that breaks one requirement of this chapter."""
    given: dict[str, Any] = {} if revisions is None else {"revisions": revisions}
    return Fault(
        f"authorization.{id}",
        (f"authorization.{breaks}",),
        modes,
        summary=summary,
        layer=layer,
        options=options or {},
        rig=rig,
        **given,
    )


def token_in_query() -> Layer:
    """Take a token from the query, if there is none in a header."""

    async def run(call: Call) -> None:
        taken = has_no_token(call.context) and has_query_token(call)
        layer = passing_for(lambda _: GUEST if taken else None)
        await layer(call.inner)(call.scope, call.receive, call.send)

    return handle(run)


def unknown_methods_first() -> Layer:
    """Refuse unknown methods before the token is looked at."""
    return answer_instead(
        lambda c: is_made_up(c) and c.is_request and c.rpc_method not in KNOWN,
        200,
        body=lambda c: error_message(METHOD_NOT_FOUND, "Method not found", request_id=c.rpc_id),
    )


def changing_scopes() -> Layer:
    """Name all needed scopes in every other challenge, and one of them in the others."""
    turn = itertools.count()

    def change(parameters: dict[str, str], _: RequestContext) -> dict[str, str]:
        return {**parameters, "scope": f"{USE} {VAULT}" if next(turn) % 2 else VAULT}

    return challenges(change, status=403)


def at_wrong_place() -> Layer:
    """Serve the metadata of the server below its endpoint only, and name them nowhere."""
    return combine(
        challenges(without("resource_metadata")),
        answer_instead(is_resource_document, 404),
        moved(lambda c: c.path == f"{c.facts.path}{RESOURCE_METADATA}", lambda _: RESOURCE_METADATA),
    )


def default_endpoints(*paths: str) -> Layer:
    """Serve no metadata of the authorization server, and some endpoints at the root of the host."""
    return combine(
        answer_instead(is_server_document, 404),
        answer_instead(lambda c: c.path in paths, 400, body={"error": "invalid_request"}),
    )


def open_redirector() -> Layer:
    """Have an authorization endpoint here that sends users wherever a request says."""

    async def redirect(call: Call) -> None:
        if call.context.path == "/authorize":
            query = parse_qs(call.scope.get("query_string", b"").decode("latin-1"))
            place = query.get("redirect_uri", ["/"])[0]
            await call.answer(302, [("location", f"{place}?error=invalid_client")])
        else:
            await call.forward()

    def change(found: dict[str, Any], context: RequestContext) -> dict[str, Any]:
        return {**found, "authorization_endpoint": f"http://{context.header('host')}/authorize"}

    return combine(handle(redirect), document(is_server_document, change))


def resource_member(**members: object) -> Layer:
    """Change members of the metadata of the server."""
    return document(is_resource_document, lambda found, _: {**found, **members})


def _without_cors(status: int, lines: Any, _: RequestContext) -> tuple[int, Any]:
    return status, [line for line in lines if line[0] != "access-control-allow-origin"]


FAULTS = (
    # -- without a valid token
    fault(
        "no-metadata",
        "a token is asked for, and nothing leads clients without one to any",
        combine(
            challenges(without("resource_metadata")), answer_instead(lambda c: c.path != c.facts.path, 404)
        ),
        breaks="conform",
    ),
    fault(
        "missing-token-403",
        "the first request without a token gets 403",
        with_status(401, 403, lambda c: has_no_token(c) and c.is_opening),
        breaks="missing-token-401",
    ),
    fault(
        "get-without-token",
        "the GET stream of a session needs no token",
        trusting(lambda c: has_no_token(c) and c.method == "GET"),
        breaks="missing-token-401-get-delete",
        modes=STATEFUL,
    ),
    fault(
        "delete-without-token",
        "a session can be ended without a token",
        trusting(lambda c: has_no_token(c) and c.method == "DELETE"),
        breaks="missing-token-401-get-delete",
        modes=STATEFUL,
    ),
    fault(
        "session-without-token",
        "lists in a session need no token",
        trusting(lambda c: has_no_token(c) and c.rpc_method in LISTS and c.session is not None),
        breaks="every-request",
        modes=STATEFUL,
    ),
    fault(
        "made-up-token-403",
        "an unknown token gets 403",
        with_status(401, 403, is_made_up),
        breaks="invalid-token-401",
    ),
    fault(
        "made-up-token-500",
        "a token that is no JWT makes the server fail",
        with_status(401, 500, lambda c: is_made_up(c) and c.is_opening),
        breaks="invalid-token-401",
    ),
    fault(
        "expired-token-taken",
        "tokens are good for ever",
        unchanged,
        breaks="expired-token-401",
        options={"unchecked": "exp"},
    ),
    fault(
        "any-audience",
        "tokens that were issued for other servers are taken",
        unchanged,
        breaks="audience",
        options={"unchecked": "aud"},
    ),
    fault(
        "any-signature",
        "the signature of a token is not looked at",
        unchanged,
        breaks="validate-token",
        options={"unchecked": "signature"},
    ),
    fault(
        "malformed-403",
        "an Authorization that is no token gets 403",
        with_status(400, 403, is_malformed),
        breaks="malformed-400",
    ),
    fault(
        "token-in-query",
        "a token in the query is taken",
        token_in_query(),
        breaks="token-not-in-query",
    ),
    fault(
        "method-before-token",
        "unknown methods are refused as such before the token is looked at",
        unknown_methods_first(),
        breaks="validate-before-processing",
    ),
    # -- challenges
    fault(
        "no-challenge",
        "a 401 says nothing of how to get in",
        challenges(lambda _, __: None),
        breaks="error-response-form",
    ),
    fault(
        "basic-challenge",
        "a 401 asks for a password",
        challenges(lambda _, __: {"realm": "reference"}, scheme="Basic"),
        breaks="error-response-form",
    ),
    fault(
        "error-without-token",
        "a request without a token is told that its token is not valid",
        when(has_no_token, challenges(lambda p, _: {"error": "invalid_token", **p})),
        breaks="challenge-error-code",
    ),
    fault(
        "no-error-for-token",
        "a token that is not valid is refused as if there was none",
        when(is_made_up, challenges(without("error", "error_description"))),
        breaks="challenge-error-code",
    ),
    fault(
        "metadata-not-named",
        "a 401 does not name the metadata, which are where clients of later revisions look",
        challenges(without("resource_metadata")),
        breaks="www-authenticate-metadata",
    ),
    fault(
        "no-scope-in-401",
        "a 401 names no scopes",
        challenges(without("scope")),
        breaks="scope-in-challenge",
    ),
    fault(
        "offline-access-in-401",
        "a 401 asks for offline_access",
        challenges(lambda p, _: {**p, "scope": f"{p['scope']} offline_access"}),
        breaks="no-offline-access",
    ),
    fault(
        "offline-access-supported",
        "the metadata name the scope offline_access",
        resource_member(scopes_supported=[USE, "offline_access"]),
        breaks="no-offline-access",
    ),
    # -- scopes
    fault(
        "missing-scope-401",
        "a token with too few scopes gets 401",
        with_status(403, 401, lambda c: bool(claims(c))),
        breaks="insufficient-scope-403",
    ),
    fault(
        "no-metadata-in-403",
        "a 403 does not name the metadata",
        challenges(without("resource_metadata"), status=403),
        breaks="insufficient-scope-challenge",
    ),
    fault(
        "no-error-in-403",
        "a 403 does not say that a scope is missing",
        challenges(without("error"), status=403),
        breaks="insufficient-scope-challenge",
    ),
    fault(
        "useless-scope-in-403",
        "a 403 names scopes that the token has",
        challenges(lambda p, _: {**p, "scope": USE}, status=403),
        breaks="scopes-for-operation",
    ),
    fault(
        "scope-in-403-changes",
        "a 403 names other scopes each time",
        changing_scopes(),
        breaks="scope-consistent",
    ),
    fault(
        "broad-scope-refused",
        "a scope that implies the others is not enough",
        answer_instead(lambda c: claims(c).get("scope") == ADMIN, 403),
        breaks="scope-hierarchy",
    ),
    # -- metadata of the server
    fault(
        "metadata-missing",
        "the metadata that a 401 names are not there",
        answer_instead(is_resource_document, 404),
        breaks="prm-implemented",
    ),
    fault(
        "metadata-as-text",
        "the metadata come as text",
        when(
            is_resource_document,
            rewrite_response_start(
                lambda status, lines, _: (
                    status,
                    [(n, "text/plain" if n == "content-type" else v) for n, v in lines],
                )
            ),
        ),
        breaks="prm-implemented",
    ),
    fault(
        "metadata-need-token",
        "the metadata need the token that they are to lead to",
        answer_instead(
            lambda c: is_resource_document(c) and c.header("authorization") is None,
            401,
            [("www-authenticate", "Bearer")],
        ),
        breaks="prm-public",
    ),
    fault(
        "metadata-without-cors",
        "clients in browsers cannot read the metadata",
        when(is_resource_document, rewrite_response_start(_without_cors)),
        breaks="prm-public",
    ),
    fault(
        "metadata-at-wrong-place",
        "the metadata are below the endpoint, and a 401 does not name them",
        at_wrong_place(),
        breaks="discovery-one-of",
        revisions=SINCE_ONE_OF,
    ),
    fault(
        "no-authorization-server",
        "the metadata name no authorization server",
        resource_member(authorization_servers=[]),
        breaks="prm-authorization-servers",
    ),
    fault(
        "other-resource",
        "the metadata are those of another server",
        resource_member(resource="https://other.example/mcp"),
        breaks="prm-resource-matches",
    ),
    fault(
        "resource-in-capitals",
        "the scheme of the resource is in capitals",
        document(is_resource_document, lambda d, _: {**d, "resource": d["resource"].replace("http", "HTTP")}),
        breaks="canonical-uri-case",
    ),
    fault(
        "resource-with-slash",
        "the resource ends with a slash that the endpoint does not have",
        document(is_resource_document, lambda d, _: {**d, "resource": f"{d['resource']}/"}),
        breaks="canonical-uri-case",
    ),
    fault(
        "authorization-server-without-tls",
        "the authorization server is reached without TLS",
        resource_member(authorization_servers=["http://as.example.com"]),
        breaks="communication-security",
    ),
    fault(
        "authorization-server-without-metadata",
        "the authorization server has no metadata",
        document(
            is_resource_document,
            lambda d, _: {**d, "authorization_servers": [f"{d['authorization_servers'][0]}/nowhere"]},
        ),
        breaks="as-metadata-reachable",
    ),
    # -- the server as its own authorization server
    fault(
        "default-endpoints-only",
        "the host has the default endpoints and no metadata of an authorization server",
        default_endpoints("/authorize", "/token", "/register"),
        breaks="as-metadata-root",
        revisions=FIRST,
    ),
    fault(
        "server-metadata-below-path",
        "the metadata of the authorization server are where the path of the endpoint is kept",
        combine(
            answer_instead(is_server_document, 404),
            moved(lambda c: c.path == SERVER_METADATA + c.facts.path, lambda _: SERVER_METADATA),
        ),
        breaks="as-metadata-location",
        revisions=FIRST,
    ),
    fault(
        "no-token-endpoint",
        "of the default endpoints there is only one",
        default_endpoints("/authorize", "/register"),
        breaks="fallback-endpoints",
        revisions=FIRST,
    ),
    fault(
        "no-registration",
        "clients cannot register",
        document(
            is_server_document,
            lambda d, _: {name: value for name, value in d.items() if name != "registration_endpoint"},
        ),
        breaks="dcr",
        revisions=FIRST,
    ),
    fault(
        "token-endpoint-without-tls",
        "the token endpoint is reached without TLS",
        document(is_server_document, lambda d, _: {**d, "token_endpoint": "http://as.example.com/token"}),
        breaks="as-https",
        revisions=FIRST,
    ),
    fault(
        "open-redirector",
        "users are sent wherever a request says",
        open_redirector(),
        breaks="redirect-uris",
        revisions=FIRST,
    ),
    fault(
        "endless-token",
        "tokens never expire",
        unchanged,
        breaks="token-lifetime",
        options={"unchecked": "lifetime"},
        revisions=FIRST,
        rig="auth-endless-token",
    ),
)
