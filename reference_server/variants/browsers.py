"""Legal but unusual ways to let pages of another origin use the server."""

from __future__ import annotations

from reference_server._context import RequestContext
from reference_server._layers import Response as Answer
from reference_server._layers import combine, rewrite_response_start, tee
from reference_server.faults.browsers import (
    EXPOSED,
    HEADERS,
    METHODS,
    ORIGIN,
    changed,
    is_preflight,
    wildcard,
    with_value,
)
from reference_server.variants import Variant


def _with_body(response: Answer, context: RequestContext) -> Answer:
    lines = [
        *(line for line in response.headers if line[0] != "content-type"),
        ("content-type", "text/plain"),
    ]
    return Answer(200, tuple(lines), b"OK")


def _shouted(lines: tuple[tuple[str, str], ...], context: RequestContext) -> list[tuple[str, str]]:
    """Repeat what the preflight asks for, in capitals, one line for each."""
    asked = (context.header("access-control-request-headers") or "").upper().split(",")
    return [*(line for line in lines if line[0] != HEADERS), *((HEADERS, name) for name in asked)]


VARIANTS = (
    Variant(
        "browsers-wildcards",
        summary="everything is allowed and exposed to every page by *, which covers all but Authorization",
        layer=changed(wildcard(ORIGIN, METHODS, HEADERS, EXPOSED)),
        rig="browser",
    ),
    Variant(
        "browsers-authorization-named",
        summary="Authorization is allowed by its name beside *",
        layer=changed(with_value(HEADERS, "*, Authorization"), is_preflight),
        rig="browser-token",
    ),
    Variant(
        "browsers-preflight-body",
        summary="preflights get 200 with a body, and what they ask for in capitals on several lines",
        layer=combine(
            changed(_shouted, is_preflight), tee(lambda context: context.method == "OPTIONS", _with_body)
        ),
        rig="browser",
    ),
    Variant(
        "browsers-extra-lines",
        summary="answers have lines of the Fetch standard that concern others",
        layer=rewrite_response_start(
            lambda status, lines, _: (status, (*lines, ("cross-origin-resource-policy", "cross-origin")))
        ),
        rig="browser",
    ),
)
