"""Faults of message shapes: members that are missing, of a wrong type, null, or of another revision."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

from reference_server._context import HANDSHAKE_REVISIONS, REVISIONS, SERVER_INFO_KEY, Layer, RequestContext
from reference_server._layers import rewrite_message
from reference_server.faults import Fault

WITH_ICONS = REVISIONS[2:]
"""Revisions that have icons."""

OPENING = "opening"
"""Stands for `initialize`, or for `server/discover` in the modern era."""


ICON = {"src": "data:image/png;base64,iVBORw0KGgo=", "mimeType": "image/png", "sizes": ["48x48"]}


def result_of(method: str, change: Callable[[dict[str, Any]], object]) -> Layer:
    """Change the results of one method; batches are left alone.

    Args:
        method: JSON-RPC method that was asked for, or `OPENING`.
        change: Gets a copy of the result.
    """

    def changed(message: Any, context: RequestContext) -> Any:
        asked = context.is_opening if method == OPENING else context.rpc_method == method
        if not asked or "result" not in message:
            return message
        message = copy.deepcopy(message)
        change(message["result"])
        return message

    return rewrite_message(changed)


def before_result_of(
    method: str, message: dict[str, Any], *, revisions: tuple[str, ...] = REVISIONS
) -> Layer:
    """Send a message of the server's own in the event stream ahead of a result.

    Args:
        method: JSON-RPC method that was asked for.
        message: The message without `jsonrpc`.
        revisions: Revisions at which it is sent.
    """

    def changed(answer: Any, context: RequestContext) -> Any:
        if context.rpc_method != method or context.revision not in revisions or "result" not in answer:
            return answer
        return [{"jsonrpc": "2.0", **message}, answer]

    return rewrite_message(changed)


def info_in(result: dict[str, Any]) -> dict[str, Any]:
    """Return what the result of the opening says of the server, in the place of its era."""
    info: dict[str, Any] = (
        result["serverInfo"] if "serverInfo" in result else result["_meta"][SERVER_INFO_KEY]
    )
    return info


def _last_argument(result: dict[str, Any]) -> dict[str, Any]:
    """Return the last argument of the last prompt that has any."""
    last: dict[str, Any] = [
        argument for prompt in result["prompts"] for argument in prompt.get("arguments", ())
    ][-1]
    return last


def _arguments_by_name(result: dict[str, Any]) -> None:
    for prompt in result["prompts"]:
        if prompt.get("arguments"):
            prompt["arguments"] = {argument["name"]: argument for argument in prompt["arguments"]}


def fault(id: str, requirement: str, summary: str, layer: Layer) -> Fault:
    """Make a fault that breaks one requirement."""
    return Fault(id, (requirement,), summary=summary, layer=layer)


def sent_fault(
    id: str,
    requirement: str,
    summary: str,
    message: dict[str, Any],
    revisions: tuple[str, ...] = REVISIONS,
) -> Fault:
    """Make a fault that sends a message of the server's own, for which it needs event streams."""
    return Fault(
        id,
        (requirement,),
        summary=summary,
        layer=before_result_of("tools/list", message, revisions=revisions),
        options={"json_response": False},
        revisions=revisions,
    )


