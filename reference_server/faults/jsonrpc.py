"""Faults of the JSON-RPC envelope: version, ids, result or error, the shape of errors, notifications."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from reference_server._context import Layer, RequestContext
from reference_server._jsonrpc import INVALID_PARAMS, METHOD_NOT_FOUND, PARSE_ERROR, RESOURCE_NOT_FOUND
from reference_server._layers import Response, answer_instead, rewrite_message, tee, when
from reference_server.faults import Fault

Json = dict[str, Any]
STREAMED = {"json_response": False}
LAST_WITHOUT_OPTIONAL_ID = "2025-06-18"
"""The last revision in which every error needs an id."""


def results(change: Callable[[Json], Json], *methods: str) -> Layer:
    """Change the result messages of some methods; of all methods if none is named."""

    def changed(message: Any, context: RequestContext) -> Any:
        wanted = not methods or context.rpc_method in methods
        return change(message) if wanted and isinstance(message, dict) and "result" in message else message

    return rewrite_message(changed)


def errors(change: Callable[[Json], Json], *codes: int) -> Layer:
    """Change the error messages with some codes."""

    def changed(message: Any, context: RequestContext) -> Any:
        found = message.get("error", {}).get("code") if isinstance(message, dict) else None
        return change(message) if found in codes else message

    return rewrite_message(changed)


def with_error(**members: Any) -> Callable[[Json], Json]:
    """Return a change that sets members of the error."""
    return lambda message: {**message, "error": {**message["error"], **members}}


def unknown_resource(change: Callable[[Json], Json]) -> Layer:
    """Change the error for a resource that cannot be read, whichever code the revision has for it."""
    changed = errors(change, RESOURCE_NOT_FOUND, INVALID_PARAMS)
    return when(lambda c: c.rpc_method == "resources/read", changed)


def without(name: str) -> Callable[[Json], Json]:
    """Return a change that removes a member of the message."""
    return lambda message: {key: value for key, value in message.items() if key != name}


def without_in_error(name: str) -> Callable[[Json], Json]:
    """Return a change that removes a member of the error."""
    return lambda message: {**message, "error": {k: v for k, v in message["error"].items() if k != name}}


def result_ids(change: Callable[[Any], Any]) -> Layer:
    """Change the ids of result messages, but for those of calls, which are long and may be cut short."""
    changed = results(lambda message: {**message, "id": change(message.get("id"))})
    return when(lambda c: c.rpc_method != "tools/call", changed)


def is_unknown_method(message: Any) -> bool:
    """Tell whether a message refuses an unknown method."""
    return isinstance(message, dict) and message.get("error", {}).get("code") == METHOD_NOT_FOUND


def error_ids_up_to(revision: str, change: Callable[[Json], Json]) -> Layer:
    """Change the refusals of unknown methods in sessions up to a revision."""
    return rewrite_message(
        lambda m, c: change(m) if is_unknown_method(m) and (c.revision or "") <= revision else m
    )


def invented_id(message: Any, context: RequestContext) -> Any:
    """Give an error on an unreadable body an id of the server's own, since errors need none."""
    late = (context.revision or "") > LAST_WITHOUT_OPTIONAL_ID
    if late and isinstance(message, dict) and message.get("error", {}).get("code") == PARSE_ERROR:
        return {**message, "id": "server-error"}
    return message


def announced(change: Callable[[Json], Json], notification: Json) -> Layer:
    """Declare changing lists in `initialize`, and send a notification ahead of each result of tools/list."""

    def changed(message: Any, context: RequestContext) -> Any:
        if not isinstance(message, dict) or "result" not in message:
            return message
        if context.is_initialize:
            return {**message, "result": change(message["result"])}
        if context.rpc_method == "tools/list":
            return [notification, message]
        return message

    return rewrite_message(changed)


def with_changing_tools(result: Json) -> Json:
    """Declare `tools.listChanged` in an initialize result."""
    capabilities = result["capabilities"]
    return {
        **result,
        "capabilities": {**capabilities, "tools": {**capabilities["tools"], "listChanged": True}},
    }


def is_unknown_notification(context: RequestContext) -> bool:
    """Select notifications that no revision has."""
    known = ("initialized", "cancelled", "progress", "roots/list_changed")
    return context.is_notification and context.rpc_method not in [f"notifications/{name}" for name in known]


def tools_changed(**members: Any) -> Json:
    """Return a notification of changed tools, with more members than it should have."""
    return {"jsonrpc": "2.0", "method": "notifications/tools/list_changed", **members}


EMPTY_RESULT = Response(
    200, (("content-type", "application/json"),), b'{"jsonrpc":"2.0","id":null,"result":{}}'
)
TRACEBACK = 'Traceback (most recent call last): File "/srv/app/dispatch.py", line 12, in call KeyError'
DUMP = "1 validation error for ClientRequest\nmethod\n  Input should be 'ping' [type=literal_error]"

