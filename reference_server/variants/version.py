"""Legal answers to versions that are missing, unknown or contradictory, and to older clients."""

from __future__ import annotations

from reference_server._context import MODERN_REVISIONS, VERSION_HEADER, RequestContext
from reference_server._jsonrpc import (
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    UNSUPPORTED_VERSION,
    error_message,
)
from reference_server._layers import answer_instead
from reference_server.corrections_modern import SERVED_METHODS
from reference_server.faults.version_eras import is_old_initialize
from reference_server.faults.version_per_request import (
    in_meta,
    is_headerless,
    is_mismatch,
    is_unsupported,
    with_error,
)
from reference_server.variants import Variant

ONE = ("stateless",)


def is_unknown(context: RequestContext) -> bool:
    """Select methods that are not served, at versions that are not served either."""
    return is_unsupported(context) and context.rpc_method not in SERVED_METHODS


def stated(context: RequestContext) -> str:
    """Return the version that is not served, of the two that a request names."""
    found = (in_meta(context), context.header(VERSION_HEADER))
    return next(version for version in found if version is not None and version not in MODERN_REVISIONS)


VARIANTS = (
    Variant(
        "mismatch-unsupported",
        ONE,
        summary="A header that differs from _meta gets -32022 as one of them is not served: both rules hold.",
        layer=answer_instead(
            is_mismatch,
            400,
            body=lambda c: error_message(
                UNSUPPORTED_VERSION,
                "Unsupported protocol version",
                data={"supported": list(c.facts.revisions), "requested": stated(c)},
                request_id=c.rpc_id,
            ),
        ),
        revisions=MODERN_REVISIONS,
    ),
    Variant(
        "method-before-version",
        ONE,
        summary="An unknown method is refused as such, whatever version is named; the order is open.",
        layer=answer_instead(
            is_unknown,
            404,
            body=lambda c: error_message(METHOD_NOT_FOUND, "Method not found", request_id=c.rpc_id),
        ),
        revisions=MODERN_REVISIONS,
    ),
    Variant(
        "headerless-legacy",
        ONE,
        summary="A request without version header is one of 2025-03-26, which has to open a session first.",
        layer=with_error(is_headerless, INVALID_REQUEST, "No session"),
        revisions=MODERN_REVISIONS,
    ),
    Variant(
        "initialize-plain-text",
        ONE,
        summary="initialize is refused with HTTP 400 and a plain text that names the versions.",
        layer=answer_instead(
            is_old_initialize,
            400,
            [("content-type", "text/plain")],
            lambda c: f"Speak one of {', '.join(c.facts.revisions)}\n",
        ),
        options={"era": "modern"},
        revisions=MODERN_REVISIONS,
    ),
)