FAULTS = (
    fault(
        "schema.null-member",
        "schema.messages-valid",
        "an optional member that has no value is null instead of absent",
        result_of("tools/list", lambda r: r["tools"][0].update(description=None)),
    ),
    fault(
        "schema.template-uri",
        "schema.messages-valid",
        "a template has uri instead of uriTemplate",
        result_of(
            "resources/templates/list",
            lambda r: r["resourceTemplates"][0].update(uri=r["resourceTemplates"][0].pop("uriTemplate")),
        ),
    ),
    fault(
        "schema.instructions-object",
        "schema.messages-valid",
        "the instructions in the answer to the opening are an object",
        result_of(OPENING, lambda r: r.update(instructions={"text": "simulated"})),
    ),
    sent_fault(
        "schema.notification-params",
        "schema.messages-valid",
        "a cancelled notification gives its reason as a number",
        {"method": "notifications/cancelled", "params": {"requestId": 7, "reason": 5}},
        HANDSHAKE_REVISIONS,
    ),
    sent_fault(
        "schema.client-notification",
        "schema.server-messages-allowed",
        "the server sends a notification that is the client's",
        {"method": "notifications/initialized"},
    ),
    sent_fault(
        "schema.later-notification",
        "schema.server-messages-allowed",
        "the server sends a notification of 2025-11-25 at earlier revisions",
        {"method": "notifications/elicitation/complete", "params": {"elicitationId": "none"}},
        HANDSHAKE_REVISIONS[:-1],
    ),
    sent_fault(
        "schema.later-request",
        "schema.server-messages-allowed",
        "the server asks for input at 2025-03-26, which has no elicitation",
        {
            "id": "ask-1",
            "method": "elicitation/create",
            "params": {"message": "Name?", "requestedSchema": {"type": "object", "properties": {}}},
        },
        HANDSHAKE_REVISIONS[:1],
    ),
    fault(
        "schema.version-number",
        "schema.implementation-fields",
        "the version in serverInfo is a number",
        result_of(OPENING, lambda r: info_in(r).update(version=1.0)),
    ),
    fault(
        "schema.server-without-version",
        "schema.implementation-fields",
        "serverInfo has no version",
        result_of(OPENING, lambda r: info_in(r).pop("version")),
    ),
    fault(
        "schema.server-without-name",
        "schema.implementation-fields",
        "serverInfo has a title, and no name",
        result_of(OPENING, lambda r: info_in(r).update(title=info_in(r).pop("name"))),
    ),
    fault(
        "schema.hint-text",
        "schema.annotations-tool",
        "a tool hint is a text",
        result_of("tools/list", lambda r: r["tools"][0]["annotations"].update(readOnlyHint="true")),
    ),
    fault(
        "schema.hint-null",
        "schema.annotations-tool",
        "tool hints that are not given are null",
        result_of("tools/list", lambda r: r["tools"][0]["annotations"].update(openWorldHint=None)),
    ),
    fault(
        "schema.annotations-list",
        "schema.annotations-tool",
        "the annotations of a tool are an array",
        result_of("tools/list", lambda r: r["tools"][0].update(annotations=["readOnlyHint"])),
    ),
    fault(
        "schema.argument-required-text",
        "schema.prompt-argument-shape",
        "required of a prompt argument is a text",
        result_of("prompts/list", lambda r: _last_argument(r).update(required="no")),
    ),
    fault(
        "schema.argument-without-name",
        "schema.prompt-argument-shape",
        "a prompt argument has no name",
        result_of("prompts/list", lambda r: _last_argument(r).pop("name")),
    ),
    fault(
        "schema.arguments-map",
        "schema.prompt-argument-shape",
        "the arguments of a prompt are an object, by name",
        result_of("prompts/list", _arguments_by_name),
    ),
    fault(
        "schema.size-text",
        "schema.size-number",
        "the size of a resource is a text",
        result_of(
            "resources/list", lambda r: r["resources"][0].update(size=f"{r['resources'][0]['size']} B")
        ),
    ),
    fault(
        "schema.size-in-characters",
        "schema.size-number",
        "sizes count something else than bytes",
        result_of("resources/list", lambda r: r["resources"][0].update(size=r["resources"][0]["size"] - 3)),
    ),
    Fault(
        "schema.icon-relative",
        ("schema.icon-src",),
        summary="the src of an icon is relative",
        layer=result_of("tools/list", lambda r: r["tools"][0].update(icons=[{**ICON, "src": "/icon.png"}])),
        revisions=WITH_ICONS,
    ),
    Fault(
        "schema.icon-file",
        ("schema.icon-src",),
        summary="the src of the server's icon is a file URL",
        layer=result_of(OPENING, lambda r: info_in(r).update(icons=[{**ICON, "src": "file:///icon.png"}])),
        revisions=WITH_ICONS,
    ),
    Fault(
        "schema.icon-without-src",
        ("schema.icon-src",),
        summary="the icon of a prompt has uri instead of src",
        layer=result_of("prompts/list", lambda r: r["prompts"][0].update(icons=[{"uri": ICON["src"]}])),
        revisions=WITH_ICONS,
    ),
    Fault(
        "schema.icon-size-plain",
        ("schema.icon-sizes",),
        summary="the size of an icon is one number",
        layer=result_of("tools/list", lambda r: r["tools"][0].update(icons=[{**ICON, "sizes": ["48"]}])),
        revisions=WITH_ICONS,
    ),
    Fault(
        "schema.icon-elsewhere",
        ("schema.icon-same-origin",),
        summary="an icon is on a host of others",
        layer=result_of(
            "resources/list",
            lambda r: r["resources"][0].update(icons=[{**ICON, "src": "https://cdn.example/icon.png"}]),
        ),
        revisions=WITH_ICONS,
    ),
)