FAULTS = (
    Fault(
        "jsonrpc.version-missing-in-errors",
        ("jsonrpc.version-2-0",),
        summary="Errors of the dispatcher are built by hand and lack the member jsonrpc.",
        layer=errors(without("jsonrpc"), METHOD_NOT_FOUND),
    ),
    Fault(
        "jsonrpc.version-number",
        ("jsonrpc.version-2-0",),
        summary="Results of lists have the number 2.0 as jsonrpc.",
        layer=results(lambda m: {**m, "jsonrpc": 2.0}, "prompts/list"),
    ),
    Fault(
        "jsonrpc.ids-stringified",
        ("jsonrpc.response-id-matches",),
        summary="Integer ids come back as strings.",
        layer=result_ids(lambda id: str(id) if isinstance(id, int) else id),
    ),
    Fault(
        "jsonrpc.string-ids-lost",
        ("jsonrpc.response-id-matches",),
        summary="Ids are read as numbers, so string ids come back as null.",
        layer=result_ids(lambda id: id if isinstance(id, int) else None),
    ),
    Fault(
        "jsonrpc.id-zero-null",
        ("jsonrpc.id-forms-echoed",),
        summary="The id 0 is taken for a missing one and comes back as null.",
        layer=result_ids(lambda id: None if id == 0 and isinstance(id, int) else id),
    ),
    Fault(
        "jsonrpc.id-empty-null",
        ("jsonrpc.id-forms-echoed",),
        summary="The empty string as id is taken for a missing one and comes back as null.",
        layer=result_ids(lambda id: None if id == "" else id),
    ),
    Fault(
        "jsonrpc.id-digits-number",
        ("jsonrpc.id-forms-echoed",),
        summary="A string id of digits comes back as number.",
        layer=result_ids(lambda id: int(id) if isinstance(id, str) and id.isdigit() else id),
    ),
    Fault(
        "jsonrpc.id-rounded",
        ("jsonrpc.id-forms-echoed",),
        summary="Large ids go through a 32 bit float and come back rounded.",
        layer=result_ids(lambda id: 2**53 if id == 2**53 - 1 else id),
    ),
    Fault(
        "jsonrpc.id-ascii",
        ("jsonrpc.id-forms-echoed",),
        summary="Characters beyond ASCII in ids come back as question marks.",
        layer=result_ids(lambda id: id.encode("ascii", "replace").decode() if isinstance(id, str) else id),
    ),
    Fault(
        "jsonrpc.id-cut",
        ("jsonrpc.id-forms-echoed",),
        summary="Long ids come back cut to 64 characters.",
        layer=result_ids(lambda id: id[:64] if isinstance(id, str) else id),
    ),
    Fault(
        "jsonrpc.id-negative-refused",
        ("jsonrpc.id-forms-echoed",),
        summary="Negative ids are refused.",
        layer=answer_instead(
            lambda c: c.is_request and isinstance(c.rpc_id, int) and c.rpc_id < 0,
            400,
            body=lambda c: {"jsonrpc": "2.0", "id": c.rpc_id, "error": {"code": -32600, "message": "Bad id"}},
        ),
    ),
    Fault(
        "jsonrpc.error-id-null",
        ("jsonrpc.error-id-matches", "jsonrpc.error-id-matches.unless-unreadable"),
        summary="The error for an unknown method has the id null.",
        layer=errors(lambda m: {**m, "id": None}, METHOD_NOT_FOUND),
    ),
    Fault(
        "jsonrpc.error-id-absent-early",
        ("jsonrpc.error-id-matches",),
        summary="Up to 2025-06-18, too, the error for an unknown method has no id.",
        layer=error_ids_up_to(LAST_WITHOUT_OPTIONAL_ID, without("id")),
    ),
    Fault(
        "jsonrpc.error-id-stringified-early",
        ("jsonrpc.error-id-matches",),
        summary="Up to 2025-06-18 the error for an unknown method has an id of the server's own.",
        layer=error_ids_up_to(LAST_WITHOUT_OPTIONAL_ID, lambda m: {**m, "id": "server-error"}),
    ),
    Fault(
        "jsonrpc.error-id-invented",
        ("jsonrpc.error-id-matches.unless-unreadable",),
        summary="The error for an unreadable body has an id that nobody sent.",
        layer=rewrite_message(
            lambda m, c: invented_id(m, c) if (c.revision or "") > LAST_WITHOUT_OPTIONAL_ID else m
        ),
    ),
    Fault(
        "jsonrpc.error-beside-null-result",
        ("jsonrpc.result-xor-error",),
        summary="Errors also have the member result, with null.",
        layer=errors(lambda m: {**m, "result": None}, METHOD_NOT_FOUND),
    ),
    Fault(
        "jsonrpc.result-beside-null-error",
        ("jsonrpc.result-xor-error",),
        summary="Results of prompts/get also have the member error, with null.",
        layer=results(lambda m: {**m, "error": None}, "prompts/get"),
    ),
    Fault(
        "jsonrpc.neither-result-nor-error",
        ("jsonrpc.result-xor-error",),
        summary="The response to an unknown method has neither error nor result.",
        layer=errors(without("error"), METHOD_NOT_FOUND),
    ),
    Fault(
        "jsonrpc.error-without-message",
        ("jsonrpc.error-code-and-message",),
        summary="The error for an unknown method has no message.",
        layer=errors(without_in_error("message"), METHOD_NOT_FOUND),
    ),
    Fault(
        "jsonrpc.error-message-object",
        ("jsonrpc.error-code-and-message",),
        summary="The message of the error for an unknown method is an object.",
        layer=errors(with_error(message={"en": "Method not found"}), METHOD_NOT_FOUND),
    ),
    Fault(
        "jsonrpc.error-without-code",
        ("jsonrpc.error-code-and-message",),
        summary="The error for an unknown resource has no code.",
        layer=unknown_resource(without_in_error("code")),
    ),
    Fault(
        "jsonrpc.error-text",
        ("jsonrpc.error-code-and-message",),
        summary="The error for an unknown resource is a string instead of an object.",
        layer=unknown_resource(lambda m: {**m, "error": "Resource not found"}),
    ),
    Fault(
        "jsonrpc.error-code-text",
        ("jsonrpc.error-code-integer",),
        summary="The code of the error for an unknown resource is a string.",
        layer=unknown_resource(with_error(code="RESOURCE_NOT_FOUND")),
    ),
    Fault(
        "jsonrpc.error-code-null",
        ("jsonrpc.error-code-integer",),
        summary="The code of the error for an unknown method is null.",
        layer=errors(with_error(code=None), METHOD_NOT_FOUND),
    ),
    Fault(
        "jsonrpc.error-code-fraction",
        ("jsonrpc.error-code-integer",),
        summary="The code of the error for an unknown resource has a fraction.",
        layer=unknown_resource(with_error(code=-32002.5)),
    ),
    Fault(
        "jsonrpc.error-message-traceback",
        ("jsonrpc.error-message-concise",),
        summary="The message of the error for an unknown method has a stack trace.",
        layer=errors(with_error(message=TRACEBACK), METHOD_NOT_FOUND),
    ),
    Fault(
        "jsonrpc.error-message-lines",
        ("jsonrpc.error-message-concise",),
        summary="The message of the error for an unknown method is the dump of a validator.",
        layer=errors(with_error(message=DUMP), METHOD_NOT_FOUND),
    ),
    Fault(
        "jsonrpc.error-message-long",
        ("jsonrpc.error-message-concise",),
        summary="The message of the error for an unknown resource lists all resources.",
        layer=unknown_resource(with_error(message="Resource not found; there are " + "a, " * 200)),
    ),
    Fault(
        "jsonrpc.notification-with-id",
        ("jsonrpc.notification-no-id",),
        summary="Notifications from the server have an id.",
        layer=announced(with_changing_tools, tools_changed(id=77)),
        options=STREAMED,
    ),
    Fault(
        "jsonrpc.notification-null-id",
        ("jsonrpc.notification-no-id",),
        summary="Notifications from the server have the id null.",
        layer=announced(with_changing_tools, tools_changed(id=None)),
        options=STREAMED,
    ),
    Fault(
        "jsonrpc.unknown-notification-answered",
        ("jsonrpc.no-reply-to-notification",),
        summary="An unknown notification gets the error for an unknown method.",
        layer=answer_instead(
            is_unknown_notification,
            200,
            body={"jsonrpc": "2.0", "id": None, "error": {"code": -32601, "message": "Method not found"}},
        ),
    ),
    Fault(
        "jsonrpc.notification-answered",
        ("jsonrpc.no-reply-to-notification",),
        summary="Notifications of changed roots get an empty result.",
        layer=tee(
            lambda c: c.is_notification and c.rpc_method == "notifications/roots/list_changed",
            lambda response, c: EMPTY_RESULT if response.status == 202 else response,
        ),
    ),
    Fault(
        "jsonrpc.unknown-notification-crash",
        ("jsonrpc.unknown-notification-tolerated",),
        summary="An unknown notification crashes the server.",
        layer=answer_instead(is_unknown_notification, 500, body="Internal Server Error"),
    ),
    Fault(
        "jsonrpc.unknown-notification-text",
        ("jsonrpc.unknown-notification-tolerated",),
        summary="An unknown notification gets 200 with a word.",
        layer=answer_instead(is_unknown_notification, 200, [("content-type", "text/plain")], "OK"),
    ),
)
