"""Everything a request of the modern era has to pass before the SDK sees it: one check per rule, in order.

The order decides which error a request with one deviation gets: what is missing comes before what differs,
headers that every request needs come before its method, and its parameters come before the headers that
mirror them. Sections are those of 2026-07-28. What has to be mended behind the SDK is in `modern`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from mcp.shared.inbound import decode_header_value, validate_mcp_param_headers

from reference_server._context import VERSION_HEADER, VERSION_KEY, RequestContext
from reference_server._jsonrpc import (
    HEADER_MISMATCH,
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    UNSUPPORTED_VERSION,
    Refusal,
    check_message,
)
from reference_server.tools import TOOLS

METHOD_HEADER: Final = "mcp-method"
NAME_HEADER: Final = "mcp-name"
PARAM_HEADERS: Final = "mcp-param-"
CAPABILITIES_KEY: Final = "io.modelcontextprotocol/clientCapabilities"

SERVED_METHODS: Final = frozenset(
    {
        "server/discover",
        "subscriptions/listen",
        "tools/list",
        "tools/call",
        "prompts/list",
        "prompts/get",
        "completion/complete",
        "resources/list",
        "resources/templates/list",
        "resources/read",
        "tasks/get",
        "tasks/update",
        "tasks/cancel",
    }
)
"""What is declared and served; `ping`, `initialize` and others of the handshake era are gone."""

NAMED_BY: Final = {"tools/call": "name", "prompts/get": "name", "resources/read": "uri"}
"""The parameter that `Mcp-Name` mirrors, by method."""

NAMED_BY_EXTENSIONS: Final = dict.fromkeys(("tasks/get", "tasks/update", "tasks/cancel"), "taskId")
"""The same for the methods of extensions."""

_LISTENED_FLAGS: Final = ("toolsListChanged", "promptsListChanged", "resourcesListChanged")
_HEADER_TEXT: Final = re.compile(r"[\t\x20-\x7e]*")


def check_verb(context: RequestContext) -> None:
    """Take POST alone: there is no GET stream and no session (basic/transports/streamable-http#intro)."""
    if context.method != "POST":
        allow = ("allow", "POST")
        raise Refusal(405, INVALID_REQUEST, "The HTTP method is not offered here", headers=(allow,))


def check_shape(context: RequestContext) -> None:
    """Refuse what is no request or notification (#sending-messages).

    The SDK puts an id of null into its error, which this revision has not.
    """
    if context.is_batch:
        raise Refusal(400, INVALID_REQUEST, "This revision has no batches")
    check_message(context.value)
    if context.is_response:
        raise Refusal(400, INVALID_REQUEST, "Responses are not taken; a retry carries what was asked for")


def check_accept(context: RequestContext) -> None:
    """Refuse clients that cannot read the answer with 406 (#sending-messages); the SDK sends no body.

    It also reads the first line only, where several lines are one list (RFC 9110, section 5.3).
    """
    accepted = {
        item.partition(";")[0].strip().lower()
        for value in context.header_values("accept")
        for item in value.split(",")
    }
    wanted = ["application/json"]
    if not context.facts.json_response or context.rpc_method == "subscriptions/listen":
        wanted.append("text/event-stream")
    for media_type in wanted:
        if not accepted & {media_type, f"{media_type.partition('/')[0]}/*", "*/*"}:
            raise Refusal(406, INVALID_REQUEST, f"The client must accept {' and '.join(wanted)}")


def check_version_header(context: RequestContext) -> None:
    """Refuse a missing version header, also beside the handshake era (#protocol-version-header).

    The SDK takes such a request for one of 2025-03-26.
    """
    if _one_header(context, VERSION_HEADER) is None:
        served = ", ".join(reversed(context.facts.revisions))
        raise Refusal(400, HEADER_MISMATCH, f"The {VERSION_HEADER} header is missing; supported: {served}")


def check_meta(context: RequestContext) -> None:
    """Refuse a request whose required `_meta` members are missing or of another type (basic/index#meta).

    The SDK looks at headers before types, so that a revision that is a number is a mismatch to it.
    """
    if not isinstance(context.meta.get(VERSION_KEY), str):
        raise Refusal(400, INVALID_PARAMS, f"_meta must state {VERSION_KEY} as a string")
    if not isinstance(context.meta.get(CAPABILITIES_KEY), dict):
        raise Refusal(400, INVALID_PARAMS, f"_meta must state {CAPABILITIES_KEY} as an object")


def check_version(context: RequestContext) -> None:
    """Refuse a revision that header and `_meta` disagree on, and one that is not served (#server-validation).

    The SDK knows of no handshake beside it, so it never lists those revisions as supported.
    """
    stated = context.meta[VERSION_KEY]
    if _one_header(context, VERSION_HEADER) != stated:
        raise Refusal(400, HEADER_MISMATCH, f"The {VERSION_HEADER} header differs from _meta")
    if context.revision is None:
        raise Refusal(
            400,
            UNSUPPORTED_VERSION,
            "Unsupported protocol version",
            data={"supported": list(reversed(context.facts.revisions)), "requested": stated},
        )


def check_method(context: RequestContext) -> None:
    """Refuse a missing or other `Mcp-Method`, and methods that are not served with 404 (#server-validation).

    The SDK reads the first of several lines, and looks at the parameters of methods that it knows first.
    """
    stated = _one_header(context, METHOD_HEADER)
    if stated is None:
        raise Refusal(400, HEADER_MISMATCH, "The Mcp-Method header is missing")
    if stated != context.rpc_method:
        raise Refusal(400, HEADER_MISMATCH, "The Mcp-Method header differs from the method")
    if context.rpc_method not in SERVED_METHODS:
        raise Refusal(404, METHOD_NOT_FOUND, "Method not found")


def check_name(context: RequestContext) -> None:
    """Refuse a missing, other or unreadable `Mcp-Name` where one is required (#standard-request-headers).

    The SDK takes characters that no header may carry as they are. A parameter that is missing or no string
    is malformed, whatever the header says.
    """
    key = {**NAMED_BY, **NAMED_BY_EXTENSIONS}.get(context.rpc_method or "")
    if key is None:
        return
    name = context.params.get(key)
    if not isinstance(name, str):
        raise Refusal(400, INVALID_PARAMS, f"{context.rpc_method} needs a {key}")
    stated = _one_header(context, NAME_HEADER)
    if stated is None:
        raise Refusal(400, HEADER_MISMATCH, "The Mcp-Name header is missing")
    if decode_header_value(stated) != name:
        raise Refusal(400, HEADER_MISMATCH, f"The Mcp-Name header differs from the {key}")


def check_param_headers(context: RequestContext) -> None:
    """Refuse `Mcp-Param-*` headers that differ from the arguments they mirror.

    The comparison is the SDK's own; it only takes characters that no header may carry as they are. Section:
    basic/transports/streamable-http#server-behavior-for-custom-headers.
    """
    if context.rpc_method != "tools/call":
        return
    tool = TOOLS.get(context.params["name"])
    arguments = context.params.get("arguments") or {}
    if tool is None or not tool.mirrored or not isinstance(arguments, dict):
        return
    lines = {name: _one_header(context, name) for name in tool.mirrored}
    stated = {name: value for name, value in lines.items() if value is not None}
    rejection = validate_mcp_param_headers(tool.input_schema(), arguments, stated)
    if rejection is not None:
        raise Refusal(400, rejection.code, rejection.message)


def check_filter(context: RequestContext) -> None:
    """Refuse a subscription to what is neither true nor false; the SDK takes "yes" for true.

    Section: basic/patterns/subscriptions#notification-filter.
    """
    wanted = context.params.get("notifications")
    if context.rpc_method != "subscriptions/listen" or not isinstance(wanted, dict):
        return
    for flag in _LISTENED_FLAGS:
        if not isinstance(wanted.get(flag, False), bool):
            raise Refusal(400, INVALID_PARAMS, f"{flag} must be true or false")


def _one_header(context: RequestContext, name: str) -> str | None:
    """Return the value of a header without the blanks around it, or None if there is no such header.

    Raises:
        Refusal: If there are several lines of it, or characters that no header may carry.
    """
    values = context.header_values(name)
    if len(values) > 1:
        raise Refusal(400, HEADER_MISMATCH, f"There are several {name} headers")
    if not values:
        return None
    if not _HEADER_TEXT.fullmatch(values[0]):
        raise Refusal(400, HEADER_MISMATCH, f"The {name} header holds invalid characters")
    return values[0].strip(" \t")


REQUEST_CHECKS: Final[tuple[Callable[[RequestContext], None], ...]] = (
    check_accept,
    check_version_header,
    check_meta,
    check_version,
    check_method,
    check_name,
    check_param_headers,
    check_filter,
)
"""What a request has to pass once its body is known to be one; a notification is taken as it is."""


def named_versions(context: RequestContext, refusal: Refusal) -> tuple[str, Any]:
    """Return message and data of a refusal; without a handshake, those of `initialize` name the versions.

    Section: basic/versioning#backward-compatibility-with-initialization-based-versions.
    """
    if context.rpc_method != "initialize" or context.facts.era != "modern":
        return refusal.message, refusal.data
    served = list(reversed(context.facts.revisions))
    message = refusal.message
    if "supported" not in message:
        message = f"{message}; supported: {', '.join(served)}"
    return message, {"supported": served, **(refusal.data if isinstance(refusal.data, dict) else {})}
