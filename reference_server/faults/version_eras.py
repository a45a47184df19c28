"""Faults toward clients of another era, and toward clients without an extension."""

from __future__ import annotations

from typing import Any

from reference_server._context import MODERN_REVISIONS, RequestContext
from reference_server._jsonrpc import INVALID_REQUEST
from reference_server._layers import answer_instead, combine, rewrite_message
from reference_server.faults.discover import MODERN, capability
from reference_server.faults.schema import result_of
from reference_server.faults.version_per_request import both, fault, in_meta, with_error, with_status


def is_old_initialize(context: RequestContext) -> bool:
    """Select `initialize` as clients of earlier revisions send it."""
    return context.is_request and context.rpc_method == "initialize" and in_meta(context) is None


def _unnamed(message: Any, context: RequestContext) -> Any:
    if not is_old_initialize(context) or "error" not in message:
        return message
    return {**message, "error": {"code": message["error"]["code"], "message": "Bad request"}}


FAULTS = (
    fault(
        "initialize-404",
        "legacy-initialize-rejected",
        "initialize is refused with HTTP 404",
        with_status(is_old_initialize, 404),
        options=MODERN,
    ),
    fault(
        "initialize-200",
        "legacy-initialize-rejected",
        "initialize is refused with HTTP 200",
        with_status(is_old_initialize, 200),
        options=MODERN,
    ),
    fault(
        "initialize-unexplained",
        "legacy-initialize-diagnostic",
        "the refusal of initialize names no version",
        rewrite_message(_unnamed),
        options=MODERN,
    ),
    fault(
        "initialize-bare",
        "legacy-initialize-diagnostic",
        "initialize is refused without a word",
        answer_instead(is_old_initialize, 400),
        options=MODERN,
    ),
    fault(
        "modern-needs-session",
        "dual-era-modern-stateless",
        "tools/list is refused without a session, whatever the era",
        with_error(
            both(lambda c: c.is_modern and c.revision is not None, lambda c: c.rpc_method == "tools/list"),
            INVALID_REQUEST,
            "No session",
        ),
    ),
    fault(
        "extension-without-prefix",
        "extension-id-format",
        "an extension is named without prefix",
        capability("extensions", {"paging": {}}),
    ),
    fault(
        "extension-empty-label",
        "extension-id-format",
        "the prefix of an extension has an empty label",
        capability("extensions", {"com..example/paging": {}}),
    ),
    fault(
        "extension-true",
        "extension-settings-object",
        "the settings of an extension are true",
        capability("extensions", {"com.example/paging": True}),
    ),
    fault(
        "extension-uncalled-for",
        "extension-fallback",
        "a prompt is the result of an extension, to clients without it",
        combine(
            capability("extensions", {"com.example/deferral": {}}),
            result_of("prompts/get", lambda r: r.update(resultType="com.example/deferred")),
        ),
        revisions=MODERN_REVISIONS,
    ),
)
