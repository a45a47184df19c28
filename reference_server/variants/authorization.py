"""Legal oddities of authorization: what is open, how it is refused, and where metadata are."""

from __future__ import annotations

from typing import Any, Final

from reference_server._context import HeaderLines, RequestContext
from reference_server._jsonrpc import INVALID_PARAMS, METHOD_NOT_FOUND, error_message
from reference_server._layers import (
    Call,
    Layer,
    answer_instead,
    combine,
    handle,
    rewrite_response_start,
)
from reference_server.authorization import RESOURCE_METADATA
from reference_server.faults._users import (
    challenges,
    has_no_token,
    is_malformed,
    is_resource_document,
    moved,
    trusting,
    with_status,
)
from reference_server.principals import VAULT, needed_scopes
from reference_server.variants import Variant

ELSEWHERE: Final = "/meta/resource.json"


def variant(name: str, summary: str, layer: Layer, **options: Any) -> Variant:
    """Make a variant of a server that asks for tokens."""
    return Variant(name, summary=summary, layer=layer, rig="auth", **options)


def _beside_basic(status: int, lines: HeaderLines, _: RequestContext) -> tuple[int, HeaderLines]:
    def beside(name: str, value: str) -> str:
        return f'Basic realm="a, b", b{value[1:]}' if name == "www-authenticate" else value

    return status, tuple((name, beside(name, value)) for name, value in lines)


def hiding() -> Layer:
    """Refuse what lacks a scope as if it was not there, with JSON-RPC errors in place of 403."""

    async def run(call: Call) -> None:
        if VAULT not in needed_scopes(call.context.members) or call.context.stays_open:
            await call.forward()
            return
        response = await call.capture()
        if 'error="insufficient_scope"' in dict(response.headers).get("www-authenticate", ""):
            code = METHOD_NOT_FOUND if call.context.rpc_method == "resources/subscribe" else INVALID_PARAMS
            body = error_message(code, "There is no such thing", request_id=call.context.rpc_id)
            await call.answer(200, (), body)
        else:
            await call.answer(response.status, response.headers, response.body)

    return handle(run)


def _elsewhere(parameters: dict[str, str], context: RequestContext) -> dict[str, str]:
    return {**parameters, "resource_metadata": f"http://{context.header('host')}{ELSEWHERE}"}


VARIANTS = (
    variant(
        "opening-open-to-all",
        "the opening needs no token, as long as nothing else is served without one",
        trusting(lambda c: has_no_token(c) and c.is_opening),
    ),
    variant(
        "malformed-token-for-none",
        "an Authorization that is no token gets 401, as if there was none: both are refusals of RFC 6750",
        with_status(400, 401, is_malformed),
    ),
    variant(
        "several-challenges",
        "a 401 offers Basic as well, in front of Bearer in lower case: schemes have no letter case",
        rewrite_response_start(_beside_basic),
    ),
    variant(
        "metadata-named-elsewhere",
        "the metadata are at a place of their own, which a 401 names: no well-known URI is needed then",
        combine(
            challenges(_elsewhere),
            challenges(_elsewhere, status=403),
            answer_instead(is_resource_document, 404),
            moved(lambda c: c.path == ELSEWHERE, lambda _: RESOURCE_METADATA),
        ),
    ),
    variant(
        "missing-scope-hidden",
        "what needs a further scope is unknown to those who lack it, which gives nothing away",
        hiding(),
        modes=("stateless",),
    ),
    variant(
        "session-of-another-403",
        "the session of another user gets 403 in place of 404: the guide leaves the status open",
        with_status(404, 403, lambda c: c.session is not None),
        modes=("stateful",),
    ),
)
